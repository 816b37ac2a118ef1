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
        self._waiting: deque[tuple[bool, V]] = deque()
        self._droppable = 0
        self._arrived = asyncio.Event()
        self.dropped = 0

    def put(self, item: V, *, droppable: bool) -> None:
        """Add at the end; over the bound, the oldest droppable item makes room."""
        if droppable and self._droppable >= self._bound:
            oldest = next(i for i, (may_drop, _) in enumerate(self._waiting) if may_drop)
            del self._waiting[oldest]
            self._droppable -= 1
            self.dropped += 1
        self._waiting.append((droppable, item))
        self._droppable += droppable
        self._arrived.set()

    async def get(self) -> V:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        droppable, item = self._waiting.popleft()
        self._droppable -= droppable
        return item

    def clear(self) -> None:
        self._waiting.clear()
        self._droppable = 0

    def __len__(self) -> int:
        return len(self._waiting)
