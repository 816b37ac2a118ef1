"""The speed benchmark measures what it says, on fleets small enough for a test."""

from itertools import count
from typing import Any

import pytest

from dispatcher.planning import bench, insertion
from dispatcher.planning.bench import speed_table
from simulator.bench_dispatch import dispatch_row


def test_each_size_and_number_of_stops_has_a_row() -> None:
    ticks = count()
    rows = speed_table(shuttles=(3, 6), choices=(1, 2), answers=5, clock=lambda: next(ticks) / 1000)
    assert [(row.shuttles, row.stop_pairs) for row in rows] == [
        (3, "1x1"),
        (3, "2x2"),
        (6, "1x1"),
        (6, "2x2"),
    ]
    # The clock is read before and after, and goes on by a millisecond each time.
    assert [(row.p50_ms, row.p99_ms, row.full_ms) for row in rows] == [
        pytest.approx((1.0, 1.0, 1.0))
    ] * 4
    assert all(row.pruned_share == pytest.approx(1.0) for row in rows)


def test_a_search_that_leaves_out_too_much_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Any = insertion.find_insertion

    def hasty(*args: Any, prunes: bool) -> Any:
        return None if prunes else find(*args, prunes=prunes)

    monkeypatch.setattr(bench, "find_insertion", hasty)
    with pytest.raises(AssertionError, match="left out"):
        speed_table(shuttles=(3,), choices=(1,), answers=1)


def test_a_whole_dispatcher_is_measured_over_all_that_was_asked() -> None:
    row = dispatch_row(shuttles=3, riders_per_hour=120.0, minutes=4.0)
    assert row.answers > 0
    assert row.journal_events > row.answers
    assert 0.0 < row.p50_ms <= row.p99_ms <= row.slowest_ms
    assert 0.0 < row.dispatcher_cpu_s < row.whole_cpu_s
    assert row.replay_identical
