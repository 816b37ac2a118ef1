"""Timing rules by hand, and against a plain search over difference constraints."""

import random
from dataclasses import replace

import numpy as np
import planning_cases as cases
import pytest

from dispatcher.domain.policy import DwellRule, Objective
from dispatcher.planning.rows import FOREVER_S, NO_PATH_S, RowPlan, RowRide, RowVisit, bounds, spans
from dispatcher.planning.schedule import (
    Constraint,
    Infeasible,
    Schedule,
    TravelTimes,
    row_cost,
    schedule,
)

A, B, C = 0, 1, 2
# A to B 60 s, B to C 100 s, A to C 150 s, the same back.
TRAVEL_S = np.array([[0, 60, 150], [60, 0, 100], [150, 100, 0]], dtype=np.int64)


def a_ride(
    key: str,
    earliest_s: int = 0,
    latest_s: int = 10_000,
    dropoff_latest_s: int = 10_000,
    max_ride_s: int = 10_000,
    load: tuple[int, int] = (1, 0),
) -> RowRide:
    return RowRide(
        key, load, earliest_s, latest_s, dropoff_latest_s, max_ride_s, DwellRule().dwell_s(load[1])
    )


def a_row(*visits: RowVisit, rides: tuple[RowRide, ...], end_s: int = FOREVER_S) -> RowPlan:
    return RowPlan(
        start_stop=A,
        start_s=1000,
        start_load=(0, 0),
        capacity=(2, 1),
        available=True,
        visits=visits,
        rides=rides,
        end_s=end_s,
    )


def test_times_follow_from_drives_dwells_and_earliest_begins() -> None:
    plan = a_row(
        RowVisit(B, boards=("ana",)),
        RowVisit(C, alights=("ana",)),
        rides=(a_ride("ana", earliest_s=1090),),
    )
    # Arrive at B 1000 + 60, wait until 1090, leave 1110, arrive at C 1210, leave 1230.
    assert schedule(plan, TRAVEL_S, 0) == Schedule((1060, 1210), (1090, 1210), (1110, 1230))
    # At 1050 nobody leaves at 1000 any more: B 1110, leave 1130, C 1230.
    assert schedule(plan, TRAVEL_S, 1050) == Schedule((1110, 1230), (1110, 1230), (1130, 1250))


def test_a_row_drives_no_longer_than_its_battery_lasts() -> None:
    plan = a_row(
        RowVisit(B, boards=("ana",)), RowVisit(C, alights=("ana",)), rides=(a_ride("ana"),)
    )
    # A to B takes 60 s and B to C 100 s.
    assert isinstance(schedule(replace(plan, drive_limit_s=160), TRAVEL_S, 0), Schedule)
    assert schedule(replace(plan, drive_limit_s=159), TRAVEL_S, 0) == Infeasible(
        Constraint.RANGE, 1
    )
    assert schedule(replace(plan, drive_limit_s=59), TRAVEL_S, 0) == Infeasible(Constraint.RANGE, 0)


def test_a_shared_visit_stands_for_the_longest_of_its_dwells() -> None:
    plan = a_row(
        RowVisit(B, boards=("ana", "wim")),
        RowVisit(C, alights=("ana", "wim")),
        rides=(a_ride("ana"), a_ride("wim", load=(0, 1))),
    )
    # 20 s for Ana, 20 + 40 for Wim's ramp; together 60, not 80.
    assert schedule(plan, TRAVEL_S, 0) == Schedule((1060, 1220), (1060, 1220), (1120, 1280))


def test_a_pickup_waits_when_the_ride_would_be_too_long() -> None:
    plan = a_row(
        RowVisit(B, boards=("ana",)),
        RowVisit(C, boards=("ben",)),
        RowVisit(A, alights=("ana", "ben")),
        rides=(a_ride("ana", max_ride_s=300), a_ride("ben", earliest_s=1500)),
    )
    # Ben boards at 1500, A is reached at 1500 + 20 + 150 = 1670. Leaving B at 1080 Ana would ride
    # 590 s; leaving at 1670 - 300 = 1370 she rides 300, so she boards at 1350 instead of 1060.
    assert schedule(plan, TRAVEL_S, 0) == Schedule(
        (1060, 1470, 1670), (1350, 1500, 1670), (1370, 1520, 1690)
    )


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        pytest.param(
            # 1060 at B is later than 1059.
            a_row(
                RowVisit(B, ("ana",)), RowVisit(C, (), ("ana",)), rides=(a_ride("ana", 0, 1059),)
            ),
            Infeasible(Constraint.WINDOW, 0),
            id="window",
        ),
        pytest.param(
            # C is left at 1060 + 20 + 100 + 20 = 1200.
            a_row(
                RowVisit(B, ("ana",)), RowVisit(C, (), ("ana",)), rides=(a_ride("ana"),), end_s=1199
            ),
            Infeasible(Constraint.SHIFT_END, 1),
            id="shift end",
        ),
        pytest.param(
            # B to C takes 100 s whatever the pickup waits for.
            a_row(
                RowVisit(B, ("ana",)),
                RowVisit(C, (), ("ana",)),
                rides=(a_ride("ana", max_ride_s=99),),
            ),
            Infeasible(Constraint.RIDE_TIME, 1),
            id="ride limit below the direct drive",
        ),
        pytest.param(
            # Three persons, two seats.
            a_row(
                RowVisit(B, ("ana",)),
                RowVisit(C, ("ben",)),
                RowVisit(A, (), ("ana", "ben")),
                rides=(a_ride("ana"), a_ride("ben", load=(2, 0))),
            ),
            Infeasible(Constraint.CAPACITY, 1),
            id="capacity",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_visit(plan: RowPlan, expected: Infeasible) -> None:
    assert schedule(plan, TRAVEL_S, 0) == expected


def test_a_closed_street_is_not_a_long_drive() -> None:
    closed_s = TRAVEL_S.copy()
    closed_s[A, B] = NO_PATH_S
    plan = a_row(
        RowVisit(B, ("ana",)),
        RowVisit(C, (), ("ana",)),
        rides=(a_ride("ana", latest_s=FOREVER_S, dropoff_latest_s=FOREVER_S),),
    )
    assert schedule(plan, closed_s, 0) == Infeasible(Constraint.NO_PATH, 0)


def test_alighting_makes_room_for_boarding_at_the_same_visit() -> None:
    plan = a_row(
        RowVisit(B, boards=("ana",)),
        RowVisit(C, boards=("ben",), alights=("ana",)),
        RowVisit(A, alights=("ben",)),
        rides=(a_ride("ana", load=(2, 0)), a_ride("ben", load=(2, 0))),
    )
    assert isinstance(schedule(plan, TRAVEL_S, 0), Schedule)


def test_cost_counts_drive_wait_and_ride() -> None:
    plan = a_row(
        RowVisit(B, boards=("ana",)),
        RowVisit(C, alights=("ana",)),
        rides=(a_ride("ana", earliest_s=1000, load=(2, 0)),),
    )
    times = schedule(plan, TRAVEL_S, 0)
    assert isinstance(times, Schedule)
    cost = row_cost(plan, times, TRAVEL_S, Objective(driving=1, waiting=10, riding=10, walking=0))
    # 160 s of driving; two persons wait 60 s and ride from 1060 to 1180.
    assert (cost.driving, cost.waiting, cost.riding) == (160, 1200, 2400)


@pytest.mark.parametrize("seed", range(200))
def test_schedule_is_the_least_solution_of_all_its_constraints(seed: int) -> None:
    rng = random.Random(seed)
    travel_s = cases.random_travel_s(rng, 5)
    plan = cases.random_row(rng, 5, 10_000, travel_s, 4)
    # Tighter ride limits than the row was built with: some pickups must wait, some rows break.
    rides = tuple(
        replace(ride, max_ride_s=int(ride.max_ride_s * rng.choice((0.6, 0.8, 1))))
        for ride in plan.rides
    )
    plan = replace(plan, rides=rides)
    times = schedule(plan, travel_s, 10_000)
    least = _longest_paths(plan, travel_s, 10_000)
    if least is None:
        assert isinstance(times, Infeasible), f"seed {seed}"
    else:
        assert isinstance(times, Schedule), f"seed {seed}"
        assert times.begin_s == least, f"seed {seed}"


def _longest_paths(plan: RowPlan, travel_s: TravelTimes, now_s: int) -> tuple[int, ...] | None:
    """Bellman-Ford over ``begin[b] >= begin[a] + weight``; node 0 is time zero."""
    visits = bounds(plan)
    n = len(visits)
    if not n:
        return ()
    edges = []
    stops = [plan.start_stop, *(visit.stop for visit in visits)]
    for i, visit in enumerate(visits):
        leg_s = int(travel_s[stops[i], stops[i + 1]])
        if i == 0:
            edges.append((0, 1, max(plan.start_s, now_s) + leg_s))
        else:
            edges.append((i, i + 1, visits[i - 1].dwell_s + leg_s))
        edges.append((0, i + 1, visit.earliest_s))
        edges.append((i + 1, 0, -visit.latest_s))
    edges.append((n, 0, visits[-1].dwell_s - plan.end_s))
    for span in spans(plan):
        if span.pickup >= 0:
            dwell_s = visits[span.pickup].dwell_s
            edges.append((span.dropoff + 1, span.pickup + 1, -span.ride.max_ride_s - dwell_s))
    begin_s = [0, *([-FOREVER_S] * n)]
    for _ in range(n + 2):
        changed = False
        for a, b, weight in edges:
            if begin_s[a] + weight > begin_s[b]:
                begin_s[b] = begin_s[a] + weight
                changed = True
        if not changed:
            return tuple(begin_s[1:])
    return None  # a cycle that only grows: no schedule keeps every bound
