"""What waits to be decided: first in, first out, and whoever finds it full has to wait."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Backlog(Generic[V]):
    """Bounded; nothing is ever dropped. Many put, one takes."""

    def __init__(self, bound: int) -> None:
        self._waiting: deque[V] = deque()
        self._room = asyncio.Semaphore(bound)
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    async def put(self, item: V) -> None:
        """Add at the end, once there is room; those who wait for room are served in turn."""
        await self._room.acquire()
        self._waiting.append(item)
        self._arrived.set()

    def remove(self, item: V) -> bool:
        """Take one item out of the middle; false when it no longer waits here."""
        try:
            self._waiting.remove(item)
        except ValueError:
            return False
        self._room.release()
        if not self._waiting:
            self._arrived.clear()
        return True

    def take_where(self, unwanted: Callable[[V], bool]) -> list[V]:
        """Take out all items of a kind; the others keep their order."""
        taken = [item for item in self._waiting if unwanted(item)]
        for item in taken:
            self.remove(item)
        return taken

    async def arrival(self) -> None:
        """Return when something waits or ``wake`` was called; takes nothing."""
        await self._arrived.wait()

    def wake(self) -> None:
        """Let ``arrival`` return though nothing came, until the next ``take``."""
        self._arrived.set()

    def take(self, most: int) -> list[V]:
        """The oldest items, at most so many; empty when nothing waits."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        for _ in taken:
            self._room.release()
        if not self._waiting:
            self._arrived.clear()
        return taken
