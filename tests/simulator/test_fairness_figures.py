"""Waits by stop and by kind of rider, counted by hand."""

from dataclasses import replace

import pytest
from sketched_service import a_street

from dispatcher.domain.ids import RequestId, RiderId, StopId
from dispatcher.domain.trips import Party, TimeWish, TripState
from dispatcher.streets import Streets
from simulator.demand import Behaviour, Wisher
from simulator.fairness import fairness_of
from simulator.rider import TripLog


@pytest.fixture
def streets() -> Streets:
    return a_street().streets


def a_log(stop: str, wait_s: float | None, *, wheelchair: bool = False) -> TripLog:
    wisher = Wisher(
        rider_id=RiderId("r"),
        request_id=RequestId("q"),
        ask_s=0.0,
        origin=StopId(stop),
        destination=StopId("T"),
        wish=TimeWish.NOW,
        wish_s=0,
        party=Party(0, 1) if wheelchair else Party(1),
        walk_limit_m=300,
        asks_first=False,
        alternatives=1,
        behaviour=Behaviour.RIDES,
        think_s=1.0,
        walk_speed_mps=1.3,
        patience_s=900.0,
        changes_mind=0.5,
    )
    log = TripLog(wisher, asked_s=0.0, state=TripState.COMPLETED)
    if wait_s is None:
        log.state = TripState.REFUSED
    else:
        log.ready_s, log.boarded_s = 100.0, 100.0 + wait_s
    return log


def test_stops_are_compared_with_the_median_one(streets: Streets) -> None:
    logs = [a_log("P", 100.0) for _ in range(5)]
    logs += [a_log("Q", wait) for wait in (100.0, 200.0, 300.0, 400.0, 500.0)]
    logs += [a_log("R", 120.0) for _ in range(5)] + [a_log("R", None)]
    found = fairness_of(logs, streets, 200)
    # The stops' means are 100, 300 and 120.
    assert found.median_stop_wait_s == 120.0
    assert [(stop.stop, stop.ratio) for stop in found.by_stop] == [
        ("Q", 2.5),
        ("R", 1.0),
        ("P", 0.83),
    ]
    assert (found.worst_ratio, found.stops_beyond) == (2.5, 1)
    worst, refused_once, _ = found.by_stop
    assert (worst.wait_median_s, worst.wait_p90_s) == (300.0, 460.0)
    assert (refused_once.requests, refused_once.refused_share) == (6, 0.1667)
    assert fairness_of(logs, streets, 250).stops_beyond == 0


def test_a_stop_with_few_riders_is_shown_but_not_judged(streets: Streets) -> None:
    logs = [a_log("P", 100.0) for _ in range(5)] + [a_log("Q", 900.0)]
    found = fairness_of(logs, streets, 150)
    assert found.by_stop[0].stop == "Q"
    assert found.worst_ratio == found.by_stop[1].ratio
    assert found.stops_beyond == 0


def test_riders_with_a_wheelchair_beside_the_others(streets: Streets) -> None:
    logs = [a_log("P", 100.0), a_log("P", 200.0), a_log("P", 300.0, wheelchair=True)]
    logs.append(a_log("P", None, wheelchair=True))
    found = fairness_of(logs, streets, 200)
    assert (found.wheelchairs.wait_mean_s, found.others.wait_mean_s) == (300.0, 150.0)
    assert (found.wheelchairs.refused_share, found.others.refused_share) == (0.5, 0.0)
    assert found.wheelchair_ratio == 2.0


def test_only_those_who_want_to_leave_at_once_count(streets: Streets) -> None:
    booked = a_log("P", 900.0)
    booked.wisher = replace(booked.wisher, wish=TimeWish.DEPART_AT)
    unsent = a_log("P", 900.0)
    unsent.asked_s = None
    found = fairness_of([booked, unsent], streets, 200)
    assert (found.by_stop, found.worst_ratio) == ((), 0.0)
