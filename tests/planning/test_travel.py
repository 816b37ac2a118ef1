"""Drive times turned round once, and never taken for others."""

import numpy as np

from dispatcher.planning.rows import NO_PATH_S
from dispatcher.planning.travel import travel_view


def _sealed(*rows: list[int]) -> np.ndarray:
    travel_s = np.array(rows, dtype=np.int64)
    travel_s.flags.writeable = False
    return travel_s


def test_drives_to_a_stop_lie_side_by_side() -> None:
    view = travel_view(_sealed([0, 60], [90, 0]))
    assert view.travel_s.tolist() == [[0, 60], [90, 0]]
    assert view.back_s.tolist() == [[0, 90], [60, 0]]


def test_no_path_stays_none_in_the_smaller_numbers() -> None:
    view = travel_view(_sealed([0, 1 << 40], [NO_PATH_S, 0]))
    assert view.back_s.tolist() == [[0, NO_PATH_S], [NO_PATH_S, 0]]


def test_a_read_only_matrix_is_turned_round_once() -> None:
    travel_s = _sealed([0, 60], [90, 0])
    assert travel_view(travel_s) is travel_view(travel_s)


def test_a_matrix_that_is_written_to_is_seen_as_it_is() -> None:
    travel_s = np.array([[0, 60], [90, 0]], dtype=np.int64)
    before = travel_view(travel_s)
    travel_s[0, 1] = 70
    after = travel_view(travel_s)
    assert (before.back_s[1, 0], after.back_s[1, 0]) == (60, 70)


def test_many_matrices_are_each_their_own() -> None:
    matrices = [_sealed([0, i], [i, 0]) for i in range(10)]
    for _ in range(2):
        assert [int(travel_view(each).back_s[0, 1]) for each in matrices] == list(range(10))
