"""A simulated store on a simulated network, with the connections that the journal uses.

What it has answered is durable: a restart comes back with it. What it had not yet written when
it died is as if it had never come. A command whose sender has gone is carried out all the same
if it was on its way, as Redis does with what lies in a socket: late, perhaps.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from simulator.faultsim.loop import Outside
from simulator.faultsim.redis_twin import RedisTwin

ANSWER_TIMEOUT_S: Final = 5.0
CONNECT_TIMEOUT_S: Final = 2.0

_WRITES: Final = frozenset({"EVAL", "HSET", "XADD", "XTRIM"})


@dataclass(slots=True)
class StoreTrouble:
    """How likely each command meets trouble, from 0 to 1."""

    cut_before: float = 0.0  # the connection breaks and the command never arrives
    cut_after: float = 0.0  # it is carried out, and the answer is lost
    late: float = 0.0  # the connection breaks, and the command is carried out later
    refused: float = 0.0  # an error reply, as when the disk is full
    slow: float = 0.0  # takes seconds
    late_by_s: tuple[float, float] = (0.5, 12.0)


@dataclass(slots=True)
class StoreCounts:
    commands: int = 0
    restarts: int = 0
    pauses: int = 0
    answers_lost: int = 0
    never_came: int = 0
    came_late: int = 0
    slowed: int = 0
    refused: int = 0
    lost_in_crash: int = 0
    late_writes: int = 0  # of those that came late, the ones that were written


@dataclass(slots=True, eq=False)
class _Command:
    parts: tuple[Any, ...]
    answer: asyncio.Future[Any] | None


class SimStore:
    """The server. Commands are carried out one at a time, in order of arrival."""

    def __init__(self, loop: Outside, rng: random.Random) -> None:
        self.twin = RedisTwin(lambda: round(loop.time() * 1000))
        self.trouble = StoreTrouble()
        self.counts = StoreCounts()
        self.up = True
        self.life = 0  # raised by each restart: older connections are dead
        self.on_effect: Callable[[str], None] = lambda boundary: None
        """Hears of each write: ``before`` it, when it is ``durable``, when ``answered``."""
        self._loop = loop
        self._rng = rng
        self._paused = False
        self._queue: deque[tuple[int, _Command]] = deque()

    def pool(self) -> "SimPool":
        """One process's connections to it."""
        return SimPool(self)

    def stop(self) -> None:
        """Power fails: what was not yet durable is gone."""
        self.up = False
        self.life += 1
        self.counts.lost_in_crash += len(self._queue)
        for _, command in self._queue:
            _fail(command.answer, RedisConnectionError("connection closed by server"))
        self._queue.clear()

    def start(self) -> None:
        self.up = True
        self._paused = False
        self.counts.restarts += 1

    def pause(self) -> None:
        """SIGSTOP: commands are taken in by the kernel and wait."""
        self._paused = True
        self.counts.pauses += 1

    def resume(self) -> None:
        self._paused = False
        while self._queue and not self._paused:
            life, command = self._queue.popleft()
            self._carry_out(life, command)

    def is_reachable(self) -> bool:
        return self.up

    def send(self, life: int, parts: tuple[Any, ...], cut: Callable[[], None]) -> Any:
        """A command on its way; answers a future. ``cut`` breaks the sender's connection."""
        rng, trouble = self._rng, self.trouble
        self.counts.commands += 1
        answer: asyncio.Future[Any] = self._loop.create_future()
        command = _Command(parts, answer)
        delay_s = rng.uniform(0.0002, 0.002)
        broken = RedisConnectionError("connection reset")
        match self._drawn_trouble():
            case "before":
                self.counts.never_came += 1
                self._loop.call_later(delay_s, _break, cut, answer, broken)
                return answer
            case "refused":
                self.counts.refused += 1
                reply = ResponseError("MISCONF Errors writing to the AOF file: no space left")
                self._loop.call_later(delay_s, _fail, answer, reply)
                return answer
            case "after":
                self.counts.answers_lost += 1
                command.answer = None
                self._loop.call_later(2 * delay_s, _break, cut, answer, broken)
            case "late":
                self.counts.came_late += 1
                command.answer = None
                # Either it is told that the connection broke, or it waits in vain.
                if rng.random() < 0.5:
                    self._loop.call_later(delay_s, _break, cut, answer, broken)
                delay_s += rng.uniform(*trouble.late_by_s)
            case "slow":
                self.counts.slowed += 1
                delay_s += rng.uniform(0.2, 7.0)
        self._loop.call_later(delay_s, self._arrive, life, command)
        return answer

    def _drawn_trouble(self) -> str:
        drawn, trouble = self._rng.random(), self.trouble
        for what, share in (
            ("before", trouble.cut_before),
            ("after", trouble.cut_after),
            ("late", trouble.late),
            ("refused", trouble.refused),
            ("slow", trouble.slow),
        ):
            if drawn < share:
                return what
            drawn -= share
        return ""

    def _arrive(self, life: int, command: _Command) -> None:
        if not self.up or life != self.life:
            _fail(command.answer, RedisConnectionError("connection closed by server"))
        elif self._paused or self._queue:
            self._queue.append((life, command))
        else:
            self._carry_out(life, command)

    def _carry_out(self, life: int, command: _Command) -> None:
        writes = command.parts[0] in _WRITES
        if writes:
            self.on_effect("store before")
            if life != self.life:
                _fail(command.answer, RedisConnectionError("connection closed by server"))
                return
        try:
            result = self.twin.execute(*command.parts)
        except ResponseError as error:
            _fail(command.answer, error)
            return
        if command.answer is None and isinstance(result, list) and result[:1] == [b"appended"]:
            self.counts.late_writes += 1
        if writes:
            self.on_effect("store durable")
        if command.answer is not None:
            self._loop.call_later(self._rng.uniform(0.0005, 0.004), _give, command.answer, result)


class SimConnection:
    """One connection, as the journal uses it: one command at a time."""

    def __init__(self, store: SimStore) -> None:
        self._store = store
        self._life = store.life
        self._broken = False
        self._answer: asyncio.Future[Any] | None = None

    @property
    def usable(self) -> bool:
        return not self._broken and self._life == self._store.life and self._store.up

    async def send_command(self, *parts: Any) -> None:
        if not self.usable:
            raise RedisConnectionError("connection closed by server")
        self._answer = self._store.send(self._life, parts, self._break)

    async def read_response(self) -> Any:
        assert self._answer is not None
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await self._answer
        except TimeoutError:
            raise RedisTimeoutError("Timeout reading from the store") from None

    async def disconnect(self, nowait: bool = False) -> None:
        self._broken = True

    def _break(self) -> None:
        self._broken = True


@dataclass(slots=True)
class SimPool:
    """Stands for the client's connection pool of one process."""

    store: SimStore
    cut_off: bool = False  # this process does not reach the store
    on_connect: Callable[[], None] = lambda: None  # hears of each new connection
    _idle: list[SimConnection] = field(default_factory=list)

    async def get_connection(self) -> SimConnection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and not self.cut_off:
                return connection
        await asyncio.sleep(0.0005)
        if self.cut_off:
            await asyncio.sleep(CONNECT_TIMEOUT_S)
            raise RedisTimeoutError("Timeout connecting to server")
        if not self.store.is_reachable():
            raise RedisConnectionError("connection refused")
        self.on_connect()
        return SimConnection(self.store)

    async def release(self, connection: SimConnection) -> None:
        if connection.usable:
            self._idle.append(connection)

    async def aclose(self) -> None:
        self._idle.clear()


def _break(cut: Callable[[], None], answer: asyncio.Future[Any], error: Exception) -> None:
    cut()
    _fail(answer, error)


def _give(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any] | None, error: Exception) -> None:
    if answer is not None and not answer.done():
        answer.set_exception(error)
        # Whoever was to read it may have been killed.
        answer.exception()
