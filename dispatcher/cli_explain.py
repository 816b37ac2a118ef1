"""``ringmaster explain``: why a request was answered as it was, and what became of the trip."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli_exits import (
    EXIT_DIFFERENT,
    EXIT_SETTINGS,
    EXIT_STORE,
    fail,
    settings_or_exit,
    store_url_or_exit,
)


def explain(
    journal: Annotated[str, typer.Argument(help="An exported file, or a redis:// address.")],
    trip: Annotated[
        str, typer.Argument(help="A trip id, a request id, or rider/request where that is unclear.")
    ],
    config: Annotated[
        Path | None, typer.Option("--config", help="The settings it was recorded under.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Another zone than the settings name.")] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Name every shuttle, not only the nearest to a choice.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything as JSON: UTC seconds and milli-cost.")
    ] = False,
) -> None:
    """Explain every decision about a trip from the recorded journal.

    The journal is decided again, and every choice is worked out a second time, shuttle by
    shuttle. Ends with 1 and without an explanation if anything comes out differently than
    recorded: zone and rules must be the ones it was recorded under.
    """
    from dispatcher.cli_journal import read_recorded
    from dispatcher.codec import CodecError
    from dispatcher.engine import Site
    from dispatcher.explaining import (
        ExplanationError,
        UnknownTripError,
        explain_request,
        explanation_json,
        explanation_text,
    )
    from dispatcher.journal import JournalError, zone_of_journal_file
    from dispatcher.snapshots import SnapshotError
    from dispatcher.streets import Streets
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.streets.zones import load_zone

    settings = settings_or_exit(config)
    if "://" in journal:
        store_url_or_exit(journal)
    try:
        area = load_zone(zone or settings.zone)
        if "://" not in journal and (named := zone_of_journal_file(Path(journal))) != area.id:
            fail(
                f"{journal} is of zone {named}, not {area.id}; name its zone with --zone",
                EXIT_SETTINGS,
            )
        records, _ = asyncio.run(read_recorded(journal, area.id))
        site = Site(area, Streets.of(area), settings.service_rules)
        explanation = explain_request(site, records, trip)
    except (ZoneFileError, UnknownTripError) as error:
        fail(str(error), EXIT_SETTINGS)
    except ExplanationError as error:
        fail(f"no explanation: {error}", EXIT_DIFFERENT)
    except OSError as error:
        fail(f"{journal} cannot be read: {error.strerror or error}", EXIT_SETTINGS)
    except (JournalError, CodecError, SnapshotError) as error:
        fail(str(error), EXIT_STORE)
    if as_json:
        typer.echo(explanation_json(explanation))
    else:
        typer.echo(explanation_text(explanation, everyone=everyone), nl=False)
