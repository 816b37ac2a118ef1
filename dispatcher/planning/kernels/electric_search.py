# mypy: disallow-untyped-defs=False
"""Compiled ruin and recreate of electric shuttles' routes, with annealing.

Each round takes riders out of a few neighbouring routes, puts them back one by one where they
cost least, and keeps what came of it if it is not much dearer than before [1]_. Who finds no
place stays out at a price, so that a search without any full solution moves towards one.

References
----------
.. [1] Christiaens and Vanden Berghe (2020), Transportation Science 54 (2), 417-433.
"""

from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.electric import (
    CHARGES,
    COST,
    DESTINATION,
    FEW_LABELS,
    FRAGMENTS,
    LENGTH,
    NEVER,
)
from dispatcher.planning.kernels.electric_crossing import exchange
from dispatcher.planning.kernels.electric_routes import (
    below,
    build_route,
    cheapest_place,
    copy_route,
    copy_shared,
    insert,
    roll,
    settle_destinations,
)

# What a shuttle's route in the pool is known by.
P_GROUP = 0  # the first shuttle of its kind
P_COST = 1
P_USED = 2  # visits of each station, four bits each
P_DESTINATION = 3
P_LENGTH = 4
P_COLUMNS = 5

# Entries of the tally.
ROUNDS = 0
POOLED = 1  # routes in the pool
ACCEPTED = 2
BEST_AT = 3  # round of the best plan
LEFT_OUT = 4  # riders of the plan at hand
TALLY_SIZE = 5


class Hunt(NamedTuple):
    """What a search carries from call to call, beside its routes."""

    near: NDArray[np.int64]  # [riders, riders], the most related first, oneself at the head
    order_key: NDArray[np.int64]  # [4, riders], by which to put back
    value: NDArray[np.int64]  # [3]: price of the plan, of the best plan, of a rider left out
    tally: NDArray[np.int64]
    dice: NDArray[np.uint64]  # [1]
    pool: NDArray[np.int64]  # [routes, P_COLUMNS]
    pool_visits: NDArray[np.int16]  # [routes, 2 * riders]
    pool_mark: NDArray[np.uint64]  # [routes]
    pool_slot: NDArray[np.int64]  # hash table of the pool, -1 where empty
    mark: NDArray[np.uint64]  # [riders + stations * 16 + destinations + shuttles], hash marks
    absent: NDArray[np.int64]  # [riders], list of those taken out
    key: NDArray[np.int64]  # [riders]
    place: NDArray[np.int64]  # [2]


@njit(cache=True)
def _left_out(routes):
    """Riders whom no shuttle takes."""
    count = 0
    for rider in range(routes.shuttle_of.shape[0]):
        if routes.shuttle_of[rider] < 0:
            count += 1
    return count


@njit(cache=True)
def plan_value(task, routes, hunt):
    """Price of all routes and of the riders left out."""
    value = hunt.value[2] * _left_out(routes)
    for k in range(task.origin.shape[0]):
        value += routes.info[k, COST]
    return value


@njit(cache=True)
def remember(task, routes, hunt, shuttle):
    """Put a route into the pool, unless one with the same riders and needs is there for less."""
    riders = task.direct.shape[0]
    stations, destinations = task.station.shape[0], task.destination.shape[0]
    info = routes.info[shuttle]
    length = info[LENGTH]
    if length == 0:
        return
    mark = np.uint64(0)
    for at in range(length):
        node = routes.visits[shuttle, at]
        if node < riders:
            mark ^= hunt.mark[node]
    used = 0
    if info[CHARGES] > 0:
        for g in range(info[FRAGMENTS] + 1):
            if routes.via[shuttle, g] >= 0:
                used += 1 << (4 * routes.via[shuttle, g])
    for s in range(stations):
        mark ^= hunt.mark[riders + 16 * s + ((used >> (4 * s)) & 15)]
    mark ^= hunt.mark[riders + 16 * stations + info[DESTINATION]]
    mark ^= hunt.mark[riders + 16 * stations + destinations + task.group[shuttle]]
    slots = hunt.pool_slot.shape[0]
    slot = np.int64(mark & np.uint64(slots - 1))
    while True:
        row = hunt.pool_slot[slot]
        if row < 0:
            row = hunt.tally[POOLED]
            if row == hunt.pool.shape[0]:
                return
            hunt.tally[POOLED] += 1
            hunt.pool_slot[slot] = row
            break
        if hunt.pool_mark[row] == mark:
            if hunt.pool[row, P_COST] <= info[COST]:
                return
            break
        slot = (slot + 1) & (slots - 1)
    hunt.pool_mark[row] = mark
    hunt.pool[row, P_GROUP] = task.group[shuttle]
    hunt.pool[row, P_COST] = info[COST]
    hunt.pool[row, P_USED] = used
    hunt.pool[row, P_DESTINATION] = info[DESTINATION]
    hunt.pool[row, P_LENGTH] = length
    for at in range(length):
        hunt.pool_visits[row, at] = routes.visits[shuttle, at]


@njit(cache=True)
def _take_out(bench, routes, hunt, rider, absent):
    """Note that a rider is to leave; the visits follow in `_close_gaps`."""
    bench.touched[routes.shuttle_of[rider]] = 1
    routes.shuttle_of[rider] = -1
    hunt.absent[absent] = rider
    return absent + 1


@njit(cache=True)
def _close_gaps(task, bench, routes, hunt, absent):
    """Drop the visits of riders who left; a route that then cannot be driven is given up."""
    riders = task.direct.shape[0]
    for k in range(task.origin.shape[0]):
        if bench.touched[k] == 0:
            continue
        visits = routes.visits[k]
        write = 0
        old = routes.info[k, LENGTH]
        for at in range(old):
            node = visits[at]
            rider = node if node < riders else node - riders
            if routes.shuttle_of[rider] == k:
                visits[write] = node
                write += 1
        # Its use of stations is read from the fragments as they were: give it back first.
        routes.info[k, LENGTH] = write
        if not build_route(task, bench, routes, k, -1):
            for at in range(write):
                if visits[at] < riders:
                    absent = _take_out(bench, routes, hunt, visits[at], absent)
            routes.info[k, LENGTH] = 0
            build_route(task, bench, routes, k, -1)
    return absent


@njit(cache=True)
def _ruin(task, bench, routes, hunt, size):
    """Take riders out of neighbouring routes; how many are out, with those out before."""
    riders, shuttles = task.direct.shape[0], task.origin.shape[0]
    dice = hunt.dice
    absent = 0
    for rider in range(riders):
        if routes.shuttle_of[rider] < 0:
            hunt.absent[absent] = rider
            absent += 1
    kind = roll(dice) & 15
    if absent > 0 and roll(dice) & 1:
        seed = hunt.absent[below(dice, absent)]
    else:
        seed = below(dice, riders)
    if kind < 10:
        # Strings of neighbours along a few routes.
        used = 0
        for k in range(shuttles):
            if routes.info[k, LENGTH] > 0:
                used += 1
        average = riders / max(1, used)
        longest = min(float(size), average)
        most_strings = 4.0 * size / (1.0 + longest) - 1.0
        strings = 1 + int(most_strings * roll(dice) / 4294967296.0)
        done = 0
        for at in range(riders):
            if done == strings:
                break
            rider = hunt.near[seed, at]
            k = routes.shuttle_of[rider]
            if k < 0 or bench.touched[k] == 1:
                continue
            done += 1
            here = 0  # riders of the route in order of pickup
            mine = 0
            for v in range(routes.info[k, LENGTH]):
                node = routes.visits[k, v]
                if node < riders:
                    if node == rider:
                        mine = here
                    hunt.key[here] = node
                    here += 1
            most = min(longest, float(here))
            count = min(here, 1 + int(most * roll(dice) / 4294967296.0))
            keep = 0
            if roll(dice) & 1:
                while count + keep < here and (roll(dice) & 127) > 1:
                    keep += 1
                    if (roll(dice) & 3) == 0:
                        break
            span = count + keep
            low = max(0, mine - span + 1)
            high = min(mine, here - span)
            begin = low + below(dice, high - low + 1)
            keep_from = begin + (below(dice, count + 1) if keep > 0 else span)
            for v in range(begin, begin + span):
                if keep > 0 and keep_from <= v < keep_from + keep:
                    continue
                absent = _take_out(bench, routes, hunt, hunt.key[v], absent)
            bench.touched[k] = 1
    elif kind < 14:
        # The most related, wherever they ride.
        wanted = 2 + below(dice, 2 * size - 2)
        at = 0
        while wanted > 0 and at < riders:
            rider = hunt.near[seed, at]
            if routes.shuttle_of[rider] >= 0 and (roll(dice) & 7) != 0:
                absent = _take_out(bench, routes, hunt, rider, absent)
                wanted -= 1
            at += 1
    elif kind < 15:
        # Anybody.
        for _ in range(2 + below(dice, size)):
            rider = below(dice, riders)
            if routes.shuttle_of[rider] >= 0:
                absent = _take_out(bench, routes, hunt, rider, absent)
    else:
        # A whole route, and part of another.
        k = routes.shuttle_of[seed]
        if k >= 0:
            for v in range(routes.info[k, LENGTH]):
                node = routes.visits[k, v]
                if node < riders:
                    absent = _take_out(bench, routes, hunt, node, absent)
        wanted = below(dice, size)
        for at in range(riders):
            rider = hunt.near[seed, at]
            if wanted > 0 and routes.shuttle_of[rider] >= 0:
                absent = _take_out(bench, routes, hunt, rider, absent)
                wanted -= 1
    return _close_gaps(task, bench, routes, hunt, absent)


@njit(cache=True)
def _recreate(task, bench, routes, hunt, absent, blink, limit):
    """Put riders back where they cost least, in a drawn order; some may find no place.

    Ends with 0 as soon as the plan is sure to cost ``limit``: who is yet to be put back costs
    something, wherever.
    """
    riders, shuttles = task.direct.shape[0], task.origin.shape[0]
    dice = hunt.dice
    kind = roll(dice) & 15
    for a in range(absent):
        rider = hunt.absent[a]
        if kind < 6:
            hunt.key[rider] = roll(dice)
        else:
            hunt.key[rider] = hunt.order_key[(kind - 6) >> 1 if kind < 14 else 0, rider]
    for a in range(1, absent):  # few: sorted by insertion
        rider = hunt.absent[a]
        b = a - 1
        while b >= 0 and hunt.key[hunt.absent[b]] > hunt.key[rider]:
            hunt.absent[b + 1] = hunt.absent[b]
            b -= 1
        hunt.absent[b + 1] = rider
    cost = 0
    for k in range(shuttles):
        cost += routes.info[k, COST]
    for a in range(absent):
        rider = hunt.absent[a]
        most = min(hunt.value[2], limit - cost)
        if most <= 0:
            return 0
        best = most
        best_shuttle = -1
        pickup_gap = 0
        dropoff_gap = 0
        for k in range(shuttles):
            if routes.info[k, LENGTH] == 0:
                # Empty shuttles of one kind are all alike: try the first.
                group = task.group[k]
                first = True
                for other in range(k):
                    if task.group[other] == group and routes.info[other, LENGTH] == 0:
                        first = False
                        break
                if not first:
                    continue
            added = cheapest_place(
                task, bench, routes, k, rider, best, FEW_LABELS, blink, dice, hunt.place
            )
            if added < best:
                best = added
                best_shuttle = k
                pickup_gap, dropoff_gap = hunt.place[0], hunt.place[1]
        if best_shuttle < 0:
            cost += hunt.value[2]
            if cost >= limit:
                return 0
        else:
            cost -= routes.info[best_shuttle, COST]
            insert(routes, best_shuttle, rider, rider + riders, pickup_gap, dropoff_gap)
            bench.touched[best_shuttle] = 1
            routes.shuttle_of[rider] = best_shuttle
            if not build_route(task, bench, routes, best_shuttle, -1):
                # Only if labels had to be dropped on the way here.
                for other in range(riders):
                    if routes.shuttle_of[other] == best_shuttle:
                        routes.shuttle_of[other] = -1
                routes.info[best_shuttle, LENGTH] = 0
                build_route(task, bench, routes, best_shuttle, -1)
            cost += routes.info[best_shuttle, COST]
    return 1


@njit(cache=True)
def park(task, bench, routes):
    """Send all shuttles, without riders, to destinations; whether there are enough of them."""
    bench.touched[:] = 1
    routes.station_used[:] = 0
    routes.shuttle_of[:] = -1
    for k in range(task.origin.shape[0]):
        routes.info[k, LENGTH] = 0
        routes.info[k, CHARGES] = 0
        if not build_route(task, bench, routes, k, -1):
            return False
    return settle_destinations(task, bench, routes)


@njit(cache=True)
def settle_all(task, bench, plan, routes, hunt):
    """Settle anew where every route of ``plan`` ends; whether ``routes`` cost less so.

    In a round only routes being changed are asked, and where they end is up to the others.
    """
    shuttles = task.origin.shape[0]
    bench.touched[:] = 1
    for k in range(shuttles):
        copy_route(routes, plan, k)
    copy_shared(routes, plan)
    for k in range(shuttles):
        if not build_route(task, bench, routes, k, -1):
            return False
    return settle_destinations(task, bench, routes) and plan_value(task, routes, hunt) < plan_value(
        task, plan, hunt
    )


@njit(cache=True)
def search(
    task, bench, plan, trial, best, hunt, rounds, warmth, size, blink, exchanges, pooling
):  # fmt: skip
    """Go on for some rounds at one temperature (``warmth``, in cost).

    Of eight rounds ``exchanges`` exchange stretches of two routes, the others take riders out.
    """
    shuttles = task.origin.shape[0]
    dice = hunt.dice
    for _ in range(rounds):
        hunt.tally[ROUNDS] += 1
        bench.touched[:] = 0
        luck = (roll(dice) + 1) / 4294967297.0
        limit = hunt.value[0] - np.int64(warmth * log(luck))
        if hunt.tally[LEFT_OUT] == 0 and roll(dice) & 7 < exchanges:
            most = limit - hunt.value[0]
            done = exchange(task, bench, trial, plan, hunt, most)
        else:
            absent = _ruin(task, bench, trial, hunt, size)
            done = _recreate(task, bench, trial, hunt, absent, blink, limit)
        value = NEVER
        if done == 1 and settle_destinations(task, bench, trial):
            value = plan_value(task, trial, hunt)
        if value < limit:
            hunt.tally[ACCEPTED] += 1
            better = value < hunt.value[1]
            for k in range(shuttles):
                if bench.touched[k] == 1:
                    copy_route(plan, trial, k)
                    if pooling:
                        remember(task, trial, hunt, k)
            copy_shared(plan, trial)
            hunt.value[0] = value
            hunt.tally[LEFT_OUT] = _left_out(trial)
            if better:
                hunt.value[1] = value
                hunt.tally[BEST_AT] = hunt.tally[ROUNDS]
                for k in range(shuttles):
                    copy_route(best, trial, k)
                copy_shared(best, trial)
        else:
            for k in range(shuttles):
                if bench.touched[k] == 1:
                    copy_route(trial, plan, k)
            copy_shared(trial, plan)
