"""The shell around the real engine: restarts, snapshots and other processes change no decision."""

import hashlib
import json
import os
import random
import subprocess
import sys
from dataclasses import is_dataclass, replace
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import pytest
from engine_world import START_S, EngineWorld
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.codec import EventRecord, JournalPayload, ZoneRecord, encode_payload
from dispatcher.core import DispatchCore, Ground
from dispatcher.domain.events import EpochBegan, Event
from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.trips import Offer, Promise, RideRequest
from dispatcher.engine import Site
from dispatcher.engine.state import TripRecord
from dispatcher.journal import Entry, MemoryJournal, Snapshot, export_journal
from dispatcher.recorded_rules import rules_text
from dispatcher.recovery import TAIL_KEPT, recover
from dispatcher.replay import replay
from dispatcher.snapshots import Picture, code_version, core_of_snapshot, snapshot_payload
from dispatcher.streets import Streets
from dispatcher.streets.zones import load_zone
from dispatcher.zone_engine import ZoneEngine

SEED = 20260922


@cache
def the_site() -> Site:
    zone = load_zone("sejong-5-1")
    return Site(zone, Streets.of(zone), ServiceRules())


@cache
def a_history() -> tuple[Event, ...]:
    """Fifteen minutes with six shuttles and a rider about every half minute."""
    world = EngineWorld(the_site(), SEED, judge=False)
    world.submit(EpochBegan(world.now_s, 1))
    for stop in range(0, 60, 10):
        world.add_car(stop)
    for second in range(0, 900, 30):
        world.at(START_S + second + world.rng.randrange(20), world.a_rider)
    world.run_until(START_S + 900)
    return tuple(world.journal)


async def recorded(
    *, snapshot_at: int | None = None, spoilt: int | None = None
) -> tuple[MemoryJournal, DispatchCore]:
    """The history in a journal, in batches of one to five, and the core at its end.

    The digest written with the batch that holds event ``spoilt`` is a wrong one.
    """
    rng = random.Random(SEED)
    engine = ZoneEngine(the_site())
    core = DispatchCore(engine)
    journal = MemoryJournal()
    epoch = await journal.begin_epoch("test")
    events = list(a_history())
    while events:
        batch = [events.pop(0) for _ in range(min(len(events), rng.randint(1, 5)))]
        spoils = spoilt is not None and core.position < spoilt <= core.position + len(batch)
        prev = "f" * 32 if spoils else core.digest
        entries = [Entry(encode_payload(EventRecord(event, prev))) for event in batch]
        await journal.append(entries, epoch=epoch, expected_position=core.position)
        for event in batch:
            core.apply(event)
        if snapshot_at is not None and core.position >= snapshot_at:
            digest = engine.state_digest(core.state)
            await journal.save_snapshot(
                core.position, snapshot_payload(core, {3}), digest, code_version()
            )
            snapshot_at = None
    return journal, core


def test_the_history_is_worth_replaying() -> None:
    kinds = {type(event).__name__ for event in a_history()}
    assert {"RequestSubmitted", "OfferAnswered", "RiderBoarded", "RiderAlighted"} <= kinds
    assert len(a_history()) > 200


async def test_a_restart_from_a_snapshot_gives_the_same_state() -> None:
    journal, core = await recorded(snapshot_at=100)
    again = (await recover(ZoneEngine(the_site()), journal, code_version())).result()
    assert 100 <= again.from_position < 105
    assert again.core.digest == core.digest
    assert again.core.position == core.position == len(a_history())
    assert again.difference is None
    assert again.set_aside == {3}
    engine = ZoneEngine(the_site())
    assert engine.state_digest(again.core.state) == engine.state_digest(core.state)
    last = [applied.position for applied in again.tail]
    assert last == list(range(core.position - len(last) + 1, core.position + 1))
    assert len(last) == TAIL_KEPT


async def test_a_picture_is_the_state_as_it_was_when_it_was_taken() -> None:
    engine = ZoneEngine(the_site())
    core = DispatchCore(engine)
    for event in a_history()[:150]:
        core.apply(event)
    dumped = engine.dump_state(core.state)
    picture = Picture(core, {3})
    for event in a_history()[150:]:
        core.apply(event)
    assert engine.dump_state(core.state) != dumped
    payload, digest = await picture.written()
    assert len(payload) < len(dumped) / 3
    restored = core_of_snapshot(engine, Snapshot(150, payload, digest, code_version()))
    assert engine.dump_state(restored.core.state) == dumped
    assert restored.set_aside == {3}
    # A state with nothing in it, too.
    empty = engine.load_state(b"".join(engine.picture(engine.new_state())))
    assert engine.dump_state(empty) == engine.dump_state(engine.new_state())


def test_nothing_within_a_trip_is_changed_in_place() -> None:
    # A picture holds its parts, and writes them later.
    seen: set[object] = set()
    waiting: list[object] = [hint for _, hint in sorted(get_type_hints(TripRecord).items())]
    while waiting:
        kind = waiting.pop()
        if kind in seen or kind is Ellipsis:
            continue
        seen.add(kind)
        if get_args(kind):
            assert get_origin(kind) in (tuple, Union, UnionType), kind
            waiting += get_args(kind)
        elif isinstance(kind, NewType):
            waiting.append(kind.__supertype__)
        elif is_dataclass(kind):
            assert kind.__dataclass_params__.frozen, kind
            waiting += get_type_hints(kind).values()
        else:
            assert isinstance(kind, type), kind
            assert issubclass(kind, int | float | str | NoneType), kind
    assert {RideRequest, Promise, Offer} <= seen


async def test_a_snapshot_of_code_that_wrote_less_is_taken_up() -> None:
    _, core = await recorded()
    engine = ZoneEngine(the_site())
    head, _, body = snapshot_payload(core, set()).partition(b"\n")
    state = json.loads(body)
    del state["commands"]
    less = json.dumps(state, separators=(",", ":")).encode()
    snapshot = Snapshot(
        core.position, head + b"\n" + less, hashlib.sha256(less).hexdigest(), "earlier"
    )
    assert core_of_snapshot(engine, snapshot).core.digest == core.digest


async def test_a_damaged_snapshot_is_not_believed() -> None:
    journal, core = await recorded()
    engine = ZoneEngine(the_site())
    good = snapshot_payload(core, set())
    for broken in (good[:-40], good.replace(b'"now_s":', b'"now_s":1'), b"", b"{}\n{}"):
        damaged = MemoryJournal()
        damaged._records = journal._records
        await damaged.save_snapshot(
            core.position, broken, engine.state_digest(core.state), code_version()
        )
        again = (await recover(ZoneEngine(the_site()), damaged, code_version())).result()
        assert again.from_position == 0
        assert again.core.digest == core.digest


def test_the_order_of_the_stops_is_told_apart() -> None:
    zone = the_site().zone
    turned = replace(zone, stops=tuple(reversed(zone.stops)))
    digest = ZoneEngine(the_site()).stops_digest()
    assert digest == ZoneEngine(replace(the_site(), zone=replace(zone, id="other"))).stops_digest()
    assert digest != ZoneEngine(replace(the_site(), zone=turned)).stops_digest()


async def test_a_replay_decides_the_same() -> None:
    journal, core = await recorded()
    records = [record async for record in journal.read()]
    result = replay(ZoneEngine(the_site()), records, final_digest=core.digest)
    assert result.same
    assert result.compared == result.events == len(a_history())


async def test_another_rule_is_another_history() -> None:
    journal, core = await recorded()
    site = the_site()
    other = Site(site.zone, site.streets, ServiceRules(window_after_s=180))
    records = [record async for record in journal.read()]
    result = replay(ZoneEngine(other), records, final_digest=core.digest)
    first_request = next(
        position
        for position, event in enumerate(a_history(), start=1)
        if type(event).__name__ == "RequestSubmitted"
    )
    assert result.difference is not None
    assert result.difference.first <= first_request <= result.difference.last


async def test_a_change_of_rules_within_a_journal_is_replayed_as_it_was() -> None:
    site, other = the_site(), ServiceRules(window_after_s=180, guard_s=30)
    engine = ZoneEngine(site)
    later = Ground(rules_text(other), engine.zone_digest())
    core, journal = DispatchCore(engine), MemoryJournal()
    epoch = await journal.begin_epoch("test")

    async def write(payload: JournalPayload) -> None:
        entries = [Entry(encode_payload(payload))]
        await journal.append(entries, epoch=epoch, expected_position=core.position)

    for number, event in enumerate(a_history()):
        if number == 100:
            await write(ZoneRecord(later.rules, later.zone, core.digest))
            core.move_to(later)
        await write(EventRecord(event, core.digest))
        core.apply(event)
        if number == 150:
            digest, payload = engine.state_digest(core.state), snapshot_payload(core, set())
            await journal.save_snapshot(core.position, payload, digest, code_version())
    assert core.state.site.rules == other
    records = [record async for record in journal.read()]
    assert replay(engine, records, final_digest=core.digest).same
    again = (await recover(engine, journal, code_version())).result()
    assert again.from_position == 152
    assert again.core.digest == core.digest
    assert again.core.state.site.rules == other
    assert again.difference is None
    # Without the mark they are other decisions, so it is what makes the difference.
    unmarked, _ = await recorded()
    plain = [record async for record in unmarked.read()]
    assert replay(engine, plain).digest != core.digest


def test_what_is_decided_by_tells_zones_apart_and_names_do_not() -> None:
    zone = the_site().zone
    digest = ZoneEngine(the_site()).zone_digest()

    def digest_of(**changed: Any) -> str:
        return ZoneEngine(replace(the_site(), zone=replace(zone, **changed))).zone_digest()

    assert digest_of(names={"en": "Elsewhere"}, attribution="me") == digest
    assert digest_of(closes_s=zone.closes_s - 1) != digest
    longer = replace(zone.edges[0], length_m=zone.edges[0].length_m + 1)
    assert digest_of(edges=(longer, *zone.edges[1:])) != digest


async def test_the_zone_engine_finds_requests_statuses_and_plans() -> None:
    _, core = await recorded()
    engine = ZoneEngine(the_site())
    statuses = engine.list_statuses(core.state)
    assert len(statuses) == sum(type(e).__name__ == "RequestSubmitted" for e in a_history())
    for status in statuses:
        found = engine.find_request(core.state, status.rider_id, status.request_id)
        assert found is not None
        assert found[0].trip_id == status.trip_id
        assert found[1] == status
    plans = engine.list_plans(core.state)
    assert {plan.shuttle_id for plan in plans} <= set(core.state.shuttles)
    assert plans


def test_the_warm_up_goes_the_whole_way_to_a_promise() -> None:
    assert ZoneEngine(the_site()).warm_up()


@pytest.mark.parametrize("spoilt", [None, 150])
async def test_the_command_in_another_process_with_another_hash_seed(
    tmp_path: Path, spoilt: int | None
) -> None:
    journal, _ = await recorded(spoilt=spoilt)
    file = tmp_path / "journal.jsonl"
    await export_journal(journal, file, zone="sejong-5-1")
    command = [sys.executable, "-c", "from dispatcher.cli import main; main()", "replay", str(file)]
    done = subprocess.run(  # noqa: ASYNC221 - nothing else runs on this loop
        command,
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    if spoilt is None:
        assert "every decision is the same" in done.stdout
        assert done.returncode == 0
    else:
        assert "the decisions first differ at event" in done.stdout
        assert done.returncode == 1


def test_replay_of_no_journal(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    file.write_text("not a journal\n")
    ended = CliRunner().invoke(app, ["replay", str(file)])
    assert ended.exit_code == 4
    assert "line 1" in ended.output
    # Neither a file nor a store's address.
    assert CliRunner().invoke(app, ["replay", str(tmp_path / "none")]).exit_code == 2
    assert CliRunner().invoke(app, ["replay", str(file), "--zone", "nowhere"]).exit_code == 2
