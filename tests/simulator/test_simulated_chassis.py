"""The model of a shuttle's drive and battery, with positions and times by hand."""

import random

import pytest

from simulator.chassis import ChassisModel, SimulatedChassis
from vehicles.agent_hardware import Waypoint

# Leg times exactly as computed, and pulling out at once.
EXACT = ChassisModel(slower_or_faster=0.0, pull_out_s=0.0)


def a_chassis(model: ChassisModel = EXACT, battery_pct: float = 100.0) -> SimulatedChassis:
    return SimulatedChassis(
        0.0, 0.0, 1000.0, rng=random.Random(1), model=model, battery_pct=battery_pct
    )


def test_a_leg_of_two_streets() -> None:
    chassis = a_chassis()
    # East 100 m and north 100 m at 10 m/s: 10 s and 50 m to get going, 100 m in 10 s, 10 s to stop.
    chassis.drive([Waypoint(100.0, 0.0, 100.0, 10.0), Waypoint(100.0, 100.0, 100.0, 10.0)], 1000.0)
    assert chassis.progress(1000.0).passed == 0
    assert chassis.pose(1012.0).x_m == pytest.approx(70.0)
    assert chassis.next_change(1000.0) == pytest.approx(1015.0)
    assert chassis.progress(1015.0).passed == 1
    assert chassis.pose(1018.0).y_m == pytest.approx(30.0)
    assert chassis.pose(1018.0).theta == pytest.approx(1.5708, abs=1e-4)
    assert chassis.next_change(1015.0) == pytest.approx(1030.0)
    assert chassis.progress(1030.0).passed == 2
    assert chassis.next_change(1030.0) is None
    assert chassis.odometer_m(2000.0) == pytest.approx(200.0)


def test_a_halt_takes_its_way_and_the_leg_goes_on_from_there() -> None:
    chassis = a_chassis()
    chassis.drive([Waypoint(200.0, 0.0, 200.0, 10.0)], 1000.0)
    chassis.halt(1012.0)  # at 70 m with 10 m/s: stands after 10 s and 50 m
    assert chassis.next_change(1012.0) == pytest.approx(1022.0)
    assert chassis.pose(1022.0).x_m == pytest.approx(120.0)
    assert chassis.pose(1100.0).x_m == pytest.approx(120.0)
    chassis.go_on(1100.0)  # 80 m: half of it gaining speed, sqrt(80) s each way
    assert chassis.next_change(1100.0) == pytest.approx(1100.0 + 2 * 80.0**0.5)
    assert chassis.progress(1120.0).passed == 1


def test_an_abandoned_leg_is_forgotten() -> None:
    chassis = a_chassis()
    chassis.drive([Waypoint(200.0, 0.0, 200.0, 10.0)], 1000.0)
    chassis.abandon(1012.0)
    assert chassis.pose(1030.0).x_m == pytest.approx(120.0)
    chassis.drive([Waypoint(120.0, 30.0, 30.0, 10.0)], 1030.0)
    assert chassis.progress(1100.0).passed == 1
    assert (chassis.pose(1100.0).x_m, chassis.pose(1100.0).y_m) == (120.0, 30.0)
    assert chassis.odometer_m(1100.0) == pytest.approx(150.0)


def test_turning_back_needs_a_stop() -> None:
    chassis = a_chassis()
    chassis.drive([Waypoint(200.0, 0.0, 200.0, 10.0), Waypoint(100.0, 0.0, 100.0, 10.0)], 1000.0)
    # 30 s for 200 m; 3 s to turn; 10 s over 50 m and 10 s over 50 m back.
    assert chassis.next_change(1000.0) == pytest.approx(1030.0)
    assert chassis.next_change(1031.0) == pytest.approx(1053.0)


def test_a_leg_without_length_is_done_at_once() -> None:
    chassis = a_chassis()
    chassis.drive([Waypoint(0.0, 0.0, 0.0, None)], 1000.0)
    assert chassis.progress(1000.0).passed == 1
    assert chassis.next_change(1000.0) is None


def test_the_battery_pays_for_road_and_time_and_is_charged() -> None:
    model = ChassisModel(slower_or_faster=0.0, battery_kwh=40.0, idle_kw=1.0, charger_kw=40.0)
    chassis = a_chassis(model, battery_pct=50.0)
    chassis.drive([Waypoint(4000.0, 0.0, 4000.0, 10.0)], 1000.0)
    # An hour: 1 kWh, and 4 km at 0.2 kWh: 1.8 of 40 kWh.
    assert chassis.battery(4600.0).charge_pct == pytest.approx(45.5)
    chassis.plug_in(4600.0)
    assert chassis.battery(4600.0 + 360.0).charge_pct == pytest.approx(55.5)  # 4 kWh
    assert chassis.battery(99999.0).charge_pct == 100.0
    chassis.unplug(99999.0)
    assert not chassis.battery(99999.0).charging


@pytest.mark.parametrize("seed", range(5))
def test_next_change_always_shows_a_change(seed: int) -> None:
    rng = random.Random(seed)
    chassis = SimulatedChassis(0.0, 0.0, 0.0, rng=rng)
    x_m, leg = 0.0, []
    for _ in range(12):
        x_m += rng.choice((0.0, rng.uniform(1.0, 150.0)))
        leg.append(Waypoint(x_m, 0.0, x_m - (leg[-1].x_m if leg else 0.0), rng.uniform(3, 12)))
    chassis.drive(leg, 0.0)
    now, steps = 0.0, 0
    while (due := chassis.next_change(now)) is not None:
        before = chassis.progress(now).passed
        assert due > now or steps == 0, seed
        assert chassis.progress(due).passed > before, seed
        now, steps = due, steps + 1
    assert chassis.progress(now).passed == len(leg), seed
    assert steps <= len(leg)
