"""The forecast learns when and where people ask, and says how wrong it was."""

import random

import pytest
from pydantic import TypeAdapter

from dispatcher.planning.forecast import Forecast
from dispatcher.planning.forecast_score import ErrorSums, ForecastScore

SLOT_S = 900
DAY_S = 86_400
MONDAY_S = 4 * DAY_S  # 5 January 1970 was a Monday; any day does


def a_day(forecast: Forecast, day: int, hours: dict[int, list[tuple[int, int]]]) -> None:
    """Ask every trip of an hour's list in each quarter of that hour; quiet hours are watched."""
    for slot in range(96):
        at_s = MONDAY_S + day * DAY_S + slot * SLOT_S
        forecast.advance(at_s)
        for start, goal in hours.get(slot // 4, []):
            forecast.count(start, goal, at_s + 60)


def test_nothing_known_is_spread_evenly() -> None:
    forecast = Forecast(places=4, prior_milli=25)
    assert forecast.expected_milli(MONDAY_S, SLOT_S) == (25, 25, 25, 25)
    # Half a slot is half as much; what lies beyond the next slot goes on like it.
    assert forecast.expected_milli(MONDAY_S, SLOT_S // 2) == (12, 12, 12, 12)
    assert forecast.expected_milli(MONDAY_S, 4 * SLOT_S) == (100, 100, 100, 100)


def test_the_morning_is_expected_again_next_morning() -> None:
    forecast = Forecast(places=3)
    for day in range(5):
        a_day(forecast, day, {7: [(0, 2)] * 4, 17: [(2, 0)] * 4})
    sixth_s = MONDAY_S + 5 * DAY_S
    for slot in range(28):
        forecast.advance(sixth_s + slot * SLOT_S)
    # Five days of four requests a quarter, seen for an hour after three quiet ones.
    morning = forecast.expected_milli(sixth_s + 7 * 3600, SLOT_S)
    assert 2400 <= morning[0] <= 4400, morning
    assert 4 * morning[2] < morning[0], "in the morning nobody starts where the evening does"
    assert forecast.goes_milli[0][2] > 2000 > forecast.goes_milli[0][0]


def test_a_busier_day_raises_what_is_expected_of_it() -> None:
    quiet, busy = Forecast(places=2), Forecast(places=2)
    for forecast in (quiet, busy):
        for day in range(3):
            a_day(forecast, day, dict.fromkeys(range(6, 20), [(0, 1)] * 4))
    for forecast, riders in ((quiet, 4), (busy, 7)):
        for slot in range(24, 40):
            at_s = MONDAY_S + 3 * DAY_S + slot * SLOT_S
            for _ in range(riders):
                forecast.count(0, 1, at_s)
    at_s = MONDAY_S + 3 * DAY_S + 10 * 3600
    usual, more = (sum(f.expected_milli(at_s, SLOT_S)) for f in (quiet, busy))
    # Seven instead of four for four hours: 1.75 times as much, half of it still on trust.
    assert 1.3 * usual < more < 2.0 * usual


def test_a_night_off_teaches_nothing() -> None:
    forecast = Forecast(places=2)
    a_day(forecast, 0, {7: [(0, 1)] * 4})
    seen = list(forecast.day_seen)
    # Nobody looks until the evening of the next day: seven in the morning is not known as quiet.
    forecast.advance(MONDAY_S + DAY_S + 18 * 3600)
    assert forecast.day_seen[28] == seen[28]
    assert forecast.slot == (MONDAY_S + DAY_S + 18 * 3600) // SLOT_S


def test_a_clock_set_back_is_waited_for() -> None:
    forecast = Forecast(places=2)
    forecast.count(0, 1, MONDAY_S + 7200)
    before = forecast.slot
    forecast.count(1, 0, MONDAY_S + 3600)
    assert forecast.slot == before
    assert forecast.starts.now == [1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_it_beats_yesterday_and_is_not_biased(seed: int) -> None:
    """Riders come by chance at rates that repeat each day: the best forecast is the rate."""
    rng = random.Random(seed)
    places = 6
    rate = [
        [rng.random() * (1.5 if 7 <= hour < 20 else 0.1) for _ in range(places)]
        for hour in range(24)
    ]
    forecast = Forecast(places)
    for day in range(6):
        for slot in range(96):
            at_s = MONDAY_S + day * DAY_S + slot * SLOT_S
            forecast.advance(at_s)
            for place in range(places):
                # Two draws at half the rate, as near to a Poisson count as this needs.
                for _ in range(2):
                    if rng.random() < rate[slot // 4][place] / 2:
                        forecast.count(place, rng.randrange(places), at_s)
    figures = forecast.score.figures()
    assert figures["lately_mae_pct"] < figures["lately_naive_mae_pct"], (seed, figures)
    assert figures["lately_pinball_pct"] < figures["lately_naive_pinball_pct"], (seed, figures)
    assert abs(figures["lately_bias_pct"]) < 15, (seed, figures)


def test_a_forecast_read_back_goes_on_the_same() -> None:
    rng = random.Random(3)
    forecast = Forecast(places=5)
    adapter = TypeAdapter(Forecast)
    for n in range(400):
        forecast.count(rng.randrange(5), rng.randrange(5), MONDAY_S + 97 * n)
    read = adapter.validate_json(adapter.dump_json(forecast))
    assert read == forecast
    for other in (forecast, read):
        for n in range(400, 600):
            other.count(n % 5, n % 3, MONDAY_S + 97 * n)
    assert read == forecast


def test_errors_by_hand() -> None:
    sums = ErrorSums()
    sums.add([500, 2000], [1, 1])
    # |0.5 - 1| + |2 - 1| = 1.5; 2.5 expected and 2 came.
    assert (sums.absolute, sums.signed, sums.zone_absolute) == (1500, 500, 500)
    # 90 % quantiles: 0.5 + 1.282 * 0.707 = 1.406 and 2 + 1.282 * 1.414 = 3.812; both too high, so
    # a tenth of 0.406 and of 2.812. Each is rounded down once, from 40.6 and 281.2.
    assert sums.pinball == 40 + 281


def test_figures_are_in_percent_of_what_came() -> None:
    score = ForecastScore()
    assert set(score.figures().values()) == {0}
    score.add([500, 2000], [0, 0], [1, 1])
    figures = score.figures()
    assert (figures["mae_pct"], figures["bias_pct"]) == (75.0, 25.0)
    assert (figures["naive_mae_pct"], figures["naive_bias_pct"]) == (100.0, -100.0)
