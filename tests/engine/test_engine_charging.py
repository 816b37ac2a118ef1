"""Batteries on the sketched street, where one percent of a battery is ten seconds of driving.

Stops P, Q, R, S, T, X, D: ``n`` stops on is ``50 n + 12`` s away. The only plug is at D, so the
worst stop is P, and from there to D it is 312 s. A battery of 1,000 Wh holds 3,600,000 Ws; at
3,600 W of driving and none of standing that is 1,000 s. One percent is set aside for what a report
may be old, so a shuttle at b % may drive 10 (b - 1) - 150 - 312 s, in whole minutes.
"""

from dataclasses import replace

import pytest
from engine_world import Car
from sketched_service import Street, drive_s

from dispatcher.domain.decisions import AlertKind, Decision, OperatorAlerted
from dispatcher.domain.energy import EnergyRule, PlannedCharge
from dispatcher.domain.events import (
    ChargingPlanned,
    PlanConfirmed,
    PlanProposed,
    ProposedRoute,
    ProposedVisit,
    RiderAlighted,
    RiderBoarded,
    ShuttleHeld,
    ShuttleReported,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import OperatorId, StopId
from dispatcher.domain.shuttles import DriveMode
from dispatcher.domain.trips import RefusalReason, TimeWish, TripState
from dispatcher.engine import dump_state, load_state, state_digest
from dispatcher.engine.battery import is_errand
from dispatcher.engine.routes import refresh
from dispatcher.engine.state import Shuttle

PLAIN = EnergyRule(
    battery_wh=1000, driving_w=3600, standing_w=0, lookahead_s=0, charge_slack_s=60, gap_s=2700
)
CHARGER_W = 3600  # of the plug at D: ten seconds to the percent


class Line(Street):
    """The street with small batteries, and shuttles told by hand what they do."""

    def __init__(self, *at: str, plugs: int = 1, energy: EnergyRule = PLAIN, **rules: int) -> None:
        super().__init__(driven=False, energy=energy, **rules)
        stops = tuple(
            replace(stop, chargers=plugs, charger_w=CHARGER_W) if stop.id == "D" else stop
            for stop in self.site.zone.stops
        )
        # The zone is only looked at for its plugs here; the streets are the same.
        object.__setattr__(self.site, "zone", replace(self.site.zone, stops=stops))
        for name in at:
            self.car_at(name)

    def shuttle(self, car: Car) -> Shuttle:
        return self.state.shuttles[car.id]

    def tell(self, car: Car, battery_pct: float, *, charging: bool = False) -> tuple[Decision, ...]:
        aboard = tuple(car.aboard)
        return self.submit(
            ShuttleReported(
                self.now_s,
                car.id,
                car.x_m,
                car.y_m,
                battery_pct,
                charging,
                DriveMode.AUTOMATIC,
                False,
                (),
                aboard,
            )
        )

    def come(self, car: Car) -> None:
        """The shuttle is where it was sent, and everything there is done."""
        published = self.plan(car)
        released = self.shuttle(car).released
        assert published is not None
        assert released is not None
        self.submit(PlanConfirmed(self.now_s, car.id, published.revision))
        self.run_until(max(self.now_s, released.visit.arrive_s))
        car.x_m, car.y_m = released.visit.x_m, released.visit.y_m
        self.submit(VisitArrived(self.now_s, car.id, released.visit.id))
        for alight in released.visit.alights:
            car.aboard.remove(alight.trip_id)
            self.submit(RiderAlighted(self.now_s, car.id, released.visit.id, alight.trip_id))
        for board in released.visit.boards:
            car.aboard.append(board.trip_id)
            self.submit(RiderBoarded(self.now_s, car.id, released.visit.id, board.trip_id))
        self.submit(VisitCompleted(self.now_s, car.id, released.visit.id))


def cars_of(line: Street) -> list[Car]:
    return list(line.cars.values())


def alerts(decisions: tuple[Decision, ...]) -> list[AlertKind]:
    return [d.kind for d in decisions if isinstance(d, OperatorAlerted)]


def bound_for(line: Line, car: Car) -> list[tuple[str, int | None]]:
    plan = line.plan(car)
    assert plan is not None
    return [(visit.stop_id, visit.charge_to_pct) for visit in plan.visits]


# Range


@pytest.mark.parametrize(("battery_pct", "taken"), [(72.0, True), (67.0, False)])
def test_a_trip_is_taken_only_if_the_battery_lasts_to_its_end_and_to_a_plug(
    battery_pct: float, taken: bool
) -> None:
    line = Line("P")
    (car,) = cars_of(line)
    line.tell(car, battery_pct)
    # P to Q and on to S is 62 + 112 = 174 s. At 72 %: 710 - 150 - 312 = 248 s, in minutes 240.
    # At 67 %: 660 - 462 = 198 s, in minutes 180, of which the trip needs 174: so Q to T, 62 + 162.
    assert line.shuttle(car).row.drive_limit_s == (240 if taken else 180)
    status = line.want("Q", "T")
    assert status.state is (TripState.ACCEPTED if taken else TripState.REFUSED)
    if not taken:
        assert status.refusal is not None
        assert status.refusal.reason is RefusalReason.FLEET_DOWN
        assert "battery" in status.refusal.text
        assert line.want("Q", "S").state is TripState.ACCEPTED


def test_of_two_shuttles_the_farther_one_comes_if_only_its_battery_lasts() -> None:
    line = Line("P", "T")
    near, far = cars_of(line)
    line.tell(near, 60.0)  # 590 - 462 = 128 s: too little for 62 + 112
    status = line.want("Q", "S")
    assert status.state is TripState.ACCEPTED
    assert status.shuttle_id == far.id


def test_small_changes_of_a_battery_change_no_plan() -> None:
    line = Line("P")
    (car,) = cars_of(line)
    limits = set()
    for tenths in range(730, 780):
        line.tell(car, tenths / 10)
        limits.add(line.shuttle(car).row.drive_limit_s)
    # 258 s to 307 s of driving, in whole minutes.
    assert limits == {240, 300}


def test_a_bad_reading_moves_those_who_wait_to_another_shuttle() -> None:
    line = Line("P", "T")
    near, far = cars_of(line)
    status = line.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=line.now_s + 900)
    assert status.shuttle_id is not None
    first, other = (near, far) if status.shuttle_id == near.id else (far, near)
    assert line.shuttle(first).released is None
    # Down to the floor of 7 % it could drive 10 x (40 - 1 - 7) - 312 = 8 s, and to R it is longer.
    told = line.tell(first, 40.0)
    assert alerts(told) == [AlertKind.LOW_BATTERY]
    assert line.now_of(status).shuttle_id == other.id
    assert line.now_of(status).promise == status.promise
    # It is said once.
    assert alerts(line.tell(first, 39.0)) == []


def test_without_another_shuttle_they_are_told_and_it_is_tried_again() -> None:
    line = Line("P")
    (car,) = cars_of(line)
    status = line.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=line.now_s + 900)
    line.tell(car, 40.0)
    told = line.now_of(status)
    assert told.shuttle_id is None
    assert told.breach is not None
    assert told.breach.cause == "low_battery"
    line.tell(car, 80.0)
    line.wait(30)  # tried again
    assert line.now_of(status).shuttle_id == car.id


def test_who_is_aboard_is_brought_to_the_stop_whatever_the_battery_says() -> None:
    line = Line("P")
    (car,) = cars_of(line)
    status = line.want("Q", "T")
    line.come(car)
    assert line.now_of(status).state is TripState.ABOARD
    line.tell(car, 12.0)
    assert [visit.stop_id for visit in line.plan(car).visits] == ["T"]
    line.come(car)
    assert line.now_of(status).state is TripState.COMPLETED
    assert bound_for(line, car) == [("D", 90)]


def test_a_battery_that_drains_faster_than_planned_is_counted_with_at_once() -> None:
    line = Line("P")
    (car,) = cars_of(line)
    line.tell(car, 90.0)
    line.want("Q", "R")
    line.come(car)  # 62 s of driving
    line.come(car)  # and as many again: 124 s should take 12.4 %
    line.tell(car, 90.0 - 24.8)
    assert line.shuttle(car).drain_pct == 200
    # 65.2 %: (642 - 150) / 2 - 312 = -66 s are left to it, so it goes to charge.
    assert line.shuttle(car).row.drive_limit_s == 0


# Charging


def test_a_shuttle_with_a_low_battery_goes_to_the_plug_at_once() -> None:
    line = Line("T")
    (car,) = cars_of(line)
    line.tell(car, 30.0)
    assert bound_for(line, car) == [("D", 90)]


def test_one_plug_is_for_one_shuttle_at_a_time() -> None:
    line = Line("T", "T", "T")
    cars = cars_of(line)
    for car in cars:
        line.tell(car, 30.0)
    sent = [car for car in cars if line.shuttle(car).released is not None]
    assert sent == cars[:1]
    times = [line.shuttle(car).charge for car in cars]
    assert all(session is not None for session in times)
    # T to D is 112 s; there with 30 - 1 - 11.2 = 17.8 %; 722 s to 90 %, a tenth more and 120 s.
    arrive_s = line.now_s + drive_s(2)
    assert times[1].begin_s == arrive_s + 722 * 11 // 10 + 120
    assert times[2].begin_s == times[1].until_s


def test_who_waits_for_a_plug_does_not_come_before_it_is_free() -> None:
    """Shuttles may leave a little early; where the plug is not free then, they leave in time."""
    line = Line("T", "T", early_start_s=30)
    first, second = cars_of(line)
    begin_s = line.now_s + 300
    charge = PlannedCharge(first.id, StopId("D"), begin_s, begin_s + 1500, 90)
    line.submit(ChargingPlanned(line.now_s, (charge,)))
    line.submit(
        ShuttleHeld(line.now_s, OperatorId("ops"), first.id)
    )  # it keeps its plug all the same
    line.tell(second, 30.0)
    waits_for = line.shuttle(first).charge
    planned = line.shuttle(second).charge
    assert waits_for is not None
    assert planned is not None
    assert planned.begin_s == waits_for.until_s
    line.run_until(planned.begin_s - drive_s(2) - 1)
    assert line.shuttle(second).released is None
    line.run_until(planned.begin_s - drive_s(2))
    assert bound_for(line, second) == [("D", 90)]


def test_two_plugs_are_for_two() -> None:
    line = Line("T", "T", "T", plugs=2)
    for car in cars_of(line):
        line.tell(car, 30.0)
    assert [line.shuttle(car).released is not None for car in cars_of(line)] == [True, True, False]


def test_a_charging_shuttle_is_left_alone_until_it_has_enough() -> None:
    line = Line("X")
    (car,) = cars_of(line)
    line.tell(car, 30.0)
    line.come(car)
    line.tell(car, 30.0, charging=True)
    session = line.shuttle(car).charge
    assert session is not None
    assert session.call_pct == 40
    # Ten percent and the one of the report are missing: 110 s.
    assert line.shuttle(car).row.start_s == line.now_s + 110
    line.tell(car, 39.0, charging=True)
    assert line.shuttle(car).row.start_s == line.now_s + 20


def test_a_charging_shuttle_is_called_off_for_riders_when_it_has_enough() -> None:
    line = Line("X")
    (car,) = cars_of(line)
    line.tell(car, 30.0)
    line.come(car)
    line.tell(car, 80.0, charging=True)
    status = line.want("T", "S")
    assert status.state is TripState.ACCEPTED
    assert [visit.stop_id for visit in line.plan(car).visits] == ["T", "S"]
    assert line.shuttle(car).charge is None


def test_a_plug_that_gives_nothing_is_left_for_another_or_tried_again() -> None:
    line = Line("X")
    (car,) = cars_of(line)
    line.tell(car, 30.0)
    line.come(car)
    told: list[AlertKind] = []
    before = len(line.decisions)
    line.wait(60)
    for decisions in line.decisions[before:]:
        told += alerts(decisions)
    assert told == [AlertKind.CHARGER_FAULT]
    assert line.shuttle(car).charge is None
    trouble = line.shuttle(car).plug_trouble
    assert trouble is not None
    assert trouble.working == 0
    line.wait(1800)  # and then it is tried again, where it stands
    assert bound_for(line, car)[-1] == ("D", 90)


def test_a_charge_in_a_pause_before_a_timed_pickup() -> None:
    line = Line("X")
    (car,) = cars_of(line)
    status = line.want("X", "T", wish=TimeWish.DEPART_AT, wish_s=line.now_s + 7200)
    assert status.shuttle_id == car.id
    line.tell(car, 30.0)
    # The trip stays, and the shuttle charges until then.
    assert line.now_of(status).shuttle_id == car.id
    assert bound_for(line, car)[0][0] == "D"


# Plans from outside


def planned(line: Line, car: Car, begin_s: int, for_s: int, to_pct: int = 90) -> PlannedCharge:
    return PlannedCharge(car.id, StopId("D"), begin_s, begin_s + for_s, to_pct)


def test_a_planned_charge_is_adopted_if_a_plug_is_free() -> None:
    line = Line("T", "T")
    one, two = cars_of(line)
    begin_s = line.now_s + 1800
    event = ChargingPlanned(
        line.now_s, (planned(line, one, begin_s, 900), planned(line, two, begin_s + 600, 900))
    )
    line.submit(event)
    assert line.shuttle(one).charge is not None
    assert line.shuttle(two).charge is None  # the second would need a second plug
    (errand,) = line.shuttle(one).row.visits
    assert is_errand(errand)
    assert (errand.earliest_s, errand.latest_s, errand.dwell_s) == (begin_s, begin_s + 60, 900)


def test_riders_go_before_a_planned_charge_only_if_it_is_in_time_for_it() -> None:
    line = Line("T")
    (car,) = cars_of(line)
    line.submit(ChargingPlanned(line.now_s, (planned(line, car, line.now_s + 1800, 900),)))
    at_once = line.want("T", "S")  # 62 s, there and back
    assert at_once.state is TripState.ACCEPTED
    assert at_once.pickup_expected_s is not None
    assert at_once.pickup_expected_s < line.now_s + 1800
    # Leaving when it charges: not before it has.
    timed = line.want("T", "S", wish=TimeWish.DEPART_AT, wish_s=line.now_s + 2000)
    # At 2,000 s it charges, until 2,700 s; then 112 s to T is more than the 600 s that riders wait.
    assert timed.state is TripState.REFUSED
    later = line.want("T", "S", wish=TimeWish.DEPART_AT, wish_s=line.now_s + 2600)
    assert later.state is TripState.ACCEPTED
    assert later.pickup_expected_s is not None
    assert later.pickup_expected_s >= line.now_s + 1800 + 900 + drive_s(2)


def test_a_newer_plan_takes_the_place_of_the_older_one() -> None:
    line = Line("T", "T")
    one, two = cars_of(line)
    line.submit(ChargingPlanned(line.now_s, (planned(line, one, line.now_s + 1800, 900),)))
    line.submit(ChargingPlanned(line.now_s, (planned(line, two, line.now_s + 1800, 900),)))
    assert line.shuttle(one).charge is None
    assert not line.shuttle(one).row.visits
    assert line.shuttle(two).charge is not None


def test_a_plan_that_breaks_a_promise_is_not_adopted() -> None:
    line = Line("T")
    (car,) = cars_of(line)
    status = line.want("T", "S", wish=TimeWish.DEPART_AT, wish_s=line.now_s + 2000)
    line.submit(ChargingPlanned(line.now_s, (planned(line, car, line.now_s + 1500, 1200),)))
    assert line.shuttle(car).charge is None
    assert line.now_of(status).promise == status.promise


def test_a_proposal_keeps_the_errand_or_is_not_adopted() -> None:
    line = Line("P")
    (car,) = cars_of(line)
    line.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=line.now_s + 1200)
    line.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=line.now_s + 1200)
    line.submit(ChargingPlanned(line.now_s, (planned(line, car, line.now_s + 4000, 900),)))
    shuttle = line.shuttle(car)
    # Made worse on purpose: the two who leave R together are set down one after the other.
    board, alight, errand = shuttle.row.visits
    one, two = alight.alights
    apart = (replace(alight, alights=(one,)), replace(alight, alights=(two,)))
    shuttle.row = replace(shuttle.row, visits=(board, *apart, errand))
    refresh(line.state, shuttle)
    better = (
        ProposedVisit(board.stop, board.boards, ()),
        ProposedVisit(alight.stop, (), (one, two)),
        ProposedVisit(errand.stop, (), ()),
    )
    for visits, adopted in ((better[:2], False), (better, True)):
        route = ProposedRoute(car.id, shuttle.route_version, visits)
        line.submit(PlanProposed(line.now_s, (route,), 2, 1))
        assert (shuttle.row.visits == (board, alight, errand)) is adopted


def test_a_snapshot_remembers_charges_and_what_batteries_showed() -> None:
    line = Line("T", "T")
    for car in cars_of(line):
        line.tell(car, 30.0)
    again = load_state(line.site, dump_state(line.state))
    assert state_digest(again) == state_digest(line.state)
    assert [s.charge for s in again.shuttles.values()] == [
        s.charge for s in line.state.shuttles.values()
    ]
    assert line.replay() == line.decisions
