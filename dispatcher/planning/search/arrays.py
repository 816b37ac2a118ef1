"""A problem and its plans as the kernels' arrays, and back."""

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels.routes import (
    NODE_SIZE,
    RIDE_SIZE,
    VEHICLE_SIZE,
    Model,
    Routes,
    Trial,
    renew,
)
from dispatcher.planning.search.model import (
    FOREVER,
    NO_PATH,
    Problem,
    Ride,
    RouteOrder,
    Vehicle,
)


def model_of(problem: Problem, unserved_cost: int) -> Model:
    """The problem as arrays. A ride that must be served costs ``unserved_cost`` if it is not."""
    rides, vehicles = problem.rides, problem.vehicles
    kinds = len(vehicles[0].capacity) if vehicles else 1
    node = np.zeros((2 * len(rides), NODE_SIZE), dtype=np.int64)
    load = np.zeros((2 * len(rides), kinds), dtype=np.int64)
    ride = np.zeros((len(rides), RIDE_SIZE), dtype=np.int64)
    for r, one in enumerate(rides):
        ends = (one.pickup or one.dropoff, one.dropoff)
        for at, end in zip((r, len(rides) + r), ends, strict=True):
            node[at] = (end.place, end.earliest, end.latest, end.dwell)
        if one.pickup is not None:
            load[r] = one.load
        load[len(rides) + r] = [-places for places in one.load]
        ride[r] = _ride_line(one, unserved_cost)
    if not problem.shares_visits:
        _tighten(node, ride, problem)
    vehicle = np.zeros((len(vehicles), VEHICLE_SIZE), dtype=np.int64)
    alike: dict[tuple[object, ...], int] = {}
    for v, shuttle in enumerate(vehicles):
        number = alike.setdefault(_likeness(shuttle), v)
        vehicle[v] = _vehicle_line(shuttle, number)
    travel = np.ascontiguousarray(problem.travel, dtype=np.int32)
    # Where visits are shared the kernels do not read it; else one matrix, if it is the same.
    as_it_is = problem.shares_visits or np.array_equal(travel, travel.T)
    return Model(
        travel=travel,
        travel_to=travel if as_it_is else np.ascontiguousarray(travel.T),
        node=node,
        load=load,
        ride=ride,
        vehicle=vehicle,
        capacity=np.array([v.capacity for v in vehicles], dtype=np.int64).reshape(-1, kinds),
        start_load=np.array([v.start_load for v in vehicles], dtype=np.int64).reshape(-1, kinds),
        driving=problem.prices.driving,
        waiting=problem.prices.waiting,
        riding=problem.prices.riding,
        no_path=NO_PATH if problem.shares_visits else FOREVER,
        onward=(
            np.zeros(len(problem.travel), dtype=np.int64)
            if problem.onward is None
            else np.ascontiguousarray(problem.onward, dtype=np.int64)
        ),
        shares=problem.shares_visits,
        limited=any(one.pickup and one.max_ride < FOREVER for one in rides)
        or any(shuttle.max_duration < FOREVER for shuttle in vehicles),
    )


def _tighten(node: NDArray[np.int64], ride: NDArray[np.int64], problem: Problem) -> None:
    """Narrow the windows of both ends by what the other's allows; no schedule is lost.

    With shared visits a neighbour's dwell may count towards the ride, and this would not hold.
    """
    for r, one in enumerate(problem.rides):
        if one.pickup is None:
            continue
        p, d = node[r], node[len(problem.rides) + r]
        direct = int(problem.travel[one.pickup.place, one.dropoff.place])
        # The columns are those of the kernels: place, earliest, latest, dwell.
        d[1] = max(d[1], p[1] + p[3] + direct)
        p[2] = min(p[2], d[2] - direct - p[3])
        p[1] = max(p[1], d[1] - ride[r, 0] - p[3])
        d[2] = min(d[2], p[2] + p[3] + ride[r, 0])


def _ride_line(ride: Ride, unserved_cost: int) -> tuple[int, ...]:
    return (
        ride.max_ride,
        ride.riders,
        -1 if ride.vehicle is None else ride.vehicle,
        int(ride.pickup is not None),
        unserved_cost if ride.refusal_cost is None else ride.refusal_cost,
    )


def _vehicle_line(vehicle: Vehicle, alike: int) -> tuple[int, ...]:
    return (
        vehicle.start_place,
        vehicle.start_earliest,
        vehicle.start_latest,
        -1 if vehicle.end_place is None else vehicle.end_place,
        vehicle.end_latest,
        vehicle.max_duration,
        vehicle.max_driving,
        vehicle.use_cost,
        alike,
    )


def _likeness(vehicle: Vehicle) -> tuple[object, ...]:
    """Vehicles that agree in all of this can take each other's routes."""
    return (
        vehicle.start_place,
        vehicle.start_earliest,
        vehicle.start_latest,
        vehicle.capacity,
        vehicle.start_load,
        vehicle.end_place,
        vehicle.end_latest,
        vehicle.max_duration,
        vehicle.max_driving,
        vehicle.use_cost,
    )


def longest_route(problem: Problem) -> int:
    """Positions to keep for one route: all ends there are, or a bound that memory allows."""
    all_ends = 2 * len(problem.rides)
    if problem.routes:
        planned = max((len(order.ends) for order in problem.routes), default=0)
        return min(all_ends, planned + 40) + 4
    return min(all_ends, 250) + 4


def empty_routes(model: Model, longest: int) -> Routes:
    """Room for all vehicles' routes, nothing planned."""
    vehicles, kinds = model.vehicle.shape[0], model.load.shape[1]

    def per_position() -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        return np.zeros((vehicles, longest), dtype=np.int64)

    return Routes(
        n=np.zeros(vehicles, dtype=np.int64),
        seq=per_position(),
        joined=per_position(),
        place=per_position(),
        leg=per_position(),
        begin=per_position(),
        depart=per_position(),
        latest=per_position(),
        load=np.zeros((vehicles, longest, kinds), dtype=np.int64),
        drive=np.zeros(vehicles, dtype=np.int64),
        cost=np.zeros(vehicles, dtype=np.int64),
        mark=np.zeros(vehicles, dtype=np.uint64),
    )


def room_for_trial(model: Model, longest: int) -> Trial:
    """Scratch space for one candidate."""
    return Trial(
        seq=np.zeros(longest, dtype=np.int64),
        joined=np.zeros(longest, dtype=np.int64),
        begin=np.zeros(longest, dtype=np.int64),
        depart=np.zeros(longest, dtype=np.int64),
        at=np.zeros(model.node.shape[0], dtype=np.int64),
        least_from=np.zeros(longest, dtype=np.int64),
        to_d=np.zeros(longest, dtype=np.int64),
        from_d=np.zeros(longest, dtype=np.int64),
    )


def write_route(model: Model, routes: Routes, trial: Trial, v: int, order: RouteOrder) -> bool:
    """Put a vehicle's route in place and time it; False if it breaks a rule."""
    n = len(order.ends)
    routes.n[v] = n
    routes.seq[v, 1 : n + 1] = order.ends
    routes.joined[v, 1 : n + 1] = order.joins
    return bool(renew(model, routes, trial, v))


def read_route(routes: Routes, v: int) -> RouteOrder:
    """The route of one vehicle."""
    n = int(routes.n[v])
    return RouteOrder(
        tuple(int(node) for node in routes.seq[v, 1 : n + 1]),
        tuple(bool(joins) for joins in routes.joined[v, 1 : n + 1]),
    )
