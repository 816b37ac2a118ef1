"""Static instances measured: gaps to the best known values over CPU time, beside OR-Tools."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatcher.planning.instances import InstanceError, read_instance
from dispatcher.planning.static_checker import judge
from simulator.best_known import BestKnown, BestKnownTable
from simulator.static_watch import Found, found_of, trace_dicts, watch


@dataclass(frozen=True, slots=True)
class StaticCase:
    """An instance to be solved and what is known of it."""

    path: Path
    group: str
    """Instances whose figures are put together."""
    end_battery: float | None
    best_known: BestKnown | None
    electric: bool = False

    @property
    def name(self) -> str:
        """As printed."""
        if self.end_battery is None:
            return self.path.stem
        return f"{self.path.stem} {self.end_battery:g}"


@dataclass(frozen=True, slots=True)
class StaticSettings:
    """How everything is measured."""

    seconds: float
    """Of CPU, of the searching process."""
    marks_s: tuple[float, ...]
    seed: int = 1
    stop_at_best_known: bool = False
    """End a search at any best known value, not only at a proven one."""


@dataclass(frozen=True, slots=True)
class StaticRow:
    """What came of one case."""

    case: StaticCase
    found: tuple[Found, ...]
    ortools: tuple[Found, ...] | None
    """``None``: not measured. Empty: no complete solution."""
    broken: tuple[str, ...]
    """What the independent checker has against the last solution."""

    def at(self, mark_s: float) -> Found | None:
        """The best solution after so many CPU seconds; an early end carries forward."""
        return last_by(self.found, mark_s)

    @property
    def first_s(self) -> float | None:
        """When the first complete solution was found."""
        return self.found[0].cpu_s if self.found else None

    def ortools_reached_s(self) -> float | None:
        """When our solution was as good as OR-Tools' last one."""
        if not self.ortools:
            return None
        goal = self.ortools[-1]
        return next((f.cpu_s for f in self.found if _no_worse(self.case, f, goal)), None)


def last_by(found: Sequence[Found], mark_s: float) -> Found | None:
    """The last solution found by then."""
    return next((f for f in reversed(found) if f.cpu_s <= mark_s), None)


def _no_worse(case: StaticCase, a: Found, b: Found) -> bool:
    fewest = case.best_known is not None and case.best_known.vehicles is not None
    return ((a.vehicles if fewest else 0), a.cost - 1e-6) <= ((b.vehicles if fewest else 0), b.cost)


def list_cases(
    where: Iterable[Path], known: BestKnownTable, end_batteries: Sequence[float]
) -> list[StaticCase]:
    """Every instance in files and folders, in order of name; electric ones for each end battery.

    Raises
    ------
    InstanceError
        A file named is no instance, or a folder has none.
    """
    cases = []
    for place in where:
        files = sorted(place.rglob("*.txt"), key=_by_number) if place.is_dir() else [place]
        found = []
        for path in files:
            try:
                instance = read_instance(path)
            except InstanceError:
                # A folder may hold notes and solutions, too.
                if place.is_dir():
                    continue
                raise
            ends = end_batteries if instance.stations else (None,)
            for end in ends:
                best = known.get((path.stem, end))
                group = path.parent.name if end is None else f"electric {end:g}"
                found.append(StaticCase(path, group, end, best, bool(instance.stations)))
        if not found:
            raise InstanceError(f"{place}: no instances")
        cases += found
    return sorted(cases, key=lambda case: case.group)


def _by_number(path: Path) -> tuple[str, ...]:
    """Sorts a2-16 before a10-100."""
    return tuple(part.zfill(4) for part in path.stem.replace("_", "-").split("-"))


def measure(case: StaticCase, settings: StaticSettings, *, with_ortools: bool) -> StaticRow:
    """Solve one case, and have OR-Tools solve it, each in its own process.

    Raises
    ------
    SearchFailedError
        A search failed.
    """
    enough = _enough(case, settings)
    end = "0" if case.end_battery is None else str(case.end_battery)
    found = watch(
        "dispatcher.planning.static_run",
        [str(case.path), str(settings.seconds), str(settings.seed), end],
        enough,
    )
    broken: tuple[str, ...] = ()
    if found:
        broken = judged(case, found[-1])
    ortools = None
    # OR-Tools' routing knows neither partial charging nor a price on excess rides.
    if with_ortools and not case.electric:
        ortools = measure_ortools(case, settings)
    return StaticRow(case, found, ortools, broken)


def measure_ortools(case: StaticCase, settings: StaticSettings) -> tuple[Found, ...]:
    """What OR-Tools finds: of its best settings, each with the full time, the better at any moment.

    Raises
    ------
    SearchFailedError
        A search failed.
    """
    # Here, so that nothing else waits for OR-Tools to be loaded.
    from dispatcher.planning.ortools_yardstick import settings_for

    traces = [
        watch(
            "dispatcher.planning.ortools_yardstick",
            [str(case.path), str(settings.seconds), setting],
            _enough(case, settings),
        )
        for setting in settings_for(read_instance(case.path))
    ]
    return best_of(traces)


def best_of(traces: Sequence[tuple[Found, ...]]) -> tuple[Found, ...]:
    """Several searches as one that at any time has the cheapest solution of them all.

    A single one is left as it is: where vehicles come first, later solutions may cost more.
    """
    if len(traces) == 1:
        return traces[0]
    best: list[Found] = []
    for found in sorted((f for trace in traces for f in trace), key=lambda f: f.cpu_s):
        if not best or found.cost < best[-1].cost:
            best.append(found)
    return tuple(best)


def judged(case: StaticCase, found: Found) -> tuple[str, ...]:
    """What the independent checker has against a solution, a cost said too low included.

    It may know of a cheaper way to drive the same routes, by other vehicles or to other
    destinations: then the cost that was said can be kept all the same.
    """
    verdict = judge(case.path, found.routes, min_end_battery=case.end_battery or 0.0)
    if verdict.accepted and verdict.cost > found.cost + 1e-4:
        return (f"costs {verdict.cost:.6f}, not {found.cost:.6f}",)
    return verdict.broken


def _enough(case: StaticCase, settings: StaticSettings) -> Callable[[Found], bool]:
    best = case.best_known

    def enough(found: Found) -> bool:
        if best is None or not (best.proven or settings.stop_at_best_known):
            return False
        return best.reached_by(found.cost, found.vehicles)

    return enough


def measure_all(
    cases: Sequence[StaticCase],
    settings: StaticSettings,
    *,
    with_ortools: bool,
    jobs: int,
    on_row: Callable[[StaticRow], None],
) -> list[StaticRow]:
    """Measure every case, ``jobs`` at a time; ``on_row`` hears of each in the order of the cases.

    Raises
    ------
    SearchFailedError
        A search failed.
    """
    rows = []
    with ThreadPoolExecutor(jobs) as threads:
        for row in threads.map(
            lambda case: measure(case, settings, with_ortools=with_ortools), cases
        ):
            rows.append(row)
            on_row(row)
    return rows


def row_dict(row: StaticRow) -> dict[str, Any]:
    """One row for the JSON file: the trace of costs, and the routes of the last solution."""
    best = row.case.best_known
    return {
        "instance": row.case.path.stem,
        "group": row.case.group,
        "end_battery": row.case.end_battery,
        "best_known_cost": best.cost if best else None,
        "best_known_vehicles": best.vehicles if best else None,
        "proven": best.proven if best else None,
        "broken": row.broken,
        "found": trace_dicts(row.found),
        "ortools": None if row.ortools is None else trace_dicts(row.ortools),
    }


def read_ortools(path: Path) -> dict[str, tuple[Found, ...]]:
    """OR-Tools' solutions by instance, from the JSON file of a former run.

    Raises
    ------
    ValueError
        The file is none.
    """
    try:
        rows = json.loads(path.read_text("utf-8"))["rows"]
        return {
            row["instance"]: tuple(found_of(f) for f in row["ortools"])
            for row in rows
            if row["ortools"] is not None
        }
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: not the file of a former run with OR-Tools: {error!r}"
        ) from error
