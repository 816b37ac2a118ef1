# mypy: disallow-untyped-defs=False
"""Compiled search of a whole fleet for the cheapest insertion.

`dispatcher.planning.twin` is the readable definition. Every row has a floor: what the riders would
cost if the shuttle drove straight to them and then straight on. Rows are tried in widening rings of
that floor, the most promising first, until no floor left lies below the best found. What is left
out cannot be cheaper, and cannot come first among equals.
"""

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.candidates import SCRATCH_LINES, Search, time_candidate
from dispatcher.planning.kernels.lines import (
    AWAY,
    BROKEN,
    CAPACITY_PLACES,
    CAPACITY_SEATS,
    CHOICE_EARLIEST_S,
    CHOICE_LATEST_S,
    CHOICE_SIZE,
    CHOICE_STOP,
    CHOICE_WALK_S,
    DROPOFF_CHOICE,
    DROPOFF_CODE,
    FOUND,
    HELD_BACK,
    IDLE,
    LAID_S,
    NO_PATH_S,
    PICKUP_CHOICE,
    PICKUP_CODE,
    ROW,
    START_S,
    START_STOP,
    STATE,
    TOTAL,
    TRIED,
    Allowance,
    FleetView,
    Prices,
    RequestView,
)
from dispatcher.planning.kernels.timing import keep_laid_out
from dispatcher.planning.kernels.trying import NEVER, could_save, try_row

ANYTHING = -NEVER  # a floor that rules nothing out
FIRST_RING_S = 16  # of all prices together: wide enough for a good first answer
RING_GROWTH = 4
ASKED_HEAD = 16  # numbers of a request before its choices


@njit(cache=True)
def scan(
    heads,
    along,
    limits,
    rides,
    room,
    rows,
    forbidden,
    asked,
    travel_s,
    back_s,
    now_s,
    prunes,
    best,
    begin_s,
):
    """Write the cheapest feasible insertion into the considered rows.

    Parameters
    ----------
    heads, along, limits, rides
        The fleet; see `FleetView`. Derived lines are brought up to date.
    room : int64[room_needed(...)]
        To write to.
    rows : (int, int)
        The first row to try and the one behind the last; unavailable rows are skipped.
    forbidden : int64[...]
        Rows to skip as well.
    asked : int64[...]
        See `read_asked`.
    travel_s : int64[stops, stops]
    back_s : int32[stops, stops]
        The same, from and to exchanged.
    now_s : int
        No shuttle leaves its start before this time.
    prunes : bool
        Leave out what cannot be cheapest; otherwise look at all, for comparison.
    best : int64[RESULT_SIZE]
        Written; ``best[FOUND]`` is 0 if there is none.
    begin_s : int64[P + 1]
        Written: begins of all visits of the chosen row with the new ones in it.
    """
    best[FOUND] = 0
    best[TRIED] = 0
    fleet = FleetView(heads, along, limits, rides)
    request, prices, allowance = read_asked(asked)
    # One block for the whole scan: allocation would cost more than the arithmetic.
    lines_at = heads.shape[1]
    ends_at = lines_at + SCRATCH_LINES * (along.shape[1] + 2)
    ahead_at = ends_at + 3 * (rides.shape[2] + 1)
    floors = room[:lines_at]
    scratch = room[lines_at:ends_at].reshape((SCRATCH_LINES, along.shape[1] + 2))
    ends = room[ends_at:ahead_at].reshape((3, rides.shape[2] + 1))
    ahead = room[ahead_at : ahead_at + 2 * len(request.pickups)].reshape((2, len(request.pickups)))
    _write_ahead(request, prices, travel_s, ahead)
    by_cost = prunes and prices.waiting >= prices.riding
    bounded = by_cost or (prunes and prices.others == 0)
    search = Search(
        travel_s, back_s, prices, allowance, by_cost, bounded, ahead[0], best, scratch, ends
    )
    left = _write_floors(search, fleet, request, floors, rows, now_s, ahead[1])
    for row in forbidden:
        floors[row] = NEVER
    width = FIRST_RING_S * (prices.driving + request.riders * (prices.waiting + prices.riding)) + 1
    while left != NEVER and not (best[FOUND] and left > best[TOTAL]):
        left = _try_ring(search, fleet, request, floors, rows, left + width, now_s)
        width *= RING_GROWTH
    if best[FOUND]:
        time_candidate(
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


def room_needed(fleet: FleetView, pickups: int) -> int:
    """Numbers that a scan of this fleet writes to: floors, scratch lines, ends, what lies ahead."""
    positions, rides = fleet.along.shape[1], fleet.rides.shape[2]
    lines = SCRATCH_LINES * (positions + 2) + 3 * (rides + 1)
    return int(fleet.heads.shape[1] + lines + 2 * pickups)


@njit(cache=True, forceinline=True)
def read_asked(asked):
    """A request, prices and allowance from one line of numbers, in the order of their fields.

    Three small arrays fewer to hand over: with few shuttles that is as long as the search.
    """
    n_pickups, n_dropoffs = asked[0], asked[1]
    dropoffs_at = ASKED_HEAD + CHOICE_SIZE * n_pickups
    limits_at = dropoffs_at + CHOICE_SIZE * n_dropoffs
    request = RequestView(
        asked[ASKED_HEAD:dropoffs_at].reshape((n_pickups, CHOICE_SIZE)),
        asked[dropoffs_at:limits_at].reshape((n_dropoffs, CHOICE_SIZE)),
        asked[limits_at : limits_at + n_pickups * n_dropoffs].reshape((n_pickups, n_dropoffs)),
        asked[2],
        asked[3],
        asked[4],
        asked[5],
        asked[6],
    )
    prices = Prices(asked[7], asked[8], asked[9], asked[10], asked[11])
    return request, prices, Allowance(asked[12], asked[13], asked[14], asked[15])


@njit(cache=True, forceinline=True)
def _write_ahead(request, prices, travel_s, ahead):
    """Write the least cost of riding and walking on from each pickup; then with the drive."""
    for k in range(len(request.pickups)):
        ahead[0, k] = ahead[1, k] = NEVER
        pickup_stop = request.pickups[k, CHOICE_STOP]
        for m in range(len(request.dropoffs)):
            dropoff_stop = request.dropoffs[m, CHOICE_STOP]
            direct_s = travel_s[pickup_stop, dropoff_stop]
            if dropoff_stop == pickup_stop or direct_s >= NO_PATH_S:
                continue
            walking = prices.walking * request.dropoffs[m, CHOICE_WALK_S]
            cost = request.riders * (prices.riding * direct_s + walking)
            ahead[0, k] = min(ahead[0, k], cost)
            ahead[1, k] = min(ahead[1, k], cost + prices.driving * direct_s)


@njit(cache=True, forceinline=True)
def _write_floors(search, fleet, request, floors, rows, now_s, ahead_driven):
    """Write a floor under each row's cost, NEVER where it can serve nobody; return the least.

    A row that is idle has its cost for a floor.
    """
    prices, heads, back_s = search.prices, fleet.heads, search.back_s
    seats = request.seats - search.allowance.seats
    places = request.places - search.allowance.places
    least = NEVER
    for row in range(rows[0], rows[1]):
        floors[row] = NEVER
        state = heads[STATE, row]
        if state == AWAY:
            continue
        if seats > heads[CAPACITY_SEATS, row] or places > heads[CAPACITY_PLACES, row]:
            continue
        start_s = max(heads[START_S, row], now_s)
        saving = 0
        if state != IDLE:
            if heads[LAID_S, row] != start_s:
                keep_laid_out(fleet, row, search.travel_s, start_s, search.scratch)
                state = heads[STATE, row]
            if state == BROKEN:
                continue
            if state == HELD_BACK:
                saving = could_save(prices, fleet, row)
        floor = NEVER
        for k in range(len(request.pickups)):
            leg_s = back_s[request.pickups[k, CHOICE_STOP], heads[START_STOP, row]]
            boarding_s = max(start_s + leg_s, request.pickups[k, CHOICE_EARLIEST_S])
            if boarding_s > request.pickups[k, CHOICE_LATEST_S] or search.ahead[k] == NEVER:
                continue
            cost = request.riders * (
                prices.waiting * (boarding_s - request.desired_s)
                + prices.riding * request.dwell_s
                + prices.walking * request.pickups[k, CHOICE_WALK_S]
            )
            if state == IDLE:
                cost += prices.driving * leg_s + ahead_driven[k]
            else:
                cost += search.ahead[k] - saving
            floor = min(floor, cost)
        if floor != NEVER and not search.bounded:
            floor = ANYTHING
        floors[row] = floor
        least = min(least, floor)
    return least


@njit(cache=True, forceinline=True)
def _try_ring(search, fleet, request, floors, rows, within, now_s):
    """Try every row with a floor of at most ``within``; the least floor of those left."""
    heads, best = fleet.heads, search.best
    left = NEVER
    for row in range(rows[0], rows[1]):
        floor = floors[row]
        if floor > within:
            left = min(left, floor)
            continue
        floors[row] = NEVER
        if best[FOUND] and (floor > best[TOTAL] or (floor == best[TOTAL] and row > best[ROW])):
            continue
        if heads[STATE, row] == IDLE:
            start_s = max(heads[START_S, row], now_s)
            keep_laid_out(fleet, row, search.travel_s, start_s, search.scratch)
        best[TRIED] += 1
        try_row(search, fleet, request, row)
    return left
