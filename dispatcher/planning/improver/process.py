"""The improver's own process: asked from asyncio, killed at the deadline, started again.

Whatever the worker does (answers, overruns, dies, answers nonsense), the caller gets a value
soon after the limit, and the next question finds a fresh worker.
"""

import asyncio
import contextlib
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from dispatcher.planning.improver.neighbourhoods import improve, prepare
from dispatcher.planning.improver.problem import (
    ImproveProblem,
    ImproveResult,
    NoImprovement,
    NoReason,
    judged,
)

Solve = Callable[[ImproveProblem, float, int], object]
"""Runs in the worker; importable by name. What it answers is judged, not believed."""

_READY = "ready"
_GONE = (EOFError, OSError)


class ImproverProcess:
    """One worker, one question at a time; later askers wait their turn.

    Parameters
    ----------
    solve
        The search to run; its own time limit may overrun by up to ``grace_s``.
    grace_s
        Time allowed beyond the limit, for the answer's way back included.
    start_s
        Time allowed for a worker to start and load the solver, in seconds. Kernels that have
        never been compiled take minutes on a busy machine.
    prepare
        Run by a worker once, before its first question.
    """

    def __init__(
        self,
        solve: Solve = improve,
        grace_s: float = 1.0,
        start_s: float = 600.0,
        prepare: Callable[[], None] = prepare,
    ) -> None:
        self._solve = solve
        self._prepare = prepare
        self._grace_s = grace_s
        self._start_s = start_s
        self._worker: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._turn = asyncio.Lock()
        self._closed = False
        self._abandoned = False
        self.starts = 0  # workers started; beyond the first, each replaced a lost one

    async def improve(
        self, problem: ImproveProblem, time_limit_s: float, seed: int
    ) -> ImproveResult | NoImprovement:
        """Ask for cheaper rows. Cancelling ends the worker's search as well."""
        async with self._turn:
            if self._closed:
                raise RuntimeError("the improver is closed")
            asking = asyncio.ensure_future(
                asyncio.to_thread(self._ask, problem, time_limit_s, seed)
            )
            try:
                return await asyncio.shield(asking)
            except asyncio.CancelledError:
                self._abandon()
                await asking
                self._abandoned = False
                raise

    async def close(self) -> None:
        """End the worker. An improvement still under way comes back as CRASHED."""
        self._closed = True
        self._abandon()
        async with self._turn:
            await asyncio.to_thread(self._stop)

    def _abandon(self) -> None:
        """End the thread's wait on the pipe by ending the worker, started or about to start."""
        self._abandoned = True
        worker = self._worker
        if worker is not None:
            # The thread may just have ended the worker itself.
            with contextlib.suppress(ValueError):
                worker.kill()

    def _ask(
        self, problem: ImproveProblem, time_limit_s: float, seed: int
    ) -> ImproveResult | NoImprovement:
        """One question and its answer; in a thread, since pipes and pickling block."""
        try:
            pipe = self._started()
            if pipe is None:
                return NoImprovement(NoReason.TIMED_OUT)
            pipe.send((problem, time_limit_s, seed))
            if not pipe.poll(time_limit_s + self._grace_s):
                self._stop()
                return NoImprovement(NoReason.TIMED_OUT)
            answer = pipe.recv()
        except _GONE:
            self._stop()
            return NoImprovement(NoReason.CRASHED)
        except Exception:
            # Unpickling nonsense may raise anything at all.
            self._stop()
            return NoImprovement(NoReason.RUBBISH)
        judgement = judged(problem, answer)
        if judgement == NoImprovement(NoReason.RUBBISH):
            self._stop()
        return judgement

    def _started(self) -> Connection | None:
        """The pipe to a worker that is ready; None if it does not get ready in time."""
        if self._worker is not None and self._pipe is not None and self._worker.is_alive():
            return self._pipe
        self._stop()
        # Forking would copy the event loop's threads and locks.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        worker = context.Process(
            target=_work, args=(theirs, self._solve, self._prepare), name="improver", daemon=True
        )
        worker.start()
        self._worker = worker
        self.starts += 1
        # Only the worker may hold its end, or its death would not be noticed.
        theirs.close()
        # Looked at only after the worker can be seen: whoever abandons the question either finds
        # the worker or is found here.
        if self._abandoned:
            raise EOFError
        if not self._pipe.poll(self._start_s):
            self._stop()
            return None
        if self._pipe.recv() != _READY:
            raise EOFError
        return self._pipe

    def _stop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._worker is not None:
            self._worker.kill()
            self._worker.join()
            self._worker.close()
            self._worker = None


def _work(pipe: Connection, solve: Solve, prepare: Callable[[], None]) -> None:
    """The worker's whole life: answer questions until the pipe closes."""
    # Ctrl-C reaches the whole group; the parent decides when the worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
    pipe.send(_READY)
    while True:
        try:
            problem, time_limit_s, seed = pipe.recv()
        except _GONE:
            return
        pipe.send(solve(problem, time_limit_s, seed))
