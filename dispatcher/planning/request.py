"""What is asked of an insertion and what it answers."""

from dataclasses import dataclass
from enum import StrEnum

from dispatcher.planning.rows import Load
from dispatcher.planning.schedule import Cost


@dataclass(frozen=True, slots=True)
class PickupChoice:
    """A stop where the party could board."""

    stop: int
    walk_s: int  # on foot to the stop
    earliest_s: int  # not before the party can be there
    latest_s: int


@dataclass(frozen=True, slots=True)
class DropoffChoice:
    """A stop where the party could alight."""

    stop: int
    walk_s: int  # on foot from the stop
    latest_s: int


@dataclass(frozen=True, slots=True)
class InsertionRequest:
    """One party's wish, with every stop it may board and alight at.

    ``max_ride_s[k][m]`` is the ride limit from pickup choice ``k`` to drop-off choice ``m``.
    Pairs that board and alight at one stop are not considered: that is a walk.
    """

    pickups: tuple[PickupChoice, ...]
    dropoffs: tuple[DropoffChoice, ...]
    max_ride_s: tuple[tuple[int, ...], ...]
    desired_s: int  # wanted pickup; waiting is priced from here and may be negative
    load: Load
    dwell_s: int

    def __post_init__(self) -> None:
        assert len(self.max_ride_s) == len(self.pickups), "one row of ride limits per pickup"
        assert all(len(row) == len(self.dropoffs) for row in self.max_ride_s)

    @property
    def riders(self) -> int:
        """Persons, for whom each second counts."""
        return max(1, self.load[0] + self.load[1])


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a route a party is served: by joining a visit, or by a new visit before one.

    ``visit`` indexes the route as it was; a new visit before index ``len(visits)`` comes last.
    """

    visit: int
    joins: bool

    @property
    def code(self) -> int:
        """Position along the route: gap ``g`` is ``2g``, the visit after it ``2g + 1``."""
        return 2 * self.visit + (1 if self.joins else 0)

    @classmethod
    def from_code(cls, code: int) -> "Position":
        return cls(visit=code // 2, joins=code % 2 == 1)


@dataclass(frozen=True, slots=True)
class Insertion:
    """The best way to serve a request, with the times and the added cost it brings."""

    row: int
    pickup_choice: int
    dropoff_choice: int
    pickup: Position
    dropoff: Position
    begin_s: tuple[int, ...]  # of every visit of the route with the party in it
    pickup_visit: int  # indices into the new route
    dropoff_visit: int
    cost: Cost

    @property
    def pickup_s(self) -> int:
        """Planned begin of boarding."""
        return self.begin_s[self.pickup_visit]

    @property
    def dropoff_s(self) -> int:
        """Planned begin of alighting."""
        return self.begin_s[self.dropoff_visit]


class Binding(StrEnum):
    """The constraint that stands in a request's way; names as riders' refusals use them.

    NO_RANGE is for operators: no battery lasts for the trip. Riders are told FLEET_DOWN.
    """

    FLEET_DOWN = "FLEET_DOWN"
    NO_WHEELCHAIR_PLACE = "NO_WHEELCHAIR_PLACE"
    NO_SEAT = "NO_SEAT"
    RIDE_TOO_LONG = "RIDE_TOO_LONG"
    WAIT_TOO_LONG = "WAIT_TOO_LONG"
    OUTSIDE_HOURS = "OUTSIDE_HOURS"
    NO_RANGE = "NO_RANGE"
    NO_PATH = "NO_PATH"


@dataclass(frozen=True, slots=True)
class NoInsertion:
    """Nobody can serve the request; see `diagnosis` for how the constraint is named."""

    binding: Binding
    nearest_pickup_s: int | None = None  # with any wait allowed, nothing else relaxed
    nearest_ride_s: int | None = None  # ride time if only the ride were allowed to be longer
