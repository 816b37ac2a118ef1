"""From a request to offers: the best places in the fleet, each held while the rider decides."""

from dataclasses import replace
from typing import Final

from dispatcher.domain.ids import BookingId, ShuttleId, TripId
from dispatcher.domain.trips import (
    Offer,
    OfferKind,
    Party,
    Promise,
    Refusal,
    RideRequest,
    TimeWish,
    TripState,
)
from dispatcher.engine.refusals import refusal_of
from dispatcher.engine.routes import refresh, ride_of
from dispatcher.engine.state import Booking, Hold, ServiceState, Shuttle, TimerKind, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.engine.wishes import Wish, insertion_request, wish_of
from dispatcher.engine.witness import Purpose
from dispatcher.planning.edits import apply_insertion, restate_ride
from dispatcher.planning.insertion import best_insertion
from dispatcher.planning.request import Insertion, InsertionRequest, NoInsertion

PURPOSE_OF: Final = {
    OfferKind.SOONEST: Purpose.OFFER_SOONEST,
    OfferKind.LESS_WALKING: Purpose.OFFER_LESS_WALKING,
    OfferKind.LATER: Purpose.OFFER_LATER,
}


def consider_request(turn: Turn, request: RideRequest) -> TripRecord:
    """Offer the trip, or refuse it with the reason and what would work."""
    state = turn.state
    trip = TripRecord(request, TripState.REQUESTED, turn.now_s)
    state.trips[request.trip_id] = trip
    state.requests[f"{request.rider_id}/{request.request_id}"] = request.trip_id
    turn.tell(request.trip_id)
    wish = wish_of(state, request)
    if isinstance(wish, Refusal):
        return _refuse(turn, trip, wish)
    state.demand.count(wish.pickups[0].stop, turn.now_s)
    first = _offer(turn, trip, wish, OfferKind.SOONEST)
    if isinstance(first, NoInsertion):
        return _refuse(turn, trip, refusal_of(state, wish, first))
    if not request.auto_accept:
        kinds = [OfferKind.LESS_WALKING, OfferKind.LATER]
        if request.wish is TimeWish.ARRIVE_BY:
            kinds.remove(OfferKind.LATER)  # that would be too late
        for kind in kinds:
            if len(trip.offers) < request.alternatives:
                _offer(turn, trip, wish, kind)
    trip.state = TripState.OFFERED
    state.wake(trip.offers[0].expires_s, TimerKind.OFFER_EXPIRES, request.trip_id)
    return trip


def find_place(
    turn: Turn,
    asked: InsertionRequest,
    forbid: tuple[ShuttleId, ...] = (),
    *,
    trip_id: TripId,
    purpose: Purpose,
) -> tuple[Shuttle, Insertion] | NoInsertion:
    """The cheapest feasible insertion over the fleet, and the shuttle it is in.

    For whom and what for changes nothing here: it is said for explanations.
    """
    state = turn.state
    for shuttle_id in turn.stale:
        # Changed in this turn; what breaks there is mended when the turn settles.
        refresh(state, state.shuttles[shuttle_id])
    turn.stale.clear()
    rows = [state.row_of[shuttle_id] for shuttle_id in forbid]
    objective = state.site.rules.objective
    found = best_insertion(
        state.fleet, asked, state.streets.stop_times_s, objective, turn.now_s, rows
    )
    if turn.witness is not None:
        turn.witness.searched(state, trip_id, purpose, asked, forbid, found)
    if isinstance(found, NoInsertion):
        return found
    shuttle_id = state.shuttle_of_row[found.row]
    return state.shuttles[shuttle_id], found


def place_booking(
    turn: Turn,
    shuttle: Shuttle,
    insertion: Insertion,
    asked: InsertionRequest,
    booking: Booking,
) -> None:
    """Put a booking into its shuttle's route, with the promise it carries."""
    state = turn.state
    state.bookings[booking.id] = booking
    row = apply_insertion(shuttle.row, insertion, asked, booking.id)
    shuttle.row = restate_ride(row, ride_of(state, booking))
    shuttle.route_version += 1
    state.fleet.set_row(state.row_of[shuttle.id], shuttle.row)
    turn.touch(shuttle)


def new_booking_id(trip: TripRecord) -> BookingId:
    trip.bookings_made += 1
    return _booking_id(trip, trip.bookings_made)


def has_bookings(state: ServiceState, trip: TripRecord) -> bool:
    """Some shuttle still has this trip in its books."""
    return any(_booking_id(trip, n + 1) in state.bookings for n in range(trip.bookings_made))


def _booking_id(trip: TripRecord, number: int) -> BookingId:
    return BookingId(f"{trip.request.trip_id}.{number}")


def _offer(turn: Turn, trip: TripRecord, wish: Wish, kind: OfferKind) -> Offer | NoInsertion | None:
    """Make one more offer and hold its seat; None where the kind adds nothing new."""
    state, rules, request = turn.state, turn.state.site.rules, trip.request
    if kind is OfferKind.LESS_WALKING:
        shorter = _less_walking(wish, trip.offers[0])
        if shorter is None:
            return None
        wish = shorter
    # Until the rider has answered nobody walks or drives there, so times are planned from then.
    answered_s = turn.now_s if request.auto_accept else turn.now_s + rules.offer_ttl_s
    later_s = rules.later_offer_s if kind is OfferKind.LATER else 0
    asked = insertion_request(state, wish, later_s=later_s, answered_s=answered_s)
    found = find_place(turn, asked, trip_id=request.trip_id, purpose=PURPOSE_OF[kind])
    if isinstance(found, NoInsertion):
        return found
    shuttle, insertion = found
    pickup = wish.pickups[insertion.pickup_choice]
    dropoff = wish.dropoffs[insertion.dropoff_choice]
    max_ride_s = asked.max_ride_s[insertion.pickup_choice][insertion.dropoff_choice]
    booking = Booking(
        id=new_booking_id(trip),
        trip_id=request.trip_id,
        shuttle_id=shuttle.id,
        promise=_promise(
            state,
            request.party,
            (pickup.stop, dropoff.stop),
            (
                asked.pickups[insertion.pickup_choice].earliest_s,
                asked.dropoffs[insertion.dropoff_choice].latest_s,
            ),
            (insertion.pickup_s, insertion.dropoff_s),
        ),
        max_ride_s=max_ride_s,
        dwell_s=asked.dwell_s,
        hold=Hold.OFFERED,
    )
    place_booking(turn, shuttle, insertion, asked, booking)
    offer = Offer(
        booking_id=booking.id,
        kind=kind,
        promise=booking.promise,
        shuttle_id=shuttle.id,
        walk_to_pickup_m=pickup.walk_m,
        walk_from_dropoff_m=dropoff.walk_m,
        pickup_planned_s=insertion.pickup_s,
        dropoff_planned_s=insertion.dropoff_s,
        expires_s=turn.now_s + rules.offer_ttl_s,
    )
    trip.offers = (*trip.offers, offer)
    return offer


def _promise(
    state: ServiceState,
    party: Party,
    stops: tuple[int, int],
    bounds_s: tuple[int, int],
    planned_s: tuple[int, int],
) -> Promise:
    """The two-sided promise around planned times.

    ``bounds_s`` are the earliest pickup and the latest drop-off (guarded) that were asked for.
    """
    rules, zone = state.site.rules, state.site.zone
    (earliest_s, dropoff_bound_s), (pickup_s, dropoff_s) = bounds_s, planned_s
    return Promise(
        pickup_stop=zone.stops[stops[0]].id,
        dropoff_stop=zone.stops[stops[1]].id,
        pickup_earliest_s=max(earliest_s, pickup_s - rules.window_before_s),
        pickup_latest_s=pickup_s + rules.window_after_s,
        dropoff_latest_s=min(
            dropoff_s + rules.arrival_slack_s, max(dropoff_bound_s, dropoff_s) + rules.guard_s
        ),
        party=party,
    )


def _less_walking(wish: Wish, first: Offer) -> Wish | None:
    """The same wish with only those stops that need less walking than the first offer."""
    pickups = tuple(c for c in wish.pickups if c.walk_m <= first.walk_to_pickup_m)
    dropoffs = tuple(c for c in wish.dropoffs if c.walk_m <= first.walk_from_dropoff_m)
    nearest = replace(wish, pickups=pickups[:1], dropoffs=dropoffs[:1])
    walked_m = first.walk_to_pickup_m + first.walk_from_dropoff_m
    if nearest.pickups[0].walk_m + nearest.dropoffs[0].walk_m >= walked_m:
        return None
    if nearest.pickups[0].stop == nearest.dropoffs[0].stop:
        return None
    return nearest


def _refuse(turn: Turn, trip: TripRecord, refusal: Refusal) -> TripRecord:
    trip.refusal = refusal
    trip.state = TripState.REFUSED
    trip.ended_s = turn.now_s
    return trip
