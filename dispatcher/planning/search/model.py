"""The planning problem: what is to be carried, by what, under which rules and at what price.

Whole numbers throughout. Places are indices into ``travel``; times are ticks of one length, which
is the second in live service and 1e-6 of the instance's unit in a static benchmark. `arrays`
derives what the kernels work on; `dispatcher.planning.search.rows` makes a problem of live rows.

Timing is that of `dispatcher.planning.schedule`: every rule bounds one begin from below by
another, so there is a least schedule, and a route is feasible exactly if that one is. A limit on a
ride or on the whole route may delay a departure.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FOREVER = 1 << 40
"""A bound that never binds; sums of a few still fit an int64."""

NO_PATH = 10_000_000
"""In live problems, a travel time this long or longer: no path is open."""


@dataclass(frozen=True, slots=True)
class RideEnd:
    """Where and when a party boards or alights; the window bounds the begin of service."""

    place: int
    earliest: int
    latest: int
    dwell: int


@dataclass(frozen=True, slots=True)
class Ride:
    """One party. Without ``pickup`` it is aboard ``vehicle`` from the start.

    An errand, such as a charging visit, is a ride without pickup and without load.
    """

    key: str
    pickup: RideEnd | None
    dropoff: RideEnd
    load: tuple[int, ...]  # by kind, as the vehicles' capacity
    max_ride: int = FOREVER  # from the departure at the pickup to the begin at the drop-off
    riders: int = 1  # persons, for whom each tick of waiting and riding counts
    vehicle: int | None = None  # must be served by this one
    refusal_cost: int | None = None  # None: has been promised and must be served


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One shuttle, with the riders aboard it already counted in ``start_load``.

    Without ``end_place`` its route ends at the last visit, whose departure ``end_latest`` bounds.
    """

    key: str
    start_place: int
    start_earliest: int
    capacity: tuple[int, ...]
    start_load: tuple[int, ...]
    start_latest: int = FOREVER
    end_place: int | None = None
    end_latest: int = FOREVER
    max_duration: int = FOREVER  # from leaving the start to arriving at the end
    max_driving: int = FOREVER  # as far as the battery goes
    use_cost: int = 0  # once, if it serves anybody


@dataclass(frozen=True, slots=True)
class TickPrices:
    """Cost per tick. As a whole, a plan's cost is the sum over ticks driven, waited and ridden.

    Waiting counts from the earliest pickup to the begin of boarding, riding from there (or from
    the vehicle's start) to the begin of alighting, each per person. ``waiting >= riding``, so that
    the least schedule of a route is also its cheapest.
    """

    driving: int = 1
    waiting: int = 0
    riding: int = 0

    def __post_init__(self) -> None:
        if min(self.driving, self.waiting, self.riding) < 0:
            raise ValueError("prices may not be negative")
        if self.waiting < self.riding:
            raise ValueError("waiting may not be cheaper than riding")


@dataclass(frozen=True, slots=True)
class RouteOrder:
    """The order of one vehicle's ride ends: ``ride`` for a pickup, ``rides + ride`` for a drop-off.

    ``joins[i]`` says that the end is served in the same visit as the one before it, at the same
    place: they begin together and share the longest dwell.
    """

    ends: tuple[int, ...] = ()
    joins: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.ends) == len(self.joins)


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything a search needs to know. ``travel`` keeps the triangle inequality.

    Parameters
    ----------
    travel : int64[places, places]
        Drive times in ticks.
    shares_visits
        Ends at one place may be served in one visit.
    fewest_vehicles
        Before all else, use as few vehicles as possible (they are then all alike).
    onward : int64[places] or None
        Ticks of driving to count for a route that ends at a place, beside those for where it
        starts: how far its next rider is expected to be. Differs between two places by no more
        than the drive between them. Counts for routes without an ``end_place``.
    """

    travel: NDArray[np.int64]
    vehicles: tuple[Vehicle, ...]
    rides: tuple[Ride, ...]
    prices: TickPrices = TickPrices()
    shares_visits: bool = False
    fewest_vehicles: bool = False
    routes: tuple[RouteOrder, ...] = field(default=())  # to start from, one per vehicle, or none
    onward: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        kinds = {len(v.capacity) for v in self.vehicles} | {len(r.load) for r in self.rides}
        assert len(kinds) <= 1, "every load and capacity names the same kinds"
        assert not self.routes or len(self.routes) == len(self.vehicles)
        for ride in self.rides:
            assert ride.pickup is not None or ride.vehicle is not None, "aboard of which vehicle?"


@dataclass(frozen=True, slots=True)
class Solution:
    """Routes for every vehicle of a problem, the rides left out, and the price of it all.

    ``cost`` contains the refusal costs of rides that may be refused.
    """

    routes: tuple[RouteOrder, ...]
    unserved: tuple[int, ...]
    cost: int

    @property
    def vehicles_used(self) -> int:
        return sum(1 for route in self.routes if route.ends)
