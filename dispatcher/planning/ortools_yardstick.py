"""Plain OR-Tools on a static instance: what our own search is measured against.

Run as a program in a process of its own, which the operating system ends when its CPU time is
used up: the search holds the interpreter's lock, its own limit is in wall time, and on a shared
machine only CPU time is fair. Every better solution is written at once as one line of JSON.

The model is the best plain one found: guided local search, matrices instead of callbacks, windows
narrowed by what a request's two ends say of each other, ride times as explicit constraints on the
begins, and every request optional at a penalty beyond any route.

With long rides, as in the pr set, no one setting is best. The pairs' limit function (alone not
enforced) finds complete solutions where none is found without (pr09), but starting by local
cheapest insertion gets further where that finds one (pr03 after 15 s: 586 against 615). Both are
`settings_for` such an instance, to be run with the full time each. With short rides both
are worse than parallel cheapest insertion alone (a7-84: 1093 against 1070).
"""

import json
import signal
import sys
import time
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Any

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from dispatcher.planning.instances import Instance, read_instance
from dispatcher.planning.instances.ticks import TICKS, distance_of, down, up

_FAR = 1 << 40

_VEHICLE = 10_000 * TICKS
"""Price of a vehicle where the fewest are wanted: more than any route."""

_LEFT_OUT = 1 << 42
"""Price of either end of a request left out: more than all vehicles."""

_LONG_RIDE = 60.0
"""Longest rides from here on are long ones: 90 in the pr set, 30 and 45 in a and b."""


class Setting(StrEnum):
    """How the search starts."""

    PARALLEL = "parallel"
    """Parallel cheapest insertion; with long rides, their limits are stated twice."""
    LOCAL = "local"
    """Local cheapest insertion."""


def settings_for(instance: Instance) -> tuple[Setting, ...]:
    """The settings of which one is the best known for such an instance."""
    return (Setting.PARALLEL, Setting.LOCAL) if _long_rides(instance) else (Setting.PARALLEL,)


def main(path: Path, cpu_s: float, setting: Setting) -> None:
    """Search until the CPU time is used up, which ends the process."""
    instance = read_instance(path)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    # What was spent on starting Python is not the search's.
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    _search(instance, cpu_s, setting)


def _search(instance: Instance, cpu_s: float, setting: Setting) -> None:
    """Build the model and search, writing every better complete solution."""
    begun_s = time.process_time()
    fleet = len(instance.vehicles)
    manager = pywrapcp.RoutingIndexManager(
        len(instance.nodes),
        fleet,
        [vehicle.start for vehicle in instance.vehicles],
        [vehicle.ends[0] for vehicle in instance.vehicles],
    )
    routing = pywrapcp.RoutingModel(manager)
    travel = [[up(leg) for leg in row] for row in instance.travel.tolist()]
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitMatrix(travel))
    if instance.fewest_vehicles:
        routing.SetFixedCostOfAllVehicles(_VEHICLE)
    twice = setting is Setting.PARALLEL and _long_rides(instance)
    _add_time(instance, routing, manager, travel, limits_twice=twice)
    _add_loads(instance, routing)
    best = inf

    def report() -> None:
        nonlocal best
        cost = routing.CostVar().Value()
        if cost >= min(best, _LEFT_OUT):
            return
        best = cost
        routes = [_route(routing, manager, vehicle) for vehicle in range(fleet)]
        numbers = [[instance.nodes[place].number for place in route] for route in routes]
        line = {
            "cpu_s": time.process_time() - begun_s,
            "cost": distance_of(instance, numbers),
            "routes": [route for route in numbers if route],
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    routing.AddAtSolutionCallback(report)
    routing.SolveWithParameters(_parameters(setting, cpu_s))


def _add_time(
    instance: Instance,
    routing: Any,
    manager: Any,
    travel: list[list[int]],
    *,
    limits_twice: bool,
) -> None:
    service = [up(node.service) for node in instance.nodes]
    transit = [[leg + service[i] for leg in row] for i, row in enumerate(travel)]
    # A vehicle may leave its depot late and wait anywhere.
    routing.AddDimension(routing.RegisterTransitMatrix(transit), _FAR, _FAR, False, "time")
    time_dimension = routing.GetDimensionOrDie("time")
    for k, vehicle in enumerate(instance.vehicles):
        for place, index in (
            (vehicle.start, routing.Start(k)),
            (vehicle.ends[0], routing.End(k)),
        ):
            node = instance.nodes[place]
            time_dimension.CumulVar(index).SetRange(up(node.earliest), down(node.latest))
        if vehicle.max_duration < inf:
            time_dimension.SetSpanUpperBoundForVehicle(down(vehicle.max_duration), k)
    solver = routing.solver()
    # The routing model does not keep the functions it is given alive.
    routing.ride_limits = []
    for i, ride in enumerate(instance.rides):
        p, d = manager.NodeToIndex(ride.pickup), manager.NodeToIndex(ride.dropoff)
        routing.AddPickupAndDelivery(p, d)
        routing.AddDisjunction([p], _LEFT_OUT)
        routing.AddDisjunction([d], _LEFT_OUT)
        solver.Add(routing.VehicleVar(p) == routing.VehicleVar(d))
        begin, end = time_dimension.CumulVar(p), time_dimension.CumulVar(d)
        shortest = transit[ride.pickup][ride.dropoff]
        longest = min(_FAR, down(ride.max_ride) + service[ride.pickup])
        boards, alights = instance.nodes[ride.pickup], instance.nodes[ride.dropoff]
        earliest, latest = up(alights.earliest), down(alights.latest)
        first = max(up(boards.earliest), earliest - longest)
        last = min(down(boards.latest), latest - shortest)
        begin.SetRange(first, last)
        end.SetRange(max(earliest, first + shortest), min(latest, last + longest))
        solver.Add(begin + shortest <= end)
        if ride.max_ride < inf:
            solver.Add(end - begin <= longest)
        if limits_twice:
            routing.ride_limits.append(lambda _p, _d, longest=longest: longest)
            time_dimension.SetPickupToDeliveryLimitFunctionForPair(routing.ride_limits[-1], i)


def _long_rides(instance: Instance) -> bool:
    return _LONG_RIDE <= min(ride.max_ride for ride in instance.rides) < inf


def _add_loads(instance: Instance, routing: Any) -> None:
    for kind in range(instance.kinds):
        loads = routing.RegisterUnaryTransitVector([node.load[kind] for node in instance.nodes])
        seats = [vehicle.capacity[kind] for vehicle in instance.vehicles]
        routing.AddDimensionWithVehicleCapacity(loads, 0, seats, True, f"places of kind {kind}")


def _parameters(setting: Setting, cpu_s: float) -> Any:
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    first = routing_enums_pb2.FirstSolutionStrategy
    parameters.first_solution_strategy = (
        first.PARALLEL_CHEAPEST_INSERTION
        if setting is Setting.PARALLEL
        else first.LOCAL_CHEAPEST_INSERTION
    )
    parameters.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    # The CPU timer ends the process long before; this is for a machine that stands still.
    parameters.time_limit.FromMilliseconds(int(60_000 + 20_000 * cpu_s))
    return parameters


def _route(routing: Any, manager: Any, vehicle: int) -> list[int]:
    """Places of one vehicle's route, depots left out, while a solution is being reported."""
    route = []
    index = routing.NextVar(routing.Start(vehicle)).Value()
    while not routing.IsEnd(index):
        route.append(manager.IndexToNode(index))
        index = routing.NextVar(index).Value()
    return route


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Setting(sys.argv[3]))
