"""uvicorn in the dispatcher's own loop: no signals of its own, and an end that does not wait."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from dispatcher.config_http import HttpSettings
from dispatcher.web.edges import LARGEST_HEAD_BYTES

log = structlog.get_logger(__name__)

HEAD_WITHIN_S: Final = 10.0
IDLE_S: Final = 15  # between two requests of one connection
SENT_WITHIN_S: Final = 30.0  # a client that takes nothing for so long is let go
STOP_WITHIN_S: Final = 2
_BACKLOG: Final = 256


class HttpServer:
    """Listens from `start` on; `close` lets answers under way go out, for a short while."""

    def __init__(self, app: ASGIApp, settings: HttpSettings) -> None:
        self._settings = settings
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_PatientProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=list(settings.proxies),
                limit_concurrency=settings.connections,
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
    """Does not wait for ever, neither for a request's head nor for a client to take its answer."""

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
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

    def connection_lost(self, exc: Exception | None) -> None:
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
