"""The rows as a routing model: nodes, what links them, and the way back to rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dispatcher.planning.edits import merge_neighbours, without_idle_visits
from dispatcher.planning.improver.problem import ImproveProblem
from dispatcher.planning.rows import NO_PATH_S, RowPlan, RowRide, RowVisit, spans
from dispatcher.planning.schedule import Schedule, row_cost, schedule


@dataclass(frozen=True, slots=True)
class Call:
    """One end of one ride: a node of the model."""

    ride: RowRide
    stop: int
    boards: bool
    row: int  # of the plan it comes from, by position in the problem
    stays: bool  # may not change shuttle

    @property
    def sign(self) -> int:
        return 1 if self.boards else -1


@dataclass(frozen=True, slots=True)
class Model:
    """Nodes 0..rows-1 are starts, then the calls, then one end shared by all."""

    problem: ImproveProblem
    rows: tuple[int, ...]  # positions in the problem of the rows that take part
    calls: tuple[Call, ...]
    routes: tuple[tuple[int, ...], ...]  # the current plan, calls by index
    pairs: tuple[tuple[int, int], ...]  # pickup and drop-off call of each ride not yet aboard

    @property
    def n_nodes(self) -> int:
        return len(self.rows) + len(self.calls) + 1

    def node(self, call: int) -> int:
        return len(self.rows) + call

    def drive_s(self) -> list[list[int]]:
        """int[nodes, nodes]: drive times; to the end nobody drives."""
        travel_s = self.problem.travel_s
        stops = [
            *(self.problem.rows[i].start_stop for i in self.rows),
            *(call.stop for call in self.calls),
        ]
        part = travel_s[stops][:, stops].tolist()
        return [*([*line, 0] for line in part), [0] * self.n_nodes]

    def transit_s(self, drive_s: Sequence[Sequence[int]]) -> list[list[int]]:
        """int[nodes, nodes]: from begin to begin. Parties at one stop share the longest dwell."""
        dwells_s = [0] * len(self.rows) + [call.ride.dwell_s for call in self.calls] + [0]
        stops = [-1] * len(self.rows) + [call.stop for call in self.calls] + [-2]
        return [
            [
                max(0, dwells_s[a] - dwells_s[b])
                if stops[a] == stops[b]
                else dwells_s[a] + drive_s[a][b]
                for b in range(self.n_nodes)
            ]
            for a in range(self.n_nodes)
        ]

    def demand(self, kind: int) -> list[int]:
        """int[nodes]: places taken or given back."""
        loads = [call.sign * call.ride.load[kind] for call in self.calls]
        return [0] * len(self.rows) + loads + [0]


def model_of(problem: ImproveProblem) -> Model:
    """The model of all rows that are available, feasible and free of errands.

    An errand (a visit with bounds of its own) keeps its row out: where it stands in the route
    was decided elsewhere.
    """
    rows: list[int] = []
    calls: list[Call] = []
    routes: list[tuple[int, ...]] = []
    pairs: list[tuple[int, int]] = []
    for i, plan in enumerate(problem.rows):
        if not _takes_part(plan, problem):
            continue
        rows.append(i)
        ride_by_key = {ride.key: ride for ride in plan.rides}
        aboard = {span.ride.key for span in spans(plan) if span.pickup < 0}
        pickups: dict[str, int] = {}
        route = []
        for visit in plan.visits:
            # Those who alight make room for those who board.
            for key in visit.alights:
                stays = key in aboard or key in problem.bound_keys
                if key in pickups:
                    pairs.append((pickups[key], len(calls)))
                route.append(len(calls))
                calls.append(Call(ride_by_key[key], visit.stop, False, len(rows) - 1, stays))
            for key in visit.boards:
                pickups[key] = len(calls)
                route.append(len(calls))
                stays = key in problem.bound_keys
                calls.append(Call(ride_by_key[key], visit.stop, True, len(rows) - 1, stays))
        routes.append(tuple(route))
    return Model(problem, tuple(rows), tuple(calls), tuple(routes), tuple(pairs))


def rows_of(
    model: Model, routes: Sequence[Sequence[int]]
) -> tuple[tuple[int, RowPlan], ...] | None:
    """The changed rows that drive these calls, timed by our own rules; None if one cannot."""
    changed = []
    for vehicle, route in enumerate(routes):
        if tuple(route) == model.routes[vehicle]:
            continue
        row = model.rows[vehicle]
        plan = _row_of(model, model.problem.rows[row], [model.calls[i] for i in route])
        if plan is None:
            return None
        changed.append((model.problem.row_ids[row], plan))
    return tuple(changed)


def _row_of(model: Model, old: RowPlan, calls: Sequence[Call]) -> RowPlan | None:
    """The cheaper of calling at each stop once, or separately where that delays fewer riders."""
    problem = model.problem
    visits: list[RowVisit] = []
    apart: list[RowVisit] = []
    rides: dict[str, RowRide] = {}
    for call in calls:
        key = call.ride.key
        rides[key] = call.ride
        one = RowVisit(
            call.stop, boards=(key,) if call.boards else (), alights=() if call.boards else (key,)
        )
        apart.append(one)
        if visits and visits[-1].stop == call.stop:
            last = visits.pop()
            one = replace(last, boards=last.boards + one.boards, alights=last.alights + one.alights)
        visits.append(one)
    best: tuple[int, RowPlan] | None = None
    for made in (visits, apart):
        plan = replace(old, visits=tuple(made), rides=tuple(rides.values()))
        plan = merge_neighbours(plan, problem.travel_s, problem.objective, problem.now_s)
        times = schedule(plan, problem.travel_s, problem.now_s)
        if isinstance(times, Schedule):
            cost = row_cost(plan, times, problem.travel_s, problem.objective).total
            if best is None or cost < best[0]:
                best = (cost, plan)
    return None if best is None else best[1]


def _takes_part(plan: RowPlan, problem: ImproveProblem) -> bool:
    plain = without_idle_visits(plan)
    own_bounds = any(
        visit != RowVisit(visit.stop, visit.boards, visit.alights) for visit in plain.visits
    )
    return (
        plan.available
        and not own_bounds
        and isinstance(schedule(plan, problem.travel_s, problem.now_s), Schedule)
    )


def reachable_s(latest_s: int, base_s: int, horizon_s: int) -> int:
    """A bound relative to the model's hour zero, within its horizon."""
    return max(0, min(latest_s - base_s, horizon_s))


HORIZON_S = NO_PATH_S - 1
"""No route of the model ends later, so no closed street is ever driven."""
