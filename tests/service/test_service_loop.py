"""The loop makes events durable before it acts, and comes through every kind of trouble."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from service_fakes import CountingEngine, FaultyJournal, HandClock, a_request, turns, until

from dispatcher.codec import (
    EventRecord,
    JournalPayload,
    SealRecord,
    SetAsideRecord,
    ZoneRecord,
    decode_payload,
)
from dispatcher.core import Applied
from dispatcher.domain.decisions import AlertKind, OperatorAlerted, TripChanged
from dispatcher.domain.events import ClockTicked, EpochBegan, Event
from dispatcher.intake import NotTakenError, Receipt, TooBusyError
from dispatcher.journal import (
    DamagedJournal,
    DiscardedRecords,
    Record,
    StaleEpoch,
    StoreUnavailable,
    UnexpectedPosition,
    UnknownOutcome,
)
from dispatcher.recovery import Difference, recover
from dispatcher.replay import replay
from dispatcher.service import Service, ServiceSettings, SteppedDownError
from dispatcher.snapshots import OtherStopsError, OtherZoneError


class Bench:
    """A service on fakes, with all it told."""

    def __init__(
        self,
        journal: FaultyJournal | None = None,
        engine: CountingEngine | None = None,
        **settings: Any,
    ) -> None:
        self.journal = journal or FaultyJournal()
        self.engine = engine or CountingEngine()
        self.clock = HandClock()
        self.pauses: list[float] = []
        self.on_pause: Callable[[], Awaitable[None]] | None = None
        self.service = Service(
            self.engine,
            self.journal,
            self.clock,
            ServiceSettings(**{"code_version": "v1", **settings}),
            sleep=self._sleep,
        )
        self.told: list[Applied] = []
        self.service.add_listener(self._hear)

    def _hear(self, applied: Applied) -> None:
        # The marks that the loop itself sets decide nothing.
        if applied.event is not None or applied.decisions:
            self.told.append(applied)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.on_pause is not None:
            await self.on_pause()
        await asyncio.sleep(0)

    async def ask(self, number: int, rider: str = "ana", **options: Any) -> Receipt:
        return await self.service.submit(
            lambda at_s: a_request(number, rider, at_s),
            dedup_key=f"{rider}/q{number}",
            refusable=True,
            **options,
        )

    def told_positions(self) -> list[int]:
        return [applied.position for applied in self.told]

    async def payloads(self) -> list[JournalPayload]:
        """All but the mark of a clean stop."""
        payloads = [decode_payload(record.payload) async for record in self.journal.read()]
        return [payload for payload in payloads if not isinstance(payload, SealRecord)]


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    task = asyncio.create_task(bench.service.run())
    started = asyncio.create_task(bench.service.started.wait())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    try:
        yield bench
        bench.service.stop()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def state_of(receipt: Receipt) -> int:
    """How many requests the engine had counted when it answered this one."""
    assert receipt.applied is not None
    (decision,) = receipt.applied.decisions
    assert isinstance(decision, TripChanged)
    return decision.status.revision


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


async def test_records_are_kept_for_so_many_days() -> None:
    bench = Bench(snapshot_every=2, keep_days=2)
    async with running(bench):
        for number in range(12):
            bench.clock.at_s = 1_000 + number * 43_200  # half a day
            await bench.ask(number)
            await turns(20)
        # The last stands at 13 and came at 1000 + 5.5 days; two days before is 1000 + 3.5 days,
        # the time of request 7 at 9. Snapshots are at 9, 11 and 13, so all before 9 may go.
        first = [record.position async for record in bench.journal.read(8)]
        assert first[:2] == [9, 10]
        with pytest.raises(DiscardedRecords):
            [record async for record in bench.journal.read(7)]


async def test_the_rules_are_kept_for_as_long_as_what_was_decided_under_them() -> None:
    bench = Bench(engine=CountingEngine(offset=0), snapshot_every=2, keep_days=2)
    async with running(bench):
        for number in range(6):
            await bench.ask(number)
            await turns(20)
        # Nothing is two days old. The first record is no event, and has no time.
        first, *_ = [record async for record in bench.journal.read()]
        assert isinstance(decode_payload(first.payload), ZoneRecord)


async def test_without_a_bound_all_records_are_kept() -> None:
    bench = Bench(snapshot_every=2)
    async with running(bench):
        for number in range(12):
            bench.clock.at_s = 1_000 + number * 43_200
            await bench.ask(number)
            await turns(20)
    assert len([record async for record in bench.journal.read()]) == 14


async def test_another_code_version_decides_again_from_the_start() -> None:
    bench = Bench()
    async with running(bench):
        await bench.ask(1)
    again = Bench(bench.journal, code_version="v2")
    async with running(again):
        # Epoch, request, and the mark of the clean stop.
        assert again.service.health.replayed == 3
        assert again.service.health.difference is None


async def test_a_clean_stop_lets_all_be_compared() -> None:
    bench = Bench()
    async with running(bench):
        await bench.ask(1)
    bench.journal._snapshots.clear()
    again = Bench(bench.journal, CountingEngine(code=10), code_version="v2")
    async with running(again):
        # The request at 2 was in the last batch, behind which no event was written.
        assert again.service.health.difference == Difference(2, 2)


async def test_after_a_kill_the_end_is_decided_under_the_rules_it_was_decided_under() -> None:
    bench = Bench(engine=CountingEngine(offset=0))
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()
    first = await bench.ask(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    again = Bench(bench.journal, CountingEngine(offset=10))
    tails: list[Applied] = []
    again.service.add_starter(lambda core, tail: tails.extend(tail))
    async with running(again):
        assert again.service.health.replayed == 1
        # What is told again is what was told; only what comes now falls under the new rule.
        assert tails[-1] == first.applied
        assert again.service.health.difference is None
        assert state_of(await again.ask(2)) == 2 + 10
    whole = replay(CountingEngine(offset=99), [r async for r in bench.journal.read()])
    assert whole.same
    assert whole.compared == whole.events - 1  # all but the seal itself, which decides nothing


async def test_rules_that_stay_are_written_down_once() -> None:
    bench = Bench(engine=CountingEngine(offset=3))
    for _ in range(2):
        again = Bench(bench.journal, CountingEngine(offset=3))
        async with running(again):
            await again.ask(1)
    payloads = await bench.payloads()
    assert [type(payload) for payload in payloads[:2]] == [ZoneRecord, EventRecord]
    assert sum(isinstance(payload, ZoneRecord) for payload in payloads) == 1


async def test_other_streets_are_taken_after_a_clean_stop_only() -> None:
    bench = Bench(engine=CountingEngine(offset=0))
    task = asyncio.create_task(bench.service.run())
    await bench.service.started.wait()
    await bench.ask(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    def elsewhere() -> CountingEngine:
        engine = CountingEngine(offset=0)
        engine.zone = "other streets"
        return engine

    refused = Bench(bench.journal, elsewhere())
    with pytest.raises(
        OtherZoneError, match=r"event 3 was decided in other streets .* \(SIGTERM\)"
    ):
        await refused.service.run()
    former = Bench(bench.journal, CountingEngine(offset=0))
    async with running(former):
        pass
    again = Bench(bench.journal, elsewhere())
    async with running(again):
        assert again.service.core.state.asked == ["t1"]
        assert state_of(await again.ask(2)) == 2


async def test_where_new_code_decides_otherwise_the_snapshot_is_kept() -> None:
    bench = Bench()
    async with running(bench):
        await bench.ask(1)
        await bench.ask(2)
    # The changed rule shows in the decision at 2, which stands alone in its batch.
    again = Bench(bench.journal, CountingEngine(code=10), code_version="v2")
    async with running(again):
        assert again.service.health.replayed == 0
        assert again.service.core.state.asked == ["t1", "t2"]
        assert state_of(await again.ask(3)) == 13


@pytest.mark.parametrize("code_version", ["v1", "v2"])
async def test_a_journal_is_not_continued_with_other_stops(code_version: str) -> None:
    bench = Bench()
    async with running(bench):
        await bench.ask(1)
    engine = CountingEngine()
    engine.stops = "one more"
    again = Bench(bench.journal, engine, code_version=code_version)
    with pytest.raises(OtherStopsError, match="put the former zone back"):
        await again.service.run()
    assert again.told == []
    # Nothing was written but the epoch, so the former zone goes on as before.
    former = Bench(bench.journal)
    async with running(former):
        assert state_of(await former.ask(2)) == 2


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
