"""Letting go of what the journal no longer needs, so that the store does not fill up."""

from typing import Final

import structlog

from dispatcher.codec import EventRecord, decode_payload
from dispatcher.journal import DiscardedRecords, Journal

log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 5_000
"""Records looked at in one go; more than come between two snapshots, so that it catches up."""


async def discard_older(journal: Journal, before_s: int) -> int:
    """Discard the oldest records whose events came before ``before_s``, UTC seconds.

    Never beyond the oldest kept snapshot, from which a restart may have to begin. Answers how
    many were discarded.
    """
    first = await _first(journal)
    keep_from = first
    async for record in journal.read(first - 1):
        payload = decode_payload(record.payload)
        # A mark has no time: it goes with the event behind it.
        if isinstance(payload, EventRecord):
            if payload.event.at_s >= before_s:
                break
            keep_from = record.position + 1
        if record.position + 1 - first >= MOST_AT_ONCE:
            break
    if keep_from == first:
        return 0
    try:
        await journal.discard_before(keep_from)
    except ValueError:
        return 0  # so quiet a zone that a snapshot is older than that
    log.info("journal_trimmed", first_kept=keep_from)
    return keep_from - first


async def _first(journal: Journal) -> int:
    try:
        async for record in journal.read(0):
            return record.position
    except DiscardedRecords as error:
        return error.first
    return 1
