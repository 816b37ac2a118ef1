"""What happened, as the journal records it.

Every event carries ``at_s``, UTC seconds, stamped at the border. Times never run
backwards in the journal: the border stamps ``max(clock, last stamp)``.
"""

from dataclasses import dataclass

from dispatcher.domain.energy import PlannedCharge
from dispatcher.domain.ids import (
    BookingId,
    CommandId,
    EdgeId,
    OperatorId,
    RiderId,
    ShuttleId,
    StopId,
    TripId,
    VisitId,
)
from dispatcher.domain.shuttles import Capacity, DriveMode, Fault
from dispatcher.domain.trips import RideRequest

# Riders


@dataclass(frozen=True, slots=True)
class RequestSubmitted:
    at_s: int
    request: RideRequest


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """``booking_id`` None means the first offer (accepting) or all of them (declining)."""

    at_s: int
    rider_id: RiderId
    trip_id: TripId
    accept: bool
    booking_id: BookingId | None = None


@dataclass(frozen=True, slots=True)
class TripCancelled:
    """By the rider, or by the operator where ``operator_id`` is given."""

    at_s: int
    trip_id: TripId
    rider_id: RiderId | None = None
    operator_id: OperatorId | None = None
    reason: str = ""
    command_id: CommandId | None = None


# Shuttles


@dataclass(frozen=True, slots=True)
class EventNumber:
    """A shuttle's own number for what it tells. It rises by one within a series.

    Another series begins where the shuttle has lost its memory.
    """

    series: str
    number: int


@dataclass(frozen=True, slots=True)
class ShuttleJoined:
    """A shuttle is known with its capacity.

    First contact, a changed factsheet, or a shuttle that has lost the order it had
    (after a reboot, say): ``order_id`` and ``revision`` are what it works on now, ""
    and 0 if nothing.
    """

    at_s: int
    shuttle_id: ShuttleId
    capacity: Capacity
    x_m: float
    y_m: float
    battery_pct: float
    mode: DriveMode
    aboard: tuple[TripId, ...] = ()
    order_id: str = ""
    revision: int = 0
    needs_word: bool = False  # boards nobody without the dispatcher's fresh word


@dataclass(frozen=True, slots=True)
class ShuttleReported:
    """A report that differs in something that planning must know.

    ``left_m`` is the road still to drive to the end of the released part, None when
    standing there. Any report ends a silence.
    """

    at_s: int
    shuttle_id: ShuttleId
    x_m: float
    y_m: float
    battery_pct: float
    charging: bool
    mode: DriveMode
    paused: bool
    faults: tuple[Fault, ...]
    aboard: tuple[TripId, ...]
    left_m: float | None = None
    needs_word: bool = False


@dataclass(frozen=True, slots=True)
class ShuttleFellSilent:
    """No fresh state for longer than the liveness limit."""

    at_s: int
    shuttle_id: ShuttleId
    last_heard_s: int


@dataclass(frozen=True, slots=True)
class HearingLost:
    """No shuttle can be heard any more: our own connection is gone.

    ``since_s`` is when the last message came, for it may have been dead for as long.
    """

    at_s: int
    since_s: int


@dataclass(frozen=True, slots=True)
class HearingRegained:
    """Our connection stands again; what shuttles say is heard."""

    at_s: int


@dataclass(frozen=True, slots=True)
class NewerEpochSeen:
    """The shuttle has heard of a dispatcher with a higher epoch than ours."""

    at_s: int
    shuttle_id: ShuttleId
    epoch: int


@dataclass(frozen=True, slots=True)
class PlanConfirmed:
    """The shuttle echoed this plan, and with it everything before it."""

    at_s: int
    shuttle_id: ShuttleId
    revision: int


@dataclass(frozen=True, slots=True)
class PlanRefused:
    at_s: int
    shuttle_id: ShuttleId
    revision: int
    reason: str


@dataclass(frozen=True, slots=True)
class VisitArrived:
    at_s: int
    shuttle_id: ShuttleId
    visit_id: VisitId


@dataclass(frozen=True, slots=True)
class RiderBoarded:
    at_s: int
    shuttle_id: ShuttleId
    visit_id: VisitId
    trip_id: TripId
    number: EventNumber | None = None


@dataclass(frozen=True, slots=True)
class RiderNotThere:
    """The shuttle waited as long as it was told; nobody came."""

    at_s: int
    shuttle_id: ShuttleId
    visit_id: VisitId
    trip_id: TripId
    number: EventNumber | None = None


@dataclass(frozen=True, slots=True)
class BoardingFailed:
    """The shuttle let nobody in, so nobody can be blamed for not boarding.

    ``reason`` is the shuttle's: PLAN_EXPIRED after too long without the dispatcher's word, GOT_OUT
    if they were in and left before anybody could be told.
    """

    at_s: int
    shuttle_id: ShuttleId
    visit_id: VisitId
    trip_id: TripId
    reason: str = ""
    number: EventNumber | None = None


@dataclass(frozen=True, slots=True)
class RiderAlighted:
    at_s: int
    shuttle_id: ShuttleId
    visit_id: VisitId
    trip_id: TripId
    number: EventNumber | None = None


@dataclass(frozen=True, slots=True)
class VisitCompleted:
    """Every task at the visit is done; the doors are closed."""

    at_s: int
    shuttle_id: ShuttleId
    visit_id: VisitId


# Operators. Each command has an id made where it was given; earlier journals have none, and
# nobody was answered then.


@dataclass(frozen=True, slots=True)
class StreetsClosed:
    at_s: int
    operator_id: OperatorId
    edges: tuple[EdgeId, ...]
    stops: tuple[StopId, ...]
    reason: str = ""
    command_id: CommandId | None = None


@dataclass(frozen=True, slots=True)
class StreetsOpened:
    at_s: int
    operator_id: OperatorId
    edges: tuple[EdgeId, ...]
    stops: tuple[StopId, ...]
    reason: str = ""
    command_id: CommandId | None = None


@dataclass(frozen=True, slots=True)
class ShuttleHeld:
    """Stop where it is safe to and stay there."""

    at_s: int
    operator_id: OperatorId
    shuttle_id: ShuttleId
    reason: str = ""
    command_id: CommandId | None = None


@dataclass(frozen=True, slots=True)
class ShuttleReleased:
    """Drive on. One that had refused its plans takes them again.

    ``returns``: also back in service, as this once always meant.
    """

    at_s: int
    operator_id: OperatorId
    shuttle_id: ShuttleId
    reason: str = ""
    command_id: CommandId | None = None
    returns: bool = True


@dataclass(frozen=True, slots=True)
class ShuttleWithdrawn:
    """Take no new riders: those waiting are re-planned, those aboard are set down."""

    at_s: int
    operator_id: OperatorId
    shuttle_id: ShuttleId
    reason: str = ""
    command_id: CommandId | None = None


@dataclass(frozen=True, slots=True)
class ShuttleReturned:
    """Back in service: it takes new riders again."""

    at_s: int
    operator_id: OperatorId
    shuttle_id: ShuttleId
    reason: str = ""
    command_id: CommandId | None = None


@dataclass(frozen=True, slots=True)
class TripMoved:
    """Another shuttle is to take the trip as promised: this one, or any other than now."""

    at_s: int
    operator_id: OperatorId
    trip_id: TripId
    to_shuttle: ShuttleId | None = None
    reason: str = ""
    command_id: CommandId | None = None


@dataclass(frozen=True, slots=True)
class ShuttleSent:
    """With nothing else to do, stand at this stop until there are riders."""

    at_s: int
    operator_id: OperatorId
    shuttle_id: ShuttleId
    stop_id: StopId
    reason: str = ""
    command_id: CommandId | None = None


# Timers and planning


@dataclass(frozen=True, slots=True)
class ClockTicked:
    """Something the state waits for is due."""

    at_s: int


@dataclass(frozen=True, slots=True)
class ProposedVisit:
    """One call in a proposed tail, by stop index."""

    stop: int
    boards: tuple[BookingId, ...]
    alights: tuple[BookingId, ...]


@dataclass(frozen=True, slots=True)
class ProposedRoute:
    """A new unreleased tail for one shuttle.

    ``route_version`` is the version of the tail that the proposal was made from.
    """

    shuttle_id: ShuttleId
    route_version: int
    visits: tuple[ProposedVisit, ...]


@dataclass(frozen=True, slots=True)
class PlanProposed:
    """The improver's word. What of it still fits is adopted, the rest ignored."""

    at_s: int
    routes: tuple[ProposedRoute, ...]
    cost_before: int
    cost_after: int


@dataclass(frozen=True, slots=True)
class ChargingPlanned:
    """Who is to charge when and where, for the next hours; what of it still fits is adopted."""

    at_s: int
    sessions: tuple[PlannedCharge, ...]


@dataclass(frozen=True, slots=True)
class EpochBegan:
    """A dispatcher took over; its plans carry this epoch."""

    at_s: int
    epoch: int


Event = (
    RequestSubmitted
    | OfferAnswered
    | TripCancelled
    | ShuttleJoined
    | ShuttleReported
    | ShuttleFellSilent
    | HearingLost
    | HearingRegained
    | NewerEpochSeen
    | PlanConfirmed
    | PlanRefused
    | VisitArrived
    | RiderBoarded
    | RiderNotThere
    | BoardingFailed
    | RiderAlighted
    | VisitCompleted
    | StreetsClosed
    | StreetsOpened
    | ShuttleHeld
    | ShuttleReleased
    | ShuttleWithdrawn
    | ShuttleReturned
    | TripMoved
    | ShuttleSent
    | ClockTicked
    | PlanProposed
    | ChargingPlanned
    | EpochBegan
)

OperatorEvent = (
    TripCancelled
    | StreetsClosed
    | StreetsOpened
    | ShuttleHeld
    | ShuttleReleased
    | ShuttleWithdrawn
    | ShuttleReturned
    | TripMoved
    | ShuttleSent
)
"""What an operator can order; a trip may be cancelled by its rider as well."""
