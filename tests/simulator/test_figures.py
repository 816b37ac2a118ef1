"""Figures from logs written by hand."""

from datetime import UTC, datetime

import pytest

from dispatcher.core import Applied
from dispatcher.domain.decisions import PlanPublished
from dispatcher.domain.events import ClockTicked, PlanConfirmed
from dispatcher.domain.ids import NodeId, RequestId, RiderId, ShuttleId, StopId
from dispatcher.domain.plans import ShuttlePlan, StartNode
from dispatcher.domain.trips import Party, TimeWish, TripState
from dispatcher.riders.status import PartyPlaces, PromiseTold, StopPlace, Window
from dispatcher.streets import Streets
from dispatcher.streets.zones import load_zone
from simulator.demand import Behaviour, Wisher
from simulator.figures import ConfirmWatch, Figures, RoadBook, RunFacts, figures_of
from simulator.rider import TripLog

S1 = ShuttleId("m:s1")


@pytest.fixture(scope="module")
def streets() -> Streets:
    return Streets.of(load_zone("sejong-5-1"))


def a_log(state: TripState | None, number: int = 1, wish: TimeWish = TimeWish.NOW) -> TripLog:
    wisher = Wisher(
        rider_id=RiderId(f"r{number}"),
        request_id=RequestId(f"r{number}-1"),
        ask_s=1000.0,
        origin=StopId("X1"),
        destination=StopId("X5"),
        wish=wish,
        wish_s=1000,
        party=Party(2, 1),
        walk_limit_m=400,
        asks_first=False,
        alternatives=1,
        behaviour=Behaviour.RIDES,
        think_s=1.0,
        walk_speed_mps=1.3,
        patience_s=600.0,
        changes_mind=0.5,
    )
    return TripLog(wisher, asked_s=1000.0, state=state)


def a_promise(closes_s: float, dropoff_s: float) -> PromiseTold:
    def at(moment: float) -> datetime:
        return datetime.fromtimestamp(moment, UTC)

    def place(stop: str) -> StopPlace:
        return StopPlace(id=stop, names={}, lat=0.0, lon=0.0)

    return PromiseTold(
        pickup=place("X1"),
        dropoff=place("X5"),
        window=Window(opens=at(0), closes=at(closes_s)),
        dropoff_latest=at(dropoff_s),
        party=PartyPlaces(seats=2, wheelchairs=1),
    )


def ridden(boarded_s: float, alighted_s: float, promise: PromiseTold) -> TripLog:
    log = a_log(TripState.COMPLETED)
    log.accepted, log.ready_s = promise, 1060.0
    log.boarded_s, log.alighted_s = boarded_s, alighted_s
    return log


def figures(logs: list[TripLog], streets: Streets, road: RoadBook | None = None) -> Figures:
    facts = RunFacts(
        shuttles=2,
        simulated_s=1800.0,
        wall_s=1.0,
        peak_rss_mb=1.0,
        decide_s=[0.001, 0.003],
        confirm_s=[],
        journal_events=9,
        replay_identical=True,
        road=road or RoadBook(),
    )
    return figures_of(logs, streets, facts)


def test_every_request_is_in_exactly_one_count(streets: Streets) -> None:
    states = [
        TripState.COMPLETED,
        TripState.CANCELLED_BY_RIDER,
        TripState.CANCELLED_BY_OPERATOR,
        TripState.NO_SHOW,
        TripState.EXPIRED,
        TripState.ABANDONED,
        TripState.ABOARD,
        None,  # nothing was heard
    ]
    logs = [a_log(state) for state in states]
    refused = a_log(TripState.REFUSED)
    refused.refusal = "NO_SEAT"
    turned_away = a_log(None)
    turned_away.problem = "TOO_MANY_REQUESTS"
    never_sent = a_log(None)
    never_sent.asked_s = None
    found = figures([*logs, refused, turned_away, never_sent], streets)
    assert found.requests == 10
    assert found.refused == {"NO_SEAT": 1, "TOO_MANY_REQUESTS": 1}
    assert (found.completed, found.cancelled, found.no_show) == (1, 2, 1)
    assert (found.expired, found.abandoned, found.in_progress) == (1, 1, 2)
    assert found.adds_up()


def test_waits_and_rides(streets: Streets) -> None:
    direct_s = int(
        streets.stop_times_s[streets.stop_index[StopId("X1")], streets.stop_index[StopId("X5")]]
    )
    promise = a_promise(2000.0, 9000.0)
    # Ready at 1060: waits 40 and 140 s; rides once and twice the direct drive.
    logs = [
        ridden(1100.0, 1100.0 + direct_s, promise),
        ridden(1200.0, 1200.0 + 2 * direct_s, promise),
    ]
    found = figures(logs, streets)
    assert found.wait_mean_s == 90.0
    assert found.ride_over_direct_mean == 1.5
    assert (found.riders_carried, found.wheelchairs_carried) == (6, 2)
    assert found.riders_per_shuttle_hour == 6.0  # 6 riders, 2 shuttles, half an hour
    assert (found.decision_ms_p50, found.promises_broken) == (2.0, 0)


def test_promises_are_judged_by_what_riders_saw(streets: Streets) -> None:
    promise = a_promise(closes_s=1300.0, dropoff_s=2000.0)
    kept = ridden(1300.0, 2000.0, promise)
    late_pickup = ridden(1302.0, 1900.0, promise)
    late_dropoff = ridden(1200.0, 2002.0, promise)
    told = ridden(1200.0, 1900.0, promise)
    told.breaches = ["shuttle_fault", "shuttle_fault"]
    found = figures([kept, late_pickup, late_dropoff, told], streets)
    assert found.promises_broken == 3
    assert found.promises_broken_by_cause == {"shuttle_fault": 1, "untold": 2}


def test_the_road_book(streets: Streets) -> None:
    road = RoadBook()
    road.note(S1, 0.0, 0)
    road.note(S1, 1000.0, 2)  # empty until here
    road.note(S1, 3000.0, 3)  # 2 km with two
    road.note(S1, 4000.0, 0)  # 1 km with three
    found = figures([], streets, road)
    assert (found.km, found.empty_km_share) == (4.0, 0.25)
    assert found.occupancy_mean == 1.75  # (2 x 2 + 1 x 3) / 4


def test_a_plan_is_confirmed_by_its_own_echo_or_a_later_one() -> None:
    moments = iter([1.0, 2.0, 5.0, 5.0])
    watch = ConfirmWatch(lambda: next(moments))

    def published(revision: int) -> Applied:
        start = StartNode(NodeId("n"), 0.0, 0.0, 0)
        plan = ShuttlePlan(S1, "o", revision, 1, 0, start, (), 0, ())
        return Applied(revision, ClockTicked(0), (PlanPublished(plan),))

    watch.on_applied(published(1))
    watch.on_applied(published(2))
    watch.on_applied(Applied(3, PlanConfirmed(0, S1, 2), ()))
    assert watch.took_s == [4.0, 3.0]
