"""What a rider is shown of a trip."""

from dispatcher.domain.trips import TripState, TripStatus
from dispatcher.engine.state import TripRecord


def trip_status(trip: TripRecord, at_s: int, reason: str | None = None) -> TripStatus:
    """The whole status of a trip, as of its present revision."""
    accepted = trip.offers[0] if trip.accepted_s is not None and trip.offers else None
    return TripStatus(
        trip_id=trip.request.trip_id,
        rider_id=trip.request.rider_id,
        request_id=trip.request.request_id,
        state=trip.state,
        revision=trip.revision,
        at_s=at_s,
        offers=trip.offers if trip.state is TripState.OFFERED else (),
        promise=trip.promise,
        shuttle_id=trip.shuttle_id,
        pickup_expected_s=trip.pickup_expected_s,
        dropoff_expected_s=trip.dropoff_expected_s,
        refusal=trip.refusal,
        reason=reason,
        breach=trip.breach,
        quote=None if accepted is None else accepted.quote,
        offer_kind=None if accepted is None else accepted.kind,
    )
