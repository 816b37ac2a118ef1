"""The hour, as an argument: the shell asks a clock, the engine only ever sees stamps."""

import asyncio
import time
from typing import Final, Protocol, Self

# A sleep is cut into pieces, so that a wall clock that is put right is soon believed. No event
# tells of that, which is why ruff's advice to wait for one (ASYNC110) does not help.
_LONGEST_SLEEP_S: Final = 5.0


class Clock(Protocol):
    """Whole UTC seconds, and waiting for them."""

    def now_s(self) -> int: ...

    def now_exact_s(self) -> float:
        """With fractions, for whoever moves things or measures their silence."""
        ...

    async def sleep_until(self, at_s: int) -> None:
        """Return once ``now_s() >= at_s``."""
        ...


class WallClock:
    """The machine's own clock."""

    def now_s(self) -> int:
        return int(time.time())

    def now_exact_s(self) -> float:
        return time.time()

    async def sleep_until(self, at_s: int) -> None:
        while (left_s := at_s - time.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left_s, _LONGEST_SLEEP_S))


class ScaledClock:
    """Runs ``speed`` times as fast as the wall, from ``start_s`` on; for demonstrations."""

    @classmethod
    def anchored(cls, speed: float, start_s: float, anchor_s: float) -> Self:
        """The clock that showed ``start_s`` when the wall's showed ``anchor_s``.

        Processes that are given the same three numbers share one zone's time.
        """
        return cls(speed, start_s + (time.time() - anchor_s) * speed)

    def __init__(self, speed: float, start_s: float) -> None:
        if not 0 < speed < float("inf"):
            raise ValueError("a clock's speed must be above zero")
        self._speed = speed
        self._start_s = start_s
        self._began = time.monotonic()

    def now_s(self) -> int:
        return int(self.now_exact_s())

    def now_exact_s(self) -> float:
        return self._start_s + (time.monotonic() - self._began) * self._speed

    async def sleep_until(self, at_s: int) -> None:
        while (left_s := at_s - self.now_exact_s()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left_s / self._speed, _LONGEST_SLEEP_S))
