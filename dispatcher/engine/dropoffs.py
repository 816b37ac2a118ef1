"""Riders aboard, or about to be: where and when they are set down, whatever happens."""

from dataclasses import replace

from dispatcher.domain.ids import TripId
from dispatcher.domain.trips import ENDS, BreachCause
from dispatcher.engine.breaches import break_promise, extended
from dispatcher.engine.rebook import renewed_booking
from dispatcher.engine.routes import find_visit_s, is_stuck, keys_of, refresh, ride_of, take_off
from dispatcher.engine.state import Booking, Hold, ServiceState, Shuttle, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.planning.rows import FOREVER_S, RowPlan, RowVisit, spans
from dispatcher.planning.schedule import Schedule, schedule
from dispatcher.streets import UNREACHABLE_S

_ANYWHERE_M = 1e6


def serve_boarded_elsewhere(
    turn: Turn, shuttle: Shuttle, trip_id: TripId, *, here_now: bool
) -> Booking | None:
    """Riders boarded a shuttle that they were not booked on: what is true counts.

    Their booking moves to where they are, with the drop-off right away; None if no such trip is
    waiting to be picked up. ``here_now``: it is told of the visit that the shuttle is at, so it
    is no late repeat; then even riders who sat in another shuttle have changed over. Unless that
    one is stuck, it may take them for aboard still and would refuse every plan that does not set
    them down: both shuttles keep a drop-off.
    """
    state = turn.state
    trip = state.trips.get(trip_id)
    if trip is None:
        return None
    found = None if trip.booking_id is None else state.bookings.get(trip.booking_id)
    if found is not None and found.boarded_s is None:
        booking = found
        _leave_for_another(turn, booking)
    elif _has_changed_over(state, trip, found, here_now):
        booking = renewed_booking(state, trip)
        if found is not None and is_stuck(state, state.shuttles[found.shuttle_id]):
            booking.rescues_from = found.shuttle_id
        state.bookings[booking.id] = booking
        trip.booking_id = booking.id
        trip.without_shuttle_since_s = None
    else:
        return None
    booking.shuttle_id = shuttle.id
    trip.shuttle_id = shuttle.id
    add_dropoff(state, shuttle, booking)
    return booking


def _has_changed_over(
    state: ServiceState, trip: TripRecord, aboard: Booking | None, here_now: bool
) -> bool:
    """Riders that nobody was to fetch may be here: from another shuttle, or found by chance."""
    if trip.state in ENDS:
        return False
    if aboard is None:
        return trip.without_shuttle_since_s is not None
    return here_now


def _leave_for_another(turn: Turn, booking: Booking) -> None:
    """Take the booking out of the shuttle that was to come for it."""
    state = turn.state
    other = state.shuttles[booking.shuttle_id]
    if other.released is not None and booking.id in other.released.boards:
        other.released.boards.remove(booking.id)
    take_off(state, other, booking.id)
    turn.touch(other)
    if booking.id in state.moving:
        state.moving.remove(booking.id)
    booking.hold = Hold.FIRM
    booking.published_revision = 0
    booking.old_shuttle = booking.free_at_s = None


def redirect(turn: Turn, shuttle: Shuttle, booking: Booking) -> None:
    """Riders aboard whose stop is closed or cut off are set down at the nearest that is not."""
    state, streets = turn.state, turn.state.streets
    if booking.id not in keys_of(shuttle.row):
        return
    wanted = streets.stop_index[booking.promise.dropoff_stop]
    reached_s = streets.stop_times_s[shuttle.row.start_stop]
    if streets.open_stops[wanted] and reached_s[wanted] < UNREACHABLE_S:
        return
    near = streets.stops_near(state.site.zone.stops[wanted].point, _ANYWHERE_M)
    choices = [index for index, _ in near if reached_s[index] < UNREACHABLE_S]
    if not choices:
        return  # the shuttle is shut in; it goes on when a street is opened
    stop = state.site.zone.stops[choices[0]]
    booking.promise = replace(booking.promise, dropoff_stop=stop.id)
    _take_off_dropoff(state, shuttle, booking)
    add_dropoff(state, shuttle, booking)
    trip = state.trips[booking.trip_id]
    text = f"Your stop is cut off; the shuttle sets you down at {stop.names.get('en', stop.id)}."
    turn.cause = BreachCause.CLOSURE
    if trip.state not in ENDS and trip.booking_id == booking.id:
        break_promise(turn, trip, text, booking.promise)
    refresh(state, shuttle)


def _take_off_dropoff(state: ServiceState, shuttle: Shuttle, booking: Booking) -> None:
    """Remove a drop-off from a route whose riders are aboard or about to board."""
    load_kept = shuttle.row.start_load
    take_off(state, shuttle, booking.id)
    shuttle.row = replace(shuttle.row, start_load=load_kept)


def add_dropoff(state: ServiceState, shuttle: Shuttle, booking: Booking) -> None:
    """Put a drop-off where it makes everybody least late, and of such places where it is nearest.

    The least detour alone could put it behind riders who are to be fetched hours from now.
    """
    stop = state.streets.stop_index[booking.promise.dropoff_stop]
    row, travel_s = shuttle.row, state.streets.stop_times_s
    rides = (*row.rides, ride_of(state, booking))
    stops = [row.start_stop, *(visit.stop for visit in row.visits)]
    found: list[tuple[int, int, RowPlan]] = []
    for gap, here in enumerate(stops):
        onward_s = 0
        if gap < len(row.visits):
            there = stops[gap + 1]
            onward_s = int(travel_s[stop, there]) - int(travel_s[here, there])
        added_s = int(travel_s[here, stop]) + onward_s
        visit = RowVisit(stop, alights=(booking.id,))
        visits = (*row.visits[:gap], visit, *row.visits[gap:])
        plan = replace(row, visits=visits, rides=rides)
        found.append((_late_s(state, plan), added_s, plan))
    _, _, shuttle.row = min(found, key=lambda each: each[:2])
    shuttle.route_version += 1


def _late_s(state: ServiceState, plan: RowPlan) -> int:
    """Seconds by which its riders, all together, would be later than their promises allow."""
    patient = tuple(
        replace(ride, pickup_latest_s=FOREVER_S, dropoff_latest_s=FOREVER_S, max_ride_s=FOREVER_S)
        for ride in plan.rides
    )
    times = schedule(
        replace(plan, rides=patient, drive_limit_s=FOREVER_S),
        state.streets.stop_times_s,
        state.now_s,
    )
    if not isinstance(times, Schedule):
        return FOREVER_S  # no open street leads there
    late_s = 0
    for span in spans(plan):
        late_s += max(0, times.begin_s[span.dropoff] - span.ride.dropoff_latest_s)
        if span.pickup >= 0:
            late_s += max(0, times.begin_s[span.pickup] - span.ride.pickup_latest_s)
    return late_s


def tell_late(turn: Turn, shuttle: Shuttle, booking: Booking) -> None:
    """Riders aboard, or about to board, will arrive later than promised."""
    state = turn.state
    trip = state.trips[booking.trip_id]
    pickup_s, dropoff_s = find_visit_s(shuttle, booking.id, turn.now_s)
    promise = extended(booking.promise, pickup_s, dropoff_s, state.site.rules.guard_s)
    if promise == booking.promise:
        return
    booking.promise = promise
    if trip.state not in ENDS and trip.booking_id == booking.id:
        break_promise(
            turn, trip, turn.cause_text or "Your shuttle is delayed; see the new times.", promise
        )
    turn.touch(shuttle)
