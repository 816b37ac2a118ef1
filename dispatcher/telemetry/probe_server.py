"""A very small HTTP server for ``/metrics`` and ``/healthz``.

It runs on the loop that decides, so that an answer also says that the loop is not stuck.
It reads one GET, answers and closes; nothing a client does makes it hold more than 4 KiB.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

LARGEST_HEAD_BYTES: Final = 4096
PATIENCE_S: Final = 5.0
MOST_CLIENTS: Final = 50


@dataclass(frozen=True, slots=True)
class Answer:
    status: HTTPStatus
    content_type: str
    body: bytes


class ProbeServer:
    """Answers each known path by calling its function."""

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Answer]]) -> None:
        self._host = host
        self._port = port
        self._pages = pages
        self._server: asyncio.Server | None = None
        self._clients = 0

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(
            self._serve, self._host, self._port, limit=LARGEST_HEAD_BYTES
        )

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                if self._clients > MOST_CLIENTS:
                    answer = _plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients")
                else:
                    answer = self._answer(await reader.readuntil(b"\r\n\r\n"))
                writer.write(_head(answer) + answer.body)
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # a client that is slow, gone or talks too much
        finally:
            self._clients -= 1
            writer.close()

    def _answer(self, head: bytes) -> Answer:
        method, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
        path = rest.split(b" ")[0].split(b"?")[0].decode("latin-1")
        if method not in {b"GET", b"HEAD"}:
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, "only GET")
        page = self._pages.get(path)
        if page is None:
            return _plain(HTTPStatus.NOT_FOUND, " ".join(self._pages))
        answer = page()
        return answer if method == b"GET" else Answer(answer.status, answer.content_type, b"")


def _plain(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", text.encode() + b"\n")


def _head(answer: Answer) -> bytes:
    lines = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode()
