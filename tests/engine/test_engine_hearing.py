"""A shuttle's silence is its own only while we can hear: riders in it are not given up for ours."""

import json

import pytest
from engine_world import Car
from sketched_service import NOON_S, Street
from test_engine_disruptions import board_by_hand, cars_of, tell

from dispatcher.domain.events import (
    EpochBegan,
    HearingLost,
    HearingRegained,
    RiderAlighted,
    ShuttleFellSilent,
)
from dispatcher.domain.ids import VisitId
from dispatcher.domain.trips import TripState, TripStatus
from dispatcher.engine import dump_state, load_state
from dispatcher.engine.hearing import deaf_s

GIVEN_UP_S = 1800  # after the shuttle was heard last; see `rules.abandon_after_s`


def a_rider_in_a_silent_shuttle() -> tuple[Street, Car, TripStatus]:
    """Heard last at noon, which is told 45 s later."""
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    street.run_until(NOON_S + 45)
    street.submit(ShuttleFellSilent(street.now_s, car.id, NOON_S))
    return street, car, status


def goes_deaf(street: Street, from_s: int, to_s: int) -> None:
    """Seconds after noon. It is noticed 20 s after the last message."""
    street.run_until(NOON_S + from_s + 20)
    street.submit(HearingLost(street.now_s, NOON_S + from_s))
    street.run_until(NOON_S + to_s)
    street.submit(HearingRegained(street.now_s))


def assert_given_up_at(street: Street, status: TripStatus, after_s: int) -> None:
    street.run_until(NOON_S + after_s - 1)
    assert street.now_of(status).state is TripState.ABOARD
    street.run_until(NOON_S + after_s)
    assert street.now_of(status).state is TripState.ABANDONED


def test_only_a_time_in_which_the_shuttle_could_be_heard_counts() -> None:
    street, _, status = a_rider_in_a_silent_shuttle()
    goes_deaf(street, 600, 900)
    goes_deaf(street, 1500, 2400)
    # 600 s + 600 s that it was silent, and 600 s more after the second time.
    assert_given_up_at(street, status, GIVEN_UP_S + 300 + 900)


def test_nobody_is_given_up_while_nobody_is_heard() -> None:
    street, car, status = a_rider_in_a_silent_shuttle()
    street.run_until(NOON_S + 1000)
    street.submit(HearingLost(street.now_s, NOON_S + 990))
    street.run_until(NOON_S + 24 * 3600)
    assert street.now_of(status).state is TripState.ABOARD
    assert f"rescue {car.id}" not in street.state.pending  # nobody asks for it again and again
    street.submit(HearingRegained(street.now_s))
    # It set them down long ago, and says so in the first state that is heard.
    tell(street, car, aboard=(status.trip_id,))
    street.submit(RiderAlighted(street.now_s, car.id, VisitId("v"), status.trip_id))
    assert street.now_of(status).state is TripState.COMPLETED


def test_riders_whom_nobody_can_fetch_are_not_given_up_either() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    tell(street, car, faulty=True, aboard=(status.trip_id,))
    goes_deaf(street, 600, 1800)
    assert_given_up_at(street, status, GIVEN_UP_S + 1200)


def test_while_the_zone_had_no_dispatcher_nobody_listened() -> None:
    street, _, status = a_rider_in_a_silent_shuttle()
    street.run_until(NOON_S + 600)
    last_s = street.journal[-1].at_s
    street.now_s = NOON_S + 7200  # no dispatcher, and no tick
    street.submit(EpochBegan(street.now_s, 2))
    silent_s = last_s - NOON_S
    assert_given_up_at(street, status, 7200 + GIVEN_UP_S - silent_s)


def test_a_dispatcher_that_took_over_deaf_is_deaf_still() -> None:
    street, _, status = a_rider_in_a_silent_shuttle()
    street.run_until(NOON_S + 600)
    street.submit(HearingLost(street.now_s, NOON_S + 600))
    street.run_until(NOON_S + 900)
    street.submit(EpochBegan(street.now_s, 2))
    street.run_until(NOON_S + 3600)
    street.submit(HearingRegained(street.now_s))
    assert_given_up_at(street, status, GIVEN_UP_S + 3000)


@pytest.mark.parametrize(
    ("since_s", "counted_s"),
    [(0, 50), (100, 50), (115, 35), (135, 15), (150, 10), (200, 0)],
)
def test_times_that_overlap_count_once(since_s: int, counted_s: int) -> None:
    state = Street("P").state
    state.now_s = 200
    state.deaf_spans = ((110, 130), (100, 120), (105, 115), (130, 140))
    state.deaf_since_s = 190
    # 100 to 140 and 190 to 200.
    assert deaf_s(state, since_s) == counted_s


def test_what_was_not_heard_is_in_snapshots_and_absent_from_older_ones() -> None:
    street, _, _ = a_rider_in_a_silent_shuttle()
    goes_deaf(street, 600, 900)
    street.submit(HearingLost(street.now_s, street.now_s))
    loaded = load_state(street.site, dump_state(street.state))
    assert loaded.deaf_spans == ((NOON_S + 600, NOON_S + 900),)
    assert loaded.deaf_since_s == NOON_S + 900
    written = json.loads(dump_state(street.state))
    for name in ("deaf_spans", "deaf_since_s"):
        del written[name]
    older = load_state(street.site, json.dumps(written).encode())
    assert (older.deaf_spans, older.deaf_since_s) == ((), None)
