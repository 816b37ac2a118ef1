"""Booking riders again when their shuttle does not come: as promised if that can be, else told."""

from dataclasses import replace

from dispatcher.domain.ids import ShuttleId, StopId, TripId
from dispatcher.domain.trips import ENDS, Promise, TripState
from dispatcher.engine.answers import drop_booking, end_trip
from dispatcher.engine.breaches import break_promise
from dispatcher.engine.learning import arrival_slack_s, quote_for, window_after_s
from dispatcher.engine.offers import find_place, new_booking_id, place_booking
from dispatcher.engine.routes import load_of
from dispatcher.engine.state import Booking, Hold, ServiceState, Shuttle, TimerKind, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.engine.witness import Purpose
from dispatcher.planning.request import DropoffChoice, InsertionRequest, NoInsertion, PickupChoice
from dispatcher.planning.rows import FOREVER_S
from dispatcher.streets import walk_s

_DETOUR_STOP_M = 800.0  # a closed stop is replaced by one within this walk
_DETOUR_STOPS = 4


def place_again(
    turn: Turn, trip: TripRecord, booking: Booking, forbid: tuple[ShuttleId, ...]
) -> Shuttle | None:
    """Book again, within the promise if that can be, else with a new promise that is told."""
    state, rules = turn.state, turn.state.site.rules
    promise = booking.promise
    pickups = open_stops(state, promise.pickup_stop)
    dropoffs = open_stops(state, promise.dropoff_stop)
    if not pickups or not dropoffs:
        return None
    same_stops = pickups[0][1] == 0 and dropoffs[0][1] == 0
    if same_stops:
        kept = rebooking_request(state, booking, pickups, dropoffs, promise)
        found = find_place(
            turn, kept, forbid, trip_id=booking.trip_id, purpose=Purpose.KEEP_PROMISE
        )
        if not isinstance(found, NoInsertion):
            shuttle, insertion = found
            booking.shuttle_id = shuttle.id
            place_booking(turn, shuttle, insertion, kept, booking)
            if trip.shuttle_id != shuttle.id:
                trip.shuttle_id = shuttle.id
                trip.state = TripState.ACCEPTED
                turn.tell(trip.request.trip_id, "Another shuttle takes you, as promised.")
            return shuttle
    # Later than promised perhaps, but not sooner: who booked ahead is not ready before.
    earliest_s = max(turn.now_s, promise.pickup_earliest_s)
    late = replace(
        promise,
        pickup_earliest_s=earliest_s,
        pickup_latest_s=max(promise.pickup_latest_s, earliest_s + rules.abandon_after_s),
        dropoff_latest_s=FOREVER_S,
    )
    asked = rebooking_request(state, booking, pickups, dropoffs, late)
    found = find_place(turn, asked, forbid, trip_id=booking.trip_id, purpose=Purpose.NEW_PROMISE)
    if isinstance(found, NoInsertion):
        return None
    shuttle, insertion = found
    quote = quote_for(state, insertion.pickup_s, insertion.dropoff_s)
    zone = state.site.zone
    booking.shuttle_id = shuttle.id
    booking.promise = Promise(
        pickup_stop=zone.stops[pickups[insertion.pickup_choice][0]].id,
        dropoff_stop=zone.stops[dropoffs[insertion.dropoff_choice][0]].id,
        pickup_earliest_s=max(earliest_s, insertion.pickup_s - rules.window_before_s),
        pickup_latest_s=insertion.pickup_s + window_after_s(state, quote, insertion.pickup_s),
        dropoff_latest_s=insertion.dropoff_s + arrival_slack_s(state, quote, insertion.dropoff_s),
        party=promise.party,
    )
    place_booking(turn, shuttle, insertion, asked, booking)
    trip.shuttle_id = shuttle.id
    trip.state = TripState.ACCEPTED
    if _is_within(booking.promise, promise):
        trip.promise = booking.promise
        turn.tell(trip.request.trip_id, "Another shuttle takes you, as promised.")
    else:
        break_promise(
            turn,
            trip,
            turn.cause_text or "Your trip is delayed; see the new times.",
            booking.promise,
        )
    return shuttle


def leave_without_shuttle(turn: Turn, trip: TripRecord, booking: Booking) -> None:
    """Nobody can take them just now: keep looking, and say so."""
    state, rules = turn.state, turn.state.site.rules
    drop_booking(turn, booking.id)
    trip.booking_id = trip.shuttle_id = None
    trip.pickup_expected_s = trip.dropoff_expected_s = None
    trip.state = TripState.ACCEPTED
    trip.without_shuttle_since_s = turn.now_s
    text = "No shuttle can take you just now. We keep looking and tell you at once."
    break_promise(turn, trip, text, None)
    state.wake(turn.now_s + rules.replan_every_s, TimerKind.REPLAN, trip.request.trip_id)


def try_again(turn: Turn, trip_id: TripId) -> None:
    """Look again for a shuttle for riders who have none; give up when it has taken too long."""
    state, rules = turn.state, turn.state.site.rules
    trip = state.trips.get(trip_id)
    if trip is None or trip.without_shuttle_since_s is None or trip.state in ENDS:
        return
    assert trip.promise is not None
    booking = renewed_booking(state, trip)
    if place_again(turn, trip, booking, ()) is not None:
        trip.booking_id = booking.id
        trip.without_shuttle_since_s = None
        return
    trip.bookings_made -= 1  # its id was never used
    if turn.now_s >= trip.without_shuttle_since_s + rules.abandon_after_s:
        end_trip(
            turn,
            trip,
            TripState.ABANDONED,
            "We are sorry: no shuttle can take you. Please use another way.",
        )
        return
    state.wake(turn.now_s + rules.replan_every_s, TimerKind.REPLAN, trip_id)


def renewed_booking(state: ServiceState, trip: TripRecord) -> Booking:
    """A booking for riders who have lost theirs, in no shuttle yet."""
    assert trip.promise is not None
    promise, rules = trip.promise, state.site.rules
    index = state.streets.stop_index
    direct_s = int(
        state.streets.stop_times_s[index[promise.pickup_stop], index[promise.dropoff_stop]]
    )
    return Booking(
        id=new_booking_id(trip),
        trip_id=trip.request.trip_id,
        shuttle_id=ShuttleId(""),
        promise=promise,
        max_ride_s=rules.max_ride_s(min(direct_s, rules.abandon_after_s)),
        dwell_s=rules.dwell.dwell_s(promise.party.wheelchairs),
        hold=Hold.FIRM,
    )


def rebooking_request(
    state: ServiceState,
    booking: Booking,
    pickups: list[tuple[int, int]],
    dropoffs: list[tuple[int, int]],
    promise: Promise,
) -> InsertionRequest:
    times_s = state.streets.stop_times_s
    rules = state.site.rules
    earliest_s = max(promise.pickup_earliest_s, state.now_s)
    return InsertionRequest(
        pickups=tuple(
            PickupChoice(stop, walk_s(walk_m), earliest_s + walk_s(walk_m), promise.pickup_latest_s)
            for stop, walk_m in pickups
        ),
        dropoffs=tuple(
            DropoffChoice(stop, walk_s(walk_m), promise.dropoff_latest_s)
            for stop, walk_m in dropoffs
        ),
        max_ride_s=tuple(
            tuple(
                max(booking.max_ride_s, rules.max_ride_s(int(times_s[p, d]))) for d, _ in dropoffs
            )
            for p, _ in pickups
        ),
        desired_s=earliest_s,
        load=load_of(booking),
        dwell_s=booking.dwell_s,
    )


def open_stops(state: ServiceState, stop_id: StopId) -> list[tuple[int, int]]:
    """The stop itself, or if it is closed the open ones around it, each with metres to walk."""
    stop = state.streets.stop_index[stop_id]
    if state.streets.open_stops[stop]:
        return [(stop, 0)]
    near = state.streets.stops_near(state.site.zone.stops[stop].point, _DETOUR_STOP_M)
    return [(index, round(walked_m)) for index, walked_m in near[:_DETOUR_STOPS]]


def _is_within(promise: Promise, old: Promise) -> bool:
    return (
        promise.pickup_stop == old.pickup_stop
        and promise.dropoff_stop == old.dropoff_stop
        and promise.pickup_latest_s <= old.pickup_latest_s
        and promise.dropoff_latest_s <= old.dropoff_latest_s
    )
