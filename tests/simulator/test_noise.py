"""Drives and boardings stray as the scenario says, and as the dispatcher is not told."""

import math
import random
import statistics
from datetime import UTC, datetime

import pytest

from simulator.noise import NOISES, Noise
from simulator.scenario import DayChoices, ScenarioError, day_plan, read_scenario

EIGHT_S = datetime(2026, 9, 15, 23, 0, tzinfo=UTC).timestamp()  # 08:00 in Seoul


def test_calm_is_exact() -> None:
    rng = random.Random(1)
    assert NOISES["calm"].drive_factor(rng, EIGHT_S, "Asia/Seoul") == 1.0
    assert NOISES["calm"].passage_s(rng, 5.0, 30.0) == 35.0


@pytest.mark.parametrize("seed", [1, 2])
def test_drives_are_lognormal_around_the_traffic(seed: int) -> None:
    rng = random.Random(seed)
    noise = Noise(drive_sigma=0.2, traffic=(1.0,) * 8 + (1.5,) + (1.0,) * 15)
    logs = [math.log(noise.drive_factor(rng, EIGHT_S, "Asia/Seoul") / 1.5) for _ in range(4000)]
    # The standard error of the mean is 0.2 / sqrt(4000) = 0.003, of the deviation 0.0022.
    assert abs(statistics.fmean(logs)) < 0.012, seed
    assert abs(statistics.pstdev(logs) - 0.2) < 0.01, seed
    assert max(abs(log) for log in logs) <= 3.0 * 0.2 + 1e-9, seed  # never beyond


def test_an_hour_is_the_zones_own() -> None:
    noise = Noise(traffic=tuple(1.0 + hour / 100.0 for hour in range(24)))
    rng = random.Random(1)
    assert noise.drive_factor(rng, EIGHT_S, "Asia/Seoul") == 1.08
    assert noise.drive_factor(rng, EIGHT_S, "UTC") == 1.23


def test_ramps_stray_by_themselves() -> None:
    noise = Noise(ramp_sigma=0.5)
    rng = random.Random(3)
    assert noise.passage_s(rng, 5.0, 0.0) == 5.0
    assert len({noise.passage_s(rng, 5.0, 30.0) for _ in range(10)}) == 10


def test_levels_grow_and_the_day_has_one() -> None:
    usual, rough = NOISES["usual"], NOISES["rough"]
    assert 0.0 < usual.drive_sigma < rough.drive_sigma
    assert 0.0 < usual.door_sigma < rough.door_sigma
    assert max(usual.traffic) < max(rough.traffic)
    assert read_scenario("day").noise == "usual"
    assert day_plan("day", DayChoices(), seed=1).fleet.noise == usual
    assert day_plan("day", DayChoices(noise="rough"), seed=1).fleet.noise == rough
    with pytest.raises(ScenarioError, match="no noise 'wild'"):
        day_plan("day", DayChoices(noise="wild"), seed=1)
