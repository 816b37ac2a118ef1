"""The hour, as an argument: the shell asks a clock, the engine only ever sees stamps."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol, Self

# A sleep is cut into pieces, so that a wall clock that is put right is soon believed. No event
# tells of that, which is why ruff's advice to wait for one (ASYNC110) does not help.
_LONGEST_SLEEP_S: Final = 5.0

STEP_S: Final = 1.0  # a difference up to this is simply followed
SLEW: Final = 0.1  # a larger one by so much of the time that passes
TOLD_AGAIN_S: Final = 5.0  # beyond what was told


class Clock(Protocol):
    """Whole UTC seconds, and waiting for them."""

    def now_s(self) -> int: ...

    def now_exact_s(self) -> float:
        """With fractions, for whoever moves things or measures their silence."""
        ...

    async def sleep_until(self, at_s: int) -> None:
        """Return once ``now_s() >= at_s``."""
        ...


def since_boot_s() -> float:
    """Seconds that nobody can set, and that pass while the machine sleeps, where it tells."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class WallClock:
    """The machine's own clock, which may be set while it runs.

    A jump would make every timer due at once, or none for as long as time stood still. So
    this clock goes on as before and follows slowly: a tenth faster or slower, until it agrees.
    ``on_jump`` hears by how many seconds the machine's clock jumped, once for each jump.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = since_boot_s,
    ) -> None:
        self.on_jump: Callable[[float], None] = lambda by_s: None
        self._wall = wall
        self._steady = steady
        self._now_s = wall()
        self._at_s = steady()
        self._told_s = 0.0  # how far apart the clocks were when it was last told

    @property
    def behind_s(self) -> float:
        """How far this clock is behind the machine's; negative: ahead of it."""
        return self._wall() - self.now_exact_s()

    def now_s(self) -> int:
        return int(self.now_exact_s())

    def now_exact_s(self) -> float:
        steady_s = self._steady()
        passed_s = steady_s - self._at_s
        expected_s = self._now_s + passed_s
        apart_s = self._wall() - expected_s
        if abs(apart_s) <= STEP_S:
            # What time servers do all day long.
            self._now_s, self._told_s = expected_s + apart_s, 0.0
        else:
            most_s = passed_s * SLEW
            self._now_s = expected_s + max(-most_s, min(apart_s, most_s))
        self._at_s = steady_s
        self._tell(apart_s)
        return self._now_s

    async def sleep_until(self, at_s: int) -> None:
        while (left_s := at_s - self.now_exact_s()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left_s, _LONGEST_SLEEP_S))

    def _tell(self, apart_s: float) -> None:
        if abs(apart_s) > STEP_S and abs(apart_s - self._told_s) > TOLD_AGAIN_S:
            by_s, self._told_s = apart_s - self._told_s, apart_s
            self.on_jump(by_s)
        elif abs(apart_s) < abs(self._told_s):
            self._told_s = apart_s  # it comes nearer, as it should


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
