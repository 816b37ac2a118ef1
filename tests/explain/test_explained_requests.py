"""Why a request was answered as it was, with the sums beside it."""

from dataclasses import replace

import pytest
from explained import chosen_price, costs, explained, records_of
from sketched_service import NOON_S, Street, drive_s

from dispatcher.domain.events import ShuttleReported
from dispatcher.domain.ids import StopId
from dispatcher.domain.shuttles import DriveMode
from dispatcher.domain.trips import Party, RefusalReason, TimeWish, TripState
from dispatcher.domain.zone import Point
from dispatcher.engine.state import ServiceState
from dispatcher.engine.witness import Purpose
from dispatcher.explaining import DisagreementError, UnknownTripError, explain_request
from dispatcher.explaining.explanation import Delay, ShuttleAnswer, Verdict
from dispatcher.explaining.searches import explain_search
from dispatcher.planning.insertion import best_insertion
from dispatcher.planning.request import (
    Binding,
    DropoffChoice,
    Insertion,
    InsertionRequest,
    NoInsertion,
    PickupChoice,
)
from dispatcher.planning.schedule import Cost


def answer_of(street: Street, trip: str, shuttle: str) -> ShuttleAnswer:
    (search,) = explained(street, trip).searches
    return {str(answer.shuttle_id): answer for answer in search.answers}[shuttle]


def test_the_cost_of_the_choice_is_told_by_term() -> None:
    street = Street("P")
    street.want("Q", "S")
    (search,) = explained(street, "t1").searches
    # P to Q 62 s and Q to S 112 s of driving at 0.5; 62 s of waiting at 1.5; 20 s of boarding and
    # 112 s aboard at 1; no walk.
    assert costs(chosen_price(search)) == {
        "driving": (62 + 112) * 500,
        "waiting": 62 * 1500,
        "riding": (20 + 112) * 1000,
    }
    assert chosen_price(search).total_milli == 87_000 + 93_000 + 132_000
    place = search.answer_of(street.cars and next(iter(street.cars))).placement
    assert place is not None
    assert (place.pickup_s, place.dropoff_s) == (NOON_S + 62, NOON_S + 62 + 20 + 112)
    assert (place.pickup_stop, place.dropoff_stop) == ("Q", "S")
    assert (place.calls_before, place.calls_between, place.delays) == (0, 0, ())


def test_every_shuttle_is_weighed_and_equals_go_to_the_first() -> None:
    # Q lies between P and R, and 112 s from S: 50 s more to drive and to wait for.
    street = Street("S", "R", "P")
    status = street.want("Q", "T")
    (search,) = explained(street, "t1").searches
    assert [(a.shuttle_id, a.verdict, a.over_best_milli) for a in search.answers] == [
        ("s2", Verdict.CHOSEN, 0),
        ("s3", Verdict.TIED, 0),
        ("s1", Verdict.DEARER, 50 * 500 + 50 * 1500),
    ]
    assert search.chosen == status.shuttle_id == "s2"


def test_walks_are_priced_and_every_stop_in_reach_is_named() -> None:
    street = Street("Q")
    q, r = street.stop("Q").point, street.stop("R").point
    # 200 m from Q, 300 m from R; 1.3 m walked for each, at 1.2 m/s: 217 s and 325 s.
    place = Point(q.lat, q.lon + 0.4 * (r.lon - q.lon))
    street.want(place, "T", walk_limit_m=400)
    (search,) = explained(street, "t1").searches
    assert [(stop.stop_id, stop.walk_s) for stop in search.pickups] == [("Q", 217), ("R", 325)]
    assert [stop.earliest_s for stop in search.pickups] == [NOON_S + 217, NOON_S + 325]
    # Ready at Q when the rider is: waiting counts from the wish, so the walk is waited for, too.
    assert costs(chosen_price(search)) == {
        "driving": drive_s(3) * 500,
        "waiting": 217 * 1500,
        "riding": (20 + drive_s(3)) * 1000,
        "walking": 217 * 2000,
    }


def test_who_is_delayed_for_it_is_named_and_priced() -> None:
    street = Street("P")
    street.want("Q", "T")
    street.want("R", "S")
    (search,) = explained(street, "t2").searches
    place = search.answers[0].placement
    assert place is not None
    # Q to T takes 162 s straight; by R and S it is 62 + 20 + 62 + 20 + 62 = 226 s.
    assert place.delays == (Delay("t1", None, 64),)
    by_term = {term.term: term for term in place.price.terms}
    assert by_term["driving"].own_s == 3 * 62 - 162
    assert (by_term["riding"].own_s, by_term["riding"].others_s) == (20 + 62, 64)
    assert place.calls_between == 0


def test_a_party_counts_by_heads() -> None:
    street = Street("P")
    street.want("Q", "S", party=Party(3, 0))
    (search,) = explained(street, "t1").searches
    assert costs(chosen_price(search)) == {
        "driving": (62 + 112) * 500,
        "waiting": 3 * 62 * 1500,
        "riding": 3 * 132 * 1000,
    }


def test_too_long_a_wait_is_named_with_the_soonest_that_would_work() -> None:
    street = Street("P", "T", max_wait_s=60)
    street.want("Q", "S")
    explanation = explained(street, "t1")
    (search,) = explanation.searches
    assert explanation.refusal is not None
    assert explanation.refusal.reason is RefusalReason.WAIT_TOO_LONG
    assert (search.chosen, search.binding) == (None, Binding.WAIT_TOO_LONG)
    # 62 s from P and 162 s from T, where 60 s are allowed.
    soonest = {a.shuttle_id: a.nearest_pickup_s for a in search.answers}
    assert soonest == {"s1": NOON_S + 62, "s2": NOON_S + 162}
    assert {a.binding for a in search.answers} == {Binding.WAIT_TOO_LONG}
    assert search.nearest_pickup_s == NOON_S + 62


def test_each_shuttle_has_its_own_reason() -> None:
    street = Street(max_wait_s=100)
    street.car_at("P", seats=2)
    street.car_at("T", seats=6)
    street.want("Q", "S", party=Party(3, 0))
    # s1 is too small, and s2 162 s away.
    assert answer_of(street, "t1", "s1").binding is Binding.NO_SEAT
    assert answer_of(street, "t1", "s2").binding is Binding.WAIT_TOO_LONG


def test_a_wheelchair_place_is_missed_by_name() -> None:
    street = Street()
    street.car_at("P", wheelchairs=0)
    street.want("Q", "S", party=Party(0, 1))
    assert answer_of(street, "t1", "s1").binding is Binding.NO_WHEELCHAIR_PLACE


def test_shuttles_that_take_nobody_say_why() -> None:
    street = Street("P", "Q", "R", "S")
    held, empty, manual, _ = street.cars.values()
    street.hold(held, for_s=3600)
    for car, battery_pct, mode in (
        (empty, 9.0, DriveMode.AUTOMATIC),
        (manual, 80.0, DriveMode.MANUAL),
    ):
        street.submit(
            ShuttleReported(
                NOON_S, car.id, car.x_m, car.y_m, battery_pct, False, mode, False, (), ()
            )
        )
    street.want("Q", "S")
    (search,) = explained(street, "t1").searches
    told = {a.shuttle_id: a.unavailable for a in search.answers if a.verdict is Verdict.UNAVAILABLE}
    assert "an operator holds it" in told[held.id]
    assert any("9 %" in reason and "15 %" in reason for reason in told[empty.id])
    assert told[manual.id] == ("it drives in mode manual, not automatic",)
    assert search.chosen == "s4"


def test_what_no_shuttle_can_change_is_settled_before() -> None:
    street = Street("P")
    street.want(Point(0.0, 0.0), "S")
    explanation = explained(street, "t1")
    assert explanation.searches == ()
    assert explanation.refusal is not None
    assert explanation.refusal.reason is RefusalReason.OUTSIDE_AREA
    assert explanation.state is TripState.REFUSED


def test_each_alternative_has_a_search_of_its_own() -> None:
    street = Street("T")
    q, r = street.stop("Q").point, street.stop("R").point
    between = Point((q.lat + r.lat) / 2, q.lon + 0.48 * (r.lon - q.lon))
    status = street.want(between, "T", auto=False, alternatives=3, walk_limit_m=400)
    explanation = explained(street, "t1")
    assert [search.purpose for search in explanation.searches] == [
        Purpose.OFFER_SOONEST,
        Purpose.OFFER_LESS_WALKING,
        Purpose.OFFER_LATER,
    ]
    for search, offer in zip(explanation.searches, status.offers, strict=True):
        place = search.answers[0].placement
        assert place is not None
        assert (place.pickup_s, place.dropoff_s) == (
            offer.pickup_planned_s,
            offer.dropoff_planned_s,
        )
    assert explanation.offers == status.offers


def test_a_trip_is_found_by_its_request_too() -> None:
    street = Street("P")
    street.want("Q", "S", rider="ana", request="q")
    street.want("R", "S", rider="ben", request="q")
    assert explained(street, "t2").request.rider_id == "ben"
    assert explained(street, "ana/q").trip_id == "t1"
    with pytest.raises(UnknownTripError, match="ana/q, ben/q"):
        explained(street, "q")
    with pytest.raises(UnknownTripError, match="no trip and no request t9"):
        explained(street, "t9")


def test_a_resent_request_is_explained_as_the_first_one() -> None:
    street = Street("P")
    street.want("Q", "S", rider="ana", request="q")
    again = replace(street.journal[-1].request, trip_id="t9")
    street.submit(replace(street.journal[-1], request=again))
    assert explained(street, "t9").trip_id == "t1"
    assert explained(street, "q").trip_id == "t1"


def test_other_rules_than_recorded_are_noticed() -> None:
    street = Street("P")
    street.want("Q", "S")
    street.want("R", "S")
    site = replace(street.site, rules=replace(street.site.rules, window_after_s=120))
    # Record 2 is the request that is decided otherwise; record 3 carries the digest that shows it.
    with pytest.raises(DisagreementError, match="events 2 to 2"):
        explain_request(site, records_of(street), "t1")


def test_what_no_digest_confirms_is_said() -> None:
    street = Street("P")
    street.want("Q", "S")
    explanation = explained(street, "t1")
    # The shuttle joined at 1, the request is 2 and the last: nothing behind it carries a digest.
    assert (explanation.checked.replayed_to, explanation.checked.compared_to) == (2, 1)
    street.want("R", "T")
    assert explained(street, "t1").checked.compared_to == 2


def a_question(state: ServiceState) -> tuple[InsertionRequest, Insertion]:
    """Q to S at noon, and what the planner answers."""
    asked = InsertionRequest(
        pickups=(PickupChoice(1, 0, NOON_S, NOON_S + 600),),
        dropoffs=(DropoffChoice(3, 0, NOON_S + 3600),),
        max_ride_s=((600,),),
        desired_s=NOON_S,
        load=(1, 0),
        dwell_s=20,
    )
    found = best_insertion(
        state.fleet, asked, state.streets.stop_times_s, state.site.rules.objective, NOON_S
    )
    assert isinstance(found, Insertion)
    return asked, found


@pytest.mark.parametrize(
    "change",
    [
        lambda found: replace(found, row=1),
        lambda found: replace(found, cost=replace(found.cost, driving=found.cost.driving - 1)),
        lambda found: replace(found, cost=Cost()),
        lambda found: replace(found, begin_s=tuple(s + 1 for s in found.begin_s)),
        lambda found: NoInsertion(Binding.NO_SEAT),
    ],
)
def test_a_choice_that_cannot_be_worked_out_again_is_never_explained(change) -> None:
    street = Street("P", "T")
    asked, found = a_question(street.state)
    explain_search(street.state, Purpose.OFFER_SOONEST, asked, (), found)
    with pytest.raises(DisagreementError):
        explain_search(street.state, Purpose.OFFER_SOONEST, asked, (), change(found))


def test_a_wish_for_later_is_explained_from_its_own_time() -> None:
    street = Street("P")
    street.want("Q", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 1800)
    (search,) = explained(street, "t1").searches
    assert search.desired_s == NOON_S + 1800
    assert "waiting" not in costs(chosen_price(search))  # the shuttle is there long before
    assert search.pickups[0].stop_id == StopId("Q")
