"""Who is aboard by the shuttle's word counts, whatever the books say."""

import json

import pytest
from engine_world import Car
from sketched_service import Street, commands
from test_engine_disruptions import board_by_hand, cars_of, confirm, visit_of

from dispatcher.domain.decisions import (
    AlertKind,
    Decision,
    OperatorAlerted,
    ShuttleCommand,
)
from dispatcher.domain.events import (
    PlanRefused,
    RiderAlighted,
    RiderBoarded,
    RiderNotThere,
    ShuttleReported,
    VisitArrived,
)
from dispatcher.domain.ids import TripId, VisitId
from dispatcher.domain.shuttles import DriveMode
from dispatcher.domain.trips import TripState
from dispatcher.engine import dump_state, load_state
from dispatcher.engine.judging import plan_faults


def report(street: Street, car: Car, *aboard: str, paused: bool = False) -> tuple[Decision, ...]:
    return street.submit(
        ShuttleReported(
            street.now_s,
            car.id,
            car.x_m,
            car.y_m,
            80.0,
            False,
            DriveMode.AUTOMATIC,
            paused,
            (),
            tuple(TripId(trip_id) for trip_id in aboard),
        )
    )


def alerts(decisions: tuple[Decision, ...]) -> list[AlertKind]:
    return [d.kind for d in decisions if isinstance(d, OperatorAlerted)]


def alights(street: Street, car: Car) -> list[TripId]:
    plan = street.plan(car)
    return [] if plan is None else [t.trip_id for v in plan.visits for t in v.alights]


def test_riders_who_boarded_by_an_order_given_up_meanwhile_are_set_down() -> None:
    street = Street("P", "T", driven=False)
    first, _ = cars_of(street)
    status = street.want("Q", "S")
    assert status.shuttle_id == first.id
    confirm(street, first)
    plan = street.plan(first)
    assert plan is not None
    # It says no to an update, is given a fresh order, and boards its rider by the old one.
    street.submit(PlanRefused(street.now_s, first.id, plan.revision, "not just now"))
    new = street.plan(first)
    assert new is not None
    assert new.order_id != plan.order_id
    given_up = street.state.shuttles[first.id].given_up
    assert given_up is not None
    assert given_up.order_id == plan.order_id
    # A dispatcher that starts from a snapshot here still knows of the old order.
    loaded = load_state(street.site, dump_state(street.state)).shuttles[first.id]
    assert loaded.given_up == given_up
    report(street, first, status.trip_id)
    assert street.now_of(status).state is TripState.ABOARD
    assert alights(street, first) == [status.trip_id]
    released = street.state.shuttles[first.id].released
    assert released is not None
    assert released.boards == []
    confirm(street, first)
    assert street.state.shuttles[first.id].given_up is None
    assert plan_faults(street.state) == []


def test_riders_booked_on_another_shuttle_are_served_by_the_one_they_sit_in() -> None:
    street = Street("P", "T", driven=False)
    first, second = cars_of(street)
    status = street.want("Q", "S")
    assert status.shuttle_id == first.id
    report(street, second, status.trip_id)
    assert street.now_of(status).shuttle_id == second.id
    assert street.now_of(status).state is TripState.ABOARD
    assert alights(street, second) == [status.trip_id]
    # What was released to the first stays as it is, but nobody counts on it.
    released = street.state.shuttles[first.id].released
    assert released is not None
    assert released.boards == []


@pytest.mark.parametrize("refuses", [False, True])
def test_riders_whom_two_shuttles_took_in_are_set_down_by_both(refuses: bool) -> None:
    street = Street("P", "T", driven=False)
    first, second = cars_of(street)
    status = street.want("Q", "S")
    confirm(street, first)
    released = street.state.shuttles[first.id].released
    assert released is not None
    # The other's word comes late, when they have left it and board here.
    report(street, second, status.trip_id)
    if refuses:  # a plan without those who are just stepping in
        street.submit(
            PlanRefused(
                street.now_s, first.id, street.state.shuttles[first.id].revision, "t1 is here"
            )
        )
    street.submit(RiderBoarded(street.now_s, first.id, released.visit.id, status.trip_id))
    assert street.now_of(status).shuttle_id == first.id
    assert alights(street, first) == alights(street, second) == [status.trip_id]
    assert plan_faults(street.state) == []
    # The other finds nobody to set down; they arrive with this one.
    street.submit(RiderAlighted(street.now_s, second.id, VisitId(""), status.trip_id))
    assert street.now_of(status).state is TripState.ABOARD
    assert street.state.shuttles[second.id].aboard == []
    street.submit(RiderAlighted(street.now_s, first.id, VisitId(""), status.trip_id))
    assert street.now_of(status).state is TripState.COMPLETED
    assert plan_faults(street.state) == []


def test_riders_whose_trip_was_ended_wrongly_still_get_off() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("Q", "S")
    confirm(street, car)
    visit = visit_of(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit))
    street.submit(RiderNotThere(street.now_s, car.id, visit, status.trip_id))
    assert street.now_of(status).state is TripState.NO_SHOW
    assert alights(street, car) == []
    assert alerts(report(street, car, status.trip_id)) == [AlertKind.UNEXPECTED_RIDER]
    assert alights(street, car) == [status.trip_id]
    assert street.now_of(status).state is TripState.NO_SHOW  # a trip has one end
    assert plan_faults(street.state) == []


def test_a_stranger_is_told_once() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    assert alerts(report(street, car, "who")) == [AlertKind.UNEXPECTED_RIDER]
    assert alerts(report(street, car, "who")) == []
    assert alerts(report(street, car)) == []
    assert alerts(report(street, car, "who")) == [AlertKind.UNEXPECTED_RIDER]


def test_riders_whom_their_shuttle_does_not_report_are_asked_for_once() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    began_s = street.now_s
    assert alerts(report(street, car)) == []
    street.run_until(began_s + 29)
    told = [d for turn in street.decisions for d in turn if isinstance(d, OperatorAlerted)]
    assert told == []
    street.run_until(began_s + 300)
    told = [d for turn in street.decisions for d in turn if isinstance(d, OperatorAlerted)]
    assert [(alert.kind, alert.trip_id) for alert in told] == [
        (AlertKind.RIDER_MISSING, status.trip_id)
    ]
    assert alights(street, car) == [status.trip_id]


def test_riders_reported_a_little_later_are_not_missed() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    report(street, car)
    street.wait(20)
    report(street, car, status.trip_id)
    street.wait(300)
    told = [d for turn in street.decisions for d in turn if isinstance(d, OperatorAlerted)]
    assert told == []


def test_a_shuttle_that_nobody_holds_is_told_to_go_on() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    assert commands(report(street, car, paused=True)) == [ShuttleCommand.RESUME]
    assert commands(report(street, car)) == []
    street.hold(car, 60)
    assert commands(report(street, car, paused=True)) == []


def test_a_snapshot_of_before_still_loads() -> None:
    street = Street("P", driven=False)
    street.want("Q", "S")
    written = json.loads(dump_state(street.state))
    for shuttle in written["shuttles"].values():
        for name in ("needs_word", "last_event", "given_up", "reported_aboard", "missing"):
            del shuttle[name]
    for trip in written["trips"].values():
        del trip["boardings_failed"]
    loaded = load_state(street.site, json.dumps(written).encode())
    assert dump_state(loaded) == dump_state(street.state)
