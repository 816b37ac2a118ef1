"""Live rows become a problem of the search and come back as they were, or better."""

from dataclasses import replace

import numpy as np
import pytest

from dispatcher.domain.policy import Objective
from dispatcher.planning.rows import RowPlan, RowRide, RowVisit
from dispatcher.planning.search.live import LiveEffort, improve_rows
from dispatcher.planning.search.rows import row_problem

# Stops along one street, a minute apart.
TRAVEL_S = np.abs(np.subtract.outer(np.arange(9), np.arange(9))).astype(np.int64) * 60
NOW_S = 1000


def a_ride(key: str, seats: int = 1) -> RowRide:
    return RowRide(key, (seats, 0), NOW_S, NOW_S + 3000, NOW_S + 6000, 3000, 20)


def a_row(
    start: int, *visits: RowVisit, rides: tuple[RowRide, ...] = (), seats: int = 4
) -> RowPlan:
    aboard = sum(ride.load[0] for ride in rides) - sum(
        ride.load[0] for visit in visits for ride in rides if ride.key in visit.boards
    )
    return RowPlan(start, NOW_S, (aboard, 0), (seats, 1), True, visits, rides)


CHARGING = RowVisit(4, earliest_s=NOW_S + 300, dwell_s=900)


def test_unchanged_routes_change_no_row() -> None:
    row = a_row(0, RowVisit(1, ("a",)), CHARGING, RowVisit(6, (), ("a",)), rides=(a_ride("a"),))
    made = row_problem([row], TRAVEL_S, Objective(), NOW_S)
    assert made.rows_of(made.problem.routes) == ()


def test_a_changed_row_keeps_its_charge_with_its_bounds() -> None:
    # "a" is carried from 1 to 2; the charge at 4 stands between the two for no reason.
    row = a_row(0, RowVisit(1, ("a",)), CHARGING, RowVisit(2, (), ("a",)), rides=(a_ride("a"),))
    changed = improve_rows([row], TRAVEL_S, Objective(), NOW_S, 1, LiveEffort(rounds=50))
    assert changed == (
        (0, replace(row, visits=(RowVisit(1, ("a",)), RowVisit(2, (), ("a",)), CHARGING))),
    )


def test_riders_board_together_where_that_is_one_stand_less() -> None:
    # Two visits at stop 1 cost "b" the first one's 20 s; together they board in 20 s.
    row = a_row(
        0,
        RowVisit(1, ("a",)),
        RowVisit(1, ("b",)),
        RowVisit(2, (), ("a", "b")),
        rides=(a_ride("a"), a_ride("b")),
    )
    ((_, found),) = improve_rows([row], TRAVEL_S, Objective(), NOW_S, 1, LiveEffort(rounds=50))
    assert [(visit.stop, sorted(visit.boards)) for visit in found.visits] == [
        (1, ["a", "b"]),
        (2, []),
    ]


def test_who_is_aboard_leaves_before_those_for_whom_there_is_no_room() -> None:
    # One of two seats is taken to stop 8. "b" takes two, from 2 to 3: only after 8.
    row = a_row(
        0,
        RowVisit(8, (), ("old",)),
        RowVisit(2, ("b",)),
        RowVisit(3, (), ("b",)),
        rides=(a_ride("old"), a_ride("b", seats=2)),
        seats=2,
    )
    assert improve_rows([row], TRAVEL_S, Objective(), NOW_S, 1, LiveEffort(rounds=200)) == ()


@pytest.mark.parametrize("stays", [False, True])
def test_a_ride_that_stays_keeps_its_shuttle(stays: bool) -> None:
    # Shuttle 0 stands at 8 and is to fetch "a" at 0; shuttle 1 stands there already.
    far = a_row(8, RowVisit(0, ("a",)), RowVisit(1, (), ("a",)), rides=(a_ride("a"),))
    changed = improve_rows(
        [far, a_row(0)],
        TRAVEL_S,
        Objective(),
        NOW_S,
        1,
        LiveEffort(rounds=50),
        stays=lambda key: stays,
    )
    assert {v: [ride.key for ride in row.rides] for v, row in changed} == (
        {} if stays else {0: [], 1: ["a"]}
    )
