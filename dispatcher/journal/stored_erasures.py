"""Payloads to be erased, in Redis: beside the stream, which keeps what lasts."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from dispatcher.journal.erasures import Erasure, Undated
from dispatcher.journal.errors import StoreUnavailable

Call = Callable[..., Awaitable[Any]]


class StoredErasures:
    """``call`` and ``read_call`` send one command, as the journal's own do."""

    def __init__(self, root: str, call: Call, read_call: Call) -> None:
        self.exact = f"{root}:exact"  # hash: position -> payload
        self.undated_key = f"{root}:exact_undated"  # sorted set: subject -> position
        self._due = f"{root}:exact_due"  # sorted set: "position/over_at" -> due_s
        self._call = call
        self._read_call = read_call

    async def whole(self, positions: Sequence[int]) -> list[bytes | None]:
        """The payloads at these positions; ``None`` where it was erased."""
        if not positions:
            return []
        found: list[bytes | None] = await self._read_call("HMGET", self.exact, *positions)
        return found

    async def undated(self) -> list[Undated]:
        flat = await self._read_call("ZRANGE", self.undated_key, 0, -1, "WITHSCORES")
        return [
            Undated(int(position), subject.decode())
            for subject, position in zip(flat[0::2], flat[1::2], strict=True)
        ]

    async def date(self, dated: Sequence[tuple[Undated, Erasure]]) -> None:
        if not dated:
            return
        scored = [part for _, erasure in dated for part in (erasure.due_s, _member(erasure))]
        # In this order: what is dated twice, after a cut between the two, is erased once.
        await self._call("ZADD", self._due, *scored)
        await self._call("ZREM", self.undated_key, *(undated.subject for undated, _ in dated))

    async def due(self, now_s: int, most: int) -> list[Erasure]:
        command = ("ZRANGEBYSCORE", self._due, "-inf", now_s, "WITHSCORES", "LIMIT", 0, most)
        flat = await self._read_call(*command)
        return [
            _erasure(member, score) for member, score in zip(flat[0::2], flat[1::2], strict=True)
        ]

    async def erase(self, erasures: Sequence[Erasure]) -> None:
        if not erasures:
            return
        await self._call("HDEL", self.exact, *(erasure.position for erasure in erasures))
        await self._call("ZREM", self._due, *map(_member, erasures))

    async def clear_file(self) -> None:
        try:
            await self._call("BGREWRITEAOF")
        except StoreUnavailable as error:
            # Being written just now, or after a save that is under way: the next time will do.
            if "in progress" not in str(error):
                raise


def _member(erasure: Erasure) -> str:
    return f"{erasure.position}/{erasure.over_at}"


def _erasure(member: bytes, score: bytes) -> Erasure:
    position, _, over_at = member.partition(b"/")
    return Erasure(int(position), int(float(score)), int(over_at))
