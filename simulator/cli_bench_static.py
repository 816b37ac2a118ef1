"""``ringmaster bench static``: static instances, gaps over CPU time, OR-Tools beside."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli_exits import EXIT_DIFFERENT, EXIT_SETTINGS, fail
from simulator.cli_options import file_to_write, table_console

if TYPE_CHECKING:
    from rich.table import Table

    from simulator.bench_static import StaticRow
    from simulator.best_known import BestKnown


def bench_static(
    data: Annotated[list[Path], typer.Option(help="An instance, or a folder of them; repeatable.")],
    bks: Annotated[
        list[Path] | None,
        typer.Option(help="Best known values; else the bks.csv in, above and below --data."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.5, help="CPU seconds of search for each instance.")
    ] = 60.0,
    marks: Annotated[str, typer.Option(help="CPU seconds at which gaps are taken.")] = "10,30,60",
    seed: Annotated[int, typer.Option(min=0, help="Of all chance.")] = 1,
    end_battery: Annotated[
        str, typer.Option(help="Shares of the battery left at the end, for electric fleets.")
    ] = "0.1,0.4,0.7",
    with_ortools: Annotated[
        bool, typer.Option(help="Have plain OR-Tools solve the same with the same CPU time.")
    ] = False,
    ortools_from: Annotated[
        Path | None, typer.Option(help="Take OR-Tools' solutions from a former run's JSON file.")
    ] = None,
    stop_at_best_known: Annotated[
        bool, typer.Option(help="End at any best known value, not only at a proven one.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Instances at a time.")] = 1,
    out: Annotated[Path | None, typer.Option(help="JSON file to write, after each row.")] = None,
) -> None:
    """Gaps to best known values of static instances, every solution judged independently.

    Each search has a process of its own and so much CPU time, whatever else the machine does.
    Ends with 1 if the checker rejects a solution.
    """
    from dispatcher.planning.instances import InstanceError
    from simulator.bench_static import (
        StaticSettings,
        list_cases,
        measure_all,
        read_ortools,
        row_dict,
    )
    from simulator.best_known import BestKnownError, read_best_known
    from simulator.static_figures import group_figures
    from simulator.static_watch import SearchFailedError

    file_to_write(out)
    marks_s = _numbers("--marks", marks, 86_400)
    settings = StaticSettings(seconds, marks_s, seed, stop_at_best_known)
    try:
        known: dict[tuple[str, float | None], BestKnown] = {}
        for table in bks or _tables_near(data):
            known.update(read_best_known(table))
        cases = list_cases(data, known, _numbers("--end-battery", end_battery, 1))
        former = read_ortools(ortools_from) if ortools_from else {}
    except (InstanceError, BestKnownError, ValueError) as error:
        fail(str(error), EXIT_SETTINGS)
    console = table_console()
    rows: list[StaticRow] = []

    def keep(row: "StaticRow") -> None:
        if row.ortools is None and not row.case.electric:
            row = replace(row, ortools=former.get(row.case.path.stem))
        rows.append(row)
        console.print(_line(row, marks_s), markup=False, highlight=False, soft_wrap=True)
        if out is not None:
            answer = {
                "settings": asdict(settings),
                "groups": [asdict(g) for g in group_figures(rows, marks_s)],
                "rows": [row_dict(r) for r in rows],
            }
            out.write_text(json.dumps(answer) + "\n", "utf-8")

    try:
        measure_all(cases, settings, with_ortools=with_ortools, jobs=jobs, on_row=keep)
    except SearchFailedError as error:
        fail(str(error), EXIT_SETTINGS)
    console.print(_groups_table(rows, marks_s))
    if any(row.broken for row in rows):
        raise typer.Exit(EXIT_DIFFERENT)


def _numbers(option: str, text: str, most: float) -> tuple[float, ...]:
    try:
        numbers = tuple(sorted(float(word) for word in text.split(",")))
    except ValueError:
        numbers = ()
    if not numbers or not all(0 <= number <= most for number in numbers):
        fail(
            f"{option}: numbers from 0 to {most:g} with commas between, not {text!r}", EXIT_SETTINGS
        )
    return numbers


def _tables_near(data: Sequence[Path]) -> list[Path]:
    """Every bks.csv below the folders named, in them, and in the two folders above."""
    found: dict[Path, None] = {}
    for place in data:
        near = [place, *place.resolve().parents[:2]]
        for table in [*(folder / "bks.csv" for folder in near), *sorted(place.rglob("bks.csv"))]:
            if table.is_file():
                found[table.resolve()] = None
    return list(found)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f} %"


def _line(row: "StaticRow", marks_s: Sequence[float]) -> str:
    """One instance in one line, printed as soon as it is there."""
    from simulator.bench_static import last_by
    from simulator.static_figures import gap

    best = row.case.best_known
    words = [f"{row.case.group:20} {row.case.name:14}"]
    words.append(f"best known {best.cost:.2f}{' (proven)' if best.proven else ''}" if best else "")
    for mark_s in marks_s:
        found = row.at(mark_s)
        cost = "none" if found is None else f"{found.cost:.2f}"
        words.append(f"{mark_s:g} s: {cost} {_percent(gap(row, found))}")
    last = row.at(marks_s[-1])
    if last is not None and best is not None and best.vehicles is not None:
        words.append(f"vehicles {last.vehicles} of {best.vehicles}")
    if row.first_s is not None:
        words.append(f"first {row.first_s:.2f} s")
    words.append("no solution" if not row.found else "REJECTED" if row.broken else "accepted")
    words += row.broken[:3]
    if last is not None and best is not None and best.beaten_by(last.cost, last.vehicles):
        words.append("NEW BEST KNOWN" if not best.proven else "BETTER THAN PROVEN")
    if row.ortools is not None:
        theirs = last_by(row.ortools, marks_s[-1])
        reached_s = row.ortools_reached_s()
        words.append(f"OR-Tools {_percent(gap(row, theirs)) if theirs else 'none'}")
        words.append(f"its cost after {reached_s:.2f} s" if reached_s is not None else "")
    return "  ".join(word for word in words if word)


def _groups_table(rows: Sequence["StaticRow"], marks_s: Sequence[float]) -> "Table":
    from rich.table import Table

    from simulator.static_figures import group_figures

    table = Table(
        "group", "n", *(f"{mark_s:g} s" for mark_s in marks_s), "vehicles", "first s", "accepted",
        "OR-Tools", title="Gaps in %, mean / worst; vehicles: as few as best known",
    )  # fmt: skip
    for figures in group_figures(rows, marks_s):
        first_s, theirs = figures.slowest_first_s, figures.ortools_mean_gap
        unsolved = f", {figures.ortools_unsolved} none" if figures.ortools_unsolved else ""
        table.add_row(
            figures.group,
            str(figures.instances),
            *(
                "-" if mean is None or worst is None else f"{mean:.2f} / {worst:.2f}"
                for mean, worst in zip(figures.mean_gaps, figures.worst_gaps, strict=True)
            ),
            "-" if figures.vehicles_equal is None else str(figures.vehicles_equal),
            "-" if first_s is None else f"{first_s:.2f}",
            str(figures.accepted),
            ("-" if theirs is None else f"{theirs:.2f}") + unsolved,
        )
    return table
