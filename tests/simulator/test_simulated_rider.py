"""One rider's phone and feet, against statuses written by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dispatcher.domain.ids import EdgeId, RequestId, RiderId, ShuttleId, StopId, TripId
from dispatcher.domain.trips import Party, TimeWish, TripState
from dispatcher.domain.zone import Point, Stop, StopKind
from dispatcher.riders.messages import TripAnswer, TripCancel, TripRequest
from dispatcher.riders.reading import read_message
from dispatcher.riders.topics import RiderTopic
from dispatcher.streets import LocalFrame
from simulator.concourse import Concourse
from simulator.demand import Behaviour, Wisher
from simulator.rider import SimulatedRider, Whereabouts

T0 = 1_790_000_000.0
ORIGIN = Point(36.5, 127.3)
FRAME = LocalFrame(ORIGIN)


def a_stop(stop_id: str, x_m: float) -> Stop:
    return Stop(
        id=StopId(stop_id),
        names={"en": stop_id},
        kind=StopKind.STOP,
        point=FRAME.to_point(x_m, 0.0),
        x_m=x_m,
        y_m=0.0,
        edge_id=EdgeId("e"),
        offset_m=0.0,
    )


STOPS = {stop.id: stop for stop in (a_stop("A", 120.0), a_stop("B", 900.0), a_stop("C", 240.0))}

WISHER = Wisher(
    rider_id=RiderId("r1"),
    request_id=RequestId("r1-1"),
    ask_s=T0,
    origin=ORIGIN,
    destination=StopId("B"),
    wish=TimeWish.NOW,
    wish_s=int(T0),
    party=Party(2, 0),
    walk_limit_m=400,
    asks_first=True,
    alternatives=1,
    behaviour=Behaviour.RIDES,
    think_s=5.0,
    walk_speed_mps=1.3,
    patience_s=600.0,
    changes_mind=0.5,
)


def a_rider(wisher: Wisher = WISHER) -> tuple[SimulatedRider, Concourse]:
    place = Concourse()
    return SimulatedRider(wisher, place, FRAME, STOPS), place


def at(after_s: float) -> str:
    return datetime.fromtimestamp(T0 + after_s, UTC).isoformat()


def a_promise(pickup: str = "A", opens: float = 200.0) -> dict[str, Any]:
    def told(stop_id: str) -> dict[str, Any]:
        return {"id": stop_id, "names": {"en": stop_id}, "lat": 36.5, "lon": 127.3}

    return {
        "pickup": told(pickup),
        "dropoff": told("B"),
        "window": {"opens": at(opens), "closes": at(opens + 300.0)},
        "dropoff_latest": at(opens + 900.0),
        "party": {"seats": 2, "wheelchairs": 0},
    }


def a_status(state: str, revision: int, **more: Any) -> bytes:
    status = {
        "trip": "t1",
        "request": "r1-1",
        "state": state,
        "revision": revision,
        "at": at(0.0),
        **more,
    }
    return json.dumps(status).encode()


def an_offer() -> dict[str, Any]:
    return {
        "id": "t1.1",
        "kind": "soonest",
        "promise": a_promise(),
        "shuttle": "m:s1",
        "walk_to_pickup_m": 156,
        "walk_from_dropoff_m": 0,
        "pickup_expected": at(260.0),
        "dropoff_expected": at(500.0),
        "expires": at(30.0),
    }


def step_in(place: Concourse, shuttle_id: ShuttleId, x_m: float) -> None:
    """The shuttle stands there and finds the riders at its doors."""
    assert place.waits(TripId("t1"), shuttle_id, x_m, 0.0)
    place.takes(TripId("t1"), shuttle_id)


def test_the_request_says_all_that_was_wished() -> None:
    rider, _ = a_rider()
    ((topic, body),) = rider.advance(T0)
    assert topic is RiderTopic.REQUEST
    request = read_message(TripRequest, body)  # the dispatcher's own strict reading
    assert (request.id, request.destination, request.party.seats) == ("r1-1", "B", 2)
    assert (request.walk_limit_m, request.accept, request.when.now) == (400, "ask", True)
    later = replace(WISHER, wish=TimeWish.ARRIVE_BY, wish_s=int(T0) + 3600, asks_first=False)
    request = read_message(TripRequest, a_rider(later)[0].advance(T0)[0][1])
    assert request.when.arrive_by == datetime.fromtimestamp(T0 + 3600, UTC)
    assert request.accept == "auto"


def test_an_unanswered_request_is_sent_again_unchanged_and_ever_more_seldom() -> None:
    rider, _ = a_rider()
    first = rider.advance(T0)
    sent_s = []
    for _ in range(3):
        due = rider.next_due()
        assert due is not None
        assert rider.advance(due) == first
        sent_s.append(due - T0)
    assert sent_s == [15.0, 45.0, 105.0]  # 15 s, then 30, then 60 later
    assert rider.on_document(a_status("requested", 0), T0 + 110.0) == []
    assert rider.next_due() is None


def test_an_offer_is_thought_over_and_accepted() -> None:
    rider, _ = a_rider()
    rider.advance(T0)
    assert rider.on_document(a_status("offered", 1, offers=[an_offer()]), T0 + 1.0) == []
    assert rider.next_due() == T0 + 6.0
    ((topic, body),) = rider.advance(T0 + 6.0)
    answer = read_message(TripAnswer, body)
    assert (topic, answer.trip, answer.offer, answer.accept) == (
        RiderTopic.ANSWER,
        "t1",
        "t1.1",
        True,
    )
    # The same status again does not make them answer twice, silence makes them repeat it.
    assert rider.on_document(a_status("offered", 1, offers=[an_offer()]), T0 + 7.0) == []
    assert len(rider.advance(T0 + 21.0)) == 1
    rider.on_document(a_status("accepted", 2, promise=a_promise()), T0 + 22.0)
    assert rider.advance(T0 + 60.0) == []


def test_who_declines_says_so() -> None:
    rider, _ = a_rider(replace(WISHER, behaviour=Behaviour.DECLINES))
    rider.advance(T0)
    rider.on_document(a_status("offered", 1, offers=[an_offer()]), T0)
    ((_, body),) = rider.advance(T0 + 5.0)
    assert not read_message(TripAnswer, body).accept


def test_walking_to_the_stop_in_time() -> None:
    rider, place = a_rider()
    rider.advance(T0)
    rider.on_document(a_status("assigned", 2, promise=a_promise()), T0 + 10.0)
    # 120 m straight are 156 m on foot, 120 s at 1.3 m/s; there 20 s before the window at 200.
    due = rider.next_due()
    assert due == pytest.approx(T0 + 60.0, abs=0.5)
    rider.advance(due)
    assert rider.where is Whereabouts.WALKING
    due = rider.next_due()
    assert due == pytest.approx(T0 + 180.0, abs=0.5)
    rider.advance(due)
    assert rider.where is Whereabouts.AT_STOP
    step_in(place, ShuttleId("m:s1"), 120.0)
    # Could have been there at 120, had they left when they asked.
    assert rider.log.ready_s == pytest.approx(T0 + 120.0, abs=0.5)


def test_another_stop_is_walked_to_from_where_they_are() -> None:
    rider, place = a_rider()
    rider.advance(T0)
    rider.on_document(a_status("assigned", 2, promise=a_promise()), T0)
    rider.advance(T0 + 61.0)
    rider.advance(T0 + 182.0)
    assert place.waiting() == 1
    breach = {"known": at(190.0), "cause": "closure", "text": "closed", "promise": a_promise()}
    moved = a_status("assigned", 3, promise=a_promise("C", 400.0), breach=breach)
    rider.on_document(moved, T0 + 190.0)
    assert place.waiting() == 0
    # From A at 120 to C at 240: 120 s again, so they leave at 400 - 20 - 120.
    due = rider.next_due()
    assert due == pytest.approx(T0 + 260.0, abs=0.5)
    rider.advance(due)
    rider.advance(T0 + 381.0)
    assert place.waiting() == 1
    assert rider.log.breaches == ["closure"]


def test_old_and_foreign_statuses_change_nothing() -> None:
    rider, _ = a_rider()
    rider.advance(T0)
    rider.on_document(a_status("assigned", 5, promise=a_promise()), T0)
    rider.on_document(a_status("offered", 4, offers=[an_offer()]), T0)
    assert rider.log.state is TripState.ASSIGNED
    other = a_status("completed", 9).replace(b'"r1-1"', b'"r1-2"')
    rider.on_document(other, T0)
    assert rider.log.state is TripState.ASSIGNED


def test_who_changes_their_mind_cancels_halfway_through_the_wait() -> None:
    rider, _ = a_rider(replace(WISHER, behaviour=Behaviour.CANCELS))
    rider.advance(T0)
    rider.on_document(
        a_status("assigned", 2, promise=a_promise(), pickup_expected=at(40.0)), T0 + 20.0
    )
    assert rider.next_due() == T0 + 30.0
    ((topic, body),) = rider.advance(T0 + 30.0)
    assert topic is RiderTopic.CANCEL
    assert read_message(TripCancel, body).trip == "t1"
    rider.on_document(a_status("cancelled_by_rider", 3), T0 + 31.0)
    assert rider.is_done


def test_who_stays_away_never_comes() -> None:
    rider, place = a_rider(replace(WISHER, behaviour=Behaviour.STAYS_AWAY))
    rider.advance(T0)
    rider.on_document(a_status("assigned", 2, promise=a_promise()), T0)
    assert rider.next_due() is None
    assert place.waiting() == 0


def test_patience_ends_long_after_the_window() -> None:
    rider, _ = a_rider()
    rider.advance(T0)
    rider.on_document(a_status("assigned", 2, promise=a_promise()), T0)
    rider.advance(T0 + 61.0)
    rider.advance(T0 + 182.0)
    assert rider.next_due() == T0 + 500.0 + 600.0  # the window closes at 500
    assert rider.advance(T0 + 1100.0)[0][0] is RiderTopic.CANCEL


def test_a_busy_dispatcher_is_asked_again_and_a_refused_message_is_not() -> None:
    rider, _ = a_rider()
    rider.advance(T0)
    busy = {"code": "TOO_MANY_REQUESTS", "text": "t", "remedy": "r", "retry_after_s": 40}
    assert rider.on_problem(json.dumps(busy).encode(), T0 + 1.0) == []
    assert rider.next_due() == T0 + 41.0
    wrong = {"code": "STOP_UNKNOWN", "text": "t", "remedy": "r", "request": "r1-1"}
    rider.on_problem(json.dumps(wrong).encode(), T0 + 2.0)
    assert rider.is_done
    assert rider.log.problem == "STOP_UNKNOWN"


def test_aboard_and_out_again() -> None:
    rider, place = a_rider()
    rider.advance(T0)
    rider.on_document(a_status("boarding", 3, promise=a_promise(opens=0.0)), T0)
    rider.advance(T0 + 0.0)
    rider.advance(T0 + 120.0)
    shuttle = ShuttleId("m:s1")
    step_in(place, shuttle, 120.0)
    place.settled(TripId("t1"), shuttle, T0 + 132.0, T0 + 137.0)
    rider.on_document(a_status("aboard", 4, promise=a_promise()), T0 + 140.0)
    assert rider.advance(T0 + 5000.0) == []  # nobody gives up in a shuttle
    place.sets_down(TripId("t1"), shuttle, 900.0, 0.0, T0 + 400.0)
    rider.on_document(a_status("completed", 5), T0 + 401.0)
    assert (rider.log.boarded_s, rider.log.alighted_s) == (T0 + 132.0, T0 + 400.0)
    assert rider.is_done
    assert rider.where is Whereabouts.ARRIVED


def test_riders_get_out_of_a_broken_shuttle_when_another_comes_for_them() -> None:
    rider, place = a_rider()
    rider.advance(T0)
    rider.on_document(a_status("boarding", 3, promise=a_promise(opens=0.0), shuttle="m:s1"), T0)
    rider.advance(T0)
    rider.advance(T0 + 120.0)
    step_in(place, ShuttleId("m:s1"), 120.0)
    place.settled(TripId("t1"), ShuttleId("m:s1"), T0 + 132.0, T0 + 137.0)
    rescue = a_status(
        "assigned", 6, promise=a_promise("C", 500.0), shuttle="m:s2", pickup_expected=at(520.0)
    )
    rider.on_document(rescue, T0 + 300.0)
    assert rider.where is Whereabouts.BOARDING
    rider.advance(T0 + 400.0)  # 120 s before the rescue is expected
    rider.advance(T0 + 400.0)
    step_in(place, ShuttleId("m:s2"), 240.0)


def test_nobody_gets_out_of_a_shuttle_that_drives_or_takes_them_after_all() -> None:
    rider, place = a_rider()
    drives = True
    place.stands = lambda shuttle_id: not drives
    rider.advance(T0)
    rider.on_document(a_status("boarding", 3, promise=a_promise(opens=0.0), shuttle="m:s1"), T0)
    rider.advance(T0)
    rider.advance(T0 + 120.0)
    step_in(place, ShuttleId("m:s1"), 120.0)
    place.settled(TripId("t1"), ShuttleId("m:s1"), T0 + 132.0, T0 + 137.0)
    other = a_status("assigned", 6, promise=a_promise("C"), shuttle="m:s2", pickup_expected=at(410))
    rider.on_document(other, T0 + 400.0)
    rider.advance(T0 + 401.0)
    assert rider.where is Whereabouts.BOARDING  # it drives
    rider.on_document(a_status("aboard", 7, promise=a_promise(), shuttle="m:s1"), T0 + 405.0)
    drives = False
    rider.advance(T0 + 500.0)
    assert rider.where is Whereabouts.BOARDING
