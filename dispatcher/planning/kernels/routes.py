# mypy: disallow-untyped-defs=False
"""Timing of whole routes, as a search keeps them: sequences of ride ends.

`dispatcher.planning.search.twin` is the readable definition. Position 0 of a route is its start
and position ``n + 1`` its end; ride ends stand at 1..n. An end with ``joined`` set is served in one
visit with the end before it: they begin together, and the longest dwell counts.

The least schedule gives every position its earliest begin; the greatest gives its latest, so that
what lies before or behind stays feasible. Together they decide most insertions without a trial:
adding a ride only ever raises the least and lowers the greatest schedule.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels import njit

FOREVER = 1 << 40  # as dispatcher.planning.search.model has them; a test compares
NO_PATH = 10_000_000

# Columns of Model.node.
PLACE = 0
EARLIEST = 1
LATEST = 2
DWELL = 3
NODE_SIZE = 4

# Columns of Model.ride.
MAX_RIDE = 0
RIDERS = 1
BOUND_TO = 2  # vehicle, or -1
HAS_PICKUP = 3
REFUSAL = 4
RIDE_SIZE = 5

# Columns of Model.vehicle.
START_PLACE = 0
START_EARLIEST = 1
START_LATEST = 2
END_PLACE = 3  # or -1
END_LATEST = 4
MAX_DURATION = 5
MAX_DRIVING = 6
USE_COST = 7
ALIKE = 8  # vehicles of the same number are interchangeable while empty
VEHICLE_SIZE = 9


class Model(NamedTuple):
    """A problem as arrays: P places, R rides, V vehicles, K kinds of load.

    Node ``r`` is the pickup of ride ``r``, node ``R + r`` its drop-off.
    """

    travel: NDArray[np.int32]  # [P, P]
    travel_to: NDArray[np.int32]  # [P, P] the same by destination, then origin
    node: NDArray[np.int64]  # [2R, NODE_SIZE]
    load: NDArray[np.int64]  # [2R, K], added when leaving
    ride: NDArray[np.int64]  # [R, RIDE_SIZE]
    vehicle: NDArray[np.int64]  # [V, VEHICLE_SIZE]
    capacity: NDArray[np.int64]  # [V, K]
    start_load: NDArray[np.int64]  # [V, K]
    driving: int
    waiting: int
    riding: int
    no_path: int  # a leg this long is none
    onward: NDArray[np.int64]  # [P] drive counted, not driven, where an open route ends
    shares: bool
    limited: bool  # whether some ride's time aboard, or some vehicle's duration, is


class Routes(NamedTuple):
    """Routes of all vehicles with what is known of them. L is the longest route plus 2."""

    n: NDArray[np.int64]  # [V] ends served
    seq: NDArray[np.int64]  # [V, L] node at each position
    joined: NDArray[np.int64]  # [V, L] 0 or 1
    place: NDArray[np.int64]  # [V, L]
    leg: NDArray[np.int64]  # [V, L] drive from each position to the next; 0 to an open end
    begin: NDArray[np.int64]  # [V, L] least schedule
    depart: NDArray[np.int64]  # [V, L]
    latest: NDArray[np.int64]  # [V, L] greatest begins; after an open end FOREVER
    load: NDArray[np.int64]  # [V, L, K] when leaving
    drive: NDArray[np.int64]  # [V] ticks
    cost: NDArray[np.int64]  # [V]
    mark: NDArray[np.uint64]  # [V] changes whenever the sequence does, and back with it


class Trial(NamedTuple):
    """One candidate route under examination."""

    seq: NDArray[np.int64]  # [L]
    joined: NDArray[np.int64]
    begin: NDArray[np.int64]
    depart: NDArray[np.int64]
    at: NDArray[np.int64]  # [2R] position of each node, where it is on the route
    least_from: NDArray[np.int64]  # [L] these three for `inserting`
    to_d: NDArray[np.int64]  # [L]
    from_d: NDArray[np.int64]  # [L]


@njit(cache=True)
def propagate(model, v, seq, joined, n, begin, depart, first, whole):
    """Raise begins from position ``first`` on; 0 if one passes its latest time.

    ``begin`` holds lower bounds and gets the least times that keep them, ride limits aside.
    ``first`` is the head of a visit. Unless ``whole``, stops where nothing more changes.
    """
    travel, node, vehicle = model.travel, model.node, model.vehicle
    if first == 1:
        here = vehicle[v, START_PLACE]
    else:
        here = node[seq[first - 1], PLACE]
    clock = depart[first - 1]
    k = first
    while k <= n:
        at = seq[k]
        there = node[at, PLACE]
        b = clock + travel[here, there]
        if begin[k] > b:
            b = begin[k]
        if b > node[at, LATEST]:
            return 0
        dwell = node[at, DWELL]
        last = k
        if model.shares:
            while last < n and joined[last + 1] == 1:
                last += 1
                other = seq[last]
                if begin[last] > b:
                    b = begin[last]
                if node[other, DWELL] > dwell:
                    dwell = node[other, DWELL]
            for x in range(k, last + 1):
                if b > node[seq[x], LATEST]:
                    return 0
        if not whole and b == begin[k] and depart[last] == b + dwell:
            return 1
        for x in range(k, last + 1):
            begin[x] = b
            depart[x] = b + dwell
        clock = b + dwell
        here = there
        k = last + 1
    if vehicle[v, END_PLACE] >= 0:
        clock += travel[here, vehicle[v, END_PLACE]]
    if clock > vehicle[v, END_LATEST]:
        return 0
    begin[n + 1] = clock
    depart[n + 1] = clock
    return 1


@njit(cache=True)
def keep_ride_limits(model, v, seq, joined, n, begin, depart, at, first):
    """Delay pickups, and the start, until all rides behind ``first`` keep their limits, or give 0.

    A pickup that is late for its drop-off is begun as much later. If the drop-off then moves by
    as much, nothing on the way gives room, and the limit cannot be kept.
    """
    rides = model.ride.shape[0]
    vehicle = model.vehicle
    k = first
    while k <= n + 1:
        if k == n + 1:
            over = begin[k] - depart[0] - vehicle[v, MAX_DURATION]
            p = 0
        elif seq[k] >= rides and model.ride[seq[k] - rides, HAS_PICKUP] == 1:
            p = at[seq[k] - rides]
            over = begin[k] - depart[p] - model.ride[seq[k] - rides, MAX_RIDE]
        else:
            k += 1
            continue
        if over <= 0:
            k += 1
            continue
        before = begin[k]
        if p == 0:
            if depart[0] + over > vehicle[v, START_LATEST]:
                return 0
            begin[0] += over
            depart[0] += over
            head = 1
        else:
            head = p
            if model.shares:
                while joined[head] == 1:
                    head -= 1
            begin[head] += over
        if propagate(model, v, seq, joined, n, begin, depart, head, False) == 0:
            return 0
        if begin[k] - before >= over:
            return 0
        k = p + 1
    return 1


@njit(cache=True)
def greatest_schedule(model, v, seq, joined, n, latest, at, legs):
    """Upper bounds of every begin, so that all behind can be kept; ride limits pull drop-offs.

    The route is feasible. Position 0 bounds the departure from the start.
    """
    node, vehicle = model.node, model.vehicle
    rides = model.ride.shape[0]
    for k in range(1, n + 1):
        latest[k] = node[seq[k], LATEST]
    latest[0] = vehicle[v, START_LATEST]
    latest[n + 1] = vehicle[v, END_LATEST]
    for _ in range(4):
        # Backwards along the route.
        bound = latest[n + 1]
        k = n
        while k >= 1:
            head = k
            least = latest[k]
            dwell = node[seq[k], DWELL]
            if model.shares:
                while joined[head] == 1:
                    head -= 1
                    if latest[head] < least:
                        least = latest[head]
                    if node[seq[head], DWELL] > dwell:
                        dwell = node[seq[head], DWELL]
            if bound - legs[k] - dwell < least:
                least = bound - legs[k] - dwell
            for x in range(head, k + 1):
                latest[x] = least
            bound = least
            k = head - 1
        if n > 0 and bound - legs[0] < latest[0]:
            latest[0] = bound - legs[0]
        if not model.limited:
            return
        # A drop-off no later than its pickup's latest allows.
        moved = False
        for k in range(1, n + 1):
            if seq[k] < rides or model.ride[seq[k] - rides, HAS_PICKUP] == 0:
                continue
            p = at[seq[k] - rides]
            dwell = node[seq[p], DWELL]
            if model.shares:
                x = p
                while joined[x] == 1:
                    x -= 1
                    dwell = max(dwell, node[seq[x], DWELL])
                x = p
                while x < n and joined[x + 1] == 1:
                    x += 1
                    dwell = max(dwell, node[seq[x], DWELL])
            bound = latest[p] + dwell + model.ride[seq[k] - rides, MAX_RIDE]
            if bound < latest[k]:
                latest[k] = bound
                moved = True
        if latest[0] + vehicle[v, MAX_DURATION] < latest[n + 1]:
            latest[n + 1] = latest[0] + vehicle[v, MAX_DURATION]
            moved = True
        if not moved:
            return


@njit(cache=True, inline="always")
def moved_on(model, here, there):
    """How much farther from its next rider a vehicle ends ``there`` than ``here``."""
    return model.onward[there] - model.onward[here]


@njit(cache=True)
def route_price(model, v, seq, n, begin, at, drive):
    """Cost of a timed route."""
    total = model.driving * drive
    if n > 0:
        total += model.vehicle[v, USE_COST]
        if model.vehicle[v, END_PLACE] < 0:
            last = model.node[seq[n], PLACE]
            total += model.driving * moved_on(model, model.vehicle[v, START_PLACE], last)
    if model.waiting == 0 and model.riding == 0:
        return total
    rides = model.ride.shape[0]
    start = model.vehicle[v, START_EARLIEST]
    for k in range(1, n + 1):
        if seq[k] < rides:
            total += (
                model.waiting
                * model.ride[seq[k], RIDERS]
                * (begin[k] - model.node[seq[k], EARLIEST])
            )
        else:
            r = seq[k] - rides
            boarded = begin[at[r]] if model.ride[r, HAS_PICKUP] == 1 else start
            total += model.riding * model.ride[r, RIDERS] * (begin[k] - boarded)
    return total


@njit(cache=True, inline="always")
def mixed(word):
    """A 64-bit word well stirred (splitmix64's finish, Steele et al. 2014)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@njit(cache=True)
def renew(model, routes, trial, v):
    """Time the route of vehicle ``v`` anew after its sequence has changed; 0 if infeasible."""
    travel, node, vehicle = model.travel, model.node, model.vehicle
    n = routes.n[v]
    seq, joined, place = routes.seq[v], routes.joined[v], routes.place[v]
    begin, depart, legs = routes.begin[v], routes.depart[v], routes.leg[v]
    kinds = model.load.shape[1]
    place[0] = vehicle[v, START_PLACE]
    begin[0] = vehicle[v, START_EARLIEST]
    depart[0] = begin[0]
    joined[0] = 0
    # Never 0, which marks what has not been looked at.
    word = mixed(np.uint64(v) + np.uint64(0x9E3779B97F4A7C15))
    drive = 0
    for c in range(kinds):
        routes.load[v, 0, c] = model.start_load[v, c]
    fits, driven = 1, 1
    for k in range(1, n + 1):
        at = seq[k]
        trial.at[at] = k
        place[k] = node[at, PLACE]
        begin[k] = node[at, EARLIEST]
        leg = travel[place[k - 1], place[k]]
        if leg >= model.no_path:
            driven = 0
        drive += leg
        legs[k - 1] = leg
        for c in range(kinds):
            routes.load[v, k, c] = routes.load[v, k - 1, c] + model.load[at, c]
        word = mixed(word ^ np.uint64(2 * at + joined[k] + 1))
    for k in range(1, n + 1):
        if k == n or joined[k + 1] == 0:
            for c in range(kinds):
                if routes.load[v, k, c] > model.capacity[v, c]:
                    fits = 0
    joined[n + 1] = 0
    place[n + 1] = vehicle[v, END_PLACE]
    legs[n] = 0
    if n > 0 and vehicle[v, END_PLACE] >= 0:
        legs[n] = travel[place[n], vehicle[v, END_PLACE]]
        drive += legs[n]
    routes.drive[v] = drive
    routes.mark[v] = word
    if driven == 0 or drive > vehicle[v, MAX_DRIVING]:
        return 0
    if n == 0:
        begin[1] = begin[0]
        depart[1] = begin[0]
        routes.latest[v, 0] = vehicle[v, START_LATEST]
        routes.latest[v, 1] = vehicle[v, END_LATEST]
        routes.cost[v] = 0
        return 1
    if propagate(model, v, seq, joined, n, begin, depart, 1, True) == 0:
        return 0
    if (
        model.limited
        and keep_ride_limits(model, v, seq, joined, n, begin, depart, trial.at, 1) == 0
    ):
        return 0
    greatest_schedule(model, v, seq, joined, n, routes.latest[v], trial.at, legs)
    routes.cost[v] = route_price(model, v, seq, n, begin, trial.at, drive)
    # Too full is too full only now: with a drop-off taken out, its rider stays aboard until it is
    # put in again, and the times hold all the same.
    return fits
