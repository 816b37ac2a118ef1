"""The simulator's commands, registered into ``ringmaster``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, EXIT_STORE, fail, store_url_or_exit
from simulator.cli_bench import bench_app
from simulator.cli_chaos import chaos
from simulator.cli_faults import faults
from simulator.cli_options import (
    MOST_RIDERS_PER_HOUR,
    JsonOption,
    SeedOption,
    ZoneOption,
    file_to_write,
    progress_bar,
    seconds,
)
from simulator.cli_separate import riders, shuttles

# It stops answering when a hundred retained messages await one who subscribes.
_MOST_AT_EMBEDDED_BROKER = 70


def register(app: typer.Typer) -> None:
    """Add the simulator's commands to the ``ringmaster`` app."""
    app.command("run")(run)
    app.command("simulate")(simulate)
    app.command("faults")(faults)
    app.command("chaos")(chaos)
    app.command("shuttles")(shuttles)
    app.command("riders")(riders)
    app.add_typer(bench_app, name="bench")


def run(
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, as in 60s or 5m; else until Ctrl-C.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.1, max=200.0, help="Zone seconds in a real second.")
    ] = 20.0,
    shuttles: Annotated[int, typer.Option(min=1, max=500)] = 12,
    riders_per_hour: Annotated[
        float, typer.Option(min=0.1, max=MOST_RIDERS_PER_HOUR, help="Of the zone's time.")
    ] = 200.0,
    zone: ZoneOption = "sejong-5-1",
    seed: SeedOption = 1,
    as_json: JsonOption = False,
    broker: Annotated[
        str | None, typer.Option(help="mqtt://host:port instead of an embedded broker.")
    ] = None,
    redis: Annotated[
        str | None, typer.Option(help="redis://host:port/0 instead of an embedded store.")
    ] = None,
    improve: Annotated[
        bool, typer.Option(help="Search for better plans in the background.")
    ] = True,
    journal_out: Annotated[
        Path | None, typer.Option(help="Write the journal here at the end.")
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Of the HTTP API; else 8080, or a free one."),
    ] = None,
) -> None:
    """Broker, store, dispatcher, simulated shuttles and riders, on this one machine."""
    from rich.console import Console

    from dispatcher.embedded import EmbeddedServerError
    from dispatcher.journal import JournalError
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.streets.zones import load_zone
    from dispatcher.telemetry.logs import set_up_logs
    from dispatcher.web.server import free_port
    from simulator.live import LivePlan, run_live
    from simulator.live_view import LiveTable, figures_table
    from simulator.separate import SeparateError, broker_access

    set_up_logs("console", "error")
    console = Console(stderr=as_json)
    if redis is not None:
        store_url_or_exit(redis)
    if broker is None and shuttles > _MOST_AT_EMBEDDED_BROKER:
        fail(
            f"--shuttles: at most {_MOST_AT_EMBEDDED_BROKER} with the broker that comes with it; "
            "for more start mosquitto and name it with --broker mqtt://host:port",
            EXIT_SETTINGS,
        )
    try:
        if broker is not None:
            broker_access(broker)
        plan = LivePlan(
            zone=load_zone(zone),
            speed=speed,
            shuttles=shuttles,
            riders_per_hour=riders_per_hour,
            for_s=None if for_ is None else seconds(for_),
            seed=seed,
            broker_url=broker,
            store_url=redis,
            improve=improve,
            journal_out=file_to_write(journal_out),
            http_port=http_port if http_port is not None else free_port(8080),
        )
        console.print(
            f"{plan.zone.names.get('en', plan.zone.id)}: {shuttles} shuttles, "
            f"{riders_per_hour:g} riders an hour, {speed:g} times as fast as real time.",
            highlight=False,
        )
        if for_ is None:
            console.print("Ctrl-C ends it.")
        console.print("Getting ready; a machine's first start compiles for up to half a minute.")

        def say(text: str) -> None:
            console.print(text, soft_wrap=True, highlight=False)

        with LiveTable(console) as table:
            figures = run_live(plan, show=table.show, say=say)
    except (ZoneFileError, SeparateError) as error:
        fail(str(error), EXIT_SETTINGS)
    except (EmbeddedServerError, JournalError, OSError) as error:
        fail(str(error), EXIT_STORE)
    if as_json:
        typer.echo(json.dumps(figures.as_dict()))
    else:
        console.print(figures_table(figures))


def simulate(
    zone: ZoneOption = "sejong-5-1",
    shuttles: Annotated[int | None, typer.Option(min=1, max=500)] = None,
    requests: Annotated[
        int | None, typer.Option(min=0, help="In the whole day, by its profile.")
    ] = None,
    riders_per_hour: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=MOST_RIDERS_PER_HOUR, help="A steady rate instead of a day's profile."
        ),
    ] = None,
    hours: Annotated[
        tuple[float, float] | None, typer.Option(help="From and to, local hours of the day.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="A named day; the options above go over it.")
    ] = None,
    faults: Annotated[bool, typer.Option(help="A bad wire, and shuttles that fail.")] = False,
    noise: Annotated[
        str | None,
        typer.Option(help="How drives and boardings stray: calm, usual or rough."),
    ] = None,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
    report: Annotated[Path | None, typer.Option(help="Write the figures as Markdown.")] = None,
    journal_out: Annotated[
        Path | None, typer.Option(help="Write the journal here, to replay it or to explain trips.")
    ] = None,
) -> None:
    """Live through a day in virtual time, and count."""
    from rich.console import Console

    from dispatcher.streets.zone_file import ZoneFileError
    from simulator.day import simulate as live_through
    from simulator.live_view import figures_table
    from simulator.report import report_text
    from simulator.scenario import DayChoices, ScenarioError, day_plan

    console = Console(stderr=True)
    file_to_write(report)
    file_to_write(journal_out)
    choices = DayChoices(
        zone=zone,
        shuttles=shuttles,
        requests_per_day=requests,
        riders_per_hour=riders_per_hour,
        hours=hours,
        faults=faults,
        noise=noise,
    )
    try:
        plan = day_plan(scenario or "day", choices, seed=seed)
    except (ScenarioError, ZoneFileError, ValueError) as error:
        fail(str(error), EXIT_SETTINGS)
    with progress_bar(console) as progress:
        task = progress.add_task("simulating", total=plan.end_s + plan.drain_s - plan.start_s)
        day = live_through(
            plan, on_progress=lambda now: progress.update(task, completed=now - plan.start_s)
        )
    figures = day.figures
    if journal_out is not None:
        day.dispatcher.export(journal_out)
    if report is not None:
        report.write_text(report_text(figures, plan))
    if as_json:
        typer.echo(json.dumps(figures.as_dict()))
    else:
        Console().print(figures_table(figures))
    if not figures.adds_up():
        fail("the figures do not add up: a mistake of the simulator's", 1)
