"""Where a route should end: near who is expected to ask next."""

import numpy as np

from dispatcher.domain.policy import Objective
from dispatcher.planning.onward import ending_price, onward_drive
from dispatcher.planning.rows import RowPlan, RowRide, RowVisit

# Three stops on a line, 100 s apart.
LINE_S = np.array([[0, 100, 200], [100, 0, 100], [200, 100, 0]], dtype=np.int64)


def test_with_one_request_ahead_it_is_the_mean_drive() -> None:
    # Three in four ask at the first stop, one in four at the last: 0.25 x 200 s and 0.75 x 200 s.
    assert onward_drive(LINE_S, [750, 0, 250], 1).tolist() == [50, 100, 150]


def test_of_two_requests_the_nearer_one_counts() -> None:
    # Both at the far end with 1/16 (9/16): else the drive is none.
    assert onward_drive(LINE_S, [750, 0, 250], 2).tolist() == [12, 100, 112]


def test_nothing_is_expected() -> None:
    assert onward_drive(LINE_S, [0, 0, 0], 5) is None
    assert onward_drive(LINE_S, [1, 1, 1], 0) is None


def test_it_never_pays_to_drive_about_for_its_own_sake() -> None:
    chance = np.random.default_rng(3)
    spots = chance.integers(0, 500, size=(30, 2))
    travel_s = np.abs(spots[:, None] - spots[None]).sum(axis=2).astype(np.int64)
    for of_next in (1, 3, 20):
        onward = onward_drive(travel_s, chance.integers(0, 50, size=30).tolist(), of_next)
        assert onward is not None
        # Each of 30 summands is rounded by less than a part in a million of its drive.
        assert (onward[:, None] - onward[None] <= travel_s + 1).all(), of_next


def test_a_row_pays_for_where_it_ends_beside_where_it_is() -> None:
    onward_s = np.array([50, 100, 150], dtype=np.int64)
    visits = (RowVisit(0, ("ana",), ()), RowVisit(2, (), ("ana",)))
    rides = (RowRide("ana", (1, 0), 0, 600, 1800, 900, 20),)
    row = RowPlan(0, 0, (0, 0), (4, 1), True, visits, rides)
    price = Objective(driving=10, waiting=6, riding=6)
    assert ending_price(row, onward_s, price) == 10 * (150 - 50)
    assert ending_price(RowPlan(0, 0, (0, 0), (4, 1), True, (), ()), onward_s, price) == 0
    assert ending_price(row, None, price) == 0
