"""The journal: the ordered, durable record of everything a zone's dispatcher was told.

State is never stored as such. It is what replaying the journal gives, from the start
or from a snapshot. One dispatcher writes at a time; the *epoch* keeps a former one,
that does not know it has been replaced, from writing on.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatcher.journal.erasures import Erasures
from dispatcher.journal.trail import Trail

SNAPSHOTS_KEPT = 3
"""Older snapshots are dropped when a new one is saved, but for the anchors."""

ANCHOR_EVERY = 5_000
"""A snapshot so many records after the last anchor is kept as another one.

From anchors what is long past can be decided again: one is never further back than that.
"""

ANCHORS_KEPT = 48
"""A day of 10,000 requests has some 200,000 records."""

ENTRY_ID_MARK = "#"
"""Begins the ids that the dispatcher itself gives to entries; no rider's key can begin so."""

ENTRY_IDS_KEPT = 1_000
"""How many of the newest entry ids are remembered: more than can ever be under way at once."""

REQUEST_KEYS_KEPT = 200_000
"""How many of the newest deduplication keys are remembered.

The bound is a count and not an age, so that the answer to a resend does not depend on
a clock. At 10,000 requests a day it covers 20 days; a rider's device gives up after minutes.
"""


@dataclass(frozen=True, slots=True)
class Lasting:
    """What stays of an entry whose payload is erased one day, and whom it is about.

    The ``subject`` is the name of one trip; no two entries share it.
    """

    payload: bytes
    subject: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event on its way into the journal.

    ``payload`` is one JSON document without line breaks. ``dedup_key`` makes a resend
    harmless: an entry whose key was written before is not written again. It is a rider's
    ("rider/request"), or an id of the dispatcher's ("#epoch/number"), which is remembered
    for a shorter while.
    """

    payload: bytes
    dedup_key: str | None = None
    lasting: Lasting | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """Where each entry is now, in the order given.

    ``fresh[i]`` is false when entry ``i`` repeats an earlier one; ``positions[i]`` is then
    the position of that earlier entry.
    """

    positions: tuple[int, ...]
    fresh: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One entry as written: positions are 1, 2, 3, … without gaps.

    Of one that is ``erased`` the payload is only what stays: nothing can be decided from it.
    """

    position: int
    epoch: int
    payload: bytes
    dedup_key: str | None = None
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state after the record at ``position``, to spare a restart the replay up to there."""

    position: int
    payload: bytes
    state_hash: str
    code_version: str


@dataclass(frozen=True, slots=True)
class LeaseAnswer:
    """Whether the lease is the asker's now, and whose it is otherwise.

    ``left_s`` is how long it lasts, in seconds; ``place`` is where its holder runs, in the
    holder's own words.
    """

    held: bool
    owner: str
    left_s: float
    run: str
    place: str


class Journal(Protocol):
    """The journal of one zone. Every method may raise ``StoreUnavailable``."""

    async def append(
        self, entries: Sequence[Entry], *, epoch: int, expected_position: int, run: str = ""
    ) -> Appended:
        """Write all entries durably, or none of them.

        Parameters
        ----------
        epoch
            The epoch the caller began.
        expected_position
            The last position the caller has read or written; 0 for an empty journal.
        run
            The run that began the epoch. A store put back to an earlier state may give the
            same number again, but to another run.

        Raises
        ------
        StaleEpoch, UnexpectedPosition, StoreUnavailable
            Nothing was written.
        UnknownOutcome
            It is not known whether the entries were written: read again.
        """
        ...

    def read(self, after: int = 0) -> AsyncIterator[Record]:
        """Every record after position ``after``, in order, fetched in pages of bounded size.

        Raises
        ------
        DamagedJournal
            A position is missing.
        DiscardedRecords
            The record at ``after + 1`` existed and has been discarded.
        """
        ...

    async def last_position(self) -> int:
        """The position of the newest record; 0 when there is none."""
        ...

    async def begin_epoch(
        self, owner: str, *, run: str = "", above: int = 0, renew: bool = False
    ) -> int:
        """Begin and return an epoch above every recorded one; older ones cannot append any more.

        After ``UnknownOutcome`` it may simply be called again: skipping an epoch is harmless.

        Parameters
        ----------
        owner
            For people to read.
        run
            Tells this process from every other; drawn anew at each start.
        above
            The epoch will be higher than this, too.
        renew
            Only if the present epoch was begun by this run.

        Raises
        ------
        LeaseOfAnother
            Another run holds the zone's lease.
        StaleEpoch
            ``renew`` was asked for, but another run has begun an epoch.
        """
        ...

    async def hold_lease(
        self, owner: str, *, run: str, lasts_s: float, place: str = "", leading: bool = False
    ) -> LeaseAnswer:
        """Take the zone's lease or lengthen it to ``lasts_s`` from now, unless another has it.

        Raises
        ------
        StaleEpoch
            ``leading`` was said, but another run has begun an epoch.
        """
        ...

    async def release_lease(self, run: str) -> None:
        """Give the lease back, if this run has it; or take it from one known to have ended."""
        ...

    async def save_snapshot(
        self, position: int, payload: bytes, state_hash: str, code_version: str
    ) -> None:
        """Keep a snapshot, now and then for longer; one not newer than the newest is ignored."""
        ...

    async def newest_snapshot(self) -> Snapshot | None:
        """The snapshot with the highest position, if any."""
        ...

    async def snapshot_before(self, position: int) -> Snapshot | None:
        """The newest kept snapshot whose position is below this one, if any."""
        ...

    async def discard_snapshots_before(self, position: int) -> None:
        """Forget the snapshots of what was before this position, but never the newest one."""
        ...

    async def discard_before(self, position: int) -> None:
        """Forget the records before ``position``, so that the journal does not grow for ever.

        Raises
        ------
        ValueError
            No kept snapshot is old enough: every kept snapshot must stay usable.
        """
        ...

    async def store_faults(self) -> tuple[str, ...]:
        """Why the store could lose what it acknowledges, or soon take nothing more; in words.

        Raises
        ------
        UnsuitableSettings
            It does not let that be looked up.
        """
        ...

    async def reconnection(self) -> None:
        """Return when a connection to the store has been made since the call."""
        ...

    def erasures(self) -> Erasures:
        """What of the journal is to be erased, in the same store."""
        ...

    def trail(self) -> Trail:
        """The zone's audit trail, in the same store."""
        ...

    async def aclose(self) -> None:
        """Let go of connections. The journal cannot be used afterwards."""
        ...
