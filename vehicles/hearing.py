"""Whether a shuttle's silence can be its own: we may not have been able to hear. Pure."""

from dataclasses import dataclass
from typing import Final

EXCUSED_OUTAGE_S: Final = 60.0
HELD_UP_S: Final = 1.5


@dataclass(slots=True)
class Hearing:
    """Asked regularly, at least once in ``HELD_UP_S`` real seconds."""

    _last_connected_s: float | None = None
    _was_connected: bool = False
    _last_asked_real_s: float | None = None

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
