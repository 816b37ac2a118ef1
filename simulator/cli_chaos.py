"""``ringmaster chaos``: real processes under real faults, and whether every promise held."""

import asyncio
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail
from simulator.cli_options import JsonOption, ZoneOption

if TYPE_CHECKING:
    from rich.table import Table

    from simulator.chaos.run import ChaosResult

EXIT_VIOLATED = 1


def chaos(
    minutes: Annotated[
        float, typer.Option(min=0.5, max=40.0, help="Of faults, and then of quiet. About.")
    ] = 10.0,
    seed: Annotated[int, typer.Option(help="Draws the faults, the riders and the shuttles.")] = 1,
    standby: Annotated[
        bool, typer.Option(help="A second dispatcher stands by in the last two fifths.")
    ] = True,
    zone: ZoneOption = "sejong-5-1",
    shuttles: Annotated[int, typer.Option(min=1, max=100)] = 8,
    riders_per_hour: Annotated[
        float, typer.Option(min=1.0, max=2000.0, help="Of the zone's time.")
    ] = 150.0,
    speed: Annotated[
        float, typer.Option(min=1.0, max=30.0, help="Zone seconds in a real second.")
    ] = 20.0,
    keep: Annotated[
        Path | None, typer.Option(help="Leave logs and raw histories in this new folder.")
    ] = None,
    failover: Annotated[
        bool,
        typer.Option("--failover", help="Instead: count what fail-overs of the store lose."),
    ] = False,
    trials: Annotated[
        int, typer.Option(min=1, max=1000, help="With --failover, of each kind.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """Kill, stop and cut off real dispatchers, servers and clients; judge their raw histories."""
    from rich.console import Console

    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.streets.zones import load_zone
    from simulator.chaos.processes import ChaosError
    from simulator.chaos.run import ChaosPlan, run_chaos

    console = Console(stderr=True)
    with ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringmaster-")))
        else:
            folder = keep.resolve()
            try:
                folder.mkdir(parents=True)
            except OSError as error:
                fail(f"{keep} cannot be a new folder: {error.strerror}", EXIT_SETTINGS)
        if failover:
            _count_losses(folder, trials, seed, as_json)
            return
        try:
            plan = ChaosPlan(
                load_zone(zone),
                zone,
                folder,
                minutes,
                seed,
                standby=standby,
                speed=speed,
                shuttles=shuttles,
                riders_per_hour=riders_per_hour,
            )
            result = asyncio.run(
                run_chaos(plan, say=lambda text: console.print(text, highlight=False))
            )
        except (ChaosError, ZoneFileError) as error:
            fail(str(error), EXIT_SETTINGS)
    Console(stderr=as_json).print(chaos_table(result))
    for violation in result.violations:
        print(f"{violation.invariant}: {violation.text}")
    if as_json:
        print(json.dumps(result.as_dict(), ensure_ascii=False))
    if result.violations:
        raise typer.Exit(EXIT_VIOLATED)


def _count_losses(folder: Path, trials: int, seed: int, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from simulator.chaos.failover import run_failovers
    from simulator.chaos.processes import ChaosError

    console = Console(stderr=True)
    try:
        figures = asyncio.run(
            run_failovers(folder, trials, seed, say=lambda text: console.print(text))
        )
    except ChaosError as error:
        fail(str(error), EXIT_SETTINGS)
    rows = [one.as_dict() for one in figures]
    table = Table(title="acknowledged writes that a fail-over lost")
    for name in rows[0]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(stderr=as_json).print(table)
    if as_json:
        print(json.dumps({"seed": seed, "failovers": rows}))


def chaos_table(result: "ChaosResult") -> "Table":
    """What was done, how long recoveries took, and what came of the trips."""
    from rich.table import Table

    table = Table(
        title=f"seed {result.seed}: {len(result.violations)} violations", show_lines=False
    )
    table.add_column("what")
    table.add_column("times", justify="right")
    table.add_column("p50 s", justify="right")
    table.add_column("max s", justify="right")
    table.add_column("goal s", justify="right")
    for fault, times in sorted(result.faults.items()):
        table.add_row(str(fault), str(times))
    table.add_section()
    for name, recovery in result.recoveries.items():
        figures = recovery.as_dict()
        table.add_row(
            name, *(_shown(figures[key]) for key in ("times", "p50_s", "max_s", "goal_s"))
        )
    table.add_section()
    for name, count in result.verdict.counts.items():
        table.add_row(name, str(count))
    return table


def _shown(figure: float | None) -> str:
    return "" if figure is None else f"{figure:g}"
