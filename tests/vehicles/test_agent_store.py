"""What a shuttle keeps is on the disk before it acts, and whole whenever it is read."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_agent import TWO, Ride

from vehicles.agent_memory import AgentMemory
from vehicles.agent_store import MemoryFile, MemoryFileError

_WRITER = """
import sys
from pathlib import Path
from vehicles.agent_memory import AgentMemory
from vehicles.agent_store import MemoryFile

file = MemoryFile(Path(sys.argv[1]))
for number in range(1_000_000):
    file.keep(AgentMemory(order_id="o" * 20_000, order_update_id=number))
    print(number, flush=True)
"""


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path / "S001.json")
    assert file.load(AgentMemory) is None
    ride = Ride({"ana": 0})
    ride.order(0, TWO)
    ride.run(0, 20)
    file.keep(ride.agent.memory)
    assert file.load(AgentMemory) == ride.agent.memory


def test_a_failure_while_keeping_leaves_the_memory_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = MemoryFile(tmp_path / "S001.json")
    file.keep(AgentMemory(order_id="o1"))

    def full(number: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        file.keep(AgentMemory(order_id="o2"))
    kept = file.load(AgentMemory)
    assert kept is not None
    assert kept.order_id == "o1"


def test_the_content_and_the_name_are_on_the_disk_before_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(number: int) -> None:
        order.append("folder" if os.path.isdir(f"/proc/self/fd/{number}") else "file")
        fsync(number)

    def noted_replace(path: Path, target: Path) -> Path:
        order.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    MemoryFile(tmp_path / "S001.json").keep(AgentMemory())
    assert order == ["file", "rename", "folder"]


def test_rubbish_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "S001.json"
    path.write_text('{"order_id": "o1", "aboa')
    with pytest.raises(MemoryFileError, match=r"S001\.json is no shuttle's memory"):
        MemoryFile(path).load(AgentMemory)


def test_a_process_killed_at_any_moment_has_kept_what_it_said(tmp_path: Path) -> None:
    path = tmp_path / "S001.json"
    for lines in (1, 40, 111):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            said = [int(writer.stdout.readline()) for _ in range(lines)]
            writer.send_signal(signal.SIGKILL)
        kept = MemoryFile(path).load(AgentMemory)
        assert kept is not None
        assert kept.order_update_id >= said[-1]
