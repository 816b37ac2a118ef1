"""The audit trail in the store: one stream per zone beside the journal."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from dispatcher.journal.trail import EVERYTHING, TrailEntry, TrailFound, TrailQuestion

_PAGE: Final = 200  # entries looked through at a time
_MOST_PAGES: Final = 10  # for one question; who asks further names where to go on

# Numbered without gaps, so that a missing entry would be seen.
_ADD_SCRIPT: Final = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local number = 1
if #last > 0 then number = tonumber(string.match(last[1][1], '^(%d+)-')) + 1 end
redis.call('XADD', KEYS[1], number .. '-0', 'entry', ARGV[1])
return number
"""
_SECRET_SCRIPT: Final = """
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
"""


class StoredTrail:
    """``call`` sends one command to the store; ``read_call`` one that changes nothing."""

    def __init__(
        self,
        root: str,
        call: Callable[..., Awaitable[Any]],
        read_call: Callable[..., Awaitable[Any]],
    ) -> None:
        self._stream = f"{root}:audit"
        self._secret_key = f"{root}:link_secret"
        self._call = call
        self._read_call = read_call
        # The store has few connections, and the journal must never wait for one of them.
        self._alone = asyncio.Lock()

    async def add(self, entry: TrailEntry) -> int:
        async with self._alone:
            return int(await self._call("EVAL", _ADD_SCRIPT, 1, self._stream, entry.to_json()))

    async def newest(
        self, most: int, *, before: int | None = None, asked: TrailQuestion = EVERYTHING
    ) -> TrailFound:
        found: list[TrailEntry] = []
        for _ in range(_MOST_PAGES):
            end = "+" if before is None else f"({before}-0"
            async with self._alone:
                page = await self._read_call("XREVRANGE", self._stream, end, "-", "COUNT", _PAGE)
            for stream_id, fields in page:
                before = int(stream_id.partition(b"-")[0])
                entry = TrailEntry.of_json(before, fields[1])
                if asked.fits(entry):
                    found.append(entry)
                if len(found) == most:
                    return TrailFound(tuple(found), _further(before))
            if len(page) < _PAGE:
                return TrailFound(tuple(found), None)
        return TrailFound(tuple(found), None if before is None else _further(before))

    async def secret(self) -> bytes:
        drawn = secrets.token_bytes(32)
        async with self._alone:
            return bytes(await self._call("EVAL", _SECRET_SCRIPT, 1, self._secret_key, drawn))


def _further(number: int) -> int | None:
    """Entries are numbered from 1 without gaps: before the first there is none."""
    return number if number > 1 else None
