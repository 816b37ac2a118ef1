"""Asks for better plans, one question at a time, and hands them in as events.

The search runs elsewhere and takes as long as it takes; what it finds names the plan it
was made from, and the engine checks it in full before adopting anything.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from dispatcher.domain.decisions import AlertKind
from dispatcher.domain.events import PlanProposed
from dispatcher.engine import ServiceState
from dispatcher.engine.proposals import ImproveAsk, improve_ask, proposals_of
from dispatcher.planning.improver import (
    ImproveProblem,
    ImproveResult,
    NoImprovement,
    NoReason,
    PartSize,
    subproblem,
)
from dispatcher.repeating import repeat
from dispatcher.service import Service

FAILURES_TOLD: Final = 3  # in a row: one can be chance


class Searcher(Protocol):
    """Where the search runs: ``ImproverProcess``."""

    async def improve(
        self, problem: ImproveProblem, time_limit_s: float, seed: int
    ) -> ImproveResult | NoImprovement: ...


@dataclass(frozen=True, slots=True)
class Improving:
    """The engine's two ends of an improvement: what to ask, and the answer as an event."""

    ask: Callable[[ServiceState], ImproveAsk | None] = improve_ask
    proposals: Callable[[ServiceState, ImproveAsk, ImproveResult, int], Sequence[PlanProposed]] = (
        proposals_of
    )


@dataclass(slots=True)
class ImproverHealth:
    """``last`` says how the last question ended: improved, or why not."""

    asked: int = 0
    improved: int = 0
    last: str = "not asked yet"
    failed_in_a_row: int = 0


class ImproverLoop:
    """Asks every ``every_s`` seconds of the zone's clock, never a second time before the answer.

    ``time_limit_s`` is real time: the solver does not know of scaled clocks. Of a fleet
    larger than ``part``, only some that is near in place and time is asked about.
    """

    def __init__(
        self,
        service: Service,
        searcher: Searcher,
        improving: Improving | None = None,
        *,
        every_s: int,
        time_limit_s: float,
        part: PartSize,
    ) -> None:
        self.health = ImproverHealth()
        self._service = service
        self._searcher = searcher
        self._improving = improving or Improving()
        self._every_s = every_s
        self._time_limit_s = time_limit_s
        self._part = part

    async def run(self) -> None:
        """Ask until cancelled or the service has stopped."""
        await repeat(self._service, self._every_s, "improver", self._ask_once)

    async def _ask_once(self) -> None:
        ask = self._improving.ask(self._service.core.state)
        if ask is None:
            self.health.last = "nothing to improve"
            return
        self.health.asked += 1
        # The seed is the question's number: each part of a large fleet gets its turn.
        seed = self.health.asked
        problem = subproblem(ask.problem, random.Random(seed), self._part)
        result = await self._searcher.improve(problem, self._time_limit_s, seed)
        if isinstance(result, NoImprovement):
            self._note_none(result.reason)
            return
        self.health.failed_in_a_row = 0
        state, now_s = self._service.core.state, self._service.clock.now_s()
        self.health.improved += 1
        for proposal in self._improving.proposals(state, ask, result, now_s):
            receipt = await self._service.submit_event(proposal)
            self.health.last = f"proposed at event {receipt.position}"

    def _note_none(self, reason: NoReason) -> None:
        self.health.last = reason.lower()
        if reason is NoReason.NOTHING_CHEAPER:
            self.health.failed_in_a_row = 0
            return
        self.health.failed_in_a_row += 1
        if self.health.failed_in_a_row == FAILURES_TOLD:
            text = (
                f"The last {FAILURES_TOLD} searches for better plans failed ({reason.lower()}). "
                "Offers and promises go on with the plans as they are; look at the machine's load."
            )
            self._service.alert(AlertKind.SOLVER_DOWN, text)
