"""Trouble is drawn from a seed and stays within its bounds."""

import itertools
import random

import pytest

from simulator.faults import MishapKind, Wire, WireFaults, draw_mishaps


@pytest.mark.parametrize("seed", range(5))
def test_a_good_wire_keeps_every_message_in_order(seed: int) -> None:
    wire = Wire(random.Random(seed), latency_s=(0.1, 2.0))
    arrivals = [wire.arrivals(0.5 * sent) for sent in range(200)]
    assert all(len(times) == 1 for times in arrivals), seed
    moments = [times[0] for times in arrivals]
    assert moments == sorted(moments), seed
    assert all(at > 0.5 * sent for sent, at in enumerate(moments)), seed


def test_lost_repeated_and_late_messages() -> None:
    def arrivals(faults: WireFaults) -> list[list[float]]:
        wire = Wire(random.Random(1), faults, latency_s=(0.1, 0.1))
        return [wire.arrivals(float(sent)) for sent in range(400)]

    assert arrivals(WireFaults(lost=1.0)) == [[]] * 400
    assert all(len(times) == 2 for times in arrivals(WireFaults(repeated=1.0)))
    some_late = [times[0] for times in arrivals(WireFaults(late=0.2, late_by_s=(5.0, 5.0)))]
    overtaken = sum(1 for a, b in itertools.pairwise(some_late) if a > b)
    # A late message, 80 of 400, is overtaken unless the next one is late too: 64, give or take.
    assert 40 < overtaken < 90


def test_mishaps_are_drawn_within_the_time_and_never_twice_at_once() -> None:
    mishaps = draw_mishaps(3, 10, 1000.0, 1000.0 + 36_000.0, per_shuttle_hour=0.5)
    assert mishaps == draw_mishaps(3, 10, 1000.0, 1000.0 + 36_000.0, per_shuttle_hour=0.5)
    assert mishaps != draw_mishaps(4, 10, 1000.0, 1000.0 + 36_000.0, per_shuttle_hour=0.5)
    # 10 shuttles x 10 hours x 0.5 = 50, a little less for the time they are out already.
    assert 25 < len(mishaps) < 75
    assert {mishap.kind for mishap in mishaps} == set(MishapKind)
    assert all(1000.0 <= mishap.at_s < 37_000.0 for mishap in mishaps)
    for shuttle in range(10):
        own = [mishap for mishap in mishaps if mishap.shuttle == shuttle]
        for before, after in itertools.pairwise(own):
            assert before.at_s + before.lasts_s <= after.at_s


def test_a_retained_message_waits_for_whoever_lost_contact() -> None:
    faults = WireFaults(lost=1.0, back_after_s=(5.0, 60.0))
    wire = Wire(random.Random(1), faults)
    assert wire.arrivals(100.0) == []
    (arrival,) = wire.arrivals(100.0, retained=True)
    assert 105.0 <= arrival <= 160.0
