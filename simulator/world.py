"""Virtual time: a clock that only moves from one event to the next.

Nothing here waits. What happens at the same moment happens in the order in which it was
asked for, so a run depends on nothing but its inputs.
"""

import heapq
from collections.abc import Callable

Happening = Callable[[], None]


class World:
    """The hour, and everything that is still to happen.

    Times are UTC seconds with fractions; they never run backwards.
    """

    def __init__(self, start_s: float) -> None:
        self._now = start_s
        self._queue: list[tuple[float, int, Happening]] = []
        self._asked = 0

    @property
    def now(self) -> float:
        return self._now

    def at(self, moment: float, happening: Happening) -> None:
        """Have something happen at ``moment``; at once, but not before what is due now, if past."""
        heapq.heappush(self._queue, (max(moment, self._now), self._asked, happening))
        self._asked += 1

    def after(self, delay_s: float, happening: Happening) -> None:
        """Have something happen ``delay_s`` from now."""
        self.at(self._now + delay_s, happening)

    def next_at(self) -> float | None:
        """When the next thing happens; None if nothing will."""
        return self._queue[0][0] if self._queue else None

    def run_until(self, end_s: float) -> None:
        """Let everything happen that is due by ``end_s``, and stop there."""
        while self._queue and self._queue[0][0] <= end_s:
            self._now, _, happening = heapq.heappop(self._queue)
            happening()
        self._now = max(self._now, end_s)


class Alarm:
    """One appointment that can be moved: only the last time it was set to counts.

    An object that changes its mind about when it wants to be woken has one alarm, and old
    appointments fall away by themselves.
    """

    def __init__(self, world: World, ring: Happening) -> None:
        self._world = world
        self._ring = ring
        self._due: float | None = None

    def set(self, moment: float | None) -> None:
        """Ring at ``moment`` and no longer at any other time; None: not at all."""
        if moment is not None:
            moment = max(moment, self._world.now)
        if moment == self._due:
            return
        self._due = moment
        if moment is not None:
            due = moment
            self._world.at(due, lambda: self._rings(due))

    def _rings(self, due: float) -> None:
        if self._due == due:
            self._due = None
            self._ring()
