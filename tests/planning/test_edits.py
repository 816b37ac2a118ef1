"""A ride goes in and comes out again; the fleet's arrays follow."""

import random
from dataclasses import replace

import numpy as np
import planning_cases as cases
import pytest

from dispatcher.domain.policy import Objective
from dispatcher.planning.edits import (
    apply_insertion,
    merge_neighbours,
    remove_ride,
    restate_ride,
)
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.insertion import best_insertion, row_begins
from dispatcher.planning.request import Insertion
from dispatcher.planning.rows import RowPlan, RowRide, RowVisit
from dispatcher.planning.schedule import Schedule, schedule

NOW_S = 10_000


def a_ride(key: str, load: tuple[int, int] = (1, 0)) -> RowRide:
    return RowRide(key, load, 0, 20_000, 20_000, 20_000, 20)


@pytest.mark.parametrize("seed", range(40))
def test_applying_then_removing_gives_the_row_back(seed: int) -> None:
    rng = random.Random(seed)
    travel_s = cases.random_travel_s(rng, 6)
    plan = replace(cases.random_row(rng, 6, NOW_S, travel_s, 4), available=True)
    fleet = FleetArrays()
    fleet.add_row(plan)
    asked = cases.random_request(rng, 6, NOW_S, travel_s)
    found = best_insertion(fleet, asked, travel_s, Objective(), NOW_S)
    if not isinstance(found, Insertion):
        return
    longer = apply_insertion(plan, found, asked, "zoe")
    times = schedule(longer, travel_s, NOW_S)
    assert isinstance(times, Schedule), f"seed {seed}"
    assert times.begin_s == found.begin_s, f"seed {seed}"
    assert "zoe" in longer.visits[found.pickup_visit].boards
    assert "zoe" in longer.visits[found.dropoff_visit].alights
    assert remove_ride(longer, "zoe") == plan, f"seed {seed}"


def test_a_party_that_is_not_aboard_gives_its_places_back() -> None:
    plan = RowPlan(
        start_stop=0,
        start_s=0,
        start_load=(3, 1),
        capacity=(4, 1),
        available=True,
        visits=(RowVisit(1, alights=("ana", "ben")),),
        rides=(a_ride("ana", (2, 1)), a_ride("ben")),
    )
    rest = remove_ride(plan, "ana")
    assert rest.start_load == (1, 0)
    assert rest.visits == (RowVisit(1, alights=("ben",)),)


def test_an_errand_stays_when_its_riders_are_gone() -> None:
    charging = RowVisit(1, alights=("ana",), dwell_s=600)
    plan = RowPlan(0, 0, (1, 0), (4, 0), True, (charging,), (a_ride("ana"),))
    assert remove_ride(plan, "ana").visits == (RowVisit(1, dwell_s=600),)


def test_removing_or_restating_an_unknown_ride_is_a_mistake() -> None:
    plan = RowPlan(0, 0, (0, 0), (4, 0), True, (), ())
    with pytest.raises(KeyError):
        remove_ride(plan, "ana")
    with pytest.raises(KeyError):
        restate_ride(plan, a_ride("ana"))


@pytest.mark.parametrize(("earliest_s", "merged"), [(0, True), (400, False)])
def test_neighbours_at_one_stop_merge_unless_it_costs_more(earliest_s: int, merged: bool) -> None:
    travel_s = np.array([[0, 60], [60, 0]], dtype=np.int64)
    late = replace(a_ride("ben"), pickup_earliest_s=earliest_s)
    plan = RowPlan(
        0,
        0,
        (1, 0),
        (4, 0),
        True,
        (RowVisit(1, alights=("ana",)), RowVisit(1, boards=("ben",)), RowVisit(0, (), ("ben",))),
        (a_ride("ana"), late),
    )
    # Merged with Ben at hand, one dwell less. Merged with Ben due at 400 s, Ana would sit from 60
    # to 400 for nothing.
    after = merge_neighbours(plan, travel_s, Objective(), 0)
    together = RowVisit(1, boards=("ben",), alights=("ana",))
    assert after.visits == ((together, plan.visits[2]) if merged else plan.visits)


def test_arrays_grow_and_keep_every_row() -> None:
    rng = random.Random(7)
    travel_s = cases.random_travel_s(rng, 5)
    plans = [cases.random_row(rng, 5, NOW_S, travel_s, 3) for _ in range(40)]
    fleet = FleetArrays()
    for plan in plans:
        fleet.add_row(plan)
    errands = tuple(RowVisit(i % 5, dwell_s=10) for i in range(50))
    fleet.set_row(3, replace(plans[3], visits=plans[3].visits + errands))
    plans[3] = fleet.plan(3)
    fleet.set_row(11, replace(plans[11], visits=(), rides=()))
    plans[11] = fleet.plan(11)
    assert len(fleet) == 40
    for row, plan in enumerate(plans):
        expected = schedule(plan, travel_s, NOW_S)
        found = row_begins(fleet, row, travel_s, NOW_S)
        assert found == (expected.begin_s if isinstance(expected, Schedule) else expected)
