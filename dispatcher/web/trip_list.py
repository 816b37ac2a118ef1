"""Trips as documents: the same that riders are told over MQTT."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from dispatcher import engine
from dispatcher.domain.ids import RiderId, TripId
from dispatcher.domain.trips import (
    ENDS,
    BreachCause,
    RefusalReason,
    RideRequest,
    TimeWish,
    TripState,
    is_from_map,
)
from dispatcher.domain.zone import Point
from dispatcher.engine.state import ServiceState, TripRecord
from dispatcher.riders.messages import PointPlace
from dispatcher.riders.status import (
    BreachTold,
    Document,
    PromiseTold,
    StatusWriter,
    TripDocument,
    instant,
)
from dispatcher.web.command_views import PromiseStand


class TripList(Document):
    """The newest first. ``next`` goes on where the list ends."""

    trips: tuple[TripDocument, ...]
    next: str | None = Field(default=None, description="Ask again with this as `after`.")


class PromiseRow(Document):
    """A promise in force, and how it stands."""

    trip: str
    state: TripState
    shuttle: str | None = None
    promise: PromiseTold
    pickup_expected: datetime | None = None
    dropoff_expected: datetime | None = None
    slack_s: int | None = Field(
        default=None, description="What is left of it by the expected times; negative: broken."
    )
    breach: BreachTold | None = None


class Whereabouts(Document):
    """Where a rider wants to go from and to. Each look at it is written down."""

    trip: str
    rider: str
    origin: str | PointPlace = Field(description="A stop, or a point.")
    destination: str | PointPlace
    wish: TimeWish
    wished: datetime
    aboard: str | None = Field(default=None, description="The shuttle that the rider sits in.")


class TripRow(Document):
    """A trip as operators see it: stops by their ids, and not who rides."""

    trip: str
    state: TripState
    revision: int
    asked: datetime
    ended: datetime | None = None
    shuttle: str | None = None
    promise: PromiseStand | None = Field(default=None, description="Or what is offered.")
    pickup_expected: datetime | None = None
    dropoff_expected: datetime | None = None
    breach: BreachCause | None = None
    refusal: RefusalReason | None = None


def trip_row(trip: TripRecord) -> TripRow:
    promise = trip.promise
    if promise is None and trip.offers:
        promise = trip.offers[0].promise
    return TripRow(
        trip=trip.request.trip_id,
        state=trip.state,
        revision=trip.revision,
        asked=instant(trip.asked_s),
        ended=_maybe(trip.ended_s),
        shuttle=trip.shuttle_id,
        promise=None if promise is None else PromiseStand.of(promise),
        pickup_expected=_maybe(trip.pickup_expected_s),
        dropoff_expected=_maybe(trip.dropoff_expected_s),
        breach=None if trip.breach is None else trip.breach.cause,
        refusal=None if trip.refusal is None else trip.refusal.reason,
    )


def trip_document(state: ServiceState, writer: StatusWriter, trip: TripRecord) -> TripDocument:
    at_s = state.now_s if trip.ended_s is None else trip.ended_s
    return writer.document(engine.trip_status(trip, at_s))


def for_operators(trip: TripRecord, told: TripDocument) -> TripDocument:
    """Without what tells where the rider is: the walks to the stops of several offers give it."""
    if not is_from_map(trip.request):
        return told
    refusal = told.refusal
    if refusal is not None and refusal.nearest is not None:
        refusal = refusal.model_copy(update={"nearest": None})
    return told.model_copy(update={"offers": (), "refusal": refusal})


def list_trips(
    state: ServiceState, rider_id: RiderId | None, states: frozenset[TripState]
) -> Iterator[TripRecord]:
    """The newest first: of one rider, or of all; in these states, or in any."""
    for trip in reversed(state.trips.values()):
        if rider_id is not None and trip.request.rider_id != rider_id:
            continue
        if not states or trip.state in states:
            yield trip


def trip_of(state: ServiceState, trip_id: TripId, rider_id: RiderId | None) -> TripRecord | None:
    """None as well where it is another rider's."""
    trip = state.trips.get(trip_id)
    if trip is None or (rider_id is not None and trip.request.rider_id != rider_id):
        return None
    return trip


def promise_rows(state: ServiceState, writer: StatusWriter) -> Iterator[PromiseRow]:
    for trip in state.trips.values():
        if trip.promise is None or trip.state in ENDS:
            continue
        document = trip_document(state, writer, trip)
        assert document.promise is not None
        yield PromiseRow(
            trip=document.trip,
            state=trip.state,
            shuttle=document.shuttle,
            promise=document.promise,
            pickup_expected=document.pickup_expected,
            dropoff_expected=document.dropoff_expected,
            slack_s=_slack_s(trip),
            breach=document.breach,
        )


def whereabouts(trip: TripRecord) -> Whereabouts:
    request = trip.request
    return Whereabouts(
        trip=request.trip_id,
        rider=request.rider_id,
        origin=_place(request, request.origin),
        destination=_place(request, request.destination),
        wish=request.wish,
        wished=instant(request.wish_s),
        aboard=trip.shuttle_id if trip.state is TripState.ABOARD else None,
    )


def _slack_s(trip: TripRecord) -> int | None:
    promise = trip.promise
    assert promise is not None
    slacks = []
    if trip.pickup_expected_s is not None and trip.state is not TripState.ABOARD:
        slacks.append(promise.pickup_latest_s - trip.pickup_expected_s)
    if trip.dropoff_expected_s is not None:
        slacks.append(promise.dropoff_latest_s - trip.dropoff_expected_s)
    return min(slacks, default=None)


def _maybe(at_s: int | None) -> datetime | None:
    return None if at_s is None else instant(at_s)


def _place(request: RideRequest, place: object) -> str | PointPlace:
    if isinstance(place, Point):
        return PointPlace(lat=place.lat, lon=place.lon)
    return str(place)
