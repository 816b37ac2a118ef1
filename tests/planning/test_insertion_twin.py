"""The kernel chooses what its readable twin chooses."""

import random

import planning_cases as cases
import pytest

from dispatcher.planning import twin
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.insertion import (
    STRICT,
    best_insertion,
    find_insertion,
    insertions_per_shuttle,
    row_begins,
)
from dispatcher.planning.kernels.lines import Prices
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


@pytest.mark.parametrize("seed", range(40))
def test_what_is_left_out_cannot_come_first(seed: int) -> None:
    """A large fleet on few stops: many shuttles cost the same, and most are never looked at."""
    rng = random.Random(seed)
    n_stops = rng.randint(3, 12)
    travel_s = cases.random_travel_s(rng, n_stops)
    travel_s.flags.writeable = False  # so that what is derived from it is kept between requests
    objective = cases.random_objective(rng)
    prices = Prices(
        objective.driving, objective.waiting, objective.riding, objective.walking, others=1
    )
    fleet = FleetArrays()
    for _ in range(rng.choice((5, 40, 120))):
        rides = rng.choice((0, 0, 1, 2, 4))
        fleet.add_row(cases.random_row(rng, n_stops, NOW_S, travel_s, rides))
    now_s = NOW_S
    for _ in range(12):
        now_s += rng.choice((0, 0, 1, 30, 200))
        asked = cases.random_request(rng, n_stops, now_s, travel_s, choices=3)
        forbid = tuple(rng.sample(range(len(fleet)), rng.randint(0, 2)))
        for priced in (prices, prices._replace(others=0), Prices(0, 0, 1, 0, others=0)):
            found, full = (
                find_insertion(
                    fleet, asked, travel_s, priced, now_s, STRICT, None, forbid, prunes=prunes
                )
                for prunes in (True, False)
            )
            assert found == full, f"seed {seed}"
        row = rng.randrange(len(fleet))
        fleet.set_row(row, cases.random_row(rng, n_stops, now_s, travel_s, rng.choice((0, 3))))


@pytest.mark.parametrize("seed", range(30))
def test_pruned_scan_of_equals_chooses_as_the_twin_does(seed: int) -> None:
    rng = random.Random(seed)
    travel_s = cases.random_travel_s(rng, 4)
    objective = cases.random_objective(rng)
    kinds = [cases.random_row(rng, 4, NOW_S, travel_s, rides) for rides in (0, 0, 1, 3)]
    plans = [rng.choice(kinds) for _ in range(14)]
    fleet = FleetArrays()
    for plan in plans:
        fleet.add_row(plan)
    for _ in range(2):
        asked = cases.random_request(rng, 4, NOW_S, travel_s)
        expected = twin.best_insertion(plans, asked, travel_s, objective, NOW_S)
        found = best_insertion(fleet, asked, travel_s, objective, NOW_S)
        assert found == expected or (expected is None and isinstance(found, NoInsertion)), seed


@pytest.mark.parametrize("seed", range(20))
def test_the_cheapest_of_each_shuttle_alone_is_the_choice(seed: int) -> None:
    rng = random.Random(seed)
    travel_s = cases.random_travel_s(rng, 5)
    objective = cases.random_objective(rng)
    fleet = FleetArrays()
    for _ in range(8):
        fleet.add_row(cases.random_row(rng, 5, NOW_S, travel_s, rng.randint(0, 3)))
    asked = cases.random_request(rng, 5, NOW_S, travel_s)
    each = insertions_per_shuttle(fleet, asked, travel_s, objective, NOW_S)
    assert [found.row for found in each if isinstance(found, Insertion)] == [
        row for row, found in enumerate(each) if isinstance(found, Insertion)
    ]
    able = [found for found in each if isinstance(found, Insertion)]
    chosen = best_insertion(fleet, asked, travel_s, objective, NOW_S)
    if able:
        assert chosen == min(able, key=lambda found: (found.cost.total, found.row)), seed
    else:
        assert isinstance(chosen, NoInsertion), seed
