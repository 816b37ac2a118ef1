"""Work in a process of its own: asked from asyncio, killed at the deadline, started again.

Whatever the worker does (answers, overruns, dies, answers nonsense), the caller gets a value
soon after the limit, and the next question finds a fresh worker. It is for work that may hang or
crash in compiled code, or holds the interpreter's lock: none of that reaches the dispatcher.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

START_S: Final = 600.0
"""Kernels that have never been compiled take minutes on a busy machine."""
_READY: Final = "ready"
_GONE: Final = (EOFError, OSError)


class Failure(StrEnum):
    """Why there is no answer."""

    TIMED_OUT = "TIMED_OUT"
    CRASHED = "CRASHED"
    RUBBISH = "RUBBISH"  # an answer that is not what was asked for


class Rubbish(Exception):  # noqa: N818 - the name says what happened
    """What the worker answered makes no sense."""


class WorkerProcess(Generic[Q, A]):
    """One worker, one question at a time; later askers wait their turn.

    Parameters
    ----------
    work
        Runs in the worker; importable by name, as is ``prepare``.
    judge
        Makes a result of a question and its answer, which is taken for what any process that
        has gone mad might say; raises ``Rubbish``. Runs in a thread.
    name
        Of the process.
    start_s
        Time allowed for a worker to start and load what it needs, in seconds.
    prepare
        Run by a worker once, before its first question.
    """

    def __init__(
        self,
        work: Callable[[Q], object],
        judge: Callable[[Q, object], A],
        *,
        name: str,
        start_s: float = START_S,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self._work = work
        self._judge = judge
        self._name = name
        self._prepare = prepare
        self._start_s = start_s
        self._worker: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._turn = asyncio.Lock()
        self._closed = False
        self._abandoned = False
        self.starts = 0  # workers started; beyond the first, each replaced a lost one
        self.failures = 0  # questions without an answer

    async def ask(self, question: Q, within_s: float) -> A | Failure:
        """The answer, at most ``within_s`` after the worker has the question.

        Cancelling ends the worker's work as well.
        """
        async with self._turn:
            if self._closed:
                raise RuntimeError(f"the {self._name} is closed")
            asking = asyncio.ensure_future(asyncio.to_thread(self._ask, question, within_s))
            try:
                answer = await asyncio.shield(asking)
            except asyncio.CancelledError:
                self._abandon()
                await asking
                self._abandoned = False
                raise
            self.failures += isinstance(answer, Failure)
            return answer

    async def close(self) -> None:
        """End the worker. A question still under way comes back as CRASHED."""
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

    def _ask(self, question: Q, within_s: float) -> A | Failure:
        """One question and its answer; in a thread, since pipes and pickling block."""
        try:
            pipe = self._started()
            if pipe is None:
                return Failure.TIMED_OUT
            pipe.send(question)
            if not pipe.poll(within_s):
                self._stop()
                return Failure.TIMED_OUT
            answer = pipe.recv()
        except _GONE:
            self._stop()
            return Failure.CRASHED
        except Exception:
            # Unpickling nonsense may raise anything at all.
            self._stop()
            return Failure.RUBBISH
        try:
            return self._judge(question, answer)
        except Rubbish:
            self._stop()
            return Failure.RUBBISH

    def _started(self) -> Connection | None:
        """The pipe to a worker that is ready; None if it does not get ready in time."""
        if self._worker is not None and self._pipe is not None and self._worker.is_alive():
            return self._pipe
        self._stop()
        # Forking would copy the event loop's threads and locks.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        worker = context.Process(
            target=_live, args=(theirs, self._work, self._prepare), name=self._name, daemon=True
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


def _live(
    pipe: Connection, work: Callable[[Any], object], prepare: Callable[[], None] | None
) -> None:
    """The worker's whole life: answer questions until the pipe closes."""
    # Ctrl-C reaches the whole group; the parent decides when the worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent watch", daemon=True).start()
    if prepare is not None:
        prepare()
    pipe.send(_READY)
    while True:
        try:
            question = pipe.recv()
        except _GONE:
            return
        pipe.send(work(question))


def _end_with_parent() -> None:
    """Nobody wants the answer of a dispatcher that was killed; its successor wants the machine."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
