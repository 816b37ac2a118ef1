# mypy: disallow-untyped-defs=False
"""All places to board and alight in one row, of which only the promising ones are carried out.

Two things are skipped. What cannot be feasible: times are taken without ride limits, and ride
limits only ever make them later. And what cannot be cheapest: where the travel times keep the
triangle inequality, an insertion makes nobody's begin earlier, and while waiting costs no less than
riding, later begins cost no less; so what is known of the new riders' cost and of the detours is
a floor under the candidate's cost. In a row whose pickups already wait for a ride limit, a longer
dwell may bring begins forward, but never before the times without ride limits: the floor is lower
there by what that could save at most (`could_save`).
"""

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.candidates import BEGIN, DEPART, REST, consider
from dispatcher.planning.kernels.lines import (
    ASAP,
    CAPACITY_PLACES,
    CAPACITY_SEATS,
    CHOICE_EARLIEST_S,
    CHOICE_LATEST_S,
    CHOICE_STOP,
    CHOICE_WALK_S,
    DRIVEN,
    DWELL,
    EARLIEST,
    FOUND,
    HELD_BACK,
    LAST,
    LEAVE,
    N_RIDES,
    N_VISITS,
    NO_PATH_S,
    PLACES,
    PLANNED,
    RIDE_DROPOFF,
    RIDE_PICKUP,
    RIDE_RIDERS,
    SEATS,
    STATE,
    STOP,
    TOTAL,
)

NEVER = 1 << 62  # dearer than anything


@njit(cache=True, forceinline=True)
def could_save(prices, fleet, row):
    """Most that an insertion could save a row's own riders."""
    heads, along, limits, rides = fleet.heads, fleet.along, fleet.limits, fleet.rides
    if heads[STATE, row] != HELD_BACK or prices.others == 0:
        return 0
    saving = 0
    for r in range(heads[N_RIDES, row]):
        p = rides[row, RIDE_PICKUP, r]
        d = rides[row, RIDE_DROPOFF, r]
        cost = prices.riding * (limits[row, d + 1, PLANNED] - along[row, d + 1, ASAP])
        if p >= 0:
            sooner_s = limits[row, p + 1, PLANNED] - along[row, p + 1, ASAP]
            cost += (prices.waiting - prices.riding) * sooner_s
        saving += rides[row, RIDE_RIDERS, r] * cost
    return saving


@njit(cache=True, forceinline=True)
def try_row(search, fleet, request, row):
    """Try every place to board in one row that is laid out and keeps its own promises."""
    prices, best = search.prices, search.best
    heads, along, scratch = fleet.heads, fleet.along, search.scratch
    travel_s, back_s, ahead = search.travel_s, search.back_s, search.ahead
    n = heads[N_VISITS, row]
    riders, dwell_s = request.riders, request.dwell_s
    seat_room = heads[CAPACITY_SEATS, row] + search.allowance.seats - request.seats
    place_room = heads[CAPACITY_PLACES, row] + search.allowance.places - request.places
    by_cost, bounded = search.by_cost, search.bounded
    saving = could_save(prices, fleet, row)
    looked_ahead = False

    for k in range(len(request.pickups)):
        pickup_stop = request.pickups[k, CHOICE_STOP]
        earliest_s = request.pickups[k, CHOICE_EARLIEST_S]
        latest_s = request.pickups[k, CHOICE_LATEST_S]
        walk_s = request.pickups[k, CHOICE_WALK_S]
        boarding = riders * (
            prices.riding * dwell_s + prices.walking * walk_s - prices.waiting * request.desired_s
        )
        for code in range(2 * n + 1):
            g = code >> 1
            if not code & 1:
                # The candidate's times before the pickup are the row's own.
                leave_s = along[row, g, LEAVE]
                scratch[BEGIN, g] = along[row, g, ASAP]
                scratch[DEPART, g] = leave_s
                if leave_s > latest_s:
                    break  # every later place begins later still
                waiting = riders * prices.waiting * max(leave_s, earliest_s)
                if bounded and best[FOUND] and boarding + waiting + ahead[k] - saving > best[TOTAL]:
                    break  # and costs more still
                if along[row, g, SEATS] > seat_room or along[row, g, PLACES] > place_room:
                    continue
                leg_s = back_s[pickup_stop, along[row, g, STOP]]
                if leg_s >= NO_PATH_S:
                    continue
                boarding_s = max(leave_s + leg_s, earliest_s)
                if boarding_s > latest_s:
                    continue
                boarded_s = boarding_s + dwell_s
                drive_s = along[row, g, DRIVEN] + leg_s
                detour_s = leg_s
                following = g + 1
                if g < n:
                    onward_s = travel_s[pickup_stop, along[row, g + 1, STOP]]
                    # Whoever alights before the next visit makes it later still.
                    if boarded_s + onward_s > along[row, g + 1, LAST]:
                        continue
                    detour_s += onward_s - (along[row, g + 1, DRIVEN] - along[row, g, DRIVEN])
            else:
                if along[row, g + 1, STOP] != pickup_stop:
                    continue
                boarding_s = max(along[row, g + 1, ASAP], earliest_s)
                if boarding_s > min(latest_s, along[row, g + 1, LAST]):
                    continue
                if along[row, g + 1, SEATS] > seat_room or along[row, g + 1, PLACES] > place_room:
                    continue
                boarded_s = boarding_s + max(along[row, g + 1, DWELL], dwell_s)
                scratch[BEGIN, g + 1] = boarding_s
                scratch[DEPART, g + 1] = boarded_s
                drive_s = along[row, g + 1, DRIVEN]
                detour_s = 0
                following = g + 2
            floor = prices.driving * detour_s + riders * (
                prices.waiting * (boarding_s - request.desired_s)
                + prices.riding * (boarded_s - boarding_s)
                + prices.walking * walk_s
            )
            if bounded and best[FOUND] and floor + ahead[k] - saving > best[TOTAL]:
                continue
            if not looked_ahead:
                looked_ahead = True
                _alighting_floors(search, fleet, request, row, seat_room, place_room)
            # Riders who go on past the next visit, or past the one they joined.
            rest = scratch[REST, g + 1]
            if not code & 1:
                direct = _straight_floor(search, fleet, request, row, k, g, drive_s)
                if rest != NEVER:
                    rest += floor - riders * prices.riding * boarded_s
                if direct != NEVER:
                    direct += floor - prices.driving * detour_s
                    rest = min(rest, direct)
            elif rest != NEVER:
                rest += floor - riders * prices.riding * boarded_s
            if rest == NEVER or (by_cost and best[FOUND] and rest - saving > best[TOTAL]):
                continue
            _try_alighting(
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
                saving,
                seat_room,
                place_room,
            )


@njit(cache=True, forceinline=True)
def _straight_floor(search, fleet, request, row, k, g, drive_s):
    """Floor of driving, riding and walking, if the riders alight before any other visit.

    ``drive_s`` is the drive up to the pickup behind position ``g``. NEVER without a path.
    """
    prices, travel_s, along = search.prices, search.travel_s, fleet.along
    n = fleet.heads[N_VISITS, row]
    pickup_stop = request.pickups[k, CHOICE_STOP]
    least = NEVER
    for m in range(len(request.dropoffs)):
        stop = request.dropoffs[m, CHOICE_STOP]
        direct_s = travel_s[pickup_stop, stop]
        if stop == pickup_stop or direct_s >= NO_PATH_S:
            continue
        driven_s = drive_s + direct_s - along[row, g, DRIVEN]
        if g < n:
            leg_s = travel_s[stop, along[row, g + 1, STOP]]
            driven_s += leg_s - (along[row, g + 1, DRIVEN] - along[row, g, DRIVEN])
        ride = prices.riding * direct_s + prices.walking * request.dropoffs[m, CHOICE_WALK_S]
        least = min(least, prices.driving * driven_s + request.riders * ride)
    return least


@njit(cache=True, forceinline=True)
def _alighting_floors(search, fleet, request, row, seat_room, place_room):
    """Write floors of alighting at or behind each position and all later ones, for riders aboard.

    Counted are the detour, the time of alighting priced as riding, and the walk. NEVER where
    alighting would be too late for the riders or for those after them.
    """
    prices, travel_s, back_s = search.prices, search.travel_s, search.back_s
    along, scratch = fleet.along, search.scratch
    riders, dwell_s = request.riders, request.dwell_s
    n = fleet.heads[N_VISITS, row]
    least = NEVER
    scratch[REST, n + 1] = NEVER
    for pos in range(n, 0, -1):
        here = along[row, pos, STOP]
        leave_s = along[row, pos, LEAVE]
        if along[row, pos, SEATS] > seat_room or along[row, pos, PLACES] > place_room:
            least = NEVER  # nobody more can ride on from here
            leave_s = NEVER
        for m in range(len(request.dropoffs)):
            stop = request.dropoffs[m, CHOICE_STOP]
            latest_s = request.dropoffs[m, CHOICE_LATEST_S]
            if stop == here:
                alighting_s = along[row, pos, ASAP]
                detour_s = 0
            else:
                detour_s = back_s[stop, here]
                alighting_s = leave_s + detour_s
                if pos < n:
                    leg_s = travel_s[stop, along[row, pos + 1, STOP]]
                    if alighting_s + dwell_s + leg_s > along[row, pos + 1, LAST]:
                        continue
                    detour_s += leg_s - (along[row, pos + 1, DRIVEN] - along[row, pos, DRIVEN])
            if alighting_s > latest_s:
                continue
            walk_s = request.dropoffs[m, CHOICE_WALK_S]
            least = min(
                least,
                prices.driving * detour_s
                + riders * (prices.riding * alighting_s + prices.walking * walk_s),
            )
        scratch[REST, pos] = least


@njit(cache=True, forceinline=True)
def _try_alighting(
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
    saving,
    seat_room,
    place_room,
):
    """Carry the new riders along the route from their pickup and try every place to alight.

    ``floor`` is a cost below which no such candidate lies, but for the row's ``saving``.
    """
    prices, best = search.prices, search.best
    by_cost = search.by_cost
    along, limits, scratch = fleet.along, fleet.limits, search.scratch
    travel_s, back_s = search.travel_s, search.back_s
    riders, dwell_s = request.riders, request.dwell_s
    n = fleet.heads[N_VISITS, row]
    pickup_stop = request.pickups[k, CHOICE_STOP]
    at_stop = pickup_stop
    leave_s = boarded_s
    pos = following
    while True:
        if by_cost and best[FOUND]:
            aboard = prices.riding * riders * (leave_s - boarded_s)
            if floor + aboard - saving > best[TOTAL]:
                return  # and riding further costs more
        for m in range(len(request.dropoffs)):
            dropoff_stop = request.dropoffs[m, CHOICE_STOP]
            leg_s = back_s[dropoff_stop, at_stop]
            if dropoff_stop == pickup_stop or leg_s >= NO_PATH_S:
                continue
            alighting_s = leave_s + leg_s
            if alighting_s > request.dropoffs[m, CHOICE_LATEST_S]:
                continue
            consider(
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
                alighting_s + dwell_s,
                drive_s + leg_s,
                pos,
                saving,
            )
        if pos > n:
            return
        here = along[row, pos, STOP]
        leg_s = travel_s[at_stop, here]
        if leg_s >= NO_PATH_S:
            return
        begin_s = max(leave_s + leg_s, limits[row, pos, EARLIEST])
        if begin_s > along[row, pos, LAST]:
            return
        drive_s += leg_s
        scratch[BEGIN, pos] = begin_s
        for m in range(len(request.dropoffs)):
            if request.dropoffs[m, CHOICE_STOP] != here or here == pickup_stop:
                continue
            if begin_s > request.dropoffs[m, CHOICE_LATEST_S]:
                continue
            scratch[DEPART, pos] = begin_s + max(along[row, pos, DWELL], dwell_s)
            consider(
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
                scratch[DEPART, pos],
                drive_s,
                pos + 1,
                saving,
            )
        # Riding on past this visit needs room when leaving it.
        if along[row, pos, SEATS] > seat_room or along[row, pos, PLACES] > place_room:
            return
        leave_s = begin_s + along[row, pos, DWELL]
        scratch[DEPART, pos] = leave_s
        at_stop = here
        pos += 1
