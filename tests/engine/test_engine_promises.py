"""Quotes, windows, guards and paces that follow what was learnt; other times than asked for."""

import json
from typing import Any

import pytest
from sketched_service import NOON_S, Street, drive_s

from dispatcher.domain.pace import PaceRule
from dispatcher.domain.quotes import LEVELS_PCT
from dispatcher.domain.trips import OfferKind, Party, TimeWish, TripState
from dispatcher.engine import dump_state, load_state, new_state, state_digest, step
from dispatcher.engine.learning import guard_s
from dispatcher.engine.paces import expected_pace_pm


def test_what_is_quoted_is_the_plan_and_the_lateness_learnt() -> None:
    street = Street("P")
    # 60 pickups were planned less than three minutes ahead and came 1 s to 60 s late.
    street.state.learnt.pickups.recent_s[0] = list(range(1, 61))
    (offer,) = street.want("Q", "S", auto=False).offers
    assert offer.quote is not None
    planned_s = NOON_S + drive_s(1)
    # Ranks of 61: ceil(30.5), ceil(48.8), ceil(54.9), ceil(57.95), and beyond all: the last.
    assert [by_s - planned_s for by_s in offer.quote.pickup_by_s] == [31, 49, 55, 58, 60]
    assert offer.quote.pickup_ahead_s == drive_s(1)
    # 58 s is well inside of what planning needs anyway.
    assert offer.promise.pickup_latest_s == planned_s + 240


def test_the_window_closes_later_where_past_pickups_were_that_late() -> None:
    street = Street("P")
    street.state.learnt.pickups.recent_s[0] = [10] * 50 + [300] * 10
    (offer,) = street.want("Q", "S", auto=False).offers
    assert offer.promise.pickup_latest_s == NOON_S + drive_s(1) + 300
    street.state.learnt.pickups.recent_s[0] = [10] * 50 + [1000] * 10
    (offer,) = street.want("Q", "S", auto=False).offers
    # No window is longer than `window_most_s`.
    assert offer.promise.pickup_latest_s == offer.pickup_planned_s + 600


def test_an_outcome_is_held_against_its_quote_once() -> None:
    street = Street("P")
    status = street.want("Q", "S")
    street.wait(600)
    assert street.now_of(status).state is TripState.COMPLETED
    learnt = street.state.learnt
    assert learnt.pickups_kept.outcomes == learnt.dropoffs_kept.outcomes == 1
    assert (learnt.windows, learnt.windows_kept) == (1, 1)
    # An exact shuttle leaves at once and comes when planned: 0 s late.
    assert learnt.pickups.recent_s[0] == [0]


def test_the_guard_widens_with_the_legs_within_its_bounds() -> None:
    street = Street("P")
    legs = street.state.learnt.legs
    legs.median_s, legs.spread_s = 0, 50
    assert guard_s(street.state, 1) == 60  # the least
    assert guard_s(street.state, 4) == 100
    assert guard_s(street.state, 100) == 180  # the most
    street.want("Q", "S")
    street.want("R", "S")
    (shuttle,) = street.state.shuttles.values()
    first, second = sorted(shuttle.row.rides, key=lambda ride: ride.pickup_latest_s)
    promises = {str(key): booking.promise for key, booking in street.state.bookings.items()}
    # Q is released: the leg there, to R and to S are three; guards of two legs and three.
    assert second.pickup_latest_s == promises[second.key].pickup_latest_s - 70  # isqrt(2 x 2500)
    assert first.dropoff_latest_s == promises[first.key].dropoff_latest_s - 86  # isqrt(3 x 2500)


def test_reports_of_slow_drives_slow_the_plans() -> None:
    street = Street("P")
    for number in range(60):
        street.state.learnt.pace.note(NOON_S + number, 12, drive_s=130, map_s=100)
    street.want("Q", "S")
    street.wait(600)  # an arrival asks to think the pace over, at the next full five minutes
    assert street.state.learnt.pace_pm == 1300
    assert street.state.streets.stop_times_s[0, 1] == 81  # ceil(62 x 1.3)
    # What is learnt is part of the state, and so is the pace that follows.
    restored = load_state(street.site, dump_state(street.state))
    assert state_digest(restored) == state_digest(street.state)
    assert restored.streets.stop_times_s[0, 1] == 81


def test_small_changes_of_pace_leave_the_plans_alone() -> None:
    street = Street("P")
    for number in range(60):
        street.state.learnt.pace.note(NOON_S + number, 12, drive_s=102, map_s=100)
    street.want("Q", "S")
    street.wait(600)
    assert street.state.learnt.pace_pm == 1000


def test_the_pace_of_the_next_hour_is_in_force_half_an_hour_before() -> None:
    hours_pm = tuple(1500 if hour == 13 else 1000 for hour in range(24))
    street = Street("P", pace=PaceRule(by_hour_pm=hours_pm, learning=0))
    assert street.state.streets.pace_pm == 1000
    street.wait(29 * 60)  # 12:29
    assert street.state.streets.pace_pm == 1000
    street.wait(60)
    assert street.state.streets.pace_pm == 1500
    street.wait(3600)  # 13:30: from here on 14:00 lies ahead, but this hour is slower
    assert street.state.streets.pace_pm == 1500
    street.wait(1800)
    assert street.state.streets.pace_pm == 1000


def test_a_trip_for_later_is_planned_at_the_pace_of_its_hour() -> None:
    hours_pm = tuple(1500 if hour == 14 else 1000 for hour in range(24))
    street = Street("P", pace=PaceRule(by_hour_pm=hours_pm, learning=0))
    at_s = NOON_S + 2 * 3600 + 600  # 14:10
    assert expected_pace_pm(street.state, at_s) == 1500
    status = street.want("Q", "S", wish=TimeWish.DEPART_AT, wish_s=at_s, auto=False)
    (offer,) = status.offers
    # 20 s for boarding, and Q to S in 112 s takes 168 s at half past two.
    assert offer.dropoff_planned_s - offer.pickup_planned_s == 20 + 168
    assert street.state.streets.pace_pm == 1000  # only that search was made at that pace
    street.answer(status.trip_id, accept=True)
    street.wait(3 * 3600)
    ended = street.now_of(status)
    assert (ended.state, ended.breach) == (TripState.COMPLETED, None)


def test_no_flexibility_is_a_refusal_as_before() -> None:
    street = Street("P", max_wait_s=60)
    assert street.want("T", "P").state is TripState.REFUSED


def test_whoever_can_wait_is_offered_a_later_time() -> None:
    street = Street("P", max_wait_s=60)
    # P to T takes 212 s: 152 s more than anybody is to wait.
    assert street.want("T", "P", flexible_s=151).state is TripState.REFUSED
    # An answer may take 30 s, and the wait is counted from then: 30 + 60 + 122 s are enough.
    assert street.want("T", "P", flexible_s=121, auto=False).state is TripState.REFUSED
    status = street.want("T", "P", flexible_s=122, auto=False)
    (offer,) = status.offers
    assert offer.kind is OfferKind.RETIMED
    assert offer.pickup_planned_s == NOON_S + drive_s(4)


def test_whoever_accepts_at_once_accepts_within_the_own_flexibility() -> None:
    street = Street("P", max_wait_s=60)
    status = street.want("T", "P", flexible_s=300)
    assert (status.state, status.offer_kind) == (TripState.ACCEPTED, OfferKind.RETIMED)


def test_an_arrival_is_never_offered_late_only_sooner() -> None:
    street = Street("P", arrive_early_s=0)
    street.car_at("T", seats=1)
    by_s = NOON_S + 3600
    # Nobody may arrive before: at the guard of 60 s the earliest pickup lets none arrive in time.
    asked: dict[str, Any] = {"wish": TimeWish.ARRIVE_BY, "wish_s": by_s, "auto": False}
    assert street.want("Q", "S", **asked).state is TripState.REFUSED
    status = street.want("Q", "S", flexible_s=600, alternatives=3, **asked)
    (offer,) = status.offers
    assert offer.kind is OfferKind.RETIMED
    assert by_s - 300 - 60 <= offer.dropoff_planned_s <= by_s - 60
    assert offer.promise.dropoff_latest_s <= by_s


def test_the_nearer_of_two_other_times_comes_first() -> None:
    street = Street(max_wait_s=60)
    street.car_at("Q", seats=1)
    at_s = NOON_S + 3600
    first = street.want("Q", "T", wish=TimeWish.DEPART_AT, wish_s=at_s)
    assert first.state is TripState.ACCEPTED
    asked: dict[str, Any] = {"wish": TimeWish.DEPART_AT, "wish_s": at_s + 60, "auto": False}
    assert street.want("Q", "T", **asked).state is TripState.REFUSED
    status = street.want("Q", "T", flexible_s=900, alternatives=2, **asked)
    sooner, later = sorted(status.offers, key=lambda offer: offer.pickup_planned_s)
    assert sooner.pickup_planned_s < at_s < later.pickup_planned_s
    missed_s = [abs(offer.pickup_planned_s - at_s - 60) for offer in status.offers]
    assert missed_s == sorted(missed_s)
    # With one alternative only the nearer one is made, and the other seat is free again.
    (only,) = street.want("Q", "T", flexible_s=900, **asked).offers
    assert only.kind is OfferKind.RETIMED


def test_a_snapshot_from_before_anything_was_learnt_is_still_read() -> None:
    street = Street("P")
    street.want("Q", "S")
    written = json.loads(dump_state(street.state))
    del written["learnt"]
    for shuttle in written["shuttles"].values():
        for name in ("sent_s", "map_s"):
            del shuttle["released"][name]
    for trip in written["trips"].values():
        del trip["came_s"]
        del trip["request"]["flexible_s"]
        for offer in trip["offers"]:
            del offer["quote"]
    restored = load_state(street.site, json.dumps(written).encode())
    assert restored.learnt.pickups_kept.outcomes == 0
    del written["trips"]
    with pytest.raises(ValueError, match="other parts"):
        load_state(street.site, json.dumps(written).encode())


def test_every_level_is_quoted() -> None:
    street = Street("P")
    (offer,) = street.want("Q", "S", auto=False).offers
    assert offer.quote is not None
    assert len(offer.quote.pickup_by_s) == len(offer.quote.dropoff_by_s) == len(LEVELS_PCT)


def test_whoever_is_a_little_too_early_is_offered_the_opening() -> None:
    street = Street("P")
    opens_s = NOON_S + 18 * 3600  # the next morning at six
    asked: dict[str, Any] = {"wish": TimeWish.DEPART_AT, "wish_s": opens_s - 300, "auto": False}
    assert street.want("Q", "S", **asked, flexible_s=299).state is TripState.REFUSED
    (offer,) = street.want("Q", "S", **asked, flexible_s=300).offers
    assert offer.kind is OfferKind.RETIMED
    assert offer.pickup_planned_s == opens_s


def test_a_party_too_large_is_too_large_at_any_time() -> None:
    street = Street("P")
    status = street.want("Q", "S", party=Party(seats=7), flexible_s=3600)
    assert status.state is TripState.REFUSED


@pytest.mark.parametrize("seed", [1, 2])
def test_promises_hold_while_the_pace_changes(seed: int) -> None:
    """Riders ask all the while that the pace of every other hour comes into force and goes."""
    hours_pm = tuple(1300 if hour % 2 else 1000 for hour in range(24))
    street = Street("P", "S", "T", pace=PaceRule(by_hour_pm=hours_pm, learning=0))
    street.rng.seed(seed)
    paces = set()
    for minute in range(0, 110, 4):
        street.at(NOON_S + 60 * minute, street.a_rider)
        street.at(NOON_S + 60 * minute, lambda: paces.add(street.state.learnt.pace_pm))
    street.run_until(NOON_S + 3 * 3600)  # the plan is judged after each event
    assert paces == {1000, 1300}, seed
    assert street.happened["completed"] > 10, seed
    assert street.happened["breach"] == 0, seed
    again = new_state(street.site)
    for event in street.journal:
        step(again, event)
    assert state_digest(again) == state_digest(street.state), seed
