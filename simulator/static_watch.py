"""Watching a search in a process of its own as it finds better and better solutions."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """A solution, and the CPU seconds of the process's search after which it was found."""

    cpu_s: float
    cost: float
    routes: tuple[tuple[int, ...], ...]

    @property
    def vehicles(self) -> int:
        """Vehicles in use."""
        return len(self.routes)

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {"cpu_s": round(self.cpu_s, 4), "cost": self.cost, "routes": self.routes}


class SearchFailedError(RuntimeError):
    """The process ended otherwise than by its CPU time or by itself."""


def found_of(line: dict[str, Any]) -> Found:
    """The solution in one line of a search's report."""
    return Found(float(line["cpu_s"]), float(line["cost"]), tuple(tuple(r) for r in line["routes"]))


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
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            # The timer may end the process in the middle of a line.
            if not line.endswith("\n"):
                break
            found.append(found_of(json.loads(line)))
            if enough(found[-1]):
                process.terminate()
                break
        said = process.stderr.read()
    # Negative: ended by a signal, that is by the CPU timer or by us.
    if process.returncode > 0:
        raise SearchFailedError(said.strip().splitlines()[-1] if said.strip() else module)
    return tuple(found)
