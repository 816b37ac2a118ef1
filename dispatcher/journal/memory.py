"""The journal held in memory: for tests and for simulated days."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from itertools import islice

from dispatcher.journal.contract import (
    ANCHOR_EVERY,
    ANCHORS_KEPT,
    ENTRY_ID_MARK,
    ENTRY_IDS_KEPT,
    REQUEST_KEYS_KEPT,
    SNAPSHOTS_KEPT,
    Appended,
    Entry,
    LeaseAnswer,
    Record,
    Snapshot,
)
from dispatcher.journal.errors import (
    DiscardedRecords,
    LeaseOfAnother,
    StaleEpoch,
    UnexpectedPosition,
)
from dispatcher.journal.memory_erasures import MemoryErasures
from dispatcher.journal.memory_trail import MemoryTrail


class _Keys:
    """Keys and where they stand, in order of position; the newest ``kept`` after a trim."""

    def __init__(self, kept: int) -> None:
        self.position_of: dict[str, int] = {}
        self._kept = kept

    def trim(self) -> None:
        surplus = max(0, len(self.position_of) - self._kept)
        for key in list(islice(self.position_of, surplus)):
            del self.position_of[key]


class MemoryJournal:
    """Answers as the stored journal does, and forgets everything with the process.

    ``monotonic`` is the clock, in seconds, by which a lease runs out.
    """

    def __init__(
        self,
        *,
        request_keys_kept: int = REQUEST_KEYS_KEPT,
        entry_ids_kept: int = ENTRY_IDS_KEPT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records: list[Record] = []
        self._discarded = 0  # records before the first one still held
        self._epoch = 0
        self._run = ""  # that began the epoch
        self._monotonic = monotonic
        self._lease: LeaseAnswer | None = None  # as its holder was answered
        self._lease_ends_s = 0.0
        self._request_keys = _Keys(request_keys_kept)
        self._entry_ids = _Keys(entry_ids_kept)
        self._snapshots: list[Snapshot] = []
        self._anchors: list[Snapshot] = []
        self._trail = MemoryTrail()
        self._erasures = MemoryErasures()

    async def append(
        self, entries: Sequence[Entry], *, epoch: int, expected_position: int, run: str = ""
    ) -> Appended:
        last = self._last()
        if epoch != self._epoch or run != self._run:
            raise StaleEpoch(epoch, self._epoch)
        if expected_position != last:
            raise UnexpectedPosition(expected_position, last)
        positions: list[int] = []
        fresh: list[bool] = []
        for entry in entries:
            key = entry.dedup_key or ""
            known = self._entry_ids if key.startswith(ENTRY_ID_MARK) else self._request_keys
            earlier = known.position_of.get(key)
            if earlier is None:
                last += 1
                self._records.append(Record(last, epoch, entry.payload, key or None))
                if entry.lasting is not None:
                    self._erasures.note(last, entry.lasting)
                if key:
                    known.position_of[key] = last
            positions.append(last if earlier is None else earlier)
            fresh.append(earlier is None)
        self._request_keys.trim()
        self._entry_ids.trim()
        return Appended(tuple(positions), tuple(fresh))

    async def read(self, after: int = 0) -> AsyncIterator[Record]:
        if after < self._discarded:
            raise DiscardedRecords(after, self._discarded + 1)
        position = after
        while position < self._last():
            record = self._records[position - self._discarded]
            left = self._erasures.left_of(record.position)
            yield record if left is None else replace(record, payload=left, erased=True)
            position += 1
            if position < self._discarded:
                raise DiscardedRecords(position, self._discarded + 1)

    async def last_position(self) -> int:
        return self._last()

    async def begin_epoch(
        self, owner: str, *, run: str = "", above: int = 0, renew: bool = False
    ) -> int:
        if renew and run != self._run:
            raise StaleEpoch(self._epoch, self._epoch)
        if (lease := self._lease_of_another(run)) is not None:
            raise LeaseOfAnother(lease.owner, lease.left_s)
        recorded = self._records[-1].epoch if self._records else 0
        self._epoch = max(self._epoch, recorded, above) + 1
        self._run = run
        return self._epoch

    async def hold_lease(
        self, owner: str, *, run: str, lasts_s: float, place: str = "", leading: bool = False
    ) -> LeaseAnswer:
        if (lease := self._lease_of_another(run)) is not None:
            return lease
        if leading and run != self._run:
            raise StaleEpoch(self._epoch, self._epoch)
        self._lease = LeaseAnswer(True, owner, lasts_s, run, place)
        self._lease_ends_s = self._monotonic() + lasts_s
        return self._lease

    async def release_lease(self, run: str) -> None:
        if self._lease is not None and self._lease.run == run:
            self._lease = None

    def _lease_of_another(self, run: str) -> LeaseAnswer | None:
        left_s = self._lease_ends_s - self._monotonic()
        if self._lease is None or self._lease.run == run or left_s <= 0:
            return None
        return replace(self._lease, held=False, left_s=left_s)

    async def save_snapshot(
        self, position: int, payload: bytes, state_hash: str, code_version: str
    ) -> None:
        if self._snapshots and position <= self._snapshots[-1].position:
            return
        snapshot = Snapshot(position, payload, state_hash, code_version)
        self._snapshots.append(snapshot)
        del self._snapshots[:-SNAPSHOTS_KEPT]
        if position >= (self._anchors[-1].position if self._anchors else 0) + ANCHOR_EVERY:
            self._anchors.append(snapshot)
            del self._anchors[:-ANCHORS_KEPT]

    async def newest_snapshot(self) -> Snapshot | None:
        return self._snapshots[-1] if self._snapshots else None

    async def snapshot_before(self, position: int) -> Snapshot | None:
        kept = (*self._anchors, *self._snapshots)
        older = [snapshot for snapshot in kept if snapshot.position < position]
        return max(older, key=lambda snapshot: snapshot.position, default=None)

    async def discard_snapshots_before(self, position: int) -> None:
        kept = [snapshot for snapshot in self._snapshots if snapshot.position >= position]
        self._snapshots = kept or self._snapshots[-1:]
        self._anchors = [anchor for anchor in self._anchors if anchor.position >= position]

    async def discard_before(self, position: int) -> None:
        kept = (*self._anchors[:1], *self._snapshots[:1])
        oldest = min((snapshot.position for snapshot in kept), default=0)
        if position > oldest:
            raise ValueError(f"the oldest kept snapshot is at {oldest}, not at {position} or later")
        surplus = max(0, position - 1 - self._discarded)
        del self._records[:surplus]
        self._discarded += surplus

    async def store_faults(self) -> tuple[str, ...]:
        return ()

    async def reconnection(self) -> None:
        await asyncio.Event().wait()  # there is nothing to be cut off from

    def erasures(self) -> MemoryErasures:
        return self._erasures

    def trail(self) -> MemoryTrail:
        return self._trail

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _last(self) -> int:
        return self._discarded + len(self._records)
