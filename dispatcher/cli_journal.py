"""``ringmaster journal`` and ``ringmaster replay``: recordings of what was decided."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli_exits import (
    EXIT_DIFFERENT,
    EXIT_SETTINGS,
    EXIT_STORE,
    fail,
    settings_or_exit,
    store_url_or_exit,
)

if TYPE_CHECKING:
    from dispatcher.journal import Record

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
        journal = StoredJournal(redis or settings.redis.url.get_secret_value(), zone_id)
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
    journal: Annotated[str, typer.Argument(help="An exported file, or a redis:// address.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="The settings it was recorded under.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Another zone than the settings name.")] = None,
) -> None:
    """Decide a recorded journal again, and say whether every decision is the same.

    Ends with 1 and names the first that differs, if one does. Zone and rules must be the
    ones it was recorded under: other rules make other decisions.
    """
    from dispatcher.codec import CodecError
    from dispatcher.engine import Site
    from dispatcher.journal import JournalError, zone_of_journal_file
    from dispatcher.replay import replay
    from dispatcher.snapshots import SnapshotError
    from dispatcher.streets import Streets
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.streets.zones import load_zone
    from dispatcher.zone_engine import ZoneEngine

    settings = settings_or_exit(config)
    if "://" in journal:
        store_url_or_exit(journal)
    try:
        area = load_zone(zone or settings.zone)
        if "://" not in journal and (recorded := zone_of_journal_file(Path(journal))) != area.id:
            fail(
                f"{journal} is of zone {recorded}, not {area.id}; name its zone with --zone",
                EXIT_SETTINGS,
            )
        records, digest = asyncio.run(read_recorded(journal, area.id))
        engine = ZoneEngine(Site(area, Streets.of(area), settings.service_rules))
        result = replay(engine, records, final_digest=digest)
    except ZoneFileError as error:
        fail(str(error), EXIT_SETTINGS)
    except OSError as error:
        fail(f"{journal} cannot be read: {error.strerror or error}", EXIT_SETTINGS)
    except (JournalError, CodecError, SnapshotError, ValueError) as error:
        fail(str(error), EXIT_STORE)
    typer.echo(result.in_words())
    if not result.same:
        raise typer.Exit(EXIT_DIFFERENT)


async def read_recorded(place: str, zone_id: str) -> "tuple[list[Record], str | None]":
    """All records, and the digest of all decisions where a snapshot at the end tells it."""
    from dispatcher.journal import StoredJournal, read_journal_file
    from dispatcher.snapshots import digest_of_snapshot

    if "://" not in place:
        return list(read_journal_file(Path(place))), None
    store = StoredJournal(place, zone_id)
    try:
        records = [record async for record in store.read()]
        snapshot = await store.newest_snapshot()
    finally:
        await store.aclose()
    at_end = snapshot is not None and bool(records) and snapshot.position == records[-1].position
    return records, digest_of_snapshot(snapshot) if snapshot is not None and at_end else None
