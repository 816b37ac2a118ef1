"""People who order in the simulated city from outside, at its page: somebody has to board for them.

They stand where they were promised to be fetched from the moment they have accepted, so a person
who orders at the page never misses a shuttle, however fast the city's time runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.domain.ids import RiderId, ShuttleId, StopId, TripId
from dispatcher.domain.trips import ENDS, TripState, TripStatus
from dispatcher.domain.zone import Stop
from simulator.concourse import Concourse

_WAITS: Final = frozenset({TripState.ACCEPTED, TripState.ASSIGNED, TripState.BOARDING})


@dataclass(slots=True, eq=False)
class Visitor:
    """Implements the concourse's ``Traveller``."""

    stop_id: StopId | None = None  # where they stand
    shuttle_id: ShuttleId | None = None  # that they sit in

    def boards(self, shuttle_id: ShuttleId, begins_s: float, ends_s: float) -> None:
        self.stop_id, self.shuttle_id = None, shuttle_id

    def alights(self, x_m: float, y_m: float, out_s: float) -> None:
        self.shuttle_id = None


@dataclass(slots=True, eq=False)
class Visitors:
    """A listener of the service. ``is_simulated`` tells the crowd's own riders."""

    concourse: Concourse
    stops: Mapping[StopId, Stop]
    is_simulated: Callable[[RiderId], bool]
    _visitors: dict[TripId, Visitor] = field(default_factory=dict)

    def on_applied(self, applied: Applied) -> None:
        for decision in applied.decisions:
            if isinstance(decision, TripChanged) and not self.is_simulated(
                decision.status.rider_id
            ):
                self._follow(decision.status)

    def _follow(self, status: TripStatus) -> None:
        trip_id = status.trip_id
        if status.state in ENDS:
            if self._visitors.pop(trip_id, None) is not None:
                self.concourse.leave(trip_id)
            return
        if status.state not in _WAITS or status.promise is None:
            return
        visitor = self._visitors.setdefault(trip_id, Visitor())
        if visitor.shuttle_id is not None:
            if status.shuttle_id in (None, visitor.shuttle_id):
                return  # nobody else comes for them yet
            # Another shuttle fetches them from one that does not drive on.
            self.concourse.leave(trip_id)
            visitor.shuttle_id = None
        stop = self.stops[status.promise.pickup_stop]
        if visitor.stop_id != stop.id:
            visitor.stop_id = stop.id
            self.concourse.stand(trip_id, visitor, stop.x_m, stop.y_m)
