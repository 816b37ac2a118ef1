"""The operators' table names every queue with its bound, and every queue is in it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from test_serving import the_site

from dispatcher.bootstrap import build
from dispatcher.config import Settings
from dispatcher.journal import MemoryJournal
from dispatcher.queue_readings import QUEUES, Queue, queue_readings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text("utf-8")

# What holds things that wait, wherever the shell makes one.
KINDS = {"deque", "Queue", "LatestByKey", "Inbox", "Backlog", "FairIntake", "FairQueues"}
KINDS |= {"QueuedIntake"}
# Held in memory, and nothing waits in it to be worked on.
NO_QUEUES = {
    "dispatcher.recovery:_tail": "what a replay decided last",
    "dispatcher.telemetry.lag:_recent": "a minute of measurements",
    "dispatcher.web.alerts:_kept": "the newest alerts, to be shown",
    "vehicles.durable_first:_sent": "what was sent last, to tell a repetition",
}


def rows() -> dict[str, list[str]]:
    """The cells of the table by the queue's name."""
    table = PAGE.split("## Queues\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("`| "): row for row in cells}


def shell_modules() -> Iterator[tuple[str, Path]]:
    """Where queues may be: what runs on the loop, and not what decides or plans."""
    paths = [
        *(ROOT / "dispatcher").glob("*.py"),
        *(ROOT / "dispatcher/riders").glob("*.py"),
        *(ROOT / "dispatcher/telemetry").glob("*.py"),
        *(ROOT / "dispatcher/web").glob("*.py"),
        ROOT / "vehicles/link.py",
        ROOT / "vehicles/fleet.py",
        ROOT / "vehicles/durable_first.py",
    ]
    for path in sorted(paths):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def made_in(module: str, path: Path) -> Iterator[str]:
    """``module:attribute`` of every queue that is kept in an attribute or a field."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            whole = target.value if isinstance(target, ast.Subscript) else target
            name = getattr(whole, "attr", getattr(whole, "id", ""))
            if any(_name_of(call) in KINDS for call in ast.walk(value)) and name:
                yield f"{module}:{name}"


def _name_of(node: ast.AST) -> str:
    """Of what is called, or given to be called as a field's default."""
    if isinstance(node, ast.Call):
        return getattr(node.func, "attr", getattr(node.func, "id", ""))
    if isinstance(node, ast.keyword) and node.arg == "default_factory":
        return getattr(node.value, "id", "")
    return ""


def test_the_table_has_a_row_for_every_queue_and_no_other() -> None:
    assert sorted(rows()) == sorted(queue.name for queue in QUEUES)
    for name, row in rows().items():
        assert len(row) == 5, name
        assert all(row[1:4]), f"{name} says what it holds, its bound and what happens then"


async def test_the_bounds_are_those_in_force() -> None:
    dispatcher = build(Settings(), the_site(), MemoryJournal())
    for queue in QUEUES:
        bound = rows()[queue.name][2]
        assert f"`{queue.bounded_by}`" in bound
        number = re.search(r": (\d+)", bound)
        assert number is not None, queue.name
        assert int(number[1]) == queue.bound(dispatcher), queue.name
        assert queue.size(dispatcher) == 0, queue.name
    sizes, bounds = queue_readings(dispatcher)
    assert sizes.values().keys() == bounds.values().keys() == {q.name for q in QUEUES}


def test_every_queue_that_is_made_is_in_the_table() -> None:
    listed = {place for queue in QUEUES for place in queue.held_in} | NO_QUEUES.keys()
    made = {place for module, path in shell_modules() for place in made_in(module, path)}
    # A local name of a function is not kept: it goes with the call.
    kept = {place for place in made if place.rpartition(":")[2].startswith(("_", "waiting"))}
    assert sorted(kept - listed) == []
    assert {"dispatcher.riders.outbox:_documents", "dispatcher.backlog:_waiting"} <= kept


def test_names_are_told_once() -> None:
    names = [queue.name for queue in QUEUES]
    assert len(set(names)) == len(names)
    assert all(isinstance(queue, Queue) and queue.held_in for queue in QUEUES)
