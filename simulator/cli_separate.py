"""``ringmaster shuttles`` and ``ringmaster riders``: simulated ones against a given broker."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail
from simulator.cli_options import (
    MOST_RIDERS_PER_HOUR,
    JsonOption,
    SeedOption,
    ZoneOption,
    file_to_write,
    seconds,
)

CertsOption = Annotated[
    Path | None,
    typer.Option(help="Folder that `ringmaster certs` made, for an mqtts:// broker."),
]
RecordOption = Annotated[
    Path | None, typer.Option(help="Append to this file all that is sent, got and done, as JSON.")
]


def shuttles(
    broker: Annotated[str, typer.Option(help="mqtt://host:port or mqtts://host:port")],
    zone: ZoneOption = "sejong-5-1",
    shuttles: Annotated[int, typer.Option(min=1, max=1000)] = 12,
    seed: SeedOption = 1,
    interface: Annotated[str, typer.Option(help="First level of the VDA 5050 topics.")] = "uagv",
    speed: Annotated[float, typer.Option(min=0.1, max=200.0)] = 1.0,
    clock_start: Annotated[
        int | None, typer.Option(help="UTC seconds that the zone's clock showed ...")
    ] = None,
    clock_anchor: Annotated[
        float | None, typer.Option(help="... at this moment of the real one.")
    ] = None,
    state_every: Annotated[
        float, typer.Option(min=0.1, max=30.0, help="Seconds between two states of one shuttle.")
    ] = 10.0,
    memory: Annotated[
        Path | None,
        typer.Option(
            help="Folder in which each keeps what it must not forget, to go on from after a crash."
        ),
    ] = None,
    certs: CertsOption = None,
    record: RecordOption = None,
) -> None:
    """Simulated shuttles against a given broker, until Ctrl-C."""
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.telemetry.logs import set_up_logs
    from simulator.separate import SeparateError, run_shuttles
    from vehicles.agent_store import MemoryFileError

    set_up_logs("console", "info")
    if memory is not None:
        try:
            memory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(f"{memory} cannot be the shuttles' memory: {error}", EXIT_SETTINGS)
    typer.echo(f"{shuttles} shuttles of {zone}. Ctrl-C ends them.", err=True)
    try:
        run_shuttles(
            broker,
            zone,
            shuttles,
            seed=seed,
            interface=interface,
            time=(speed, clock_start, clock_anchor),
            state_every_s=state_every,
            memory_dir=memory,
            certs_dir=certs,
            record_file=file_to_write(record),
        )
    except (SeparateError, ZoneFileError, MemoryFileError) as error:
        fail(str(error), EXIT_SETTINGS)


def riders(
    broker: Annotated[str, typer.Option(help="mqtt://host:port")],
    zone: ZoneOption = "sejong-5-1",
    riders_per_hour: Annotated[float, typer.Option(min=0.1, max=MOST_RIDERS_PER_HOUR)] = 120.0,
    requests: Annotated[int | None, typer.Option(min=1, help="So many, then none.")] = None,
    for_: Annotated[
        str | None, typer.Option("--for", help="Nobody new asks after, as in 10m.")
    ] = None,
    seed: SeedOption = 1,
    name: Annotated[str, typer.Option(help="Start of the riders' ids; unique on a broker.")] = "",
    now_only: Annotated[bool, typer.Option(help="Nobody books ahead.")] = False,
    speed: Annotated[float, typer.Option(min=0.1, max=200.0)] = 1.0,
    clock_start: Annotated[
        int | None, typer.Option(help="UTC seconds that the zone's clock showed ...")
    ] = None,
    clock_anchor: Annotated[
        float | None, typer.Option(help="... at this moment of the real one.")
    ] = None,
    certs: CertsOption = None,
    record: RecordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulated riders against a given broker. With --requests or --for, ends when all are done."""
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.telemetry.logs import set_up_logs
    from simulator.separate import SeparateError, run_riders

    set_up_logs("console", "info")
    typer.echo(f"{riders_per_hour:g} riders an hour in {zone}. Ctrl-C ends them.", err=True)
    try:
        counts = run_riders(
            broker,
            zone,
            riders_per_hour,
            requests=requests,
            for_s=None if for_ is None else seconds(for_),
            seed=seed,
            name=name,
            now_only=now_only,
            time=(speed, clock_start, clock_anchor),
            certs_dir=certs,
            record_file=file_to_write(record),
        )
    except (SeparateError, ZoneFileError) as error:
        fail(str(error), EXIT_SETTINGS)
    if as_json:
        typer.echo(json.dumps(counts))
    else:
        for state, count in counts.items():
            typer.echo(f"{state} {count}")
