"""What a file of any family asks of routes, in the judge's own words."""

from dataclasses import dataclass
from math import hypot, inf

TOLERANCE = 1e-6
"""By how much a bound may be missed, in the instance's units."""


class UnreadableInstanceError(ValueError):
    """The judge does not understand the file."""


@dataclass(frozen=True, slots=True)
class Task:
    """A node: service, window, what it takes aboard (by kind)."""

    service: float
    earliest: float
    latest: float
    takes: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Car:
    """A vehicle: origin, places by kind, longest route, first charge and battery."""

    origin: int
    places: tuple[float, ...]
    longest_route: float = inf
    charge: float = inf
    battery: float = inf


@dataclass(frozen=True, slots=True)
class Rules:
    """An instance; nodes are the file's numbers throughout."""

    tasks: dict[int, Task]
    cars: tuple[Car, ...]
    partner: dict[int, int]
    """The drop-off of each pickup."""
    longest_ride: dict[int, float]
    """By pickup."""
    destinations: tuple[int, ...]
    legs: dict[tuple[int, int], float]
    """Given travel times; without them, the straight line counts."""
    points: dict[int, tuple[float, float]]
    charge_rate: dict[int, float]
    """By station."""
    visits_per_station: int = 0
    drain: float = 0.0
    one_route_per_destination: bool = False
    travel_price: float = 1.0
    excess_price: float = 0.0

    def leg(self, a: int, b: int) -> float:
        """Travel time, and distance, from node to node."""
        if self.legs:
            return self.legs[a, b]
        (x, y), (u, v) = self.points[a], self.points[b]
        return hypot(x - u, y - v)
