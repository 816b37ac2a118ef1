"""The status document: all that a rider is told about a trip, whole at each change.

Times are RFC 3339 in UTC. Stops come with their names and place, so that a plain device
needs nothing else to show them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dispatcher.domain.ids import StopId
from dispatcher.domain.quotes import LEVELS_PCT, Quote
from dispatcher.domain.trips import (
    ENDS,
    Breach,
    BreachCause,
    Nearest,
    Offer,
    OfferKind,
    Party,
    Promise,
    Refusal,
    RefusalReason,
    RideRequest,
    TripState,
    TripStatus,
)
from dispatcher.domain.zone import Stop


class Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StopPlace(Document):
    """A stop, with what is needed to find it."""

    id: str
    names: dict[str, str] = Field(description="By language: ko, en, …")
    lat: float
    lon: float


class Window(Document):
    """Earliest and latest time at which boarding begins."""

    opens: datetime
    closes: datetime


class PartyPlaces(Document):
    seats: int
    wheelchairs: int


class PromiseTold(Document):
    """What the rider may rely on, fixed once accepted."""

    pickup: StopPlace
    dropoff: StopPlace
    window: Window
    dropoff_latest: datetime
    party: PartyPlaces


class OddsTold(Document):
    """How surely it is over by when, from what past trips came to."""

    level_pct: int = Field(description="So many in a hundred come by these times.")
    pickup_by: datetime = Field(description="The shuttle is at the stop.")
    dropoff_by: datetime = Field(description="The rider has got off.")


class OfferTold(Document):
    """A promise the rider may have until it expires."""

    id: str
    kind: OfferKind
    promise: PromiseTold
    shuttle: str
    walk_to_pickup_m: int
    walk_from_dropoff_m: int
    pickup_expected: datetime
    dropoff_expected: datetime
    expires: datetime
    odds: tuple[OddsTold, ...] = ()


class QuotedOffer(Document):
    """What would be offered now. No seat is held, so it can be gone when it is asked for."""

    kind: OfferKind
    promise: PromiseTold
    walk_to_pickup_m: int
    walk_from_dropoff_m: int
    pickup_expected: datetime
    dropoff_expected: datetime
    odds: tuple[OddsTold, ...] = ()


class NearestTold(Document):
    """The nearest thing that would have worked, as far as it was found."""

    stop: StopPlace | None = None
    pickup: datetime | None = None
    walk_limit_m: int | None = None
    party: PartyPlaces | None = None
    retry_after_s: int | None = None


class RefusalTold(Document):
    """The answer is no: the constraint that binds, and what would work."""

    code: RefusalReason
    text: str
    nearest: NearestTold | None = None


class BreachTold(Document):
    """A promise that will not be kept."""

    known: datetime
    cause: BreachCause
    text: str
    promise: PromiseTold = Field(description="As it stood before.")


class TripDocument(Document):
    """The retained status of one trip.

    The revision rises with each change, the epoch with each start of a dispatcher. A document
    with a lower epoch than one seen before is old, and so is one of the same epoch with a
    lower revision.
    """

    version: Literal[1] = 1
    trip: str
    request: str
    state: TripState
    revision: int
    epoch: int = 0
    at: datetime
    offers: tuple[OfferTold, ...] = ()
    promise: PromiseTold | None = None
    shuttle: str | None = None
    pickup_expected: datetime | None = None
    dropoff_expected: datetime | None = None
    refusal: RefusalTold | None = None
    reason: str | None = Field(default=None, description="What changed and why.")
    breach: BreachTold | None = None
    offer_kind: OfferKind | None = Field(default=None, description="Of the accepted offer.")
    odds: tuple[OddsTold, ...] = Field(
        default=(), description="As quoted with the offer that was accepted; until the trip ends."
    )

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()


class StatusWriter:
    """Turns statuses into documents for one zone; ``epoch`` is the dispatcher's own."""

    def __init__(self, stops: Mapping[StopId, Stop], epoch: int = 0) -> None:
        self.epoch = epoch
        self._stops = stops

    def document(self, status: TripStatus) -> TripDocument:
        return TripDocument(
            trip=status.trip_id,
            request=status.request_id,
            state=status.state,
            revision=status.revision,
            epoch=self.epoch,
            at=instant(status.at_s),
            offers=tuple(self._offer(offer) for offer in status.offers),
            promise=self._promise(status.promise) if status.promise else None,
            shuttle=status.shuttle_id,
            pickup_expected=_maybe_instant(status.pickup_expected_s),
            dropoff_expected=_maybe_instant(status.dropoff_expected_s),
            refusal=self._refusal(status.refusal) if status.refusal else None,
            reason=status.reason,
            breach=self._breach(status.breach) if status.breach else None,
            offer_kind=status.offer_kind,
            odds=() if status.state in ENDS else _odds(status.quote),
        )

    def received(self, request: RideRequest, at_s: int) -> TripDocument:
        """The request is in the journal and will be decided; revision 0, before all others."""
        return TripDocument(
            trip=request.trip_id,
            request=request.request_id,
            state=TripState.REQUESTED,
            revision=0,
            epoch=self.epoch,
            at=instant(at_s),
        )

    def quoted(self, offer: Offer) -> QuotedOffer:
        """An offer that nobody holds a seat for."""
        told = self._offer(offer)
        return QuotedOffer(
            kind=told.kind,
            promise=told.promise,
            walk_to_pickup_m=told.walk_to_pickup_m,
            walk_from_dropoff_m=told.walk_from_dropoff_m,
            pickup_expected=told.pickup_expected,
            dropoff_expected=told.dropoff_expected,
            odds=told.odds,
        )

    def refused(self, refusal: Refusal) -> RefusalTold:
        """Why not, and what would work."""
        return self._refusal(refusal)

    def _stop(self, stop_id: StopId) -> StopPlace:
        stop = self._stops[stop_id]
        return StopPlace(id=stop.id, names=dict(stop.names), lat=stop.point.lat, lon=stop.point.lon)

    def _promise(self, promise: Promise) -> PromiseTold:
        return PromiseTold(
            pickup=self._stop(promise.pickup_stop),
            dropoff=self._stop(promise.dropoff_stop),
            window=Window(
                opens=instant(promise.pickup_earliest_s), closes=instant(promise.pickup_latest_s)
            ),
            dropoff_latest=instant(promise.dropoff_latest_s),
            party=_places(promise.party),
        )

    def _offer(self, offer: Offer) -> OfferTold:
        return OfferTold(
            id=offer.booking_id,
            kind=offer.kind,
            promise=self._promise(offer.promise),
            shuttle=offer.shuttle_id,
            walk_to_pickup_m=offer.walk_to_pickup_m,
            walk_from_dropoff_m=offer.walk_from_dropoff_m,
            pickup_expected=instant(offer.pickup_planned_s),
            dropoff_expected=instant(offer.dropoff_planned_s),
            expires=instant(offer.expires_s),
            odds=_odds(offer.quote),
        )

    def _refusal(self, refusal: Refusal) -> RefusalTold:
        return RefusalTold(
            code=refusal.reason,
            text=refusal.text,
            nearest=self._nearest(refusal.nearest) if refusal.nearest else None,
        )

    def _nearest(self, nearest: Nearest) -> NearestTold:
        return NearestTold(
            stop=self._stop(nearest.stop_id) if nearest.stop_id else None,
            pickup=_maybe_instant(nearest.pickup_s),
            walk_limit_m=nearest.walk_limit_m,
            party=_places(nearest.party) if nearest.party else None,
            retry_after_s=nearest.retry_after_s,
        )

    def _breach(self, breach: Breach) -> BreachTold:
        return BreachTold(
            known=instant(breach.known_s),
            cause=breach.cause,
            text=breach.text,
            promise=self._promise(breach.promise),
        )


def instant(at_s: int) -> datetime:
    """Whole UTC seconds as the aware time that goes out."""
    return datetime.fromtimestamp(at_s, UTC)


def _maybe_instant(at_s: int | None) -> datetime | None:
    return None if at_s is None else instant(at_s)


def _odds(quote: Quote | None) -> tuple[OddsTold, ...]:
    if quote is None:
        return ()
    return tuple(
        OddsTold(level_pct=level, pickup_by=instant(pickup_s), dropoff_by=instant(dropoff_s))
        for level, pickup_s, dropoff_s in zip(
            LEVELS_PCT, quote.pickup_by_s, quote.dropoff_by_s, strict=True
        )
    )


def _places(party: Party) -> PartyPlaces:
    return PartyPlaces(seats=party.seats, wheelchairs=party.wheelchairs)
