"""The search: large neighbourhoods of the present plan, on compiled kernels.

Runs in the improver's own process. All rows are planned together; the search itself looks only
at rides and shuttles near one another.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dispatcher.domain.policy import Objective
from dispatcher.planning.improver.problem import (
    ImproveProblem,
    ImproveResult,
    NoImprovement,
    NoReason,
    judged,
)
from dispatcher.planning.rows import RowPlan, RowRide, RowVisit
from dispatcher.planning.schedule import Schedule, schedule
from dispatcher.planning.search.live import LiveEffort, improve_rows
from dispatcher.planning.search.recombine import load_solver

_MARGIN_S = 0.05  # of the limit, for building the answer


def improve(
    problem: ImproveProblem, time_limit_s: float, seed: int
) -> ImproveResult | NoImprovement:
    """Search for cheaper rows until the limit; what is returned is feasible and cheaper."""
    began_s = time.monotonic()
    lasts_s = max(0.001, time_limit_s - _MARGIN_S)
    return _improve(
        problem, seed, LiveEffort(), lambda rounds: (time.monotonic() - began_s) / lasts_s
    )


def improve_by_rounds(
    problem: ImproveProblem, rounds: int, seed: int
) -> ImproveResult | NoImprovement:
    """The same with a number of rounds instead of a time: the answer is always the same one."""
    return _improve(problem, seed, LiveEffort(rounds=rounds), None)


def _improve(
    problem: ImproveProblem,
    seed: int,
    effort: LiveEffort,
    spent: Callable[[int], float] | None,
) -> ImproveResult | NoImprovement:
    chosen = [i for i, row in enumerate(problem.rows) if _takes_part(row, problem)]
    changed = improve_rows(
        [problem.rows[i] for i in chosen],
        problem.travel_s,
        problem.objective,
        problem.now_s,
        seed,
        effort,
        stays=problem.bound_keys.__contains__,
        spent=spent,
        onward_s=problem.onward_s,
    )
    rows = tuple((problem.row_ids[chosen[i]], row) for i, row in changed)
    if not rows:
        return NoImprovement(NoReason.NOTHING_CHEAPER)
    return judged(problem, ImproveResult(problem.plan_version, rows, 0, 0))


def prepare() -> None:
    """Compile the kernels, or load them from the cache, before the first question."""
    load_solver()
    rides = tuple(RowRide(key, (1, 0), 0, 600, 1800, 900, 20) for key in ("a", "b"))
    visits = tuple(
        RowVisit(stop, boards, alights)
        for stop, boards, alights in (
            (1, ("a",), ()),
            (2, (), ("a",)),
            (1, ("b",), ()),
            (2, (), ("b",)),
        )
    )
    row = RowPlan(0, 0, (0, 0), (4, 1), True, visits, rides)
    travel_s = np.array([[0, 60, 60], [60, 0, 60], [60, 60, 0]], dtype=np.int64)
    empty = replace(row, visits=(), rides=())
    improve_rows([row, empty], travel_s, Objective(), 0, 1, LiveEffort(rounds=50))


def _takes_part(row: RowPlan, problem: ImproveProblem) -> bool:
    timed = schedule(row, problem.travel_s, problem.now_s)
    return row.available and isinstance(timed, Schedule)
