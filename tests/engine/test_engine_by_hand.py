"""Shuttles that a person drives for a while, on the sketched street."""

from engine_world import Car
from sketched_service import Street, drive_s

from dispatcher.domain.decisions import Decision, PlanPublished, ShuttleCommand, ShuttleCommanded
from dispatcher.domain.events import ShuttleJoined, ShuttleReported
from dispatcher.domain.ids import TripId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.domain.trips import TripState
from dispatcher.engine import crowds
from dispatcher.engine.judging import plan_faults
from dispatcher.engine.state import Shuttle


def drives(
    street: Street, car: Car, mode: DriveMode, at: str | None = None, *aboard: TripId
) -> tuple[Decision, ...]:
    if at is not None:
        car.x_m, car.y_m = street.stop(at).x_m, street.stop(at).y_m
    decisions = street.submit(
        ShuttleReported(
            street.now_s, car.id, car.x_m, car.y_m, 80.0, False, mode, False, (), aboard
        )
    )
    assert plan_faults(street.state) == []
    return decisions


def plans(decisions: tuple[Decision, ...]) -> list[ShuttlePlan]:
    return [each.plan for each in decisions if isinstance(each, PlanPublished)]


def shuttle_of(street: Street, car: Car) -> Shuttle:
    return street.state.shuttles[car.id]


def test_who_is_taken_over_is_told_nothing_and_begins_anew_where_it_is_left() -> None:
    street = Street("P", driven=False)
    (car,) = street.cars.values()
    trip = street.want("Q", "S")
    old = street.plan(car)
    assert old is not None
    assert old.released == 1
    assert plans(drives(street, car, DriveMode.MANUAL)) == []
    assert shuttle_of(street, car).released is None
    # Its riders stay its own as long as it can be in time for them.
    street.wait(20)
    assert street.now_of(trip).shuttle_id == car.id
    decisions = drives(street, car, DriveMode.AUTOMATIC, "R")
    cancelled = [each.command for each in decisions if isinstance(each, ShuttleCommanded)]
    assert cancelled == [ShuttleCommand.CANCEL_ORDER]
    (plan,) = plans(decisions)
    assert plan.order_id != old.order_id
    assert (plan.start.x_m, plan.start.y_m) == (car.x_m, car.y_m)
    assert [visit.stop_id for visit in plan.visits] == ["Q", "S"]


def test_riders_who_wait_are_given_to_others_when_it_would_be_late() -> None:
    street = Street("P", "T", driven=False)
    taken, other = street.cars.values()
    trip = street.want("Q", "S")
    assert street.now_of(trip).shuttle_id == taken.id
    drives(street, taken, DriveMode.MANUAL)
    promise = street.now_of(trip).promise
    assert promise is not None
    street.run_until(promise.pickup_latest_s)
    assert street.now_of(trip).shuttle_id == other.id
    # Boarding ends by the old shuttle's own rules: its word, which cannot come, is not waited for.
    street.wait(200)
    assert street.now_of(trip).trip_id in street.trips_to_board(other)


def test_who_sits_in_it_is_brought_on_afterwards() -> None:
    street = Street("P", driven=False)
    (car,) = street.cars.values()
    trip = street.want("P", "S")
    street.wait(60)
    drives(street, car, DriveMode.MANUAL, None, trip.trip_id)
    assert street.now_of(trip).state is TripState.ABOARD
    street.wait(100)
    (plan,) = plans(drives(street, car, DriveMode.AUTOMATIC, "Q", trip.trip_id))
    assert [(visit.stop_id, len(visit.alights)) for visit in plan.visits] == [("S", 1)]
    assert plan.visits[0].arrive_s >= street.now_s + drive_s(2) - 12


def test_a_berth_is_taken_by_where_it_stands_and_not_by_where_its_order_ended() -> None:
    street = Street("P", "P", "P", driven=False)
    car = next(iter(street.cars.values()))
    at_p = street.state.streets.stop_index[street.stop("P").id]
    assert len(crowds(street.state)[at_p]) == 3
    drives(street, car, DriveMode.MANUAL, "T")
    assert at_p not in crowds(street.state)
    # Between stops it stands at none.
    car.x_m += 40.0
    drives(street, car, DriveMode.MANUAL)
    at_t = street.state.streets.stop_index[street.stop("T").id]
    assert street.state.berths.parked(at_t) == ()


def test_one_that_is_slowed_down_by_hand_goes_on_but_takes_nobody_new() -> None:
    street = Street("P", driven=False)
    (car,) = street.cars.values()
    trip = street.want("P", "S")
    street.wait(60)
    drives(street, car, DriveMode.SEMIAUTOMATIC, None, trip.trip_id)
    plan = street.plan(car)
    assert plan is not None
    assert [visit.stop_id for visit in plan.visits][-1] == "S"
    assert street.want("Q", "T").state is TripState.REFUSED


def test_one_that_comes_driven_by_hand_gets_its_order_when_it_drives_itself() -> None:
    street = Street("P", driven=False)
    (car,) = street.cars.values()
    place = street.stop("R")
    joined = ShuttleJoined(
        street.now_s, car.id, Capacity(6, 1), place.x_m, place.y_m, 80.0, DriveMode.MANUAL
    )
    assert plans(street.submit(joined)) == []
    assert street.want("Q", "S").state is TripState.REFUSED
    drives(street, car, DriveMode.AUTOMATIC, "R")
    assert street.want("Q", "S").state is TripState.ACCEPTED
