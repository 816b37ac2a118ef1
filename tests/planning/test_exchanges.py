"""Stretches of routes exchanged, on made cases and against the readable definition."""

import random

import numpy as np
import pytest
from test_search_twin import a_problem

from dispatcher.planning.kernels.ruining import EXCHANGE, OPERATORS
from dispatcher.planning.kernels.searching import RECREATES
from dispatcher.planning.search.model import Problem, Ride, RideEnd, RouteOrder, Vehicle
from dispatcher.planning.search.neighbourhood import NeighbourhoodSearch
from dispatcher.planning.search.twin import route_cost

ONLY_EXCHANGES = tuple(float(x == EXCHANGE) for x in range(OPERATORS))


def exchanging(problem: Problem, seed: int = 1) -> NeighbourhoodSearch:
    search = NeighbourhoodSearch(problem, seed)
    search.weigh(ONLY_EXCHANGES, (1.0,) * RECREATES)
    return search


def two_towns(served: list[list[int]]) -> Problem:
    """Rides within towns at 0 to 3 and at 100 to 103; one vehicle belongs to each."""
    places = [0, 1, 2, 3, 100, 101, 102, 103]
    travel = np.abs(np.subtract.outer(places, places))
    pairs = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7)]
    rides = tuple(
        Ride(
            str(r),
            RideEnd(a, 400 * (r % 3), 400 * (r % 3) + 200, 1),
            RideEnd(b, 0, 2000, 1),
            (1,),
        )
        for r, (a, b) in enumerate(pairs)
    )
    routes = tuple(
        RouteOrder(tuple(end for r in mine for end in (r, 6 + r)), (False,) * (2 * len(mine)))
        for mine in served
    )
    vehicles = tuple(
        Vehicle(str(v), start, 0, (1,), (0,), end_place=start, end_latest=2000)
        for v, start in enumerate([0, 4])
    )
    return Problem(travel, vehicles, rides, routes=routes)


@pytest.mark.parametrize(
    "served",
    [
        pytest.param([[0, 4, 5], [3, 1, 2]], id="ends"),
        pytest.param([[0, 4, 2], [3, 1, 5]], id="middles"),
        pytest.param([[0, 1], [3, 4, 5, 2]], id="one stretch moves over"),
    ],
)
def test_rides_come_to_the_vehicle_of_their_town_at_once(served: list[list[int]]) -> None:
    search = exchanging(two_towns(served))
    before = search.best_cost
    search.run(40, 1e-9, 1, 1, -1.0)
    # To 3, or to 103, and back: and that by one exchange of the first few drawn.
    assert (before > 200, search.best_cost) == (True, 12)
    assert {order.ends[::2] for order in search.best().routes} == {(0, 1, 2), (3, 4, 5)}


@pytest.mark.parametrize("live", [False, True])
def test_exchanged_plans_are_what_the_twin_says(live: bool) -> None:
    changed = 0
    for seed in range(60):
        problem = a_problem(random.Random(seed), live=live)
        search = NeighbourhoodSearch(problem, seed)
        search.run(60, 40.0, 1, 3, -1.0)
        start = search.at_hand()
        search.weigh(ONLY_EXCHANGES, (1.0,) * RECREATES)
        search.run(60, 400.0, 1, 1, -1.0)
        plan = search.at_hand()
        changed += plan.routes != start.routes
        assert plan.unserved == start.unserved
        costs = [route_cost(problem, v, order) for v, order in enumerate(plan.routes)]
        assert None not in costs, f"seed {seed}"
        left_out = search.unserved_cost * len(plan.unserved)
        assert plan.cost == sum(c for c in costs if c is not None) + left_out, f"seed {seed}"
        ends = sorted(end for order in plan.routes for end in order.ends)
        assert ends == sorted(end for order in start.routes for end in order.ends)
        for v, order in enumerate(plan.routes):
            bound = [problem.rides[end % 10].vehicle for end in order.ends]
            assert all(b is None or b == v for b in bound), f"seed {seed}"
    assert changed >= 10
