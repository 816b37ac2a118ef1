"""An asyncio loop in virtual time, whose run depends on nothing but its inputs.

Time moves only when nothing is ready, and then to the next timer. Tasks and futures have serial
numbers for hashes, so that sets of them are walked in the same order in every process.

Every callback belongs to a ``SimProcess``, the one in whose context it was asked for. A process
can be killed between any two callbacks, as ``kill -9`` does: nothing of it runs any more, no
``finally`` either. Or paused, as SIGSTOP does: its callbacks wait.
"""

import asyncio
import contextlib
import contextvars
import heapq
import inspect
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar

T = TypeVar("T")

SHORTEST_S: Final = 1e-6
MOST_TURNS: Final = 100_000  # of the loop while time stands still; a busy moment has some hundred

_PROCESS: contextvars.ContextVar["SimProcess | None"] = contextvars.ContextVar(
    "process", default=None
)


class SimProcess:
    """What lives and dies together. ``executed`` counts its callbacks."""

    def __init__(self, loop: "SimLoop", name: str) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        self.executed = 0
        self.on_death: Callable[[], None] = lambda: None
        self._loop = loop
        self._dies_at: int | None = None
        self._parked: deque[events.Handle] = deque()
        self._context = contextvars.copy_context()
        self._context.run(_PROCESS.set, self)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine as part of this process."""
        return self._loop.create_task(work, context=self._context.copy())

    def call(self, act: Callable[[], T]) -> T:
        """Do something at once as this process: what it asks for belongs to the process."""
        return self._context.copy().run(act)

    def soon(self, act: Callable[..., Any], *args: Any) -> None:
        """Have something done as this process in its turn, whoever asks for it."""
        self._loop.call_soon(act, *args, context=self._context.copy())

    def kill(self) -> None:
        """End it between two callbacks; its connections are cut by ``on_death``."""
        if self.alive:
            self.alive = False
            self._parked.clear()
            self.on_death()

    def kill_after(self, callbacks: int) -> None:
        """Kill it when so many more of its callbacks have run."""
        self._dies_at = self.executed + callbacks

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        self._loop.ready(self._parked)
        self._parked.clear()

    def admits(self, handle: events.Handle) -> bool:
        """Whether this callback may run now; called once before it does."""
        if not self.alive:
            return False
        if self.paused:
            self._parked.append(handle)
            return False
        if self._dies_at is not None and self.executed >= self._dies_at:
            self.kill()
            return False
        self.executed += 1
        return True


class _SimHandle(events.Handle):
    __slots__ = ("process",)
    process: SimProcess | None


class _SimTimer(events.TimerHandle):
    __slots__ = ("process",)
    process: SimProcess | None


class StalledError(Exception):
    """Nothing is ready and no timer is set: whoever waits would wait for ever."""


class SpinningError(Exception):
    """Somebody asks again and again for what is due at once: time would stand still for ever."""


class SimLoop(asyncio.BaseEventLoop):
    """``time()`` is seconds since its beginning."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._serial = 0
        self._turns = 0  # since time moved
        self._queue: deque[events.Handle] = deque()
        self._timers: list[tuple[float, int, _SimTimer]] = []
        self._ended = False
        self.failures: list[str] = []
        self.graveyard: list[asyncio.Task[Any]] = []
        """All tasks ever made: those of the dead must not be collected, for then their
        ``finally`` clauses would run."""
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]
        self.set_exception_handler(self._note_failure)

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> events.Handle:
        handle = _SimHandle(callback, args, self, context)
        handle.process = _PROCESS.get() if context is None else context.get(_PROCESS)
        self._queue.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> events.TimerHandle:
        timer = _SimTimer(when, callback, args, self, context)
        timer.process = _PROCESS.get() if context is None else context.get(_PROCESS)
        heapq.heappush(self._timers, (when, self.next_serial(), timer))
        return timer

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> events.TimerHandle:
        # Who waits for the remainder of a time may ask for less than a float can tell apart.
        moment = self._now + max(delay, SHORTEST_S) if delay > 0 else self._now
        return self.call_at(moment, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return SimFuture(loop=self)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Done at once, and known on the next turn."""
        done: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except Exception as error:
            done.set_exception(error)
        else:
            self.call_soon(_settle, done, result)
        return done

    def get_debug(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        pass

    def _write_to_self(self) -> NoReturn:
        raise AssertionError("nothing outside wakes this loop")

    def _run_once(self) -> None:
        queue, timers = self._queue, self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not queue:
            if not timers:
                raise StalledError
            if timers[0][0] > self._now:
                self._now = timers[0][0]
                self._turns = 0
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise SpinningError
        while timers and timers[0][0] <= self._now:
            queue.append(heapq.heappop(timers)[2])
        for _ in range(len(queue)):
            handle = queue.popleft()
            if handle.cancelled():
                continue
            process = handle.process  # type: ignore[attr-defined]
            if process is None or process.admits(handle):
                handle._run()  # noqa: SLF001

    # What the simulation adds

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def ready(self, handles: deque[events.Handle]) -> None:
        self._queue.extend(handles)

    def bury(self) -> None:
        """The end of a history: what is collected from now on may ask for nothing."""
        self._queue.clear()
        self._timers.clear()
        self.call_soon = _nothing  # type: ignore[method-assign,assignment]
        self.call_at = _nothing  # type: ignore[method-assign,assignment]
        self._close_all()
        self.close()

    def _close_all(self) -> None:
        for task in self.graveyard:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
            if not task.done():
                _close(task.get_coro())
        self.graveyard.clear()

    def _make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, Any],
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[Any]:
        task = SimTask(work, loop=loop, context=context)
        self.graveyard.append(task)
        return task

    def _note_failure(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.failures.append(f"{context['message']}: {error!r}")


class SimFuture(asyncio.Future[Any]):
    def __init__(self, *, loop: SimLoop) -> None:
        super().__init__(loop=loop)
        self._number = loop.next_serial()

    def __hash__(self) -> int:
        return self._number


class SimTask(asyncio.Task[Any]):
    def __init__(
        self,
        work: Coroutine[Any, Any, Any],
        *,
        loop: Any,
        context: contextvars.Context | None = None,
    ) -> None:
        self._number: int = loop.next_serial()
        super().__init__(work, loop=loop, name=f"t{self._number}", context=context)

    def __hash__(self) -> int:
        return self._number


class Outside:
    """The loop for what belongs to no process: servers, the network, people.

    What they ask for is done even if the process in whose turn they asked is dead.
    """

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._context = contextvars.Context()

    def time(self) -> float:
        return self._loop.time()

    def call_at(self, when: float, act: Callable[..., Any], *args: Any) -> None:
        self._loop.call_at(when, act, *args, context=self._context)

    def call_later(self, delay: float, act: Callable[..., Any], *args: Any) -> None:
        self._loop.call_at(self._loop.time() + delay, act, *args, context=self._context)

    def create_future(self) -> asyncio.Future[Any]:
        return self._loop.create_future()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self._loop.create_task(work, context=self._context.copy())


def _close(work: Any) -> None:
    """End what the dead were at, with what was handed to it that never had its turn either."""
    if inspect.iscoroutine(work) and inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
        given = {} if work.cr_frame is None else work.cr_frame.f_locals
        for value in list(given.values()):
            if inspect.iscoroutine(value):
                _close(value)
    # A clause that waits, or asks the loop, fails here; nobody is left to care.
    with contextlib.suppress(BaseException):
        work.close()


def _settle(done: asyncio.Future[T], result: T) -> None:
    if not done.cancelled():
        done.set_result(result)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """In place of ``call_soon`` once a history is over."""


def run_in_loop(loop: SimLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end of ``work``, in virtual time."""
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work)
    finally:
        asyncio.set_event_loop(None)
