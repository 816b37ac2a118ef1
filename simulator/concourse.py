"""Who stands where: the physical world that riders and shuttles share.

The dispatcher knows none of this. A party boards the shuttle that opens its doors for the
party's trip at the place where the party stands, and no other.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from dispatcher.domain.ids import ShuttleId, TripId

REACH_M = 40.0  # from one end of a stop to the other


class Traveller(Protocol):
    """What a party is told by its own eyes."""

    def boards(self, shuttle_id: ShuttleId, begins_s: float, ends_s: float) -> None: ...

    def alights(self, x_m: float, y_m: float, out_s: float) -> None: ...


@dataclass(slots=True)
class _Standing:
    traveller: Traveller
    x_m: float
    y_m: float


class Place(Protocol):
    """What a cabin asks about the world outside its doors."""

    def waits(self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float) -> bool:
        """Whether the party is at the doors and will step in."""

    def takes(self, trip_id: TripId, shuttle_id: ShuttleId) -> None:
        """The party that waits steps in now."""

    def settled(
        self, trip_id: TripId, shuttle_id: ShuttleId, begins_s: float, ends_s: float
    ) -> None:
        """When the party that was taken is through the doors."""

    def sets_down(
        self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float, out_s: float
    ) -> None:
        """The party leaves the shuttle here."""

    def is_in(self, trip_id: TripId, shuttle_id: ShuttleId) -> bool: ...

    def has_walked_off(self, trip_id: TripId, shuttle_id: ShuttleId) -> bool:
        """Whether a party that the shuttle took got out without having been set down."""


@dataclass(slots=True)
class Concourse:
    """Every party by its trip: standing somewhere, in a shuttle, or not about.

    ``arrived`` hears of each party that comes to a stop, so that shuttles look again; ``stands``
    says whether one can get out of a shuttle.
    """

    arrived: Callable[[float, float], None] = lambda x_m, y_m: None
    stands: Callable[[ShuttleId], bool] = lambda shuttle_id: True
    _standing: dict[TripId, _Standing] = field(default_factory=dict)
    _aboard: dict[TripId, tuple[ShuttleId, Traveller]] = field(default_factory=dict)

    def stand(self, trip_id: TripId, traveller: Traveller, x_m: float, y_m: float) -> None:
        """The party has come to a stop and waits there."""
        self._aboard.pop(trip_id, None)
        self._standing[trip_id] = _Standing(traveller, x_m, y_m)
        self.arrived(x_m, y_m)

    def leave(self, trip_id: TripId) -> None:
        """The party walks off, out of a shuttle too."""
        self._standing.pop(trip_id, None)
        self._aboard.pop(trip_id, None)

    def waits(self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float) -> bool:
        standing = self._standing.get(trip_id)
        if standing is None:
            return False
        return math.dist((x_m, y_m), (standing.x_m, standing.y_m)) <= REACH_M

    def takes(self, trip_id: TripId, shuttle_id: ShuttleId) -> None:
        self._aboard[trip_id] = (shuttle_id, self._standing.pop(trip_id).traveller)

    def settled(
        self, trip_id: TripId, shuttle_id: ShuttleId, begins_s: float, ends_s: float
    ) -> None:
        self._aboard[trip_id][1].boards(shuttle_id, begins_s, ends_s)

    def sets_down(
        self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float, out_s: float
    ) -> None:
        _, traveller = self._aboard.pop(trip_id)
        traveller.alights(x_m, y_m, out_s)

    def is_in(self, trip_id: TripId, shuttle_id: ShuttleId) -> bool:
        found = self._aboard.get(trip_id)
        return found is not None and found[0] == shuttle_id

    def has_walked_off(self, trip_id: TripId, shuttle_id: ShuttleId) -> bool:
        return not self.is_in(trip_id, shuttle_id)

    def aboard(self) -> int:
        """Parties in shuttles."""
        return len(self._aboard)

    def waiting(self) -> int:
        """Parties at stops."""
        return len(self._standing)


@dataclass(slots=True)
class Strangers:
    """The world of shuttles whose riders live in another process: nearly everybody is there.

    Who is not is drawn from the trip's id, so that a restarted shuttle meets the same people.
    Nobody is in two places: riders in one shuttle are not there for another.
    """

    seed: int
    no_show: float = 0.02
    _aboard: dict[TripId, ShuttleId] = field(default_factory=dict)

    def waits(self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float) -> bool:
        if random.Random(f"{self.seed}/{trip_id}").random() < self.no_show:
            return False
        return self._aboard.get(trip_id, shuttle_id) == shuttle_id

    def takes(self, trip_id: TripId, shuttle_id: ShuttleId) -> None:
        self._aboard[trip_id] = shuttle_id

    def settled(
        self, trip_id: TripId, shuttle_id: ShuttleId, begins_s: float, ends_s: float
    ) -> None:
        """Nobody here knows the party."""

    def sets_down(
        self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float, out_s: float
    ) -> None:
        self._aboard.pop(trip_id, None)

    def is_in(self, trip_id: TripId, shuttle_id: ShuttleId) -> bool:
        return self._aboard.get(trip_id) == shuttle_id

    def has_walked_off(self, trip_id: TripId, shuttle_id: ShuttleId) -> bool:
        return False  # they stay; and after a restart nobody here knows who is inside
