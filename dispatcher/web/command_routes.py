"""Operators command: what it costs, do it, what was commanded; and why a trip is as it is."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from dispatcher.domain.ids import CommandId, TripId
from dispatcher.explaining import ExplanationError
from dispatcher.explaining.explanation import UnknownTripError
from dispatcher.journal import JournalError, TrailKind
from dispatcher.operators import Command, CommandError, CostChangedError, DeskProblem
from dispatcher.riders.problems import ProblemCode
from dispatcher.web.answers import document, json_answer, problems
from dispatcher.web.command_schemas import CommandPreview, CommandSubmission
from dispatcher.web.command_views import CommandPage, CostView, OutcomeView
from dispatcher.web.guarded_route import Caller, GuardedRoute, Parts
from dispatcher.web.operator_routes import Before, Most, written_down
from dispatcher.web.principals import Role
from dispatcher.web.problems import WebCode, WebProblem, web_problem
from dispatcher.web.rider_routes import TripPath
from dispatcher.web.why_view import WhyDocument, is_from_map, why_json

router = APIRouter(route_class=GuardedRoute)

_CODES: Final[dict[DeskProblem, ProblemCode | WebCode]] = {
    DeskProblem.INVALID: ProblemCode.INVALID,
    DeskProblem.UNKNOWN_PLACE: WebCode.UNKNOWN_PLACE,
    DeskProblem.COMMAND_ID_REUSED: WebCode.COMMAND_ID_REUSED,
    DeskProblem.COST_CHANGED: WebCode.COST_CHANGED,
    DeskProblem.TOO_BUSY: WebCode.TOO_BUSY,
    DeskProblem.NOT_AVAILABLE: ProblemCode.NOT_AVAILABLE,
    DeskProblem.NOT_DECIDED: ProblemCode.NOT_DECIDED,
    DeskProblem.FORGOTTEN: WebCode.FORGOTTEN,
}


@router.post(
    "/v1/commands/preview",
    operation_id="previewCommand",
    summary="What a command would cost if it were given now; nothing is done",
    tags=["operators"],
    response_model=CostView,
    responses=problems(400, 401, 403, 409, 413, 415),
)
async def preview_command(message: CommandPreview, parts: Parts, caller: Caller) -> Response:
    try:
        cost = await parts.operators.preview(caller.operator_id, message.command.as_command())
    except CommandError as error:
        raise of_command_error(error) from error
    return document(CostView.of(cost))


@router.post(
    "/v1/commands",
    operation_id="submitCommand",
    summary="Have a command carried out; whether it was, or why not",
    tags=["operators"],
    response_model=OutcomeView,
    responses=problems(400, 401, 403, 409, 413, 415),
)
async def submit_command(message: CommandSubmission, parts: Parts, caller: Caller) -> Response:
    command = message.command.as_command()
    # Written down first: also what is refused, and what comes to nothing because we end here.
    await written_down(
        parts,
        caller,
        TrailKind.COMMAND,
        message.command.kind,
        subject_of(command),
        message.reason,
        message.id,
    )
    expected = None if message.expected is None else message.expected.as_expected()
    try:
        outcome = await parts.operators.submit(
            caller.operator_id,
            CommandId(message.id),
            command,
            message.reason,
            expected=expected,
        )
    except CommandError as error:
        raise of_command_error(error) from error
    return document(OutcomeView.of(outcome))


@router.get(
    "/v1/commands",
    operation_id="listCommands",
    summary="What operators have commanded and what came of it, the newest first",
    tags=["operators"],
    response_model=CommandPage,
    responses=problems(401, 403),
)
async def list_commands(parts: Parts, limit: Most = 50, before: Before = None) -> Response:
    try:
        page = await parts.operators.list_commands(before, limit)
    except CommandError as error:
        raise of_command_error(error) from error
    return document(CommandPage.of(page))


@router.get(
    "/v1/trips/{trip}/why",
    operation_id="whyTrip",
    summary="Every decision about a trip: shuttles considered, their best, the constraint, cost",
    tags=["operators"],
    response_model=WhyDocument,
    responses=problems(401, 403, 404, 409),
)
async def why_trip(
    trip: TripPath,
    parts: Parts,
    caller: Caller,
    shuttles: Annotated[
        int, Query(ge=1, le=10_000, description="At most so many of each search, nearest first.")
    ] = 50,
) -> Response:
    try:
        explained = await parts.explainer.trip(TripId(trip))
    except UnknownTripError as error:
        raise web_problem(
            ProblemCode.UNKNOWN_TRIP,
            f"This cannot be explained: {error}.",
            "Check the trip's id; of older trips see ringmaster explain.",
        ) from error
    except ExplanationError as error:
        raise web_problem(
            WebCode.NOT_EXPLAINED,
            f"This cannot be explained: {error}.",
            "Export the journal, and use ringmaster explain.",
        ) from error
    except JournalError as error:
        raise web_problem(
            ProblemCode.NOT_AVAILABLE,
            "The journal cannot be read just now.",
            "Ask again in 5 s.",
            retry_after_s=5,
        ) from error
    if not is_from_map(explained):
        return json_answer(why_json(explained, shuttles))
    if not caller.is_any(Role.DISPATCHER, Role.ADMIN):
        return json_answer(why_json(explained, shuttles, blurred=True))
    await written_down(parts, caller, TrailKind.LOOK, "whyTrip", trip)
    return json_answer(why_json(explained, shuttles))


def of_command_error(error: CommandError) -> WebProblem:
    return web_problem(
        _CODES[error.problem],
        error.text,
        error.remedy,
        retry_after_s=error.retry_after_s,
        cost=CostView.of(error.cost) if isinstance(error, CostChangedError) else None,
    )


def subject_of(command: Command) -> str:
    """The trip, shuttle or places that a command is about, for the audit trail."""
    fields: dict[str, Any] = {
        name: getattr(command, name)
        for name in ("trip_id", "shuttle_id", "edges", "stops")
        if hasattr(command, name)
    }
    named = [value for value in fields.values() if isinstance(value, str)]
    places = [place for value in fields.values() if isinstance(value, tuple) for place in value]
    if named:
        return named[0]
    return " ".join(places[:5]) or "drawn on the map"
