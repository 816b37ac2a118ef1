# mypy: disallow-untyped-defs=False
"""Single places to board and alight in one row: exact timing and price, and which is the best.

`dispatcher.planning.twin` is the readable definition.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.lines import (
    CHOICE_EARLIEST_S,
    CHOICE_LATEST_S,
    CHOICE_STOP,
    CHOICE_WALK_S,
    DRIVE_LIMIT_S,
    DRIVEN,
    DRIVING,
    DROPOFF_CHOICE,
    DROPOFF_CODE,
    DWELL,
    EARLIEST,
    END_S,
    FOUND,
    LAID_S,
    LAST,
    LATEST,
    N_RIDES,
    N_VISITS,
    NEW_VISITS,
    NO_PATH_S,
    PICKUP_CHOICE,
    PICKUP_CODE,
    PLANNED,
    RIDE_DROPOFF,
    RIDE_MAX_S,
    RIDE_PICKUP,
    RIDE_RIDERS,
    RIDING,
    ROW,
    STOP,
    TOTAL,
    WAITING,
    WALKING,
    Allowance,
    Prices,
)
from dispatcher.planning.kernels.timing import FEASIBLE, least_schedule

# Lines of the scratch block: the candidate's begins and departures by position of the row as it
# stands, floors of alighting from each position on, and room for the full timing of one route.
BEGIN = 0
DEPART = 1
REST = 2
NEW_BEGIN = 3
NEW_STOP = 4
NEW_EARLIEST = 5
NEW_LATEST = 6
NEW_DWELL = 7
NEW_LEG = 8
NEW_PUSHED = 9
SCRATCH_LINES = 10


class Search(NamedTuple):
    """All else that stays the same during one scan, and the scratch space it writes to.

    Fleet and request are passed beside it: taking a tuple of arrays out of a tuple counts a
    reference to each of them, which showed as half again the time of a scan.
    """

    travel_s: NDArray[np.int64]  # [from, to]
    back_s: NDArray[np.int32]  # [to, from]: what lies near a stop is read side by side
    prices: Prices
    allowance: Allowance
    by_cost: bool  # skip by cost: a later begin never lowers it
    bounded: bool  # skip by the cost of boarding, riding and walking alone
    ahead: NDArray[np.int64]  # [K], least cost of riding and walking on after each pickup
    best: NDArray[np.int64]  # [RESULT_SIZE]
    scratch: NDArray[np.int64]  # [SCRATCH_LINES, P + 2]
    ends: NDArray[np.int64]  # [3, R + 1], pickup, drop-off and limit of a candidate's rides


@njit(cache=True, forceinline=True)
def consider(
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
    saving,
):
    """Finish one candidate from the drop-off on, price it and keep it if it is the best.

    ``BEGIN`` and ``DEPART`` hold the candidate's times before ``pos``; those from ``pos`` on
    are written here, for the visits of the route as it was. ``drive_s`` is the drive up to the
    drop-off, ``saving`` what the row's own riders could save at most.
    """
    prices, best = search.prices, search.best
    along, limits, scratch = fleet.along, fleet.limits, search.scratch
    n = fleet.heads[N_VISITS, row]
    leg_s = 0
    if pos <= n:
        leg_s = search.travel_s[request.dropoffs[m, CHOICE_STOP], along[row, pos, STOP]]
        if leg_s >= NO_PATH_S or alighted_s + leg_s > along[row, pos, LAST]:
            return
        drive_s += leg_s + along[row, n, DRIVEN] - along[row, pos, DRIVEN]
    if drive_s > fleet.heads[DRIVE_LIMIT_S, row] + search.allowance.drive_s:
        return
    driving = prices.driving * (drive_s - along[row, n, DRIVEN])
    walk_s = request.pickups[k, CHOICE_WALK_S] + request.dropoffs[m, CHOICE_WALK_S]
    walking = prices.walking * request.riders * walk_s
    if search.by_cost and best[FOUND]:
        floor = request.riders * (
            prices.waiting * (boarding_s - request.desired_s)
            + prices.riding * (alighting_s - boarding_s)
        )
        if driving + walking + floor - saving > best[TOTAL]:
            return
    leave_s = alighted_s
    for i in range(pos, n + 1):
        begin_s = max(leave_s + leg_s, limits[row, i, EARLIEST])
        if begin_s > along[row, i, LAST]:
            return
        leave_s = begin_s + along[row, i, DWELL]
        scratch[BEGIN, i] = begin_s
        scratch[DEPART, i] = leave_s
        if i < n:
            leg_s = along[row, i + 1, DRIVEN] - along[row, i, DRIVEN]
    if leave_s > fleet.heads[END_S, row] + search.allowance.shift_s:
        return

    if _keeps_ride_limits(search, fleet, row, alighting_s - boarded_s, request.max_ride_s[k, m]):
        waiting_s, riding_s = _others_later_s(search, fleet, row, BEGIN, 1, -1, -1)
    else:
        # Some ride would be too long: pickups wait for it, which takes the full fixed point.
        times = scratch[NEW_BEGIN]
        if (
            time_candidate(search, fleet, request, row, k, m, pickup_code, dropoff_code, times)
            != FEASIBLE
        ):
            return
        waiting_s, riding_s = _others_later_s(
            search, fleet, row, NEW_BEGIN, 0, pickup_code, dropoff_code
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


@njit(cache=True, forceinline=True)
def _keeps_ride_limits(search, fleet, row, new_ride_s, new_max_s):
    """Whether the candidate's times without ride limits happen to keep them all."""
    scratch, rides = search.scratch, fleet.rides
    if new_ride_s > new_max_s:
        return False
    for r in range(fleet.heads[N_RIDES, row]):
        p = rides[row, RIDE_PICKUP, r]
        if p < 0:
            continue
        ride_s = scratch[BEGIN, rides[row, RIDE_DROPOFF, r] + 1] - scratch[DEPART, p + 1]
        if ride_s > rides[row, RIDE_MAX_S, r]:
            return False
    return True


@njit(cache=True, forceinline=True)
def _others_later_s(search, fleet, row, line, first, pickup_code, dropoff_code):
    """Seconds that the row's own riders wait longer and ride longer, summed over persons.

    The scratch line of begins is indexed by old visit plus ``first`` if the codes are -1 (all
    visits keep their places then), else by the visits of the new route.
    """
    scratch, limits, rides = search.scratch, fleet.limits, fleet.rides
    waiting_s = 0
    riding_s = 0
    for r in range(fleet.heads[N_RIDES, row]):
        p = rides[row, RIDE_PICKUP, r]
        d = rides[row, RIDE_DROPOFF, r]
        later_s = 0
        if p >= 0:
            boards_s = scratch[line, _moved(p, pickup_code, dropoff_code) + first]
            later_s = boards_s - limits[row, p + 1, PLANNED]
        alights_s = scratch[line, _moved(d, pickup_code, dropoff_code) + first]
        waiting_s += rides[row, RIDE_RIDERS, r] * later_s
        riding_s += rides[row, RIDE_RIDERS, r] * (alights_s - limits[row, d + 1, PLANNED] - later_s)
    return waiting_s, riding_s


@njit(cache=True, forceinline=True)
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


@njit(cache=True, forceinline=True)
def _moved(visit, pickup_code, dropoff_code):
    """Index of an old visit in the route with the new visits in it."""
    index = visit
    if not pickup_code & 1 and visit >= pickup_code >> 1:
        index += 1
    if not dropoff_code & 1 and visit >= dropoff_code >> 1:
        index += 1
    return index


@njit(cache=True, forceinline=True)
def _dropoff_index(pickup_code, dropoff_code):
    """Index of the drop-off visit in the new route; that of the pickup is its code halved."""
    return (dropoff_code >> 1) + (1 - (pickup_code & 1))


@njit(cache=True)
def time_candidate(search, fleet, request, row, k, m, pickup_code, dropoff_code, begin_s):
    """Build the whole candidate route and time it with ride limits; begins into ``begin_s``."""
    heads, along, limits, rides = fleet.heads, fleet.along, fleet.limits, fleet.rides
    scratch, ends = search.scratch, search.ends
    stop, earliest, latest = scratch[NEW_STOP], scratch[NEW_EARLIEST], scratch[NEW_LATEST]
    dwell, leg_s = scratch[NEW_DWELL], scratch[NEW_LEG]
    n = heads[N_VISITS, row]
    for i in range(n):
        j = _moved(i, pickup_code, dropoff_code)
        stop[j] = along[row, i + 1, STOP]
        earliest[j] = limits[row, i + 1, EARLIEST]
        latest[j] = limits[row, i + 1, LATEST]
        dwell[j] = along[row, i + 1, DWELL]
    new_n = n + 2 - (pickup_code & 1) - (dropoff_code & 1)
    p = pickup_code >> 1
    d = _dropoff_index(pickup_code, dropoff_code)
    # A new visit has no bounds but the party's; a joined one keeps its own as well.
    if not pickup_code & 1:
        stop[p] = request.pickups[k, CHOICE_STOP]
        earliest[p] = request.pickups[k, CHOICE_EARLIEST_S]
        latest[p] = request.pickups[k, CHOICE_LATEST_S]
        dwell[p] = request.dwell_s
    if not dropoff_code & 1:
        stop[d] = request.dropoffs[m, CHOICE_STOP]
        earliest[d] = 0
        latest[d] = request.dropoffs[m, CHOICE_LATEST_S]
        dwell[d] = request.dwell_s
    earliest[p] = max(earliest[p], request.pickups[k, CHOICE_EARLIEST_S])
    latest[p] = min(latest[p], request.pickups[k, CHOICE_LATEST_S])
    dwell[p] = max(dwell[p], request.dwell_s)
    latest[d] = min(latest[d], request.dropoffs[m, CHOICE_LATEST_S])
    dwell[d] = max(dwell[d], request.dwell_s)
    before = along[row, 0, STOP]
    for j in range(new_n):
        leg_s[j] = search.travel_s[before, stop[j]]
        before = stop[j]
    n_rides = heads[N_RIDES, row]
    for r in range(n_rides):
        pickup = rides[row, RIDE_PICKUP, r]
        ends[0, r] = -1 if pickup < 0 else _moved(pickup, pickup_code, dropoff_code)
        ends[1, r] = _moved(rides[row, RIDE_DROPOFF, r], pickup_code, dropoff_code)
        ends[2, r] = rides[row, RIDE_MAX_S, r]
    ends[0, n_rides] = p
    ends[1, n_rides] = d
    ends[2, n_rides] = request.max_ride_s[k, m]
    code, _ = least_schedule(
        new_n,
        heads[LAID_S, row],
        heads[END_S, row] + search.allowance.shift_s,
        heads[DRIVE_LIMIT_S, row] + search.allowance.drive_s,
        leg_s,
        earliest,
        latest,
        dwell,
        n_rides + 1,
        ends[0],
        ends[1],
        ends[2],
        begin_s,
        scratch[NEW_PUSHED],
    )
    return code
