"""What becomes of riders when shuttles, streets or riders do not do what was planned."""

from dataclasses import replace

import pytest
from engine_world import Car
from sketched_service import NOON_S, Street, commands, drive_s

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import (
    BoardingFailed,
    EpochBegan,
    PlanConfirmed,
    PlanProposed,
    PlanRefused,
    ProposedRoute,
    ProposedVisit,
    RiderBoarded,
    RiderNotThere,
    ShuttleFellSilent,
    ShuttleHeld,
    ShuttleJoined,
    ShuttleReleased,
    ShuttleReported,
    ShuttleWithdrawn,
    StreetsClosed,
    StreetsOpened,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import BookingId, OperatorId, TripId, VisitId
from dispatcher.domain.shuttles import Capacity, DriveMode, Fault, FaultLevel
from dispatcher.domain.trips import BreachCause, TimeWish, TripState, TripStatus
from dispatcher.engine.judging import plan_faults
from dispatcher.engine.routes import is_stuck

OPERATOR = OperatorId("o")
BROKEN = (Fault("motor", FaultLevel.FATAL),)


def cars_of(street: Street) -> list[Car]:
    return list(street.cars.values())


def confirm(street: Street, car: Car) -> None:
    plan = street.plan(car)
    assert plan is not None
    street.submit(PlanConfirmed(street.now_s, car.id, plan.revision))


def rejoin(street: Street, car: Car, seats: int = 6, aboard: tuple[TripId, ...] = ()) -> None:
    mode = DriveMode.AUTOMATIC
    places = Capacity(seats, 1)
    street.submit(ShuttleJoined(street.now_s, car.id, places, car.x_m, car.y_m, 80.0, mode, aboard))


def tell(
    street: Street,
    car: Car,
    *,
    faulty: bool = False,
    battery_pct: float = 80.0,
    aboard: tuple[TripId, ...] = (),
    needs_word: bool = False,
) -> None:
    faults = BROKEN if faulty else ()
    street.submit(
        ShuttleReported(
            street.now_s,
            car.id,
            car.x_m,
            car.y_m,
            battery_pct,
            False,
            DriveMode.AUTOMATIC,
            False,
            faults,
            aboard,
            needs_word=needs_word,
        )
    )


def visit_of(street: Street, car: Car) -> VisitId:
    released = street.state.shuttles[car.id].released
    assert released is not None
    return released.visit.id


def board_by_hand(street: Street, car: Car, status: TripStatus) -> None:
    """The shuttle comes to the stop and the rider gets in."""
    confirm(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit_of(street, car)))
    street.submit(RiderBoarded(street.now_s, car.id, visit_of(street, car), status.trip_id))
    street.submit(VisitCompleted(street.now_s, car.id, visit_of(street, car)))
    assert street.now_of(status).state is TripState.ABOARD


# Riders


def test_a_cancellation_before_the_release_takes_the_trip_out_of_the_plan() -> None:
    street = Street("P")
    (car,) = cars_of(street)
    status = street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 1800)
    assert street.trips_to_board(car) == [status.trip_id]
    street.cancel(status.trip_id)
    assert street.now_of(status).state is TripState.CANCELLED_BY_RIDER
    assert street.trips_to_board(car) == []
    assert not street.state.bookings


def test_a_cancellation_after_the_release_leaves_the_released_visit_alone() -> None:
    street = Street("P")
    (car,) = cars_of(street)
    status = street.want("R", "S")
    street.wait(10)
    visit = visit_of(street, car)
    street.cancel(status.trip_id)
    assert visit_of(street, car) == visit
    street.wait(600)
    assert street.now_of(status).state is TripState.CANCELLED_BY_RIDER
    assert not street.state.bookings


def test_nobody_is_driven_for_who_did_not_come() -> None:
    street = Street("P")
    (car,) = cars_of(street)
    status = street.want("Q", "T")
    street.no_shows.add(status.trip_id)
    # At Q after 62 s, and then the whole 90 s of patience; the plan reaches the car within 2 s.
    street.wait(62 + 90 + 2)
    assert street.now_of(status).state is TripState.NO_SHOW
    plan = street.plan(car)
    assert plan is not None
    assert plan.visits == ()
    assert car.x_m == street.stop("Q").x_m


def test_a_no_show_told_of_an_earlier_visit_does_not_count() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("Q", "T")
    old_visit = visit_of(street, car)
    rejoin(street, car)
    confirm(street, car)
    assert visit_of(street, car) != old_visit
    street.submit(RiderNotThere(street.now_s, car.id, old_visit, status.trip_id))
    assert street.now_of(status).state is TripState.ASSIGNED


# Taking riders off a shuttle is two-phase


def test_a_silent_shuttles_riders_are_given_away_only_when_its_plan_has_run_out() -> None:
    street = Street("P", "S", driven=False)
    near, far = cars_of(street)
    status = street.want("Q", "R")
    assert street.trips_to_board(near) == [status.trip_id]
    confirm(street, near)
    street.now_s += 45
    street.submit(ShuttleFellSilent(street.now_s, near.id, NOON_S))
    assert street.now_of(status).shuttle_id == far.id
    # Last heard at noon: cut off 30 s later at most, which it notices within 23 s; from then
    # 60 s until it boards nobody any more, 15 s to be sure.
    street.run_until(NOON_S + 127)
    assert street.trips_to_board(far) == []
    street.run_until(NOON_S + 128)
    assert street.trips_to_board(far) == [status.trip_id]


def test_a_withdrawn_shuttle_confirms_before_its_riders_are_given_away() -> None:
    street = Street("P", "T", driven=False)
    near, far = cars_of(street)
    status = street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 1800)
    first = near if street.trips_to_board(near) else far
    other = far if first is near else near
    confirm(street, first)
    street.submit(ShuttleWithdrawn(street.now_s, OPERATOR, first.id))
    assert street.now_of(status).shuttle_id == other.id
    assert street.trips_to_board(first) == []
    street.wait(300)
    assert street.trips_to_board(other) == []
    confirm(street, first)
    assert street.trips_to_board(other) == [status.trip_id]


def test_a_plan_that_was_never_sent_cannot_be_confirmed() -> None:
    street = Street("P", "T", driven=False)
    status = street.want("Q", "R", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 1800)
    car = next(car for car in cars_of(street) if street.trips_to_board(car))
    street.submit(PlanConfirmed(street.now_s, car.id, 10_000))
    assert street.now_of(status).state is TripState.ACCEPTED
    confirm(street, car)
    assert street.now_of(status).state is TripState.ASSIGNED


def a_trip_tomorrow(street: Street) -> tuple[TripStatus, Car, Car]:
    status = street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    first, other = sorted(cars_of(street), key=lambda car: not street.trips_to_board(car))
    confirm(street, first)
    return status, first, other


def moved_by_proposal(street: Street, status: TripStatus, first: Car, other: Car) -> PlanProposed:
    versions = {car.id: street.state.shuttles[car.id].route_version for car in (first, other)}
    key = BookingId(f"{status.trip_id}.1")
    names = ("R", "S")
    pickup, dropoff = (street.site.streets.stop_index[street.stop(n).id] for n in names)
    visits = (ProposedVisit(pickup, (key,), ()), ProposedVisit(dropoff, (), (key,)))
    return PlanProposed(
        street.now_s,
        (
            ProposedRoute(first.id, versions[first.id], ()),
            ProposedRoute(other.id, versions[other.id], visits),
        ),
        2,
        1,
    )


def test_a_better_plan_waits_for_the_old_shuttles_word() -> None:
    street = Street("P", driven=False)
    status = street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    (first,) = cars_of(street)
    confirm(street, first)
    other = street.car_at("R")  # stands where they board: 112 s less to drive
    street.submit(moved_by_proposal(street, status, first, other))
    assert street.now_of(status).shuttle_id == other.id
    assert street.trips_to_board(first) == []
    assert street.trips_to_board(other) == []
    confirm(street, first)
    assert street.trips_to_board(other) == [status.trip_id]


def test_a_proposal_is_adopted_as_far_as_it_still_fits() -> None:
    street = Street("P", driven=False)
    status = street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    (first,) = cars_of(street)
    other, third = street.car_at("R"), street.car_at("T")
    proposal = moved_by_proposal(street, status, first, other)
    # The third shuttle's route is from before; it exchanges no riders with the other two.
    stale = ProposedRoute(third.id, street.state.shuttles[third.id].route_version - 1, ())
    street.submit(replace(proposal, routes=(stale, *proposal.routes)))
    assert street.now_of(status).shuttle_id == other.id


def test_routes_that_exchange_riders_are_adopted_together_or_not_at_all() -> None:
    street = Street("P", driven=False)
    status = street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    (first,) = cars_of(street)
    other = street.car_at("R")
    proposal = moved_by_proposal(street, status, first, other)
    giving = replace(proposal.routes[0], route_version=proposal.routes[0].route_version - 1)
    street.submit(replace(proposal, routes=(giving, proposal.routes[1])))
    assert street.now_of(status).shuttle_id == first.id


def test_rubbish_proposals_are_ignored() -> None:
    street = Street("P", driven=False)
    status = street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    (first,) = cars_of(street)
    other = street.car_at("R")
    good = moved_by_proposal(street, status, first, other)
    empty, (pickup, dropoff) = good.routes[0], good.routes[1].visits
    rubbish = [
        (replace(pickup, stop=99), dropoff),
        (replace(pickup, stop=-1), dropoff),
        (pickup,),
        (dropoff,),
        (dropoff, pickup),
        (pickup, pickup, dropoff),
        (pickup, replace(dropoff, alights=(BookingId("who"),))),
        (replace(pickup, stop=0), dropoff),
    ]
    before = {shuttle.id: shuttle.row for shuttle in street.state.shuttles.values()}
    for visits in rubbish:
        routes = (empty, replace(good.routes[1], visits=visits))
        assert street.submit(replace(good, routes=routes)) == ()
    stale = replace(good.routes[1], route_version=good.routes[1].route_version - 1)
    street.submit(replace(good, routes=(empty, stale)))
    street.submit(replace(good, routes=(good.routes[1], good.routes[1])))
    assert before == {shuttle.id: shuttle.row for shuttle in street.state.shuttles.values()}


def test_riders_aboard_cannot_be_proposed_to_board_again() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    waiting = street.want("R", "T", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    board_by_hand(street, car, status)
    shuttle = street.state.shuttles[car.id]
    row = shuttle.row
    visits = tuple(
        ProposedVisit(
            visit.stop,
            tuple(
                BookingId(key) for key in (*visit.boards, *([] if i else [f"{status.trip_id}.1"]))
            ),
            tuple(BookingId(key) for key in visit.alights),
        )
        for i, visit in enumerate(row.visits)
    )
    route = ProposedRoute(car.id, shuttle.route_version, visits)
    street.submit(PlanProposed(street.now_s, (route,), 2, 1))
    assert shuttle.row.visits == row.visits
    assert street.now_of(waiting).state is not TripState.ABANDONED


# Riders in a shuttle that stops


def a_rider_in_a_stopped_shuttle() -> tuple[Street, Car, Car, TripStatus]:
    street = Street("P", "X", driven=False)
    car, other = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    tell(street, car, faulty=True)
    return street, car, other, status


def test_riders_in_a_stopped_shuttle_get_another_one() -> None:
    street, car, other, status = a_rider_in_a_stopped_shuttle()
    street.wait(59)
    assert street.now_of(status).state is TripState.ABOARD
    street.wait(1)
    rescued = street.now_of(status)
    assert (rescued.state, rescued.shuttle_id) == (TripState.ACCEPTED, other.id)
    assert rescued.breach is not None
    assert rescued.breach.cause is BreachCause.SHUTTLE_FAULT
    assert street.trips_to_board(other) == [status.trip_id]
    board_by_hand(street, other, status)
    assert street.state.shuttles[car.id].aboard == []


def test_riders_who_got_out_to_be_fetched_are_not_in_the_broken_shuttle_any_more() -> None:
    street, car, other, status = a_rider_in_a_stopped_shuttle()
    tell(street, car, faulty=True, aboard=(status.trip_id,))
    street.wait(60)
    tell(street, car, faulty=True)  # it has counted them: they stand at the stop now
    assert street.state.shuttles[car.id].aboard == []
    tell(street, car)
    # It drives again, without them: the other one is not called off.
    fetched = street.now_of(status)
    assert (fetched.state, fetched.shuttle_id) == (TripState.ACCEPTED, other.id)
    assert street.trips_to_board(other) == [status.trip_id]
    board_by_hand(street, other, status)


def test_riders_who_got_out_before_their_stop_are_fetched_by_whoever_is_next() -> None:
    street = Street("P", "X", driven=False)
    car, _ = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    tell(street, car, aboard=(status.trip_id,), needs_word=True)
    tell(street, car, needs_word=True)  # one that counts heads: they are out
    street.wait(29)
    assert street.now_of(status).state is TripState.ABOARD
    street.wait(1)
    waiting = street.now_of(status)
    assert waiting.state is TripState.ACCEPTED
    assert waiting.promise is not None
    assert waiting.promise.pickup_stop == "P"
    assert street.state.shuttles[car.id].aboard == []
    by = next(c for c in cars_of(street) if c.id == waiting.shuttle_id)
    assert street.trips_to_board(by) == [status.trip_id]


def a_rider_on_the_way(*, needs_word: bool) -> tuple[Street, Car, TripStatus]:
    """From P to S, aboard by what the shuttle has said last."""
    street = Street("P", "X", driven=False)
    car, _ = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    confirm(street, car)
    tell(street, car, aboard=(status.trip_id,), needs_word=needs_word)
    return street, car, status


@pytest.mark.parametrize("counts_heads", [True, False])
def test_who_was_not_there_any_more_when_the_shuttle_came_did_not_arrive(
    counts_heads: bool,
) -> None:
    street, car, status = a_rider_on_the_way(needs_word=counts_heads)
    tell(street, car, needs_word=counts_heads)
    street.wait(5)
    visit = visit_of(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit))
    street.submit(VisitCompleted(street.now_s, car.id, visit))
    # Of one that says nothing of alighting riders a completed visit has to do.
    expected = TripState.ACCEPTED if counts_heads else TripState.COMPLETED
    assert street.now_of(status).state is expected
    assert street.state.shuttles[car.id].aboard == []


def test_who_is_said_to_have_got_out_before_did_not_arrive_though_nobody_had_missed_them() -> None:
    """All of it was told at once, by a shuttle that was not heard for a while."""
    street, car, status = a_rider_on_the_way(needs_word=True)
    street.wait(5)
    visit = visit_of(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit))
    street.submit(BoardingFailed(street.now_s, car.id, visit, status.trip_id, "GOT_OUT"))
    street.submit(VisitCompleted(street.now_s, car.id, visit))
    waiting = street.now_of(status)
    assert waiting.state is TripState.ACCEPTED
    assert street.state.shuttles[car.id].aboard == []


def test_who_is_out_as_the_shuttle_comes_has_arrived() -> None:
    street, car, status = a_rider_on_the_way(needs_word=True)
    visit = visit_of(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit))
    tell(street, car, needs_word=True)
    street.submit(VisitCompleted(street.now_s, car.id, visit))
    assert street.now_of(status).state is TripState.COMPLETED


def test_a_drop_off_at_which_nobody_was_let_out_ends_no_trip_that_is_fetched() -> None:
    street, car, other, status = a_rider_in_a_stopped_shuttle()
    street.wait(60)
    confirm(street, other)  # under way: it is not called off any more
    tell(street, car)
    confirm(street, car)
    visit = visit_of(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit))
    street.submit(VisitCompleted(street.now_s, car.id, visit))
    assert street.now_of(status).state is TripState.ASSIGNED
    assert street.state.shuttles[car.id].aboard == []
    board_by_hand(street, other, status)


def test_a_shuttle_that_drives_again_calls_off_a_rescue_not_yet_under_way() -> None:
    street, car, other, status = a_rider_in_a_stopped_shuttle()
    street.submit(ShuttleHeld(street.now_s, OPERATOR, other.id))
    street.submit(ShuttleReleased(street.now_s, OPERATOR, other.id))
    busy = street.want("X", "T")  # the other one has to do this first
    street.wait(60)
    assert street.now_of(status).shuttle_id == other.id
    tell(street, car)
    again = street.now_of(status)
    assert (again.state, again.shuttle_id) == (TripState.ABOARD, car.id)
    assert street.trips_to_board(other) == [busy.trip_id]


def test_riders_whose_rescue_fails_are_still_known_to_sit_where_they_sit() -> None:
    street, car, other, status = a_rider_in_a_stopped_shuttle()
    street.wait(60)
    assert street.now_of(status).shuttle_id == other.id
    tell(street, other, faulty=True)
    stranded = street.now_of(status)
    assert (stranded.state, stranded.shuttle_id) == (TripState.ABOARD, car.id)
    third = street.car_at("Q")
    street.wait(30)
    assert street.now_of(status).shuttle_id == third.id


def test_riders_who_stay_in_a_shuttle_that_drives_again_are_no_no_shows() -> None:
    street, car, other, status = a_rider_in_a_stopped_shuttle()
    street.wait(60)
    confirm(street, other)
    tell(street, car)  # drives again, while the other is on its way already
    visit = visit_of(street, other)
    street.submit(VisitArrived(street.now_s, other.id, visit))
    street.submit(RiderNotThere(street.now_s, other.id, visit, status.trip_id))
    assert street.now_of(status).state is TripState.ABOARD
    assert street.now_of(status).shuttle_id == car.id


def test_riders_whom_nobody_can_fetch_are_told_in_the_end() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    tell(street, car, faulty=True)
    street.wait(1800 + 60)
    assert street.now_of(status).state is TripState.ABANDONED


def test_riders_stopped_by_their_own_stop_may_walk_and_their_trip_has_an_end() -> None:
    street = Street("P", "X", driven=False)
    car = cars_of(street)[0]
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    car.x_m, car.y_m = street.stop("S").x_m, street.stop("S").y_m
    tell(street, car, faulty=True)
    street.wait(60)
    there = street.now_of(status)
    assert (there.state, there.shuttle_id) == (TripState.ABOARD, car.id)
    assert there.reason == "Your shuttle has stopped by your stop; you may get off."
    said = there.revision
    street.wait(900)
    # Late after some 800 s: told then, and again only when 200 s more have gone.
    assert street.now_of(status).revision <= said + 2
    street.wait(1800)
    assert street.now_of(status).state in (TripState.COMPLETED, TripState.ABANDONED)


def test_riders_in_a_shuttle_that_stays_silent_are_told_in_the_end() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    street.submit(ShuttleFellSilent(street.now_s, car.id, street.now_s))
    street.wait(1799)
    assert street.now_of(status).state is TripState.ABOARD
    street.wait(2)
    assert street.now_of(status).state is TripState.ABANDONED
    # Hours later the books still know who may sit in it, and nothing raises when it is back.
    street.wait(7 * 3600)
    tell(street, car)
    assert not plan_faults(street.state)


# Refused plans


def refuse(street: Street, car: Car) -> tuple[ShuttleCommand, ...]:
    revision = street.state.shuttles[car.id].revision
    return tuple(commands(street.submit(PlanRefused(street.now_s, car.id, revision, "no"))))


def test_a_refused_plan_is_followed_by_a_fresh_order() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("Q", "S")
    before = street.plan(car)
    assert refuse(street, car) == (ShuttleCommand.CANCEL_ORDER,)
    after = street.plan(car)
    assert before is not None
    assert after is not None
    assert after.order_id != before.order_id
    assert after.revision > before.revision
    assert street.trips_to_board(car) == [status.trip_id]


def test_riders_in_a_shuttle_that_refused_too_often_get_their_plan_again_every_minute() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    for _ in range(3):
        refuse(street, car)
    order_id = street.state.shuttles[car.id].order_id
    street.wait(59)
    assert street.state.shuttles[car.id].order_id == order_id
    car.x_m = 120.0  # it had not yet come to a stand
    tell(street, car, aboard=(status.trip_id,))
    street.wait(1)
    plan = street.plan(car)
    assert plan is not None
    assert plan.order_id != order_id
    assert plan.start.x_m == 120.0
    confirm(street, car)
    assert not is_stuck(street.state, street.state.shuttles[car.id])


def test_a_shuttle_that_refuses_three_times_loses_its_riders_until_it_is_released() -> None:
    street = Street("P", "X", driven=False)
    car, other = cars_of(street)
    status = street.want("P", "S")
    board_by_hand(street, car, status)
    for _ in range(3):
        refuse(street, car)
    street.wait(60)
    assert street.now_of(status).shuttle_id == other.id
    order_id = street.state.shuttles[car.id].order_id
    street.submit(ShuttleReleased(street.now_s, OPERATOR, car.id))
    assert street.state.shuttles[car.id].order_id != order_id
    confirm(street, car)
    # The other one is on its way, and has not confirmed: whichever comes first takes them.
    assert street.now_of(status).state is TripState.ACCEPTED


def test_an_empty_plan_is_sent_when_riders_wait_for_its_confirmation() -> None:
    street = Street("P", "X", driven=False)
    status = street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    car, other = sorted(cars_of(street), key=lambda car: not street.trips_to_board(car))
    confirm(street, car)
    refuse(street, car)  # a new order begins: nothing of it is sent but this one trip
    street.submit(ShuttleWithdrawn(street.now_s, OPERATOR, car.id))
    rejoin(street, car)  # and it has lost that one, too
    assert street.now_of(status).shuttle_id == other.id
    plan = street.plan(car)
    assert plan is not None
    assert plan.visits == ()
    confirm(street, car)
    assert street.trips_to_board(other) == [status.trip_id]


# What is true counts


def test_riders_found_aboard_after_a_reboot_are_taken_where_they_wanted() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    confirm(street, car)
    rejoin(street, car, aboard=(status.trip_id,))
    assert street.now_of(status).state is TripState.ABOARD
    plan = street.plan(car)
    assert plan is not None
    alights = [task.trip_id for visit in plan.visits for task in visit.alights]
    assert alights == [status.trip_id]


def test_riders_whom_a_silent_shuttle_took_after_all_are_served_by_it() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "S")
    confirm(street, car)
    visit = visit_of(street, car)
    street.submit(ShuttleFellSilent(street.now_s, car.id, street.now_s))
    assert street.now_of(status).shuttle_id is None  # there is no other shuttle
    street.submit(RiderBoarded(street.now_s, car.id, visit, status.trip_id))
    tell(street, car)
    aboard = street.now_of(status)
    assert (aboard.state, aboard.shuttle_id) == (TripState.ABOARD, car.id)


def test_a_shuttle_with_more_riders_than_places_still_sets_them_down() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    riders = [street.want("P", "S") for _ in range(3)]
    confirm(street, car)
    visit = visit_of(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit))
    for status in riders:
        street.submit(RiderBoarded(street.now_s, car.id, visit, status.trip_id))
    street.submit(VisitCompleted(street.now_s, car.id, visit))
    rejoin(street, car, seats=1)
    released = street.state.shuttles[car.id].released
    assert released is not None
    assert len(released.alights) == 3


def test_riders_boarding_before_the_old_shuttle_let_go_have_a_drop_off_sent() -> None:
    street = Street("P", "X", driven=False)
    status, first, other = a_trip_tomorrow(street)
    street.submit(ShuttleWithdrawn(street.now_s, OPERATOR, first.id))
    street.submit(RiderBoarded(street.now_s, other.id, VisitId("x"), status.trip_id))
    plan = street.plan(other)
    assert plan is not None
    assert [task.trip_id for visit in plan.visits for task in visit.alights] == [status.trip_id]
    assert not street.state.moving


# Streets


def test_a_closed_stop_sends_its_riders_to_the_neighbour_and_says_so() -> None:
    street = Street("P")
    status = street.want("R", "T", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    street.submit(StreetsClosed(NOON_S, OPERATOR, (), (street.stop("R").id,), "A parade."))
    moved = street.now_of(status)
    assert moved.promise is not None
    assert moved.promise.pickup_stop in ("Q", "S")
    # Not sooner than was promised: nobody is ready an hour before.
    assert status.promise is not None
    assert moved.promise.pickup_earliest_s >= status.promise.pickup_earliest_s
    assert moved.breach is not None
    assert moved.breach.cause is BreachCause.CLOSURE
    assert moved.reason == "A parade."
    street.wait(3600 + 1800)
    assert street.now_of(status).state is TripState.COMPLETED


def test_riders_aboard_are_set_down_where_the_open_street_ends() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "T")
    waiting = street.want("Q", "R", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 3600)
    confirm(street, car)
    visit = visit_of(street, car)
    street.submit(VisitArrived(street.now_s, car.id, visit))
    street.submit(RiderBoarded(street.now_s, car.id, visit, status.trip_id))
    street.submit(StreetsClosed(NOON_S, OPERATOR, (), (street.stop("T").id,)))
    moved = street.now_of(status)
    assert moved.promise is not None
    assert moved.promise.dropoff_stop == "S"
    assert moved.breach is not None
    # At once, and not on the way of those who are fetched in an hour, though that is shorter.
    assert moved.dropoff_expected_s is not None
    assert moved.dropoff_expected_s < NOON_S + 900
    street.submit(StreetsOpened(NOON_S, OPERATOR, (), (street.stop("T").id,)))
    assert street.now_of(waiting).breach is None


def test_every_route_is_looked_at_however_many_there_are() -> None:
    street = Street(driven=False)
    for _ in range(120):
        street.car_at("P")
    before_s = {s.id: s.row.start_s for s in street.state.shuttles.values()}
    street.now_s += 7
    street.submit(EpochBegan(street.now_s, 2))
    late = [s.id for s in street.state.shuttles.values() if s.row.start_s < before_s[s.id] + 7]
    assert late == []


# Delays


def test_riders_are_told_before_the_old_window_ends_that_it_will() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("Q", "T")
    confirm(street, car)
    promise = status.promise
    assert promise is not None
    # It is on its way, and never comes.
    street.run_until(promise.pickup_latest_s)
    told = street.now_of(status)
    assert told.breach is not None
    assert told.breach.promise == promise
    assert told.breach.known_s <= promise.pickup_latest_s
    assert told.promise is not None
    assert told.promise.pickup_latest_s > promise.pickup_latest_s


def test_riders_aboard_are_told_before_their_latest_drop_off_that_it_will_be_later() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("P", "Q")
    board_by_hand(street, car, status)
    promise = status.promise
    assert promise is not None
    street.run_until(promise.dropoff_latest_s)
    told = street.now_of(status)
    assert told.breach is not None
    assert told.breach.known_s <= promise.dropoff_latest_s


# Operators and batteries


def test_a_held_shuttle_is_paused_and_stays_so_over_a_reboot() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    held = street.submit(ShuttleHeld(street.now_s, OPERATOR, car.id))
    assert commands(held) == [ShuttleCommand.PAUSE]
    assert commands(street.submit(ShuttleHeld(street.now_s, OPERATOR, car.id))) == []
    joined = street.submit(
        ShuttleJoined(
            street.now_s, car.id, Capacity(6, 1), car.x_m, car.y_m, 80.0, DriveMode.AUTOMATIC
        )
    )
    assert commands(joined) == [ShuttleCommand.PAUSE]
    assert street.want("Q", "R").state is TripState.REFUSED
    freed = street.submit(ShuttleReleased(street.now_s, OPERATOR, car.id))
    assert commands(freed) == [ShuttleCommand.RESUME]
    assert street.want("Q", "R").state is TripState.ACCEPTED


def test_a_shuttle_on_its_reserve_takes_nobody_and_goes_to_charge() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    tell(street, car, battery_pct=14.0)
    assert street.want("Q", "R").state is TripState.REFUSED
    street.wait(45)
    plan = street.plan(car)
    assert plan is not None
    assert [(visit.stop_id, visit.charge_to_pct) for visit in plan.visits] == [("D", 90)]
    street.submit(VisitArrived(street.now_s, car.id, visit_of(street, car)))
    street.submit(VisitCompleted(street.now_s, car.id, visit_of(street, car)))
    tell(street, car, battery_pct=60.0)
    assert street.want("X", "R").state is TripState.ACCEPTED


def test_an_idle_shuttle_goes_to_stand_where_it_is_asked_for() -> None:
    street = Street("P")
    (car,) = cars_of(street)
    for _ in range(8):
        status = street.want("T", "S")
        street.wait(drive_s(4) + 20 + drive_s(1) + 60)
        assert street.now_of(status).state is TripState.COMPLETED
    # From S, 45 s after the last drop-off, to T.
    street.wait(45 + drive_s(1) + 60)
    assert car.x_m == street.stop("T").x_m


def test_a_large_idle_fleet_is_placed_together_and_not_too_often() -> None:
    street = Street(driven=False)
    for _ in range(12):
        street.car_at("P")
    # All have been idle for 45 s at the same moment: they are placed once, and again in 300 s.
    street.wait(45)
    assert street.state.rebalanced_s == street.now_s
    later = [due_s for key, due_s in street.state.pending.items() if key.startswith("park ")]
    assert later
    assert min(later) >= street.now_s + 60


def test_nobody_is_fetched_anew_who_cancelled_while_the_shuttle_was_on_its_way() -> None:
    street = Street("P", driven=False)
    (car,) = cars_of(street)
    status = street.want("Q", "S")
    confirm(street, car)
    street.cancel(status.trip_id)
    assert street.state.bookings  # the released visit stays as it was told
    rejoin(street, car)  # but that order is lost, and the next one is without them
    assert not street.state.bookings
    assert street.trips_to_board(car) == []
