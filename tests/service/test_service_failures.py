"""Events that cannot be decided are set aside, and everything else goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from service_bench import Bench, running, state_of
from service_fakes import CountingEngine, a_request

from dispatcher.codec import (
    SetAsideRecord,
)
from dispatcher.core import Applied
from dispatcher.domain.decisions import AlertKind, OperatorAlerted
from dispatcher.domain.events import Event
from dispatcher.intake import Receipt
from dispatcher.journal import (
    Record,
)


async def test_an_event_that_fails_twice_is_set_aside_and_told() -> None:
    bench = Bench()
    async with running(bench):
        before, failing, after = await asyncio.gather(
            bench.ask(1), bench.ask(2, "crash"), bench.ask(3)
        )
        assert failing.applied == Applied(3, None, ())
        # The failed step had already counted; made anew from the journal, it has not.
        assert (state_of(before), state_of(after)) == (1, 2)
        assert bench.service.health.set_aside == {3}
        assert state_of(await bench.ask(4)) == 3
    payloads = await bench.payloads()
    assert isinstance(payloads[4], SetAsideRecord)
    assert payloads[4].position == 3
    alerts = [d for a in bench.told for d in a.decisions if isinstance(d, OperatorAlerted)]
    assert [alert.kind for alert in alerts] == [AlertKind.EVENT_SET_ASIDE]
    again = Bench(bench.journal)
    again.engine.mended = True
    # Without the snapshot, and with the mistake mended: what was told without it still stands.
    again.journal._snapshots.clear()
    async with running(again):
        assert again.service.core.state.asked == ["t1", "t3", "t4"]
        assert again.service.health.set_aside == {3}
        assert again.service.health.difference is None


async def test_nobody_sees_a_state_that_a_failed_step_left_half_changed() -> None:
    bench = Bench(engine=CountingEngine(fail_once=True))
    async with running(bench):
        await bench.ask(1)
        reading, answers = asyncio.Event(), asyncio.Event()
        read = bench.journal.read

        async def hangs(after: int = 0) -> AsyncIterator[Record]:
            reading.set()
            await answers.wait()
            async for record in read(after):
                yield record

        bench.journal.read = hangs
        asking = asyncio.create_task(bench.ask(2, "crash"))
        await reading.wait()
        # The failed step had counted t2 already.
        assert bench.service.core.state.asked == []
        assert not bench.service.accepting
        answers.set()
        await asking
        assert bench.service.core.state.asked == ["t1", "t2"]
        assert bench.service.accepting


async def test_whoever_told_an_event_that_is_set_aside_can_be_heard_anew() -> None:
    bench = Bench()
    aside: list[tuple[int, Event]] = []
    bench.service.add_aside_listener(lambda position, event: aside.append((position, event)))
    async with running(bench):
        await bench.ask(1)
        assert aside == []
        await bench.ask(2, "crash")
        # The state stands again by then, without the event.
        assert aside == [(3, a_request(2, "crash", at_s=1_000))]
        assert bench.service.core.state.asked == ["t1"]


async def test_a_clock_behind_the_journal_is_told() -> None:
    bench = Bench()
    async with running(bench):
        bench.clock.at_s = 5_000
        await bench.ask(1)
    again = Bench(bench.journal)
    async with running(again):
        pass
    alerts = [d for a in again.told for d in a.decisions if isinstance(d, OperatorAlerted)]
    assert [alert.kind for alert in alerts] == [AlertKind.CLOCK_JUMPED]
    # 5000 in the journal, 1000 on the clock.
    assert "4000 s" in alerts[0].text


async def test_an_event_that_fails_once_is_decided_at_the_second_try() -> None:
    bench = Bench(engine=CountingEngine(fail_once=True))
    async with running(bench):
        failing, after = await asyncio.gather(bench.ask(1, "crash"), bench.ask(2))
        assert (state_of(failing), state_of(after)) == (1, 2)
        assert bench.service.health.set_aside == set()
    assert bench.told_positions() == [1, 2, 3]


async def test_an_event_that_fails_at_restart_is_set_aside() -> None:
    bench = Bench()
    bench.engine.mended = True
    async with running(bench):
        await bench.ask(1, "crash")
        await bench.ask(2)
    bench.journal._snapshots.clear()
    again = Bench(bench.journal)
    async with running(again):
        assert again.service.core.state.asked == ["t2"]
        assert again.service.health.set_aside == {2}
        # The decision at 2 was another one when it was made.
        assert again.service.health.difference is not None
        assert (again.service.health.difference.first, again.service.health.difference.last) == (
            2,
            2,
        )


async def test_a_listener_that_fails_stops_nobody() -> None:
    bench = Bench()
    bench.service._listeners.insert(0, lambda applied: 1 / 0)
    async with running(bench):
        await bench.ask(1)
    assert bench.told_positions() == [1, 2]


async def test_an_event_that_cannot_be_built_fails_alone() -> None:
    bench = Bench()

    def broken(at_s: int) -> Any:
        raise ValueError("no such event")

    async with running(bench):
        results = await asyncio.gather(
            bench.service.submit(broken), bench.ask(1), return_exceptions=True
        )
    assert isinstance(results[0], ValueError)
    assert isinstance(results[1], Receipt)
