"""What Redis holds and how it answers the commands that the journal sends.

Only those commands, and of the append script only what it means: a test runs both against each
other. Errors are answers too, as in the protocol.
"""

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import ResponseError

from dispatcher.journal.store_checks import REQUIRED_SETTINGS
from dispatcher.journal.stored import APPEND_SCRIPT

_TOP: Final = (1 << 62, 1 << 62)

StreamId = tuple[int, int]


@dataclass(slots=True)
class Stream:
    ids: list[StreamId] = field(default_factory=list)
    fields: list[list[bytes]] = field(default_factory=list)
    last: StreamId = (0, 0)


class RedisTwin:
    """One server's memory. ``execute`` answers, or raises ``ResponseError``."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = dict(REQUIRED_SETTINGS)
        self.streams: dict[bytes, Stream] = {}
        self.hashes: dict[bytes, dict[bytes, bytes]] = {}
        self.sorted_sets: dict[bytes, dict[bytes, int]] = {}
        self.on_record: Callable[[int, int, bytes], None] = lambda position, epoch, payload: None
        """Hears of each record appended."""

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

    # Hashes and settings

    def hget(self, arguments: list[bytes]) -> bytes | None:
        return self.hashes.get(arguments[0], {}).get(arguments[1])

    def hset(self, arguments: list[bytes]) -> int:
        found = self.hashes.setdefault(arguments[0], {})
        pairs = arguments[1:]
        before = len(found)
        found.update(zip(pairs[0::2], pairs[1::2], strict=True))
        return len(found) - before

    def hincrby(self, arguments: list[bytes]) -> int:
        found = self.hashes.setdefault(arguments[0], {})
        value = int(found.get(arguments[1], b"0")) + int(arguments[2])
        found[arguments[1]] = b"%d" % value
        return value

    def config(self, arguments: list[bytes]) -> list[bytes]:
        names = [name.decode() for name in arguments[1:]]
        found = [(name, self.settings[name]) for name in names if name in self.settings]
        return [part.encode() for pair in found for part in pair]

    # The append script

    def eval(self, arguments: list[bytes]) -> list[Any]:
        script, many, *rest = arguments
        if script.decode() != APPEND_SCRIPT:
            raise ResponseError("the twin knows no other script than append.lua")
        return self.append(rest[: int(many)], rest[int(many) :])

    def append(self, keys: Sequence[bytes], arguments: Sequence[bytes]) -> list[Any]:
        """``append.lua``, in Python: every check before the first write."""
        journal, epoch_key, request_keys = keys
        epoch, expected, keys_kept = arguments[0], int(arguments[1]), int(arguments[2])
        current = self.hashes.get(epoch_key, {}).get(b"epoch", b"0")
        if self.is_stale(epoch, current):
            return [b"stale_epoch", int(current)]
        stream = self.streams.get(journal)
        last = stream.ids[-1][0] if stream is not None and stream.ids else 0
        if self.is_unexpected(expected, last):
            return [b"unexpected_position", last]
        known = self.sorted_sets.setdefault(request_keys, {})
        answer: list[Any] = [b"appended"]
        for key, payload in zip(arguments[3::2], arguments[4::2], strict=True):
            earlier = self.earlier(known, key)
            if earlier is not None:
                answer += [earlier, 0]
                continue
            last += 1
            self.xadd([journal, b"%d-0" % last, b"epoch", epoch, b"key", key, b"payload", payload])
            self.on_record(last, int(epoch), payload)
            if key:
                known[key] = last
            answer += [last, 1]
        while len(known) > keys_kept:
            del known[min(known, key=lambda key: (known[key], key))]
        return answer

    # The script's three checks, by name: bugs are planted here

    def is_stale(self, epoch: bytes, current: bytes) -> bool:
        return epoch != current

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
    b"HINCRBY": RedisTwin.hincrby,
    b"CONFIG": RedisTwin.config,
    b"EVAL": RedisTwin.eval,
}


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
