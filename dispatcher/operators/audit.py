"""Every command as the journal has it: who, when, what, why, and what came of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from dispatcher.codec import EventRecord, decode_payload
from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.events import OperatorEvent
from dispatcher.engine import ServiceState, find_command
from dispatcher.explaining.happenings_in_words import ordered_in_words
from dispatcher.journal import DiscardedRecords, Journal, Record

_WINDOW: Final = 5_000  # records looked through at a time


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One command. ``outcome`` is None where it is remembered no more: a replay tells it."""

    position: int
    event: OperatorEvent
    text: str  # in a sentence, with who and why
    outcome: CommandOutcome | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Commands, the newest first. ``before`` asks for the next page; None at the end."""

    entries: tuple[AuditEntry, ...]
    before: int | None


def command_of(record: Record) -> OperatorEvent | None:
    """The operator's command that a record holds, if it holds one."""
    if b'"operator_id":"' not in record.payload:  # quick; a rider's words may hold it, too
        return None
    payload = decode_payload(record.payload)
    if not isinstance(payload, EventRecord) or not isinstance(payload.event, OperatorEvent):
        return None
    return payload.event if payload.event.operator_id is not None else None


def entry_of(state: ServiceState, position: int, event: OperatorEvent) -> AuditEntry:
    known = None
    if event.operator_id is not None and event.command_id is not None:
        known = find_command(state, event.operator_id, event.command_id)
    outcome = None if known is None else known.outcome
    return AuditEntry(position, event, ordered_in_words(event), outcome)


async def list_commands(
    journal: Journal, state: ServiceState, before: int | None, limit: int
) -> AuditPage:
    """The last commands before a position, read from the journal backwards, window by window.

    Reading is bounded: a page without entries may still have another one before it.
    """
    end = await journal.last_position() if before is None else before - 1
    found: list[AuditEntry] = []
    windows = 0
    while end > 0 and len(found) < limit and windows < 10:
        start = max(0, end - _WINDOW)
        try:
            page = [entry async for entry in _between(journal, state, start, end)]
        except DiscardedRecords as error:
            if error.first > end:
                return AuditPage(tuple(found), None)
            page = [entry async for entry in _between(journal, state, error.first - 1, end)]
            start = 0  # there is nothing before
        page.reverse()
        room = limit - len(found)
        found += page[:room]
        end = start if len(page) <= room else page[room - 1].position - 1
        windows += 1
    return AuditPage(tuple(found), end + 1 if end > 0 else None)


async def _between(
    journal: Journal, state: ServiceState, after: int, end: int
) -> AsyncIterator[AuditEntry]:
    async for record in journal.read(after):
        if record.position > end:
            return
        event = command_of(record)
        if event is not None:
            yield entry_of(state, record.position, event)
