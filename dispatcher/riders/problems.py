"""What a rider's device is told when its message cannot be acted on."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ProblemCode(StrEnum):
    """Why a message was not acted on. Refused *trips* are no problems: they have a status."""

    UNREADABLE = "UNREADABLE"  # not the JSON it should be
    TOO_LARGE = "TOO_LARGE"
    INVALID = "INVALID"  # a field is missing, unknown or out of bounds
    STOP_UNKNOWN = "STOP_UNKNOWN"
    BAD_TIME = "BAD_TIME"
    TOO_FAR_AHEAD = "TOO_FAR_AHEAD"
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    NOT_AVAILABLE = "NOT_AVAILABLE"  # the dispatcher cannot write its journal just now
    NOT_DECIDED = "NOT_DECIDED"  # a mistake of ours; the operator has been told
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    UNKNOWN_TRIP = "UNKNOWN_TRIP"
    NOT_YOURS = "NOT_YOURS"
    NO_OPEN_OFFER = "NO_OPEN_OFFER"
    UNKNOWN_OFFER = "UNKNOWN_OFFER"
    ALREADY_ENDED = "ALREADY_ENDED"
    ALREADY_ABOARD = "ALREADY_ABOARD"


class Problem(BaseModel):
    """A message that was not acted on: why, and what to do about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: ProblemCode
    text: str = Field(description="Why, in one sentence.")
    remedy: str = Field(description="What the rider's device should do.")
    field: str | None = Field(default=None, description="Where in the message, as in party.seats.")
    request: str | None = Field(default=None, description="The request's id, if it could be read.")
    trip: str | None = None
    stop: str | None = Field(
        default=None, description="The id of the stop that was probably meant."
    )
    retry_after_s: int | None = Field(default=None, description="Ask again after so many seconds.")

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()


class ProblemError(Exception):
    """Carries a problem from where it is found to where it is told."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem
