"""Around every route: bounds on what comes in, headers on what goes out, and who serves at all."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.riders.problems import ProblemCode
from dispatcher.riders.reading import LARGEST_BODY_BYTES
from dispatcher.web.problems import WebCode, WebProblem, web_problem

BODY_WITHIN_S: Final = 10.0
LARGEST_HEAD_BYTES: Final = 16 * 1024
# A command names every trip whose promise it was agreed to break, and may be drawn.
LARGEST_COMMAND_BYTES: Final = 64 * 1024

# No page of ours has a script or a style in its text, and nobody may frame one.
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Counted:
    """Tells ``observer`` of each answer: which operation, its status, and how long it took."""

    def __init__(
        self, app: ASGIApp, *, observer: Callable[[str, int, float], None], now: Callable[[], float]
    ) -> None:
        self._app = app
        self._observer = observer
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._now()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Set by the router; nothing where no route was found or asked.
                operation = getattr(scope.get("route"), "operation_id", None) or "none"
                self._observer(operation, message["status"], self._now() - began)
            await send(message)

        await self._app(scope, receive, counting)


class SecurityHeaders:
    """Puts the headers on every answer that does not have its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class BoundedBody:
    """Reads a body whole, in time and below the limit, before anybody looks at it.

    A head that is longer than any of ours is refused, too.
    """

    def __init__(self, app: ASGIApp, *, within_s: float = BODY_WITHIN_S) -> None:
        self._app = app
        self._within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except WebProblem as problem:
            answer = problem.response()
            # What is still to come is not read.
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        if body is None:
            return  # the client has gone
        first = True

        async def again() -> Message:
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self._app(scope, again, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEAD_BYTES:
            raise web_problem(
                WebCode.HEAD_TOO_LARGE,
                "The headers are too large.",
                f"Send at most {LARGEST_HEAD_BYTES} bytes of them.",
            )
        most = largest_body_bytes(scope["path"])
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdecimal() or int(told[:12]) > most:
            raise _too_large(most)
        body = b""
        try:
            async with asyncio.timeout(self._within_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    body += bytes(message.get("body", b""))
                    if len(body) > most:
                        raise _too_large(most)
                    if not message.get("more_body", False):
                        return body
        except TimeoutError as error:
            raise web_problem(
                WebCode.TOO_SLOW, "The body did not come in time.", "Send it again, at once."
            ) from error


class OnlyWhoServes:
    """Answers for the zone only while this dispatcher serves it.

    ``instead`` is what a request is answered with while there is a problem; None where that does
    not matter.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        problem: Callable[[], WebProblem | None],
        instead: Callable[[Request, WebProblem], Response | None],
    ) -> None:
        self._app = app
        self._problem = problem
        self._instead = instead

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._problem() if scope["type"] == "http" else None
        answer = None if problem is None else self._instead(Request(scope), problem)
        await (answer or self._app)(scope, receive, send)


class KnownHosts:
    """Only requests for one of these hosts, for a name somewhere may lead to a loopback address."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
            if name.strip("[]") not in self._hosts:
                problem = web_problem(
                    WebCode.CROSS_SITE,
                    "In development only this machine's own names are answered to.",
                    "Use http://127.0.0.1 with the port.",
                )
                await problem.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


def largest_body_bytes(path: str) -> int:
    return LARGEST_COMMAND_BYTES if path.startswith("/v1/commands") else LARGEST_BODY_BYTES


def _too_large(most: int) -> WebProblem:
    return web_problem(
        ProblemCode.TOO_LARGE,
        "The body is too large.",
        f"Send at most {most} bytes.",
    )
