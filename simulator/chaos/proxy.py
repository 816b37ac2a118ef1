"""A TCP proxy that does to a connection what networks do: cut, delay, stall, throttle, refuse.

One proxy stands before one server for one client, so that a fault hits one of them and leaves the
others alone. Bytes are never changed or lost within a connection: TCP does not do that either.
"""

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 16 * 1024
_WAITING: Final = 64  # chunks of one direction under way; more wait with their sender
_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time: closing is a reset


class Way(StrEnum):
    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


@dataclass(slots=True)
class Lane:
    """How one direction is doing now."""

    delay_s: float = 0.0
    jitter_s: float = 0.0  # up to so much more, drawn for each chunk; order is kept
    bytes_per_s: float | None = None
    moving: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Connection:
    is_cut: bool = False


class FaultProxy:
    """Listens on a port of its own and passes everything on to ``target_port``, faults aside."""

    def __init__(self, target_port: int, rng: random.Random | None = None) -> None:
        self.port = 0
        self.accepted = 0
        self.refused = 0
        self._target_port = target_port
        self._rng = rng or random.Random(0)
        self._lanes = {way: Lane() for way in Way}
        self._refusing = False
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self.heal()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def open(self) -> int:
        """Connections at present."""
        return len(self._connections)

    def target(self, port: int) -> None:
        """New connections go there."""
        self._target_port = port

    # Faults

    def cut(self) -> int:
        """Reset every connection; answers how many. Nothing of them passes after this."""
        for task, connection in self._connections.items():
            connection.is_cut = True
            task.cancel()
        return len(self._connections)

    def stall(self, *ways: Way) -> None:
        """Pass nothing on in these directions, or in both; connections stay open."""
        for way in ways or Way:
            self._lanes[way].moving.clear()

    def delay(self, seconds: float, jitter_s: float = 0.0) -> None:
        """Each chunk takes so long, in both directions."""
        for lane in self._lanes.values():
            lane.delay_s, lane.jitter_s = seconds, jitter_s

    def throttle(self, bytes_per_s: float) -> None:
        for lane in self._lanes.values():
            lane.bytes_per_s = bytes_per_s

    def refuse(self) -> None:
        """Reset whoever connects from now on."""
        self._refusing = True

    def heal(self) -> None:
        """End all faults. What was held up goes on its way."""
        self._refusing = False
        for lane in self._lanes.values():
            lane.delay_s = lane.jitter_s = 0.0
            lane.bytes_per_s = None
            lane.moving.set()

    # Connections

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._refusing:
            self.refused += 1
            _reset(writer)
            return
        connection = self._connections[task] = _Connection()
        self.accepted += 1
        # Where the event loop hears of a cancelled handler, it reports a mistake.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                await self._pass_on(connection, reader, writer)
            finally:
                del self._connections[task]
                _reset(writer)

    async def _pass_on(
        self,
        connection: "_Connection",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        to_reader, to_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
        for one in (writer, to_writer):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._carry(Way.TO_SERVER, connection, reader, to_writer))
                tasks.create_task(self._carry(Way.TO_CLIENT, connection, to_reader, writer))
        except* OSError:
            pass  # one side reset the connection, and so do we with the other
        finally:
            _reset(to_writer)

    async def _carry(
        self,
        way: Way,
        connection: "_Connection",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """All of one direction, until its sender has said all; then the receiver hears so."""
        lane = self._lanes[way]
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WAITING)

        async def take() -> None:
            while True:
                chunk = await reader.read(_CHUNK)
                late_s = lane.delay_s + lane.jitter_s * self._rng.random()
                await waiting.put((loop.time() + late_s, chunk))
                if not chunk:
                    return

        async def give() -> None:
            while True:
                due_s, chunk = await waiting.get()
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                if chunk and lane.bytes_per_s is not None:
                    await asyncio.sleep(len(chunk) / lane.bytes_per_s)
                # Nothing may come between this and the writing: what a stall finds here stays.
                await lane.moving.wait()
                if connection.is_cut:
                    return  # it will be cancelled, but a healed lane may be quicker
                if not chunk:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(chunk)
                await writer.drain()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(take())
            tasks.create_task(give())


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
