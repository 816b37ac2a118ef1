# mypy: disallow-untyped-defs=False
# The readable twin carries the types.
"""Compiled search for the cheapest insertion. `dispatcher.planning.twin` is the definition.

Positions along a route: 0 is the start, ``i + 1`` is visit ``i``. Codes of places to board or
alight: gap ``g`` (behind position ``g``) is ``2g``, joining the visit at position ``g + 1`` is
``2g + 1``, so codes grow along the route.

Two things are skipped. What cannot be feasible: times are taken without ride limits, and ride
limits only ever make them later. And what cannot be cheapest: where the travel times keep the
triangle inequality, an insertion makes nobody's begin earlier, and while waiting costs no less than
riding, later begins cost no less; so what is known of the new riders' cost and of the detour is
a floor under the candidate's cost. (Not so in a row whose pickups already wait for a ride limit:
there a longer dwell may bring a begin forward, and nothing is skipped by cost.)
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dispatcher.planning.kernels.timing import FEASIBLE, NO_PATH_S, least_schedule, schedule_row


class RequestView(NamedTuple):
    """A request as arrays: K pickup choices, M drop-off choices."""

    pickup_stop: NDArray[np.int64]  # [K]
    pickup_walk_s: NDArray[np.int64]
    pickup_earliest_s: NDArray[np.int64]
    pickup_latest_s: NDArray[np.int64]
    dropoff_stop: NDArray[np.int64]  # [M]
    dropoff_walk_s: NDArray[np.int64]
    dropoff_latest_s: NDArray[np.int64]
    max_ride_s: NDArray[np.int64]  # [K, M]
    desired_s: int
    seats: int
    places: int
    riders: int
    dwell_s: int


class Prices(NamedTuple):
    """Milli-cost per second. ``others`` is 1, or 0 to price the new riders' seconds alone."""

    driving: int
    waiting: int
    riding: int
    walking: int
    others: int


class Allowance(NamedTuple):
    """Room granted beyond the rules, for finding out which rule stands in the way."""

    seats: int
    places: int
    shift_s: int


# Columns of the result of `scan`.
FOUND = 0  # 0 or 1
TOTAL = 1
ROW = 2
NEW_VISITS = 3
PICKUP_CODE = 4
DROPOFF_CODE = 5
PICKUP_CHOICE = 6
DROPOFF_CHOICE = 7
DRIVING = 8
WAITING = 9
RIDING = 10
WALKING = 11
RESULT_SIZE = 12


@njit(cache=True)
def scan(fleet, considered, n_rows, request, travel_s, prices, allowance, now_s, best, begin_s):
    """Write the cheapest feasible insertion into the considered rows.

    Parameters
    ----------
    fleet : FleetView
    considered : bool[n_rows]
        Rows to try; unavailable rows are skipped in any case.
    request : RequestView
    travel_s : int64[stops, stops]
    prices : Prices
    allowance : Allowance
    now_s : int
        No shuttle leaves its start before this time.
    best : int64[RESULT_SIZE]
        Written; ``best[FOUND]`` is 0 if there is none.
    begin_s : int64[V + 2]
        Written: begins of all visits of the chosen row with the new ones in it.
    """
    best[FOUND] = 0
    room = fleet.visit_stop.shape[1] + 3
    ride_room = fleet.ride_pickup.shape[1] + 1
    # One scratch block for the whole scan: allocation would cost more than the arithmetic.
    along = np.empty((17, room), dtype=np.int64)
    rides = np.empty((3, ride_room), dtype=np.int64)
    # Cheapest end of a ride from each pickup choice: the direct drive and the walk after it.
    ahead = np.empty(len(request.pickup_stop), dtype=np.int64)
    for k in range(len(ahead)):
        least = np.iinfo(np.int64).max
        for m in range(len(request.dropoff_stop)):
            direct_s = travel_s[request.pickup_stop[k], request.dropoff_stop[m]]
            walking = prices.walking * request.dropoff_walk_s[m]
            least = min(least, request.riders * (prices.riding * direct_s + walking))
        ahead[k] = least
    for row in range(n_rows):
        if considered[row] and fleet.available[row]:
            _scan_row(
                fleet, row, request, travel_s, prices, allowance, now_s, ahead, best, along, rides
            )
    if best[FOUND]:
        _time_candidate(
            fleet,
            best[ROW],
            request,
            best[PICKUP_CHOICE],
            best[DROPOFF_CHOICE],
            best[PICKUP_CODE],
            best[DROPOFF_CODE],
            travel_s,
            allowance,
            now_s,
            begin_s,
            along,
            rides,
        )


@njit(cache=True)
def _scan_row(fleet, row, request, travel_s, prices, allowance, now_s, ahead, best, along, rides):
    n = fleet.n_visits[row]
    seat_room = fleet.capacity[row, 0] + allowance.seats - request.seats
    place_room = fleet.capacity[row, 1] + allowance.places - request.places
    if seat_room < 0 or place_room < 0:
        return
    end_s = fleet.end_s[row] + allowance.shift_s
    start_s = max(fleet.start_s[row], now_s)

    # The row as it stands: indexed by position, in order stop, begin and departure without ride
    # limits, begin with them, loads, drive so far; then the candidate's begins and departures.
    stop, asap, leave, planned = along[0], along[1], along[2], along[3]
    seats, places, driven = along[4], along[5], along[6]
    begin, depart = along[7], along[8]
    code, _ = schedule_row(fleet, row, travel_s, now_s, along[9], planned[1:], along[10])
    if code != FEASIBLE:
        return
    stop[0] = fleet.start_stop[row]
    asap[0] = leave[0] = start_s
    begin[0] = depart[0] = start_s
    seats[0] = fleet.start_load[row, 0]
    places[0] = fleet.start_load[row, 1]
    driven[0] = 0
    for i in range(n):
        leg_s = travel_s[stop[i], fleet.visit_stop[row, i]]
        stop[i + 1] = fleet.visit_stop[row, i]
        driven[i + 1] = driven[i] + leg_s
        asap[i + 1] = max(leave[i] + leg_s, fleet.earliest_s[row, i])
        leave[i + 1] = asap[i + 1] + fleet.dwell_s[row, i]
        seats[i + 1] = seats[i] + fleet.load_change[row, i, 0]
        places[i + 1] = places[i] + fleet.load_change[row, i, 1]
    by_cost = prices.waiting >= prices.riding
    for i in range(1, n + 1):
        if planned[i] != asap[i]:
            by_cost = False

    for k in range(len(request.pickup_stop)):
        pickup_stop = request.pickup_stop[k]
        pickup_earliest_s = request.pickup_earliest_s[k]
        pickup_latest_s = request.pickup_latest_s[k]
        for pickup_code in range(2 * n + 1):
            g = pickup_code >> 1
            pickup_joins = pickup_code & 1
            if not pickup_joins:
                begin[g] = asap[g]
                depart[g] = leave[g]
                if leave[g] > pickup_latest_s:
                    break  # every later place begins later still
                leg_s = travel_s[stop[g], pickup_stop]
                if leg_s >= NO_PATH_S:
                    continue
                boarding_s = max(leave[g] + leg_s, pickup_earliest_s)
                if boarding_s > pickup_latest_s:
                    continue
                if seats[g] > seat_room or places[g] > place_room:
                    continue
                boarded_s = boarding_s + request.dwell_s
                drive_s = driven[g] + leg_s
                detour_s = leg_s
                if g < n:
                    detour_s += travel_s[pickup_stop, stop[g + 1]] - (driven[g + 1] - driven[g])
                following = g + 1
            else:
                if stop[g + 1] != pickup_stop:
                    continue
                boarding_s = max(asap[g + 1], pickup_earliest_s)
                if boarding_s > min(pickup_latest_s, fleet.latest_s[row, g]):
                    continue
                if seats[g + 1] > seat_room or places[g + 1] > place_room:
                    continue
                boarded_s = boarding_s + max(fleet.dwell_s[row, g], request.dwell_s)
                begin[g + 1] = boarding_s
                depart[g + 1] = boarded_s
                drive_s = driven[g + 1]
                detour_s = 0
                following = g + 2
            floor = request.riders * (
                prices.waiting * (boarding_s - request.desired_s)
                + prices.riding * (boarded_s - boarding_s)
                + prices.walking * request.pickup_walk_s[k]
            )
            floor += prices.driving * detour_s
            if by_cost and best[FOUND] and floor + ahead[k] > best[TOTAL]:
                continue
            _scan_dropoffs(
                fleet,
                row,
                request,
                travel_s,
                prices,
                k,
                pickup_code,
                boarding_s,
                boarded_s,
                drive_s,
                following,
                floor,
                by_cost,
                seat_room,
                place_room,
                allowance,
                now_s,
                end_s,
                best,
                along,
                rides,
            )


@njit(cache=True)
def _scan_dropoffs(
    fleet,
    row,
    request,
    travel_s,
    prices,
    k,
    pickup_code,
    boarding_s,
    boarded_s,
    drive_s,
    following,
    floor,
    by_cost,
    seat_room,
    place_room,
    allowance,
    now_s,
    end_s,
    best,
    along,
    rides,
):
    """Carry the new riders along the route from their pickup and try every place to alight."""
    n = fleet.n_visits[row]
    stop, seats, places = along[0], along[4], along[5]
    begin, depart = along[7], along[8]
    at_stop = request.pickup_stop[k]
    leave_s = boarded_s
    pos = following
    while True:
        if by_cost and best[FOUND]:
            aboard = prices.riding * request.riders * (leave_s - boarded_s)
            if floor + aboard > best[TOTAL]:
                return  # and riding further costs more
        for m in range(len(request.dropoff_stop)):
            dropoff_stop = request.dropoff_stop[m]
            if dropoff_stop == request.pickup_stop[k]:
                continue
            leg_s = travel_s[at_stop, dropoff_stop]
            if leg_s >= NO_PATH_S:
                continue
            alighting_s = leave_s + leg_s
            if alighting_s > request.dropoff_latest_s[m]:
                continue
            _consider(
                fleet,
                row,
                request,
                travel_s,
                prices,
                k,
                m,
                pickup_code,
                2 * (pos - 1),
                boarding_s,
                boarded_s,
                alighting_s,
                alighting_s + request.dwell_s,
                drive_s + leg_s,
                dropoff_stop,
                pos,
                by_cost,
                allowance,
                now_s,
                end_s,
                best,
                along,
                rides,
            )
        if pos > n:
            return
        leg_s = travel_s[at_stop, stop[pos]]
        if leg_s >= NO_PATH_S:
            return
        begin_s = max(leave_s + leg_s, fleet.earliest_s[row, pos - 1])
        if begin_s > fleet.latest_s[row, pos - 1]:
            return
        drive_s += leg_s
        begin[pos] = begin_s
        for m in range(len(request.dropoff_stop)):
            if request.dropoff_stop[m] != stop[pos] or stop[pos] == request.pickup_stop[k]:
                continue
            if begin_s > request.dropoff_latest_s[m]:
                continue
            depart[pos] = begin_s + max(fleet.dwell_s[row, pos - 1], request.dwell_s)
            _consider(
                fleet,
                row,
                request,
                travel_s,
                prices,
                k,
                m,
                pickup_code,
                2 * pos - 1,
                boarding_s,
                boarded_s,
                begin_s,
                depart[pos],
                drive_s,
                stop[pos],
                pos + 1,
                by_cost,
                allowance,
                now_s,
                end_s,
                best,
                along,
                rides,
            )
        # Riding on past this visit needs room when leaving it.
        if seats[pos] > seat_room or places[pos] > place_room:
            return
        leave_s = begin_s + fleet.dwell_s[row, pos - 1]
        depart[pos] = leave_s
        at_stop = stop[pos]
        pos += 1


@njit(cache=True)
def _consider(
    fleet,
    row,
    request,
    travel_s,
    prices,
    k,
    m,
    pickup_code,
    dropoff_code,
    boarding_s,
    boarded_s,
    alighting_s,
    alighted_s,
    drive_s,
    at_stop,
    pos,
    by_cost,
    allowance,
    now_s,
    end_s,
    best,
    along,
    rides,
):
    """Finish one candidate from the drop-off on, price it and keep it if it is the best.

    ``begin`` and ``depart`` hold the candidate's times before ``pos``; those from ``pos`` on
    are written here, for the visits of the route as it was.
    """
    n = fleet.n_visits[row]
    stop, planned, driven = along[0], along[3], along[6]
    begin, depart = along[7], along[8]
    leave_s = alighted_s
    if pos <= n:
        leg_s = travel_s[at_stop, stop[pos]]
        if leg_s >= NO_PATH_S:
            return
        drive_s += leg_s + driven[n] - driven[pos]
    if by_cost and best[FOUND]:
        walk_s = request.pickup_walk_s[k] + request.dropoff_walk_s[m]
        floor = prices.driving * (drive_s - driven[n]) + request.riders * (
            prices.waiting * (boarding_s - request.desired_s)
            + prices.riding * (alighting_s - boarding_s)
            + prices.walking * walk_s
        )
        if floor > best[TOTAL]:
            return
    if pos <= n:
        for i in range(pos, n + 1):
            begin[i] = max(leave_s + leg_s, fleet.earliest_s[row, i - 1])
            if begin[i] > fleet.latest_s[row, i - 1]:
                return
            leave_s = begin[i] + fleet.dwell_s[row, i - 1]
            depart[i] = leave_s
            if i < n:
                leg_s = driven[i + 1] - driven[i]
    if leave_s > end_s:
        return

    kept = alighting_s - boarded_s <= request.max_ride_s[k, m]
    if kept:
        for r in range(fleet.n_rides[row]):
            p = fleet.ride_pickup[row, r] + 1
            if p > 0:
                d = fleet.ride_dropoff[row, r] + 1
                if begin[d] - depart[p] > fleet.ride_max_s[row, r]:
                    kept = False
                    break
    waiting_s = 0
    riding_s = 0
    if kept:
        for r in range(fleet.n_rides[row]):
            p = fleet.ride_pickup[row, r] + 1
            d = fleet.ride_dropoff[row, r] + 1
            later_s = begin[p] - planned[p] if p > 0 else 0
            waiting_s += fleet.ride_riders[row, r] * later_s
            riding_s += fleet.ride_riders[row, r] * (begin[d] - planned[d] - later_s)
    else:
        # Some ride would be too long: pickups wait for it, which takes the full fixed point.
        times = along[11]
        code = _time_candidate(
            fleet,
            row,
            request,
            k,
            m,
            pickup_code,
            dropoff_code,
            travel_s,
            allowance,
            now_s,
            times,
            along,
            rides,
        )
        if code != FEASIBLE:
            return
        for r in range(fleet.n_rides[row]):
            p = fleet.ride_pickup[row, r]
            d = fleet.ride_dropoff[row, r]
            later_s = 0
            if p >= 0:
                later_s = times[_moved(p, pickup_code, dropoff_code)] - planned[p + 1]
            waiting_s += fleet.ride_riders[row, r] * later_s
            dropped_s = times[_moved(d, pickup_code, dropoff_code)]
            riding_s += fleet.ride_riders[row, r] * (dropped_s - planned[d + 1] - later_s)
        boarding_s = times[pickup_code >> 1]
        alighting_s = times[_dropoff_index(pickup_code, dropoff_code)]

    riders = request.riders
    waiting_s = waiting_s * prices.others + riders * (boarding_s - request.desired_s)
    riding_s = riding_s * prices.others + riders * (alighting_s - boarding_s)
    walking_s = riders * (request.pickup_walk_s[k] + request.dropoff_walk_s[m])
    driving = prices.driving * (drive_s - driven[n])
    waiting = prices.waiting * waiting_s
    riding = prices.riding * riding_s
    walking = prices.walking * walking_s
    total = driving + waiting + riding + walking
    new_visits = 2 - (pickup_code & 1) - (dropoff_code & 1)
    if best[FOUND] and not _comes_first(
        total, row, new_visits, pickup_code, dropoff_code, k, m, best
    ):
        return
    best[FOUND] = 1
    best[TOTAL] = total
    best[ROW] = row
    best[NEW_VISITS] = new_visits
    best[PICKUP_CODE] = pickup_code
    best[DROPOFF_CODE] = dropoff_code
    best[PICKUP_CHOICE] = k
    best[DROPOFF_CHOICE] = m
    best[DRIVING] = driving
    best[WAITING] = waiting
    best[RIDING] = riding
    best[WALKING] = walking


@njit(cache=True)
def _comes_first(total, row, new_visits, pickup_code, dropoff_code, k, m, best):
    """Whether a candidate beats the best so far; equal costs are settled as the twin does."""
    if total != best[TOTAL]:
        return total < best[TOTAL]
    if row != best[ROW]:
        return row < best[ROW]
    if new_visits != best[NEW_VISITS]:
        return new_visits < best[NEW_VISITS]
    if pickup_code != best[PICKUP_CODE]:
        return pickup_code < best[PICKUP_CODE]
    if dropoff_code != best[DROPOFF_CODE]:
        return dropoff_code < best[DROPOFF_CODE]
    if k != best[PICKUP_CHOICE]:
        return k < best[PICKUP_CHOICE]
    return m < best[DROPOFF_CHOICE]


@njit(cache=True)
def _moved(visit, pickup_code, dropoff_code):
    """Index of an old visit in the route with the new visits in it."""
    index = visit
    if not pickup_code & 1 and visit >= pickup_code >> 1:
        index += 1
    if not dropoff_code & 1 and visit >= dropoff_code >> 1:
        index += 1
    return index


@njit(cache=True)
def _dropoff_index(pickup_code, dropoff_code):
    """Index of the drop-off visit in the new route; that of the pickup is its code halved."""
    return (dropoff_code >> 1) + (1 - (pickup_code & 1))


@njit(cache=True)
def _time_candidate(
    fleet,
    row,
    request,
    k,
    m,
    pickup_code,
    dropoff_code,
    travel_s,
    allowance,
    now_s,
    begin_s,
    along,
    rides,
):
    """Build the whole candidate route and time it with ride limits; begins into ``begin_s``."""
    stop, earliest, latest = along[12], along[13], along[14]
    dwell, leg_s, pushed_s = along[15], along[16], along[10]
    n = fleet.n_visits[row]
    for i in range(n):
        j = _moved(i, pickup_code, dropoff_code)
        stop[j] = fleet.visit_stop[row, i]
        earliest[j] = fleet.earliest_s[row, i]
        latest[j] = fleet.latest_s[row, i]
        dwell[j] = fleet.dwell_s[row, i]
    new_n = n + 2 - (pickup_code & 1) - (dropoff_code & 1)
    p = pickup_code >> 1
    if pickup_code & 1:
        earliest[p] = max(earliest[p], request.pickup_earliest_s[k])
        latest[p] = min(latest[p], request.pickup_latest_s[k])
        dwell[p] = max(dwell[p], request.dwell_s)
    else:
        stop[p] = request.pickup_stop[k]
        earliest[p] = request.pickup_earliest_s[k]
        latest[p] = request.pickup_latest_s[k]
        dwell[p] = request.dwell_s
    d = _dropoff_index(pickup_code, dropoff_code)
    if dropoff_code & 1:
        latest[d] = min(latest[d], request.dropoff_latest_s[m])
        dwell[d] = max(dwell[d], request.dwell_s)
    else:
        stop[d] = request.dropoff_stop[m]
        earliest[d] = 0
        latest[d] = request.dropoff_latest_s[m]
        dwell[d] = request.dwell_s
    before = fleet.start_stop[row]
    for j in range(new_n):
        leg_s[j] = travel_s[before, stop[j]]
        before = stop[j]
    n_rides = fleet.n_rides[row]
    for r in range(n_rides):
        pickup = fleet.ride_pickup[row, r]
        rides[0, r] = -1 if pickup < 0 else _moved(pickup, pickup_code, dropoff_code)
        rides[1, r] = _moved(fleet.ride_dropoff[row, r], pickup_code, dropoff_code)
        rides[2, r] = fleet.ride_max_s[row, r]
    rides[0, n_rides] = p
    rides[1, n_rides] = d
    rides[2, n_rides] = request.max_ride_s[k, m]
    code, _ = least_schedule(
        new_n,
        max(fleet.start_s[row], now_s),
        fleet.end_s[row] + allowance.shift_s,
        leg_s,
        earliest,
        latest,
        dwell,
        n_rides + 1,
        rides[0],
        rides[1],
        rides[2],
        begin_s,
        pushed_s,
    )
    return code
