"""Records a short journal of this version, to be replayed by all later ones.

    PYTHONPATH=.:tests python tests/replay/record.py 0.1.0

Once for each release, and never changed afterwards: it stands for the journals that are in
use. It is made on a street of the tests' own, which does not change with the built-in zone.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Final

from engine_world import START_S, EngineWorld
from sketched_service import a_street

from dispatcher.codec import EventRecord, SealRecord, ZoneRecord, encode_payload
from dispatcher.core import DispatchCore, Ground
from dispatcher.domain.events import EpochBegan, Event
from dispatcher.journal import Entry, MemoryJournal, export_journal
from dispatcher.snapshots import code_version, snapshot_payload
from dispatcher.zone_engine import ZoneEngine

RECORDED: Final = Path(__file__).parent / "recorded"
SEED: Final = 20261128
BATCH: Final = 3


def a_history() -> list[Event]:
    """Twelve minutes with three shuttles, and a rider about every twenty seconds."""
    world = EngineWorld(a_street(), SEED, judge=False)
    world.submit(EpochBegan(world.now_s, 1))
    for stop in range(3):
        world.add_car(stop)
    for second in range(0, 720, 20):
        world.at(START_S + second + world.rng.randrange(20), world.a_rider)
    world.run_until(START_S + 720)
    return list(world.journal)


async def record(release: str) -> None:
    """Write the journal, the snapshot taken in its middle, and what is known of both."""
    engine = ZoneEngine(a_street())
    core, journal = DispatchCore(engine), MemoryJournal()
    epoch = await journal.begin_epoch("recorded")

    async def append(*payloads: bytes) -> None:
        entries = [Entry(payload, f"#1/{core.position + n}") for n, payload in enumerate(payloads)]
        await journal.append(entries, epoch=epoch, expected_position=core.position)

    ground = Ground(engine.rules(), engine.zone_digest())
    await append(encode_payload(ZoneRecord(ground.rules, ground.zone, core.digest)))
    core.move_to(ground)
    history = a_history()
    for first in range(0, len(history), BATCH):
        batch = history[first : first + BATCH]
        await append(*(encode_payload(EventRecord(event, core.digest)) for event in batch))
        for event in batch:
            core.apply(event)
        if first <= len(history) // 2 < first + BATCH:
            snapshot = snapshot_payload(core, set())
            about = {
                "release": release,
                "code_version": code_version(),
                "snapshot_position": core.position,
                "snapshot_hash": engine.state_digest(core.state),
            }
    await append(encode_payload(SealRecord(core.digest)))
    core.skip()
    RECORDED.mkdir(exist_ok=True)
    await export_journal(journal, RECORDED / f"{release}.jsonl", zone=a_street().zone.id)
    (RECORDED / f"{release}.snapshot").write_bytes(snapshot)
    (RECORDED / f"{release}.json").write_text(json.dumps(about, indent=2) + "\n")
    print(f"{core.position} records of release {release}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("release")
    asyncio.run(record(arguments.parse_args().release))
