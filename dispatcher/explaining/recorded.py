"""Deciding a recorded journal again while somebody looks on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from dispatcher import engine
from dispatcher.codec import EventRecord, SetAsideRecord, ZoneRecord, decode_payload
from dispatcher.core import Applied, DispatchCore, Ground
from dispatcher.domain.decisions import Decision
from dispatcher.domain.events import Event
from dispatcher.engine import ServiceState, Site
from dispatcher.engine.witness import Witness
from dispatcher.explaining.explanation import Checked, DisagreementError, ExplanationError
from dispatcher.journal import ErasedRecord, Record, Snapshot
from dispatcher.recovery import DigestChain
from dispatcher.snapshots import core_of_snapshot
from dispatcher.zone_engine import ZoneEngine

log = structlog.get_logger(__name__)


class Story(Witness, Protocol):
    """What is kept of a journal while it is decided again."""

    @property
    def ended(self) -> bool:
        """Nothing more can come of it."""
        ...

    def before(self, event: Event, state: ServiceState) -> None:
        """An event is about to be decided."""
        ...

    def after(self, applied: Applied, state: ServiceState) -> None:
        """It was decided."""
        ...


_Told = TypeVar("_Told", bound=Story)


class _WatchedEngine(ZoneEngine):
    """The real engine, with a witness."""

    def __init__(self, site: Site, story: Story) -> None:
        super().__init__(site)
        self._story = story

    def under(self, rules: str) -> "_WatchedEngine":
        return _WatchedEngine(super().under(rules).site, self._story)

    def step(self, state: ServiceState, event: Event) -> tuple[ServiceState, tuple[Decision, ...]]:
        self._story.before(event, state)
        return engine.step(state, event, self._story)


@dataclass(frozen=True, slots=True)
class _EventFailedError(Exception):
    """The engine could not decide this event: it is set aside, and the replay begins anew."""

    position: int


def watch_records(
    site: Site,
    records: Sequence[Record],
    new_story: Callable[[], _Told],
    base: Snapshot | None = None,
) -> tuple[_Told, Checked]:
    """The story, as it unfolds when the records are decided again from the first on.

    The first is record 1, or the one after the snapshot that is the ``base``.

    The replay ends as soon as the story has, and the journal's digests have confirmed it.

    Raises
    ------
    DisagreementError
        The decisions are not the recorded ones: the zone, the rules or the code are others.
    ExplanationError
        The records begin elsewhere, or a rider's place in one has been erased.
    CodecError
        A record is not an event of this version.
    """
    first = 1 if base is None else base.position + 1
    if records and records[0].position != first:
        raise ExplanationError(
            f"the journal must begin with record {first}, but its first one is"
            f" {records[0].position}"
        )
    aside = _set_aside(records)
    while True:
        story = new_story()
        try:
            return story, _watch(_core(site, story, base), records, story, aside)
        except _EventFailedError as failed:
            aside.add(failed.position)


def _core(site: Site, story: Story, base: Snapshot | None) -> DispatchCore:
    engine = _WatchedEngine(site, story)
    return DispatchCore(engine) if base is None else core_of_snapshot(engine, base).core


def _watch(core: DispatchCore, records: Sequence[Record], story: Story, aside: set[int]) -> Checked:
    first = core.position + 1
    chain = DigestChain(first, core.digest)
    done_at: int | None = None
    for record in records:
        if record.erased:
            raise ExplanationError(str(ErasedRecord(record.position)))
        payload = decode_payload(record.payload)
        chain.check(record.position, payload.prev, core.digest)
        if chain.difference is not None:
            first, last = chain.difference.first, chain.difference.last
            raise DisagreementError(
                f"decided again, events {first} to {last} come out differently than recorded;"
                " was it recorded by this version, for this zone and under these rules?"
            )
        if done_at is not None and chain.batch_start > done_at:
            break
        if isinstance(payload, ZoneRecord):
            core.move_to(Ground(payload.rules, payload.zone))
        elif isinstance(payload, EventRecord) and record.position not in aside:
            _decide(core, story, record.position, payload)
        else:
            core.skip()
        if done_at is None and story.ended:
            done_at = core.position
    return Checked(core.position, chain.batch_start - 1, replayed_from=first)


def _decide(core: DispatchCore, story: Story, position: int, payload: EventRecord) -> None:
    try:
        applied = core.apply(payload.event)
    except ExplanationError:
        raise
    except Exception as error:
        log.exception("event_failed", event_number=position)
        raise _EventFailedError(position) from error
    story.after(applied, core.state)


def _set_aside(records: Sequence[Record]) -> set[int]:
    """Positions that the journal itself says to leave out."""
    aside = set()
    for record in records:
        if b'"set_aside"' in record.payload:  # a rider's words may hold it, too: read it
            payload = decode_payload(record.payload)
            if isinstance(payload, SetAsideRecord):
                aside.add(payload.position)
    return aside
