"""The search's kernels against their readable definition, on seeded problems."""

import random

import numpy as np
import pytest

from dispatcher.planning.kernels.inserting import best_in_route, put_in
from dispatcher.planning.search.arrays import (
    empty_routes,
    longest_route,
    model_of,
    read_route,
    room_for_trial,
    write_route,
)
from dispatcher.planning.search.model import (
    FOREVER,
    Problem,
    Ride,
    RideEnd,
    RouteOrder,
    TickPrices,
    Vehicle,
)
from dispatcher.planning.search.neighbourhood import NeighbourhoodSearch
from dispatcher.planning.search.twin import cheapest_place, route_cost


def a_problem(chance: random.Random, *, live: bool, limited: bool = True) -> Problem:
    """Ten rides and three unlike vehicles on few places, so that visits are shared."""
    spots = [(chance.randrange(60), chance.randrange(60)) for _ in range(9)]
    travel = np.array([[abs(a - c) + abs(b - d) for c, d in spots] for a, b in spots])
    rides: list[Ride] = []
    for r in range(10):
        boards, alights = chance.sample(range(9), 2)
        early = chance.randrange(300)
        late = early + chance.choice([15, 90])
        direct = int(travel[boards, alights])
        dwell = chance.choice([0, 3, 8])
        load = (chance.randrange(1, 3), chance.choice([0, 0, 1]))
        bound = chance.randrange(3) if live and r < 2 else None
        rides.append(
            Ride(
                key=str(r),
                pickup=None if bound is not None else RideEnd(boards, early, late, dwell),
                dropoff=RideEnd(alights, 0, early + direct + chance.choice([60, 200]), dwell),
                load=load,
                max_ride=chance.choice([FOREVER, direct + chance.randrange(80)])
                if limited
                else FOREVER,
                riders=sum(load),
                vehicle=bound,
            )
        )
    vehicles = tuple(
        Vehicle(
            key=str(v),
            start_place=chance.randrange(9),
            start_earliest=chance.randrange(50),
            start_latest=chance.choice([FOREVER, 200]),
            capacity=(chance.randrange(4, 8), chance.randrange(2, 4)),
            start_load=_aboard(rides, v),
            end_place=chance.choice([None, chance.randrange(9)]),
            end_latest=chance.choice([FOREVER, 900]),
            max_duration=chance.choice([FOREVER, 500]) if limited else FOREVER,
            max_driving=chance.choice([FOREVER, 450]),
            use_cost=chance.choice([0, 40]),
        )
        for v in range(3)
    )
    prices = TickPrices(10, 6, chance.randrange(7)) if live else TickPrices()
    # The drive to the nearer of the first two places, in every other live problem.
    onward = travel[:, :2].min(axis=1) if live and spots[0][0] % 2 else None
    return Problem(travel, vehicles, tuple(rides), prices, shares_visits=live, onward=onward)


def _aboard(rides: list[Ride], vehicle: int) -> tuple[int, int]:
    mine = [ride.load for ride in rides if ride.pickup is None and ride.vehicle == vehicle]
    return (sum(load[0] for load in mine), sum(load[1] for load in mine))


@pytest.mark.parametrize(("live", "limited"), [(False, False), (False, True), (True, True)])
def test_kernel_finds_the_cheapest_place_and_times_it_as_the_twin_does(
    live: bool, limited: bool
) -> None:
    placed = refused = joined = 0
    for seed in range(90):
        chance = random.Random(seed)
        problem = a_problem(chance, live=live, limited=limited)
        model = model_of(problem, 1 << 30)
        longest = longest_route(problem)
        routes, trial = empty_routes(model, longest), room_for_trial(model, longest)
        # Who is aboard comes first: loads count them from the start.
        for r in [0, 1, *chance.sample(range(2, 10), 8)] if live else chance.sample(range(10), 10):
            bound = problem.rides[r].vehicle
            v = chance.randrange(3) if bound is None else bound
            order = read_route(routes, v)
            if route_cost(problem, v, order) is None:
                break  # too full until the other rider aboard has a drop-off
            assert write_route(model, routes, trial, v, order)
            expected = cheapest_place(problem, v, order, r)
            cost, code_p, code_d = best_in_route(model, routes, trial, v, r, FOREVER)
            where = f"seed {seed}, ride {r}, vehicle {v}"
            if expected is None:
                assert code_d < 0, where
                refused += 1
                if bound is not None:
                    break
                continue
            assert cost == expected[0], where
            # Nothing is below its own cost, and it is found below one more.
            assert best_in_route(model, routes, trial, v, r, cost)[2] < 0, where
            assert best_in_route(model, routes, trial, v, r, cost + 1)[0] == cost, where
            before = int(routes.cost[v])
            assert put_in(model, routes, trial, v, r, code_p, code_d), where
            assert int(routes.cost[v]) == before + cost, where
            now = read_route(routes, v)
            assert route_cost(problem, v, now) == int(routes.cost[v]), where
            placed += 1
            joined += any(now.joins)
    assert placed > 150
    assert refused > 50
    assert joined > 20 or not live


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_plans_of_a_search_cost_what_the_twin_says(seed: int, live: bool) -> None:
    problem = a_problem(random.Random(seed), live=live)
    search = NeighbourhoodSearch(problem, seed)
    search.run(300, 20.0, 1, 5, 0.5)
    plan = search.best()
    costs = [route_cost(problem, v, order) for v, order in enumerate(plan.routes)]
    assert None not in costs
    assert (
        sum(c for c in costs if c is not None) + search.unserved_cost * len(plan.unserved)
        == plan.cost
    ), f"seed {seed}"
    served = sorted(end for order in plan.routes for end in order.ends)
    expected = [10 + r for r in range(10) if r not in plan.unserved]
    expected += [r - 10 for r in expected if problem.rides[r - 10].pickup is not None]
    assert served == sorted(expected)


@pytest.mark.parametrize("seed", range(6))
def test_a_ride_left_out_is_exchanged_for_others_and_every_route_stays_feasible(seed: int) -> None:
    problem = a_problem(random.Random(seed), live=False)
    search = NeighbourhoodSearch(problem, seed)
    search.hunt_for_all(True)
    search.run(3, 20.0, 1, 3, -1.0)
    exchanged = 0
    for _ in range(20):
        before = search.at_hand()
        search.eject()
        plan = search.at_hand()
        exchanged += plan.unserved != before.unserved
        costs = [route_cost(problem, v, order) for v, order in enumerate(plan.routes)]
        assert None not in costs
        priced = sum(c for c in costs if c is not None)
        assert priced + search.unserved_cost * len(plan.unserved) == plan.cost, f"seed {seed}"
        served = sorted(end for order in plan.routes for end in order.ends)
        carried = [r for r in range(10) if r not in plan.unserved]
        assert served == sorted(end for r in carried for end in (r, 10 + r))
        assert len(plan.unserved) <= len(before.unserved) + 1  # one comes, at most two go
    assert exchanged or not search.left_out


def test_the_same_seed_gives_the_same_plan() -> None:
    problem = a_problem(random.Random(5), live=False)
    plans = []
    for slices in ((200,), (50, 50, 100)):
        search = NeighbourhoodSearch(problem, 7)
        for rounds in slices:
            search.run(rounds, 10.0, 1, 4, 0.02)
        plans.append(search.best())
    assert plans[0] == plans[1]


def test_a_route_that_cannot_be_driven_is_refused() -> None:
    problem = a_problem(random.Random(1), live=False)
    search = NeighbourhoodSearch(problem, 1)
    # A drop-off before its own pickup: the ride limit then asks for times that never settle.
    wrong = RouteOrder(tuple(range(10)) + tuple(range(19, 9, -1)), (False,) * 20)
    assert route_cost(problem, 0, wrong) is None
    with pytest.raises(ValueError, match="the route of 0"):
        search.restart([wrong, RouteOrder(), RouteOrder()])
