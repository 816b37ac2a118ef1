"""The state put before the independent checker, and the engine's own books checked."""

from dispatcher.domain.ids import BookingId
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.engine.battery import is_errand, level_at
from dispatcher.engine.berths import standings
from dispatcher.engine.by_hand import obeys
from dispatcher.engine.routes import keys_of, may_drive
from dispatcher.engine.state import Hold, ServiceState, Shuttle
from dispatcher.planning.berths import Standing
from dispatcher.planning.checker import (
    CheckedBattery,
    CheckedCharge,
    CheckedRide,
    CheckedRoute,
    CheckedStand,
    CheckedVisit,
    check_berths,
    check_plan,
    check_plugs,
)
from dispatcher.planning.energy import level_ws
from dispatcher.planning.rows import FOREVER_S, RowPlan
from dispatcher.planning.schedule import Schedule, schedule

# Scaling whole watts loses less than one; no route is driven for longer than a day and a half.
_ROUNDING_WS = 131_072


def plan_faults(state: ServiceState) -> list[str]:
    """Every rule that the present plan breaks, in words. Empty when all is well.

    Shuttles whose route has no times, because no open street leads on, are not judged here.
    """
    routes = [
        _route(state, shuttle, shuttle.row, shuttle.times)
        for shuttle in state.shuttles.values()
        if len(shuttle.times.begin_s) == len(shuttle.row.visits)
    ]
    found = check_plan(routes, state.streets.stop_times_s)
    plugs = {index: stop.chargers for index, stop in enumerate(state.site.zone.stops)}
    found += check_berths(routes, _stands(state), _berths(state))
    found += check_plugs(_charges(state), plugs)
    return [f"{fault.kind} {fault.shuttle}: {fault.text}" for fault in found] + book_faults(state)


def book_faults(state: ServiceState) -> list[str]:
    """Contradictions in the engine's own records.

    More riders aboard than places are none: a shuttle that says so is believed.
    """
    faults = []
    carriers: dict[BookingId, list[str]] = {}
    for shuttle in state.shuttles.values():
        ids = [*shuttle.aboard, *keys_of(shuttle.row)]
        if shuttle.released is not None:
            ids += [*shuttle.released.boards, *shuttle.released.alights]
        for booking_id in dict.fromkeys(ids):
            carriers.setdefault(booking_id, []).append(shuttle.id)
            if booking_id not in state.bookings:
                faults.append(f"{shuttle.id} serves {booking_id}, which does not exist")
    for booking_id, booking in state.bookings.items():
        if carriers.get(booking_id, []) != [booking.shuttle_id]:
            on = carriers.get(booking_id, [])
            faults.append(f"{booking_id} is booked on {booking.shuttle_id} and stands on {on}")
        if (booking.hold is Hold.MOVING) != (booking_id in state.moving):
            faults.append(f"{booking_id} is {booking.hold} but listed otherwise")
    for shuttle in state.shuttles.values():
        row = state.row_of[shuttle.id]
        if (state.berths.of(row), state.berths.parked_at(row)) != _berths_of(state, shuttle):
            faults.append(f"{shuttle.id} stands elsewhere than the book of berths says")
    for trip_id, trip in state.trips.items():
        served = trip.booking_id is not None and trip.booking_id in state.bookings
        waits = trip.without_shuttle_since_s is not None
        if trip.state in ENDS or trip.state is TripState.OFFERED:
            continue
        if not served and not waits:
            faults.append(f"{trip_id} is {trip.state} and nobody serves it")
        if served and trip.booking_id is not None:
            booking = state.bookings[trip.booking_id]
            if booking.promise != trip.promise:
                faults.append(f"{trip_id} was promised something else than is planned")
    return faults


def route_faults(state: ServiceState, shuttle: Shuttle, row: RowPlan) -> list[str]:
    """Every rule that a row would break on this shuttle."""
    times = schedule(row, state.streets.stop_times_s, state.now_s)
    if not isinstance(times, Schedule):
        return [f"{shuttle.id}: {times.constraint} at visit {times.visit}"]
    found = check_plan([_route(state, shuttle, row, times)], state.streets.stop_times_s)
    return [f"{fault.kind} {fault.shuttle}: {fault.text}" for fault in found]


def _route(state: ServiceState, shuttle: Shuttle, row: RowPlan, times: Schedule) -> CheckedRoute:
    boards = {key for visit in row.visits for key in visit.boards}
    visits = []
    for i, visit in enumerate(row.visits):
        served = [state.bookings[BookingId(key)] for key in (*visit.boards, *visit.alights)]
        visits.append(
            CheckedVisit(
                stop=visit.stop,
                arrive_s=times.arrive_s[i],
                begin_s=times.begin_s[i],
                depart_s=times.depart_s[i],
                boards=visit.boards,
                alights=visit.alights,
                dwell_s=max([visit.dwell_s, *(booking.dwell_s for booking in served)]),
                earliest_s=visit.earliest_s or None,
                latest_s=visit.latest_s if visit.latest_s < FOREVER_S else None,
                charger_w=state.site.zone.stops[visit.stop].charger_w if is_errand(visit) else 0,
            )
        )
    index = state.streets.stop_index
    rides = []
    for ride in row.rides:
        promise = state.bookings[BookingId(ride.key)].promise
        rides.append(
            CheckedRide(
                ride=ride.key,
                load=ride.load,
                pickup_earliest_s=promise.pickup_earliest_s,
                pickup_latest_s=promise.pickup_latest_s,
                dropoff_latest_s=promise.dropoff_latest_s,
                max_ride_s=ride.max_ride_s,
                aboard=ride.key not in boards,
                pickup_stop=index[promise.pickup_stop],
                dropoff_stop=index[promise.dropoff_stop],
            )
        )
    return CheckedRoute(
        shuttle=shuttle.id,
        start_stop=row.start_stop,
        start_s=row.start_s,
        capacity=row.capacity,
        visits=tuple(visits),
        rides=tuple(rides),
        drive_limit_s=row.drive_limit_s,
        battery=_battery(state, shuttle, row, waiting=bool(boards)),
    )


def _battery(
    state: ServiceState, shuttle: Shuttle, row: RowPlan, *, waiting: bool
) -> CheckedBattery | None:
    """What the battery must do; nothing is asked of it where it only sets riders down.

    Whoever is aboard is brought to a stop however little is left.
    """
    if not waiting:
        return None
    rules, scale = state.site.rules, shuttle.drain_pct
    rule = rules.energy
    return CheckedBattery(
        level_ws=level_at(state, shuttle, row.start_s),
        full_ws=level_ws(rule, 100),
        least_ws=level_ws(rule, min(rule.floor_pct, rules.battery_reserve_pct)) - _ROUNDING_WS,
        driving_w=rule.driving_w * scale // 100,
        standing_w=rule.standing_w * scale // 100,
        gap_s=rule.gap_s,
    )


def _charges(state: ServiceState) -> list[CheckedCharge]:
    """Who has a plug reserved; who says that it hangs on one is not planned but true."""
    return [
        CheckedCharge(
            shuttle.id, shuttle.charge.stop, shuttle.charge.begin_s, shuttle.charge.until_s
        )
        for shuttle in state.shuttles.values()
        if shuttle.charge is not None and any(is_errand(visit) for visit in shuttle.row.visits)
    ]


def _berths(state: ServiceState) -> dict[int, int]:
    """Berths of the stops where they are counted."""
    return {stop: n for stop, n in enumerate(state.berths.berths) if n is not None}


def _stands(state: ServiceState) -> list[CheckedStand]:
    stands = []
    for shuttle in state.shuttles.values():
        found, _ = standings(state, shuttle, may_drive(shuttle))
        # When a person drives it where, nobody knows; nor could another stop be chosen for it.
        unforeseen = not obeys(shuttle) or _is_sent_blindly(shuttle)
        stands += [
            CheckedStand(
                shuttle=shuttle.id,
                stop=standing.stop,
                from_s=standing.from_s,
                to_s=standing.to_s,
                unplanned=shuttle.crowds or unforeseen or standing.to_s >= FOREVER_S,
            )
            for standing in found
        ]
    return stands


def _is_sent_blindly(shuttle: Shuttle) -> bool:
    """A new order began between stops, and leads to the one that is reached soonest."""
    released = shuttle.released
    if released is None or released.boards or released.alights:
        return False
    return shuttle.start.node_id == "start"


def _berths_of(state: ServiceState, shuttle: Shuttle) -> tuple[tuple[Standing, ...], int | None]:
    found, idles_at = standings(state, shuttle, may_drive(shuttle))
    return tuple(s for s in found if state.berths.berths[s.stop] is not None), idles_at
