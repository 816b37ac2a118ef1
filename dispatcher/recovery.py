"""From the journal back to the state: at start, after a mistake, and to check a recording."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import structlog

from dispatcher.codec import EventRecord, SetAsideRecord, decode_payload
from dispatcher.core import Applied, DispatchCore, Engine
from dispatcher.journal import DiscardedRecords, Journal, Record, Snapshot
from dispatcher.snapshots import SnapshotError, check_stops, core_of_snapshot

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """Decisions that are not the recorded ones, somewhere from ``first`` to ``last``.

    The journal keeps one digest per batch, so the place is known up to the batch.
    """

    first: int
    last: int


@dataclass(slots=True)
class DigestChain:
    """Compares what is decided with the digests that the journal carries.

    Every record of a batch carries the digest of all decisions before that batch.
    """

    batch_start: int
    batch_digest: str
    difference: Difference | None = None

    def check(self, position: int, recorded: str, decided: str) -> None:
        """``decided`` is the digest up to the record before ``position``."""
        if recorded == self.batch_digest:
            return
        if recorded != decided and self.difference is None:
            self.difference = Difference(self.batch_start, position - 1)
        self.batch_start, self.batch_digest = position, recorded


@dataclass(slots=True)
class Replayed:
    """A core that stands where the journal ends.

    ``newly_failing`` are events that failed and that the journal does not yet say to set
    aside; ``tail`` is what was decided after the position that was asked for.
    """

    core: DispatchCore
    from_position: int
    set_aside: set[int]
    newly_failing: list[int]
    difference: Difference | None
    tail: list[Applied] = field(default_factory=list)


class _MustLeaveOutError(Exception):
    """An event that was applied must be left out after all."""

    def __init__(self, position: int, failing: bool) -> None:
        super().__init__(position)
        self.position = position
        self.failing = failing


async def recover(
    engine: Engine, journal: Journal, code_version: str, *, tail_after: int | None = None
) -> Replayed:
    """The state at the journal's end.

    A snapshot of the same code version spares the replay up to it. After a change of
    code everything is decided again from the start; where that gives other decisions than
    the recorded ones, the snapshot is preferred if it still loads, since it holds what
    riders were promised.

    Raises
    ------
    JournalError, CodecError, SnapshotError
        The journal cannot be read, or neither it nor a snapshot can be used.
    OtherStopsError
        They were written for a zone with other stops.
    """
    snapshot = await journal.newest_snapshot()
    if snapshot is None:
        return await _replay(engine, journal, None, tail_after)
    check_stops(engine, snapshot)
    if snapshot.code_version == code_version:
        try:
            return await _replay(engine, journal, snapshot, tail_after)
        except SnapshotError as error:
            log.error("snapshot_unusable", position=snapshot.position, reason=str(error))
            return await _replay(engine, journal, None, tail_after)
    try:
        replayed = await _replay(engine, journal, None, tail_after)
    except DiscardedRecords:
        return await _replay(engine, journal, snapshot, tail_after)
    if replayed.difference is None:
        return replayed
    try:
        return await _replay(engine, journal, snapshot, tail_after)
    except SnapshotError as error:
        log.error("snapshot_unusable", position=snapshot.position, reason=str(error))
        return replayed


def replay_records(engine: Engine, records: Iterable[Record]) -> Replayed:
    """Decide a whole recorded journal again, from position 1."""
    kept = list(records)
    set_aside: set[int] = set()
    failing: list[int] = []
    while True:
        run = _Run(DispatchCore(engine), set_aside, tail_after=None)
        try:
            for record in kept:
                run.take(record)
        except _MustLeaveOutError as again:
            set_aside.add(again.position)
            if again.failing:
                failing.append(again.position)
        else:
            return run.result(0, failing)


async def _replay(
    engine: Engine, journal: Journal, snapshot: Snapshot | None, tail_after: int | None
) -> Replayed:
    known = core_of_snapshot(engine, snapshot).set_aside if snapshot else set()
    set_aside = set(known)
    failing: list[int] = []
    while True:
        # Each attempt needs a state of its own: the engine changes it in place.
        core = core_of_snapshot(engine, snapshot).core if snapshot else DispatchCore(engine)
        from_position = core.position
        run = _Run(core, set_aside, tail_after)
        try:
            async for record in _records(journal, from_position):
                run.take(record)
        except _MustLeaveOutError as again:
            set_aside.add(again.position)
            if again.failing:
                failing.append(again.position)
        else:
            return run.result(from_position, failing)


async def _records(journal: Journal, after: int) -> AsyncIterator[Record]:
    async for record in journal.read(after):
        yield record


class _Run:
    """One attempt at a replay."""

    def __init__(self, core: DispatchCore, set_aside: set[int], tail_after: int | None) -> None:
        self._core = core
        self._set_aside = set_aside
        self._tail_after = tail_after
        self._tail: list[Applied] = []
        self._chain = DigestChain(core.position + 1, core.digest)
        self._recorded_aside: set[int] = set()

    def take(self, record: Record) -> None:
        payload = decode_payload(record.payload)
        self._chain.check(record.position, payload.prev, self._core.digest)
        applied = self._decide(record.position, payload)
        if self._tail_after is not None and record.position > self._tail_after:
            self._tail.append(applied)

    def _decide(self, position: int, payload: EventRecord | SetAsideRecord) -> Applied:
        if isinstance(payload, SetAsideRecord):
            self._recorded_aside.add(payload.position)
            if payload.position not in self._set_aside:
                raise _MustLeaveOutError(payload.position, failing=False)
            return self._core.skip()
        if position in self._set_aside:
            return self._core.skip()
        try:
            return self._core.apply(payload.event)
        except Exception as error:
            log.exception("event_failed", event_number=position)
            raise _MustLeaveOutError(position, failing=True) from error

    def result(self, from_position: int, failing: list[int]) -> Replayed:
        return Replayed(
            core=self._core,
            from_position=from_position,
            set_aside=self._set_aside,
            newly_failing=[p for p in failing if p not in self._recorded_aside],
            difference=self._chain.difference,
            tail=self._tail,
        )
