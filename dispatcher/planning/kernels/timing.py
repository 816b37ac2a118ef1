# mypy: disallow-untyped-defs=False
# The readable twin carries the types.
"""Compiled timing of one route. `dispatcher.planning.schedule` is the readable definition."""

from numba import njit

FEASIBLE = 0
CAPACITY = 1
NO_PATH = 2
WINDOW = 3
SHIFT_END = 4
RIDE_TIME = 5

NO_PATH_S = 10_000_000


@njit(cache=True)
def least_schedule(
    n,
    start_s,
    end_s,
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
