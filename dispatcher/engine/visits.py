"""What shuttles report from the road: plans confirmed, stops reached, riders in and out."""

from dataclasses import replace

from dispatcher.domain.decisions import AlertKind
from dispatcher.domain.events import (
    PlanConfirmed,
    RiderAlighted,
    RiderBoarded,
    RiderNotThere,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import BookingId, ShuttleId, TripId, VisitId
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.engine.answers import drop_booking, end_trip, withdraw_booking
from dispatcher.engine.breaches import note_late_arrival, note_late_dropoff
from dispatcher.engine.charging import note_plugged
from dispatcher.engine.dropoffs import serve_boarded_elsewhere
from dispatcher.engine.learning import note_arrival, note_came, note_departure, note_set_down
from dispatcher.engine.make_room import note_crowd
from dispatcher.engine.paces import wake_for_pace
from dispatcher.engine.release import complete_released
from dispatcher.engine.rescue import lose_rescue, take_heart
from dispatcher.engine.routes import (
    forget_pickup,
    is_stuck,
    keys_of,
    nearest_open_stop,
    take_off,
)
from dispatcher.engine.state import Booking, Hold, ServiceState, Shuttle, TimerKind, TripRecord
from dispatcher.engine.turn import Turn


def confirm_plan(turn: Turn, event: PlanConfirmed) -> None:
    """The shuttle works by this plan: its new trips are assigned, those taken off are free."""
    state = turn.state
    shuttle = state.shuttles.get(event.shuttle_id)
    if shuttle is None:
        return
    if not shuttle.confirmed_revision < event.revision <= shuttle.revision:
        return  # said before, or about a plan that was never sent
    shuttle.confirmed_revision = event.revision
    if shuttle.given_up is not None and event.revision > shuttle.given_up.revision:
        shuttle.given_up = None
    take_heart(turn, shuttle)
    ids = [*shuttle.aboard, *keys_of(shuttle.row)]
    if shuttle.released is not None:
        ids += shuttle.released.boards
    for booking_id in dict.fromkeys(ids):
        booking = state.bookings[booking_id]
        trip = state.trips[booking.trip_id]
        if trip.state is not TripState.ACCEPTED or trip.booking_id != booking_id:
            continue
        if 0 < booking.published_revision <= event.revision:
            trip.state = TripState.ASSIGNED
            turn.tell(booking.trip_id)
    for booking in [state.bookings[booking_id] for booking_id in state.moving]:
        if booking.old_shuttle == shuttle.id and booking.old_revision <= event.revision:
            settle_move(turn, booking)


def settle_move(turn: Turn, booking: Booking) -> None:
    """The old shuttle has let go: the new one may be told."""
    booking.hold = Hold.FIRM
    booking.old_shuttle = None
    booking.free_at_s = None
    turn.state.moving.remove(booking.id)
    turn.touch(turn.state.shuttles[booking.shuttle_id])


def let_go(turn: Turn, booking_id: BookingId) -> None:
    """The old shuttle has been out of contact long enough to board nobody any more."""
    booking = turn.state.bookings.get(booking_id)
    if booking is None or booking_id not in turn.state.moving or booking.free_at_s is None:
        return
    if booking.free_at_s <= turn.now_s:
        settle_move(turn, booking)
    else:  # the wait has begun anew since this was asked for
        turn.state.wake(booking.free_at_s, TimerKind.MOVE_FREE, booking_id)


def arrive(turn: Turn, event: VisitArrived) -> None:
    shuttle = _at_released(turn.state, event.shuttle_id, event.visit_id)
    if shuttle is None or shuttle.released is None or shuttle.released.arrived_s is not None:
        return
    shuttle.released.arrived_s = turn.now_s
    note_arrival(turn.state, shuttle.released)
    wake_for_pace(turn.state)
    note_crowd(turn, shuttle)
    for booking_id in shuttle.released.boards:
        trip = turn.state.trips[turn.state.bookings[booking_id].trip_id]
        if trip.state in (TripState.ACCEPTED, TripState.ASSIGNED):
            trip.state = TripState.BOARDING
            turn.tell(trip.request.trip_id, "Your shuttle is at the stop.")
            note_came(turn.state, trip)
            note_late_arrival(turn, trip)
    turn.touch(shuttle)


def board(turn: Turn, event: RiderBoarded) -> None:
    """Riders are aboard, whatever was planned: they will be set down where they were promised."""
    state = turn.state
    shuttle = state.shuttles.get(event.shuttle_id)
    if shuttle is None:
        return
    booking = find_booking(state, shuttle, event.trip_id)
    if booking is None:
        here_now = _is_under_way(shuttle, event.visit_id)
        booking = serve_boarded_elsewhere(turn, shuttle, event.trip_id, here_now=here_now)
        if booking is None:
            turn.alert(
                AlertKind.UNEXPECTED_RIDER,
                f"{shuttle.id} reports riders of trip {event.trip_id}, which nobody planned.",
                shuttle.id,
                event.trip_id,
            )
            return
    if booking.boarded_s is not None:
        return
    if booking.hold is Hold.MOVING:
        settle_move(turn, booking)  # they are here: there is nobody left to wait for
    booking.boarded_s = turn.now_s
    shuttle.aboard.append(booking.id)
    if shuttle.released is not None and booking.id in shuttle.released.boards:
        shuttle.released.boards.remove(booking.id)
    forget_pickup(shuttle, booking.id)
    if booking.rescues_from is not None:
        _leave_old_shuttle(turn, booking)
    trip = state.trips[event.trip_id]
    if trip.state in ENDS:
        turn.alert(
            AlertKind.UNEXPECTED_RIDER,
            f"Riders of trip {event.trip_id} boarded {shuttle.id} although it is {trip.state}.",
            shuttle.id,
            event.trip_id,
        )
    else:
        trip.state = TripState.ABOARD
        trip.boarded_s = trip.boarded_s or turn.now_s
        turn.tell(event.trip_id)
    turn.touch(shuttle)


def miss(turn: Turn, event: RiderNotThere) -> None:
    """Nobody came: the trip ends, and its drop-off is not driven to."""
    state = turn.state
    shuttle = state.shuttles.get(event.shuttle_id)
    booking = None if shuttle is None else find_booking(state, shuttle, event.trip_id)
    if shuttle is None or booking is None or booking.boarded_s is not None:
        return
    released = shuttle.released
    if released is None or booking.id not in released.boards:
        return  # an old report about a task that is no longer this shuttle's
    if released.visit.id != event.visit_id:
        return  # they were missed at an earlier call, and were given another one since
    released.boards.remove(booking.id)
    trip = state.trips[event.trip_id]
    sits_in = None if booking.rescues_from is None else state.shuttles[booking.rescues_from]
    if trip.state not in ENDS and sits_in is not None and not is_stuck(state, sits_in):
        lose_rescue(turn, trip, booking)  # they stayed where they were, for it drives again
        turn.touch(shuttle)
        return
    drop_booking(turn, booking.id)
    if trip.state not in ENDS:
        end_trip(turn, trip, TripState.NO_SHOW, "The shuttle waited, but nobody boarded.")
    turn.touch(shuttle)


def alight(turn: Turn, event: RiderAlighted) -> None:
    state = turn.state
    shuttle = state.shuttles.get(event.shuttle_id)
    booking = None if shuttle is None else find_booking(state, shuttle, event.trip_id)
    if shuttle is None or booking is None or booking.id not in shuttle.aboard:
        return
    set_down(turn, shuttle, booking)
    trip = state.trips[event.trip_id]
    if trip.state not in ENDS and not _sits_elsewhere(state, trip, booking):
        if trip.booking_id is not None and trip.booking_id != booking.id:
            withdraw_booking(turn, trip)  # a rescue that is no longer needed
        note_late_dropoff(turn, trip)
        note_set_down(turn.state, trip)
        end_trip(turn, trip, TripState.COMPLETED)
    turn.touch(shuttle)


def _sits_elsewhere(state: ServiceState, trip: TripRecord, left: Booking) -> bool:
    """They have changed to another shuttle, by its word, before this one set them down."""
    other = None if trip.booking_id is None else state.bookings.get(trip.booking_id)
    return other is not None and other.id != left.id and other.boarded_s is not None


def leave_for_rescue(turn: Turn, shuttle: Shuttle, booking: Booking) -> bool:
    """Riders got out to wait for the shuttle that fetches them: from now on only that one counts.

    False if no shuttle was to fetch them from this one.
    """
    trip = turn.state.trips[booking.trip_id]
    rescue = None if trip.booking_id is None else turn.state.bookings.get(trip.booking_id)
    if rescue is None or rescue.rescues_from != shuttle.id:
        return False
    rescue.rescues_from = None
    set_down(turn, shuttle, booking)
    turn.touch(shuttle)
    return True


def fetch_again(turn: Turn, shuttle: Shuttle, trip_id: TripId) -> bool:
    """They got out before their stop, told of another shuttle perhaps that does not come now.

    False where nobody can fetch them, or they are served otherwise.
    """
    state = turn.state
    trip = state.trips[trip_id]
    booking = find_booking(state, shuttle, trip_id)
    here = nearest_open_stop(state, shuttle)
    if booking is None or trip.booking_id != booking.id or trip.state in ENDS or here is None:
        return False
    assert trip.promise is not None
    set_down(turn, shuttle, booking)
    shuttle.missing.pop(trip_id, None)
    trip.promise = replace(trip.promise, pickup_stop=state.site.zone.stops[here].id)
    trip.booking_id = trip.shuttle_id = None
    trip.pickup_expected_s = trip.dropoff_expected_s = None
    trip.state = TripState.ACCEPTED
    trip.without_shuttle_since_s = turn.now_s
    turn.tell(trip_id, "You got out before your stop. We look for another shuttle to take you on.")
    state.wake(turn.now_s, TimerKind.REPLAN, trip_id)
    turn.touch(shuttle)
    return True


def set_down(turn: Turn, shuttle: Shuttle, booking: Booking) -> None:
    """The booking's riders are off this shuttle, and the booking is over."""
    shuttle.aboard.remove(booking.id)
    if shuttle.released is not None and booking.id in shuttle.released.alights:
        shuttle.released.alights.remove(booking.id)
    take_off(turn.state, shuttle, booking.id)
    turn.state.bookings.pop(booking.id, None)


def complete(turn: Turn, event: VisitCompleted) -> None:
    """The doors are closed: the next visit may be released."""
    state = turn.state
    shuttle = _at_released(state, event.shuttle_id, event.visit_id)
    if shuttle is None or shuttle.released is None:
        return
    # A completed visit without a word on a boarding means that nobody boarded, and without one
    # on an alighting that nobody is in the shuttle any more.
    for booking_id in list(shuttle.released.boards):
        trip_id = state.bookings[booking_id].trip_id
        miss(turn, RiderNotThere(turn.now_s, shuttle.id, event.visit_id, trip_id))
    for booking_id in list(shuttle.released.alights):
        booking = state.bookings[booking_id]
        if booking_id not in shuttle.aboard or leave_for_rescue(turn, shuttle, booking):
            continue
        if _got_out_before(shuttle, booking) and fetch_again(turn, shuttle, booking.trip_id):
            continue
        alight(turn, RiderAlighted(turn.now_s, shuttle.id, event.visit_id, booking.trip_id))
    note_departure(state, shuttle.released)
    was_charge = shuttle.released.visit.charge_to_pct is not None
    complete_released(shuttle)
    if was_charge:
        note_plugged(turn, shuttle)
    turn.touch(shuttle)


def _got_out_before(shuttle: Shuttle, booking: Booking) -> bool:
    """A shuttle that counts heads did not have them when it came here, nor saw them alight."""
    assert shuttle.released is not None
    arrived_s, since_s = shuttle.released.arrived_s, shuttle.missing.get(booking.trip_id)
    if not shuttle.needs_word or arrived_s is None or since_s is None:
        return False
    return since_s < arrived_s


def find_booking(state: ServiceState, shuttle: Shuttle, trip_id: TripId) -> Booking | None:
    """The booking by which this shuttle serves a trip, if it does."""
    ids: list[BookingId] = [*shuttle.aboard, *keys_of(shuttle.row)]
    if shuttle.released is not None:
        ids += [*shuttle.released.boards, *shuttle.released.alights]
    for booking_id in ids:
        booking = state.bookings.get(booking_id)
        if booking is not None and booking.trip_id == trip_id and booking.hold is not Hold.OFFERED:
            return booking
    return None


def carries(state: ServiceState, shuttle: Shuttle, trip_id: TripId) -> bool:
    """Riders of this trip are aboard, as far as the books know."""
    return any(state.bookings[booking_id].trip_id == trip_id for booking_id in shuttle.aboard)


def _is_under_way(shuttle: Shuttle, visit_id: VisitId) -> bool:
    """The shuttle is at this visit, or may be by the order that it was told to give up."""
    released, given_up = shuttle.released, shuttle.given_up
    if released is not None and released.visit.id == visit_id:
        return True
    visits = () if given_up is None else given_up.visits[: given_up.released]
    return any(visit.id == visit_id for visit in visits)


def _at_released(state: ServiceState, shuttle_id: ShuttleId, visit_id: VisitId) -> Shuttle | None:
    """The shuttle, if this is the visit it was released to; else the report is an old one."""
    shuttle = state.shuttles.get(shuttle_id)
    if shuttle is None or shuttle.released is None or shuttle.released.visit.id != visit_id:
        return None
    return shuttle


def _leave_old_shuttle(turn: Turn, rescue: Booking) -> None:
    """Riders rescued from a faulted shuttle are no longer aboard it."""
    assert rescue.rescues_from is not None
    old = turn.state.shuttles[rescue.rescues_from]
    for booking_id in list(old.aboard):
        booking = turn.state.bookings[booking_id]
        if booking.trip_id == rescue.trip_id:
            set_down(turn, old, booking)
    rescue.rescues_from = None
    turn.touch(old)
