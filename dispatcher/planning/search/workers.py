"""Several searches of one problem, one of them here and the others in processes of their own.

What crosses between processes is the problem once, and then plans and pools of routes, between
coolings. The machine's monotonic clock is the same for all of them.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.search.columns import Columns
from dispatcher.planning.search.cooling import Cycle
from dispatcher.planning.search.descent import RECREATES, RUINS, cool
from dispatcher.planning.search.model import Problem, RouteOrder, Solution
from dispatcher.planning.search.neighbourhood import NeighbourhoodSearch
from dispatcher.planning.search.pace import Clock

_REPLY_S = 0.03  # from a worker's last round until its columns are here


@dataclass(frozen=True, slots=True)
class Cooled:
    """What one cooling came to."""

    best: Solution
    columns: Columns


class Crew:
    """Searches that cool together. A context manager, for its processes."""

    def __init__(self, problem: Problem, workers: int, seed: int) -> None:
        self._problem = problem
        self._seed = seed
        self._others = workers - 1
        self._own = _search_of(problem, seed)
        self._pool: ProcessPoolExecutor | None = None
        if self._others:
            # A fresh interpreter each: a fork would share the kernels' threads and locks.
            self._pool = ProcessPoolExecutor(self._others, mp_context=get_context("spawn"))

    def __enter__(self) -> "Crew":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def likeness(self) -> NDArray[np.int64]:
        """int64[vehicles]: the same number for those that can take each other's routes."""
        return self._own.likeness

    def cool(
        self,
        number: int,
        cycle: Cycle,
        start: Solution,
        until_s: float,
        clock: Clock,
        on_better: Callable[[Solution], None],
    ) -> list[Cooled]:
        """One cooling of every search, all from ``start``; own first, then by seed.

        A worker that has not answered in time is not waited for.
        """
        asked: list[Future[Cooled]] = []
        if self._pool is not None:
            asked = [
                self._pool.submit(
                    _cool_there,
                    self._problem,
                    self._seed + 1_000 * number + i,
                    cycle,
                    start,
                    until_s - _REPLY_S,
                )
                for i in range(1, self._others + 1)
            ]
        best = cool(self._own, cycle, start, until_s, clock, on_better)
        cooled = [Cooled(best, self._own.columns())]
        for answer in asked:
            try:
                cooled.append(answer.result(timeout=max(0.0, until_s + _REPLY_S - clock())))
            except TimeoutError:
                answer.cancel()
        return cooled

    def price_of(self, routes: tuple[RouteOrder, ...]) -> int:
        """The cost of routes that serve all rides."""
        return self._own.price_of(routes)


def _search_of(problem: Problem, seed: int) -> NeighbourhoodSearch:
    search = NeighbourhoodSearch(problem, seed)
    search.weigh(RUINS, RECREATES)
    return search


def _cool_there(
    problem: Problem, seed: int, cycle: Cycle, start: Solution, until_s: float
) -> Cooled:
    search = _search_of(problem, seed)
    best = cool(search, cycle, start, until_s, time.monotonic, lambda _: None)
    return Cooled(best, search.columns())
