"""The search: OR-Tools' routing model from the current plan, by guided local search.

Runs in the improver's own process: the search holds the interpreter's lock until it ends, and
its limits overrun.
"""

from collections.abc import Sequence
from typing import Any

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from dispatcher.planning.improver.model import HORIZON_S, Model, model_of, reachable_s, rows_of
from dispatcher.planning.improver.problem import (
    ImproveProblem,
    ImproveResult,
    NoImprovement,
    NoReason,
    judged,
)


def improve(
    problem: ImproveProblem, time_limit_s: float, seed: int
) -> ImproveResult | NoImprovement:
    """Search for cheaper rows within the limit; what is returned is feasible and cheaper."""
    model = model_of(problem)
    if not model.calls:
        return NoImprovement(NoReason.NOTHING_CHEAPER)
    routes = _search(model, time_limit_s, seed)
    if routes is None:
        return NoImprovement(NoReason.NOTHING_CHEAPER)
    rows = rows_of(model, routes)
    if not rows:
        return NoImprovement(NoReason.NOTHING_CHEAPER)
    return judged(problem, ImproveResult(problem.plan_version, rows, 0, 0))


def prepare() -> None:
    """Nothing: OR-Tools is loaded with this module, and compiles nothing."""


def _search(model: Model, time_limit_s: float, seed: int) -> list[list[int]] | None:
    n_rows = len(model.rows)
    end = model.n_nodes - 1
    manager = pywrapcp.RoutingIndexManager(
        model.n_nodes, n_rows, list(range(n_rows)), [end] * n_rows
    )
    routing = pywrapcp.RoutingModel(manager)
    solver = routing.solver()
    solver.ReSeed(seed)
    objective = model.problem.objective

    drive_s = model.drive_s()
    driving = [[objective.driving * leg_s for leg_s in line] for line in drive_s]
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitMatrix(driving))
    time = _add_time(model, routing, manager, drive_s)
    _add_loads(model, routing)

    for pickup, dropoff in model.pairs:
        p = manager.NodeToIndex(model.node(pickup))
        d = manager.NodeToIndex(model.node(dropoff))
        routing.AddPickupAndDelivery(p, d)
        solver.Add(routing.VehicleVar(p) == routing.VehicleVar(d))
        solver.Add(time.CumulVar(p) <= time.CumulVar(d))
        # A limit function for the pair would be accepted and not enforced, hence a constraint.
        ride = model.calls[pickup].ride
        limit_s = min(ride.max_ride_s + ride.dwell_s, HORIZON_S)
        solver.Add(time.CumulVar(d) - time.CumulVar(p) <= limit_s)
    for i, call in enumerate(model.calls):
        if call.stays:
            # SetAllowedVehiclesForIndex takes no Python list in OR-Tools 9.15.
            routing.VehicleVar(manager.NodeToIndex(model.node(i))).SetValue(call.row)

    parameters = _parameters(time_limit_s)
    routing.CloseModelWithParameters(parameters)
    current = [[model.node(i) for i in route] for route in model.routes]
    start = routing.ReadAssignmentFromRoutes(current, True)
    if start is not None:
        found = routing.SolveFromAssignmentWithParameters(start, parameters)
    else:
        # Neighbours that board separately at one stop may be timed too pessimistically here.
        found = routing.SolveWithParameters(parameters)
    if found is None:
        return None
    return [_route(routing, manager, found, vehicle, n_rows) for vehicle in range(n_rows)]


def _add_time(
    model: Model,
    routing: Any,
    manager: Any,
    drive_s: Sequence[Sequence[int]],
) -> Any:
    problem, objective = model.problem, model.problem.objective
    starts_s = [max(problem.rows[i].start_s, problem.now_s) for i in model.rows]
    base_s = min(starts_s)
    transit = routing.RegisterTransitMatrix(model.transit_s(drive_s))
    routing.AddDimension(transit, HORIZON_S, HORIZON_S, False, "time")
    time = routing.GetDimensionOrDie("time")
    for vehicle, start_s in enumerate(starts_s):
        row = problem.rows[model.rows[vehicle]]
        time.CumulVar(routing.Start(vehicle)).SetValue(start_s - base_s)
        last = time.CumulVar(routing.End(vehicle))
        if model.routes[vehicle]:
            last.SetMax(reachable_s(row.end_s, base_s, HORIZON_S))
        else:
            # An unused shuttle ends where it starts, even when that is after its shift.
            last.SetMax(max(start_s - base_s, reachable_s(row.end_s, base_s, HORIZON_S)))
        routing.AddVariableMinimizedByFinalizer(last)
    for i, call in enumerate(model.calls):
        index = manager.NodeToIndex(model.node(i))
        begin = time.CumulVar(index)
        ride = call.ride
        if call.boards:
            earliest_s, latest_s = ride.pickup_earliest_s, ride.pickup_latest_s
            price = objective.waiting - objective.riding
        else:
            earliest_s, latest_s = 0, ride.dropoff_latest_s
            price = objective.riding
        begin.SetRange(max(0, earliest_s - base_s), reachable_s(latest_s, base_s, HORIZON_S))
        # Waiting and riding together are a price on the begins alone:
        # w * (p - earliest) + r * (d - p) = (w - r) * p + r * d - constant.
        time.SetCumulVarSoftUpperBound(index, 0, price * ride.riders)
        routing.AddVariableMinimizedByFinalizer(begin)
    return time


def _add_loads(model: Model, routing: Any) -> None:
    for kind, name in enumerate(("seats", "places")):
        rows = [model.problem.rows[i] for i in model.rows]
        demand = routing.RegisterUnaryTransitVector(model.demand(kind))
        routing.AddDimensionWithVehicleCapacity(
            demand, 0, [row.capacity[kind] for row in rows], False, name
        )
        dimension = routing.GetDimensionOrDie(name)
        for vehicle, row in enumerate(rows):
            dimension.CumulVar(routing.Start(vehicle)).SetValue(row.start_load[kind])


def _parameters(time_limit_s: float) -> Any:
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = (
        routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    )
    parameters.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    parameters.time_limit.FromMilliseconds(max(1, int(1000 * time_limit_s)))
    return parameters


def _route(routing: Any, manager: Any, found: Any, vehicle: int, n_rows: int) -> list[int]:
    """The calls of one vehicle, by index, in order."""
    route = []
    index = found.Value(routing.NextVar(routing.Start(vehicle)))
    while not routing.IsEnd(index):
        route.append(manager.IndexToNode(index) - n_rows)
        index = found.Value(routing.NextVar(index))
    return route
