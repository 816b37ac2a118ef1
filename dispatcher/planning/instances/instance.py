"""What a static instance says, in its own units and node numbers."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


class InstanceError(ValueError):
    """The file is no instance that we can read; the text says where and why."""


class Family(StrEnum):
    """Who published the format."""

    CORDEAU = "cordeau"
    LI_LIM = "li-lim"
    EADARP = "eadarp"
    MALHEIROS = "malheiros"


@dataclass(frozen=True, slots=True)
class Node:
    """One line of an instance: a place with its service and window."""

    number: int
    """As the file counts."""
    x: float
    y: float
    service: float
    load: tuple[int, ...]
    """By kind of place; what boards is positive."""
    earliest: float
    latest: float


@dataclass(frozen=True, slots=True)
class Ride:
    """A request: the places (positions in ``Instance.nodes``) of its two ends."""

    pickup: int
    dropoff: int
    max_ride: float = inf
    """Longest time from the end of service at the pickup to its begin at the drop-off."""


@dataclass(frozen=True, slots=True)
class Battery:
    """What a vehicle can store, in the instance's units of energy."""

    start: float
    capacity: float
    drain: float
    """For one unit of travel."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle; places are positions in ``Instance.nodes``."""

    start: int
    ends: tuple[int, ...]
    """Where it may end; several vehicles may name the same ones."""
    capacity: tuple[int, ...]
    max_duration: float = inf
    battery: Battery | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """A place to charge at."""

    node: int
    rate: float
    """Energy gained in one unit of time."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A static dial-a-ride instance. Times and distances are one unit: vehicles drive 1 a unit."""

    name: str
    family: Family
    nodes: tuple[Node, ...]
    travel: Floats
    """float64[nodes, nodes]: travel time and distance from row to column."""
    rides: tuple[Ride, ...]
    vehicles: tuple[Vehicle, ...]
    stations: tuple[Station, ...] = ()
    visits_per_station: int = 0
    """How often a station may be visited, by all vehicles together."""
    ends_shared: bool = True
    """Whether several vehicles may end at one place."""
    travel_weight: float = 1.0
    excess_weight: float = 0.0
    """Price of riders' time beyond the direct travel."""
    fewest_vehicles: bool = False
    """Whether a vehicle less is worth any distance."""

    @property
    def kinds(self) -> int:
        """Kinds of places that vehicles have."""
        return len(self.vehicles[0].capacity)
