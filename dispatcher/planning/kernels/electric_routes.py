# mypy: disallow-untyped-defs=False
# The readable twin carries the types: dispatcher.planning.electric_twin.
"""Compiled bookkeeping of electric shuttles' routes, and the cheapest place for one more rider.

Stations and destinations are shared: what one route uses is missing to the others. A route is
always planned with what the others leave at that moment.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.electric import (
    CHARGES,
    COST,
    DESTINATION,
    DRIVEN,
    DURATION,
    EARLIEST_END,
    EXCESS,
    FEW_LABELS,
    FRAGMENT_COLUMNS,
    FRAGMENTS,
    FROM,
    LAST,
    LATEST_BEGIN,
    LENGTH,
    MOST_LABELS,
    NEVER,
    RIDDEN,
    ROUTE_COLUMNS,
    TO,
    judge_fragment,
    plan_charging,
)

# Columns of a place for a rider in a route.
BASE_COST = 0
PICKUP_GAP = 1
DROPOFF_GAP = 2
OLD_FIRST = 3  # the fragments that the new one stands for
OLD_LAST = 4
NEW = 5  # the new fragment's columns from here
CANDIDATE_COLUMNS = NEW + FRAGMENT_COLUMNS
MOST_CANDIDATES = 256
MOST_SLOTS = 10  # destinations told apart when routes are parted


class Routes(NamedTuple):
    """Routes of all shuttles and what follows from them."""

    visits: NDArray[np.int64]  # [shuttles, 2 * riders], nodes
    soonest: NDArray[np.int64]  # [shuttles, 2 * riders], begins without ride limits and charging
    latest: NDArray[np.int64]
    load: NDArray[np.int64]  # behind the visit
    fragment: NDArray[np.int64]  # that the visit belongs to
    driven: NDArray[np.int64]  # up to the visit
    chain: NDArray[np.int64]  # [shuttles, riders + 1, FRAGMENT_COLUMNS]
    via: NDArray[np.int64]  # [shuttles, riders + 2], station before each fragment and the end
    info: NDArray[np.int64]  # [shuttles, ROUTE_COLUMNS]
    station_used: NDArray[np.int64]  # [stations]
    shuttle_of: NDArray[np.int64]  # [riders], -1 for nobody


@njit(cache=True)
def copy_route(routes, source, shuttle):
    """Make ``routes`` agree with ``source`` in one shuttle's route."""
    info = source.info[shuttle]
    for column in range(ROUTE_COLUMNS):
        routes.info[shuttle, column] = info[column]
    for at in range(info[LENGTH]):
        routes.visits[shuttle, at] = source.visits[shuttle, at]
        routes.soonest[shuttle, at] = source.soonest[shuttle, at]
        routes.latest[shuttle, at] = source.latest[shuttle, at]
        routes.load[shuttle, at] = source.load[shuttle, at]
        routes.fragment[shuttle, at] = source.fragment[shuttle, at]
        routes.driven[shuttle, at] = source.driven[shuttle, at]
    for g in range(info[FRAGMENTS]):
        for column in range(FRAGMENT_COLUMNS):
            routes.chain[shuttle, g, column] = source.chain[shuttle, g, column]
    for g in range(info[FRAGMENTS] + 1):
        routes.via[shuttle, g] = source.via[shuttle, g]


@njit(cache=True)
def copy_shared(routes, source):
    """Make ``routes`` agree with ``source`` in what belongs to no one shuttle."""
    for s in range(routes.station_used.shape[0]):
        routes.station_used[s] = source.station_used[s]
    for rider in range(routes.shuttle_of.shape[0]):
        routes.shuttle_of[rider] = source.shuttle_of[rider]


@njit(cache=True)
def release(routes, shuttle):
    """Give back the stations that a route uses."""
    if routes.info[shuttle, CHARGES] > 0:
        for g in range(routes.info[shuttle, FRAGMENTS] + 1):
            if routes.via[shuttle, g] >= 0:
                routes.station_used[routes.via[shuttle, g]] -= 1
    routes.info[shuttle, CHARGES] = 0


@njit(cache=True)
def _left(task, bench, routes, shuttle, forced):
    """What stations and destinations are open to this route.

    Stations: what the other routes leave. Destinations: those no route holds that stays as it
    is; the routes being changed may want the same one, and `settle_destinations` parts them.
    """
    for s in range(task.station.shape[0]):
        bench.station_left[s] = task.station_limit[s] - routes.station_used[s]
    if routes.info[shuttle, CHARGES] > 0:
        for g in range(routes.info[shuttle, FRAGMENTS] + 1):
            if routes.via[shuttle, g] >= 0:
                bench.station_left[routes.via[shuttle, g]] += 1
    left = bench.destination_left
    for d in range(task.destination.shape[0]):
        left[d] = task.destination_limit[d] if forced < 0 or forced == d else 0
    if forced < 0:
        for other in range(task.origin.shape[0]):
            if other != shuttle and bench.touched[other] == 0:
                left[routes.info[other, DESTINATION]] -= 1


@njit(cache=True)
def _nearest(task, bench, node):
    """The nearest free destination, or -1."""
    best = -1
    for d in range(task.destination.shape[0]):
        if bench.destination_left[d] > 0 and (
            best < 0
            or task.travel[node, task.destination[d]] < task.travel[node, task.destination[best]]
        ):
            best = d
    return best


@njit(cache=True)
def build_route(task, bench, routes, shuttle, forced):
    """Time, price and charge the route that stands in ``visits``; whether that is possible.

    If not, the route must be changed before going on. It ends at the destination ``forced``,
    or where it costs least if that is -1. A shuttle without riders drives there, too.
    """
    release(routes, shuttle)
    info = routes.info[shuttle]
    length = info[LENGTH]
    _left(task, bench, routes, shuttle, forced)
    if length == 0:
        origin = task.origin[shuttle]
        for column in range(ROUTE_COLUMNS):
            info[column] = 0
        info[DESTINATION] = _nearest(task, bench, origin)
        if info[DESTINATION] < 0:
            return False
        way = task.travel[origin, task.destination[info[DESTINATION]]]
        info[COST] = task.travel_price * way
        return True
    info[COST] = NEVER
    visits, chain = routes.visits[shuttle], routes.chain[shuttle]
    origin = task.origin[shuttle]
    capacity = task.capacity[shuttle]
    before = origin
    leave = task.earliest[origin] + task.service[origin]
    driven = 0
    excess = 0
    load = 0
    start = 0
    g = 0
    for at in range(length):
        node = visits[at]
        leg = task.travel[before, node]
        driven += leg
        begin = max(leave + leg, task.earliest[node])
        if begin > task.latest[node]:
            return False
        load += task.load[node]
        routes.soonest[shuttle, at] = begin
        routes.driven[shuttle, at] = driven
        routes.load[shuttle, at] = load
        routes.fragment[shuttle, at] = g
        bench.sequence[at - start] = node
        leave = begin + task.service[node]
        before = node
        if load == 0:
            if not judge_fragment(task, bench, at - start + 1, capacity, NEVER):
                return False
            bench.told[FROM] = start
            bench.told[TO] = at
            for column in range(FRAGMENT_COLUMNS):
                chain[g, column] = bench.told[column]
            excess += bench.told[EXCESS]
            start = at + 1
            g += 1
    info[FRAGMENTS] = g
    info[DRIVEN] = driven
    info[RIDDEN] = excess
    target = _nearest(task, bench, before)
    if target < 0:
        return False
    home = task.travel[before, task.destination[target]]
    due = task.latest[task.destination[target]] - home
    after = before
    for at in range(length - 1, -1, -1):
        node = visits[at]
        if at < length - 1:
            due -= task.travel[node, after]
        due = min(due - task.service[node], task.latest[node])
        if due < routes.soonest[shuttle, at]:
            return False
        routes.latest[shuttle, at] = due
        after = node
    base = task.travel_price * (driven + home) + task.excess_price * excess
    need = task.drain * (driven + home) + task.reserve[shuttle]
    if need <= task.charge[shuttle]:
        info[COST] = base
        info[DESTINATION] = target
        for f in range(g + 1):
            routes.via[shuttle, f] = -1
        return True
    for f in range(g):
        for column in range(FRAGMENT_COLUMNS):
            bench.chain[f, column] = chain[f, column]
    # A good plan first, for the best one is found sooner below its cost.
    left, ends = bench.station_left, bench.destination_left
    extra = plan_charging(task, bench, shuttle, g, left, ends, NEVER, FEW_LABELS)
    for f in range(g + 2):
        bench.spare[f] = bench.via[f]
    better = plan_charging(task, bench, shuttle, g, left, ends, extra, MOST_LABELS)
    if better < NEVER:
        extra = better
    elif extra == NEVER:
        return False
    else:
        for f in range(g + 2):
            bench.via[f] = bench.spare[f]
    info[COST] = base - task.travel_price * home + extra
    info[DESTINATION] = bench.via[g + 1]
    for f in range(g + 1):
        s = bench.via[f]
        routes.via[shuttle, f] = s
        if s >= 0:
            info[CHARGES] += 1
            routes.station_used[s] += 1
    return True


@njit(cache=True)
def settle_destinations(task, bench, routes):
    """Part the changed routes that want the same destination; whether that is possible.

    Which route ends where is settled at the least travel from last visits to destinations, by
    going through the routes and all sets of taken destinations.
    """
    shuttles, destinations = task.origin.shape[0], task.destination.shape[0]
    left = bench.destination_left
    clash = False
    for d in range(destinations):
        left[d] = task.destination_limit[d]
    for k in range(shuttles):
        left[routes.info[k, DESTINATION]] -= 1
        if left[routes.info[k, DESTINATION]] < 0:
            clash = True
    if not clash:
        return True
    for d in range(destinations):
        left[d] = task.destination_limit[d]
    for k in range(shuttles):
        if bench.touched[k] == 0:
            left[routes.info[k, DESTINATION]] -= 1
    slots = 0
    for d in range(destinations):
        for _ in range(min(left[d], shuttles)):
            if slots < MOST_SLOTS:
                bench.slot[slots] = d
                slots += 1
    sets = 1 << slots
    level = 0
    for at in range(sets):
        bench.cheapest[0, at] = NEVER
    bench.cheapest[0, 0] = 0
    for k in range(shuttles):
        if bench.touched[k] == 0:
            continue
        length = routes.info[k, LENGTH]
        last = task.origin[k] if length == 0 else routes.visits[k, length - 1]
        for at in range(sets):
            bench.cheapest[level + 1, at] = NEVER
        for at in range(sets):
            so_far = bench.cheapest[level, at]
            if so_far == NEVER:
                continue
            for slot in range(slots):
                if at >> slot & 1:
                    continue
                cost = so_far + task.travel[last, task.destination[bench.slot[slot]]]
                then = at | 1 << slot
                if cost < bench.cheapest[level + 1, then]:
                    bench.cheapest[level + 1, then] = cost
                    bench.chosen[level + 1, then] = slot
        level += 1
    at = 0
    for other in range(1, sets):
        if bench.cheapest[level, other] < bench.cheapest[level, at]:
            at = other
    if bench.cheapest[level, at] == NEVER:
        return False
    for k in range(shuttles - 1, -1, -1):
        if bench.touched[k] == 0:
            continue
        slot = bench.chosen[level, at]
        at ^= 1 << slot
        level -= 1
        if routes.info[k, DESTINATION] != bench.slot[slot] and not build_route(
            task, bench, routes, k, bench.slot[slot]
        ):
            return False
    return True


@njit(cache=True)
def insert(routes, shuttle, pickup, dropoff, pickup_gap, dropoff_gap):
    """Put a rider's two nodes into the visits; the route must then be built anew."""
    length = routes.info[shuttle, LENGTH]
    visits = routes.visits[shuttle]
    for at in range(length - 1, dropoff_gap - 1, -1):
        visits[at + 2] = visits[at]
    visits[dropoff_gap + 1] = dropoff
    for at in range(dropoff_gap - 1, pickup_gap - 1, -1):
        visits[at + 1] = visits[at]
    visits[pickup_gap] = pickup
    routes.info[shuttle, LENGTH] = length + 2


@njit(cache=True)
def cheapest_place(task, bench, routes, shuttle, rider, most, width, blink, dice, place):
    """Least added cost of ``rider`` in a route, if below ``most``; else ``NEVER``.

    Writes the gaps of pickup and drop-off to ``place``. Gap ``i`` is before position ``i``; both
    in the same gap stand one behind the other. ``width`` is that of `plan_charging`; ``blink`` of
    2**16 places are overlooked.
    """
    riders = task.direct.shape[0]
    pickup, dropoff = rider, rider + riders
    visits, chain = routes.visits[shuttle], routes.chain[shuttle]
    info = routes.info[shuttle]
    length, fragments = info[LENGTH], info[FRAGMENTS]
    origin, capacity = task.origin[shuttle], task.capacity[shuttle]
    price, excess_price, drain = task.travel_price, task.excess_price, task.drain
    _left(task, bench, routes, shuttle, -1)
    old_cost = info[COST]
    most_route = most + old_cost
    usable = task.charge[shuttle] - task.reserve[shuttle]
    end_node = visits[length - 1] if length > 0 else origin
    end_target = _nearest(task, bench, end_node)
    if end_target < 0:
        return NEVER
    old_home = task.travel[end_node, task.destination[end_target]] if length > 0 else 0
    old_driven = info[DRIVEN] + old_home
    sequence = bench.sequence
    candidates = bench.candidates
    n_candidates = 0
    best = most_route
    found = False
    pickup_load = task.load[pickup]
    for i in range(length + 1):
        if i == 0:
            before = origin
            leave = task.earliest[origin] + task.service[origin]
            load = 0
        else:
            before = visits[i - 1]
            leave = routes.soonest[shuttle, i - 1] + task.service[before]
            load = routes.load[shuttle, i - 1]
        begin = max(leave + task.travel[before, pickup], task.earliest[pickup])
        if begin > task.latest[pickup]:
            break
        if load + pickup_load > capacity:
            continue
        leave = begin + task.service[pickup]
        if i < length and leave + task.travel[pickup, visits[i]] > routes.latest[shuttle, i]:
            continue
        start = i if load == 0 else chain[routes.fragment[shuttle, i - 1], FROM]
        size = 0
        for at in range(start, i):
            sequence[size] = visits[at]
            size += 1
        sequence[size] = pickup
        size += 1
        old_first = routes.fragment[shuttle, start] if start < length else fragments
        previous = origin if start == 0 else visits[start - 1]
        driven_before = 0 if start == 0 else routes.driven[shuttle, start - 1]
        ready = (
            task.earliest[origin] + task.service[origin]
            if start == 0
            else routes.soonest[shuttle, start - 1] + task.service[previous]
        )
        last = pickup
        ridden = 0  # path from the pickup on
        for j in range(i, length + 1):
            at_dropoff = max(leave + task.travel[last, dropoff], task.earliest[dropoff])
            if at_dropoff > task.latest[dropoff]:
                break
            if ridden + task.travel[last, dropoff] > task.max_ride[rider]:
                break
            fits = j == length or (
                at_dropoff + task.service[dropoff] + task.travel[dropoff, visits[j]]
                <= routes.latest[shuttle, j]
            )
            if fits and (blink == 0 or (roll(dice) & 0xFFFF) >= blink):
                load_there = 0 if j == 0 else routes.load[shuttle, j - 1]
                if load_there == 0:
                    end = j - 1
                else:
                    end = chain[routes.fragment[shuttle, j], TO]
                total = size
                sequence[total] = dropoff
                total += 1
                for at in range(j, end + 1):
                    sequence[total] = visits[at]
                    total += 1
                # What the travel of it all costs, before a look at the riders.
                old_last = routes.fragment[shuttle, end] if end >= start else old_first - 1
                tail = sequence[total - 1]
                if end + 1 < length:
                    old_part = routes.driven[shuttle, end + 1] - driven_before
                    new_part = task.travel[tail, visits[end + 1]]
                else:
                    old_part = old_driven - driven_before
                    target = _nearest(task, bench, tail)
                    new_part = task.travel[tail, task.destination[target]]
                new_part += task.travel[previous, sequence[0]]
                for at in range(1, total):
                    new_part += task.travel[sequence[at - 1], sequence[at]]
                new_driven = old_driven - old_part + new_part
                old_excess = 0
                for f in range(old_first, old_last + 1):
                    old_excess += chain[f, EXCESS]
                kept_excess = info[RIDDEN] - old_excess
                floor = price * new_driven + excess_price * kept_excess
                if floor < best and judge_fragment(
                    task,
                    bench,
                    total,
                    capacity,
                    (best - 1 - floor) // excess_price if excess_price > 0 else NEVER,
                ):
                    told = bench.told
                    arrive = ready + task.travel[previous, sequence[0]]
                    over = max(arrive + told[DURATION], told[EARLIEST_END])
                    over += task.service[tail]
                    if arrive > told[LATEST_BEGIN]:
                        fits = False
                    elif end + 1 < length:
                        fits = (
                            over + task.travel[tail, visits[end + 1]]
                            <= routes.latest[shuttle, end + 1]
                        )
                    else:
                        there = task.destination[_nearest(task, bench, tail)]
                        fits = over + task.travel[tail, there] <= task.latest[there]
                    if fits:
                        base = floor + excess_price * told[EXCESS]
                        if drain * new_driven <= usable:
                            best = base
                            found = True
                            place[0], place[1] = i, j
                        elif n_candidates < MOST_CANDIDATES:
                            candidates[n_candidates, BASE_COST] = base
                            candidates[n_candidates, PICKUP_GAP] = i
                            candidates[n_candidates, DROPOFF_GAP] = j
                            candidates[n_candidates, OLD_FIRST] = old_first
                            candidates[n_candidates, OLD_LAST] = old_last
                            for column in range(FRAGMENT_COLUMNS):
                                candidates[n_candidates, NEW + column] = told[column]
                            n_candidates += 1
            if j == length:
                break
            node = visits[j]
            leg = task.travel[last, node]
            begin = max(leave + leg, task.earliest[node])
            if begin > routes.latest[shuttle, j]:
                break
            if routes.load[shuttle, j] + pickup_load > capacity:
                break
            ridden += leg + task.service[node]
            leave = begin + task.service[node]
            sequence[size] = node
            size += 1
            last = node
    # Places that ask for charging, the most promising first.
    while n_candidates > 0:
        pick = 0
        for c in range(1, n_candidates):
            if candidates[c, BASE_COST] < candidates[pick, BASE_COST]:
                pick = c
        if candidates[pick, BASE_COST] >= best:
            break
        old_first, old_last = candidates[pick, OLD_FIRST], candidates[pick, OLD_LAST]
        g = 0
        for f in range(old_first):
            for column in range(FRAGMENT_COLUMNS):
                bench.chain[g, column] = chain[f, column]
            g += 1
        for column in range(FRAGMENT_COLUMNS):
            bench.chain[g, column] = candidates[pick, NEW + column]
        g += 1
        for f in range(old_last + 1, fragments):
            for column in range(FRAGMENT_COLUMNS):
                bench.chain[g, column] = chain[f, column]
            g += 1
        tail = bench.chain[g - 1, LAST]
        home = task.travel[tail, task.destination[_nearest(task, bench, tail)]]
        without = candidates[pick, BASE_COST] - price * home
        extra = plan_charging(
            task,
            bench,
            shuttle,
            g,
            bench.station_left,
            bench.destination_left,
            best - without,
            width,
        )
        if extra < NEVER:
            best = without + extra
            found = True
            place[0], place[1] = candidates[pick, PICKUP_GAP], candidates[pick, DROPOFF_GAP]
        n_candidates -= 1
        for column in range(CANDIDATE_COLUMNS):
            candidates[pick, column] = candidates[n_candidates, column]
    if not found:
        return NEVER
    return best - old_cost


@njit(cache=True)
def roll(dice):
    """The next of a row of numbers that look random (xorshift64*), 32 bits wide.

    References
    ----------
    .. [1] Vigna (2016), ACM Transactions on Mathematical Software 42 (4), 30.
    """
    x = dice[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    dice[0] = x
    return np.int64((x * np.uint64(2685821657736338717)) >> np.uint64(32))


@njit(cache=True)
def below(dice, count):
    """A number from 0 to ``count - 1``."""
    return (roll(dice) * count) >> 32
