"""The improver is asked one question at a time, and what it finds comes in as an event."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from service_fakes import CountingEngine, FaultyJournal, HandClock, turns, until

from dispatcher.domain.decisions import OperatorAlerted
from dispatcher.domain.events import PlanProposed
from dispatcher.domain.policy import Objective
from dispatcher.engine.proposals import ImproveAsk
from dispatcher.improving import ImproverLoop, Improving
from dispatcher.planning.improver import ImproveProblem, NoImprovement, NoReason, PartSize
from dispatcher.service import Service


class Questions:
    """A search answered by hand, and the loop that asks it."""

    asking: asyncio.Task[None]

    def __init__(self, *, anything: bool = True) -> None:
        self.anything = anything
        self.problem = ImproveProblem(1, (), (), np.zeros((1, 1), np.int64), Objective(), 1_000)
        self.clock = HandClock()
        engine: Any = CountingEngine()
        self.service = Service(engine, FaultyJournal(), self.clock)
        self.asked: list[tuple[object, float, int]] = []
        self.answers: asyncio.Queue[object] = asyncio.Queue()
        searcher: Any = self
        self.loop = ImproverLoop(
            self.service,
            searcher,
            Improving(self._ask, self._proposals),
            every_s=10,
            time_limit_s=2.5,
            part=PartSize(rides=120, rows=40),
        )

    async def improve(self, problem: object, time_limit_s: float, seed: int) -> object:
        self.asked.append((problem, time_limit_s, seed))
        return await self.answers.get()

    def _ask(self, state: object) -> ImproveAsk | None:
        return ImproveAsk(self.problem, ()) if self.anything else None

    def _proposals(
        self, state: object, ask: ImproveAsk, result: object, at_s: int
    ) -> tuple[PlanProposed, ...]:
        assert (ask.problem, result) == (self.problem, "better")
        return (PlanProposed(at_s, (), 7, 5), PlanProposed(at_s, (), 7, 4))


@asynccontextmanager
async def asking(questions: Questions) -> AsyncIterator[Questions]:
    tasks = [
        asyncio.create_task(questions.service.run()),
        asyncio.create_task(questions.loop.run()),
    ]
    questions.asking = tasks[1]
    try:
        yield questions
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_better_plan_comes_in_as_events() -> None:
    async with asking(Questions()) as questions:
        told: list[object] = []
        questions.service.add_listener(lambda applied: told.append(applied.event))
        await until(lambda: len(questions.asked) == 1)
        questions.clock.at_s = 1_004
        questions.answers.put_nowait("better")
        await until(lambda: questions.loop.health.last == "proposed at event 3")
    assert questions.loop.health.improved == 1
    assert questions.asked == [(questions.problem, 2.5, 1)]
    assert told[-2:] == [PlanProposed(1_004, (), 7, 5), PlanProposed(1_004, (), 7, 4)]


async def test_at_most_one_question_is_under_way() -> None:
    async with asking(Questions()) as questions:
        await until(lambda: len(questions.asked) == 1)
        await questions.clock.move_to(1_030)
        await turns(20)
        assert len(questions.asked) == 1
        questions.answers.put_nowait(NoImprovement(NoReason.TIMED_OUT))
        # It is long past 1,010, when the next question was due.
        await until(lambda: len(questions.asked) == 2)
        assert questions.loop.health.last == "timed_out"
        questions.answers.put_nowait(NoImprovement(NoReason.NOTHING_CHEAPER))
        await until(lambda: questions.clock.sleepers == 1)
        await questions.clock.move_to(1_039)
        await turns(20)
        assert len(questions.asked) == 2
        await questions.clock.move_to(1_040)
        await until(lambda: len(questions.asked) == 3)
    assert [seed for _, _, seed in questions.asked] == [1, 2, 3]


async def test_with_nothing_to_improve_nothing_is_asked() -> None:
    async with asking(Questions(anything=False)) as questions:
        await until(lambda: questions.clock.sleepers == 1)
    assert questions.asked == []
    assert questions.loop.health.last == "nothing to improve"


async def test_it_ends_with_the_service() -> None:
    async with asking(Questions()) as questions:
        await until(lambda: len(questions.asked) == 1)
        questions.service.stop()
        questions.answers.put_nowait("better")
        await until(questions.asking.done)
        assert questions.asking.exception() is None


async def test_three_failures_in_a_row_are_told_once() -> None:
    async with asking(Questions()) as questions:
        alerts: list[str] = []
        questions.service.add_listener(
            lambda applied: alerts.extend(
                decision.kind.value
                for decision in applied.decisions
                if isinstance(decision, OperatorAlerted)
            )
        )

        def has_asked(times: int) -> Callable[[], bool]:
            return lambda: len(questions.asked) == times

        failed, nothing = NoReason.CRASHED, NoReason.NOTHING_CHEAPER
        for number, reason in enumerate([failed, failed, nothing, *[failed] * 4], 1):
            await until(has_asked(number))
            assert alerts == (["solver_down"] if number == 7 else [])
            questions.answers.put_nowait(NoImprovement(reason))
            await until(lambda: questions.clock.sleepers == 1)
            await questions.clock.move_to(1_000 + 10 * number)
        await until(lambda: len(questions.asked) == 8)
    assert alerts == ["solver_down"]
