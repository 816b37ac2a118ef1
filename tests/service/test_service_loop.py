"""The loop makes events durable before it acts; snapshots, batches, and how it ends."""

import asyncio
from typing import Any

import pytest
from service_bench import Bench, running, state_of
from service_fakes import CountingEngine, a_request, turns, until

from dispatcher.codec import (
    EventRecord,
)
from dispatcher.domain.events import ClockTicked, EpochBegan
from dispatcher.intake import NotTakenError, Receipt
from dispatcher.journal import (
    StaleEpoch,
    StoreUnavailable,
)
from dispatcher.recovery import recover
from dispatcher.service import SteppedDownError


async def test_an_event_is_durable_before_it_is_told() -> None:
    bench = Bench()
    lengths: list[int] = []
    async with running(bench):
        bench.service.add_listener(lambda _: lengths.append(bench.journal._last()))
        receipt = await bench.ask(1)
    # Position 1 is the beginning of the epoch.
    assert (receipt.position, receipt.fresh, state_of(receipt)) == (2, True, 1)
    assert lengths[0] == 2
    first, second = await bench.payloads()
    assert isinstance(first, EventRecord)
    assert first.event == EpochBegan(1_000, 1)
    assert isinstance(second, EventRecord)
    assert second.event == a_request(1, at_s=1_000)


async def test_what_waits_goes_into_one_append() -> None:
    bench = Bench()
    async with running(bench):
        receipts = await asyncio.gather(*(bench.ask(n) for n in range(100)))
    assert [receipt.position for receipt in receipts] == list(range(2, 102))
    # One for the epoch; 64 is the largest batch, 36 are left.
    # The last one is the mark of the clean stop.
    assert bench.journal.batches == [1, 64, 36, 1]
    payloads = await bench.payloads()
    # All of a batch carry the digest of the decisions before it.
    assert len({payload.prev for payload in payloads}) == 3
    assert len({payload.prev for payload in payloads[1:65]}) == 1


async def test_stamps_never_run_backwards() -> None:
    bench = Bench()
    async with running(bench):
        await bench.ask(1)
        bench.clock.at_s = 400
        await bench.ask(2)
        bench.clock.at_s = 1_200
        await bench.ask(3)
    stamps = [p.event.at_s for p in await bench.payloads() if isinstance(p, EventRecord)]
    assert stamps == [1_000, 1_000, 1_000, 1_200]


async def test_a_resend_is_not_decided_again() -> None:
    bench = Bench()
    async with running(bench):
        first = await bench.ask(1)
        again = await bench.ask(1)
    assert again == Receipt(first.position, False, None)
    assert bench.told_positions() == [1, 2]


async def test_a_tick_comes_when_the_state_wants_one() -> None:
    bench = Bench()
    async with running(bench):
        bench.service.core.state.due_s = 1_060
        await bench.ask(1)  # wakes the loop, which then sees what is due
        await until(lambda: bench.clock.sleepers > 0)
        await bench.clock.move_to(1_059)
        assert bench.service.core.state.ticks == 0
        await bench.clock.move_to(1_060)
        await until(lambda: bench.service.core.state.ticks > 0)
    assert bench.told[-1].event == ClockTicked(1_060)


async def test_a_tick_that_clears_nothing_does_not_fill_the_journal() -> None:
    bench = Bench()
    bench.engine.next_due_s = lambda state: 1_000
    async with running(bench):
        await until(lambda: bench.service.core.state.ticks >= 1)
        await turns(50)
        assert bench.service.core.state.ticks == 1
        await bench.clock.move_to(1_001)
        await until(lambda: bench.service.core.state.ticks >= 2)


async def test_a_restart_continues_where_the_journal_ends() -> None:
    bench = Bench()
    async with running(bench):
        await bench.ask(1)
        await bench.ask(2)
    digest = bench.service.core.digest
    again = Bench(bench.journal)
    async with running(again):
        # The clean stop left a snapshot: only the new epoch is decided.
        assert again.engine.steps == 1
        receipt = await again.ask(3)
    # Epoch, two requests, the mark of the clean stop, epoch, request.
    assert (receipt.position, state_of(receipt)) == (6, 3)
    assert again.service.core.state.epoch == 2
    assert again.told_positions() == [5, 6]
    second_epoch = (await again.payloads())[3]
    assert second_epoch.prev == digest


async def test_a_crash_is_made_good_by_the_journal() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()
    await bench.ask(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    again = Bench(bench.journal)
    async with running(again):
        # Of the beginning there is a snapshot, of the request there is none.
        assert again.service.health.replayed == 1
        assert again.service.health.difference is None
        assert again.service.core.state.asked == ["t1"]


async def test_at_a_start_the_last_decisions_are_handed_over_before_anything_new() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()
    for number in range(80):
        await bench.ask(number)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    again = Bench(bench.journal)
    handed: list[tuple[int, list[int]]] = []
    again.service.add_starter(
        lambda core, tail: handed.append((core.position, [applied.position for applied in tail]))
    )
    async with running(again):
        await again.ask(99)
    # 81 records; no batch is larger than 64, so what was not told is among the last 64.
    assert handed == [(82, list(range(18, 82)))]


async def test_a_snapshot_every_so_many_events() -> None:
    bench = Bench(snapshot_every=10)
    async with running(bench):
        for number in range(25):
            await bench.ask(number)
        await turns(5)
        snapshot = await bench.journal.newest_snapshot()
        assert snapshot is not None
        # The first is at 1, where the epoch began.
        assert snapshot.position == 21


async def test_a_snapshot_after_so_long_if_anything_happened() -> None:
    bench = Bench(snapshot_every_s=0.0)
    async with running(bench):
        await turns(5)
        assert bench.service.health.last_snapshot == 1
        await bench.ask(1)
        await until(lambda: bench.service.health.last_snapshot == 2)


async def test_decisions_go_on_while_a_snapshot_is_saved() -> None:
    bench = Bench(snapshot_every=2)
    saved = asyncio.Event()
    async with running(bench):
        save = bench.journal.save_snapshot

        async def slow(*about: Any) -> None:
            await saved.wait()
            await save(*about)

        bench.journal.save_snapshot = slow
        for number in range(7):
            await bench.ask(number)
        # The one begun at 3 is still on its way, and no other was begun.
        assert bench.service.health.last_snapshot == 1
        saved.set()
        await until(lambda: bench.service.health.last_snapshot == 3)
        await bench.ask(9)
        await until(lambda: bench.service.health.last_snapshot == 9)
    again = Bench(bench.journal)
    async with running(again):
        assert again.service.core.state.asked == [*(f"t{n}" for n in range(7)), "t9"]


async def test_others_get_their_turn_between_two_events_of_a_batch() -> None:
    bench = Bench()
    bench.service.slice_s = 0.0
    seen: set[int] = set()

    async def looks_on() -> None:
        while True:
            seen.add(bench.service.core.position)
            await asyncio.sleep(0)

    async with running(bench):
        looking = asyncio.create_task(looks_on())
        await asyncio.gather(*(bench.ask(number) for number in range(5)))
        looking.cancel()
    assert bench.journal.batches[1] == 5
    assert {2, 3, 4, 5, 6} <= seen
    assert bench.told_positions()[-5:] == [2, 3, 4, 5, 6]


async def test_a_snapshot_asked_for_within_a_batch_comes_after_it() -> None:
    bench = Bench()
    async with running(bench):
        bench.service.add_listener(
            lambda applied: bench.service.begin_snapshot() if applied.position == 3 else None
        )
        await asyncio.gather(*(bench.ask(number) for number in range(5)))
        await until(lambda: bench.service.health.last_snapshot == 6)
        bench.service.begin_snapshot()  # nothing is being decided: at once
        await bench.ask(6)
    found = (await recover(CountingEngine(), bench.journal, "v1")).result()
    assert found.difference is None


async def test_a_snapshot_that_could_not_be_saved_is_not_taken_for_one() -> None:
    bench = Bench(snapshot_every=2)
    async with running(bench):
        save = bench.journal.save_snapshot

        async def fails(*about: Any) -> None:
            raise StoreUnavailable("full")

        bench.journal.save_snapshot = fails
        await bench.ask(1)
        await bench.ask(2)
        await turns(5)
        assert bench.service.health.last_snapshot == 1
        bench.journal.save_snapshot = save
        await bench.ask(3)
        await bench.ask(4)
        await until(lambda: bench.service.health.last_snapshot == 5)


async def test_stopping_decides_what_waits_and_takes_nothing_more() -> None:
    bench = Bench()
    async with running(bench):
        asked = [asyncio.create_task(bench.ask(n)) for n in range(70)]
        await asyncio.sleep(0)
        bench.service.stop()
        with pytest.raises(NotTakenError):
            await bench.ask(99)
        receipts = await asyncio.gather(*asked)
    assert receipts[-1].position == 71
    snapshot = await bench.journal.newest_snapshot()
    assert snapshot is not None
    # Behind the last request there is the mark of the clean stop.
    assert snapshot.position == 72


async def test_stopping_does_not_wait_for_a_store_that_is_gone() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()
    bench.journal.down = StoreUnavailable("gone")

    async def stop() -> None:
        bench.service.stop()

    bench.on_pause = stop
    asking = asyncio.create_task(bench.service.submit_event(a_request(1)))
    with pytest.raises(StoreUnavailable):
        await task
    asking.cancel()


async def test_a_stale_epoch_from_the_store() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()
    bench.journal.fail_next(StaleEpoch(1, 2))
    asking = asyncio.create_task(bench.ask(1))
    with pytest.raises(SteppedDownError):
        await task
    asking.cancel()
