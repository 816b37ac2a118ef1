"""The only kind of route there is: it lets in whom the table names, before it reads anything."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, get_args, get_origin

import structlog
from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from dispatcher.domain.ids import TripId
from dispatcher.riders.problems import ProblemCode, ProblemError
from dispatcher.riders.reading import read_object
from dispatcher.web.access import LOGINS, PAGES, READY_PAGES, roles_for
from dispatcher.web.callers import admit
from dispatcher.web.edges import largest_body_bytes
from dispatcher.web.parts import WebParts, parts_of
from dispatcher.web.principals import GUEST, Principal
from dispatcher.web.problems import WebCode, failed, of_rider_problem, web_problem

log = structlog.get_logger(__name__)

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRequest(Request):
    """Reads a body as riders' messages are read: no repeated keys, no NaN, no deep nesting."""

    async def json(self) -> Any:
        try:
            most = largest_body_bytes(self.url.path)
            return read_object(await self.body(), by_schema=True, most_bytes=most)
        except ProblemError as error:
            raise of_rider_problem(error.problem) from error


class GuardedRoute(APIRoute):
    """Raises ``UnguardedRouteError`` when made without a row in the table of access."""

    def __init__(self, *about: Any, **more: Any) -> None:
        super().__init__(*about, **more)
        self.roles = roles_for(self.operation_id or self.name)

    def get_route_handler(self) -> _Handler:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            parts = parts_of(request)
            operation = self.operation_id or self.name
            if operation not in READY_PAGES:
                parts.rates.take_address(address_of(request))
            looks_at_nobody = operation in PAGES | LOGINS
            principal = GUEST if looks_at_nobody else await parts.callers.principal(request)
            admit(principal, self.roles)
            if self.roles:
                parts.rates.take_caller(
                    principal, address_of(request), _linked_trip(request, parts)
                )
            if self.body_field is not None and not _is_json(request):
                raise web_problem(
                    WebCode.NOT_JSON,
                    "The body is not said to be JSON.",
                    "Send it with Content-Type: application/json.",
                )
            if operation not in LOGINS:  # issuers add what they like
                self._check_query(request)
            request.state.principal = principal
            try:
                return await handle(StrictRequest(request.scope, request.receive))
            except (HTTPException, RequestValidationError):
                raise
            except Exception as error:
                # Here, for further out nobody would put the headers on the answer any more.
                log.exception("http_failed", operation=self.operation_id)
                raise failed() from error

        return guarded

    def _check_query(self, request: Request) -> None:
        """A misspelt name would otherwise silently mean the default, and of one given twice the
        last would count. Raises ``WebProblem``.
        """
        parameters = self.dependant.query_params
        known = {parameter.alias for parameter in parameters}
        unknown = next((name for name in request.query_params if name not in known), None)
        if unknown is not None:
            raise web_problem(
                ProblemCode.INVALID,
                f"The field {unknown[:40]} is unknown.",
                "Remove it or correct its spelling"
                + (f"; known here: {', '.join(sorted(known))}." if known else "."),
                field=unknown[:40],
            )
        given = [name for name, _ in request.query_params.multi_items()]
        single = (p.alias for p in parameters if not _is_list(p.field_info.annotation))
        twice = next((name for name in single if given.count(name) > 1), None)
        if twice is not None:
            raise web_problem(
                ProblemCode.INVALID,
                f"The field {twice} is given more than once.",
                "Give it once.",
                field=twice,
            )


def _is_list(kind: Any) -> bool:
    """Whether this annotation takes several values, be it among others."""
    return get_origin(kind) in (list, tuple) or any(map(_is_list, get_args(kind)))


def address_of(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"


def _linked_trip(request: Request, parts: WebParts) -> TripId | None:
    """The trip whose link stands in the request's path, if it is one of ours."""
    link = request.path_params.get("link")
    return None if link is None or parts.links is None else parts.links.trip_id(link)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


Caller = Annotated[Principal, Depends(_principal)]
Parts = Annotated[WebParts, Depends(parts_of)]
