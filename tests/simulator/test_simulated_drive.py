"""A drive's times, worked out by hand."""

import math
import random

import pytest

from dispatcher.streets import DriveModel
from simulator.drive import DriveProfile, Stretch


def test_one_street_long_enough_to_reach_its_speed() -> None:
    # To 10 m/s at 1 m/s2: 10 s over 50 m; the same to stop; 100 m left at 10 m/s: 10 s.
    drive = DriveProfile([Stretch(200.0, 10.0)])
    assert drive.duration_s == pytest.approx(30.0)
    assert drive.driven_m(10.0) == pytest.approx(50.0)
    assert drive.driven_m(15.0) == pytest.approx(100.0)
    assert drive.speed_mps(15.0) == pytest.approx(10.0)
    assert drive.driven_m(25.0) == pytest.approx(150.0 + 50.0 - 12.5)  # 5 s before the stop
    assert drive.driven_m(99.0) == 200.0
    # The planner: 200 m / 10 m/s + 10 / 2 + 10 / 2 + the pull-out.
    planned = DriveModel(pull_out_s=0.0)
    assert 20.0 + (planned.start_ms(10.0) + planned.brake_ms(10.0)) / 1000.0 == 30.0


def test_a_street_too_short_to_reach_its_speed() -> None:
    # Half of 16 m speeding up: v = sqrt(2 x 8) = 4 m/s after 4 s, and 4 s to stop.
    drive = DriveProfile([Stretch(16.0, 10.0)])
    assert drive.duration_s == pytest.approx(8.0)
    assert drive.speed_mps(4.0) == pytest.approx(4.0)


def test_a_faster_street_is_entered_at_the_slower_ones_speed() -> None:
    # 5 m/s for 100 m: 5 s over 12.5 m, then 87.5 m in 17.5 s. Then from 5 to 10 m/s in 5 s over
    # 37.5 m, 112.5 m at 10 m/s in 11.25 s, and 10 s over 50 m to stop: 22.5 + 26.25 s.
    drive = DriveProfile([Stretch(100.0, 5.0), Stretch(200.0, 10.0)])
    assert drive.reached_s(100.0) == pytest.approx(22.5)
    assert drive.duration_s == pytest.approx(22.5 + 26.25)


def test_a_slower_street_is_braked_for_in_time() -> None:
    # 10 s over 50 m, 112.5 m in 11.25 s, from 10 down to 5 m/s in 5 s over 37.5 m, then at 5 m/s
    # for 87.5 m in 17.5 s and 5 s over 12.5 m to stop.
    drive = DriveProfile([Stretch(200.0, 10.0), Stretch(100.0, 5.0)])
    assert drive.speed_mps(drive.reached_s(200.0)) == pytest.approx(5.0)
    assert drive.duration_s == pytest.approx(26.25 + 22.5)


def test_slowness_stretches_time_and_nothing_else() -> None:
    drive = DriveProfile([Stretch(200.0, 10.0)], slowness=1.5)
    assert drive.duration_s == pytest.approx(45.0)
    assert drive.driven_m(22.5) == pytest.approx(100.0)


def test_a_drive_of_no_length_takes_no_time() -> None:
    drive = DriveProfile([Stretch(0.0, 1.0)])
    assert (drive.duration_s, drive.driven_m(1.0), drive.reached_s(0.0)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_position_and_time_are_each_others_inverse_and_no_limit_is_broken(seed: int) -> None:
    rng = random.Random(seed)
    stretches = [
        Stretch(rng.choice((0.0, rng.uniform(0.5, 300.0))), rng.uniform(2.0, 12.0))
        for _ in range(rng.randrange(1, 9))
    ]
    drive = DriveProfile(stretches)
    assert drive.driven_m(drive.duration_s) == pytest.approx(drive.length_m)
    ends_m = [
        math.fsum(stretch.length_m for stretch in stretches[:n])
        for n in range(1, 1 + len(stretches))
    ]
    before_s = 0.0
    for step in range(41):
        at_m = drive.length_m * step / 40
        at_s = drive.reached_s(at_m)
        assert drive.driven_m(at_s) == pytest.approx(at_m, abs=1e-6), seed
        assert at_s >= before_s - 1e-9
        before_s = at_s
        index = next(i for i, end_m in enumerate(ends_m) if at_m <= end_m + 1e-6)
        assert (
            drive.speed_mps(at_s)
            <= max(stretch.max_speed_mps for stretch in stretches[max(0, index - 1) : index + 2])
            + 1e-6
        ), seed
    for step in range(200):
        at_s = drive.duration_s * step / 200
        change = drive.speed_mps(at_s + 0.01) - drive.speed_mps(at_s)
        assert abs(change) <= 0.01 + 1e-6, seed
