# mypy: disallow-untyped-defs=False
"""Compiled timing of routes; `dispatcher.planning.schedule` is the readable definition."""

from numba import njit

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
def schedule_row(fleet, row, travel_s, start_s, leg_s, begin_s, pushed_s):
    """Time one row of the fleet as it stands; arguments and result as `least_schedule`.

    ``leg_s``, ``begin_s`` and ``pushed_s`` are room for at least the row's visits.
    """
    heads = fleet.heads
    line = fleet.along[row]
    ride = fleet.rides[row]
    n = heads[N_VISITS, row]
    for i in range(n):
        if (
            line[SEATS, i + 1] > heads[CAPACITY_SEATS, row]
            or line[PLACES, i + 1] > heads[CAPACITY_PLACES, row]
        ):
            return CAPACITY, i
        leg_s[i] = travel_s[line[STOP, i], line[STOP, i + 1]]
    return least_schedule(
        n,
        start_s,
        heads[END_S, row],
        heads[DRIVE_LIMIT_S, row],
        leg_s,
        line[EARLIEST, 1:],
        line[LATEST, 1:],
        line[DWELL, 1:],
        heads[N_RIDES, row],
        ride[RIDE_PICKUP],
        ride[RIDE_DROPOFF],
        ride[RIDE_MAX_S],
        begin_s,
        pushed_s,
    )


@njit(cache=True)
def keep_laid_out(fleet, row, travel_s, start_s, room):
    """Bring a row's derived lines up to a departure at ``start_s``, with little work if any.

    ``room`` is two lines for at least the row's visits.
    """
    heads, along = fleet.heads, fleet.along
    laid_s = heads[LAID_S, row]
    if laid_s == start_s:
        return
    if laid_s != UNLAID_S and start_s > laid_s:
        # A later departure mends nothing, and often the first visit has to be waited for anyway.
        state = heads[STATE, row]
        if state == BROKEN:
            heads[LAID_S, row] = start_s
            return
        if state != IDLE and start_s + along[row, DRIVEN, 1] <= along[row, ASAP, 1]:
            heads[LAID_S, row] = start_s
            along[row, ASAP, 0] = start_s
            along[row, LEAVE, 0] = start_s
            along[row, PLANNED, 0] = start_s
            return
    heads[LAID_S, row] = start_s
    along[row, ASAP, 0] = start_s
    along[row, LEAVE, 0] = start_s
    along[row, PLANNED, 0] = start_s
    along[row, DRIVEN, 0] = 0
    if heads[STATE, row] != IDLE:
        heads[STATE, row] = _lay_out(fleet, row, travel_s, start_s, room)


@njit(cache=True)
def _lay_out(fleet, row, travel_s, start_s, room):
    """Write a row's derived lines behind its start and return its state."""
    heads, along = fleet.heads, fleet.along
    n = heads[N_VISITS, row]
    for i in range(n):
        leg_s = travel_s[along[row, STOP, i], along[row, STOP, i + 1]]
        if leg_s >= NO_PATH_S:
            return BROKEN
        along[row, DRIVEN, i + 1] = along[row, DRIVEN, i] + leg_s
        begin_s = max(along[row, LEAVE, i] + leg_s, along[row, EARLIEST, i + 1])
        if begin_s > along[row, LATEST, i + 1]:
            return BROKEN
        along[row, ASAP, i + 1] = begin_s
        along[row, PLANNED, i + 1] = begin_s
        along[row, LEAVE, i + 1] = begin_s + along[row, DWELL, i + 1]
        if (
            along[row, SEATS, i + 1] > heads[CAPACITY_SEATS, row]
            or along[row, PLACES, i + 1] > heads[CAPACITY_PLACES, row]
        ):
            return BROKEN
    if along[row, DRIVEN, n] > heads[DRIVE_LIMIT_S, row]:
        return BROKEN
    if along[row, LEAVE, n] > heads[END_S, row]:
        return BROKEN
    last_s = along[row, LATEST, n]
    along[row, LAST, n] = last_s
    for i in range(n - 1, 0, -1):
        leg_s = along[row, DRIVEN, i + 1] - along[row, DRIVEN, i]
        last_s = min(along[row, LATEST, i], last_s - leg_s - along[row, DWELL, i])
        along[row, LAST, i] = last_s
    for r in range(heads[N_RIDES, row]):
        p = fleet.rides[row, RIDE_PICKUP, r]
        d = fleet.rides[row, RIDE_DROPOFF, r]
        if p < 0:
            continue
        ride_s = along[row, ASAP, d + 1] - along[row, LEAVE, p + 1]
        if ride_s > fleet.rides[row, RIDE_MAX_S, r]:
            code, _ = schedule_row(
                fleet, row, travel_s, start_s, room[0], along[row, PLANNED, 1:], room[1]
            )
            return HELD_BACK if code == FEASIBLE else BROKEN
    return PLAIN
