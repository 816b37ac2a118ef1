"""The command line. Each command loads what it needs when it runs, so that help is quick."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli_exits import (
    EXIT_REPLACED,
    EXIT_SETTINGS,
    EXIT_STORE,
    fail,
    settings_or_exit,
)
from dispatcher.cli_explain import commands, explain
from dispatcher.cli_journal import journal_app, replay_journal
from dispatcher.cli_solve import solve
from dispatcher.cli_zone import zone_app
from dispatcher.collector import collect_seldom

app = typer.Typer(
    name="ringmaster",
    help="Dispatches driverless shuttles inside a car-free ring.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(journal_app, name="journal")
app.add_typer(zone_app, name="zone")
app.command("replay")(replay_journal)
app.command("solve")(solve)
app.command()(explain)
app.command()(commands)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file of settings; RINGMASTER_… goes over it.")
]


@app.command()
def serve(
    config: Annotated[
        list[Path] | None,
        typer.Option(
            help="TOML file of settings; RINGMASTER_… goes over it. Once for each zone served."
        ),
    ] = None,
) -> None:
    """Run the dispatcher against the MQTT broker and the Redis of its settings.

    Stands by while another dispatcher leads the zone. Ends with 3 when another has taken
    over, and with 4 when the store could lose events. A broker or store that is not there
    yet is waited for.
    """
    import asyncio

    from dispatcher.journal import DamagedJournal, StoreUnavailable, UnsuitableSettings
    from dispatcher.service import SteppedDownError
    from dispatcher.serving import SameZoneError, serve_until_stopped
    from dispatcher.snapshots import OtherStopsError
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.telemetry.logs import set_up_logs

    settings = [settings_or_exit(path) for path in config] if config else [settings_or_exit(None)]
    set_up_logs(settings[0].logs.format, settings[0].logs.level)
    try:
        asyncio.run(serve_until_stopped(*settings))
    except SteppedDownError as error:
        fail(f"another dispatcher has taken over: {error}", EXIT_REPLACED)
    except (UnsuitableSettings, DamagedJournal, StoreUnavailable) as error:
        fail(str(error), EXIT_STORE)
    except (SameZoneError, ZoneFileError, OtherStopsError, OSError) as error:
        fail(str(error), EXIT_SETTINGS)


@app.command()
def config(
    config: ConfigFile = None,
    table: Annotated[
        bool, typer.Option("--table", help="Every setting with default and bounds, as Markdown.")
    ] = False,
) -> None:
    """Print the settings in force, passwords left out."""
    from dispatcher.config import Settings
    from dispatcher.config_words import effective_toml, settings_table

    if table:
        typer.echo(settings_table(Settings), nl=False)
    else:
        typer.echo(effective_toml(settings_or_exit(config)), nl=False)


@app.command()
def health(
    url: Annotated[
        str, typer.Argument(help="Where the dispatcher says how it is.")
    ] = "http://127.0.0.1:9464/healthz",
) -> None:
    """Ask a running dispatcher how it is; ends with 1 unless requests are taken in."""
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    if not url.startswith(("http://", "https://")):
        fail("name an http:// address", EXIT_SETTINGS)
    try:
        with urlopen(url, timeout=5) as answer:
            typer.echo(answer.read().decode(), nl=False)
    except HTTPError as error:
        typer.echo(error.read().decode(), nl=False)
        raise typer.Exit(1) from None
    except (URLError, OSError) as error:
        fail(f"no answer from {url}: {error}", 1)


@app.command()
def asyncapi() -> None:
    """Print the AsyncAPI document of the riders' messages."""
    from dispatcher.riders.asyncapi import rider_document_text

    typer.echo(rider_document_text(), nl=False)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP API."""
    from dispatcher.web.openapi import openapi_text

    typer.echo(openapi_text(), nl=False)


@app.command("api-key")
def api_key(
    name: Annotated[str, typer.Argument(help="Of the program that gets it.")],
    role: Annotated[str, typer.Option(help="service, operator or dispatcher")] = "service",
) -> None:
    """Make a key for another program, and the line for auth.api_keys that lets it in."""
    from pydantic import ValidationError

    from dispatcher.config_http import AuthSettings
    from dispatcher.web.api_keys import digest_of, new_key

    key = new_key()
    line = f"{name}:{role}:{digest_of(key)}"
    try:
        AuthSettings(api_keys=(line,))
    except ValidationError:
        fail(
            "name: 1 to 40 letters, digits and _ . -; role: service, operator or dispatcher",
            EXIT_SETTINGS,
        )
    typer.echo(f"key (shown only now): {key}\nfor auth.api_keys:    {line}")


def main() -> None:
    """The ``ringmaster`` command."""
    # The simulator builds on the dispatcher and not the other way round; only its commands
    # are offered here, where it is installed.
    if find_spec("simulator.cli") is not None:
        import_module("simulator.cli").register(app)
    collect_seldom()
    app()
