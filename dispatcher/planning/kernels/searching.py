# mypy: disallow-untyped-defs=False
"""Large-neighbourhood search: take some rides out, put them back well, keep what pays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.inserting import (
    best_in_route,
    copy_route,
    put_in,
    take_out,
)
from dispatcher.planning.kernels.routes import (
    ALIKE,
    BOUND_TO,
    EARLIEST,
    FOREVER,
    HAS_PICKUP,
    LATEST,
    PLACE,
    REFUSAL,
    START_PLACE,
    mixed,
)
from dispatcher.planning.kernels.ruining import OPERATORS, draw, draw_unit, ruin

# Orders in which rides are put back.
ANY_ORDER = 0
FAR_FIRST = 1
NEAR_FIRST = 2
TIGHT_FIRST = 3
EARLY_FIRST = 4
LATE_FIRST = 5
LONG_FIRST = 6
ABSENT_FIRST = 7
REGRET_2 = 8
REGRET_3 = 9
RECREATES = 10


class Search(NamedTuple):
    """What a search remembers: R rides, V vehicles, W neighbours kept of each ride."""

    chance: NDArray[np.uint64]  # [1]
    route_of: NDArray[np.int64]  # [R] vehicle, or -1 in the bank
    movable: NDArray[np.int64]  # [R] 0 or 1
    taken: NDArray[np.int64]  # [R]
    taken_list: NDArray[np.int64]  # [R]
    bank: NDArray[np.int64]  # [R]
    counts: NDArray[np.int64]  # [0] taken, [1] in the bank, [2] iterations done, [3] pooled
    absent: NDArray[np.int64]  # [R] how often it found no place
    near: NDArray[np.int32]  # [R, W]
    fits: NDArray[np.int32]  # [R, F] vehicles to try for a ride; F = 0: all
    gain: NDArray[np.int64]  # [R]
    key: NDArray[np.int64]  # [R]
    route_flag: NDArray[np.int64]  # [V]
    listed: NDArray[np.int64]  # [V]
    touched: NDArray[np.int64]  # [V]
    touched_list: NDArray[np.int64]  # [V + 1], [V] counts
    seen_mark: NDArray[np.uint64]  # [R, V] of the route for which the next three hold
    seen_cost: NDArray[np.int64]  # [R, V]
    seen_codes: NDArray[np.int32]  # [R, V, 2]
    tuning: NDArray[np.int64]  # [4] string length, most of a route, time slot, reach
    split: NDArray[np.float64]  # [2] chance to end a kept string, chance to pass over a route
    weights: NDArray[np.float64]  # [OPERATORS + RECREATES]
    scores: NDArray[np.float64]
    tries: NDArray[np.float64]
    old_route_of: NDArray[np.int64]  # [R]


class Pool(NamedTuple):
    """Distinct sets of rides, each with its cheapest route found: C of them, L long."""

    slots: NDArray[np.int32]  # [H] index + 1, by hash
    set_key: NDArray[np.uint64]  # [C]
    cost: NDArray[np.int64]  # [C]
    alike: NDArray[np.int64]  # [C]
    n: NDArray[np.int32]  # [C]
    seq: NDArray[np.int16]  # [C, L]
    joined: NDArray[np.int8]  # [C, L]


@njit(cache=True)
def _seen(model, routes, trial, search, r, v, most):
    """Cheapest place for ``r`` in route ``v`` if it costs less than ``most``, else ``most`` or more.

    It is remembered while the route is the same, also that there is none below some cost.
    """
    search.counts[5] += 1
    if search.seen_mark[r, v] == routes.mark[v] and (
        search.seen_codes[r, v, 1] >= 0 or search.seen_cost[r, v] >= most
    ):
        return search.seen_cost[r, v]
    search.counts[4] += 1
    cost, code_p, code_d = best_in_route(model, routes, trial, v, r, most)
    search.seen_mark[r, v] = routes.mark[v]
    search.seen_cost[r, v] = cost if code_d >= 0 else most
    search.seen_codes[r, v, 0] = code_p
    search.seen_codes[r, v, 1] = code_d
    return search.seen_cost[r, v]


@njit(cache=True)
def _candidates(model, routes, search, r, blink):
    """List the routes to try for ``r``, those seen before first; each is passed over by chance.

    Of empty routes alike only one is listed. Returns how many there are.
    """
    vehicles = routes.n.shape[0]
    for v in range(vehicles):
        search.route_flag[model.vehicle[v, ALIKE]] = 0
    bound = model.ride[r, BOUND_TO]
    if bound >= 0:
        search.listed[0] = bound
        return 1
    first, last = 0, vehicles
    # In a large fleet only the vehicles near the ride are tried, and the one it was on.
    few = search.fits.shape[1]
    own = search.old_route_of[r] if few > 0 else -1
    for x in range(few + 1 if few > 0 else vehicles):
        if few == 0:
            v = x
        elif x == few:
            if own < 0:
                break
            v = own
        else:
            v = search.fits[r, x]
            if v == own:
                continue
        if routes.n[v] == 0 and model.start_load[v].sum() == 0:
            kind = model.vehicle[v, ALIKE]
            if search.route_flag[kind] == 1:
                continue
            search.route_flag[kind] = 1
        if blink > 0.0 and draw_unit(search.chance) < blink:
            continue
        if search.seen_mark[r, v] == routes.mark[v]:
            search.listed[first] = v
            first += 1
        else:
            last -= 1
            search.listed[last] = v
    for x in range(last, vehicles):
        search.listed[first] = search.listed[x]
        first += 1
    return first


@njit(cache=True)
def _cheapest(model, routes, trial, search, r, blink):
    """(cost, route) of the cheapest place over all routes; each is passed over with a chance."""
    best, best_v = FOREVER, -1
    for x in range(_candidates(model, routes, search, r, blink)):
        v = search.listed[x]
        cost = _seen(model, routes, trial, search, r, v, best)
        if cost < best:
            best, best_v = cost, v
    return best, best_v


@njit(cache=True)
def _touch(routes, undo, search, v):
    """Keep the route as it is, before it is changed for the first time."""
    if search.touched[v] == 0:
        search.touched[v] = 1
        last = search.touched.shape[0]
        search.touched_list[search.touched_list[last]] = v
        search.touched_list[last] += 1
        copy_route(routes, undo, v)


@njit(cache=True)
def _order_key(model, search, r, order):
    rides = model.ride.shape[0]
    p = r if model.ride[r, HAS_PICKUP] == 1 else rides + r
    d = rides + r
    depot = model.vehicle[0, START_PLACE]
    if order == ANY_ORDER:
        return draw(search.chance, 1 << 30)
    if order == FAR_FIRST:
        return -max(
            model.travel[depot, model.node[p, PLACE]], model.travel[depot, model.node[d, PLACE]]
        )
    if order == NEAR_FIRST:
        return min(
            model.travel[depot, model.node[p, PLACE]], model.travel[depot, model.node[d, PLACE]]
        )
    if order == TIGHT_FIRST:
        return min(
            model.node[p, LATEST] - model.node[p, EARLIEST],
            model.node[d, LATEST] - model.node[d, EARLIEST],
        )
    if order == EARLY_FIRST:
        return model.node[p, EARLIEST]
    if order == LATE_FIRST:
        return -model.node[d, LATEST]
    if order == LONG_FIRST:
        return -model.travel[model.node[p, PLACE], model.node[d, PLACE]]
    return -search.absent[r]


@njit(cache=True)
def _place(model, routes, undo, trial, search, r, v):
    _touch(routes, undo, search, v)
    code_p = search.seen_codes[r, v, 0]
    code_d = search.seen_codes[r, v, 1]
    put_in(model, routes, trial, v, r, code_p, code_d)
    search.route_of[r] = v


@njit(cache=True)
def _to_bank(search, r):
    search.bank[search.counts[1]] = r
    search.counts[1] += 1
    search.absent[r] += 1
    search.route_of[r] = -1


@njit(cache=True)
def _recreate_in_order(model, routes, undo, trial, search, order, many):
    """Each ride in turn to its cheapest place. ``taken_list[:many]`` holds the rides."""
    for x in range(many):
        search.key[x] = _order_key(model, search, search.taken_list[x], order)
    for x in range(1, many):  # few, hence by insertion
        r, key = search.taken_list[x], search.key[x]
        y = x - 1
        while y >= 0 and search.key[y] > key:
            search.key[y + 1] = search.key[y]
            search.taken_list[y + 1] = search.taken_list[y]
            y -= 1
        search.key[y + 1] = key
        search.taken_list[y + 1] = r
    longest = routes.seq.shape[1]
    for x in range(many):
        r = search.taken_list[x]
        cost, v = _cheapest(model, routes, trial, search, r, search.split[1])
        if v < 0 or routes.n[v] + 4 > longest or cost >= model.ride[r, REFUSAL]:
            _to_bank(search, r)
        else:
            _place(model, routes, undo, trial, search, r, v)


@njit(cache=True)
def _recreate_by_regret(model, routes, undo, trial, search, rank, many):
    """Always the ride that would lose most if its best route were no longer there."""
    longest = routes.seq.shape[1]
    left = many
    noise = search.split[1]
    while left > 0:
        chosen, chosen_v = -1, -1
        most = -(1 << 60)
        for x in range(left):
            r = search.taken_list[x]
            first, second, third = FOREVER, FOREVER, FOREVER
            v_first = -1
            for y in range(_candidates(model, routes, search, r, noise)):
                v = search.listed[y]
                cost = _seen(model, routes, trial, search, r, v, third)
                if cost < first:
                    first, second, third = cost, first, second
                    v_first = v
                elif cost < second:
                    second, third = cost, second
                elif cost < third:
                    third = cost
            if v_first < 0 or first >= model.ride[r, REFUSAL]:
                regret = -(1 << 59)
            elif rank == 2:
                regret = second - first
            else:
                regret = second + third - 2 * first
            if chosen < 0 or regret > most:
                most, chosen, chosen_v = regret, x, v_first
                if regret == -(1 << 59):
                    chosen_v = -1
        r = search.taken_list[chosen]
        left -= 1
        search.taken_list[chosen] = search.taken_list[left]
        search.taken_list[left] = r
        if chosen_v < 0 or routes.n[chosen_v] + 4 > longest:
            _to_bank(search, r)
        else:
            _place(model, routes, undo, trial, search, r, chosen_v)


@njit(cache=True)
def total_cost(model, routes, search):
    """Price of all routes and of the rides in the bank."""
    total = routes.cost.sum()
    for x in range(search.counts[1]):
        total += model.ride[search.bank[x], REFUSAL]
    return total


@njit(cache=True)
def keep_route(model, routes, pool, v, counts):
    """Put the route of vehicle ``v`` into the pool, unless as cheap a one serves the same rides."""
    n = routes.n[v]
    if n == 0 or n > pool.seq.shape[1]:
        return
    rides = model.ride.shape[0]
    key = mixed(np.uint64(model.vehicle[v, ALIKE] + 1))
    for k in range(1, n + 1):
        node = routes.seq[v, k]
        if node >= rides:
            key += mixed(np.uint64(node + 1) * np.uint64(0x9E3779B97F4A7C15))
    size = pool.slots.shape[0]
    slot = np.int64(key >> np.uint64(16)) % size
    while pool.slots[slot] > 0 and pool.set_key[pool.slots[slot] - 1] != key:
        slot = (slot + 1) % size
    index = pool.slots[slot] - 1
    if index >= 0:
        if pool.cost[index] <= routes.cost[v]:
            return
    else:
        if counts[3] >= pool.cost.shape[0]:
            return
        index = counts[3]
        counts[3] += 1
        pool.slots[slot] = index + 1
        pool.set_key[index] = key
    pool.cost[index] = routes.cost[v]
    pool.alike[index] = model.vehicle[v, ALIKE]
    pool.n[index] = n
    for k in range(n):
        pool.seq[index, k] = routes.seq[v, k + 1]
        pool.joined[index, k] = routes.joined[v, k + 1]


@njit(cache=True)
def _drawn(weights, first, last, chance):
    total = 0.0
    for x in range(first, last):
        total += weights[x]
    pick = draw_unit(chance) * total
    for x in range(first, last):
        pick -= weights[x]
        if pick < 0.0:
            return x - first
    return last - first - 1


@njit(cache=True)
def iterate(
    model, routes, undo, best, trial, search, pool, bank_best, costs, fewest, most,
    temperature, rounds, pool_within,
):  # fmt: skip
    """Run ``rounds`` rounds of ruin and recreate with one temperature.

    ``costs`` is int64[2]: of the plan at hand and of the best, which ``best`` and ``bank_best``
    (count first) hold. Each round takes out ``fewest`` to ``most`` rides. Routes of plans within
    ``pool_within`` of the best go into the pool.
    """
    vehicles = routes.n.shape[0]
    rides = model.ride.shape[0]
    for _ in range(rounds):
        search.counts[2] += 1
        operator = _drawn(search.weights, 0, OPERATORS, search.chance)
        recreate = _drawn(search.weights, OPERATORS, OPERATORS + RECREATES, search.chance)
        size = fewest + draw(search.chance, most - fewest + 1)

        # What must come back if the round does not pay.
        old_cost = costs[0]
        old_banked = search.counts[1]
        for r in range(rides):
            search.old_route_of[r] = search.route_of[r]
        search.touched_list[vehicles] = 0
        search.counts[0] = 0

        ruin(model, routes, search, operator, size)
        taken = search.counts[0]
        search.counts[6] += taken
        for x in range(taken):
            v = search.route_of[search.taken_list[x]]
            _touch(routes, undo, search, v)
        for x in range(search.touched_list[vehicles]):
            take_out(model, routes, trial, search.touched_list[x], search.taken)
        for x in range(taken):
            search.taken[search.taken_list[x]] = 0
            search.route_of[search.taken_list[x]] = -1
        # Those in the bank try again, too.
        for x in range(old_banked):
            search.taken_list[taken + x] = search.bank[x]
        many = taken + old_banked
        search.counts[1] = 0
        if recreate == REGRET_2:
            _recreate_by_regret(model, routes, undo, trial, search, 2, many)
        elif recreate == REGRET_3:
            _recreate_by_regret(model, routes, undo, trial, search, 3, many)
        else:
            _recreate_in_order(model, routes, undo, trial, search, recreate, many)

        cost = total_cost(model, routes, search)
        changed = search.touched_list[vehicles]
        search.counts[7] += changed
        if (
            pool_within >= 0.0
            and search.counts[1] == 0
            and (cost <= costs[1] + np.int64(pool_within * costs[1]))
        ):
            for x in range(changed):
                keep_route(model, routes, pool, search.touched_list[x], search.counts)
        reward = 0.0
        if cost < costs[1]:
            reward = 10.0
        elif cost < old_cost:
            reward = 4.0
        limit = old_cost - temperature * np.log(draw_unit(search.chance))
        if cost < limit:
            if cost != old_cost and reward == 0.0:
                reward = 1.0
            costs[0] = cost
            if cost < costs[1]:
                costs[1] = cost
                for v in range(vehicles):
                    if best.mark[v] != routes.mark[v]:
                        copy_route(routes, best, v)
                bank_best[0] = search.counts[1]
                for x in range(search.counts[1]):
                    bank_best[1 + x] = search.bank[x]
        else:
            for x in range(changed):
                copy_route(undo, routes, search.touched_list[x])
            for r in range(rides):
                search.route_of[r] = search.old_route_of[r]
            search.counts[1] = 0
            for r in range(rides):
                if search.route_of[r] < 0:
                    search.bank[search.counts[1]] = r
                    search.counts[1] += 1
        for x in range(changed):
            search.touched[search.touched_list[x]] = 0
        search.scores[operator] += reward
        search.tries[operator] += 1.0
        search.scores[OPERATORS + recreate] += reward
        search.tries[OPERATORS + recreate] += 1.0


@njit(cache=True)
def adapt(search, share):
    """Move the operators' weights towards what they earned; none falls below a twentieth."""
    for x in range(OPERATORS + RECREATES):
        if search.tries[x] > 0.0:
            earned = search.scores[x] / search.tries[x]
            search.weights[x] = max(0.05, (1.0 - share) * search.weights[x] + share * earned)
        search.scores[x] = 0.0
        search.tries[x] = 0.0
