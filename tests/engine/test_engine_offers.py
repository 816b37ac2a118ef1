"""Requests, offers, answers and refusals, with the sums beside them."""

from dataclasses import replace

import pytest
from sketched_service import NOON_S, Street, drive_s

from dispatcher.domain.decisions import AnswerProblem, RiderAnswered, TripChanged
from dispatcher.domain.events import OfferAnswered, StreetsClosed
from dispatcher.domain.ids import BookingId, OperatorId, RiderId, TripId
from dispatcher.domain.trips import (
    OfferKind,
    Party,
    RefusalReason,
    TimeWish,
    TripState,
    TripStatus,
)
from dispatcher.domain.zone import Point


def problem_of(decisions: tuple[object, ...]) -> AnswerProblem:
    (answer,) = decisions
    assert isinstance(answer, RiderAnswered)
    return answer.problem


def refused(status: TripStatus) -> RefusalReason:
    assert status.state is TripState.REFUSED
    assert status.refusal is not None
    return status.refusal.reason


def test_an_offer_promises_a_window_around_the_planned_times() -> None:
    street = Street("P")
    status = street.want("Q", "S", auto=False)
    (offer,) = status.offers
    # P to Q takes 62 s; the answer may take 30. Boarding 20 s and Q to S 112 s.
    assert offer.pickup_planned_s == NOON_S + drive_s(1) == NOON_S + 62
    assert offer.dropoff_planned_s == NOON_S + 62 + 20 + drive_s(2) == NOON_S + 194
    # From 60 s before, but not before the rider has answered; to 240 s after; 600 s at the end.
    assert offer.promise.pickup_earliest_s == NOON_S + 30
    assert offer.promise.pickup_latest_s == NOON_S + 62 + 240
    assert offer.promise.dropoff_latest_s == NOON_S + 194 + 600
    assert offer.expires_s == NOON_S + 30


def test_an_accepted_offer_fixes_its_promise() -> None:
    street = Street("P")
    status = street.want("Q", "S", auto=False)
    street.answer(status.trip_id, accept=True)
    accepted = street.now_of(status)
    assert accepted.state is TripState.ACCEPTED
    assert accepted.promise == status.offers[0].promise
    street.wait(600)
    assert street.now_of(status).state is TripState.COMPLETED


def test_auto_accept_skips_the_offer() -> None:
    street = Street("P")
    status = street.want("Q", "S")
    assert status.state is TripState.ACCEPTED
    assert status.promise is not None
    # Nothing to wait for: 62 - 60 s.
    assert status.promise.pickup_earliest_s == NOON_S + 2


def test_an_open_offer_holds_its_seat_until_it_expires() -> None:
    street = Street(max_wait_s=200)
    street.car_at("P", seats=1)
    first = street.want("Q", "S", auto=False)
    # The next free seat at Q: set down at S at 194, 20 s, back to Q 112 s = 326 s > 200 s.
    assert refused(street.want("Q", "S")) is RefusalReason.NO_SEAT
    street.wait(29)
    assert street.now_of(first).state is TripState.OFFERED
    street.wait(1)
    assert street.now_of(first).state is TripState.EXPIRED
    assert street.want("Q", "S").state is TripState.ACCEPTED


def test_a_declined_offer_frees_its_seat() -> None:
    street = Street(max_wait_s=200)
    street.car_at("P", seats=1)
    first = street.want("Q", "S", auto=False)
    street.answer(first.trip_id, accept=False)
    assert street.now_of(first).state is TripState.CANCELLED_BY_RIDER
    assert street.want("Q", "S").state is TripState.ACCEPTED


def test_three_alternatives_soonest_less_walking_and_later() -> None:
    street = Street("T")
    q, r = street.stop("Q").point, street.stop("R").point
    # 240 m from Q and 260 m from R, where the shuttle from T comes by first.
    between = Point((q.lat + r.lat) / 2, q.lon + 0.48 * (r.lon - q.lon))
    status = street.want(between, "T", auto=False, alternatives=3, walk_limit_m=400)
    soonest, less_walking, later = status.offers
    kinds = [offer.kind for offer in status.offers]
    assert kinds == [OfferKind.SOONEST, OfferKind.LESS_WALKING, OfferKind.LATER]
    assert soonest.promise.pickup_stop == "R"
    assert less_walking.promise.pickup_stop == "Q"
    assert less_walking.walk_to_pickup_m < soonest.walk_to_pickup_m
    assert later.pickup_planned_s >= NOON_S + 900
    street.submit(OfferAnswered(NOON_S, status.rider_id, status.trip_id, True, later.booking_id))
    accepted = street.now_of(status)
    assert accepted.promise == later.promise
    # The two seats that were not taken are free: only one booking is left.
    assert list(street.state.bookings) == [later.booking_id]


def test_whoever_must_be_there_in_time_is_not_offered_to_be_late() -> None:
    street = Street("P")
    by_s = NOON_S + 1800
    status = street.want("Q", "S", auto=False, wish=TimeWish.ARRIVE_BY, wish_s=by_s, alternatives=3)
    assert [offer.promise.dropoff_latest_s <= by_s for offer in status.offers] == [True]


def test_arrive_by_arrives_shortly_before_its_time() -> None:
    street = Street("P")
    by_s = NOON_S + 3600
    status = street.want("Q", "S", wish=TimeWish.ARRIVE_BY, wish_s=by_s)
    street.wait(3600)
    done = street.now_of(status)
    assert done.state is TripState.COMPLETED
    assert by_s - 900 <= done.at_s <= by_s


def test_arrive_by_too_soon_is_refused_as_such_and_names_when_one_could_leave() -> None:
    street = Street("P")
    # At Q in 62 s, 20 s to board, 112 s to S: 194 s at the least.
    status = street.want("Q", "S", wish=TimeWish.ARRIVE_BY, wish_s=NOON_S + 190)
    assert refused(status) is RefusalReason.ARRIVAL_TOO_SOON
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    assert status.refusal.nearest.pickup_s == NOON_S + 62


def test_depart_at_does_not_leave_early() -> None:
    street = Street("P")
    at_s = NOON_S + 1800
    status = street.want("Q", "S", wish=TimeWish.DEPART_AT, wish_s=at_s)
    assert status.promise is not None
    assert status.promise.pickup_earliest_s == at_s
    street.run_until(at_s - 1)
    assert street.now_of(status).state is TripState.BOARDING  # it is there, and waits
    street.wait(10)
    assert street.now_of(status).state is TripState.ABOARD


def test_no_wheelchair_place_is_named_with_when_there_is_one() -> None:
    street = Street("P", max_wait_s=200)
    wheelchair = Party(seats=0, wheelchairs=1)
    first = street.want("Q", "S", party=wheelchair)
    status = street.want("Q", "S", party=wheelchair)
    assert first.state is TripState.ACCEPTED
    assert refused(status) is RefusalReason.NO_WHEELCHAIR_PLACE
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    # At Q for up to 90 s, if the rider is late; at S for 20 s and 40 s for the ramp; and back.
    assert status.refusal.nearest.pickup_s == NOON_S + 62 + 90 + 112 + 60 + 112
    assert street.want("Q", "S").state is TripState.ACCEPTED


def test_a_party_too_large_is_told_how_many_fit() -> None:
    street = Street("P")
    status = street.want("Q", "S", party=Party(seats=7))
    assert refused(status) is RefusalReason.NO_SEAT
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    assert status.refusal.nearest.party == Party(seats=6, wheelchairs=1)


def test_outside_the_area_names_the_nearest_interchange() -> None:
    street = Street("P")
    status = street.want("Q", Point(37.5, 127.0))
    assert refused(status) is RefusalReason.OUTSIDE_AREA
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    assert status.refusal.nearest.stop_id == "X"


@pytest.mark.parametrize("hour", [2, 5])
def test_outside_hours_names_the_next_opening(hour: int) -> None:
    street = Street("P")
    midnight_s = NOON_S + 12 * 3600
    wish_s = midnight_s + hour * 3600
    status = street.want("Q", "S", wish=TimeWish.DEPART_AT, wish_s=wish_s)
    assert refused(status) is RefusalReason.OUTSIDE_HOURS
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    assert status.refusal.nearest.pickup_s == midnight_s + 6 * 3600


def test_a_trip_that_would_end_after_hours_names_the_next_opening() -> None:
    street = Street("P")
    midnight_s = NOON_S + 12 * 3600
    # 20 s to board and 112 s to S, with 60 s to spare, are more than 180 s.
    status = street.want("Q", "S", wish=TimeWish.DEPART_AT, wish_s=midnight_s - 180)
    assert refused(status) is RefusalReason.OUTSIDE_HOURS
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    assert status.refusal.nearest.pickup_s == midnight_s + 6 * 3600


def test_a_closed_stop_names_its_neighbour() -> None:
    street = Street("P")
    street.submit(StreetsClosed(NOON_S, OperatorId("o"), (), (street.stop("P").id,)))
    status = street.want("P", "S")
    assert refused(status) is RefusalReason.STOP_CLOSED
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    assert status.refusal.nearest.stop_id == "Q"


def test_wait_too_long_names_a_time_that_then_works() -> None:
    street = Street("T", max_wait_s=100)
    status = street.want("P", "Q")
    assert refused(status) is RefusalReason.WAIT_TOO_LONG
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    pickup_s = status.refusal.nearest.pickup_s
    assert pickup_s == NOON_S + drive_s(4)
    again = street.want("P", "Q", wish=TimeWish.DEPART_AT, wish_s=pickup_s)
    assert again.state is TripState.ACCEPTED


def test_without_shuttles_the_fleet_is_down() -> None:
    status = Street().want("P", "Q")
    assert refused(status) is RefusalReason.FLEET_DOWN
    assert status.refusal is not None
    assert status.refusal.nearest is not None
    assert status.refusal.nearest.retry_after_s == 300


def test_nobody_answers_for_another_rider() -> None:
    street = Street("P")
    status = street.want("Q", "S", auto=False)
    stranger = RiderId("stranger")
    said = street.submit(OfferAnswered(NOON_S, stranger, status.trip_id, True))
    assert problem_of(said) is AnswerProblem.NOT_YOURS
    assert street.now_of(status).state is TripState.OFFERED
    said = street.submit(OfferAnswered(NOON_S, stranger, TripId("none"), True))
    assert problem_of(said) is AnswerProblem.UNKNOWN_TRIP


def test_an_answer_sent_again_is_answered_with_the_status() -> None:
    street = Street("P")
    status = street.want("P", "R", auto=False)
    answer = OfferAnswered(NOON_S, status.rider_id, status.trip_id, True)
    street.submit(answer)
    before = street.now_of(status)
    (said,) = street.submit(answer)
    assert isinstance(said, TripChanged)
    assert replace(said.status, revision=before.revision) == replace(before, reason=None)
    (said,) = street.submit(replace(answer, accept=False))
    assert isinstance(said, RiderAnswered)
    assert said.problem is AnswerProblem.NO_OPEN_OFFER


def test_an_offer_that_was_never_made_cannot_be_accepted() -> None:
    street = Street("P")
    status = street.want("Q", "S", auto=False)
    answer = OfferAnswered(NOON_S, status.rider_id, status.trip_id, True, BookingId("t1.9"))
    assert problem_of(street.submit(answer)) is AnswerProblem.UNKNOWN_OFFER
    assert street.now_of(status).state is TripState.OFFERED


def test_a_resent_request_shows_its_trip_again() -> None:
    street = Street("P")
    first = street.want("Q", "S", rider="ana", request="one")
    street.wait(5)
    street.want("Q", "S", rider="ana", request="one")
    assert list(street.state.trips) == [first.trip_id]
    assert street.now_of(first).revision > first.revision


def test_a_reused_request_id_is_named_and_changes_nothing() -> None:
    street = Street("P")
    first = street.want("Q", "S", rider="ana", request="one")
    street.want("Q", "T", rider="ana", request="one")
    assert street.happened[AnswerProblem.REQUEST_ID_REUSED] == 1
    assert list(street.state.trips) == [first.trip_id]
