"""What became of an operator's command: judged by the engine, told, and kept."""

from dataclasses import dataclass
from enum import StrEnum

from dispatcher.domain.ids import CommandId, OperatorId


class CommandProblem(StrEnum):
    """Why a command was refused. Those of a trip's place are named as riders' refusals are."""

    COMMAND_ID_REUSED = "COMMAND_ID_REUSED"
    UNKNOWN_SHUTTLE = "UNKNOWN_SHUTTLE"
    UNKNOWN_TRIP = "UNKNOWN_TRIP"
    UNKNOWN_PLACE = "UNKNOWN_PLACE"
    ALREADY_SO = "ALREADY_SO"  # it would change nothing
    TRIP_ENDED = "TRIP_ENDED"
    NOT_ACCEPTED = "NOT_ACCEPTED"  # the rider has not taken an offer yet
    RIDERS_ABOARD = "RIDERS_ABOARD"
    ON_ITS_WAY = "ON_ITS_WAY"  # the released part of a plan is never changed
    TAKES_NO_RIDERS = "TAKES_NO_RIDERS"
    NO_OTHER_SHUTTLE = "NO_OTHER_SHUTTLE"
    NOT_IDLE = "NOT_IDLE"
    CANNOT_DRIVE = "CANNOT_DRIVE"
    STOP_CLOSED = "STOP_CLOSED"
    STOP_FULL = "STOP_FULL"
    UNREACHABLE = "UNREACHABLE"
    NO_WHEELCHAIR_PLACE = "NO_WHEELCHAIR_PLACE"
    NO_SEAT = "NO_SEAT"
    RIDE_TOO_LONG = "RIDE_TOO_LONG"
    WAIT_TOO_LONG = "WAIT_TOO_LONG"
    OUTSIDE_HOURS = "OUTSIDE_HOURS"
    NO_RANGE = "NO_RANGE"


@dataclass(frozen=True, slots=True)
class CommandRefusal:
    """The answer is no; nothing was changed."""

    problem: CommandProblem
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """A command was carried out (``refusal`` None) or refused."""

    command_id: CommandId
    operator_id: OperatorId
    at_s: int
    refusal: CommandRefusal | None = None

    @property
    def accepted(self) -> bool:
        return self.refusal is None
