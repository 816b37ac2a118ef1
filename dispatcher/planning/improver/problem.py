"""What the improver is given and what it may answer, and the check of that answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dispatcher.domain.policy import Objective
from dispatcher.planning.onward import Ints, ending_price
from dispatcher.planning.rows import RowPlan, bounds, spans
from dispatcher.planning.schedule import Schedule, TravelTimes, row_cost, schedule


@dataclass(frozen=True, slots=True)
class ImproveProblem:
    """A snapshot of rows that may exchange their unreleased rides. Plain, to be sent away."""

    plan_version: int  # of the plan the rows were taken from
    row_ids: tuple[int, ...]  # the fleet's row numbers, one per row
    rows: tuple[RowPlan, ...]
    travel_s: TravelTimes
    objective: Objective
    now_s: int
    bound_keys: frozenset[str] = field(default_factory=frozenset)  # rides that keep their shuttle
    onward_s: Ints | None = None  # [stops] what ending at each costs, as `planning.onward` has it

    def __post_init__(self) -> None:
        assert len(self.row_ids) == len(self.rows)


@dataclass(frozen=True, slots=True)
class ImproveResult:
    """Rows that together cost less; those not named stay as they are."""

    plan_version: int
    rows: tuple[tuple[int, RowPlan], ...]  # fleet row number and its new row
    cost_before: int  # of the rows named, up to the same constant
    cost_after: int


class NoReason(StrEnum):
    """Why there is no better plan."""

    NOTHING_CHEAPER = "NOTHING_CHEAPER"
    TIMED_OUT = "TIMED_OUT"
    CRASHED = "CRASHED"
    RUBBISH = "RUBBISH"  # an answer that is not what was asked for


@dataclass(frozen=True, slots=True)
class NoImprovement:
    """The plan stays as it is."""

    reason: NoReason


def total_cost(
    rows: Sequence[RowPlan],
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
    onward_s: Ints | None = None,
) -> int | None:
    """Milli-cost of rows that are all feasible, else None; up to a constant per ride.

    Where they leave their shuttles is priced by ``onward_s``, if given.
    """
    total = 0
    for plan in rows:
        times = schedule(plan, travel_s, now_s)
        if not isinstance(times, Schedule):
            return None
        total += row_cost(plan, times, travel_s, objective).total
        total += ending_price(plan, onward_s, objective)
    return total


def judged(problem: ImproveProblem, answer: object) -> ImproveResult | NoImprovement:
    """An answer that is what was asked for, with costs recomputed; RUBBISH otherwise.

    The worker is another process and may have gone mad: nothing it says is taken on trust.
    """
    if isinstance(answer, NoImprovement):
        return answer
    try:
        if not isinstance(answer, ImproveResult) or not _keeps_the_rides(problem, answer):
            return NoImprovement(NoReason.RUBBISH)
        old_rows = dict(zip(problem.row_ids, problem.rows, strict=True))
        cost_before, cost_after = (
            total_cost(rows, problem.travel_s, problem.objective, problem.now_s, problem.onward_s)
            for rows in ([old_rows[i] for i, _ in answer.rows], [row for _, row in answer.rows])
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, AssertionError):
        return NoImprovement(NoReason.RUBBISH)
    if cost_after is None or cost_before is None:
        return NoImprovement(NoReason.RUBBISH)
    if cost_after >= cost_before:
        return NoImprovement(NoReason.NOTHING_CHEAPER)
    return ImproveResult(problem.plan_version, answer.rows, cost_before, cost_after)


def _keeps_the_rides(problem: ImproveProblem, answer: ImproveResult) -> bool:
    """Same rides overall with the same promises, those aboard or bound on their own shuttle."""
    old_rows = dict(zip(problem.row_ids, problem.rows, strict=True))
    new_rows = dict(answer.rows)
    if answer.plan_version != problem.plan_version or not new_rows.keys() <= old_rows.keys():
        return False
    if len(new_rows) != len(answer.rows):
        return False
    rides_before = {ride.key: ride for i in new_rows for ride in old_rows[i].rides}
    rides_after = [ride for plan in new_rows.values() for ride in plan.rides]
    if len(rides_after) != len(rides_before):
        return False
    if {ride.key: ride for ride in rides_after} != rides_before:
        return False
    for i, plan in new_rows.items():
        old = old_rows[i]
        fixed = (old.start_stop, old.start_s, old.start_load, old.capacity, old.end_s)
        if fixed != (plan.start_stop, plan.start_s, plan.start_load, plan.capacity, plan.end_s):
            return False
        if not old.available or not plan.available:
            return False
        if _stays(old, problem.bound_keys) != _stays(plan, problem.bound_keys):
            return False
        if not _serves_each_once(plan) or not _keeps_the_stops(plan, problem):
            return False
    return True


def _stays(plan: RowPlan, bound_keys: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    aboard = frozenset(span.ride.key for span in spans(plan) if span.pickup < 0)
    bound = frozenset(ride.key for ride in plan.rides) & bound_keys
    return aboard, bound


def _serves_each_once(plan: RowPlan) -> bool:
    boards = [key for visit in plan.visits for key in visit.boards]
    alights = [key for visit in plan.visits for key in visit.alights]
    in_order = all(span.pickup < span.dropoff for span in spans(plan))
    return (
        in_order
        and len(set(boards)) == len(boards)
        and sorted(alights) == sorted(ride.key for ride in plan.rides)
        and len(bounds(plan)) == len(plan.visits)
    )


def _keeps_the_stops(plan: RowPlan, problem: ImproveProblem) -> bool:
    stops = {
        (key, end): visit.stop
        for row in problem.rows
        for visit in row.visits
        for end, keys in (("on", visit.boards), ("off", visit.alights))
        for key in keys
    }
    return all(
        stops[key, end] == visit.stop
        for visit in plan.visits
        for end, keys in (("on", visit.boards), ("off", visit.alights))
        for key in keys
    )
