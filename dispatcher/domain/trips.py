"""What a rider asks, what was promised, and how far the trip has come."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from dispatcher.domain.ids import BookingId, RequestId, RiderId, ShuttleId, StopId, TripId
from dispatcher.domain.quotes import Quote
from dispatcher.domain.zone import Point

Place = StopId | Point

COARSE_DECIMALS: Final = 2
"""Of a degree: 1.1 km north to south, and less from east to west."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who rides together. A rider in a wheelchair takes a wheelchair place and no seat."""

    seats: int = 1
    wheelchairs: int = 0


class TimeWish(StrEnum):
    NOW = "now"
    DEPART_AT = "depart_at"
    ARRIVE_BY = "arrive_by"


@dataclass(frozen=True, slots=True)
class RideRequest:
    """A rider's wish for one trip, as it passed the border."""

    request_id: RequestId  # made by the rider's device; a resend carries the same
    rider_id: RiderId
    trip_id: TripId  # made at the border
    origin: Place
    destination: Place
    wish: TimeWish
    wish_s: int  # departure or arrival wanted, UTC seconds; the time of asking for NOW
    party: Party
    walk_limit_m: int
    auto_accept: bool = False
    alternatives: int = 1  # how many offers at most, 1 to 3
    flexible_s: int = 0  # the time may be missed by so much, where it cannot be met


def is_from_map(request: RideRequest) -> bool:
    """Whether it names a place of the rider's own, and not stops alone."""
    return isinstance(request.origin, Point) or isinstance(request.destination, Point)


def coarsened(request: RideRequest) -> RideRequest:
    """The same with places on the map known to about a kilometre only."""
    return replace(
        request, origin=_coarse(request.origin), destination=_coarse(request.destination)
    )


def may_be_coarsened(known: Place, exact: Place) -> bool:
    """Whether ``known`` is that place, or what `coarsened` has left of it."""
    return known in (exact, _coarse(exact))


def _coarse(place: Place) -> Place:
    if not isinstance(place, Point):
        return place
    return Point(round(place.lat, COARSE_DECIMALS), round(place.lon, COARSE_DECIMALS))


class TripState(StrEnum):
    REQUESTED = "requested"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    BOARDING = "boarding"
    ABOARD = "aboard"
    COMPLETED = "completed"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED_BY_RIDER = "cancelled_by_rider"
    CANCELLED_BY_OPERATOR = "cancelled_by_operator"
    NO_SHOW = "no_show"
    ABANDONED = "abandoned"


ENDS = frozenset(
    {
        TripState.COMPLETED,
        TripState.REFUSED,
        TripState.EXPIRED,
        TripState.CANCELLED_BY_RIDER,
        TripState.CANCELLED_BY_OPERATOR,
        TripState.NO_SHOW,
        TripState.ABANDONED,
    }
)


class RefusalReason(StrEnum):
    """The constraint that binds."""

    OUTSIDE_AREA = "OUTSIDE_AREA"
    OUTSIDE_HOURS = "OUTSIDE_HOURS"
    SAME_PLACE = "SAME_PLACE"
    NO_STOP_IN_REACH = "NO_STOP_IN_REACH"
    STOP_CLOSED = "STOP_CLOSED"
    UNREACHABLE = "UNREACHABLE"
    NO_SEAT = "NO_SEAT"
    NO_WHEELCHAIR_PLACE = "NO_WHEELCHAIR_PLACE"
    WAIT_TOO_LONG = "WAIT_TOO_LONG"
    RIDE_TOO_LONG = "RIDE_TOO_LONG"
    ARRIVAL_TOO_SOON = "ARRIVAL_TOO_SOON"
    FLEET_DOWN = "FLEET_DOWN"
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    TOO_FAR_AHEAD = "TOO_FAR_AHEAD"
    BAD_TIME = "BAD_TIME"


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest thing that would work, as far as it could be found."""

    stop_id: StopId | None = None  # go to, or ask from, this stop
    pickup_s: int | None = None  # ask for this time
    walk_limit_m: int | None = None  # walk this far
    party: Party | None = None  # this many fit into one shuttle
    retry_after_s: int | None = None  # ask again after so many seconds


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer is no; the rider is told why and what would work."""

    reason: RefusalReason
    text: str
    nearest: Nearest | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """What the rider may rely on. Fixed at acceptance; planning treats it as hard."""

    pickup_stop: StopId
    dropoff_stop: StopId
    pickup_earliest_s: int
    pickup_latest_s: int
    dropoff_latest_s: int
    party: Party


class OfferKind(StrEnum):
    SOONEST = "soonest"
    LESS_WALKING = "less_walking"
    LATER = "later"
    RETIMED = "retimed"  # another time than asked for, within what the rider allows


@dataclass(frozen=True, slots=True)
class Offer:
    """A promise the rider may have, with its seat held until it expires."""

    booking_id: BookingId
    kind: OfferKind
    promise: Promise
    shuttle_id: ShuttleId
    walk_to_pickup_m: int
    walk_from_dropoff_m: int
    pickup_planned_s: int
    dropoff_planned_s: int
    expires_s: int
    quote: Quote | None = None


class BreachCause(StrEnum):
    """Why the world did not let a promise be kept."""

    SHUTTLE_SILENT = "shuttle_silent"
    SHUTTLE_FAULT = "shuttle_fault"
    SHUTTLE_WITHDRAWN = "shuttle_withdrawn"
    PLAN_REFUSED = "plan_refused"
    CLOSURE = "closure"
    LOW_BATTERY = "low_battery"
    DELAY = "delay"


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that will not be kept, recorded when it became known."""

    known_s: int
    cause: BreachCause
    text: str
    promise: Promise  # as it stood before


@dataclass(frozen=True, slots=True)
class TripStatus:
    """All that a rider is shown about a trip; sent whole at each change."""

    trip_id: TripId
    rider_id: RiderId
    request_id: RequestId
    state: TripState
    revision: int  # rises by one with each status of this trip
    at_s: int
    offers: tuple[Offer, ...] = ()
    promise: Promise | None = None
    shuttle_id: ShuttleId | None = None
    pickup_expected_s: int | None = None
    dropoff_expected_s: int | None = None
    refusal: Refusal | None = None
    reason: str | None = None  # what changed and why, in one sentence
    breach: Breach | None = None  # the last one, if any
    quote: Quote | None = None  # with the offer that was accepted ...
    offer_kind: OfferKind | None = None  # ... and of what kind that was
