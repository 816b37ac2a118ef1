# mypy: disallow-untyped-defs=False
# The readable twins carry the types.
"""Compiled timing of routes and search for the cheapest insertion.

`dispatcher.planning.schedule` and `dispatcher.planning.twin` are the readable definitions.

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

NO_PATH_S = 10_000_000  # as dispatcher.planning.rows has it; a test compares them

# What `least_schedule` says of a route.
FEASIBLE = 0
CAPACITY = 1
NO_PATH = 2
RANGE = 3
WINDOW = 4
SHIFT_END = 5
RIDE_TIME = 6


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
    drive_s: int


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

# Lines of the scratch block. By position: the row as it stands, its begins and departures without
# ride limits, its begins with them, loads when leaving, drive so far; the candidate's begins and
# departures. By visit: room for the full timing of one route.
STOP = 0
ASAP = 1
LEAVE = 2
PLANNED = 3
SEATS = 4
PLACES = 5
DRIVEN = 6
BEGIN = 7
DEPART = 8
NEW_BEGIN = 9
NEW_STOP = 10
NEW_EARLIEST = 11
NEW_LATEST = 12
NEW_DWELL = 13
NEW_LEG = 14
NEW_PUSHED = 15
SCRATCH_LINES = 16


class Search(NamedTuple):
    """All else that stays the same during one scan, and the scratch space it writes to.

    Fleet and request are passed beside it: taking a tuple of arrays out of a tuple counts a
    reference to each of them, which showed as half again the time of a scan.
    """

    travel_s: NDArray[np.int64]  # [stops, stops]
    prices: Prices
    allowance: Allowance
    now_s: int
    ahead: NDArray[np.int64]  # [K], least cost of riding and walking on after each pickup
    best: NDArray[np.int64]  # [RESULT_SIZE]
    along: NDArray[np.int64]  # [SCRATCH_LINES, V + 3]
    rides: NDArray[np.int64]  # [3, R + 1], pickup, drop-off and limit


@njit(cache=True)
def least_schedule(
    n,
    start_s,
    end_s,
    drive_limit_s,
    leg_s,
    earliest_s,
    latest_s,
    dwell_s,
    n_rides,
    ride_pickup,
    ride_dropoff,
    ride_max_s,
    begin_s,
    pushed_s,
):
    """Write the least begins that keep every bound; say which rule fails first, and where.

    Parameters
    ----------
    n, n_rides : int
        Visits and rides in use; the arrays may be longer.
    start_s, end_s : int
        Earliest departure from the start; latest departure from the last visit.
    drive_limit_s : int
        Most seconds of driving.
    leg_s : int64[n]
        Drive to each visit from the one before it.
    earliest_s, latest_s, dwell_s : int64[n]
    ride_pickup, ride_dropoff, ride_max_s : int64[n_rides]
        Visit indices; a pickup of -1 has no limit here.
    begin_s, pushed_s : int64[n]
        Written: the begins, and how far pickups were pushed.

    Returns
    -------
    (code, visit) : (int, int)
        FEASIBLE, or the broken rule and the visit that breaks it.
    """
    for i in range(n):
        if leg_s[i] >= NO_PATH_S:
            return NO_PATH, i
        pushed_s[i] = earliest_s[i]
    driven_s = 0
    for i in range(n):
        driven_s += leg_s[i]
        if driven_s > drive_limit_s:
            return RANGE, i
    clock_s = start_s
    for i in range(n):
        begin_s[i] = max(clock_s + leg_s[i], pushed_s[i])
        if begin_s[i] > latest_s[i]:
            return WINDOW, i
        clock_s = begin_s[i] + dwell_s[i]
    if n > 0 and clock_s > end_s:
        return SHIFT_END, n - 1

    # See the readable twin for why this many rounds decide it.
    moved = -1
    for _ in range(n_rides + 1):
        moved = -1
        for r in range(n_rides):
            p = ride_pickup[r]
            if p < 0:
                continue
            d = ride_dropoff[r]
            no_sooner_s = begin_s[d] - ride_max_s[r] - dwell_s[p]
            if no_sooner_s > begin_s[p]:
                pushed_s[p] = max(pushed_s[p], no_sooner_s)
                moved = d
        if moved < 0:
            return FEASIBLE, -1
        clock_s = start_s
        for i in range(n):
            begin_s[i] = max(clock_s + leg_s[i], pushed_s[i])
            if begin_s[i] > latest_s[i]:
                return RIDE_TIME, moved
            clock_s = begin_s[i] + dwell_s[i]
        if clock_s > end_s:
            return RIDE_TIME, moved
    return RIDE_TIME, moved


@njit(cache=True)
def schedule_row(fleet, row, travel_s, now_s, leg_s, begin_s, pushed_s):
    """Time one row of the fleet as it stands; arguments and result as `least_schedule`.

    ``leg_s``, ``begin_s`` and ``pushed_s`` are room for at least the row's visits.
    """
    n = fleet.n_visits[row]
    seats = fleet.start_load[row, 0]
    places = fleet.start_load[row, 1]
    stop = fleet.start_stop[row]
    for i in range(n):
        seats += fleet.load_change[row, i, 0]
        places += fleet.load_change[row, i, 1]
        if seats > fleet.capacity[row, 0] or places > fleet.capacity[row, 1]:
            return CAPACITY, i
        leg_s[i] = travel_s[stop, fleet.visit_stop[row, i]]
        stop = fleet.visit_stop[row, i]
    return least_schedule(
        n,
        max(fleet.start_s[row], now_s),
        fleet.end_s[row],
        fleet.drive_limit_s[row],
        leg_s,
        fleet.earliest_s[row],
        fleet.latest_s[row],
        fleet.dwell_s[row],
        fleet.n_rides[row],
        fleet.ride_pickup[row],
        fleet.ride_dropoff[row],
        fleet.ride_max_s[row],
        begin_s,
        pushed_s,
    )


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
    # One scratch block for the whole scan: allocation would cost more than the arithmetic.
    along = np.empty((SCRATCH_LINES, fleet.visit_stop.shape[1] + 3), dtype=np.int64)
    rides = np.empty((3, fleet.ride_pickup.shape[1] + 1), dtype=np.int64)
    ahead = np.empty(len(request.pickup_stop), dtype=np.int64)
    for k in range(len(ahead)):
        ahead[k] = np.iinfo(np.int64).max
        for m in range(len(request.dropoff_stop)):
            direct_s = travel_s[request.pickup_stop[k], request.dropoff_stop[m]]
            walking = prices.walking * request.dropoff_walk_s[m]
            ahead[k] = min(ahead[k], request.riders * (prices.riding * direct_s + walking))
    search = Search(travel_s, prices, allowance, now_s, ahead, best, along, rides)
    for row in range(n_rows):
        if considered[row] and fleet.available[row]:
            _scan_row(search, fleet, request, row)
    if best[FOUND]:
        _time_candidate(
            search,
            fleet,
            request,
            best[ROW],
            best[PICKUP_CHOICE],
            best[DROPOFF_CHOICE],
            best[PICKUP_CODE],
            best[DROPOFF_CODE],
            begin_s,
        )


@njit(cache=True)
def _scan_row(search, fleet, request, row):
    """Try every place to board in one row, and from each every place to alight."""
    prices, along = search.prices, search.along
    travel_s, best = search.travel_s, search.best
    seat_room = fleet.capacity[row, 0] + search.allowance.seats - request.seats
    place_room = fleet.capacity[row, 1] + search.allowance.places - request.places
    if seat_room < 0 or place_room < 0:
        return
    if not _lay_out(search, fleet, row):
        return
    n = fleet.n_visits[row]
    stop, asap, leave, planned = along[STOP], along[ASAP], along[LEAVE], along[PLANNED]
    seats, places, driven = along[SEATS], along[PLACES], along[DRIVEN]
    begin, depart = along[BEGIN], along[DEPART]
    by_cost = prices.waiting >= prices.riding
    for i in range(1, n + 1):
        if planned[i] != asap[i]:
            by_cost = False

    for k in range(len(request.pickup_stop)):
        pickup_stop = request.pickup_stop[k]
        earliest_s = request.pickup_earliest_s[k]
        latest_s = request.pickup_latest_s[k]
        for code in range(2 * n + 1):
            g = code >> 1
            if not code & 1:
                # The candidate's times before the pickup are the row's own.
                begin[g] = asap[g]
                depart[g] = leave[g]
                if leave[g] > latest_s:
                    break  # every later place begins later still
                leg_s = travel_s[stop[g], pickup_stop]
                if leg_s >= NO_PATH_S:
                    continue
                boarding_s = max(leave[g] + leg_s, earliest_s)
                if boarding_s > latest_s:
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
                boarding_s = max(asap[g + 1], earliest_s)
                if boarding_s > min(latest_s, fleet.latest_s[row, g]):
                    continue
                if seats[g + 1] > seat_room or places[g + 1] > place_room:
                    continue
                boarded_s = boarding_s + max(fleet.dwell_s[row, g], request.dwell_s)
                begin[g + 1] = boarding_s
                depart[g + 1] = boarded_s
                drive_s = driven[g + 1]
                detour_s = 0
                following = g + 2
            floor = prices.driving * detour_s + request.riders * (
                prices.waiting * (boarding_s - request.desired_s)
                + prices.riding * (boarded_s - boarding_s)
                + prices.walking * request.pickup_walk_s[k]
            )
            if by_cost and best[FOUND] and floor + search.ahead[k] > best[TOTAL]:
                continue
            _scan_dropoffs(
                search,
                fleet,
                request,
                row,
                k,
                code,
                boarding_s,
                boarded_s,
                drive_s,
                following,
                floor,
                by_cost,
            )


@njit(cache=True)
def _lay_out(search, fleet, row):
    """Write the row as it stands into the scratch block; False if it breaks its own promises."""
    travel_s, along = search.travel_s, search.along
    stop, asap, leave = along[STOP], along[ASAP], along[LEAVE]
    seats, places, driven = along[SEATS], along[PLACES], along[DRIVEN]
    code, _ = schedule_row(
        fleet, row, travel_s, search.now_s, along[NEW_LEG], along[PLANNED][1:], along[NEW_PUSHED]
    )
    if code != FEASIBLE:
        return False
    start_s = max(fleet.start_s[row], search.now_s)
    stop[0] = fleet.start_stop[row]
    asap[0] = start_s
    leave[0] = start_s
    seats[0] = fleet.start_load[row, 0]
    places[0] = fleet.start_load[row, 1]
    driven[0] = 0
    for i in range(fleet.n_visits[row]):
        leg_s = along[NEW_LEG, i]
        stop[i + 1] = fleet.visit_stop[row, i]
        driven[i + 1] = driven[i] + leg_s
        asap[i + 1] = max(leave[i] + leg_s, fleet.earliest_s[row, i])
        leave[i + 1] = asap[i + 1] + fleet.dwell_s[row, i]
        seats[i + 1] = seats[i] + fleet.load_change[row, i, 0]
        places[i + 1] = places[i] + fleet.load_change[row, i, 1]
    return True


@njit(cache=True)
def _scan_dropoffs(
    search,
    fleet,
    request,
    row,
    k,
    pickup_code,
    boarding_s,
    boarded_s,
    drive_s,
    following,
    floor,
    by_cost,
):
    """Carry the new riders along the route from their pickup and try every place to alight.

    ``floor`` is a cost below which no such candidate lies; it holds if ``by_cost``.
    """
    prices, along = search.prices, search.along
    travel_s, best = search.travel_s, search.best
    n = fleet.n_visits[row]
    stop, seats, places = along[STOP], along[SEATS], along[PLACES]
    begin, depart = along[BEGIN], along[DEPART]
    seat_room = fleet.capacity[row, 0] + search.allowance.seats - request.seats
    place_room = fleet.capacity[row, 1] + search.allowance.places - request.places
    pickup_stop = request.pickup_stop[k]
    at_stop = pickup_stop
    leave_s = boarded_s
    pos = following
    while True:
        if by_cost and best[FOUND]:
            aboard = prices.riding * request.riders * (leave_s - boarded_s)
            if floor + aboard > best[TOTAL]:
                return  # and riding further costs more
        for m in range(len(request.dropoff_stop)):
            dropoff_stop = request.dropoff_stop[m]
            leg_s = travel_s[at_stop, dropoff_stop]
            if dropoff_stop == pickup_stop or leg_s >= NO_PATH_S:
                continue
            alighting_s = leave_s + leg_s
            if alighting_s > request.dropoff_latest_s[m]:
                continue
            _consider(
                search,
                fleet,
                request,
                row,
                k,
                m,
                pickup_code,
                2 * (pos - 1),
                boarding_s,
                boarded_s,
                alighting_s,
                alighting_s + request.dwell_s,
                drive_s + leg_s,
                pos,
                by_cost,
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
            if request.dropoff_stop[m] != stop[pos] or stop[pos] == pickup_stop:
                continue
            if begin_s > request.dropoff_latest_s[m]:
                continue
            depart[pos] = begin_s + max(fleet.dwell_s[row, pos - 1], request.dwell_s)
            _consider(
                search,
                fleet,
                request,
                row,
                k,
                m,
                pickup_code,
                2 * pos - 1,
                boarding_s,
                boarded_s,
                begin_s,
                depart[pos],
                drive_s,
                pos + 1,
                by_cost,
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
    search,
    fleet,
    request,
    row,
    k,
    m,
    pickup_code,
    dropoff_code,
    boarding_s,
    boarded_s,
    alighting_s,
    alighted_s,
    drive_s,
    pos,
    by_cost,
):
    """Finish one candidate from the drop-off on, price it and keep it if it is the best.

    ``begin`` and ``depart`` hold the candidate's times before ``pos``; those from ``pos`` on
    are written here, for the visits of the route as it was. ``drive_s`` is the drive up to the
    drop-off.
    """
    prices, along = search.prices, search.along
    best = search.best
    n = fleet.n_visits[row]
    stop, driven = along[STOP], along[DRIVEN]
    begin, depart = along[BEGIN], along[DEPART]
    leg_s = 0
    if pos <= n:
        leg_s = search.travel_s[request.dropoff_stop[m], stop[pos]]
        if leg_s >= NO_PATH_S:
            return
        drive_s += leg_s + driven[n] - driven[pos]
    if drive_s > fleet.drive_limit_s[row] + search.allowance.drive_s:
        return
    driving = prices.driving * (drive_s - driven[n])
    walk_s = request.pickup_walk_s[k] + request.dropoff_walk_s[m]
    walking = prices.walking * request.riders * walk_s
    if by_cost and best[FOUND]:
        floor = request.riders * (
            prices.waiting * (boarding_s - request.desired_s)
            + prices.riding * (alighting_s - boarding_s)
        )
        if driving + walking + floor > best[TOTAL]:
            return
    leave_s = alighted_s
    for i in range(pos, n + 1):
        begin[i] = max(leave_s + leg_s, fleet.earliest_s[row, i - 1])
        if begin[i] > fleet.latest_s[row, i - 1]:
            return
        leave_s = begin[i] + fleet.dwell_s[row, i - 1]
        depart[i] = leave_s
        if i < n:
            leg_s = driven[i + 1] - driven[i]
    if leave_s > fleet.end_s[row] + search.allowance.shift_s:
        return

    if _keeps_ride_limits(search, fleet, row, alighting_s - boarded_s, request.max_ride_s[k, m]):
        waiting_s, riding_s = _others_later_s(search, fleet, row, begin, 1, -1, -1)
    else:
        # Some ride would be too long: pickups wait for it, which takes the full fixed point.
        times = along[NEW_BEGIN]
        if (
            _time_candidate(search, fleet, request, row, k, m, pickup_code, dropoff_code, times)
            != FEASIBLE
        ):
            return
        waiting_s, riding_s = _others_later_s(
            search, fleet, row, times, 0, pickup_code, dropoff_code
        )
        boarding_s = times[pickup_code >> 1]
        alighting_s = times[_dropoff_index(pickup_code, dropoff_code)]
    waiting_s = waiting_s * prices.others + request.riders * (boarding_s - request.desired_s)
    riding_s = riding_s * prices.others + request.riders * (alighting_s - boarding_s)
    waiting = prices.waiting * waiting_s
    riding = prices.riding * riding_s
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
def _keeps_ride_limits(search, fleet, row, new_ride_s, new_max_s):
    """Whether the candidate's times without ride limits happen to keep them all."""
    begin, depart = search.along[BEGIN], search.along[DEPART]
    if new_ride_s > new_max_s:
        return False
    for r in range(fleet.n_rides[row]):
        p = fleet.ride_pickup[row, r]
        d = fleet.ride_dropoff[row, r]
        if p >= 0 and begin[d + 1] - depart[p + 1] > fleet.ride_max_s[row, r]:
            return False
    return True


@njit(cache=True)
def _others_later_s(search, fleet, row, begin, first, pickup_code, dropoff_code):
    """Seconds that the row's own riders wait longer and ride longer, summed over persons.

    ``begin`` is indexed by old visit plus ``first`` if the codes are -1 (all visits keep their
    places then), else by the visits of the new route.
    """
    planned = search.along[PLANNED]
    waiting_s = 0
    riding_s = 0
    for r in range(fleet.n_rides[row]):
        p = fleet.ride_pickup[row, r]
        d = fleet.ride_dropoff[row, r]
        later_s = 0
        if p >= 0:
            later_s = begin[_moved(p, pickup_code, dropoff_code) + first] - planned[p + 1]
        dropped_s = begin[_moved(d, pickup_code, dropoff_code) + first]
        waiting_s += fleet.ride_riders[row, r] * later_s
        riding_s += fleet.ride_riders[row, r] * (dropped_s - planned[d + 1] - later_s)
    return waiting_s, riding_s


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
def _time_candidate(search, fleet, request, row, k, m, pickup_code, dropoff_code, begin_s):
    """Build the whole candidate route and time it with ride limits; begins into ``begin_s``."""
    along, rides = search.along, search.rides
    stop, earliest, latest = along[NEW_STOP], along[NEW_EARLIEST], along[NEW_LATEST]
    dwell, leg_s = along[NEW_DWELL], along[NEW_LEG]
    n = fleet.n_visits[row]
    for i in range(n):
        j = _moved(i, pickup_code, dropoff_code)
        stop[j] = fleet.visit_stop[row, i]
        earliest[j] = fleet.earliest_s[row, i]
        latest[j] = fleet.latest_s[row, i]
        dwell[j] = fleet.dwell_s[row, i]
    new_n = n + 2 - (pickup_code & 1) - (dropoff_code & 1)
    p = pickup_code >> 1
    d = _dropoff_index(pickup_code, dropoff_code)
    # A new visit has no bounds but the party's; a joined one keeps its own as well.
    if not pickup_code & 1:
        stop[p] = request.pickup_stop[k]
        earliest[p] = request.pickup_earliest_s[k]
        latest[p] = request.pickup_latest_s[k]
        dwell[p] = request.dwell_s
    if not dropoff_code & 1:
        stop[d] = request.dropoff_stop[m]
        earliest[d] = 0
        latest[d] = request.dropoff_latest_s[m]
        dwell[d] = request.dwell_s
    earliest[p] = max(earliest[p], request.pickup_earliest_s[k])
    latest[p] = min(latest[p], request.pickup_latest_s[k])
    dwell[p] = max(dwell[p], request.dwell_s)
    latest[d] = min(latest[d], request.dropoff_latest_s[m])
    dwell[d] = max(dwell[d], request.dwell_s)
    before = fleet.start_stop[row]
    for j in range(new_n):
        leg_s[j] = search.travel_s[before, stop[j]]
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
        max(fleet.start_s[row], search.now_s),
        fleet.end_s[row] + search.allowance.shift_s,
        fleet.drive_limit_s[row] + search.allowance.drive_s,
        leg_s,
        earliest,
        latest,
        dwell,
        n_rides + 1,
        rides[0],
        rides[1],
        rides[2],
        begin_s,
        along[NEW_PUSHED],
    )
    return code
