"""``ringmaster bench speed``: how fast requests are answered."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.cli_options import JsonOption, table_console


def bench_speed(
    whole: Annotated[
        bool, typer.Option(help="Also a whole dispatcher at scale, in virtual time.")
    ] = False,
    shuttles: Annotated[int, typer.Option(min=1, help="Of the whole dispatcher.")] = 1000,
    riders_per_hour: Annotated[float, typer.Option(min=1, help="Of the same.")] = 12_000.0,
    minutes: Annotated[float, typer.Option(min=1, help="Of the same.")] = 30.0,
    out: Annotated[Path | None, typer.Option(help="JSON file to write.")] = None,
    as_json: JsonOption = False,
) -> None:
    """One request's answer with every shuttle considered, in milliseconds of CPU time."""
    from rich.table import Table

    from dispatcher.planning.bench import speed_table
    from simulator.bench_dispatch import dispatch_row
    from simulator.bench_offers import offer_table

    found: dict[str, list[dict[str, Any]]] = {}
    if whole:  # first, so that its memory is its own
        found["dispatcher"] = [asdict(dispatch_row(shuttles, riders_per_hour, minutes))]
    found["search"] = [asdict(row) for row in speed_table()]
    found["whole_offer"] = [asdict(row) for row in offer_table()]
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n")
    if as_json:
        typer.echo(json.dumps(found))
        return
    console = table_console()
    titles = {
        "search": "The search alone",
        "whole_offer": "A whole request",
        "dispatcher": "A whole dispatcher",
    }
    for part, rows in found.items():
        table = Table(*rows[0], title=titles[part])
        for row in rows:
            table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))
        console.print(table)
