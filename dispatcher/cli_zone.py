"""``ringmaster zone``: zones from real streets."""

from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail

zone_app = typer.Typer(help="Zones: where shuttles drive and stop.", no_args_is_help=True)


@zone_app.callback()
def _zone() -> None:
    """Keeps ``zone import`` a command of its own, as long as it is the only one."""


@zone_app.command("import")
def import_zone(
    osm_file: Annotated[Path, typer.Argument(help="An OpenStreetMap extract (.osm.pbf, .osm).")],
    out: Annotated[Path, typer.Option(help="Directory for the zone's files.")],
    boundary: Annotated[
        Path | None, typer.Option(help="GeoJSON polygon; without it, all of the file.")
    ] = None,
    max_walk_m: Annotated[
        float,
        typer.Option(min=50, max=2_000, help="Stops are placed so that nobody walks further."),
    ] = 250.0,
    stops: Annotated[
        Path | None, typer.Option(help="CSV of stops (id,name,lat,lon,kind) to use instead.")
    ] = None,
    zone_id: Annotated[
        str | None, typer.Option(help="Part of every topic; from the file's name without it.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="IANA name.")] = "UTC",
    language: Annotated[str, typer.Option(help="Of the map's plain names, such as ko.")] = "und",
) -> None:
    """Make a zone from real streets, and say what came out."""
    from dataclasses import fields

    from dispatcher.streets.osm_import import ImportChoices, import_to_directory
    from dispatcher.streets.zone_file import ZoneFileError

    choices = ImportChoices(
        zone_id=zone_id, timezone=timezone, language=language, max_walk_m=max_walk_m
    )
    try:
        figures = import_to_directory(osm_file, out, boundary, stops_csv=stops, choices=choices)
    except (ZoneFileError, OSError) as error:
        fail(str(error), EXIT_SETTINGS)
    for field in fields(figures):
        typer.echo(f"{field.name.replace('_', ' '):>18}  {getattr(figures, field.name)}")
    typer.echo(f"written to {out}")
