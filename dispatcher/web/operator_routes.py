"""What operators see. Nothing here changes anything."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from dispatcher.domain.ids import TripId
from dispatcher.engine.state import Shuttle
from dispatcher.journal import JournalError, TrailEntry, TrailKind, TrailQuestion
from dispatcher.riders.problems import ProblemCode
from dispatcher.streets.frame import LocalFrame
from dispatcher.web.answers import document, problems
from dispatcher.web.closures_view import ClosuresDocument, closures_document
from dispatcher.web.figures_view import FiguresDocument, figures_document
from dispatcher.web.guarded_route import Caller, GuardedRoute, Parts
from dispatcher.web.parts import WebParts
from dispatcher.web.plan_path import PathView, plan_path, way_ahead
from dispatcher.web.principals import Principal, Role
from dispatcher.web.problems import no_such_trip, not_found, web_problem
from dispatcher.web.rider_routes import EVENT_STREAM, TripPath
from dispatcher.web.schemas import (
    AlertList,
    PlanList,
    PromiseList,
    ShuttleList,
    TrailPage,
)
from dispatcher.web.shuttle_view import PlanView, ShuttleView, named_shuttle, plan_view
from dispatcher.web.trip_list import Whereabouts, promise_rows, trip_of, whereabouts

router = APIRouter(route_class=GuardedRoute)

ShuttlePath = Annotated[
    str, Path(min_length=1, max_length=200, description="manufacturer:serial number")
]
Most = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="Only numbers below this.")]


@router.get(
    "/v1/shuttles",
    operation_id="listShuttles",
    summary="All shuttles, with place, load, battery and plan",
    tags=["operators"],
    response_model=ShuttleList,
    responses=problems(401, 403),
)
async def list_shuttles(parts: Parts) -> Response:
    latest, state = parts.fleet.latest(), parts.state
    shuttles = tuple(
        parts.fleet_view.shuttle(state, shuttle, latest.get(shuttle.id))
        for shuttle in state.shuttles.values()
    )
    return document(ShuttleList(shuttles=shuttles))


@router.get(
    "/v1/shuttles/{shuttle}",
    operation_id="getShuttle",
    summary="One shuttle; a shuttle sees itself",
    tags=["operators", "shuttles"],
    response_model=ShuttleView,
    responses=problems(401, 403, 404),
)
async def get_shuttle(shuttle: ShuttlePath, parts: Parts, caller: Caller) -> Response:
    found = _visible(parts, caller, shuttle)
    latest = parts.fleet.latest_of(found.id)
    return document(parts.fleet_view.shuttle(parts.state, found, latest))


@router.get(
    "/v1/plans",
    operation_id="listPlans",
    summary="The plan of every shuttle",
    tags=["operators"],
    response_model=PlanList,
    responses=problems(401, 403),
)
async def list_plans(parts: Parts) -> Response:
    shuttles = parts.state.shuttles.values()
    return document(PlanList(plans=tuple(plan_view(shuttle) for shuttle in shuttles)))


@router.get(
    "/v1/plans/{shuttle}",
    operation_id="getPlan",
    summary="One shuttle's plan; a shuttle sees its own",
    tags=["operators", "shuttles"],
    response_model=PlanView,
    responses=problems(401, 403, 404),
)
async def get_plan(shuttle: ShuttlePath, parts: Parts, caller: Caller) -> Response:
    return document(plan_view(_visible(parts, caller, shuttle)))


@router.get(
    "/v1/plans/{shuttle}/path",
    operation_id="getPlanPath",
    summary="The way that a shuttle is to take, from where it is over all its visits",
    tags=["operators"],
    response_model=PathView,
    responses=problems(401, 403, 404),
)
async def get_plan_path(shuttle: ShuttlePath, parts: Parts, caller: Caller) -> Response:
    found = _visible(parts, caller, shuttle)
    ahead = way_ahead(found, parts.fleet.latest_of(found.id))
    streets, frame = parts.state.streets, LocalFrame(parts.site.zone.origin)
    return document(await asyncio.to_thread(plan_path, streets, frame, ahead))


@router.get(
    "/v1/promises",
    operation_id="listPromises",
    summary="Promises in force, and what is left of them",
    tags=["operators"],
    response_model=PromiseList,
    responses=problems(401, 403),
)
async def list_promises(parts: Parts) -> Response:
    return document(PromiseList(promises=tuple(promise_rows(parts.state, parts.writer))))


@router.get(
    "/v1/alerts",
    operation_id="listAlerts",
    summary="The newest alerts since this dispatcher started",
    tags=["operators"],
    response_model=AlertList,
    responses=problems(401, 403),
)
async def list_alerts(parts: Parts, limit: Most = 50, before: Before = None) -> Response:
    return document(AlertList(alerts=tuple(parts.alerts.newest(limit, before=before))))


@router.get(
    "/v1/closures",
    operation_id="listClosures",
    summary="Closed streets and stops",
    tags=["operators", "riders"],
    response_model=ClosuresDocument,
    responses=problems(401, 403),
)
async def list_closures(parts: Parts) -> Response:
    return document(closures_document(parts.state))


@router.get(
    "/v1/figures",
    operation_id="getFigures",
    summary="Waits, punctuality, refusals, load and computing times",
    tags=["operators"],
    response_model=FiguresDocument,
    responses=problems(401, 403),
)
async def get_figures(parts: Parts) -> Response:
    now_s = parts.service.clock.now_s()
    return document(
        figures_document(parts.figures, parts.state, parts.metrics, parts.improver, now_s)
    )


@router.get(
    "/v1/live",
    operation_id="followZone",
    summary="A snapshot of the whole zone, then what changes",
    tags=["operators"],
    response_class=Response,
    responses={**problems(401, 403), **EVENT_STREAM},
)
async def follow_zone(parts: Parts, caller: Caller) -> Response:
    return parts.hub.open(
        f"caller {caller.id}",
        None,
        parts.feed.zone_snapshot,
        caller.expires_s,
        session=caller.session,
    )


@router.get(
    "/v1/trips/{trip}/whereabouts",
    operation_id="getWhereabouts",
    summary="Where a rider is to be fetched and brought; each look is written down",
    tags=["operators"],
    response_model=Whereabouts,
    responses=problems(401, 403, 404),
)
async def get_whereabouts(
    trip: TripPath,
    parts: Parts,
    caller: Caller,
    reason: Annotated[str, Query(max_length=200, description="Why; written down.")] = "",
) -> Response:
    # Written down before it is looked up: also who looks for what is not there is known.
    await written_down(parts, caller, TrailKind.LOOK, "getWhereabouts", trip, reason)
    found = trip_of(parts.state, TripId(trip), None)
    if found is None:
        raise no_such_trip()
    return document(whereabouts(found))


@router.get(
    "/v1/audit",
    operation_id="listAudit",
    summary="Every command, and every look at where a rider is, the newest first",
    tags=["operators"],
    response_model=TrailPage,
    responses=problems(401, 403),
)
async def list_audit(
    parts: Parts,
    limit: Most = 50,
    before: Before = None,
    kind: TrailKind | None = None,
    operation: Annotated[
        str | None, Query(max_length=64, description="A command's kind, or the operation's id.")
    ] = None,
    principal: Annotated[
        str, Query(max_length=200, description="Who: a part of it will do, in any case.")
    ] = "",
    subject: Annotated[
        str, Query(max_length=200, description="About what: likewise a part of the id.")
    ] = "",
) -> Response:
    asked = TrailQuestion(kind, operation, principal, subject)
    return document(await _trail_page(parts, limit, before, asked))


async def written_down(
    parts: WebParts,
    caller: Principal,
    kind: TrailKind,
    operation: str,
    subject: str,
    reason: str = "",
    command_id: str = "",
) -> None:
    """Write into the audit trail; what cannot be written down must not be done.

    Raises
    ------
    WebProblem
        It could not be.
    """
    entry = TrailEntry(
        at_s=parts.service.clock.now_s(),
        kind=kind,
        principal=caller.id,
        roles=tuple(sorted(caller.roles)),
        operation=operation,
        subject=subject,
        reason=reason,
        command_id=command_id,
    )
    try:
        await parts.trail.add(entry)
    except JournalError as error:
        raise web_problem(
            ProblemCode.NOT_AVAILABLE,
            "This could not be written into the audit trail, so it was not done.",
            "Send it again, unchanged, in 5 s.",
            retry_after_s=5,
        ) from error


async def _trail_page(
    parts: WebParts, limit: int, before: int | None, asked: TrailQuestion
) -> TrailPage:
    try:
        found = await parts.trail.newest(limit, before=before, asked=asked)
    except JournalError as error:
        raise web_problem(
            ProblemCode.NOT_AVAILABLE,
            "The audit trail cannot be read just now.",
            "Ask again in 5 s.",
            retry_after_s=5,
        ) from error
    return TrailPage.of(found)


def _visible(parts: WebParts, caller: Principal, shuttle_id: str) -> Shuttle:
    """The shuttle, if the caller may see it. Raises ``WebProblem``."""
    others_too = caller.is_any(Role.OPERATOR, Role.DISPATCHER, Role.ADMIN, Role.SERVICE)
    shuttle = named_shuttle(parts.state, shuttle_id)
    if shuttle is None or not (others_too or caller.shuttle_id == shuttle.id):
        raise not_found("shuttle")
    return shuttle
