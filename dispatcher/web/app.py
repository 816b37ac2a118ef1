"""Puts the API together: routes, what stands around them, and how mistakes are answered."""

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Final, cast

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from dispatcher.config_http import LOOPBACK
from dispatcher.leadership import Role as Leading
from dispatcher.riders.problems import ProblemCode
from dispatcher.riders.reading import field_problem
from dispatcher.web import (
    command_routes,
    guest_routes,
    login_routes,
    operator_routes,
    pages,
    public_routes,
    rider_routes,
)
from dispatcher.web.access import LOGINS, PAGES, UnguardedRouteError
from dispatcher.web.callers import API_KEY_HEADER
from dispatcher.web.edges import (
    BoundedBody,
    Counted,
    KnownHosts,
    OnlyWhoServes,
    SecurityHeaders,
)
from dispatcher.web.guarded_route import GuardedRoute
from dispatcher.web.openapi import describe
from dispatcher.web.page import page_answer
from dispatcher.web.parts import WebParts
from dispatcher.web.problems import WebCode, WebProblem, failed, of_rider_problem, web_problem

log = structlog.get_logger(__name__)

AGAIN_S: Final = 5  # a take-over lasts about so long


def make_app(parts: WebParts) -> FastAPI:
    """The API on these parts.

    Raises
    ------
    UnguardedRouteError
        For some route nobody has said who may use it.
    """
    app = bare_app(development=parts.dev_issuer is not None)
    app.state.parts = parts
    # The last one added stands outermost.
    app.add_middleware(BoundedBody)
    app.add_middleware(OnlyWhoServes, problem=why_not_serving(parts), instead=while_waiting(app))
    origins = parts.settings.http.origins
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", API_KEY_HEADER],
        )
    if parts.dev_issuer is not None:
        app.add_middleware(KnownHosts, hosts=LOOPBACK)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Counted, observer=parts.metrics.http_answered, now=time.monotonic)
    return app


def bare_app(*, development: bool = False) -> FastAPI:
    """The routes alone, for their description."""
    app = FastAPI(
        title="Ringmaster",
        version=version("ringmaster"),
        # What comes with FastAPI loads scripts from elsewhere.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for module in (
        public_routes,
        login_routes,
        rider_routes,
        guest_routes,
        operator_routes,
        command_routes,
        pages,
    ):
        # The routes themselves, so that each can be looked at; included ones stay hidden.
        app.router.routes.extend(module.router.routes)
    if development:
        app.router.routes.extend(login_routes.dev_router.routes)
    check_guarded(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)
    return app


def check_guarded(app: FastAPI) -> None:
    """Raises ``UnguardedRouteError`` where a route does not ask the table of access."""
    for route in app.routes:
        if not isinstance(route, GuardedRoute):
            raise UnguardedRouteError(f"{route!r} lets everybody in")


def why_not_serving(parts: WebParts) -> Callable[[], WebProblem | None]:
    """Why this dispatcher cannot speak for the zone just now, as a problem; None while it can."""
    service, leadership = parts.service, parts.leadership

    def problem() -> WebProblem | None:
        role = leadership.role
        if role is Leading.STANDBY:
            text = f"This dispatcher stands by for {leadership.leader or 'another'}."
            return _unavailable(WebCode.STANDING_BY, text)
        if role is Leading.LAPSED:
            text = "This dispatcher cannot renew its lease, and does nothing meanwhile."
            return _unavailable(WebCode.LEASE_LAPSED, text)
        if not service.health.running or service.health.reloading:
            return _unavailable(WebCode.NOT_STARTED, "The dispatcher is starting or has ended.")
        return None

    return problem


def while_waiting(app: FastAPI) -> Callable[[Request, WebProblem], Response | None]:
    """What is answered meanwhile: people get a page that tries again, programs the problem.

    The pages' files hold nothing of the zone, and that page needs some; they are served as ever.
    """
    for_people = PAGES | LOGINS
    pages_by_name = {name: route for name, route in operations(app).items() if name in for_people}

    def instead(request: Request, problem: WebProblem) -> Response | None:
        if request.method not in ("GET", "HEAD"):
            return problem.response()
        path = request.url.path
        name = next((n for n, route in pages_by_name.items() if route.path_regex.match(path)), None)
        if name is None:
            return problem.response()
        if name == "staticFile":
            return None
        return page_answer(
            request,
            pages.WAITING,
            request.query_params.get("lang"),
            status=problem.status_code,
            headers={
                "Retry-After": str(problem.document.retry_after_s or AGAIN_S),
                "Cache-Control": "no-store",
            },
        )

    return instead


def _unavailable(code: WebCode, text: str) -> WebProblem:
    return web_problem(
        code,
        text,
        f"Ask the dispatcher that leads, or again in {AGAIN_S} s.",
        retry_after_s=AGAIN_S,
    )


async def _http_problem(request: Request, error: Exception) -> Response:
    """Also what FastAPI and Starlette raise by themselves."""
    assert isinstance(error, HTTPException)
    if not isinstance(error, WebProblem):
        error = _of_status(error, request)
    return error.response()


def _of_status(error: HTTPException, request: Request) -> WebProblem:
    match error.status_code:
        case 404:
            return web_problem(WebCode.NOT_FOUND, "There is nothing here.", "Check the address.")
        case 405:
            return web_problem(
                WebCode.METHOD_NOT_ALLOWED,
                "This address does not know that method.",
                "Use one of those in the header Allow.",
                headers={"Allow": ", ".join(_methods_at(request))},
            )
        case _:
            return web_problem(
                ProblemCode.UNREADABLE,
                "The request cannot be read.",
                "Check its form and send it again.",
            )


def _methods_at(request: Request) -> list[str]:
    """What the address of the request knows, over all its routes."""
    return sorted(
        method
        for route in request.app.routes
        if isinstance(route, GuardedRoute) and route.path_regex.match(request.url.path)
        for method in route.methods or ()
    )


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, *location = first["loc"]
    body = error.body if where == "body" and isinstance(error.body, dict) else {}
    found = {**first, "loc": tuple(location)}
    problem = field_problem(cast(ErrorDetails, found), body)
    if where != "body" and problem.field is None:
        named = ".".join(str(step) for step in location)
        problem = problem.model_copy(update={"field": named})
    return of_rider_problem(problem).response()


async def _failed(request: Request, error: Exception) -> Response:
    log.error("http_failed", path=request.url.path[:200], exc_info=error)
    return failed().response()


def operations(app: FastAPI) -> dict[str, GuardedRoute]:
    """Every route by its operation id."""
    return {
        route.operation_id or route.name: route
        for route in app.routes
        if isinstance(route, GuardedRoute)
    }
