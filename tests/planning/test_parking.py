"""Idle shuttles wait where requests are expected, and only move when it pays."""

import itertools
import random

import numpy as np
import planning_cases as cases
import pytest

from dispatcher.domain.policy import Objective
from dispatcher.planning.demand import DemandCounts
from dispatcher.planning.parking import ParkingMove, ParkingRule, _waiting, choose_parking

# Stops along one street, a minute apart.
TRAVEL_S = np.abs(np.subtract.outer(np.arange(5), np.arange(5))).astype(np.int64) * 60
PRICES = Objective(driving=500, waiting=1500)
ROOMY = (2, 2, 2, 2, 2)


def test_a_shuttle_moves_towards_the_requests() -> None:
    # All requests at 3, from 0: 180 s nearer for 70 % of 20 requests an hour during 20 minutes
    # saves 180 * 0.7 * 20 / 3 * 1500 = 1.26 million; the drive costs 180 * 500 = 90,000.
    assert choose_parking([0], (0, 0, 0, 20_000, 0), TRAVEL_S, ROOMY, PRICES) == (
        ParkingMove(0, 3),
    )


@pytest.mark.parametrize(("milli_per_hour", "moves"), [(1071, False), (1072, True)])
def test_a_shuttle_stays_where_the_drive_would_not_pay(milli_per_hour: int, moves: bool) -> None:
    # Each request an hour saves 180 * 0.7 * 1500 / 3 = 63,000. At 250 a second the drive costs
    # 45,000 and has to save half as much again, 67,500, which takes 1.0714 requests an hour.
    # At 500 it takes twice as many.
    demand = (0, 0, 0, milli_per_hour, 0)
    cheap = Objective(driving=250, waiting=1500)
    assert bool(choose_parking([0], demand, TRAVEL_S, ROOMY, cheap)) == moves
    assert not choose_parking([0], demand, TRAVEL_S, ROOMY, PRICES)


def test_two_shuttles_spread_over_two_places() -> None:
    moves = choose_parking([2, 2], (9000, 0, 0, 0, 9000), TRAVEL_S, ROOMY, PRICES)
    assert {move.to_stop for move in moves} == {0, 4}
    assert {move.idle for move in moves} == {0, 1}


def test_another_shuttle_already_there_is_counted() -> None:
    demand = (9000, 0, 0, 0, 9000)
    (move,) = choose_parking([2], demand, TRAVEL_S, ROOMY, PRICES, others_at=[0])
    assert move.to_stop == 4


def test_a_full_stop_is_left_alone() -> None:
    demand = (0, 0, 0, 20_000, 0)
    (move,) = choose_parking([0], demand, TRAVEL_S, (2, 2, 2, 0, 1), PRICES)
    # 2 and 4 are equally near to 3; 2 is nearer to the shuttle.
    assert move.to_stop == 2
    moves = choose_parking([0, 0], demand, TRAVEL_S, (0, 0, 0, 1, 0), PRICES)
    assert moves == (ParkingMove(0, 3),)


def test_no_more_moves_than_allowed_and_nobody_twice() -> None:
    demand = (0, 0, 0, 0, 50_000)
    moves = choose_parking(
        [0, 0, 0], demand, TRAVEL_S, ROOMY, PRICES, rule=ParkingRule(most_moves=2)
    )
    assert [move.idle for move in moves] == [0, 1]


@pytest.mark.parametrize("seed", range(20))
def test_waiting_equals_a_count_by_hand(seed: int) -> None:
    rng = random.Random(seed)
    travel_s = cases.random_travel_s(rng, 6)
    demand = np.array([rng.randrange(0, 3000) for _ in range(6)])
    rest = [rng.randrange(6) for _ in range(rng.randrange(0, 5))]
    for place, found in enumerate(_waiting(travel_s, demand, rest, np.arange(6))):
        expected = 0
        for stop, requests in enumerate(demand.tolist()):
            drives_s = sorted(int(travel_s[at, stop]) for at in [*rest, place])
            for share, drive_s in itertools.zip_longest((70, 21, 9), drives_s[:3], fillvalue=3600):
                expected += share * drive_s * requests
        assert found == expected, f"seed {seed}"


def test_demand_is_what_was_asked_and_fades() -> None:
    counts = DemandCounts(n_stops=2, period_s=900, keep_pct=75, prior_milli_per_hour=10)
    assert counts.hourly_milli(0) == (10, 10)
    for _ in range(8):
        counts.count(1, 100)
    # Eight requests: 25 % of them expected per quarter of an hour, so 8 an hour.
    assert counts.hourly_milli(800) == (10, 8010)
    assert counts.hourly_milli(900) == (10, 6010)
    assert counts.hourly_milli(2700) == (10, 3385)  # 8000 * 0.75 ** 3 = 3375
    assert counts.hourly_milli(10**9) == (10, 10)


def test_steady_demand_is_expected_to_go_on() -> None:
    counts = DemandCounts(n_stops=1, prior_milli_per_hour=0)
    for quarter in range(60):
        for _ in range(3):
            counts.count(0, 900 * quarter)
    # Three in every quarter of an hour are twelve an hour, but for the part not yet forgotten.
    assert 11_990 <= counts.hourly_milli(900 * 59)[0] <= 12_000
