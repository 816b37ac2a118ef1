"""The improver's search, in place of its own process: right, late, wrong or dead."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from dispatcher.planning.improver.neighbourhoods import improve_by_rounds
from dispatcher.planning.improver.problem import (
    ImproveProblem,
    ImproveResult,
    NoImprovement,
    NoReason,
)
from simulator.faultsim.history import Counts
from simulator.faultsim.plan import Fault

_ROUNDS = 12


@dataclass(slots=True)
class SimSearcher:
    """``faults`` says which it may suffer just now."""

    rng: random.Random
    faults: Callable[[], frozenset[Fault]]
    counts: Counts

    async def improve(
        self, problem: ImproveProblem, time_limit_s: float, seed: int
    ) -> ImproveResult | NoImprovement:
        may = [
            f for f in sorted(self.faults()) if f.startswith("solver") and self.rng.random() < 0.5
        ]
        await asyncio.sleep(self.rng.uniform(0.05, 1.2))
        if Fault.SOLVER_DEAD in may:
            self.counts.note(Fault.SOLVER_DEAD)
            return NoImprovement(NoReason.CRASHED)
        if Fault.SOLVER_WRONG in may:
            self.counts.note(Fault.SOLVER_WRONG)
            return _rubbish(problem, self.rng)
        found = improve_by_rounds(problem, _ROUNDS, seed=seed)
        if Fault.SOLVER_LATE in may:
            self.counts.note(Fault.SOLVER_LATE)
            await asyncio.sleep(self.rng.uniform(5.0, 60.0))
        return found


def _rubbish(problem: ImproveProblem, rng: random.Random) -> ImproveResult:
    """A cheaper plan that is none: riders dropped, repeated, or carried in another order."""
    rows = []
    for i, row in zip(problem.row_ids, problem.rows, strict=True):
        visits = list(row.visits)
        match rng.randrange(4):
            case 0:
                visits = []
            case 1:
                rng.shuffle(visits)
            case 2 if visits:
                visits.append(rng.choice(visits))
            case _ if visits:
                del visits[rng.randrange(len(visits))]
        rows.append((i, replace(row, visits=tuple(visits))))
    return ImproveResult(problem.plan_version, tuple(rows), 100, 0)
