"""``ringmaster journal`` and ``ringmaster replay``: recordings of what was decided."""

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
from dispatcher.cli_recorded import JournalPlace, OtherZone, RecordedUnder, recording_or_exit

journal_app = typer.Typer(help="The record of everything decided.", no_args_is_help=True)


@journal_app.callback()
def _journal() -> None:
    """Keeps ``journal export`` a command of its own, as long as it is the only one."""


@journal_app.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="File to write, one record per line.")],
    config: Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")] = None,
    redis: Annotated[str | None, typer.Option(help="Another store than the settings name.")] = None,
    zone: Annotated[str | None, typer.Option(help="Another zone, by its id or directory.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only records after this position.")] = 0,
) -> None:
    """Write a zone's journal to a file, to keep it or to replay it elsewhere."""
    from dispatcher.journal import JournalError, StoredJournal, export_journal
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.streets.zones import load_zone

    settings = settings_or_exit(config)
    if redis is not None:
        store_url_or_exit(redis)

    async def run(zone_id: str) -> int:
        url = redis or settings.redis.url.get_secret_value()
        # Who only reads leaves the store alone.
        journal = StoredJournal(
            url,
            zone_id,
            ca_file=settings.redis.ca_file if url.startswith("rediss:") else None,
            sentinels=() if redis else settings.redis.sentinels,
            mends=False,
        )
        try:
            return await export_journal(journal, out, zone=zone_id, after=after)
        finally:
            await journal.aclose()

    try:
        zone_id = load_zone(zone or settings.zone).id
        written = asyncio.run(run(zone_id))
    except ZoneFileError as error:
        fail(str(error), EXIT_SETTINGS)
    except (JournalError, OSError) as error:
        fail(str(error), EXIT_STORE)
    typer.echo(f"{written} records of zone {zone_id} written to {out}")


def replay_journal(
    journal: JournalPlace, config: RecordedUnder = None, zone: OtherZone = None
) -> None:
    """Decide a recorded journal again, and say whether every decision is the same.

    Ends with 1 and names the first that differs, if one does. The zone must be the one it
    was recorded in. Where riders' places have been erased, or the beginning was discarded, it
    begins at a snapshot after that. The journal says under which rules; where it does not, as
    in one of an earlier version, those of the settings count.
    """
    from dispatcher.replay import replay
    from dispatcher.zone_engine import ZoneEngine

    with recording_or_exit(journal, config, zone) as recorded:
        result = replay(
            ZoneEngine(recorded.site),
            recorded.records,
            base=recorded.base,
            final_digest=recorded.digest,
        )
    typer.echo(result.in_words())
    if not result.same:
        raise typer.Exit(EXIT_DIFFERENT)
