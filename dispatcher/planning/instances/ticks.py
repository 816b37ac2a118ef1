"""A static instance as the search counts it, and the search's routes in the instance's numbers.

One unit of the instance is `TICKS` ticks. Travel is rounded up and windows inwards, so that a
route that is feasible in ticks is feasible in the instance's own numbers.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil, floor, inf

import numpy as np

from dispatcher.planning.instances.instance import Family, Instance, InstanceError
from dispatcher.planning.search.model import (
    FOREVER,
    Problem,
    Ride,
    RideEnd,
    RouteOrder,
    Vehicle,
)

TICKS = 1_000_000

# Noise of doubles, in ticks: what is whole in the file stays whole, as in 0.06, 0.08, 0.1.
_NOISE = 1e-4


def up(value: float) -> int:
    """Ticks, rounded up."""
    return ceil(value * TICKS - _NOISE)


def down(value: float) -> int:
    """Ticks, rounded down; what has no bound is `FOREVER`."""
    return FOREVER if value == inf else min(FOREVER, floor(value * TICKS + _NOISE))


def problem_of(instance: Instance, start: Sequence[RouteOrder] = ()) -> Problem:
    """The instance as a problem; rides and vehicles keep their order, places are its nodes.

    Raises
    ------
    InstanceError
        The fleet is electric, which this problem does not know.
    """
    if instance.family is Family.EADARP:
        raise InstanceError(f"{instance.name}: charging and prices of riding need another search")
    nodes = instance.nodes

    def end(place: int) -> RideEnd:
        node = nodes[place]
        return RideEnd(place, up(node.earliest), down(node.latest), up(node.service))

    return Problem(
        travel=np.ceil(instance.travel * TICKS - _NOISE).astype(np.int64),
        vehicles=tuple(
            Vehicle(
                key=str(k),
                start_place=vehicle.start,
                start_earliest=up(nodes[vehicle.start].earliest),
                start_latest=down(nodes[vehicle.start].latest),
                capacity=vehicle.capacity,
                start_load=(0,) * instance.kinds,
                end_place=vehicle.ends[0],
                end_latest=down(nodes[vehicle.ends[0]].latest),
                max_duration=down(vehicle.max_duration),
            )
            for k, vehicle in enumerate(instance.vehicles)
        ),
        rides=tuple(
            Ride(
                key=str(nodes[ride.pickup].number),
                pickup=end(ride.pickup),
                dropoff=end(ride.dropoff),
                load=nodes[ride.pickup].load,
                max_ride=down(ride.max_ride),
            )
            for ride in instance.rides
        ),
        fewest_vehicles=instance.fewest_vehicles,
        routes=tuple(start),
    )


def numbers_of(instance: Instance, routes: Iterable[RouteOrder]) -> list[list[int]]:
    """The routes as the file numbers its nodes; empty ones stay."""
    places = [*(ride.pickup for ride in instance.rides), *(r.dropoff for r in instance.rides)]
    return [[instance.nodes[places[end]].number for end in route.ends] for route in routes]


def distance_of(instance: Instance, routes: Iterable[Sequence[int]]) -> float:
    """Distance of routes of the file's numbers, by vehicle, in the instance's unit."""
    place_of = {node.number: place for place, node in enumerate(instance.nodes)}
    return sum(
        float(instance.travel[a, b])
        for vehicle, route in zip(instance.vehicles, routes, strict=False)
        if route
        for a, b in pairwise([vehicle.start, *(place_of[n] for n in route), vehicle.ends[0]])
    )
