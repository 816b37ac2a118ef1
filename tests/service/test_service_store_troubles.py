"""A store that does not answer, answers late, or has lost something; and one that another has."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from service_bench import Bench, running
from service_fakes import a_request, turns

from dispatcher.intake import NotTakenError, Receipt, TooBusyError
from dispatcher.journal import (
    DamagedJournal,
    Record,
    StaleEpoch,
    StoreUnavailable,
    UnexpectedPosition,
    UnknownOutcome,
)
from dispatcher.service import SteppedDownError


@pytest.mark.parametrize("written", [True, False])
async def test_an_unknown_outcome_is_read_and_not_sent_blindly(written: bool) -> None:
    bench = Bench()
    async with running(bench):
        bench.journal.fail_next(UnknownOutcome("cut"), written_first=written)
        receipts = await asyncio.gather(bench.ask(1), bench.ask(2))
        assert bench.service.core.state.epoch == bench.service.health.epoch == 2
    # Two requests, and the beginning of another epoch: behind them, or before them.
    assert [receipt.position for receipt in receipts] == ([2, 3] if written else [3, 4])
    assert bench.told_positions() == [1, 2, 3, 4]
    assert bench.service.core.state.asked == ["t1", "t2"]
    assert len(await bench.payloads()) == 4


async def test_an_append_that_arrives_late_is_fenced_off() -> None:
    bench = Bench()
    async with running(bench):
        bench.journal.fail_next(UnknownOutcome("timed out"), written_late=True)
        read = bench.journal.read

        def reads_later(after: int = 0) -> AsyncIterator[Record]:
            # A second passes, so that the second attempt is stamped anew.
            bench.clock.at_s += 1
            return read(after)

        bench.journal.read = reads_later
        cancelled = bench.service.submit_event(a_request(1, "shuttle"))
        assert (await cancelled).position == 3
    (late,) = bench.journal.came_late
    assert isinstance(late, StaleEpoch)
    assert bench.service.core.state.asked == ["t1"]


async def test_what_was_written_under_an_earlier_stamp_is_known_by_its_key() -> None:
    bench = Bench()
    async with running(bench):
        # The second attempt is stamped a second later, and it is the one that is written.
        bench.journal.fail_next(UnknownOutcome("cut"))
        bench.journal.fail_next(UnknownOutcome("cut"), written_first=True)
        read = bench.journal.read

        def reads_later(after: int = 0) -> AsyncIterator[Record]:
            bench.clock.at_s += 1
            return read(after)

        bench.journal.read = reads_later
        receipt = await bench.service.submit_event(a_request(1, "shuttle"))
        assert receipt.fresh
        assert receipt.applied is not None
    assert bench.service.core.state.asked == ["t1"]
    records = [record async for record in bench.journal.read()]
    keys = [record.dedup_key for record in records]
    assert None not in keys
    assert len(set(keys)) == len(keys)


async def test_riders_are_refused_while_an_unknown_outcome_is_looked_up() -> None:
    bench = Bench()
    async with running(bench):
        bench.journal.fail_next(UnknownOutcome("cut"), written_first=True)
        reading, answers = asyncio.Event(), asyncio.Event()
        read = bench.journal.read

        async def hangs(after: int = 0) -> AsyncIterator[Record]:
            reading.set()
            await answers.wait()
            async for record in read(after):
                yield record

        bench.journal.read = hangs
        first = asyncio.create_task(bench.ask(1))
        await reading.wait()
        assert not bench.service.accepting
        with pytest.raises(NotTakenError):
            await bench.ask(2)
        answers.set()
        assert (await first).position == 2
        assert bench.service.accepting


@pytest.mark.parametrize("written", [True, False])
async def test_riders_are_refused_when_an_unknown_outcome_cannot_be_looked_up(
    written: bool,
) -> None:
    bench = Bench()
    async with running(bench):
        bench.journal.fail_next(UnknownOutcome("cut"), written_first=written)
        read = bench.journal.read

        async def fails(after: int = 0) -> AsyncIterator[Record]:
            bench.journal.read = read
            raise StoreUnavailable("no answer")
            yield

        bench.journal.read = fails
        shuttle = asyncio.create_task(bench.service.submit_event(a_request(2, "shuttle")))
        with pytest.raises(NotTakenError):
            await bench.ask(1)
        await shuttle
        # Sending it again is harmless, whether or not it had been written.
        await bench.ask(1)
    assert sorted(bench.service.core.state.asked) == ["t1", "t2"]


async def test_an_unknown_outcome_with_a_resend_in_the_batch() -> None:
    bench = Bench()
    async with running(bench):
        first = await bench.ask(1)
        bench.journal.fail_next(UnknownOutcome("cut"), written_first=True)
        again, second = await asyncio.gather(bench.ask(1), bench.ask(2))
    assert again == Receipt(first.position, False, None)
    assert (second.position, second.fresh) == (3, True)


async def test_who_was_told_that_the_journal_does_not_answer_is_not_written_later() -> None:
    bench = Bench()
    async with running(bench):
        appending, answers = asyncio.Event(), asyncio.Event()
        append = bench.journal.append

        async def hangs(*entries: Any, **about: Any) -> Any:
            appending.set()
            await answers.wait()
            return await append(*entries, **about)

        bench.journal.append = hangs
        shuttle = asyncio.create_task(bench.service.submit_event(a_request(1, "shuttle")))
        await appending.wait()
        # Patience of nothing: it runs out before the loop can take the request up.
        with pytest.raises(NotTakenError):
            await bench.ask(2, patience_s=0)
        answers.set()
        await shuttle
        assert bench.service.waiting == 0
        await bench.ask(3)
    assert bench.service.core.state.asked == ["t1", "t3"]


async def test_riders_who_wait_behind_a_batch_are_told_at_once_that_the_store_is_gone() -> None:
    bench = Bench()
    async with running(bench):
        appending, fails = asyncio.Event(), asyncio.Event()
        append = bench.journal.append

        async def hangs(*entries: Any, **about: Any) -> Any:
            appending.set()
            await fails.wait()
            bench.journal.append = append
            raise StoreUnavailable("no answer")

        bench.journal.append = hangs
        shuttle = asyncio.create_task(bench.service.submit_event(a_request(1, "shuttle")))
        await appending.wait()
        behind = asyncio.create_task(bench.ask(2))
        await turns(3)
        assert bench.service.waiting == 1
        fails.set()
        with pytest.raises(NotTakenError):
            await behind
        await shuttle
    assert bench.service.core.state.asked == ["t1"]


async def test_without_the_store_riders_are_refused_and_shuttles_wait() -> None:
    bench = Bench()
    async with running(bench):
        bench.journal.down = StoreUnavailable("no answer")
        refused: list[Exception] = []

        async def comes_back_later() -> None:
            if len(bench.pauses) == 3:
                with pytest.raises(NotTakenError) as caught:
                    await bench.ask(3)
                refused.append(caught.value)
                assert not bench.service.accepting
            if len(bench.pauses) == 6:
                bench.journal.down = None
                bench.clock.at_s = 1_300

        bench.on_pause = comes_back_later
        rider = asyncio.create_task(bench.ask(1))
        shuttle = await bench.service.submit_event(a_request(2, "shuttle"))
        with pytest.raises(NotTakenError):
            await rider
        assert len(refused) == 1
        # Growing, bounded pauses.
        assert bench.pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
        assert bench.service.accepting
    assert bench.service.core.state.asked == ["t2"]
    # Stamped when it was written, not when it came.
    assert shuttle.applied is not None
    assert shuttle.applied.event is not None
    assert shuttle.applied.event.at_s == 1_300


async def test_with_too_much_waiting_requests_are_refused() -> None:
    bench = Bench(refuse_above=3)
    async with running(bench):
        asked = [asyncio.create_task(bench.ask(n)) for n in range(5)]
        results = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(result, TooBusyError) for result in results] == [False] * 3 + [True] * 2


async def test_a_replaced_dispatcher_steps_down() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()
    await bench.journal.begin_epoch("successor")
    asking = asyncio.create_task(bench.ask(1))
    with pytest.raises(SteppedDownError):
        await task
    assert not bench.service.accepting
    with pytest.raises(NotTakenError):
        await asyncio.wait_for(asking, 1)
    assert await bench.journal.last_position() == 1


async def test_after_an_unknown_outcome_a_successors_records_are_not_decided_here() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()

    async def taken_over() -> None:
        successor = Bench(bench.journal)
        async with running(successor):
            pass

    bench.journal.fail_next(StoreUnavailable("no answer"))
    bench.journal.fail_next(UnknownOutcome("cut"))
    bench.on_pause = taken_over
    asking = asyncio.create_task(bench.service.submit_event(a_request(1)))
    with pytest.raises(SteppedDownError):
        await task
    asking.cancel()
    assert bench.told_positions() == [1]


async def test_a_journal_that_lost_records_ends_the_service() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()
    bench.journal.fail_next(UnexpectedPosition(1, 0))
    asking = asyncio.create_task(bench.ask(1))
    with pytest.raises(DamagedJournal):
        await task
    asking.cancel()
