"""``ringmaster bench``: figures against fixed inputs."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail
from simulator.cli_bench_live import bench_live
from simulator.cli_bench_load import bench_load
from simulator.cli_bench_speed import bench_speed
from simulator.cli_bench_static import bench_static
from simulator.cli_options import JsonOption, progress_bar

bench_app = typer.Typer(help="Measures against fixed inputs.", no_args_is_help=True)
bench_app.command("speed")(bench_speed)
bench_app.command("static")(bench_static)
bench_app.command("load")(bench_load)
bench_app.command("live")(bench_live)


@bench_app.command("dynamic")
def bench_dynamic(
    data: Annotated[Path, typer.Option(help="Folder with edges.csv.")],
    requests: Annotated[Path, typer.Option(help="Requests, as in requests_*.csv.")],
    fleet: Annotated[Path, typer.Option(help="Start nodes, as in fleet_*.csv.")],
    vehicles: Annotated[int, typer.Option(min=1)],
    out: Annotated[Path, typer.Option(help="JSON file to write.")],
    level: Annotated[str, typer.Option(help="SHUTTLE or TIGHT.")] = "SHUTTLE",
    replicate: Annotated[int, typer.Option(min=0, help="Which fleet of that size.")] = 0,
    reposition: Annotated[
        bool, typer.Option(help="Send idle vehicles where requests are expected.")
    ] = True,
    improve_every: Annotated[
        int, typer.Option(min=0, help="Seconds between improvements of the plans; 0 for none.")
    ] = 10,
    rounds: Annotated[
        int,
        typer.Option(
            min=1,
            help="Rounds in an improvement; three a ride, if that is more.",
        ),
    ] = 500,
) -> None:
    """The dynamic ride-pooling protocol on a published network."""
    from rich.console import Console

    from dispatcher.planning.improver.neighbourhoods import prepare
    from dispatcher.planning.search.live import LiveEffort
    from simulator.bench_dynamic import (
        LEVELS,
        Improvement,
        read_fleet,
        read_requests,
        run_dynamic,
        write_figures,
    )
    from simulator.bench_idle import RepositioningRule
    from simulator.road_net import BenchInputError, read_road_net

    if level not in LEVELS:
        fail(f"--level is one of {', '.join(LEVELS)}", EXIT_SETTINGS)
    try:
        asked = read_requests(requests)
        start_nodes = read_fleet(fleet, vehicles, replicate)
        net = read_road_net(data)
    except BenchInputError as error:
        fail(str(error), EXIT_SETTINGS)
    improvement = None
    if improve_every:
        prepare()  # compiled before the clock starts
        improvement = Improvement(improve_every, LiveEffort(rounds=rounds))
    with progress_bar(Console(stderr=True)) as progress:
        task = progress.add_task("requests", total=len(asked))
        figures = run_dynamic(
            net,
            asked,
            start_nodes,
            LEVELS[level],
            on_request=lambda done: progress.update(task, completed=done),
            repositioning=RepositioningRule() if reposition else None,
            improvement=improvement,
        )
    about = {
        "data": str(data),
        "requests_file": str(requests),
        "fleet_file": str(fleet),
        "vehicles": vehicles,
        "replicate": replicate,
        "level": level,
        "reposition": reposition,
        "improve_every_s": improve_every,
        "rounds": rounds,
        "matrix_sha256": net.fingerprint(),
    }
    write_figures(figures, about, out)
    typer.echo(json.dumps(asdict(figures)))


@bench_app.command("day")
def bench_day(
    shuttles: Annotated[int, typer.Option(min=1)] = 30,
    requests: Annotated[int, typer.Option(min=1)] = 3000,
    as_json: JsonOption = False,
) -> None:
    """A simulated day of the built-in zone: real seconds and peak memory."""
    from rich.console import Console

    from simulator.day import simulate
    from simulator.live_view import figures_table
    from simulator.scenario import DayChoices, day_plan

    plan = day_plan("day", DayChoices(shuttles=shuttles, requests_per_day=requests), seed=1)
    with progress_bar(Console(stderr=True)) as progress:
        task = progress.add_task("simulating", total=plan.end_s + plan.drain_s - plan.start_s)
        figures = simulate(
            plan, on_progress=lambda now: progress.update(task, completed=now - plan.start_s)
        ).figures
    if as_json:
        typer.echo(json.dumps(figures.as_dict()))
    else:
        Console().print(figures_table(figures))
