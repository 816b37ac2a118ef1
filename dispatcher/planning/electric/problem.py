"""An electric dial-a-ride instance in whole numbers, as the search counts.

Times are ticks of 1e-6 of the instance's unit, rounded so that a route that is feasible in ticks
is feasible in the instance's own numbers. Charge is counted in 1e-12 of the instance's unit of
energy, so that draining and charging for a tick are whole numbers, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.instances.instance import Instance, InstanceError

TICKS = 1_000_000
_RATE_UNIT = 1_000_000
# What rounding of doubles may add to a whole number, in ticks.
_NOISE = 1e-4
MOST_VISITS = 15  # of one station: the kernel counts them in four bits


class UnsuitableInstanceError(InstanceError):
    """The instance is not one of electric dial-a-ride, or has what the search does not know."""


@dataclass(frozen=True, slots=True)
class Place:
    """Stations or destinations at one point, which are all alike."""

    node: int
    limit: int  # visits by all shuttles together
    members: tuple[int, ...]  # positions in the instance's list of them


@dataclass(frozen=True, slots=True)
class Shuttle:
    """One shuttle. ``group`` is the first one that is just like it."""

    origin: int
    capacity: int
    charge: int
    battery: int
    reserve: int
    group: int


@dataclass(frozen=True, slots=True)
class ElectricProblem:
    """Riders, shuttles, stations and prices; nodes are pickups, drop-offs, then other places.

    Parameters
    ----------
    travel : int64[nodes, nodes]
        Drive times in ticks; they keep the triangle inequality.
    earliest, latest, service : int64[nodes]
        Windows of the begin of service, in ticks.
    load : int64[nodes]
        What boards (negative: alights).
    direct, max_ride : int64[riders]
        Direct travel, and the longest from the end of service at the pickup to the begin of it at
        the drop-off.
    rate, drain
        Charge gained in a tick at any station, and lost in a tick driven.
    node_of : tuple of int
        Position of each node in the instance.
    """

    travel: NDArray[np.int64]
    earliest: NDArray[np.int64]
    latest: NDArray[np.int64]
    service: NDArray[np.int64]
    load: NDArray[np.int64]
    direct: NDArray[np.int64]
    max_ride: NDArray[np.int64]
    shuttles: tuple[Shuttle, ...]
    destinations: tuple[Place, ...]
    stations: tuple[Place, ...]
    rate: int
    drain: int
    travel_price: int
    excess_price: int
    price_unit: float  # what one unit of cost is worth in the instance's objective
    node_of: tuple[int, ...]

    @property
    def riders(self) -> int:
        return len(self.direct)


def electric_problem(instance: Instance, *, end_charge: float) -> ElectricProblem:
    """State an instance in whole numbers.

    Parameters
    ----------
    end_charge
        Least charge at the destination, as a part of the battery.

    Raises
    ------
    UnsuitableInstanceError
        A shuttle has no battery or no destination, drains or stations charge at different rates,
        or riders come in several kinds.
    """
    batteries = [vehicle.battery for vehicle in instance.vehicles]
    if not all(batteries) or instance.kinds != 1:
        raise UnsuitableInstanceError(f"{instance.name}: needs a battery in each shuttle")
    drains = {battery.drain for battery in batteries if battery}
    rates = {station.rate for station in instance.stations} or {1.0}
    if len(drains) != 1 or len(rates) != 1:
        raise UnsuitableInstanceError(f"{instance.name}: drains or charging rates differ")
    if len({vehicle.ends for vehicle in instance.vehicles}) != 1 or not instance.vehicles[0].ends:
        raise UnsuitableInstanceError(f"{instance.name}: shuttles have no common destinations")
    ends = instance.vehicles[0].ends
    node_of = (
        *(ride.pickup for ride in instance.rides),
        *(ride.dropoff for ride in instance.rides),
        *(vehicle.start for vehicle in instance.vehicles),
        *ends,
        *(station.node for station in instance.stations),
    )
    travel = np.ceil(instance.travel[np.ix_(node_of, node_of)] * TICKS - _NOISE).astype(np.int64)
    riders, fleet = len(instance.rides), len(instance.vehicles)
    nodes = [instance.nodes[at] for at in node_of]
    direct = np.array([travel[r, r + riders] for r in range(riders)], dtype=np.int64)
    windows = _Windows(
        earliest=_up([node.earliest for node in nodes]),
        latest=_down([node.latest for node in nodes]),
        service=_up([node.service for node in nodes]),
        direct=direct,
        max_ride=_down([min(ride.max_ride, 1e9) for ride in instance.rides]),
    )
    windows.tighten()
    first_end = 2 * riders + fleet
    first_station = first_end + len(ends)
    travel_price, excess_price, price_unit = _whole_prices(
        instance.travel_weight, instance.excess_weight
    )
    # Towards the careful side, should a rate have more digits than are counted.
    drain = ceil(drains.pop() * _RATE_UNIT - _NOISE)
    rate = floor(rates.pop() * _RATE_UNIT + _NOISE)
    if drain <= 0 or rate <= 0:
        raise UnsuitableInstanceError(f"{instance.name}: drain and rate must be positive")
    return ElectricProblem(
        travel=travel,
        earliest=windows.earliest,
        latest=windows.latest,
        service=windows.service,
        load=np.array([node.load[0] for node in nodes], dtype=np.int64),
        direct=direct,
        max_ride=windows.max_ride,
        shuttles=_shuttles(instance, travel, 2 * riders, end_charge),
        destinations=_places(
            travel, first_end, len(ends), fleet if instance.ends_shared else 1, fleet
        ),
        stations=_places(
            travel,
            first_station,
            len(instance.stations),
            instance.visits_per_station,
            MOST_VISITS,
        ),
        rate=rate,
        drain=drain,
        travel_price=travel_price,
        excess_price=excess_price,
        price_unit=price_unit,
        node_of=node_of,
    )


def _up(values: Sequence[float]) -> NDArray[np.int64]:
    return np.array([ceil(value * TICKS - _NOISE) for value in values], dtype=np.int64)


def _down(values: Sequence[float]) -> NDArray[np.int64]:
    return np.array([floor(value * TICKS + _NOISE) for value in values], dtype=np.int64)


def _whole_prices(travel: float, excess: float) -> tuple[int, int, float]:
    """Prices in whole numbers, and what one of them is worth.

    0.75 and 0.25 become 3 and 1, each worth 0.25 of the objective per unit of time.
    """
    for parts in range(1, 1001):
        a, b = travel * parts, excess * parts
        if abs(a - round(a)) < 1e-9 and abs(b - round(b)) < 1e-9:
            return round(a), round(b), 1.0 / parts / TICKS
    raise UnsuitableInstanceError(f"weights {travel} and {excess} are no simple fractions")


@dataclass(slots=True)
class _Windows:
    """Windows of all nodes, made narrower by what a rider's two ends say of each other."""

    earliest: NDArray[np.int64]
    latest: NDArray[np.int64]
    service: NDArray[np.int64]
    direct: NDArray[np.int64]
    max_ride: NDArray[np.int64]

    def tighten(self) -> None:
        riders = len(self.direct)
        p, d = slice(0, riders), slice(riders, 2 * riders)
        soonest = self.service[p] + self.direct
        longest = self.service[p] + self.max_ride
        self.earliest[d] = np.maximum(self.earliest[d], self.earliest[p] + soonest)
        self.latest[p] = np.minimum(self.latest[p], self.latest[d] - soonest)
        self.earliest[p] = np.maximum(self.earliest[p], self.earliest[d] - longest)
        self.latest[d] = np.minimum(self.latest[d], self.latest[p] + longest)


def _shuttles(
    instance: Instance, travel: NDArray[np.int64], first: int, end_charge: float
) -> tuple[Shuttle, ...]:
    groups: dict[tuple[object, ...], int] = {}
    shuttles = []
    for k, vehicle in enumerate(instance.vehicles):
        battery = vehicle.battery
        assert battery is not None
        unit = TICKS * _RATE_UNIT
        charge, full = (
            floor(battery.start * unit + _NOISE),
            floor(battery.capacity * unit + _NOISE),
        )
        reserve = ceil(end_charge * battery.capacity * unit - unit * 1e-9)
        node = instance.nodes[vehicle.start]
        likeness = (
            travel[first + k].tobytes(),
            vehicle.capacity,
            charge,
            full,
            node.earliest,
            node.service,
        )
        group = groups.setdefault(likeness, k)
        shuttles.append(Shuttle(first + k, vehicle.capacity[0], charge, full, reserve, group))
    return tuple(shuttles)


def _places(
    travel: NDArray[np.int64], first: int, count: int, limit_each: int, most: int
) -> tuple[Place, ...]:
    """Places one point is listed for several times count as one with as many more visits."""
    alike: dict[bytes, list[int]] = {}
    for at in range(count):
        alike.setdefault(travel[first + at].tobytes(), []).append(at)
    return tuple(
        Place(first + members[0], min(most, limit_each * len(members)), tuple(members))
        for members in alike.values()
    )
