"""A shuttle that lets nobody in makes no no-shows."""

from sketched_service import Street
from test_engine_disruptions import cars_of, confirm, visit_of

from dispatcher.domain.events import BoardingFailed, VisitArrived, VisitCompleted
from dispatcher.domain.trips import ENDS, TripState, TripStatus
from dispatcher.engine.judging import plan_faults
from dispatcher.engine.state import Hold


def fail(street: Street, status: TripStatus, reason: str = "PLAN_EXPIRED") -> None:
    """The shuttle that is to take them comes and does not open."""
    car = street.cars[street.now_of(status).shuttle_id or status.shuttle_id]
    confirm(street, car)
    visit = visit_of(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit))
    street.submit(BoardingFailed(street.now_s, car.id, visit, status.trip_id, reason))
    street.submit(VisitCompleted(street.now_s, car.id, visit))
    assert plan_faults(street.state) == []


def test_riders_not_let_in_are_told_why_and_fetched_all_the_same() -> None:
    street = Street("Q", driven=False)
    (car,) = cars_of(street)
    status = street.want("Q", "S")
    fail(street, status)
    now = street.now_of(status)
    # It stands there and has said that it lets go: the same shuttle opens again at once.
    assert (now.state, now.shuttle_id) == (TripState.ACCEPTED, car.id)
    assert now.reason == "Your shuttle was out of contact and could not let you in."
    assert street.trips_to_board(car) == [status.trip_id]
    assert [booking.hold for booking in street.state.bookings.values()] == [Hold.FIRM]


def test_a_shuttle_that_fails_again_is_not_tried_a_third_time() -> None:
    street = Street("Q", "T", driven=False)
    first, second = cars_of(street)
    status = street.want("Q", "S")
    assert status.shuttle_id == first.id
    fail(street, status, "doors")
    fail(street, status, "doors")
    now = street.now_of(status)
    assert now.shuttle_id == second.id
    assert now.reason is not None
    assert now.reason.startswith("Your shuttle could not let you in. ")
    assert street.trips_to_board(second) == [status.trip_id]


def test_riders_whom_nobody_lets_in_are_told_in_the_end() -> None:
    street = Street("Q", "Q", driven=False)
    status = street.want("Q", "S")
    for _ in range(4):
        assert street.now_of(status).state not in ENDS
        fail(street, status, "doors")
    assert street.now_of(status).state is TripState.ABANDONED
    assert not street.state.bookings


def test_a_boarding_that_failed_at_an_earlier_visit_changes_nothing() -> None:
    street = Street("Q", driven=False)
    (car,) = cars_of(street)
    status = street.want("Q", "S")
    old = visit_of(street, car)
    fail(street, status)
    before = street.now_of(status)
    street.submit(BoardingFailed(street.now_s, car.id, old, status.trip_id, "PLAN_EXPIRED"))
    assert street.now_of(status) == before
