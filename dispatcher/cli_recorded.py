"""Recorded journals as commands read them: from a file or from the store, with clear ends."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli_exits import (
    EXIT_SETTINGS,
    EXIT_STORE,
    fail,
    settings_or_exit,
    store_url_or_exit,
)

if TYPE_CHECKING:
    from dispatcher.engine import Site
    from dispatcher.journal import Journal, Record, Snapshot

JournalPlace = Annotated[str, typer.Argument(help="An exported file, or a redis:// address.")]
RecordedUnder = Annotated[
    Path | None, typer.Option("--config", help="The settings it was recorded under.")
]
OtherZone = Annotated[str | None, typer.Option(help="Another zone than the settings name.")]


@dataclass(frozen=True, slots=True)
class Recording:
    """A journal, and where it was recorded."""

    site: "Site"
    records: "list[Record]"
    digest: str | None
    """Of all decisions, where a snapshot at the end tells it."""
    base: "Snapshot | None" = None
    """What the records follow on, where the journal cannot be decided again from its beginning."""


@contextmanager
def recording_or_exit(place: str, config: Path | None, zone: str | None) -> Iterator[Recording]:
    """Read a recording and work on it; whatever cannot be read ends the command, plainly."""
    from dispatcher.codec import CodecError
    from dispatcher.engine import Site
    from dispatcher.journal import JournalError, zone_of_journal_file
    from dispatcher.snapshots import OtherStopsError, SnapshotError
    from dispatcher.streets import Streets
    from dispatcher.streets.zone_file import ZoneFileError
    from dispatcher.streets.zones import load_zone

    settings = settings_or_exit(config)
    if "://" in place:
        store_url_or_exit(place)
    try:
        area = load_zone(zone or settings.zone)
        if "://" not in place and (recorded := zone_of_journal_file(Path(place))) != area.id:
            fail(
                f"{place} is of zone {recorded}, not {area.id}; name its zone with --zone",
                EXIT_SETTINGS,
            )
        site = Site(area, Streets.of(area), settings.service_rules)
        yield asyncio.run(_read(place, site, settings.redis.ca_file))
    except (ZoneFileError, OtherStopsError) as error:
        fail(str(error), EXIT_SETTINGS)
    except OSError as error:
        fail(f"{place} cannot be read: {error.strerror or error}", EXIT_SETTINGS)
    except (JournalError, CodecError, SnapshotError, ValueError) as error:
        fail(str(error), EXIT_STORE)


async def _read(place: str, site: "Site", ca_file: str | None) -> Recording:
    from dispatcher.journal import StoredJournal, read_journal_file
    from dispatcher.snapshots import digest_of_snapshot

    if "://" not in place:
        return Recording(site, list(read_journal_file(Path(place))), None)
    store = StoredJournal(
        place,
        site.zone.id,
        ca_file=ca_file if place.startswith("rediss:") else None,
        mends=False,
    )
    try:
        base = await _base(store)
        records = [record async for record in store.read(base.position if base else 0)]
        snapshot = await store.newest_snapshot()
    finally:
        await store.aclose()
    at_end = snapshot is not None and bool(records) and snapshot.position == records[-1].position
    digest = digest_of_snapshot(snapshot) if snapshot is not None and at_end else None
    return Recording(site, records, digest, base)


async def _base(journal: "Journal") -> "Snapshot | None":
    """The oldest snapshot from which the rest can be decided; none, if that is all of it.

    Without a fitting one the reader meets what is missing, and says so.
    """
    from dispatcher.journal import DiscardedRecords

    gone = 0  # the last record that was discarded or is not whole
    try:
        async for record in journal.read():
            gone = record.position if record.erased else gone
    except DiscardedRecords as error:
        gone = error.first - 1
        async for record in journal.read(gone):
            gone = record.position if record.erased else gone
    base = None
    older = await journal.newest_snapshot() if gone else None
    while older is not None and older.position >= gone:
        base = older
        older = await journal.snapshot_before(older.position)
    return base
