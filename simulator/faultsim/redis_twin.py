"""What Redis holds and how it answers the commands that the journal sends.

Only those commands, and of the journal's scripts only what they mean: a test runs both against
each other. Errors are answers too, as in the protocol.
"""

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import ResponseError

from dispatcher.journal.store_checks import REQUIRED_SETTINGS
from dispatcher.journal.stored import (
    APPEND_SCRIPT,
    EPOCH_SCRIPT,
    LEASE_SCRIPT,
    RELEASE_SCRIPT,
)

_TOP: Final = (1 << 62, 1 << 62)

StreamId = tuple[int, int]


@dataclass(slots=True)
class Stream:
    ids: list[StreamId] = field(default_factory=list)
    fields: list[list[bytes]] = field(default_factory=list)
    last: StreamId = (0, 0)


class RedisTwin:
    """One server's memory. ``execute`` answers, or raises ``ResponseError``.

    ``now_ms`` is the server's clock, by which keys expire.
    """

    def __init__(self, now_ms: Callable[[], int] = lambda: 0) -> None:
        self.settings: dict[str, str] = dict(REQUIRED_SETTINGS)
        self.info_fields: dict[str, str] = {"role": "master", "aof_last_write_status": "ok"}
        self.streams: dict[bytes, Stream] = {}
        self.hashes: dict[bytes, dict[bytes, bytes]] = {}
        self.sorted_sets: dict[bytes, dict[bytes, int]] = {}
        self.on_record: Callable[[int, int, bytes], None] = lambda position, epoch, payload: None
        """Hears of each record appended, as it was told."""
        self.on_epoch: Callable[[int, bytes], None] = lambda epoch, run: None
        """Hears of each epoch begun, and of the run whose it is."""
        self.on_erase: Callable[[int], None] = lambda position: None
        """Hears of each record of which the store forgets the whole."""
        self._now_ms = now_ms
        self._expires_ms: dict[bytes, int] = {}  # of hashes

    def execute(self, *command: Any) -> Any:
        name, *arguments = [_bytes(part) for part in command]
        act = _COMMANDS.get(name.upper())
        if act is None:
            raise ResponseError(f"unknown command {name!r}")
        return act(self, arguments)

    # Streams

    def xadd(self, arguments: list[bytes]) -> bytes:
        key, *rest = arguments
        most = None
        if rest[0].upper() == b"MAXLEN":
            most = int(rest[2])
            rest = rest[3:]
        stream = self.streams.setdefault(key, Stream())
        stream_id = _stream_id(rest[0])
        if stream_id <= stream.last:
            raise ResponseError(
                "The ID specified in XADD is equal or smaller than the target stream top item"
            )
        stream.ids.append(stream_id)
        stream.fields.append(rest[1:])
        stream.last = stream_id
        if most is not None:
            self._drop(stream, len(stream.ids) - most)
        return rest[0]

    def xrange(self, arguments: list[bytes]) -> list[list[Any]]:
        key, low, high, *rest = arguments
        stream = self.streams.get(key)
        if stream is None:
            return []
        begin = _bound(stream, low, upper=False)
        end = _bound(stream, high, upper=True)
        count = int(rest[1]) if rest else len(stream.ids)
        return [_entry(stream, i) for i in range(begin, min(end, begin + count))]

    def xrevrange(self, arguments: list[bytes]) -> list[list[Any]]:
        key, high, low, *rest = arguments
        stream = self.streams.get(key)
        if stream is None:
            return []
        begin = _bound(stream, low, upper=False)
        end = _bound(stream, high, upper=True)
        count = int(rest[1]) if rest else len(stream.ids)
        return [_entry(stream, i) for i in range(end - 1, max(begin, end - count) - 1, -1)]

    def xtrim(self, arguments: list[bytes]) -> int:
        key, how, _, limit = arguments
        stream = self.streams.get(key)
        if stream is None:
            return 0
        if how.upper() == b"MINID":
            many = bisect.bisect_left(stream.ids, _stream_id(limit))
        else:
            many = max(0, len(stream.ids) - int(limit))
        self._drop(stream, many)
        return many

    def _drop(self, stream: Stream, many: int) -> None:
        if many > 0:
            del stream.ids[:many]
            del stream.fields[:many]

    # Hashes

    def hget(self, arguments: list[bytes]) -> bytes | None:
        return self._hash(arguments[0]).get(arguments[1])

    def hset(self, arguments: list[bytes]) -> int:
        found = self._hash(arguments[0])
        self.hashes[arguments[0]] = found
        pairs = arguments[1:]
        before = len(found)
        found.update(zip(pairs[0::2], pairs[1::2], strict=True))
        return len(found) - before

    def hmget(self, arguments: list[bytes]) -> list[bytes | None]:
        found = self._hash(arguments[0])
        return [found.get(name) for name in arguments[1:]]

    def hdel(self, arguments: list[bytes]) -> int:
        found = self._hash(arguments[0])
        gone = [name for name in dict.fromkeys(arguments[1:]) if found.pop(name, None) is not None]
        for name in gone:
            self.on_erase(int(name))
        return len(gone)

    def _hash(self, key: bytes) -> dict[bytes, bytes]:
        """Empty if there is none, or none any more."""
        expires_ms = self._expires_ms.get(key)
        if expires_ms is not None and expires_ms <= self._now_ms():
            self._delete(key)
        return self.hashes.get(key, {})

    def _delete(self, key: bytes) -> None:
        self.hashes.pop(key, None)
        self._expires_ms.pop(key, None)

    # Sorted sets

    def zadd(self, arguments: list[bytes]) -> int:
        key, *pairs = arguments
        members = self.sorted_sets.setdefault(key, {})
        before = len(members)
        members.update((pairs[i + 1], int(pairs[i])) for i in range(0, len(pairs), 2))
        return len(members) - before

    def zrem(self, arguments: list[bytes]) -> int:
        members = self.sorted_sets.get(arguments[0], {})
        return sum(members.pop(member, None) is not None for member in arguments[1:])

    def zrange(self, arguments: list[bytes]) -> list[bytes]:
        """All of them, with their scores: nothing else is asked for."""
        return self._scored(arguments[0], _TOP[0])

    def zrangebyscore(self, arguments: list[bytes]) -> list[bytes]:
        """From the lowest on, with their scores."""
        key, _, highest, *_, most = arguments
        return self._scored(key, int(highest))[: 2 * int(most)]

    def _scored(self, key: bytes, highest: int) -> list[bytes]:
        ordered = sorted((score, member) for member, score in self._members(key))
        return [part for s, member in ordered if s <= highest for part in (member, b"%d" % s)]

    def _members(self, key: bytes) -> list[tuple[bytes, int]]:
        return list(self.sorted_sets.get(key, {}).items())

    # Settings

    def config(self, arguments: list[bytes]) -> list[bytes]:
        names = [name.decode() for name in arguments[1:]]
        found = [(name, self.settings[name]) for name in names if name in self.settings]
        return [part.encode() for pair in found for part in pair]

    def bgrewriteaof(self, arguments: list[bytes]) -> bytes:
        return b"Background append only file rewriting started"

    def info(self, arguments: list[bytes]) -> bytes:
        """All that the journal looks at, whatever section is asked for."""
        lines = ["# Everything", *(f"{name}:{value}" for name, value in self.info_fields.items())]
        return "\r\n".join(lines).encode()

    # The scripts

    def eval(self, arguments: list[bytes]) -> list[Any] | None:
        script, many, *rest = arguments
        act = _SCRIPTS.get(script.decode())
        if act is None:
            raise ResponseError("the twin knows no other scripts than the journal's")
        return act(self, rest[: int(many)], rest[int(many) :])

    def append(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> list[Any]:
        """``append.lua``, in Python: every check before the first write."""
        journal, epoch_key, request_keys, entry_ids, exact, undated = keys
        epoch, run, expected = arguments[0], arguments[1], int(arguments[2])
        current = self._hash(epoch_key)
        highest = current.get(b"epoch", b"0")
        if self.is_stale(epoch, highest) or self.is_of_another(run, current.get(b"run", b"")):
            return [b"stale_epoch", int(highest)]
        stream = self.streams.get(journal)
        last = stream.ids[-1][0] if stream is not None and stream.ids else 0
        if self.is_unexpected(expected, last):
            return [b"unexpected_position", last]
        requests = self.sorted_sets.setdefault(request_keys, {})
        ids = self.sorted_sets.setdefault(entry_ids, {})
        answer: list[Any] = [b"appended"]
        for i in range(5, len(arguments), 4):
            key, payload, lasting, subject = arguments[i : i + 4]
            known = ids if key.startswith(b"#") else requests
            earlier = self.earlier(known, key)
            if earlier is not None:
                answer += [earlier, 0]
                continue
            last += 1
            kept = (b"lasting", lasting) if lasting else (b"payload", payload)
            self.xadd([journal, b"%d-0" % last, b"epoch", epoch, b"key", key, *kept])
            if lasting:
                self.hset([exact, b"%d" % last, payload])
                self.zadd([undated, b"%d" % last, subject])
            self.on_record(last, int(epoch), payload)
            if key:
                known[key] = last
            answer += [last, 1]
        _keep_newest(requests, int(arguments[3]))
        _keep_newest(ids, int(arguments[4]))
        return answer

    def begin_epoch(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> list[Any]:
        """``epoch.lua``."""
        journal, epoch_key, lease = keys
        run, owner, above, renew = arguments
        current = self._hash(epoch_key)
        highest = int(current.get(b"epoch", b"0"))
        if renew == b"renew" and self.is_of_another(run, current.get(b"run", b"")):
            return [b"stale_epoch", highest]
        holder = self._hash(lease)
        if b"run" in holder and holder[b"run"] != run:
            return [b"of_another", holder.get(b"owner", b""), self._left_ms(lease)]
        stream = self.streams.get(journal)
        if stream is not None and stream.ids:
            newest = stream.fields[-1]
            recorded = dict(zip(newest[0::2], newest[1::2], strict=True))
            highest = max(highest, int(recorded[b"epoch"]))
        epoch = self.next_epoch(max(highest, int(above)))
        self.hset([epoch_key, b"epoch", b"%d" % epoch, b"run", run, b"owner", owner])
        self.on_epoch(epoch, run)
        return [b"begun", epoch]

    def hold_lease(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> list[Any]:
        """``lease.lua``."""
        lease, epoch_key = keys
        run, owner, place, lasts_ms, leading = arguments
        holder = self._hash(lease)
        if b"run" in holder and self.is_anothers_lease(run, holder[b"run"]):
            left_ms = self._left_ms(lease)
            return [b"of_another", holder[b"owner"], left_ms, holder[b"run"], holder[b"place"]]
        if leading == b"leading":
            current = self._hash(epoch_key)
            if self.is_of_another(run, current.get(b"run", b"")):
                return [b"stale_epoch", int(current.get(b"epoch", b"0"))]
        self.hset([lease, b"run", run, b"owner", owner, b"place", place])
        self._expires_ms[lease] = self._now_ms() + self.lasts_ms(int(lasts_ms))
        return [b"held"]

    def release_lease(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> None:
        if self._hash(keys[0]).get(b"run") == arguments[0]:
            self._delete(keys[0])

    def _left_ms(self, key: bytes) -> int:
        return self._expires_ms[key] - self._now_ms() if key in self._expires_ms else -1

    # The scripts' checks, by name: bugs are planted here

    def is_stale(self, epoch: bytes, current: bytes) -> bool:
        return epoch != current

    def is_of_another(self, run: bytes, current: bytes) -> bool:
        """Whether another run has begun the present epoch."""
        return run != current

    def is_anothers_lease(self, run: bytes, holder: bytes) -> bool:
        return run != holder

    def next_epoch(self, highest: int) -> int:
        return highest + 1

    def lasts_ms(self, asked_ms: int) -> int:
        return asked_ms

    def is_unexpected(self, expected: int, last: int) -> bool:
        return expected != last

    def earlier(self, known: dict[bytes, int], key: bytes) -> int | None:
        return known.get(key) if key else None


_COMMANDS: Final[dict[bytes, Callable[[RedisTwin, list[bytes]], Any]]] = {
    b"XADD": RedisTwin.xadd,
    b"XRANGE": RedisTwin.xrange,
    b"XREVRANGE": RedisTwin.xrevrange,
    b"XTRIM": RedisTwin.xtrim,
    b"HGET": RedisTwin.hget,
    b"HSET": RedisTwin.hset,
    b"HMGET": RedisTwin.hmget,
    b"HDEL": RedisTwin.hdel,
    b"ZADD": RedisTwin.zadd,
    b"ZREM": RedisTwin.zrem,
    b"ZRANGE": RedisTwin.zrange,
    b"ZRANGEBYSCORE": RedisTwin.zrangebyscore,
    b"BGREWRITEAOF": RedisTwin.bgrewriteaof,
    b"CONFIG": RedisTwin.config,
    b"INFO": RedisTwin.info,
    b"EVAL": RedisTwin.eval,
}
_SCRIPTS: Final[
    dict[str, Callable[[RedisTwin, Sequence[bytes], Sequence[bytes]], list[Any] | None]]
] = {
    APPEND_SCRIPT: RedisTwin.append,
    EPOCH_SCRIPT: RedisTwin.begin_epoch,
    LEASE_SCRIPT: RedisTwin.hold_lease,
    RELEASE_SCRIPT: RedisTwin.release_lease,
}


def _keep_newest(known: dict[bytes, int], many: int) -> None:
    while len(known) > many:
        del known[min(known, key=lambda key: (known[key], key))]


def _bytes(part: Any) -> bytes:
    if isinstance(part, bytes):
        return part
    return str(part).encode()


def _stream_id(text: bytes) -> StreamId:
    milliseconds, _, sequence = text.partition(b"-")
    return int(milliseconds), int(sequence or 0)


def _bound(stream: Stream, text: bytes, *, upper: bool) -> int:
    if text == b"-":
        return 0
    if text == b"+":
        return len(stream.ids)
    after = text.startswith(b"(")
    stream_id = _stream_id(text.removeprefix(b"("))
    if after != upper:
        return bisect.bisect_right(stream.ids, stream_id)
    return bisect.bisect_left(stream.ids, stream_id)


def _entry(stream: Stream, i: int) -> list[Any]:
    milliseconds, sequence = stream.ids[i]
    return [b"%d-%d" % (milliseconds, sequence), stream.fields[i]]
