"""The plugs of a zone's chargers, and who is at which: a plug holds one shuttle.

The dispatcher knows none of this but what shuttles tell it.
"""

import math
from dataclasses import dataclass, field
from typing import Protocol

from dispatcher.domain.ids import StopId
from dispatcher.domain.zone import Stop, Zone

_REACH_M = 40.0  # how far from the stop a plug may be


class Plugged(Protocol):
    """What hangs on a plug."""

    def unplug(self, now: float) -> None: ...


@dataclass(frozen=True, slots=True)
class ChargerFault:
    """So many plugs of a charger give nothing for a while."""

    stop_id: StopId
    plugs: int
    at_s: float
    lasts_s: float


@dataclass(slots=True)
class PlugYard:
    """Every plug of the zone.

    ``conflicts`` counts the shuttles that came to a charger and found another shuttle at every
    plug of it, ``in_vain`` those that found a plug, but one that gives nothing.
    """

    zone: Zone
    conflicts: int = 0
    in_vain: int = 0
    _broken: dict[StopId, int] = field(default_factory=dict)
    _taken: dict[int, tuple[StopId, Plugged]] = field(default_factory=dict)  # by the holder's id()

    def take(self, holder: Plugged, x_m: float, y_m: float) -> float:
        """Plug in here; the power in kW, 0.0 if there is no free plug that works."""
        stop = self._charger_at(x_m, y_m)
        if stop is None:
            self.in_vain += 1
            return 0.0
        if id(holder) not in self._taken:
            holders = self.holders(stop.id)
            if holders >= self.working(stop.id):
                self.conflicts += holders >= stop.chargers
                self.in_vain += holders < stop.chargers
                return 0.0
            self._taken[id(holder)] = (stop.id, holder)
        return stop.charger_w / 1000.0

    def leave(self, holder: Plugged) -> None:
        self._taken.pop(id(holder), None)

    def holders(self, stop_id: StopId) -> int:
        return sum(1 for at, _ in self._taken.values() if at == stop_id)

    def working(self, stop_id: StopId) -> int:
        plugs = next(stop.chargers for stop in self.zone.stops if stop.id == stop_id)
        return max(0, plugs - self._broken.get(stop_id, 0))

    def break_down(self, stop_id: StopId, plugs: int, now: float) -> None:
        """Plugs give nothing from now on, those in use last; whoever hangs on one is unplugged."""
        self._broken[stop_id] = self._broken.get(stop_id, 0) + plugs
        while self.holders(stop_id) > self.working(stop_id):
            last = [holder for at, holder in self._taken.values() if at == stop_id][-1]
            last.unplug(now)

    def repair(self, stop_id: StopId, plugs: int) -> None:
        self._broken[stop_id] = max(0, self._broken.get(stop_id, 0) - plugs)

    def _charger_at(self, x_m: float, y_m: float) -> Stop | None:
        chargers = [stop for stop in self.zone.stops if stop.chargers > 0]
        near = [(math.dist((stop.x_m, stop.y_m), (x_m, y_m)), i) for i, stop in enumerate(chargers)]
        if not near or min(near)[0] > _REACH_M:
            return None
        return chargers[min(near)[1]]
