"""Records that are kept, and under which rules, streets and code they are decided again."""

import asyncio

import pytest
from service_bench import Bench, running, state_of
from service_fakes import CountingEngine, turns

from dispatcher.codec import (
    EventRecord,
    ZoneRecord,
    decode_payload,
)
from dispatcher.core import Applied
from dispatcher.journal import (
    DiscardedRecords,
)
from dispatcher.recovery import Difference
from dispatcher.replay import replay
from dispatcher.snapshots import OtherStopsError, OtherZoneError


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
