"""The journal held in memory: for tests and for simulated days."""

from collections.abc import AsyncIterator, Sequence
from itertools import islice

from dispatcher.journal.contract import (
    REQUEST_KEYS_KEPT,
    SNAPSHOTS_KEPT,
    Appended,
    Entry,
    Record,
    Snapshot,
)
from dispatcher.journal.errors import DiscardedRecords, StaleEpoch, UnexpectedPosition


class MemoryJournal:
    """Answers as the stored journal does, and forgets everything with the process."""

    def __init__(self, *, request_keys_kept: int = REQUEST_KEYS_KEPT) -> None:
        self._records: list[Record] = []
        self._discarded = 0  # records before the first one still held
        self._epoch = 0
        self._request_keys_kept = request_keys_kept
        self._position_of_key: dict[str, int] = {}  # in order of position
        self._snapshots: list[Snapshot] = []

    async def append(
        self, entries: Sequence[Entry], *, epoch: int, expected_position: int
    ) -> Appended:
        last = self._last()
        if epoch != self._epoch:
            raise StaleEpoch(epoch, self._epoch)
        if expected_position != last:
            raise UnexpectedPosition(expected_position, last)
        positions: list[int] = []
        fresh: list[bool] = []
        for entry in entries:
            earlier = self._position_of_key.get(entry.dedup_key) if entry.dedup_key else None
            if earlier is None:
                last += 1
                self._records.append(Record(last, epoch, entry.payload, entry.dedup_key or None))
                if entry.dedup_key:
                    self._position_of_key[entry.dedup_key] = last
            positions.append(last if earlier is None else earlier)
            fresh.append(earlier is None)
        surplus = max(0, len(self._position_of_key) - self._request_keys_kept)
        for key in list(islice(self._position_of_key, surplus)):
            del self._position_of_key[key]
        return Appended(tuple(positions), tuple(fresh))

    async def read(self, after: int = 0) -> AsyncIterator[Record]:
        if after < self._discarded:
            raise DiscardedRecords(after, self._discarded + 1)
        position = after
        while position < self._last():
            yield self._records[position - self._discarded]
            position += 1
            if position < self._discarded:
                raise DiscardedRecords(position, self._discarded + 1)

    async def last_position(self) -> int:
        return self._last()

    async def begin_epoch(self, owner: str) -> int:
        self._epoch += 1
        return self._epoch

    async def save_snapshot(
        self, position: int, payload: bytes, state_hash: str, code_version: str
    ) -> None:
        if self._snapshots and position <= self._snapshots[-1].position:
            return
        self._snapshots.append(Snapshot(position, payload, state_hash, code_version))
        del self._snapshots[:-SNAPSHOTS_KEPT]

    async def newest_snapshot(self) -> Snapshot | None:
        return self._snapshots[-1] if self._snapshots else None

    async def discard_before(self, position: int) -> None:
        oldest = self._snapshots[0].position if self._snapshots else 0
        if position > oldest:
            raise ValueError(f"the oldest kept snapshot is at {oldest}, not at {position} or later")
        surplus = max(0, position - 1 - self._discarded)
        del self._records[:surplus]
        self._discarded += surplus

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _last(self) -> int:
        return self._discarded + len(self._records)
