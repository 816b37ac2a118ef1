"""What the engine decided, for the outbox to carry out.

A decision's id is ``{event number}.{index}``: a receiver that sees it twice knows it.
"""

from dataclasses import dataclass
from enum import StrEnum

from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.ids import RequestId, RiderId, ShuttleId, TripId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.trips import TripStatus


@dataclass(frozen=True, slots=True)
class TripChanged:
    """Tell the rider."""

    status: TripStatus


class AnswerProblem(StrEnum):
    UNKNOWN_TRIP = "UNKNOWN_TRIP"
    NOT_YOURS = "NOT_YOURS"
    NO_OPEN_OFFER = "NO_OPEN_OFFER"
    UNKNOWN_OFFER = "UNKNOWN_OFFER"
    ALREADY_ENDED = "ALREADY_ENDED"
    ALREADY_ABOARD = "ALREADY_ABOARD"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"


@dataclass(frozen=True, slots=True)
class RiderAnswered:
    """A rider's message that changes nothing gets this answer."""

    rider_id: RiderId
    problem: AnswerProblem
    text: str
    trip_id: TripId | None = None
    request_id: RequestId | None = None


@dataclass(frozen=True, slots=True)
class PlanPublished:
    """Send the shuttle its plan and go on sending until it is echoed."""

    plan: ShuttlePlan


class ShuttleCommand(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL_ORDER = "cancel_order"
    STATE_REQUEST = "state_request"
    FACTSHEET_REQUEST = "factsheet_request"


@dataclass(frozen=True, slots=True)
class ShuttleCommanded:
    shuttle_id: ShuttleId
    command: ShuttleCommand
    reason: str = ""


class AlertKind(StrEnum):
    SHUTTLE_SILENT = "shuttle_silent"
    SHUTTLE_FAULT = "shuttle_fault"
    PLAN_REFUSED = "plan_refused"
    PROMISE_BREACHED = "promise_breached"
    RIDER_STRANDED = "rider_stranded"
    LOW_BATTERY = "low_battery"
    CHARGER_FAULT = "charger_fault"
    STOP_CROWDED = "stop_crowded"  # more shuttles at a stop than it has berths
    UNEXPECTED_RIDER = "unexpected_rider"
    RIDER_MISSING = "rider_missing"  # boarded, but the shuttle does not report it aboard
    EPOCH_BEHIND = "epoch_behind"  # shuttles obey a dispatcher with a higher epoch
    # These are told by the shell.
    EVENT_SET_ASIDE = "event_set_aside"  # a mistake of ours
    STORE_UNSAFE = "store_unsafe"
    CLOCK_JUMPED = "clock_jumped"
    SOLVER_DOWN = "solver_down"  # plans are not improved any more; offers go on


@dataclass(frozen=True, slots=True)
class OperatorAlerted:
    kind: AlertKind
    text: str
    shuttle_id: ShuttleId | None = None
    trip_id: TripId | None = None


@dataclass(frozen=True, slots=True)
class OperatorAnswered:
    """An operator's command was carried out, or refused with a reason."""

    outcome: CommandOutcome


Decision = (
    TripChanged
    | RiderAnswered
    | PlanPublished
    | ShuttleCommanded
    | OperatorAlerted
    | OperatorAnswered
)
