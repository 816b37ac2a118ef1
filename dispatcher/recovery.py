"""From the journal back to the state: at start, after a mistake, and to check a recording."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from dispatcher.codec import (
    JournalPayload,
    SealRecord,
    SetAsideRecord,
    ZoneRecord,
    decode_payload,
)
from dispatcher.core import Applied, DispatchCore, Engine, Ground
from dispatcher.journal import DiscardedRecords, ErasedRecord, Journal, Record, Snapshot
from dispatcher.snapshots import (
    OtherZoneError,
    SnapshotError,
    check_stops,
    core_of_snapshot,
)

log = structlog.get_logger(__name__)

TAIL_KEPT: Final = 128
"""So many of the last decisions a replay remembers: more than the largest batch has."""


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
    aside; ``tail`` is what was decided last, as far back as ``TAIL_KEPT``.
    """

    core: DispatchCore
    from_position: int
    set_aside: set[int]
    newly_failing: list[int]
    difference: Difference | None
    tail: list[Applied] = field(default_factory=list)


class MustLeaveOutError(Exception):
    """An event that was applied must be left out after all."""

    def __init__(self, position: int, failing: bool) -> None:
        super().__init__(position)
        self.position = position
        self.failing = failing

    def note(self, set_aside: set[int], failing: list[int]) -> None:
        """For the next attempt."""
        set_aside.add(self.position)
        if self.failing:
            failing.append(self.position)


async def recover(engine: Engine, journal: Journal, code_version: str) -> "Replay":
    """A replay that stands at the journal's end.

    A snapshot of the same code version spares the replay up to it. After a change of
    code everything is decided again from the start; where that gives other decisions than
    the recorded ones, the snapshot is preferred if it still loads, since it holds what
    riders were promised. Each part of the journal is decided under the rules that it was
    decided under at the time; streets and hours are not in the journal.

    Raises
    ------
    JournalError, CodecError, SnapshotError
        The journal cannot be read, or neither it nor a snapshot can be used.
    OtherStopsError
        They were written for a zone with other stops.
    OtherZoneError
        Events beyond the snapshot were decided in other streets or hours.
    """
    snapshot = await journal.newest_snapshot()
    if snapshot is None:
        return await _replay(engine, journal, None)
    check_stops(engine, snapshot)
    if snapshot.code_version == code_version:
        try:
            return await _replay(engine, journal, snapshot)
        except SnapshotError as error:
            log.error("snapshot_unusable", position=snapshot.position, reason=str(error))
            return await _replay(engine, journal, None)
    try:
        replayed = await _replay(engine, journal, None)
    except (DiscardedRecords, ErasedRecord, OtherZoneError):
        return await _replay(engine, journal, snapshot)
    if replayed.result().difference is None:
        return replayed
    try:
        return await _replay(engine, journal, snapshot)
    except SnapshotError as error:
        log.error("snapshot_unusable", position=snapshot.position, reason=str(error))
        return replayed


def replay_records(
    engine: Engine, records: Iterable[Record], base: Snapshot | None = None
) -> Replayed:
    """Decide a recorded journal again, from position 1 or from the one after the snapshot."""
    kept = list(records)
    attempts = _Attempts(engine, base)
    while True:
        replay = attempts.another()
        try:
            for record in kept:
                replay.take(record)
        except MustLeaveOutError as again:
            attempts.leave_out(again)
        else:
            return replay.result()


async def _replay(engine: Engine, journal: Journal, base: Snapshot | None) -> "Replay":
    attempts = _Attempts(engine, base)
    while True:
        replay = attempts.another()
        try:
            async for record in journal.read(replay.position):
                replay.take(record)
        except MustLeaveOutError as again:
            attempts.leave_out(again)
        else:
            return replay


class _Attempts:
    """Replays from the same beginning, each without the events found to be left out."""

    def __init__(self, engine: Engine, base: Snapshot | None) -> None:
        self._engine = engine
        self._base = base
        self._set_aside: set[int] | None = None
        self._failing: list[int] = []

    def another(self) -> "Replay":
        # Each attempt needs a state of its own: the engine changes it in place.
        restored = core_of_snapshot(self._engine, self._base) if self._base else None
        core = restored.core if restored else DispatchCore(self._engine)
        if self._set_aside is None:
            self._set_aside = set(restored.set_aside) if restored else set()
        return Replay(core, self._set_aside, self._failing)

    def leave_out(self, again: MustLeaveOutError) -> None:
        assert self._set_aside is not None
        again.note(self._set_aside, self._failing)


class Replay:
    """One attempt at a replay; goes on for as long as there are records to take.

    ``set_aside`` are the events to leave out, ``failing`` those of them that the journal may
    not yet say to leave out.
    """

    def __init__(self, core: DispatchCore, set_aside: set[int], failing: list[int]) -> None:
        self._core = core
        self._from_position = core.position
        self._set_aside = set_aside
        self._failing = failing
        self._tail: deque[Applied] = deque(maxlen=TAIL_KEPT)
        self._chain = DigestChain(core.position + 1, core.digest)
        self._recorded_aside: set[int] = set()
        self._zone = core.engine.zone_digest()

    @property
    def position(self) -> int:
        """The last record taken."""
        return self._core.position

    def take(self, record: Record) -> None:
        """Decide on the next record.

        Raises
        ------
        MustLeaveOutError
            An event has to be left out: nothing more can come of this attempt.
        CodecError
            The record is not of this version.
        OtherZoneError
            It was decided in other streets or hours than there are now.
        ErasedRecord
            What it was decided from is gone.
        """
        if record.erased:
            raise ErasedRecord(record.position)
        payload = decode_payload(record.payload)
        self._chain.check(record.position, payload.prev, self._core.digest)
        self._tail.append(self._decide(record.position, payload))

    def _decide(self, position: int, payload: JournalPayload) -> Applied:
        if isinstance(payload, ZoneRecord):
            return self._core.move_to(Ground(payload.rules, payload.zone))
        if isinstance(payload, SealRecord):
            return self._core.skip()
        if isinstance(payload, SetAsideRecord):
            self._recorded_aside.add(payload.position)
            if payload.position not in self._set_aside:
                raise MustLeaveOutError(payload.position, failing=False)
            return self._core.skip()
        if position in self._set_aside:
            return self._core.skip()
        ground = self._core.ground
        if ground is not None and ground.zone != self._zone:
            raise OtherZoneError(position)
        try:
            return self._core.apply(payload.event)
        except Exception as error:
            log.exception("event_failed", event_number=position)
            raise MustLeaveOutError(position, failing=True) from error

    def result(self) -> Replayed:
        """Where it stands. Nothing more may be taken once the core is used elsewhere."""
        return Replayed(
            core=self._core,
            from_position=self._from_position,
            set_aside=self._set_aside,
            newly_failing=[p for p in self._failing if p not in self._recorded_aside],
            difference=self._chain.difference,
            tail=list(self._tail),
        )
