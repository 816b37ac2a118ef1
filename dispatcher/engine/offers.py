"""From a request to offers: the best places in the fleet, each held while the rider decides."""

from dataclasses import dataclass, replace
from typing import Final

from dispatcher.domain.ids import BookingId, ShuttleId, TripId
from dispatcher.domain.trips import (
    Offer,
    OfferKind,
    Refusal,
    RefusalReason,
    RideRequest,
    TimeWish,
    TripState,
    coarsened,
)
from dispatcher.engine.answers import drop_booking
from dispatcher.engine.berths import insertion_at_berths
from dispatcher.engine.hours import utc_offset_s
from dispatcher.engine.learning import quote_for
from dispatcher.engine.paces import pace_of
from dispatcher.engine.promises import promise_around
from dispatcher.engine.refusals import refusal_of
from dispatcher.engine.routes import refresh, ride_of
from dispatcher.engine.state import Booking, Hold, ServiceState, Shuttle, TimerKind, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.engine.waits import note_wait
from dispatcher.engine.wishes import (
    AS_ASKED,
    Leeway,
    Wish,
    at_opening,
    insertion_request,
    leeways_later,
    leeways_sooner,
    wish_of,
)
from dispatcher.engine.witness import Purpose
from dispatcher.planning.edits import apply_insertion, restate_ride
from dispatcher.planning.insertion import best_insertion
from dispatcher.planning.request import Binding, Insertion, InsertionRequest, NoInsertion

PURPOSE_OF: Final = {
    OfferKind.SOONEST: Purpose.OFFER_SOONEST,
    OfferKind.LESS_WALKING: Purpose.OFFER_LESS_WALKING,
    OfferKind.LATER: Purpose.OFFER_LATER,
    OfferKind.RETIMED: Purpose.OFFER_RETIMED,
}


# So many shuttles are tried for a stop that has no berth when they would be there.
_MOST_CROWDED: Final = 4

# Refusals that no other time changes.
_NO_TIME_WOULD_DO: Final = frozenset({RefusalReason.FLEET_DOWN, RefusalReason.UNREACHABLE})


def consider_request(turn: Turn, request: RideRequest) -> TripRecord:
    """Offer the trip, or refuse it with the reason and what would work."""
    state = turn.state
    trip = TripRecord(request, TripState.REQUESTED, turn.now_s)
    state.trips[request.trip_id] = trip
    state.requests[f"{request.rider_id}/{request.request_id}"] = request.trip_id
    turn.tell(request.trip_id)
    kind = OfferKind.SOONEST
    wish = wish_of(state, request)
    if isinstance(wish, Refusal):
        opening = at_opening(state, request, wish)
        if opening is None:
            return _refuse(turn, trip, wish)
        kind, wish = OfferKind.RETIMED, wish_of(state, opening)
        if isinstance(wish, Refusal):
            return _refuse(turn, trip, wish)
    local_s = turn.now_s + utc_offset_s(state.site.zone, turn.now_s)
    state.forecast.count(wish.pickups[0].stop, wish.dropoffs[0].stop, local_s)
    first = _offer(turn, trip, wish, kind)
    note_wait(state, wish.pickups[0], trip)
    if isinstance(first, NoInsertion):
        refusal = refusal_of(state, wish, first)
        _offer_other_times(turn, trip, wish, refusal)
        if not trip.offers:
            return _refuse(turn, trip, refusal)
    elif not request.auto_accept:
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
    drives_s: int = 0,
) -> tuple[Shuttle, Insertion] | NoInsertion:
    """The cheapest feasible insertion over the fleet, and the shuttle it is in.

    ``drives_s`` is when the trip will be driven, if that is far ahead: it is planned at the pace
    of that hour. For whom and what for changes nothing here: it is said for explanations.
    """
    answer = _place_at_berths(
        turn, asked, forbid, trip_id=trip_id, purpose=purpose, drives_s=drives_s
    )
    if turn.witness is not None:
        told = answer if isinstance(answer, NoInsertion) else (answer[0].id, answer[1])
        turn.witness.settled(turn.state, trip_id, told)
    return answer


def _place_at_berths(
    turn: Turn,
    asked: InsertionRequest,
    forbid: tuple[ShuttleId, ...],
    *,
    trip_id: TripId,
    purpose: Purpose,
    drives_s: int,
) -> tuple[Shuttle, Insertion] | NoInsertion:
    """The cheapest that finds a berth; riders with a promise are fetched even without one."""
    state = turn.state
    for shuttle_id in turn.stale:
        # Changed in this turn; what breaks there is mended when the turn settles.
        refresh(state, state.shuttles[shuttle_id])
    turn.stale.clear()
    crowded: list[tuple[Shuttle, Insertion]] = []  # cheaper, but there are no berths for these
    found: Insertion | NoInsertion = NoInsertion(Binding.WAIT_TOO_LONG)
    objective = state.site.rules.objective
    with pace_of(state, drives_s):
        while len(crowded) < _MOST_CROWDED:
            rows = [state.row_of[shuttle_id] for shuttle_id in forbid]
            found = best_insertion(
                state.fleet, asked, state.streets.stop_times_s, objective, turn.now_s, rows
            )
            if turn.witness is not None:
                turn.witness.searched(state, trip_id, purpose, asked, forbid, found)
            if isinstance(found, NoInsertion):
                break
            shuttle = state.shuttles[state.shuttle_of_row[found.row]]
            at_berths = insertion_at_berths(state, shuttle, found, asked)
            if at_berths is not None:
                return shuttle, at_berths
            crowded.append((shuttle, found))
            forbid = (*forbid, shuttle.id)
    if not crowded:
        assert isinstance(found, NoInsertion)
        return found
    if purpose in PURPOSE_OF.values():
        # To the rider it is all one whether the shuttle or a place for it is missing.
        return NoInsertion(Binding.WAIT_TOO_LONG)
    return crowded[0]  # riders with a promise are fetched even so


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


@dataclass(frozen=True, slots=True)
class FoundOffer:
    """An offer that could be made, and all that it takes to hold its seat."""

    offer: Offer
    booking: Booking
    shuttle: Shuttle
    insertion: Insertion
    asked: InsertionRequest


def look_for_offer(
    turn: Turn, trip: TripRecord, wish: Wish, kind: OfferKind, leeway: Leeway = AS_ASKED
) -> FoundOffer | NoInsertion | None:
    """The best offer of this kind; None where the kind adds nothing new. No seat is held."""
    state, rules, request = turn.state, turn.state.site.rules, trip.request
    if kind is OfferKind.LESS_WALKING:
        shorter = _less_walking(wish, trip.offers[0])
        if shorter is None:
            return None
        wish = shorter
    # Until the rider has answered nobody walks or drives there, so times are planned from then.
    answered_s = turn.now_s if request.auto_accept else turn.now_s + rules.offer_ttl_s
    later_s = rules.later_offer_s if kind is OfferKind.LATER else 0
    with pace_of(state, request.wish_s):
        asked = insertion_request(
            state, wish, later_s=later_s, answered_s=answered_s, leeway=leeway
        )
    found = find_place(
        turn,
        asked,
        trip_id=request.trip_id,
        purpose=PURPOSE_OF[kind],
        drives_s=request.wish_s,
    )
    if isinstance(found, NoInsertion):
        return found
    shuttle, insertion = found
    pickup = wish.pickups[insertion.pickup_choice]
    dropoff = wish.dropoffs[insertion.dropoff_choice]
    max_ride_s = asked.max_ride_s[insertion.pickup_choice][insertion.dropoff_choice]
    quote = quote_for(state, insertion.pickup_s, insertion.dropoff_s)
    booking = Booking(
        id=new_booking_id(trip),
        trip_id=request.trip_id,
        shuttle_id=shuttle.id,
        promise=promise_around(
            state,
            request.party,
            (pickup.stop, dropoff.stop),
            (
                asked.pickups[insertion.pickup_choice].earliest_s,
                asked.dropoffs[insertion.dropoff_choice].latest_s,
            ),
            (insertion.pickup_s, insertion.dropoff_s),
            quote,
        ),
        max_ride_s=max_ride_s,
        dwell_s=asked.dwell_s,
        hold=Hold.OFFERED,
    )
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
        quote=quote,
    )
    return FoundOffer(offer, booking, shuttle, insertion, asked)


def _offer(
    turn: Turn, trip: TripRecord, wish: Wish, kind: OfferKind, leeway: Leeway = AS_ASKED
) -> Offer | NoInsertion | None:
    """Make one more offer and hold its seat; None where the kind adds nothing new."""
    found = look_for_offer(turn, trip, wish, kind, leeway)
    if not isinstance(found, FoundOffer):
        return found
    place_booking(turn, found.shuttle, found.insertion, found.asked, found.booking)
    trip.offers = (*trip.offers, found.offer)
    return found.offer


def _offer_other_times(turn: Turn, trip: TripRecord, wish: Wish, refusal: Refusal) -> None:
    """What the rider's flexibility allows where the time asked for cannot be met.

    The nearest later and the nearest sooner time, the one that is nearer to the wish first.
    """
    request = trip.request
    if not another_time_could_do(refusal):
        return
    for leeways in (leeways_later(wish.request), leeways_sooner(wish.request)):
        for leeway in leeways:
            if isinstance(_offer(turn, trip, wish, OfferKind.RETIMED, leeway), Offer):
                break
    trip.offers = tuple(sorted(trip.offers, key=lambda offer: missed_s(request, offer)))
    for offer in trip.offers[max(1, request.alternatives) :]:
        drop_booking(turn, offer.booking_id)
    trip.offers = trip.offers[: max(1, request.alternatives)]


def another_time_could_do(refusal: Refusal) -> bool:
    """Whether what binds could be gone at another time."""
    too_many = refusal.nearest is not None and refusal.nearest.party is not None
    return not too_many and refusal.reason not in _NO_TIME_WOULD_DO


def missed_s(request: RideRequest, offer: Offer) -> int:
    """How far an offer is from the time asked for."""
    if request.wish is TimeWish.ARRIVE_BY:
        return request.wish_s - offer.dropoff_planned_s
    return abs(offer.pickup_planned_s - request.wish_s)


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
    trip.request = coarsened(trip.request)
    return trip
