"""Riders in a shuttle that cannot drive on: another one fetches them."""

from dataclasses import replace

from dispatcher.domain.decisions import AlertKind
from dispatcher.domain.ids import ShuttleId
from dispatcher.domain.trips import ENDS, BreachCause, TripState
from dispatcher.engine.answers import drop_booking, end_trip
from dispatcher.engine.breaches import break_promise
from dispatcher.engine.hearing import deaf_s
from dispatcher.engine.learning import arrival_slack_s, quote_for, window_after_s
from dispatcher.engine.offers import find_place, new_booking_id, place_booking
from dispatcher.engine.rebook import leave_without_shuttle, open_stops, rebooking_request
from dispatcher.engine.routes import is_released, is_stuck, nearest_open_stop
from dispatcher.engine.state import Booking, Hold, Shuttle, TimerKind, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.engine.witness import Purpose
from dispatcher.planning.request import NoInsertion
from dispatcher.planning.rows import FOREVER_S


def rescue_riders(turn: Turn, shuttle: Shuttle) -> None:
    """Send another shuttle for those who sit in one that cannot drive on.

    Nobody knows where a silent shuttle is, so nobody is sent to it. Whoever could not be fetched
    for too long is told so, for a trip has an end. Times in which we could hear nobody do not
    count: the shuttle may have set them down long ago, or be on its way.
    """
    state, rules = turn.state, turn.state.site.rules
    stuck = is_stuck(state, shuttle)
    if not stuck and not shuttle.silent:
        return
    since_s = shuttle.faulted_since_s if stuck else None
    if since_s is None:
        since_s = shuttle.last_heard_s
    given_up_s = since_s + rules.abandon_after_s + deaf_s(state, since_s)
    for booking_id in list(shuttle.aboard):
        booking = state.bookings[booking_id]
        trip = state.trips[booking.trip_id]
        if trip.state in ENDS or trip.booking_id != booking_id:
            continue
        if turn.now_s >= given_up_s:
            _abandon(turn, shuttle, trip)
            continue
        if state.deaf_since_s is None:  # else it moves on, and they are looked at again after it
            state.wake(given_up_s, TimerKind.RESCUE, shuttle.id)
        if not stuck or _plan_rescue(turn, shuttle, booking, trip):
            continue
        turn.alert(
            AlertKind.RIDER_STRANDED,
            f"No shuttle can fetch trip {booking.trip_id} from {shuttle.id} yet.",
            shuttle.id,
            booking.trip_id,
        )
        state.wake(turn.now_s + rules.replan_every_s, TimerKind.RESCUE, shuttle.id)


def take_heart(turn: Turn, shuttle: Shuttle) -> None:
    """A shuttle that had refused its plans takes them again."""
    was_stuck = is_stuck(turn.state, shuttle)
    shuttle.refusals = 0
    if was_stuck and not is_stuck(turn.state, shuttle):
        shuttle.faulted_since_s = None
        call_off_rescues(turn, shuttle)
        turn.touch(shuttle)


def call_off_rescues(turn: Turn, shuttle: Shuttle) -> None:
    """The shuttle drives again: those still in it stay."""
    state = turn.state
    for booking_id in shuttle.aboard:
        booking = state.bookings[booking_id]
        trip = state.trips[booking.trip_id]
        rescue = None if trip.booking_id is None else state.bookings.get(trip.booking_id)
        if rescue is None or rescue.rescues_from != shuttle.id or rescue.boarded_s is not None:
            continue
        other = state.shuttles[rescue.shuttle_id]
        if is_released(other, rescue.id):
            continue  # it is on its way; whichever is first takes them
        drop_booking(turn, rescue.id)
        _stay_aboard(trip, booking)
        turn.tell(booking.trip_id, "Your shuttle drives again; you can stay aboard.")


def lose_rescue(turn: Turn, trip: TripRecord, rescue: Booking) -> None:
    """The shuttle sent to fetch them does not come: those in the faulted one wait for another."""
    state = turn.state
    assert rescue.rescues_from is not None
    old = state.shuttles[rescue.rescues_from]
    drop_booking(turn, rescue.id)
    for booking_id in old.aboard:
        booking = state.bookings[booking_id]
        if booking.trip_id == rescue.trip_id:
            _stay_aboard(trip, booking)
            if is_stuck(state, old):
                text = "The shuttle sent for you cannot come; we look for another."
                state.wake(turn.now_s, TimerKind.RESCUE, old.id)
            else:
                text = "Your shuttle drives again; you can stay aboard."
            turn.tell(rescue.trip_id, text)
            return
    leave_without_shuttle(turn, trip, rescue)


def _stay_aboard(trip: TripRecord, booking: Booking) -> None:
    """What counts is the shuttle they sit in."""
    trip.booking_id, trip.shuttle_id = booking.id, booking.shuttle_id
    trip.promise = booking.promise
    trip.state = TripState.ABOARD


def _abandon(turn: Turn, shuttle: Shuttle, trip: TripRecord) -> None:
    text = "We are sorry: your shuttle has been stopped too long. Please use another way."
    end_trip(turn, trip, TripState.ABANDONED, text)
    turn.alert(
        AlertKind.RIDER_STRANDED,
        f"Trip {trip.request.trip_id} was given up; its riders may still be in {shuttle.id}.",
        shuttle.id,
        trip.request.trip_id,
    )


def _plan_rescue(turn: Turn, shuttle: Shuttle, booking: Booking, trip: TripRecord) -> bool:
    state, rules = turn.state, turn.state.site.rules
    here = nearest_open_stop(state, shuttle)
    dropoffs = open_stops(state, booking.promise.dropoff_stop)
    if here is None or not dropoffs:
        return False
    if dropoffs[0][0] == here:
        turn.tell(booking.trip_id, "Your shuttle has stopped by your stop; you may get off.")
        return True
    promise = replace(
        booking.promise,
        pickup_stop=state.site.zone.stops[here].id,
        pickup_earliest_s=turn.now_s,
        pickup_latest_s=turn.now_s + rules.abandon_after_s,
        dropoff_latest_s=FOREVER_S,
    )
    rescue = Booking(
        id=new_booking_id(trip),
        trip_id=booking.trip_id,
        shuttle_id=ShuttleId(""),
        promise=promise,
        max_ride_s=booking.max_ride_s,
        dwell_s=booking.dwell_s,
        hold=Hold.FIRM,
        rescues_from=shuttle.id,
    )
    asked = rebooking_request(state, rescue, [(here, 0)], dropoffs, promise)
    found = find_place(turn, asked, (shuttle.id,), trip_id=booking.trip_id, purpose=Purpose.RESCUE)
    if isinstance(found, NoInsertion):
        return False
    other, insertion = found
    rescue.shuttle_id = other.id
    quote = quote_for(state, insertion.pickup_s, insertion.dropoff_s)
    rescue.promise = replace(
        promise,
        dropoff_stop=state.site.zone.stops[dropoffs[insertion.dropoff_choice][0]].id,
        pickup_latest_s=insertion.pickup_s + window_after_s(state, quote, insertion.pickup_s),
        dropoff_latest_s=insertion.dropoff_s + arrival_slack_s(state, quote, insertion.dropoff_s),
    )
    place_booking(turn, other, insertion, asked, rescue)
    trip.booking_id, trip.shuttle_id = rescue.id, other.id
    trip.state = TripState.ACCEPTED
    turn.cause = BreachCause.SHUTTLE_FAULT
    text = f"Your shuttle cannot drive on. Shuttle {other.id} takes you from here."
    break_promise(turn, trip, text, rescue.promise)
    return True
