"""Bounded queues, each with a stated answer to "what if it is full?"."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LatestByKey(Generic[K, V]):
    """Keeps the newest value of each key, for what only the newest counts: positions, states.

    A key keeps its place in line when its value is replaced, so a busy shuttle cannot
    push the others back. With more than ``bound`` keys waiting, the one waiting longest
    is dropped. One task puts and one gets.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._waiting: dict[K, V] = {}
        self._arrived = asyncio.Event()
        self.replaced = 0
        """Values never seen because a newer one of their key came first."""
        self.dropped = 0
        """Values never seen because too many keys waited."""

    def put(self, key: K, value: V) -> None:
        if key in self._waiting:
            self.replaced += 1
        elif len(self._waiting) >= self._bound:
            del self._waiting[next(iter(self._waiting))]
            self.dropped += 1
        self._waiting[key] = value
        self._arrived.set()

    async def get(self) -> tuple[K, V]:
        """The key that waited longest, with its newest value."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        key = next(iter(self._waiting))
        return key, self._waiting.pop(key)

    def __len__(self) -> int:
        return len(self._waiting)


class Inbox(Generic[V]):
    """First in, first out; some items may be dropped when full and others never are.

    What may not be dropped must be bounded by its sender, as MQTT's receive maximum does
    with unacknowledged messages. One task puts and one gets.
    """

    def __init__(self, droppable_bound: int) -> None:
        self._bound = droppable_bound
        self._waiting: deque[tuple[str | None, V]] = deque()
        self._droppable = 0
        self._arrived = asyncio.Event()
        self.dropped = 0

    def put(self, item: V, *, droppable_by: str | None = None) -> None:
        """Add at the end.

        ``droppable_by`` names the sender of an item that may be dropped. Over the bound its
        own oldest makes room, or the oldest of all where it has none waiting: whoever talks
        too much drowns out nobody else.
        """
        if droppable_by is not None:
            if self._droppable >= self._bound:
                self._drop_one(droppable_by)
            self._droppable += 1
        self._waiting.append((droppable_by, item))
        self._arrived.set()

    def _drop_one(self, sender: str) -> None:
        oldest = None
        for i, (by, _) in enumerate(self._waiting):
            if by == sender:
                oldest = i
                break
            if by is not None and oldest is None:
                oldest = i
        assert oldest is not None, "there is something to drop where the bound is reached"
        del self._waiting[oldest]
        self._droppable -= 1
        self.dropped += 1

    async def get(self) -> V:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        sender, item = self._waiting.popleft()
        self._droppable -= sender is not None
        return item

    def clear(self) -> None:
        self._waiting.clear()
        self._droppable = 0

    def __len__(self) -> int:
        return len(self._waiting)
