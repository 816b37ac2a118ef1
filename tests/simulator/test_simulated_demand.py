"""Riders as the shares have them, counted over a few thousand."""

import itertools
from collections import Counter

import pytest

from dispatcher.domain.trips import TimeWish
from dispatcher.domain.zone import Point, Zone
from dispatcher.streets import LocalFrame
from dispatcher.streets.area import ServiceArea
from dispatcher.streets.zones import load_zone
from simulator.day import a_weekday, local_time_s
from simulator.demand import HOURLY_SHARE, Behaviour, Demand, DemandShares, Wisher


@pytest.fixture(scope="module")
def zone() -> Zone:
    return load_zone("sejong-5-1")


@pytest.fixture(scope="module")
def many(zone: Zone) -> list[Wisher]:
    """Four thousand riders in a morning hour."""
    start_s = local_time_s(zone, a_weekday(), 8.0)
    demand = Demand.of(zone, 7, riders_per_hour=4000.0)
    return list(itertools.islice(demand.riders(start_s), 4000))


def test_the_hours_of_a_day_make_a_whole_with_two_peaks() -> None:
    assert sum(HOURLY_SHARE) == 1000
    morning, noon, evening = HOURLY_SHARE[8], HOURLY_SHARE[13], HOURLY_SHARE[18]
    assert morning > 2 * noon < evening
    assert sum(HOURLY_SHARE[0:6]) <= 5  # at night hardly anybody


def test_the_mean_party_is_that_of_korean_services() -> None:
    shares = DemandShares().parties
    mean = sum(size * share for size, share in enumerate(shares, start=1))
    assert mean == pytest.approx(0.88 + 2 * 0.09 + 3 * 0.02 + 4 * 0.01)
    assert mean == pytest.approx(1.16)


def test_shares_hold_over_many(many: list[Wisher]) -> None:
    # Of 4,000 a share p varies by sqrt(4000 p (1 - p)): 10 for 2 %, 30 for 35 %; four times that.
    behaviours = Counter(rider.behaviour for rider in many)
    assert behaviours[Behaviour.STAYS_AWAY] == pytest.approx(80, abs=36)
    assert behaviours[Behaviour.CANCELS] == pytest.approx(120, abs=44)
    assert behaviours[Behaviour.DECLINES] == pytest.approx(120, abs=44)
    assert all(r.asks_first for r in many if r.behaviour is Behaviour.DECLINES)
    wishes = Counter(rider.wish for rider in many)
    assert wishes[TimeWish.DEPART_AT] == pytest.approx(400, abs=76)
    assert wishes[TimeWish.ARRIVE_BY] == pytest.approx(200, abs=56)
    assert sum(r.party.wheelchairs for r in many) == pytest.approx(80, abs=36)
    people = sum(r.party.seats + r.party.wheelchairs for r in many)
    assert people / 4000 == pytest.approx(1.16, abs=0.03)


def test_a_third_of_the_trips_begins_or_ends_at_an_interchange(many: list[Wisher]) -> None:
    to_it = sum(1 for rider in many if isinstance(rider.destination, str))
    from_it = sum(1 for rider in many if isinstance(rider.origin, str))
    assert to_it + from_it == pytest.approx(1400, abs=121)
    assert to_it / (to_it + from_it) == pytest.approx(0.75, abs=0.05)  # in the morning


def test_everybody_asks_from_inside_and_for_more_than_a_walk(
    many: list[Wisher], zone: Zone
) -> None:
    area = ServiceArea.of(zone.boundary, LocalFrame(zone.origin))
    for rider in many[:500]:
        for place in (rider.origin, rider.destination):
            assert not isinstance(place, Point) or area.contains(place)
        assert rider.origin != rider.destination


def test_a_steady_rate_begins_at_once(many: list[Wisher], zone: Zone) -> None:
    start_s = local_time_s(zone, a_weekday(), 8.0)
    assert many[0].ask_s == start_s
    # 3,999 gaps of 0.9 s with a spread of 0.9 s each: 3,599 s give or take four times 57.
    assert many[-1].ask_s - start_s == pytest.approx(3599.0, abs=228.0)


def test_a_day_has_exactly_so_many_and_those_before_the_start_are_left_out(zone: Zone) -> None:
    demand = Demand.of(zone, 3, requests_per_day=500)
    midnight_s = local_time_s(zone, a_weekday(), 0.0)
    whole = list(demand.riders(midnight_s))
    assert len(whole) == 500
    assert whole[-1].ask_s < midnight_s + 24 * 3600
    assert [r.ask_s for r in whole] == sorted(r.ask_s for r in whole)
    noon_s = midnight_s + 12 * 3600
    assert list(demand.riders(noon_s)) == [r for r in whole if r.ask_s >= noon_s]


def test_the_same_seed_draws_the_same_riders_and_each_on_their_own(zone: Zone) -> None:
    start_s = local_time_s(zone, a_weekday(), 8.0)

    def draw(seed: int, rate: float) -> list[Wisher]:
        demand = Demand.of(zone, seed, riders_per_hour=rate)
        return list(itertools.islice(demand.riders(start_s), 20))

    assert draw(1, 100.0) == draw(1, 100.0)
    assert draw(1, 100.0) != draw(2, 100.0)
    # Another rate: other times, the same people.
    assert [r.party for r in draw(1, 100.0)] == [r.party for r in draw(1, 50.0)]


def test_neither_or_both_rates_are_refused(zone: Zone) -> None:
    with pytest.raises(ValueError, match="riders_per_hour or requests_per_day"):
        Demand.of(zone, 1)
    with pytest.raises(ValueError, match="riders_per_hour or requests_per_day"):
        Demand.of(zone, 1, riders_per_hour=1.0, requests_per_day=1)
    with pytest.raises(ValueError, match="above zero"):
        Demand.of(zone, 1, riders_per_hour=float("nan"))
