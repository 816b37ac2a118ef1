"""When a shuttle that does not answer has lost its riders for good; the sum is in `lapse`."""

from dataclasses import replace

from engine_world import Car
from sketched_service import NOON_S, Street, commands
from test_engine_disruptions import BROKEN, board_by_hand, cars_of, confirm, visit_of

from dispatcher.domain.decisions import (
    AlertKind,
    Decision,
    OperatorAlerted,
    PlanPublished,
    ShuttleCommand,
)
from dispatcher.domain.events import (
    EpochBegan,
    EventNumber,
    NewerEpochSeen,
    RiderAlighted,
    ShuttleFellSilent,
    ShuttleReported,
)
from dispatcher.domain.shuttles import DriveMode, Fault
from dispatcher.domain.trips import TripState
from dispatcher.engine.judging import plan_faults


def report(
    street: Street, car: Car, *, needs_word: bool = True, faults: tuple[Fault, ...] = ()
) -> tuple[Decision, ...]:
    mode, at = DriveMode.AUTOMATIC, (car.x_m, car.y_m, 80.0)
    told = ShuttleReported(street.now_s, car.id, *at, False, mode, False, faults, ())
    return street.submit(replace(told, needs_word=needs_word))


def fall_silent(street: Street, car: Car) -> None:
    """Last heard at noon, and 45 s later that is noticed."""
    street.now_s = NOON_S + 45
    street.submit(ShuttleFellSilent(street.now_s, car.id, NOON_S))


def test_a_shuttle_that_needs_our_word_has_none_a_minute_after_it_was_heard() -> None:
    street = Street("P", "S", driven=False)
    near, far = cars_of(street)
    report(street, near)
    status = street.want("Q", "R")
    confirm(street, near)
    fall_silent(street, near)
    assert street.now_of(status).shuttle_id == far.id
    # 60 s until it boards nobody any more, 15 s to be sure.
    street.run_until(NOON_S + 74)
    assert street.trips_to_board(far) == []
    street.run_until(NOON_S + 75)
    assert street.trips_to_board(far) == [status.trip_id]


def test_a_broken_shuttle_whose_orders_do_not_arrive_keeps_nobody_waiting_for_its_word() -> None:
    street = Street("P", "S", driven=False)
    near, far = cars_of(street)
    report(street, near)
    status = street.want("Q", "R")
    confirm(street, near)
    # It is heard all the time, but never confirms that it was told to give up its order.
    assert ShuttleCommand.CANCEL_ORDER in commands(report(street, near, faults=BROKEN))
    street.run_until(NOON_S + 74)
    assert street.trips_to_board(far) == []
    street.run_until(NOON_S + 75)
    assert street.trips_to_board(far) == [status.trip_id]


def test_a_plain_vehicle_that_is_heard_must_confirm() -> None:
    street = Street("P", "S", driven=False)
    near, far = cars_of(street)
    status = street.want("Q", "R")
    confirm(street, near)
    report(street, near, needs_word=False, faults=BROKEN)
    street.run_until(NOON_S + 600)
    assert street.trips_to_board(far) == []
    confirm(street, near)
    assert street.trips_to_board(far) == [status.trip_id]


def test_a_shuttle_back_from_a_silence_does_not_go_on_to_riders_of_another() -> None:
    street = Street("P", "S", driven=False)
    near, far = cars_of(street)
    report(street, near)
    status = street.want("Q", "R")
    confirm(street, near)
    before = street.plan(near)
    fall_silent(street, near)
    street.run_until(NOON_S + 50)
    assert commands(report(street, near)) == [ShuttleCommand.CANCEL_ORDER]
    after = street.plan(near)
    assert before is not None
    assert after is None or after.order_id != before.order_id
    assert status.trip_id not in street.trips_to_board(near)
    assert plan_faults(street.state) == []
    # No word was said since noon, so the sum is the same.
    street.run_until(NOON_S + 74)
    assert street.trips_to_board(far) == []
    street.run_until(NOON_S + 75)
    assert street.trips_to_board(far) == [status.trip_id]


def test_a_plain_vehicle_back_from_a_silence_is_waited_for_anew() -> None:
    street = Street("P", "S", driven=False)
    near, far = cars_of(street)
    status = street.want("Q", "R")
    confirm(street, near)
    fall_silent(street, near)
    street.run_until(NOON_S + 100)
    assert commands(report(street, near, needs_word=False)) == [ShuttleCommand.CANCEL_ORDER]
    (booking,) = street.state.bookings.values()
    assert booking.shuttle_id == far.id
    assert booking.free_at_s == NOON_S + 100 + 30 + 23 + 60 + 15
    assert status.trip_id not in street.trips_to_board(far)


def test_a_shuttle_back_from_a_silence_with_all_its_riders_goes_on() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    plan = street.plan(car)
    fall_silent(street, car)
    assert ShuttleCommand.CANCEL_ORDER not in commands(report(street, car))
    now = street.plan(car)
    assert plan is not None
    assert now is not None
    assert now.order_id == plan.order_id


def test_a_takeover_gives_every_shuttle_its_plan_under_the_new_epoch() -> None:
    street = Street("P", "T", driven=False)
    first, _ = cars_of(street)
    street.want("Q", "S")
    plan = street.plan(first)
    assert plan is not None
    decisions = street.submit(EpochBegan(street.now_s, 7))
    told = [d.plan for d in decisions if isinstance(d, PlanPublished)]
    assert [(p.shuttle_id, p.epoch) for p in told] == [(first.id, 7)]
    # The same order goes on: nothing is driven or boarded twice.
    assert (told[0].order_id, told[0].start, told[0].visits) == (
        plan.order_id,
        plan.start,
        plan.visits,
    )
    assert told[0].revision == plan.revision + 1


def test_a_shuttle_that_obeys_another_dispatcher_is_told_with_what_to_do() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    street.submit(EpochBegan(street.now_s, 3))
    decisions = street.submit(NewerEpochSeen(street.now_s, car.id, 9))
    (alert,) = (d for d in decisions if isinstance(d, OperatorAlerted))
    assert alert.kind is AlertKind.EPOCH_BEHIND
    assert "above 9" in alert.text


def test_an_event_with_a_number_counts_once() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    visit = visit_of(street, car)
    wrong = RiderAlighted(street.now_s, car.id, visit, status.trip_id, EventNumber("a", 1))
    street.state.shuttles[car.id].last_event = EventNumber("a", 1)
    assert street.submit(wrong) == ()
    assert street.now_of(status).state is TripState.ABOARD
    # Another series counts from one again.
    street.submit(replace(wrong, number=EventNumber("b", 1)))
    assert street.now_of(status).state is TripState.COMPLETED
    assert street.state.shuttles[car.id].last_event == EventNumber("b", 1)
