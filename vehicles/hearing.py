"""Whether a shuttle's silence can be its own: we may not have been able to hear. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from dispatcher.domain.events import Event, HearingLost, HearingRegained

EXCUSED_OUTAGE_S: Final = 60.0
HELD_UP_S: Final = 1.5
TOLD_AFTER_S: Final = 5.0
"""A connection that is back sooner is not worth a record."""


@dataclass(slots=True)
class Hearing:
    """Asked regularly, at least once in ``HELD_UP_S`` real seconds.

    ``is_lost`` is what was told last: that nobody can be heard.
    """

    is_lost: bool = False
    _heard_s: float | None = None  # when the last message came
    _lost_s: float | None = None  # the same, while the connection is down
    _last_connected_s: float | None = None
    _was_connected: bool = False
    _last_asked_real_s: float | None = None

    def hear(self, now: float) -> None:
        """Something came over our connection, from whomever."""
        self._heard_s = now

    def lose(self, now: float) -> None:
        """Our connection is gone, or could not be made; it may have been dead for a while."""
        if self._lost_s is None:
            self._lost_s = now if self._heard_s is None else min(self._heard_s, now)

    def news(self, now: float, *, connected: bool) -> tuple[Event, ...]:
        """What is to be told of it, once each."""
        events: list[Event] = []
        lost_s = self._lost_s
        if lost_s is not None and not self.is_lost and now - lost_s >= TOLD_AFTER_S:
            events.append(HearingLost(math.floor(now), math.floor(lost_s)))
            self.is_lost = True
        if connected:
            self._lost_s = None
            if self.is_lost:
                events.append(HearingRegained(math.floor(now)))
                self.is_lost = False
        return tuple(events)

    def excuses(self, now: float, real_s: float, *, connected: bool) -> bool:
        """Whether silence is to be counted from ``now`` only.

        So it is while our connection is down, if not for too long, and when it is back; and
        when we were held up, as by a store that did not answer: what shuttles said meanwhile
        still waits to be read. ``real_s`` is seconds on a clock that runs at their pace.
        """
        last_asked_s, self._last_asked_real_s = self._last_asked_real_s, real_s
        if self._last_connected_s is None:
            self._last_connected_s = now
        came_back = connected and not self._was_connected
        self._was_connected = connected
        if connected:
            self._last_connected_s = now
        held_up = last_asked_s is not None and real_s - last_asked_s > HELD_UP_S
        briefly_away = not connected and now - self._last_connected_s < EXCUSED_OUTAGE_S
        return came_back or briefly_away or held_up
