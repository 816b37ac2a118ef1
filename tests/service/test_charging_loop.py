"""A choice of charging sessions that never comes changes nothing, and is asked for again."""

import asyncio
from typing import Any

import pytest
from service_fakes import CountingEngine, FaultyJournal, HandClock, until

from dispatcher import charging_loop
from dispatcher.charging_loop import ChargingLoop
from dispatcher.domain.events import ChargingPlanned
from dispatcher.planning.worker_process import Failure
from dispatcher.service import Service


class Chooser:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def choose(self, problem: Any) -> Any:
        self.asked += 1
        return self.answers.pop(0)


async def test_a_failure_is_survived_and_the_next_choice_is_handed_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(charging_loop, "charging_ask", lambda state: "problem")
    monkeypatch.setattr(
        charging_loop, "charging_of", lambda state, chosen, at_s: ChargingPlanned(at_s, chosen)
    )
    monkeypatch.setattr(charging_loop, "is_news", lambda state, event: True)
    clock, journal = HandClock(), FaultyJournal()
    service = Service(CountingEngine(), journal, clock)
    chooser = Chooser(Failure.TIMED_OUT, Failure.CRASHED, ())
    tasks = [
        asyncio.create_task(service.run()),
        asyncio.create_task(ChargingLoop(service, chooser, every_s=600).run()),
    ]
    await service.started.wait()
    for n in range(3):
        await until(lambda: clock.sleepers >= 1 and chooser.asked == n + 1)  # noqa: B023
        if n < 2:
            assert service.core.position == 1
            await clock.move_to(clock.at_s + 600)
    await until(lambda: service.core.position == 2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
