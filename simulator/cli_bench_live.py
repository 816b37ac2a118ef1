"""``ringmaster bench live``: how much it costs to show a moving fleet to many consoles."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail
from simulator.cli_options import JsonOption, ZoneOption, seconds

if TYPE_CHECKING:
    from simulator.load.run import Times
    from simulator.load.viewers import LiveFigures


def bench_live(
    broker: Annotated[str, typer.Option(help="mqtt://host:port")],
    redis: Annotated[str, typer.Option(help="redis://host:port/0, empty or of this zone.")],
    zone: ZoneOption = "sejong-5-1",
    shuttles: Annotated[int, typer.Option(min=1, max=1000)] = 500,
    state_every: Annotated[
        float, typer.Option(min=0.1, max=30.0, help="Seconds between two states of one shuttle.")
    ] = 1.0,
    viewers: Annotated[int, typer.Option(min=1, max=2000, help="Live streams of operators.")] = 200,
    for_: Annotated[str, typer.Option("--for", help="Without viewers, and again with.")] = "30s",
    keep: Annotated[
        Path | None, typer.Option(help="Folder for the processes' settings and logs.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """A dispatcher as a process of its own, its shuttles, and many consoles that watch them."""
    from simulator.load.processes import LoadError
    from simulator.load.viewers import LivePlan, run_live
    from simulator.separate import SeparateError

    plan = LivePlan(zone, broker, redis, shuttles, state_every, viewers, seconds(for_), keep)
    try:
        figures = run_live(plan, say=lambda text: typer.echo(text, err=True))
    except (LoadError, SeparateError) as error:
        fail(str(error), EXIT_SETTINGS)
    if as_json:
        typer.echo(json.dumps(figures.to_json()))
    else:
        _show(figures)


def _show(figures: "LiveFigures") -> None:
    typer.echo(
        f"{figures.shuttles} shuttles, {figures.viewers} consoles, {figures.seconds:.0f} s\n"
        f"dispatcher, cores      {figures.cores_alone:.2f} alone, "
        f"{figures.cores_watched:.2f} watched\n"
        f"telemetry to console   {_in_short(figures.delay)} (p50/p95/p99/max ms)\n"
        f"first snapshot         {_in_short(figures.snapshot)}\n"
        f"rows to one console    {figures.rows_per_s:.0f} a second\n"
        f"sent to all            {figures.sent_mb_per_s:.1f} MB a second\n"
        f"loop lag p99           {figures.lag_p99_ms} ms\n"
        f"streams still open     {figures.streams_open}"
    )


def _in_short(times: "Times") -> str:
    parts = (times.p50_ms, times.p95_ms, times.p99_ms, times.max_ms)
    return "/".join("-" if part is None else f"{part:.0f}" for part in parts)
