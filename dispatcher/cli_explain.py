"""``ringmaster explain`` and ``ringmaster commands``: why, and what operators ordered."""

from typing import Annotated

import typer

from dispatcher.cli_exits import EXIT_DIFFERENT, EXIT_SETTINGS, fail
from dispatcher.cli_recorded import JournalPlace, OtherZone, RecordedUnder, recording_or_exit


def explain(
    journal: JournalPlace,
    trip: Annotated[
        str, typer.Argument(help="A trip id, a request id, or rider/request where that is unclear.")
    ],
    config: RecordedUnder = None,
    zone: OtherZone = None,
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
    from dispatcher.explaining import (
        ExplanationError,
        UnknownTripError,
        explain_request,
        explanation_json,
        explanation_text,
    )

    with recording_or_exit(journal, config, zone) as recorded:
        try:
            explanation = explain_request(recorded.site, recorded.records, trip, recorded.base)
        except UnknownTripError as error:
            fail(str(error), EXIT_SETTINGS)
        except ExplanationError as error:
            fail(f"no explanation: {error}", EXIT_DIFFERENT)
    if as_json:
        typer.echo(explanation_json(explanation))
    else:
        typer.echo(explanation_text(explanation, everyone=everyone), nl=False)


def commands(
    journal: JournalPlace,
    about: Annotated[
        str | None, typer.Argument(help="A shuttle's or a trip's id; all commands without it.")
    ] = None,
    config: RecordedUnder = None,
    zone: OtherZone = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
) -> None:
    """List what operators ordered: who, when, what and why, and what came of it.

    The journal is decided again, so that refusals are known however long ago they were. Ends
    with 1 if anything comes out differently than recorded.
    """
    from dispatcher.explaining import (
        ExplanationError,
        commands_json,
        commands_text,
        recorded_commands,
    )

    with recording_or_exit(journal, config, zone) as recorded:
        try:
            found = recorded_commands(recorded.site, recorded.records, about, recorded.base)
        except ExplanationError as error:
            fail(f"no list: {error}", EXIT_DIFFERENT)
    if recorded.base is not None:
        note = f"Commands since event {recorded.base.position}: what was before is not whole."
        typer.echo(note, err=True)
    if as_json:
        typer.echo(commands_json(found))
    else:
        typer.echo(commands_text(found, recorded.site.zone.timezone), nl=False)
