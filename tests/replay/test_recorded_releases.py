"""Journals of every release are read and decided again, by this version, in any process."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from replayed import replayed
from sketched_service import a_street

import dispatcher
from dispatcher.codec import EventRecord, SealRecord, ZoneRecord, decode_payload
from dispatcher.journal import MemoryJournal, import_journal, read_journal_file
from dispatcher.recovery import recover
from dispatcher.snapshots import code_version
from dispatcher.zone_engine import ZoneEngine

RECORDED = Path(__file__).parent / "recorded"
JOURNALS = sorted(RECORDED.glob("*.jsonl"))
every_release = pytest.mark.parametrize("file", JOURNALS, ids=lambda file: file.stem)


def about(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.with_suffix(".json").read_text())
    return found


def test_there_are_recordings() -> None:
    assert JOURNALS


@every_release
def test_every_record_can_be_read(file: Path) -> None:
    payloads = [decode_payload(record.payload) for record in read_journal_file(file)]
    assert isinstance(payloads[0], ZoneRecord)
    assert isinstance(payloads[-1], SealRecord)
    kinds = Counter(type(p.event).__name__ for p in payloads if isinstance(p, EventRecord))
    # Worth reading: the whole way of several trips, and shuttles that report.
    for kind in ("RequestSubmitted", "RiderBoarded", "RiderAlighted", "VisitCompleted"):
        assert kinds[kind] >= 5, kinds


@every_release
def test_nothing_in_it_fails(file: Path) -> None:
    result = replayed(file)
    assert result.set_aside == ()
    assert result.events > 200
    if about(file)["code_version"] == code_version():
        # The code that decides is still the one that recorded it.
        assert result.same


@every_release
def test_another_process_with_another_hash_seed_decides_the_same(file: Path) -> None:
    root = Path(dispatcher.__file__).parent.parent
    paths = os.pathsep.join((str(root), str(root / "tests")))
    script = Path(__file__).with_name("replayed.py")
    outputs = [
        subprocess.run(
            [sys.executable, str(script), str(file)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "4711")
    ]
    here = replayed(file)
    assert [output[:2] for output in outputs] == [[here.digest, str(here.events)]] * 2
    # They did hash differently.
    assert outputs[0][2] != outputs[1][2]


@every_release
async def test_its_snapshot_is_taken_up_where_it_was_saved(file: Path) -> None:
    """By the code that saved it; other code decides from the beginning."""
    known = about(file)
    is_same_code = known["code_version"] == code_version()
    journal = MemoryJournal()
    await import_journal(file, journal)
    await journal.save_snapshot(
        known["snapshot_position"],
        file.with_suffix(".snapshot").read_bytes(),
        known["snapshot_hash"],
        known["code_version"],
    )
    recovered = (await recover(ZoneEngine(a_street()), journal, code_version())).result()
    assert recovered.from_position == (known["snapshot_position"] if is_same_code else 0)
    assert recovered.set_aside == set()
    if is_same_code:
        assert recovered.core.digest == replayed(file).digest
