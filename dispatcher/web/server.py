"""uvicorn in the dispatcher's own loop: no signals of its own, and an end that does not wait."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import h11
import structlog
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from dispatcher.config_http import HttpSettings
from dispatcher.riders.problems import ProblemCode
from dispatcher.web.connections import Connections
from dispatcher.web.edges import LARGEST_HEAD_BYTES, SECURITY_HEADERS
from dispatcher.web.problems import WebCode, WebProblem, web_problem

log = structlog.get_logger(__name__)

HEAD_WITHIN_S: Final = 10.0
IDLE_S: Final = 15  # between two requests of one connection
SENT_WITHIN_S: Final = 30.0  # a client that takes nothing for so long is let go
STOP_WITHIN_S: Final = 2
_BACKLOG: Final = 256
_AGAIN_S: Final = 5


class HttpServer:
    """Listens from `start` on; `close` lets answers under way go out, for a short while."""

    def __init__(self, app: ASGIApp, settings: HttpSettings) -> None:
        self._settings = settings
        self._server = _Server(
            uvicorn.Config(
                app,
                http=partial(  # type: ignore[arg-type]  # only ever called
                    _PatientProtocol, Connections(settings.connections, settings.proxies)
                ),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=list(settings.proxies),
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=STOP_WITHIN_S,
                h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
            )
        )
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        assert self._socket is not None
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        host = self._settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def bind(self) -> None:
        """Take the port. Raises OSError, with what to do, where that cannot be."""
        if self._socket is not None:
            return
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise OSError(
                error.errno,
                f"http: cannot listen on {host} port {port}: {error.strerror}; set http.port to a "
                "free one (0 for any), or http.enabled to false",
            ) from error
        self._socket.setblocking(False)

    def start(self) -> "asyncio.Task[None]":
        """Serve; the task ends when closed, or with the mistake that ended it."""
        self.bind()
        assert self._socket is not None
        self._serving = asyncio.create_task(self._server.serve([self._socket]))
        log.info("http", url=self.url)
        return self._serving

    async def close(self) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await asyncio.wait([self._serving], timeout=2 * STOP_WITHIN_S)
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
            for listening in getattr(self._server, "servers", ()):
                listening.close()  # twice does no harm
        if self._socket is not None:
            self._socket.close()


def free_port(wanted: int, host: str = "127.0.0.1") -> int:
    """The wanted port where nobody listens on it, else 0 for any."""
    try:
        socket.create_server((host, wanted)).close()
    except OSError:
        return 0
    return wanted


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command's affair."""
        yield


class _PatientProtocol(H11Protocol):
    """Does not wait for ever, neither for a request's head nor for a client to take its answer.

    From one place it takes only so many connections; what it refuses it refuses as the API does.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def __init__(self, entered: Connections, *about: Any, **more: Any) -> None:
        super().__init__(*about, **more)
        self._entered = entered
        self._address: str | None = None  # once let in

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client is not None else "unknown"
        if not self._entered.enter(address):
            transport.abort()
            return
        self._address = address
        if self._entered.are_too_many:
            # Those who were here before are served as ever.
            self.app = _too_busy
        # asyncio does it only for sockets made as TCP ones by name. Without it the rest of an
        # answer waits for the client to have acknowledged its head, 40 ms as a rule.
        connection = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # gone already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timer()
        elif self._head_timer is None:
            self._await_head()

    def on_response_complete(self) -> None:
        self._stop_timer()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(SENT_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def send_400_response(self, msg: str) -> None:
        """``msg`` is uvicorn's word for what h11 cannot read."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = _refusal(
                web_problem(
                    ProblemCode.UNREADABLE,
                    "The request cannot be read.",
                    f"Send HTTP/1.1, with a head of at most {LARGEST_HEAD_BYTES} bytes.",
                )
            )
            reason = HTTPStatus(answer.status_code).phrase.encode()
            start = h11.Response(
                status_code=answer.status_code, headers=answer.raw_headers, reason=reason
            )
            for part in (start, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(part))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._address is not None:
            self._entered.leave(self._address)
        self._stop_timer()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


async def _too_busy(scope: Scope, receive: Receive, send: Send) -> None:
    problem = web_problem(
        WebCode.TOO_BUSY,
        "Too many connections are open.",
        f"Come again in {_AGAIN_S} s.",
        retry_after_s=_AGAIN_S,
    )
    await _refusal(problem)(scope, receive, send)


def _refusal(problem: WebProblem) -> Response:
    """What the server answers by itself; the connection ends with it."""
    answer = problem.response()
    answer.headers.update({**SECURITY_HEADERS, "Connection": "close"})
    return answer
