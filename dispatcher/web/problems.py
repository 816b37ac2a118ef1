"""What is answered when something cannot be done: problem documents by RFC 9457.

The codes are those of the riders' messages over MQTT, and some that only HTTP needs.
"""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from dispatcher.riders.problems import Problem, ProblemCode
from dispatcher.web.command_views import CostView

PROBLEM_TYPE: Final = "application/problem+json"


class WebCode(StrEnum):
    """Beside `ProblemCode`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"  # no login, or one that is not believed
    FORBIDDEN = "FORBIDDEN"
    CROSS_SITE = "CROSS_SITE"  # a write with a cookie, from somewhere else
    LOGIN_CHANGED = "LOGIN_CHANGED"  # the cookie is of somebody else than the page believes
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_JSON = "NOT_JSON"
    HEAD_TOO_LARGE = "HEAD_TOO_LARGE"
    TOO_SLOW = "TOO_SLOW"  # the body did not come in time
    STANDING_BY = "STANDING_BY"  # another dispatcher serves the zone
    LEASE_LAPSED = "LEASE_LAPSED"  # it is not known whether this one still does
    NOT_STARTED = "NOT_STARTED"
    TOO_MANY_STREAMS = "TOO_MANY_STREAMS"
    FAILED = "FAILED"  # a mistake of ours
    # Commands
    UNKNOWN_PLACE = "UNKNOWN_PLACE"
    COMMAND_ID_REUSED = "COMMAND_ID_REUSED"
    COST_CHANGED = "COST_CHANGED"  # nothing was done; the new cost comes with it
    FORGOTTEN = "FORGOTTEN"  # given so long ago that its outcome is not remembered
    TOO_BUSY = "TOO_BUSY"
    NOT_EXPLAINED = "NOT_EXPLAINED"


STATUS: Final[Mapping[str, HTTPStatus]] = {
    ProblemCode.UNREADABLE: HTTPStatus.BAD_REQUEST,
    ProblemCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ProblemCode.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.STOP_UNKNOWN: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.BAD_TIME: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.TOO_FAR_AHEAD: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    ProblemCode.NOT_AVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ProblemCode.NOT_DECIDED: HTTPStatus.INTERNAL_SERVER_ERROR,
    ProblemCode.REQUEST_ID_REUSED: HTTPStatus.CONFLICT,
    ProblemCode.UNKNOWN_TRIP: HTTPStatus.NOT_FOUND,
    # That a trip is there at all is nobody else's affair.
    ProblemCode.NOT_YOURS: HTTPStatus.NOT_FOUND,
    ProblemCode.NO_OPEN_OFFER: HTTPStatus.CONFLICT,
    ProblemCode.UNKNOWN_OFFER: HTTPStatus.CONFLICT,
    ProblemCode.ALREADY_ENDED: HTTPStatus.CONFLICT,
    ProblemCode.ALREADY_ABOARD: HTTPStatus.CONFLICT,
    WebCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    WebCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    WebCode.CROSS_SITE: HTTPStatus.FORBIDDEN,
    WebCode.LOGIN_CHANGED: HTTPStatus.CONFLICT,
    WebCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    WebCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    WebCode.NOT_JSON: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    WebCode.HEAD_TOO_LARGE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    WebCode.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    WebCode.STANDING_BY: HTTPStatus.SERVICE_UNAVAILABLE,
    WebCode.LEASE_LAPSED: HTTPStatus.SERVICE_UNAVAILABLE,
    WebCode.NOT_STARTED: HTTPStatus.SERVICE_UNAVAILABLE,
    WebCode.TOO_MANY_STREAMS: HTTPStatus.SERVICE_UNAVAILABLE,
    WebCode.FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
    WebCode.UNKNOWN_PLACE: HTTPStatus.UNPROCESSABLE_ENTITY,
    WebCode.COMMAND_ID_REUSED: HTTPStatus.CONFLICT,
    WebCode.COST_CHANGED: HTTPStatus.CONFLICT,
    WebCode.FORGOTTEN: HTTPStatus.CONFLICT,
    WebCode.TOO_BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    WebCode.NOT_EXPLAINED: HTTPStatus.CONFLICT,
}


class ProblemDocument(BaseModel):
    """Why something was not done, and what to do about it (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(description="urn:ringmaster:problem: and the code; for machines.")
    title: str = Field(description="The same for each code.")
    status: int
    detail: str = Field(description="Why, in one sentence.")
    code: str = Field(description="Stable; what a client acts by.")
    remedy: str = Field(description="What the client should do.")
    field: str | None = Field(default=None, description="Where in the message, as in party.seats.")
    request: str | None = Field(default=None, description="The client's id of what it asked.")
    trip: str | None = None
    stop: str | None = Field(
        default=None, description="The id of the stop that was probably meant."
    )
    retry_after_s: int | None = Field(default=None, description="Ask again after so many seconds.")
    cost: CostView | None = Field(
        default=None, description="With COST_CHANGED: what the command would cost now."
    )


class WebProblem(HTTPException):
    """Carries a problem document to where it is answered."""

    def __init__(self, document: ProblemDocument, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(document.status, document.detail, dict(headers or {}))
        self.document = document

    def response(self) -> Response:
        headers = {"Cache-Control": "no-store", **(self.headers or {})}
        if self.document.retry_after_s is not None:
            headers["Retry-After"] = str(self.document.retry_after_s)
        if self.document.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(
            self.document.model_dump_json(exclude_none=True),
            self.document.status,
            headers,
            PROBLEM_TYPE,
        )


def web_problem(
    code: ProblemCode | WebCode,
    text: str,
    remedy: str,
    *,
    field: str | None = None,
    retry_after_s: int | None = None,
    cost: CostView | None = None,
    headers: Mapping[str, str] | None = None,
) -> WebProblem:
    """Raise what this gives."""
    return WebProblem(
        ProblemDocument(
            type=_type(code),
            title=_title(code),
            status=STATUS[code],
            detail=text,
            code=code.value,
            remedy=remedy,
            field=field,
            retry_after_s=retry_after_s,
            cost=cost,
        ),
        headers,
    )


def of_rider_problem(problem: Problem) -> WebProblem:
    """What the desk says of a rider's message, as HTTP says it."""
    code = problem.code
    if code is ProblemCode.NOT_YOURS:
        return no_such_trip()
    return WebProblem(
        ProblemDocument(
            type=_type(code),
            title=_title(code),
            status=STATUS[code],
            detail=problem.text,
            code=code.value,
            remedy=problem.remedy,
            field=problem.field,
            request=problem.request,
            trip=problem.trip,
            stop=problem.stop,
            retry_after_s=problem.retry_after_s,
        )
    )


def no_such_trip() -> WebProblem:
    """The same for a trip that is not there and for one that is another's."""
    return web_problem(
        ProblemCode.UNKNOWN_TRIP,
        "There is no such trip of yours.",
        "Check the trip's id; ask for a new trip if it is long past.",
    )


def failed() -> WebProblem:
    """A mistake of ours, of which nothing more is told."""
    return web_problem(
        WebCode.FAILED,
        "This failed because of a mistake of the dispatcher's.",
        "Ask again later; if it stays so, tell the operator.",
    )


def not_found(what: str) -> WebProblem:
    return web_problem(WebCode.NOT_FOUND, f"There is no such {what}.", "Check the address.")


def _type(code: StrEnum) -> str:
    return f"urn:ringmaster:problem:{code.value.lower().replace('_', '-')}"


def _title(code: StrEnum) -> str:
    return code.value.replace("_", " ").capitalize()
