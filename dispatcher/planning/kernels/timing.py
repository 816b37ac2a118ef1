# mypy: disallow-untyped-defs=False
"""Compiled timing of routes; `dispatcher.planning.schedule` is the readable definition."""

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.lines import (
    ASAP,
    BROKEN,
    CAPACITY_PLACES,
    CAPACITY_SEATS,
    DRIVE_LIMIT_S,
    DRIVEN,
    DWELL,
    EARLIEST,
    END_S,
    HELD_BACK,
    IDLE,
    LAID_S,
    LAST,
    LATEST,
    LEAVE,
    N_RIDES,
    N_VISITS,
    NO_PATH_S,
    PLACES,
    PLAIN,
    PLANNED,
    RIDE_DROPOFF,
    RIDE_MAX_S,
    RIDE_PICKUP,
    SEATS,
    STATE,
    STOP,
    UNLAID_S,
)

# What `least_schedule` says of a route.
FEASIBLE = 0
CAPACITY = 1
NO_PATH = 2
RANGE = 3
WINDOW = 4
SHIFT_END = 5
RIDE_TIME = 6

SCHEDULE_ROOM = 5  # lines of scratch space that `schedule_row` needs


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
def schedule_row(fleet, row, travel_s, start_s, begin_s, room):
    """Time one row of the fleet as it stands; result as `least_schedule`.

    ``begin_s`` and the SCHEDULE_ROOM lines of ``room`` are for at least the row's visits.
    """
    heads, along, limits, rides = fleet.heads, fleet.along, fleet.limits, fleet.rides
    n = heads[N_VISITS, row]
    for i in range(n):
        if (
            along[row, i + 1, SEATS] > heads[CAPACITY_SEATS, row]
            or along[row, i + 1, PLACES] > heads[CAPACITY_PLACES, row]
        ):
            return CAPACITY, i
        room[0, i] = travel_s[along[row, i, STOP], along[row, i + 1, STOP]]
        room[1, i] = limits[row, i + 1, EARLIEST]
        room[2, i] = limits[row, i + 1, LATEST]
        room[3, i] = along[row, i + 1, DWELL]
    return least_schedule(
        n,
        start_s,
        heads[END_S, row],
        heads[DRIVE_LIMIT_S, row],
        room[0],
        room[1],
        room[2],
        room[3],
        heads[N_RIDES, row],
        rides[row, RIDE_PICKUP],
        rides[row, RIDE_DROPOFF],
        rides[row, RIDE_MAX_S],
        begin_s,
        room[4],
    )


@njit(cache=True, forceinline=True)
def keep_laid_out(fleet, row, travel_s, start_s, room):
    """Bring a row's derived lines up to a departure at ``start_s``, with little work if any.

    ``room`` is SCHEDULE_ROOM + 1 lines for at least the row's visits.
    """
    heads, along, limits = fleet.heads, fleet.along, fleet.limits
    laid_s = heads[LAID_S, row]
    if laid_s == start_s:
        return
    if laid_s != UNLAID_S and start_s > laid_s:
        # A later departure mends nothing, and often the first visit has to be waited for anyway.
        state = heads[STATE, row]
        if state == BROKEN:
            heads[LAID_S, row] = start_s
            return
        if state != IDLE and start_s + along[row, 1, DRIVEN] <= along[row, 1, ASAP]:
            heads[LAID_S, row] = start_s
            along[row, 0, ASAP] = start_s
            along[row, 0, LEAVE] = start_s
            limits[row, 0, PLANNED] = start_s
            return
    heads[LAID_S, row] = start_s
    along[row, 0, ASAP] = start_s
    along[row, 0, LEAVE] = start_s
    limits[row, 0, PLANNED] = start_s
    along[row, 0, DRIVEN] = 0
    if heads[STATE, row] != IDLE:
        heads[STATE, row] = _lay_out(fleet, row, travel_s, start_s, room)


@njit(cache=True)
def _lay_out(fleet, row, travel_s, start_s, room):
    """Write a row's derived lines behind its start and return its state."""
    heads, along, limits = fleet.heads, fleet.along, fleet.limits
    n = heads[N_VISITS, row]
    for i in range(n):
        leg_s = travel_s[along[row, i, STOP], along[row, i + 1, STOP]]
        if leg_s >= NO_PATH_S:
            return BROKEN
        along[row, i + 1, DRIVEN] = along[row, i, DRIVEN] + leg_s
        begin_s = max(along[row, i, LEAVE] + leg_s, limits[row, i + 1, EARLIEST])
        if begin_s > limits[row, i + 1, LATEST]:
            return BROKEN
        along[row, i + 1, ASAP] = begin_s
        limits[row, i + 1, PLANNED] = begin_s
        along[row, i + 1, LEAVE] = begin_s + along[row, i + 1, DWELL]
        if (
            along[row, i + 1, SEATS] > heads[CAPACITY_SEATS, row]
            or along[row, i + 1, PLACES] > heads[CAPACITY_PLACES, row]
        ):
            return BROKEN
    if along[row, n, DRIVEN] > heads[DRIVE_LIMIT_S, row]:
        return BROKEN
    if along[row, n, LEAVE] > heads[END_S, row]:
        return BROKEN
    last_s = limits[row, n, LATEST]
    along[row, n, LAST] = last_s
    for i in range(n - 1, 0, -1):
        leg_s = along[row, i + 1, DRIVEN] - along[row, i, DRIVEN]
        last_s = min(limits[row, i, LATEST], last_s - leg_s - along[row, i, DWELL])
        along[row, i, LAST] = last_s
    for r in range(heads[N_RIDES, row]):
        p = fleet.rides[row, RIDE_PICKUP, r]
        d = fleet.rides[row, RIDE_DROPOFF, r]
        if p < 0:
            continue
        ride_s = along[row, d + 1, ASAP] - along[row, p + 1, LEAVE]
        if ride_s > fleet.rides[row, RIDE_MAX_S, r]:
            code, _ = schedule_row(fleet, row, travel_s, start_s, room[0], room[1:])
            for i in range(n):
                limits[row, i + 1, PLANNED] = room[0, i]
            return HELD_BACK if code == FEASIBLE else BROKEN
    return PLAIN
