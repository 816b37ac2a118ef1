"""Deciding a recorded journal again, and saying whether every decision is the same."""

from collections.abc import Iterable
from dataclasses import dataclass

from dispatcher.codec import EventRecord, decode_payload
from dispatcher.core import Engine
from dispatcher.journal import Record, Snapshot
from dispatcher.recovery import Difference, replay_records


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """``compared`` events had a digest to be compared with.

    The journal keeps, with each event, the digest of all decisions before its batch. The
    last batch has none behind it, unless a digest from elsewhere (a snapshot's) is given.
    """

    events: int
    compared: int
    set_aside: tuple[int, ...]
    difference: Difference | None
    digest: str
    after: int = 0  # the events before were not decided again

    @property
    def same(self) -> bool:
        return self.difference is None

    def in_words(self) -> str:
        """One sentence for an operator."""
        aside = f", {len(self.set_aside)} set aside" if self.set_aside else ""
        since = f" after event {self.after}" if self.after else ""
        if self.difference is None:
            return (
                f"{self.events} events{since}{aside}: every decision is the same "
                f"({self.compared} could be compared); digest {self.digest}"
            )
        first, last = self.difference.first, self.difference.last
        where = f"event {first}" if first == last else f"events {first} to {last}"
        return f"{self.events} events{since}{aside}: the decisions first differ at {where}"


def replay(
    engine: Engine,
    records: Iterable[Record],
    *,
    base: Snapshot | None = None,
    final_digest: str | None = None,
) -> ReplayResult:
    """Decide the records again, which must begin with record 1 or after the snapshot ``base``.

    ``final_digest`` is the digest of all decisions, where it is known.

    Raises
    ------
    CodecError
        A record is not an event of this version.
    ErasedRecord
        A rider's place in one has been erased.
    SnapshotError
        The base cannot be taken up.
    """
    kept = list(records)
    after = base.position if base else 0
    if kept and kept[0].position != after + 1:
        raise ValueError(
            f"a replay begins at record {after + 1}, but the first one is {kept[0].position}"
        )
    replayed = replay_records(engine, kept, base)
    last_batch = _last_batch_length(kept)
    difference = replayed.difference
    if difference is None and final_digest not in (None, replayed.core.digest):
        last = after + len(kept)
        difference = Difference(last - last_batch + 1, last)
    return ReplayResult(
        events=len(kept),
        compared=len(kept) - (last_batch if final_digest is None else 0),
        set_aside=tuple(sorted(replayed.set_aside)),
        difference=difference,
        digest=replayed.core.digest,
        after=after,
    )


def _last_batch_length(records: list[Record]) -> int:
    """How many records at the end carry the same digest."""
    length = 0
    last: str | None = None
    for record in reversed(records):
        digest = decode_payload(record.payload).prev
        if last is not None and digest != last:
            break
        last = digest
        length += 1
    return length


def events_of(records: Iterable[Record]) -> Iterable[tuple[int, EventRecord]]:
    """Position and event of every record that holds one."""
    for record in records:
        payload = decode_payload(record.payload)
        if isinstance(payload, EventRecord):
            yield record.position, payload
