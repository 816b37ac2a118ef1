"""The kernel chooses what its readable twin chooses."""

import random

import planning_cases as cases
import pytest

from dispatcher.planning import twin
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.insertion import best_insertion, row_begins
from dispatcher.planning.request import Insertion, NoInsertion
from dispatcher.planning.schedule import Schedule, schedule

NOW_S = 10_000


@pytest.mark.parametrize("seed", range(150))
def test_kernel_equals_twin(seed: int) -> None:
    rng = random.Random(seed)
    n_stops = rng.randint(2, 7)
    travel_s = cases.random_travel_s(rng, n_stops)
    objective = cases.random_objective(rng)
    plans = [
        cases.random_row(rng, n_stops, NOW_S, travel_s, rng.randint(0, 4))
        for _ in range(rng.randint(1, 4))
    ]
    fleet = FleetArrays()
    for plan in plans:
        fleet.add_row(plan)
    for _ in range(3):
        asked = cases.random_request(rng, n_stops, NOW_S, travel_s)
        now_s = NOW_S + rng.randrange(0, 200)
        expected = twin.best_insertion(plans, asked, travel_s, objective, now_s)
        found = best_insertion(fleet, asked, travel_s, objective, now_s)
        if expected is None:
            assert isinstance(found, NoInsertion), f"seed {seed}"
        else:
            assert found == expected, f"seed {seed}"
            assert isinstance(found, Insertion)


@pytest.mark.parametrize("seed", range(60))
def test_compiled_times_equal_the_readable_ones(seed: int) -> None:
    rng = random.Random(seed)
    travel_s = cases.random_travel_s(rng, 6)
    plan = cases.random_row(rng, 6, NOW_S, travel_s, 5)
    fleet = FleetArrays()
    row = fleet.add_row(plan)
    # A later hour breaks windows and shift ends, so that the reasons are compared as well.
    for now_s in (NOW_S, NOW_S + 300, NOW_S + 700, NOW_S + 3000):
        expected = schedule(plan, travel_s, now_s)
        found = row_begins(fleet, row, travel_s, now_s)
        if isinstance(expected, Schedule):
            assert found == expected.begin_s, f"seed {seed}"
        else:
            assert found == expected, f"seed {seed}"
