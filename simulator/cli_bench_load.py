"""``ringmaster bench load``: a dispatcher with many shuttles and an open stream of riders."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail
from simulator.cli_options import JsonOption, SeedOption, ZoneOption, seconds, table_console

if TYPE_CHECKING:
    from simulator.load.run import LoadFigures, PhaseFigures, Times


def bench_load(
    broker: Annotated[str, typer.Option(help="mqtt://host:port")],
    redis: Annotated[str, typer.Option(help="redis://host:port/0, empty or of this zone.")],
    zone: ZoneOption = "sejong-5-1",
    shuttles: Annotated[int, typer.Option(min=1, max=1000)] = 200,
    state_every: Annotated[
        float, typer.Option(min=0.1, max=30.0, help="Seconds between two states of one shuttle.")
    ] = 1.0,
    requests_per_s: Annotated[float, typer.Option(min=0.0, max=1000.0)] = 20.0,
    warm_up: Annotated[
        str, typer.Option(help="Before anything counts; 0 leaves a phase out.")
    ] = "2m",
    for_: Annotated[str, typer.Option("--for", help="The steady phase.")] = "10m",
    burst: Annotated[str, typer.Option(help="Ten times as many requests for so long.")] = "60s",
    flood: Annotated[
        str, typer.Option(help="One shuttle sends 1,000 states a second for so long.")
    ] = "30s",
    seed: SeedOption = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for the processes' settings and logs.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """A dispatcher as a process of its own, under a load that does not wait for its answers."""
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.streets.zones import load_zone
    from simulator.load.processes import LoadError
    from simulator.load.run import LoadPlan, run_load
    from simulator.separate import SeparateError

    try:
        figures = run_load(
            LoadPlan(
                zone=load_zone(zone),
                zone_name=zone,
                broker_url=broker,
                store_url=redis,
                shuttles=shuttles,
                state_every_s=state_every,
                requests_per_s=requests_per_s,
                warm_up_s=_phase_s(warm_up),
                steady_s=_phase_s(for_),
                burst_s=_phase_s(burst),
                flood_s=_phase_s(flood),
                seed=seed,
                keep=keep,
            ),
            say=lambda text: typer.echo(text, err=True),
        )
    except (LoadError, SeparateError, ZoneFileError) as error:
        fail(str(error), EXIT_SETTINGS)
    if as_json:
        typer.echo(json.dumps(figures.to_json()))
    else:
        _show(figures)


def _phase_s(text: str) -> float:
    """As ``seconds``; 0 leaves the phase out."""
    return 0.0 if text in ("0", "0s") else seconds(text)


def _show(figures: "LoadFigures") -> None:
    from rich.table import Table

    table = Table(
        "",
        *(phase.phase for phase in figures.phases),
        title=f"{figures.shuttles} shuttles, a state every {figures.state_every_s:g} s; "
        "p50/p95/p99/max in ms",
    )
    for name, told in _ROWS.items():
        table.add_row(name, *(told(phase) for phase in figures.phases))
    console = table_console()
    console.print(table)
    if figures.normal_again_s is not None:
        console.print(f"normal again {figures.normal_again_s:.1f} s after the burst")
    console.print(
        f"accepted and then lost: {figures.accepted_and_lost}; "
        f"states of the flooding shuttle: {figures.flood_sent}"
    )


def _outcomes(phase: "PhaseFigures") -> str:
    found = dict(sorted(phase.outcomes.items()))
    if phase.unanswered:
        found["unanswered"] = phase.unanswered
    return ", ".join(f"{name} {count}" for name, count in found.items())


def _number(number: float | None, form: str) -> str:
    return "-" if number is None else format(number, form)


def _in_short(times: "Times") -> str:
    parts = (times.p50_ms, times.p95_ms, times.p99_ms, times.max_ms)
    return "/".join("-" if part is None else f"{part:.0f}" for part in parts)


_ROWS: "Final[dict[str, Callable[[PhaseFigures], str]]]" = {
    "requests": lambda phase: str(phase.requests),
    "outcomes": _outcomes,
    "written down": lambda phase: _in_short(phase.durable),
    "promise or refusal": lambda phase: _in_short(phase.promise),
    "plan at the shuttle": lambda phase: _in_short(phase.plan),
    "put off, with a time": lambda phase: _in_short(phase.put_off),
    "put off without a time": lambda phase: str(phase.put_off_without_a_time),
    "shuttles' messages a s": lambda phase: _number(phase.shuttle_messages_per_s, ".0f"),
    "cores": lambda phase: f"{phase.cores:.2f}",
    "loop lag p99, max ms": lambda phase: (
        f"{_number(phase.lag_p99_ms, '.0f')}, {_number(phase.lag_max_ms, '.0f')}"
    ),
    "memory MB": lambda phase: f"{phase.rss_mb:.0f}",
    "its growth, % an hour": lambda phase: _number(phase.growth_pct_per_hour, "+.1f"),
}
