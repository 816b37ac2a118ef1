"""What riders answer: an offer taken or declined, a trip cancelled; and offers that run out."""

from dispatcher.domain.decisions import AnswerProblem, RiderAnswered
from dispatcher.domain.events import OfferAnswered, TripCancelled
from dispatcher.domain.ids import BookingId, RiderId, TripId
from dispatcher.domain.trips import ENDS, TripState, coarsened
from dispatcher.engine.learning import note_given_up
from dispatcher.engine.routes import is_released, take_off
from dispatcher.engine.state import Hold, TripRecord
from dispatcher.engine.turn import Turn


def answer_offer(turn: Turn, event: OfferAnswered) -> None:
    """Accept one of the open offers, or decline them all."""
    trip = _own_trip(turn, event.trip_id, event.rider_id)
    if trip is None:
        return
    if _is_repeated(trip, event):
        turn.tell(event.trip_id)
        return
    if trip.state is not TripState.OFFERED:
        _answer(
            turn,
            event.rider_id,
            AnswerProblem.NO_OPEN_OFFER,
            f"The trip is {trip.state}; there is no open offer to answer.",
            event.trip_id,
        )
        return
    if not event.accept:
        end_offers(turn, trip)
        end_trip(turn, trip, TripState.CANCELLED_BY_RIDER, "You declined the offer.")
        return
    wanted = event.booking_id or trip.offers[0].booking_id
    if wanted not in [offer.booking_id for offer in trip.offers]:
        _answer(
            turn,
            event.rider_id,
            AnswerProblem.UNKNOWN_OFFER,
            f"The trip has no offer {wanted}.",
            event.trip_id,
        )
        return
    accept(turn, trip, wanted)


def _is_repeated(trip: TripRecord, event: OfferAnswered) -> bool:
    """The answer has been taken before: the device may not have heard, and is told again."""
    if not event.accept:
        return trip.state is TripState.CANCELLED_BY_RIDER and trip.accepted_s is None
    taken = [offer.booking_id for offer in trip.offers]
    return trip.accepted_s is not None and (event.booking_id or taken[0]) in taken


def accept(turn: Turn, trip: TripRecord, booking_id: BookingId) -> None:
    """The rider takes this offer: its promise is fixed, the other seats are free again."""
    state = turn.state
    end_offers(turn, trip, keep=booking_id)
    booking = state.bookings[booking_id]
    booking.hold = Hold.FIRM
    trip.booking_id = booking_id
    trip.promise = booking.promise
    trip.shuttle_id = booking.shuttle_id
    trip.state = TripState.ACCEPTED
    trip.accepted_s = turn.now_s
    turn.touch(state.shuttles[booking.shuttle_id])
    turn.tell(trip.request.trip_id)


def cancel(turn: Turn, event: TripCancelled) -> None:
    """End a trip before its riders are aboard."""
    if event.rider_id is not None:
        trip = _own_trip(turn, event.trip_id, event.rider_id)
    else:
        trip = turn.state.trips.get(event.trip_id)
    if trip is None:
        return
    by_rider = event.rider_id is not None
    if trip.state in ENDS or trip.state is TripState.ABOARD:
        if event.rider_id is not None:
            aboard = trip.state is TripState.ABOARD
            _answer(
                turn,
                event.rider_id,
                AnswerProblem.ALREADY_ABOARD if aboard else AnswerProblem.ALREADY_ENDED,
                "You are aboard; the shuttle takes you to your stop."
                if aboard
                else f"The trip is {trip.state}.",
                event.trip_id,
            )
        return
    end_offers(turn, trip)
    withdraw_booking(turn, trip)
    end = TripState.CANCELLED_BY_RIDER if by_rider else TripState.CANCELLED_BY_OPERATOR
    said = event.reason or ("You cancelled the trip." if by_rider else "The operator cancelled it.")
    end_trip(turn, trip, end, said)


def expire_offers(turn: Turn, trip_id: TripId) -> None:
    """Nobody answered in time: the held seats are free again."""
    trip = turn.state.trips.get(trip_id)
    if trip is None or trip.state is not TripState.OFFERED:
        return
    if any(offer.expires_s > turn.now_s for offer in trip.offers):
        return
    end_offers(turn, trip)
    end_trip(turn, trip, TripState.EXPIRED, "The offer was not answered in time.")


def end_offers(turn: Turn, trip: TripRecord, keep: BookingId | None = None) -> None:
    """Give back the seats held by open offers, but for one."""
    if trip.state is not TripState.OFFERED:
        return
    for offer in trip.offers:
        if offer.booking_id != keep:
            drop_booking(turn, offer.booking_id)
    trip.offers = tuple(offer for offer in trip.offers if offer.booking_id == keep)


def withdraw_booking(turn: Turn, trip: TripRecord) -> None:
    """Take an accepted trip's riders out of the plan.

    A pickup in the released part stays there, for that part is never changed: the shuttle comes,
    waits, and reports that nobody boarded. Until then the drop-off stays planned as well, so
    that a rider who boards all the same is taken along.
    """
    if trip.booking_id is None:
        return
    booking = turn.state.bookings.get(trip.booking_id)
    if booking is None:
        return
    shuttle = turn.state.shuttles[booking.shuttle_id]
    if not is_released(shuttle, booking.id):
        drop_booking(turn, booking.id)


def drop_booking(turn: Turn, booking_id: BookingId) -> None:
    """Remove a booking that nobody has boarded on."""
    booking = turn.state.bookings.pop(booking_id, None)
    if booking is None:
        return
    if booking_id in turn.state.moving:
        turn.state.moving.remove(booking_id)
    shuttle = turn.state.shuttles[booking.shuttle_id]
    take_off(turn.state, shuttle, booking_id)
    turn.touch(shuttle)


def end_trip(turn: Turn, trip: TripRecord, end: TripState, reason: str | None = None) -> None:
    """The one end of a trip."""
    assert end in ENDS
    assert trip.state not in ENDS, f"{trip.request.trip_id} has ended as {trip.state}"
    if end is TripState.ABANDONED:
        note_given_up(turn.state, trip)
    trip.state = end
    trip.ended_s = turn.now_s
    trip.request = coarsened(trip.request)  # where exactly the rider was is nobody's business now
    trip.pickup_expected_s = trip.dropoff_expected_s = None
    turn.tell(trip.request.trip_id, reason)


def _own_trip(turn: Turn, trip_id: TripId, rider_id: RiderId) -> TripRecord | None:
    """The rider's own trip. Another's trip is answered as if there were none."""
    trip = turn.state.trips.get(trip_id)
    if trip is None or trip.request.rider_id != rider_id:
        problem = AnswerProblem.UNKNOWN_TRIP if trip is None else AnswerProblem.NOT_YOURS
        _answer(turn, rider_id, problem, "You have no such trip.", trip_id)
        return None
    return trip


def _answer(
    turn: Turn, rider_id: RiderId, problem: AnswerProblem, text: str, trip_id: TripId
) -> None:
    turn.decisions.append(RiderAnswered(rider_id, problem, text, trip_id))
