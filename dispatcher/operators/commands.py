"""What an operator can order."""

from dataclasses import dataclass

from dispatcher.domain.ids import EdgeId, ShuttleId, StopId, TripId
from dispatcher.streets import Drawing


@dataclass(frozen=True, slots=True)
class HoldShuttle:
    """Stop where it is safe to, and stay there until released."""

    shuttle_id: ShuttleId


@dataclass(frozen=True, slots=True)
class ReleaseShuttle:
    """Drive on; one that refused its plans tries again. It stays out of service if it is."""

    shuttle_id: ShuttleId


@dataclass(frozen=True, slots=True)
class WithdrawShuttle:
    """Out of service: no new riders, those waiting go to others, those aboard are set down."""

    shuttle_id: ShuttleId


@dataclass(frozen=True, slots=True)
class ReturnShuttle:
    """Back in service."""

    shuttle_id: ShuttleId


@dataclass(frozen=True, slots=True)
class CancelTrip:
    """Before its riders are aboard. They are shown the reason."""

    trip_id: TripId


@dataclass(frozen=True, slots=True)
class MoveTrip:
    """To the shuttle named, or to any other than now; with every promise kept."""

    trip_id: TripId
    to_shuttle: ShuttleId | None = None


@dataclass(frozen=True, slots=True)
class CloseStreets:
    """Streets crossed by what is drawn, stops inside it, and those named.

    Riders whose trip that changes are shown the reason.
    """

    edges: tuple[EdgeId, ...] = ()
    stops: tuple[StopId, ...] = ()
    drawn: Drawing | None = None


@dataclass(frozen=True, slots=True)
class OpenStreets:
    """Open again what is named, and of what is drawn all that is closed."""

    edges: tuple[EdgeId, ...] = ()
    stops: tuple[StopId, ...] = ()
    drawn: Drawing | None = None


@dataclass(frozen=True, slots=True)
class SendShuttle:
    """With nothing else to do, stand at this stop until there are riders."""

    shuttle_id: ShuttleId
    stop_id: StopId


Command = (
    HoldShuttle
    | ReleaseShuttle
    | WithdrawShuttle
    | ReturnShuttle
    | CancelTrip
    | MoveTrip
    | CloseStreets
    | OpenStreets
    | SendShuttle
)
