# mypy: disallow-untyped-defs=False
"""Large-neighbourhood search: take some rides out, put them back well, keep what pays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.crossing import exchange
from dispatcher.planning.kernels.inserting import (
    best_in_route,
    copy_route,
    put_in,
    take_out,
    touch,
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
from dispatcher.planning.kernels.ruining import EXCHANGE, OPERATORS, draw, draw_unit, ruin

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


# Columns of Search.seen: one line of the processor's cache holds two of them.
KEY = 0  # of a ride and a route
COST = 1
CODE_P = 2
CODE_D = 3  # -1: none below that cost
SEEN_SIZE = 4


class Search(NamedTuple):
    """What a search remembers: R rides, V vehicles, W neighbours kept of each ride."""

    chance: NDArray[np.uint64]  # [2] what is drawn from, and the seed
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
    seen: NDArray[np.int64]  # [S, SEEN_SIZE] places known, S a power of two
    found: NDArray[np.int64]  # [7] cheapest places of one ride: three costs, three routes, count
    tuning: NDArray[np.int64]  # [5] string length, most of a route, slot, reach, fleet
    split: NDArray[
        np.float64
    ]  # [3] chance to end a kept string, to pass over a route; skew of sizes
    weights: NDArray[np.float64]  # [OPERATORS + RECREATES]
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


@njit(cache=True, inline="always")
def _slot_of(routes, search, r, v):
    """(where the table would know of ride ``r`` in route ``v`` as it is, under which key)."""
    key = mixed(routes.mark[v] + np.uint64(r + 1) * np.uint64(0x9E3779B97F4A7C15))
    return np.int64(key & np.uint64(search.seen.shape[0] - 1)), np.int64(key)


@njit(cache=True)
def _remember(search, slot, key, cost, code_p, code_d):
    search.seen[slot, KEY] = key
    search.seen[slot, COST] = cost
    search.seen[slot, CODE_P] = code_p
    search.seen[slot, CODE_D] = code_d


@njit(cache=True, inline="always")
def _note(found, cost, v):
    """Keep the three cheapest."""
    if cost < found[0]:
        found[2], found[5] = found[1], found[4]
        found[1], found[4] = found[0], found[3]
        found[0], found[3] = cost, v
    elif cost < found[1]:
        found[2], found[5] = found[1], found[4]
        found[1], found[4] = cost, v
    elif cost < found[2]:
        found[2], found[5] = cost, v


@njit(cache=True, inline="always")
def _blinked(search, r, v, blink):
    """Whether this round overlooks route ``v`` for ride ``r``: as often as it asks the same."""
    word = mixed(np.uint64(search.counts[2]) * np.uint64(0x9E3779B97F4A7C15) + search.chance[1])
    word = mixed(word ^ np.uint64((r << 20) + v))
    return np.float64(word >> np.uint64(11)) < blink * 9007199254740992.0


@njit(cache=True)
def _cheapest(model, routes, trial, search, r, blink, rank, most):
    """Find the ``rank`` cheapest routes for ``r`` below ``most``: their costs in ``search.found``.

    Routes are passed over with a chance of ``blink``, and of empty ones that are alike only one is
    tried. A table remembers places by ride and sequence, so that what a round has undone need not
    be found again; what is known comes first, then where the ride was before, because a low cost
    at hand makes all further trials short. Costs of ``most`` or more stand for none.
    """
    found = search.found
    found[0] = most
    found[1] = most
    found[2] = most
    found[3] = -1
    vehicles = routes.n.shape[0]
    bound = model.ride[r, BOUND_TO]
    if bound >= 0:
        few, own, tried = 0, -1, 1
    else:
        for v in range(vehicles):
            search.route_flag[model.vehicle[v, ALIKE]] = 0
        # In a large fleet only the vehicles near the ride are tried, and the one it was on.
        few = search.fits.shape[1]
        own = search.old_route_of[r]
        tried = few + 1 if few > 0 else vehicles
    waiting = 0
    for x in range(tried):
        if bound >= 0:
            v = bound
        elif few == 0:
            v = x
        elif x == few:
            if own < 0:
                break
            v = own
        else:
            v = search.fits[r, x]
            if v == own:
                continue
        if bound < 0 and routes.n[v] == 0 and model.start_load[v].sum() == 0:
            kind = model.vehicle[v, ALIKE]
            if search.route_flag[kind] == 1:
                continue
            search.route_flag[kind] = 1
        if blink > 0.0 and _blinked(search, r, v, blink):
            continue
        slot, key = _slot_of(routes, search, r, v)
        if search.seen[slot, KEY] == key and search.seen[slot, CODE_D] >= 0:
            _note(found, search.seen[slot, COST], v)
            continue
        search.listed[waiting] = v
        if v == search.old_route_of[r]:
            search.listed[waiting] = search.listed[0]
            search.listed[0] = v
        waiting += 1
    for x in range(waiting):
        v = search.listed[x]
        below = found[rank - 1]
        slot, key = _slot_of(routes, search, r, v)
        if search.seen[slot, KEY] == key and (
            search.seen[slot, CODE_D] >= 0 or search.seen[slot, COST] >= below
        ):
            continue
        cost, code_p, code_d = best_in_route(model, routes, trial, v, r, below)
        _remember(search, slot, key, cost if code_d >= 0 else below, code_p, code_d)
        if code_d >= 0:
            _note(found, cost, v)


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
    """Put ride ``r`` where it was found to be cheapest in route ``v``."""
    touch(routes, undo, search, v)
    slot, key = _slot_of(routes, search, r, v)
    if search.seen[slot, KEY] != key:  # another pair has taken its slot since
        _, code_p, code_d = best_in_route(model, routes, trial, v, r, FOREVER)
        _remember(search, slot, key, 0, code_p, code_d)
    put_in(
        model, routes, trial, v, r, search.seen[slot, CODE_P], search.seen[slot, CODE_D]
    )  # fmt: skip
    search.route_of[r] = v


@njit(cache=True)
def _to_bank(search, r):
    search.bank[search.counts[1]] = r
    search.counts[1] += 1
    search.absent[r] += 1
    search.route_of[r] = -1


@njit(cache=True)
def _recreate_in_order(model, routes, undo, trial, search, order, many, cost, limit):
    """Each ride in turn to its cheapest place. ``taken_list[:many]`` holds the rides.

    ``cost`` is that of what stands. Once it is sure to reach ``limit`` there is no use in going
    on: what is left to put in costs something, wherever. Returns 0 then.
    """
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
        refusal = model.ride[r, REFUSAL]
        most = min(refusal, limit - cost)
        if most <= 0:
            return 0
        _cheapest(model, routes, trial, search, r, search.split[1], 1, most)
        v = search.found[3]
        if v < 0 or routes.n[v] + 4 > longest:
            cost += refusal
            if cost >= limit:
                return 0
            _to_bank(search, r)
        else:
            cost += search.found[0]
            _place(model, routes, undo, trial, search, r, v)
    return 1


@njit(cache=True)
def _recreate_by_regret(model, routes, undo, trial, search, rank, many, cost, limit):
    """Always the ride that would lose most if its best route were no longer there.

    As `_recreate_in_order`, 0 if the cost is sure to reach ``limit``: a ride costs at least as
    much in any fuller plan as it does now.
    """
    longest = routes.seq.shape[1]
    left = many
    blink = search.split[1]
    while left > 0:
        chosen, chosen_v = -1, -1
        most_regret, chosen_cost = -(1 << 60), 0
        for x in range(left):
            r = search.taken_list[x]
            refusal = model.ride[r, REFUSAL]
            most = min(refusal, limit - cost)
            if most <= 0:
                return 0
            _cheapest(model, routes, trial, search, r, blink, rank, most)
            found = search.found
            if min(found[0], refusal) + cost >= limit:
                return 0
            if found[3] < 0:
                regret = -(1 << 59)
            elif rank == 2:
                regret = found[1] - found[0]
            else:
                regret = found[1] + found[2] - 2 * found[0]
            if chosen < 0 or regret > most_regret:
                most_regret, chosen, chosen_v, chosen_cost = regret, x, found[3], found[0]
        r = search.taken_list[chosen]
        left -= 1
        search.taken_list[chosen] = search.taken_list[left]
        search.taken_list[left] = r
        if chosen_v < 0 or routes.n[chosen_v] + 4 > longest:
            cost += model.ride[r, REFUSAL]
            _to_bank(search, r)
        else:
            cost += chosen_cost
            _place(model, routes, undo, trial, search, r, chosen_v)
    return 1


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
    ``pool_within`` of the best go into the pool. With ``search.tuning[4]`` set the aim is to leave
    nobody out, whatever the cost, and the search ends as soon as that is reached.
    """
    fleet = search.tuning[4] == 1
    vehicles = routes.n.shape[0]
    rides = model.ride.shape[0]
    for _ in range(rounds):
        search.counts[2] += 1
        operator = _drawn(search.weights, 0, OPERATORS, search.chance)
        recreate = _drawn(search.weights, OPERATORS, OPERATORS + RECREATES, search.chance)
        # A skew of 1 draws every size as often as another, more of it small ones more often.
        share = draw_unit(search.chance) ** search.split[2]
        size = fewest + np.int64(share * (most - fewest + 1))

        # What must come back if the round does not pay.
        old_cost = costs[0]
        old_banked = search.counts[1]
        for r in range(rides):
            search.old_route_of[r] = search.route_of[r]
        search.touched_list[vehicles] = 0
        search.counts[0] = 0

        was_absent = 0
        limit = old_cost - np.int64(temperature * np.log(draw_unit(search.chance)))
        if operator == EXCHANGE:
            done = exchange(model, routes, undo, trial, search, limit - old_cost)
        else:
            ruin(model, routes, search, operator, size)
            taken = search.counts[0]
            for x in range(taken):
                v = search.route_of[search.taken_list[x]]
                touch(routes, undo, search, v)
            for x in range(search.touched_list[vehicles]):
                take_out(model, routes, trial, search.touched_list[x], search.taken)
            for x in range(taken):
                search.taken[search.taken_list[x]] = 0
                search.route_of[search.taken_list[x]] = -1
            # Those in the bank try again, too.
            for x in range(old_banked):
                search.taken_list[taken + x] = search.bank[x]
                was_absent += search.absent[search.bank[x]]
            many = taken + old_banked
            search.counts[1] = 0
            bare = routes.cost.sum()
            most_cost = FOREVER if fleet else limit
            if recreate in (REGRET_2, REGRET_3):
                done = _recreate_by_regret(
                    model, routes, undo, trial, search, recreate - REGRET_2 + 2, many, bare,
                    most_cost,
                )  # fmt: skip
            else:
                done = _recreate_in_order(
                    model, routes, undo, trial, search, recreate, many, bare, most_cost
                )  # fmt: skip

        cost = total_cost(model, routes, search) if done == 1 else FOREVER
        accepted = cost < limit
        if fleet and search.counts[1] > 0:
            # Christiaens and Vanden Berghe (2020), section 5.4: who has often found no place
            # weighs more than those who come instead.
            is_absent = 0
            for x in range(search.counts[1]):
                is_absent += search.absent[search.bank[x]]
            accepted = is_absent < was_absent or (
                search.counts[1] <= old_banked and cost < limit
            )  # fmt: skip
        changed = search.touched_list[vehicles]
        if (
            pool_within >= 0.0
            and done == 1
            and search.counts[1] == 0
            and (cost <= costs[1] + np.int64(pool_within * costs[1]))
        ):
            for x in range(changed):
                keep_route(model, routes, pool, search.touched_list[x], search.counts)
        if accepted:
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
        if fleet and search.counts[1] == 0:
            return
