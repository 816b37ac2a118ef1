"""What operators order: done or refused with a reason, answered once, and kept to."""

from typing import Any

import pytest
from engine_world import OPERATOR, Car
from sketched_service import NOON_S, Street, drive_s

from dispatcher.domain.commands import CommandOutcome, CommandProblem
from dispatcher.domain.decisions import OperatorAnswered
from dispatcher.domain.events import (
    OfferAnswered,
    OperatorEvent,
    PlanConfirmed,
    PlanProposed,
    ProposedRoute,
    ProposedVisit,
    ShuttleHeld,
    ShuttleReleased,
    ShuttleReturned,
    ShuttleSent,
    ShuttleWithdrawn,
    StreetsClosed,
    StreetsOpened,
    TripCancelled,
    TripMoved,
)
from dispatcher.domain.ids import (
    CommandId,
    EdgeId,
    RequestId,
    RiderId,
    ShuttleId,
    StopId,
    TripId,
)
from dispatcher.domain.trips import Party, TimeWish, TripState, TripStatus
from dispatcher.engine import dump_state, improve_ask, load_state
from dispatcher.engine.state import Hold

STREET = (EdgeId("A>Z"),)


def command(street: Street, kind: Any, *about: Any, **more: Any) -> CommandOutcome:
    """Order it under a new id, and hear what came of it."""
    event: OperatorEvent = kind(
        street.now_s, OPERATOR, *about, reason="because", command_id=street.command_id(), **more
    )
    return street.order(event)


def move(street: Street, trip: TripStatus, to: Car | None = None) -> CommandOutcome:
    return command(street, TripMoved, trip.trip_id, None if to is None else to.id)


def problem(outcome: CommandOutcome) -> CommandProblem | None:
    return None if outcome.refusal is None else outcome.refusal.problem


def two_shuttles(trip_to: str = "S", **rules: Any) -> tuple[Street, Car, Car, TripStatus]:
    """Two shuttles at P and T; a trip from Q, which falls to the one at P."""
    street = Street("P", "T", **rules)
    near, far = street.cars.values()
    trip = street.want("Q", trip_to)
    # The offer is answered at once and P is 62 s from Q, T 162 s: see `sketched_service`.
    assert trip.shuttle_id == near.id
    return street, near, far, trip


def later_trip(
    street: Street, origin: str = "Q", destination: str = "S", party: Party | None = None
) -> TripStatus:
    wish_s = NOON_S + 1200
    return street.want(origin, destination, wish=TimeWish.DEPART_AT, wish_s=wish_s, party=party)


def test_a_trip_is_moved_to_the_shuttle_named_once_the_first_has_let_it_go() -> None:
    street = Street("P", "T", driven=False)
    near, far = street.cars.values()
    trip = later_trip(street)
    assert street.trips_to_board(near) == [trip.trip_id]
    assert move(street, trip, far).accepted
    told = street.now_of(trip)
    assert (told.shuttle_id, told.state, told.promise) == (far.id, TripState.ACCEPTED, trip.promise)
    assert told.breach is None
    # Removed from the one, and not yet in what the other is sent.
    assert street.trips_to_board(near) == []
    assert street.trips_to_board(far) == []
    (booking,) = street.state.bookings.values()
    assert (booking.hold, booking.old_shuttle) == (Hold.MOVING, near.id)
    street.submit(PlanConfirmed(street.now_s, near.id, booking.old_revision))
    assert street.trips_to_board(far) == [trip.trip_id]


def test_moved_back_before_it_was_let_go_it_waits_for_nobody() -> None:
    street = Street("P", "T", driven=False)
    near, far = street.cars.values()
    trip = later_trip(street)
    assert move(street, trip, far).accepted
    assert move(street, trip, near).accepted
    assert not street.state.moving
    assert street.trips_to_board(near) == [trip.trip_id]
    assert street.trips_to_board(far) == []


def test_any_other_shuttle_is_the_cheapest_of_the_others() -> None:
    street = Street("P", "X", "T")
    near, _, far = street.cars.values()
    trip = later_trip(street)
    assert trip.shuttle_id == near.id
    assert move(street, trip).accepted
    assert street.now_of(trip).shuttle_id == far.id  # T is nearer to Q than X


def test_a_trip_moved_rides_with_the_new_shuttle_to_its_end() -> None:
    street = Street("P", "T")
    _, far = street.cars.values()
    trip = later_trip(street)
    street.wait(30)
    assert move(street, trip, far).accepted
    street.wait(2400)
    assert street.boardings[trip.trip_id] == [far.id]
    assert street.now_of(trip).state is TripState.COMPLETED
    assert street.now_of(trip).breach is None


def test_the_improver_leaves_a_moved_trip_where_the_operator_put_it() -> None:
    street = Street("P", "T", driven=False)
    near, far = street.cars.values()
    trip, other = later_trip(street), later_trip(street)
    for moved in (trip, other):
        assert move(street, moved, far).accepted
    (booking, second) = street.state.bookings.values()
    street.submit(PlanConfirmed(street.now_s, near.id, booking.old_revision))
    street.submit(PlanConfirmed(street.now_s, near.id, second.old_revision))
    assert {b.hold for b in street.state.bookings.values()} == {Hold.FIRM}
    ask = improve_ask(street.state)
    assert ask is not None
    assert set(street.state.bookings) <= ask.problem.bound_keys
    # Whoever proposes it all the same is not followed.
    keys = (booking.id, second.id)
    versions = {s.id: s.route_version for s in street.state.shuttles.values()}
    tail = (ProposedVisit(1, keys, ()), ProposedVisit(3, (), keys))
    routes = (
        ProposedRoute(far.id, versions[far.id], ()),
        ProposedRoute(near.id, versions[near.id], tail),
    )
    street.submit(PlanProposed(street.now_s, routes, 2, 1))
    assert {b.shuttle_id for b in street.state.bookings.values()} == {far.id}


def test_a_full_shuttle_has_no_seat_for_them() -> None:
    street = Street("P", "T", driven=False)
    near, far = street.cars.values()
    assert later_trip(street, "T", "P").shuttle_id == far.id
    later_trip(street, "Q", "S")
    six = later_trip(street, "T", "P", Party(seats=6))
    assert six.shuttle_id == near.id
    # All of s2's seats but one are free, on the same way at the same time.
    outcome = move(street, six, far)
    assert problem(outcome) is CommandProblem.NO_SEAT
    assert street.now_of(six) == six


def test_a_wheelchair_is_not_moved_where_there_is_no_place_for_it() -> None:
    street = Street("P", driven=False)
    street.car_at("T", seats=6, wheelchairs=0)
    _, far = street.cars.values()
    trip = later_trip(street, "Q", "S", Party(seats=0, wheelchairs=1))
    outcome = move(street, trip, far)
    assert problem(outcome) is CommandProblem.NO_WHEELCHAIR_PLACE
    assert outcome.refusal is not None
    assert outcome.refusal.text == "s2 has no wheelchair place free for them."
    assert street.now_of(trip) == trip  # nothing has changed, and nobody was told


def test_riders_whom_a_shuttle_is_on_its_way_to_stay_with_it() -> None:
    street, near, far, trip = two_shuttles()
    street.wait(5)
    assert near.busy is not None
    assert problem(move(street, trip, far)) is CommandProblem.ON_ITS_WAY


def test_riders_aboard_are_neither_moved_nor_cancelled() -> None:
    street, _, far, trip = two_shuttles()
    street.wait(drive_s(1) + 30)
    assert street.now_of(trip).state is TripState.ABOARD
    assert problem(move(street, trip, far)) is CommandProblem.RIDERS_ABOARD
    cancelled = street.order(
        TripCancelled(street.now_s, trip.trip_id, None, OPERATOR, "", CommandId("x"))
    )
    assert problem(cancelled) is CommandProblem.RIDERS_ABOARD
    assert street.now_of(trip).state is TripState.ABOARD


def test_what_cannot_be_moved_says_why() -> None:
    street = Street("P", "T")
    near, far = street.cars.values()
    nobody = TripStatus(
        TripId("t99"),
        RiderId("nobody"),
        RequestId("q"),
        TripState.ACCEPTED,
        0,
        0,
    )
    assert problem(move(street, nobody, far)) is CommandProblem.UNKNOWN_TRIP
    undecided = street.want("Q", "S", auto=False)
    assert problem(move(street, undecided, far)) is CommandProblem.NOT_ACCEPTED
    street.submit(OfferAnswered(street.now_s, undecided.rider_id, undecided.trip_id, False))
    assert problem(move(street, undecided, far)) is CommandProblem.TRIP_ENDED
    trip = later_trip(street)
    assert problem(move(street, trip, near)) is CommandProblem.ALREADY_SO
    stranger = command(street, TripMoved, trip.trip_id, ShuttleId("s99"))
    assert problem(stranger) is CommandProblem.UNKNOWN_SHUTTLE
    assert command(street, ShuttleHeld, far.id).accepted
    assert problem(move(street, trip, far)) is CommandProblem.TAKES_NO_RIDERS
    assert problem(move(street, trip)) is CommandProblem.NO_OTHER_SHUTTLE
    assert command(street, StreetsClosed, (), (street.stop("X").id,)).accepted
    assert street.now_of(trip).shuttle_id == near.id


def test_a_command_given_again_is_answered_as_before_and_does_nothing() -> None:
    street = Street("P")
    (car,) = street.cars.values()
    held = ShuttleHeld(street.now_s, OPERATOR, car.id, "look", CommandId("x"))
    first = street.submit(held)
    assert command(street, ShuttleReleased, car.id).accepted
    street.wait(60)
    again = street.submit(ShuttleHeld(street.now_s, OPERATOR, car.id, "look", CommandId("x")))
    assert [d for d in first if isinstance(d, OperatorAnswered)] == list(again)
    assert not street.state.shuttles[car.id].held


def test_an_id_used_for_something_else_is_refused_and_the_first_stands() -> None:
    street = Street("P")
    (car,) = street.cars.values()
    street.order(ShuttleHeld(street.now_s, OPERATOR, car.id, "look", CommandId("c1")))
    other = street.order(ShuttleReleased(street.now_s, OPERATOR, car.id, "", CommandId("c1")))
    assert problem(other) is CommandProblem.COMMAND_ID_REUSED
    assert street.state.shuttles[car.id].held
    again = street.order(ShuttleHeld(street.now_s, OPERATOR, car.id, "look", CommandId("c1")))
    assert again.accepted


def test_outcomes_survive_a_snapshot() -> None:
    street = Street("P")
    (car,) = street.cars.values()
    street.order(ShuttleHeld(street.now_s, OPERATOR, car.id, "look", CommandId("c1")))
    assert load_state(street.site, dump_state(street.state)).commands == street.state.commands


def test_shuttles_are_held_released_taken_out_and_put_back() -> None:
    street = Street("P")
    (car,) = street.cars.values()
    shuttle = street.state.shuttles[car.id]
    assert problem(command(street, ShuttleReleased, car.id, returns=False)) is (
        CommandProblem.ALREADY_SO
    )
    assert problem(command(street, ShuttleReturned, car.id)) is CommandProblem.ALREADY_SO
    assert command(street, ShuttleWithdrawn, car.id).accepted
    assert problem(command(street, ShuttleWithdrawn, car.id)) is CommandProblem.ALREADY_SO
    assert command(street, ShuttleHeld, car.id).accepted
    assert problem(command(street, ShuttleHeld, car.id)) is CommandProblem.ALREADY_SO
    # Driving on is one thing, serving riders another.
    assert command(street, ShuttleReleased, car.id, returns=False).accepted
    street.wait(10)
    assert (shuttle.held, shuttle.withdrawn) == (False, True)
    assert street.want("Q", "S").state is TripState.REFUSED
    assert command(street, ShuttleReturned, car.id).accepted
    assert street.want("Q", "S").state is TripState.ACCEPTED
    assert problem(command(street, ShuttleHeld, ShuttleId("s9"))) is CommandProblem.UNKNOWN_SHUTTLE


def test_streets_are_closed_and_opened_once() -> None:
    street = Street("P")
    assert problem(command(street, StreetsOpened, STREET, ())) is CommandProblem.ALREADY_SO
    assert command(street, StreetsClosed, STREET, ()).accepted
    assert street.state.closed_edges == STREET
    assert command(street, StreetsOpened, STREET, ()).accepted
    nowhere = command(street, StreetsClosed, (EdgeId("no>where"),), (StopId("?"),))
    assert problem(nowhere) is CommandProblem.UNKNOWN_PLACE


def test_an_idle_shuttle_is_sent_and_stays_until_it_has_riders() -> None:
    street = Street("P", park_after_s=30, rebalance_every_s=10, park_again_s=10)
    (car,) = street.cars.values()
    for _ in range(3):  # riders are expected at P, far from where it is sent
        street.state.forecast.count(0, 1, NOON_S)
    shuttle = street.state.shuttles[car.id]
    assert command(street, ShuttleSent, car.id, street.stop("T").id).accepted
    street.wait(drive_s(4) + 120)
    assert shuttle.anchor == 4
    street.wait(1800)
    assert (shuttle.anchor, shuttle.released, shuttle.stationed_at) == (4, None, 4)
    trip = street.want("T", "R")
    street.wait(600)
    assert street.now_of(trip).state is TripState.COMPLETED
    assert shuttle.stationed_at is None


def test_a_shuttle_on_its_way_to_stand_somewhere_is_sent_elsewhere() -> None:
    street = Street("P")
    (car,) = street.cars.values()
    assert command(street, ShuttleSent, car.id, street.stop("T").id).accepted
    street.wait(20)
    assert street.state.shuttles[car.id].released is not None
    assert problem(command(street, ShuttleSent, car.id, street.stop("T").id)) is (
        CommandProblem.ALREADY_SO
    )
    assert command(street, ShuttleSent, car.id, street.stop("P").id).accepted
    street.wait(400)
    assert street.state.shuttles[car.id].anchor == 0  # back where it came from


def test_only_a_shuttle_with_nothing_to_do_is_sent() -> None:
    street, near, far, _ = two_shuttles()
    stop = street.stop("R").id
    assert problem(command(street, ShuttleSent, near.id, stop)) is CommandProblem.NOT_IDLE
    assert command(street, ShuttleHeld, far.id).accepted
    assert problem(command(street, ShuttleSent, far.id, stop)) is CommandProblem.CANNOT_DRIVE
    assert problem(command(street, ShuttleSent, far.id, StopId("?"))) is (
        CommandProblem.UNKNOWN_PLACE
    )
    assert command(street, ShuttleReleased, far.id, returns=False).accepted
    street.wait(10)
    assert command(street, StreetsClosed, (), (stop,)).accepted
    assert problem(command(street, ShuttleSent, far.id, stop)) is CommandProblem.STOP_CLOSED


def test_no_more_shuttles_are_sent_to_a_stop_than_it_has_berths() -> None:
    street = Street("P", "Q", "S", "X")
    berths = street.stop("T").berths
    sent = [
        command(street, ShuttleSent, car.id, street.stop("T").id) for car in street.cars.values()
    ]
    assert [outcome.accepted for outcome in sent] == [i < berths for i in range(4)]
    if berths < 4:
        assert problem(sent[-1]) is CommandProblem.STOP_FULL


@pytest.mark.parametrize("kind", [ShuttleHeld, ShuttleReleased, ShuttleWithdrawn])
def test_events_of_earlier_journals_are_answered_by_nothing(kind: Any) -> None:
    street = Street("P")
    (car,) = street.cars.values()
    decisions = street.submit(kind(street.now_s, OPERATOR, car.id))
    assert not [d for d in decisions if isinstance(d, OperatorAnswered)]
