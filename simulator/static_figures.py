"""The figures of a static run: per instance, and together by group."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.bench_static import StaticRow, last_by
from simulator.static_watch import Found


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group of instances together; gaps in per cent, one per mark."""

    group: str
    instances: int
    mean_gaps: tuple[float | None, ...]
    """Over instances with a value known and, where they count, equal vehicles."""
    worst_gaps: tuple[float | None, ...]
    vehicles_equal: int | None
    """Instances with the best known number of vehicles or fewer at the last mark."""
    slowest_first_s: float | None
    """Of the instances' first complete solutions the latest; ``None`` if one has none."""
    accepted: int
    """Last solutions that the independent checker accepts."""
    ortools_mean_gap: float | None
    """At the last mark; over the instances for which it has a complete solution."""
    ortools_unsolved: int


def gap(row: StaticRow, found: Found | None) -> float | None:
    """Per cent above the best known cost; ``None`` where the two cannot be compared."""
    best = row.case.best_known
    if best is None or found is None:
        return None
    if best.vehicles is not None and best.vehicles != found.vehicles:
        return None
    return best.gap_pct(found.cost)


def group_figures(rows: Sequence[StaticRow], marks_s: Sequence[float]) -> list[GroupFigures]:
    """Figures of each group, in order of appearance."""
    groups = list(dict.fromkeys(row.case.group for row in rows))
    return [
        _group(name, [row for row in rows if row.case.group == name], marks_s) for name in groups
    ]


def _group(name: str, rows: list[StaticRow], marks_s: Sequence[float]) -> GroupFigures:
    gaps = [[g for row in rows if (g := gap(row, row.at(m))) is not None] for m in marks_s]
    firsts = [row.first_s for row in rows]
    fewest = [row for row in rows if row.case.best_known and row.case.best_known.vehicles]
    asked = [row for row in rows if row.ortools is not None]
    theirs = [
        g for row in asked if (g := gap(row, last_by(row.ortools or (), marks_s[-1]))) is not None
    ]
    return GroupFigures(
        group=name,
        instances=len(rows),
        mean_gaps=tuple(sum(g) / len(g) if g else None for g in gaps),
        worst_gaps=tuple(max(g, default=None) for g in gaps),
        vehicles_equal=sum(map(_few_enough, fewest, [marks_s[-1]] * len(fewest)))
        if fewest
        else None,
        slowest_first_s=None if None in firsts else max(s for s in firsts if s is not None),
        accepted=sum(1 for row in rows if row.found and not row.broken),
        ortools_mean_gap=sum(theirs) / len(theirs) if theirs else None,
        ortools_unsolved=sum(1 for row in asked if not row.ortools),
    )


def _few_enough(row: StaticRow, mark_s: float) -> bool:
    best, found = row.case.best_known, row.at(mark_s)
    if best is None or best.vehicles is None or found is None:
        return False
    return found.vehicles <= best.vehicles
