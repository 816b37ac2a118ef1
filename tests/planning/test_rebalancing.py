"""Idle shuttles are placed together, and each of them only moves if that pays."""

import itertools
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from dispatcher.domain.policy import Objective
from dispatcher.planning.rebalancing import (
    FAR_S,
    SHARES_PCT,
    Move,
    RebalancingRule,
    expected_drive,
    nearest,
    rebalance,
    with_one_more,
)

# Stops along one street, a minute apart.
TRAVEL_S = np.abs(np.subtract.outer(np.arange(5), np.arange(5))).astype(np.int64) * 60
PRICES = Objective(driving=500, waiting=1500)
ROOMY = (2, 2, 2, 2, 2)


def test_a_shuttle_moves_towards_the_requests() -> None:
    # Two requests at 3, from 0: 180 s nearer for 70 % of them saves 2 * 126 * 1500 = 378,000;
    # the drive costs 180 * 500 = 90,000, times 1.5 is 135,000.
    assert rebalance([0], (0, 0, 0, 2000, 0), TRAVEL_S, ROOMY, PRICES) == (Move(0, 3),)


@pytest.mark.parametrize(("milli", "moves"), [(714, False), (715, True)])
def test_a_shuttle_stays_where_the_drive_would_not_pay(milli: int, moves: bool) -> None:
    # 126 s * 1500 = 189,000 for each request; 135,000 have to be saved: 0.7143 requests.
    assert bool(rebalance([0], (0, 0, 0, milli, 0), TRAVEL_S, ROOMY, PRICES)) == moves


def test_shuttles_do_not_cross_on_the_way() -> None:
    # Both ends are wanted. The shuttles at 1 and 3 each go to the end that is next to them,
    # whichever end was chosen first: 120 s of driving and not 360 s.
    demand = (4000, 0, 0, 0, 4000)
    assert set(rebalance([1, 3], demand, TRAVEL_S, ROOMY, PRICES)) == {Move(0, 0), Move(1, 4)}
    assert set(rebalance([3, 1], demand, TRAVEL_S, ROOMY, PRICES)) == {Move(0, 4), Move(1, 0)}


def test_a_fleet_that_stands_well_stays() -> None:
    demand = (4000, 0, 0, 0, 4000)
    assert rebalance([0, 4], demand, TRAVEL_S, ROOMY, PRICES) == ()
    assert rebalance([4, 0], demand, TRAVEL_S, ROOMY, PRICES) == ()


def test_another_shuttle_already_there_is_counted() -> None:
    demand = (4000, 0, 0, 0, 4000)
    assert rebalance([2], demand, TRAVEL_S, ROOMY, PRICES, others_at=[0]) == (Move(0, 4),)


def test_no_more_shuttles_than_there_is_room_for() -> None:
    demand = (0, 0, 0, 9000, 0)
    moves = rebalance([0, 0], demand, TRAVEL_S, (0, 0, 0, 1, 0), PRICES)
    assert moves == (Move(0, 3),)


def test_no_more_moves_than_allowed_nor_shuttles_looked_at() -> None:
    demand = (0, 0, 9000, 9000, 9000)
    few = RebalancingRule(most_moves=1)
    assert len(rebalance([0, 0, 0], demand, TRAVEL_S, ROOMY, PRICES, rule=few)) == 1
    first = RebalancingRule(most_considered=2)
    moves = rebalance([0, 0, 0], demand, TRAVEL_S, ROOMY, PRICES, rule=first)
    assert {move.idle for move in moves} == {0, 1}


def test_nobody_to_move_and_nothing_to_expect() -> None:
    assert rebalance([], (1000,) * 5, TRAVEL_S, ROOMY, PRICES) == ()
    assert rebalance([0], (0,) * 5, TRAVEL_S, ROOMY, PRICES) == ()


@pytest.mark.parametrize("seed", range(20))
def test_expected_drives_are_those_of_the_nearest_three(seed: int) -> None:
    rng = random.Random(seed)
    travel_s = _travel(rng)
    near_s = np.minimum(travel_s, FAR_S)
    demand = np.array([rng.randint(0, 3000) for _ in range(len(near_s))], dtype=np.int64)
    at = [rng.randrange(len(near_s)) for _ in range(rng.randint(0, 7))]
    place = rng.randrange(len(near_s))

    def drive(shuttles: list[int]) -> int:
        total = 0
        for stop, milli in enumerate(demand.tolist()):
            drives = sorted([int(near_s[s, stop]) for s in shuttles]) + [FAR_S] * 3
            total += sum(p * d for p, d in zip(SHARES_PCT, drives, strict=False)) * milli
        return total

    ranked = nearest(near_s, at)
    assert expected_drive(near_s[[place]], ranked, demand).tolist() == [drive([*at, place])], seed
    assert (with_one_more(ranked, near_s[place]) == nearest(near_s, [*at, place])).all(), seed


@pytest.mark.parametrize("seed", range(20))
def test_every_move_pays_on_its_own(seed: int) -> None:
    rng = random.Random(1000 + seed)
    travel_s = _travel(rng)
    n = len(travel_s)
    demand = [rng.choice([0, 0, 500, 3000]) for _ in range(n)]
    idle = [rng.randrange(n) for _ in range(rng.randint(1, 6))]
    moves = rebalance(idle, demand, travel_s, [2] * n, PRICES)
    assert len({move.idle for move in moves}) == len(moves), seed
    at = list(idle)
    for move in moves:
        rest = nearest(travel_s, [*at[: move.idle], *at[move.idle + 1 :]])
        places = travel_s[[at[move.idle], move.to_stop]]
        stay, go = expected_drive(places, rest, np.array(demand, dtype=np.int64)).tolist()
        drive_s = int(travel_s[at[move.idle], move.to_stop])
        saved = (stay - go) * PRICES.waiting / 100_000
        assert saved >= 1.5 * PRICES.driving * drive_s - 1.0, seed
        at[move.idle] = move.to_stop
    for stop, count in zip(*np.unique([m.to_stop for m in moves], return_counts=True), strict=True):
        assert count <= 2, (seed, stop)


def _travel(rng: random.Random) -> NDArray[np.int64]:
    """Whole seconds between points in a plane, so that the triangle inequality all but holds."""
    points = [(rng.randint(0, 600), rng.randint(0, 600)) for _ in range(rng.randint(3, 7))]
    drives = [abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in itertools.product(points, points)]
    return np.array(drives, dtype=np.int64).reshape(len(points), len(points))
