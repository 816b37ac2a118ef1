"""Watching a search in a process of its own as it finds better and better solutions."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """A solution, and the CPU seconds of the process's search after which it was found."""

    cpu_s: float
    cost: float
    vehicles: int
    """In use."""
    routes: tuple[tuple[int, ...], ...]
    """By node number; a former run keeps them of its last solution only."""

    def as_dict(self, *, with_routes: bool) -> dict[str, Any]:
        """For a JSON file."""
        figures = {"cpu_s": round(self.cpu_s, 4), "cost": self.cost, "vehicles": self.vehicles}
        return {**figures, "routes": self.routes} if with_routes else figures


class SearchFailedError(RuntimeError):
    """The process ended otherwise than by its CPU time or by itself."""


def found_of(line: Mapping[str, Any]) -> Found:
    """The solution in one line of a search's report, or in a file of a former run."""
    routes = tuple(tuple(int(node) for node in route) for route in line.get("routes", ()))
    vehicles = int(line.get("vehicles", len(routes)))
    return Found(float(line["cpu_s"]), float(line["cost"]), vehicles, routes)


def trace_dicts(found: Sequence[Found]) -> list[dict[str, Any]]:
    """A search's solutions for a JSON file, with the routes of the last one."""
    return [f.as_dict(with_routes=f is found[-1]) for f in found]


def watch(
    module: str, arguments: Sequence[str], enough: Callable[[Found], bool]
) -> tuple[Found, ...]:
    """Run a module that reports solutions as lines of JSON; every one it found, in order.

    The module ends itself when its CPU time is used up; it is ended at once when a solution is
    ``enough``.

    Raises
    ------
    SearchFailedError
        It failed; the text is what it said.
    """
    command = [sys.executable, "-m", module, *arguments]
    found: list[Found] = []
    # Into a file: nobody reads it before the end, and a full pipe would stop the search.
    with (
        TemporaryFile("w+") as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            # The timer may end the process in the middle of a line.
            if not line.endswith("\n"):
                break
            found.append(found_of(json.loads(line)))
            if enough(found[-1]):
                process.terminate()
                break
        process.wait()
        complaints.seek(0)
        said = complaints.read()
    # It may end by itself, by the CPU timer, or because we said so.
    if process.returncode not in (0, -signal.SIGPROF, -signal.SIGTERM):
        raise SearchFailedError(
            said.strip().splitlines()[-1]
            if said.strip()
            else f"{module} ended with {process.returncode}"
        )
    return tuple(found)
