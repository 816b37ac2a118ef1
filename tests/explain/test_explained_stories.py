"""What becomes of a trip after it was accepted: each change with its event, reason and cost."""

from functools import lru_cache

import pytest
from engine_world import START_S, EngineWorld
from explained import chosen_price, costs, explained, records_of
from sketched_service import NOON_S, Street

from dispatcher.domain.events import (
    OfferAnswered,
    PlanProposed,
    ProposedRoute,
    ProposedVisit,
    TripCancelled,
)
from dispatcher.domain.ids import OperatorId, StopId, TripId
from dispatcher.domain.trips import TimeWish, TripState
from dispatcher.engine import Site
from dispatcher.engine.state import Hold
from dispatcher.engine.witness import Purpose
from dispatcher.explaining import explain_request
from dispatcher.explaining.explanation import Explanation, Move, Step, Verdict
from dispatcher.streets import Streets
from dispatcher.streets.zones import load_zone


def step_at(explanation: Explanation, position: int) -> Step:
    (step,) = [step for step in explanation.steps if step.position == position]
    return step


def test_a_calm_trip_is_told_from_request_to_dropoff() -> None:
    street = Street("P")
    street.want("Q", "S")
    street.wait(600)
    explanation = explained(street, "t1")
    states = [step.after.state for step in explanation.steps]
    assert list(dict.fromkeys(states)) == [
        TripState.ACCEPTED,
        TripState.ASSIGNED,
        TripState.BOARDING,
        TripState.ABOARD,
        TripState.COMPLETED,
    ]
    assert explanation.steps[0].before is None
    assert explanation.state is TripState.COMPLETED


def test_an_accepted_offer_is_the_riders_doing() -> None:
    street = Street("P")
    status = street.want("Q", "S", auto=False)
    street.submit(OfferAnswered(NOON_S, status.rider_id, status.trip_id, True))
    offered, accepted = explained(street, "t1").steps
    assert (offered.after.state, offered.after.hold) == (TripState.OFFERED, Hold.OFFERED)
    assert (accepted.event, accepted.after.state) == ("OfferAnswered", TripState.ACCEPTED)
    assert accepted.cause == "The rider of this trip accepted an offer."


def test_a_fault_moves_the_trip_and_the_search_says_why_there() -> None:
    street = Street("P", "S")
    street.want("Q", "T")
    street.wait(5)  # the first shuttle has confirmed, and drives to Q
    car = street.cars[street.status[TripId("t1")].shuttle_id or next(iter(street.cars))]
    assert car.id == "s1"
    street.break_down(car, for_s=3600)
    position = len(street.journal)
    explanation = explained(street, "t1")
    step = step_at(explanation, position)
    assert step.cause == "Shuttle s1 reported that it cannot drive: motor."
    assert step.before is not None
    assert (step.before.shuttle_id, step.after.shuttle_id) == ("s1", "s2")
    assert step.told_text == "Another shuttle takes you, as promised."
    (search,) = step.searches
    assert search.purpose is Purpose.KEEP_PROMISE
    assert [(a.shuttle_id, a.verdict) for a in search.answers] == [
        ("s2", Verdict.CHOSEN),
        ("s1", Verdict.LEFT_OUT),
    ]
    # S to Q 112 s, Q to T 162 s; 5 s have passed since noon, the window opens 2 s past it.
    assert costs(chosen_price(search)) == {
        "driving": (112 + 162) * 500,
        "waiting": 112 * 1500,
        "riding": (20 + 162) * 1000,
    }
    assert explanation.searches[0].chosen == "s1"


def test_a_closed_stop_gives_a_new_promise_and_says_so() -> None:
    street = Street("P")
    street.want("T", "Q", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 1800)
    street.close((), (StopId("T"),), for_s=7200)
    step = explained(street, "t1").steps[-1]
    assert step.cause == "op closed stop T."
    assert [search.purpose for search in step.searches] == [Purpose.NEW_PROMISE]
    assert step.before is not None
    assert step.before.promise is not None
    assert step.after.promise is not None
    assert step.before.promise.pickup_stop == "T"
    assert step.after.promise.pickup_stop == step.searches[0].answers[0].placement.pickup_stop
    assert step.after.promise.pickup_stop != "T"
    assert any("t1" in alert for alert in step.alerts)


def test_an_operators_cancellation_is_theirs() -> None:
    street = Street("P")
    street.want("Q", "S")
    street.submit(TripCancelled(NOON_S, TripId("t1"), None, OperatorId("op"), "stop flooded"))
    last = explained(street, "t1").steps[-1]
    assert last.cause == "This trip was cancelled by op (stop flooded)."
    assert last.after.state is TripState.CANCELLED_BY_OPERATOR


def test_an_improvement_shows_both_routes_costs_and_who_moved() -> None:
    street = Street("P", "S")
    far, near = street.cars.values()
    street.hold(near, for_s=3600)
    status = street.want("T", "R", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 1800)
    assert status.shuttle_id == far.id
    street._release(near)
    (booking_id,) = street.state.bookings
    street.submit(
        PlanProposed(
            NOON_S,
            (
                ProposedRoute(far.id, street.state.shuttles[far.id].route_version, ()),
                ProposedRoute(
                    near.id,
                    street.state.shuttles[near.id].route_version,
                    (ProposedVisit(4, (booking_id,), ()), ProposedVisit(2, (), (booking_id,))),
                ),
            ),
            2,
            1,
        )
    )
    step = explained(street, "t1").steps[-1]
    assert step.event == "PlanProposed"
    improvement = step.improvement
    assert improvement is not None
    assert improvement.moves == (Move(TripId("t1"), far.id, near.id),)
    # P to T 212 s against S to T 62 s; T to R 112 s and 20 s of boarding either way.
    assert costs(improvement.before) == {"driving": (212 + 112) * 500, "riding": 132_000}
    assert costs(improvement.after) == {"driving": (62 + 112) * 500, "riding": 132_000}
    assert step.after.shuttle_id == near.id


def test_another_trip_that_delays_this_one_is_named() -> None:
    street = Street("P")
    street.want("Q", "T")
    street.want("R", "S")
    step = explained(street, "t1").steps[-1]
    assert step.cause == "Another trip, t2, was asked for and planned."
    assert step.before is not None
    assert step.before.dropoff_s is not None
    assert step.after.dropoff_s is not None
    assert step.after.dropoff_s - step.before.dropoff_s == 64  # as t2's own explanation says


def test_the_story_ends_with_the_trip_though_the_journal_goes_on() -> None:
    street = Street("P")
    street.want("Q", "S")
    street.wait(600)
    for _ in range(3):
        street.want("Q", "S")
        street.wait(600)
    explanation = explained(street, "t1")
    ended, checked = explanation.steps[-1].position, explanation.checked
    # One more record was read: the one whose digest confirms the end.
    assert (checked.compared_to, checked.replayed_to) == (ended, ended)
    assert ended < len(street.journal) / 2


@lru_cache(maxsize=1)
def the_site() -> Site:
    zone = load_zone("sejong-5-1")
    return Site(zone, Streets.of(zone), Street().site.rules)


@pytest.mark.parametrize("seed", [3, 8])
def test_whatever_happens_every_trip_can_be_explained(seed: int) -> None:
    """Faults, silence, closures and proposals: each choice comes out the same a second time."""
    world = EngineWorld(the_site(), seed)
    rng = world.rng
    for _ in range(4):
        world.add_car(rng.randrange(len(world.site.zone.stops)))
    for _ in range(16):
        world.at(START_S + rng.randint(0, 900), world.a_rider)
    cars = list(world.cars.values())
    world.at(START_S + 400, lambda: world.break_down(cars[0], 400))
    world.at(START_S + 600, lambda: world.cut_off(cars[1], 300))
    world.at(START_S + 800, lambda: world.break_down(cars[2], 400))
    stops = world.site.zone.stops
    world.at(START_S + 800, lambda: world.close((), (stops[3].id, stops[40].id), 600))
    for at_s in range(100, 1000, 50):
        world.at(START_S + at_s, world.propose_better)
    world.run_until(START_S + 2400)
    records = records_of(world)
    seen: set[str] = set()
    for trip_id, status in list(world.status.items())[::2]:
        explanation = explain_request(world.site, records, trip_id)
        assert explanation.state is status.state, (seed, trip_id)
        assert explanation.refusal == status.refusal, (seed, trip_id)
        for step in explanation.steps:
            for search in step.searches:
                seen.add(search.purpose)
            for offer in explanation.offers if step is explanation.steps[0] else ():
                chosen = {
                    (s.chosen, a.placement.pickup_s)
                    for s in step.searches
                    for a in s.answers
                    if a.verdict is Verdict.CHOSEN and a.placement is not None
                }
                assert (offer.shuttle_id, offer.pickup_planned_s) in chosen, (seed, trip_id)
            if step.improvement is not None:
                seen.add("improved")
                assert step.improvement.after.total_milli < step.improvement.before.total_milli
    assert {Purpose.OFFER_SOONEST, "improved"} <= seen, (seed, seen)
    assert seen & {Purpose.KEEP_PROMISE, Purpose.NEW_PROMISE, Purpose.RESCUE}, (seed, seen)
