"""The driver of the search: deadlines, fewer vehicles, recombination, several processes."""

import random
import time
from itertools import pairwise

import numpy as np
import pytest

from dispatcher.planning.search.columns import Columns, together
from dispatcher.planning.search.fleet import only, with_fewer_vehicles
from dispatcher.planning.search.model import Problem, Ride, RideEnd, RouteOrder, Solution, Vehicle
from dispatcher.planning.search.neighbourhood import NeighbourhoodSearch
from dispatcher.planning.search.recombine import recombine
from dispatcher.planning.search.solver import solve
from dispatcher.planning.search.twin import route_cost


class Ticking:
    """A clock that goes on a little whenever it is asked, so that runs repeat."""

    def __init__(self, step_s: float) -> None:
        self.now_s = 0.0
        self._step_s = step_s

    def __call__(self) -> float:
        self.now_s += self._step_s
        return self.now_s


def on_a_line(pairs: list[tuple[int, int]], vehicles: int, *, fewest: bool = False) -> Problem:
    """Rides between places at 0, 1, 2, ... of a line; vehicles have two seats and start at 0."""
    travel = np.array([[abs(a - b) for b in range(20)] for a in range(20)])
    return Problem(
        travel=travel,
        vehicles=tuple(
            Vehicle(str(v), 0, 0, (2,), (0,), end_place=0, end_latest=200) for v in range(vehicles)
        ),
        rides=tuple(
            Ride(str(r), RideEnd(a, 0, 200, 0), RideEnd(b, 0, 200, 0), (1,))
            for r, (a, b) in enumerate(pairs)
        ),
        fewest_vehicles=fewest,
    )


def scattered(seed: int) -> Problem:
    chance = random.Random(seed)
    return on_a_line([(chance.randrange(20), chance.randrange(20)) for _ in range(12)], 4)


def test_one_tour_along_a_line_serves_everybody() -> None:
    # Out to 9 and home again is 18; each end lies on the way, in its order, two aboard at most.
    problem = on_a_line([(1, 5), (5, 9), (9, 4), (4, 2)], 3)
    told: list[Solution] = []
    best = solve(problem, time_limit_s=0.2, seed=1, clock=Ticking(0.001), on_better=told.append)
    assert (best.cost, best.unserved, best.vehicles_used) == (18, (), 1)
    assert told[-1] == best
    assert all(later.cost < sooner.cost for sooner, later in pairwise(told))


def test_the_deadline_is_kept() -> None:
    clock = Ticking(0.004)
    solve(scattered(2), time_limit_s=0.5, seed=1, clock=clock)
    assert clock.now_s <= 0.5 + 0.05


def test_same_seed_and_clock_give_the_same_plan() -> None:
    plans = [solve(scattered(3), time_limit_s=0.3, seed=5, clock=Ticking(0.003)) for _ in range(2)]
    assert plans[0] == plans[1]


def test_rides_that_fit_nowhere_are_named() -> None:
    # From 0 to 19, to 1 and home is 38 and within 30 impossible.
    problem = on_a_line([(19, 1), (1, 2)], 2)
    short = tuple(
        Vehicle(v.key, 0, 0, (2,), (0,), end_place=0, end_latest=30) for v in problem.vehicles
    )
    best = solve(
        Problem(problem.travel, short, problem.rides),
        time_limit_s=0.1,
        seed=1,
        clock=Ticking(0.002),
    )
    assert best.unserved == (0,)


def test_fewest_vehicles_come_before_distance() -> None:
    # One vehicle picks up at 1 and 2, drops at 3 and 4, and serves the others on the way home from
    # 19: 2 * 19 = 38 driven. Nothing is cheaper, with whatever fleet.
    problem = on_a_line([(1, 3), (19, 17), (2, 4), (16, 18)], 4, fewest=True)
    start = Solution(tuple(RouteOrder((r, 4 + r), (False, False)) for r in range(4)), (), 0)
    told: list[Solution] = []
    found = with_fewer_vehicles(
        problem, start, 1, until_s=5.0, clock=Ticking(0.001), on_better=told.append
    )
    assert found.vehicles_used == 1
    used = [plan.vehicles_used for plan in told]
    assert used == sorted(set(used), reverse=True)
    assert used[-1] == 1
    assert len(found.routes) == 4
    assert len(only(problem, 2).vehicles) == 2
    best = solve(problem, time_limit_s=0.3, seed=1, clock=Ticking(0.001))
    assert (best.vehicles_used, best.cost, len(best.routes)) == (1, 38, 4)


@pytest.mark.parametrize("seed", range(6))
def test_columns_recombine_to_the_cheapest_plan_there_is(seed: int) -> None:
    """Against every way to split five rides over two vehicles."""
    chance = random.Random(seed)
    problem = on_a_line([(chance.randrange(20), chance.randrange(20)) for _ in range(5)], 2)
    cost_of = {}
    for served in range(1, 32):
        rides = [r for r in range(5) if served >> r & 1]
        order = RouteOrder(
            tuple(end for r in rides for end in (r, 5 + r)), (False,) * (2 * len(rides))
        )
        cost = route_cost(problem, 0, order)
        if cost is not None:
            cost_of[served] = (cost, order)
    pairs = [
        cost_of[a][0] + (cost_of[31 - a][0] if a < 31 else 0)
        for a in cost_of
        if a == 31 or 31 - a in cost_of
    ]
    pool = together([_columns(list(cost_of.values())[:10]), _columns(list(cost_of.values())[5:])])
    assert len(pool.cost) == len(cost_of)
    found = recombine(problem, np.zeros(2, dtype=np.int64), pool, 10_000, 5.0)
    assert found is not None, f"seed {seed}"
    search = NeighbourhoodSearch(problem, 1)
    assert search.price_of(found) == min(pairs), f"seed {seed}"
    again = recombine(problem, np.zeros(2, dtype=np.int64), pool, min(pairs), 5.0)
    assert again is None, "nothing is cheaper than the cheapest"


def _columns(routes: list[tuple[int, RouteOrder]]) -> Columns:
    seq = np.full((len(routes), 10), -1, dtype=np.int16)
    for i, (_, order) in enumerate(routes):
        seq[i, : len(order.ends)] = order.ends
    return Columns(
        np.array([cost for cost, _ in routes], dtype=np.int64),
        np.zeros(len(routes), dtype=np.int64),
        np.array([len(order.ends) for _, order in routes], dtype=np.int32),
        seq,
        np.zeros((len(routes), 10), dtype=np.int8),
    ).trimmed()


def test_two_processes_find_what_one_does() -> None:
    problem = scattered(4)
    alone = solve(problem, time_limit_s=1.0, seed=1, clock=Ticking(0.004))
    together_ = solve(problem, time_limit_s=6.0, seed=1, clock=time.monotonic, workers=2)
    assert together_.cost == alone.cost
    assert not together_.unserved
