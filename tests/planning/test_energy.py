"""Batteries and plugs in sums that can be done by hand."""

import random

from dispatcher.domain.energy import DrainMark, EnergyRule
from dispatcher.planning.energy import (
    charged_ws,
    charging_s,
    drain_ws,
    driving_s,
    learnt_drain_pct,
    level_ws,
    percent_of,
)

RULE = EnergyRule(battery_wh=33_000, driving_w=8_000, standing_w=1_000)
HOUR_S = 3600


def test_a_percent_is_a_hundredth_of_what_the_battery_holds() -> None:
    assert level_ws(RULE, 100.0) == 33_000 * 3600
    assert level_ws(RULE, 1.0) == 330 * 3600
    assert percent_of(RULE, level_ws(RULE, 47.0)) == 47
    assert percent_of(RULE, level_ws(RULE, 47.9)) == 47
    assert (percent_of(RULE, -5), percent_of(RULE, level_ws(RULE, 100.0) * 2)) == (0, 100)


def test_an_hour_of_driving_and_one_of_standing_take_nine_kilowatt_hours() -> None:
    assert drain_ws(RULE, HOUR_S, HOUR_S) == 9_000 * 3600
    assert drain_ws(RULE, HOUR_S, HOUR_S, drain_pct=150) == 13_500 * 3600
    # Four hours of driving and one of standing would take 33 kWh.
    assert driving_s(RULE, level_ws(RULE, 100.0), HOUR_S) == 4 * HOUR_S
    assert (
        driving_s(RULE, level_ws(RULE, 100.0), HOUR_S, drain_pct=200) == 2 * HOUR_S - HOUR_S // 16
    )
    assert driving_s(RULE, -1, 0) == 0


def test_driving_for_as_long_as_allowed_never_takes_more_than_there_is() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        rule = EnergyRule(rng.randint(1000, 90_000), rng.randint(100, 20_000), rng.randint(0, 3000))
        usable = rng.randint(0, level_ws(rule, 100.0))
        standing_s, drain_pct = rng.randint(0, 4000), rng.randint(70, 300)
        allowed_s = driving_s(rule, usable, standing_s, drain_pct)
        if allowed_s > 0:
            assert drain_ws(rule, allowed_s, standing_s, drain_pct) <= usable, f"seed {seed}"
        more_s = allowed_s + 1
        assert drain_ws(rule, more_s, standing_s, drain_pct) > usable - 1, f"seed {seed}"


def test_charging_half_a_battery_at_33_kilowatts_takes_half_an_hour() -> None:
    half = level_ws(RULE, 50.0)
    assert charging_s(RULE, half, 100, 33_000) == HOUR_S // 2
    assert charged_ws(RULE, half, HOUR_S // 2, 33_000) == level_ws(RULE, 100.0)
    assert charged_ws(RULE, half, 10 * HOUR_S, 33_000) == level_ws(RULE, 100.0)
    assert charging_s(RULE, half, 40, 33_000) == 0


def test_the_drain_is_learnt_once_enough_has_shown() -> None:
    full = DrainMark(level_ws(RULE, 90.0), 0, 0)
    # An hour of driving should take 8 kWh, 24 %.
    assert (
        learnt_drain_pct(RULE, 100, full, DrainMark(level_ws(RULE, 83.0), HOUR_S, HOUR_S)) is None
    )
    worse = DrainMark(full.level_ws - 12_000 * 3600, HOUR_S, HOUR_S)
    assert learnt_drain_pct(RULE, 100, full, worse) == 150  # at once
    better = DrainMark(full.level_ws - 6_400 * 3600, HOUR_S, HOUR_S)
    assert learnt_drain_pct(RULE, 100, full, better) == 90  # 80, by halves
    assert learnt_drain_pct(RULE, 100, full, DrainMark(0, HOUR_S, 600)) == 300  # no further
