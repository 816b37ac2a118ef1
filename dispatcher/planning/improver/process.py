"""The improver's own process: a search with a time limit, and a judgement of what it found."""

from collections.abc import Callable
from functools import partial

from dispatcher.planning.improver.neighbourhoods import improve, prepare
from dispatcher.planning.improver.problem import (
    ImproveProblem,
    ImproveResult,
    NoImprovement,
    NoReason,
    judged,
)
from dispatcher.planning.worker_process import START_S, Failure, Rubbish, WorkerProcess

Solve = Callable[[ImproveProblem, float, int], object]
"""Runs in the worker; importable by name. What it answers is judged, not believed."""

_Question = tuple[ImproveProblem, float, int]


class ImproverProcess:
    """Asks a worker for cheaper rows; see ``WorkerProcess``.

    Parameters
    ----------
    solve
        The search to run; its own time limit may overrun by up to ``grace_s``.
    grace_s
        Time allowed beyond the limit, for the answer's way back included.
    start_s, prepare
        As of ``WorkerProcess``.
    """

    def __init__(
        self,
        solve: Solve = improve,
        grace_s: float = 1.0,
        start_s: float = START_S,
        prepare: Callable[[], None] = prepare,
    ) -> None:
        self._grace_s = grace_s
        self._worker: WorkerProcess[_Question, ImproveResult | NoImprovement] = WorkerProcess(
            partial(_search, solve), _judge, name="improver", start_s=start_s, prepare=prepare
        )

    @property
    def starts(self) -> int:
        """Workers started; beyond the first, each replaced a lost one."""
        return self._worker.starts

    async def improve(
        self, problem: ImproveProblem, time_limit_s: float, seed: int
    ) -> ImproveResult | NoImprovement:
        """Ask for cheaper rows. Cancelling ends the worker's search as well."""
        within_s = time_limit_s + self._grace_s
        answer = await self._worker.ask((problem, time_limit_s, seed), within_s)
        return NoImprovement(NoReason(answer)) if isinstance(answer, Failure) else answer

    async def close(self) -> None:
        """End the worker. An improvement still under way comes back as CRASHED."""
        await self._worker.close()


def _search(solve: Solve, question: _Question) -> object:
    return solve(*question)


def _judge(question: _Question, answer: object) -> ImproveResult | NoImprovement:
    judgement = judged(question[0], answer)
    if judgement == NoImprovement(NoReason.RUBBISH):
        raise Rubbish
    return judgement
