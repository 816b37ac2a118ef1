"""Plugs and batteries in the simulator, and service on batteries that soon run low."""

from dataclasses import replace

import pytest

from dispatcher.core import Applied
from dispatcher.domain.energy import EnergyRule
from dispatcher.domain.ids import ShuttleId, StopId
from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.zone import StopKind, Zone
from dispatcher.engine import ServiceState
from dispatcher.engine.judging import plan_faults
from dispatcher.streets.zones import load_zone
from simulator.chassis import ChassisModel
from simulator.day import DayPlan, DayResult, a_weekday, local_time_s, simulate
from simulator.demand import Demand
from simulator.energy_book import EnergyBook
from simulator.plugs import ChargerFault, PlugYard
from simulator.vehicle import FleetPlan


@pytest.fixture(scope="module")
def zone() -> Zone:
    """The built-in zone with one plug at each depot."""
    zone = load_zone("sejong-5-1")
    stops = tuple(replace(stop, chargers=min(1, stop.chargers)) for stop in zone.stops)
    return replace(zone, stops=stops)


class Hanger:
    """Something on a plug; ``yard`` is where it leaves its plug when that fails."""

    def __init__(self, yard: PlugYard | None = None) -> None:
        self.yard = yard
        self.unplugged_at: list[float] = []

    def unplug(self, now: float) -> None:
        self.unplugged_at.append(now)
        if self.yard is not None:
            self.yard.leave(self)


def depots_of(zone: Zone) -> list[StopId]:
    return [stop.id for stop in zone.stops if stop.kind is StopKind.DEPOT]


def test_a_plug_holds_one_shuttle(zone: Zone) -> None:
    yard, one, two = PlugYard(zone), Hanger(), Hanger()
    depot = next(stop for stop in zone.stops if stop.chargers)
    assert yard.take(one, depot.x_m, depot.y_m) == 40.0
    assert yard.take(one, depot.x_m, depot.y_m) == 40.0  # still the same plug
    assert yard.take(two, depot.x_m, depot.y_m) == 0.0
    assert (yard.conflicts, yard.in_vain) == (1, 0)
    yard.leave(one)
    assert yard.take(two, depot.x_m, depot.y_m) == 40.0
    assert yard.take(one, depot.x_m + 200.0, depot.y_m) == 0.0  # no charger there


def test_a_plug_that_fails_lets_go(zone: Zone) -> None:
    yard = PlugYard(zone)
    one = Hanger(yard)
    depot = next(stop for stop in zone.stops if stop.chargers)
    yard.take(one, depot.x_m, depot.y_m)
    yard.break_down(depot.id, 1, 50.0)
    assert yard.holders(depot.id) == 0
    assert yard.take(one, depot.x_m, depot.y_m) == 0.0
    assert (yard.conflicts, yard.in_vain) == (0, 1)
    yard.repair(depot.id, 1)
    assert yard.take(one, depot.x_m, depot.y_m) == 40.0


class Meter:
    """A chassis as the energy book reads it."""

    def __init__(self, charge_pct: float, speed_mps: float) -> None:
        import random

        from simulator.chassis import SimulatedChassis
        from vehicles.agent_hardware import Waypoint

        model = ChassisModel(idle_kw=0.0, slower_or_faster=0.0)
        self.chassis = SimulatedChassis(
            0.0, 0.0, 0.0, rng=random.Random(1), model=model, battery_pct=charge_pct
        )
        if speed_mps:
            self.chassis.drive([Waypoint(500.0, 0.0, 500.0, speed_mps)], 0.0)


def test_only_who_is_empty_while_driving_is_stranded() -> None:
    book, parked, driving = EnergyBook(), Meter(0.0, 0.0), Meter(0.0, 10.0)
    assert not book.note(ShuttleId("parked"), parked.chassis, 20.0)
    assert book.note(ShuttleId("driving"), driving.chassis, 20.0)
    assert not book.note(ShuttleId("driving"), driving.chassis, 21.0)  # said once
    assert book.stranded == {"driving"}
    assert book.lowest_pct == 0.0


def a_while(
    zone: Zone, seed: int, *, faults: tuple[ChargerFault, ...] = (), outside: bool = True
) -> DayResult:
    """Five shuttles whose 3 kWh last for about twenty minutes of driving."""
    start_s = local_time_s(zone, a_weekday(), 8.0)
    energy = EnergyRule(battery_wh=3_000)
    plan = DayPlan(
        demand=Demand.of(zone, seed, riders_per_hour=50.0),
        fleet=FleetPlan(
            5, spread=True, chassis=ChassisModel(battery_kwh=3.0), battery_pct=(50.0, 100.0)
        ),
        start_s=start_s,
        end_s=start_s + 1800.0,
        drain_s=1200.0,
        seed=seed,
        rules=replace(ServiceRules(), energy=energy),
        plans_charging=outside,
        charger_faults=[replace(fault, at_s=start_s + fault.at_s) for fault in faults],
    )

    def check(applied: Applied, state: ServiceState) -> None:
        found = plan_faults(state)
        assert not found, f"seed {seed}, after {applied.position} {applied.event}: {found}"

    result = simulate(plan, watch=check)
    figures = result.figures
    assert figures.adds_up(), f"seed {seed}"
    assert figures.replay_identical, f"seed {seed}"
    assert figures.stranded == 0, f"seed {seed}"
    assert figures.completed > 0, f"seed {seed}"
    assert figures.energy_charged_kwh > 0.5, f"seed {seed}"
    return result


@pytest.mark.parametrize("outside", [True, False])
def test_nobody_strands_and_no_plug_is_wanted_by_two(zone: Zone, outside: bool) -> None:
    figures = a_while(zone, 3, outside=outside).figures
    assert figures.plug_conflicts == 0
    assert figures.battery_lowest_pct > 0.0


def test_a_charger_that_fails_strands_nobody(zone: Zone) -> None:
    depot = depots_of(zone)[0]
    a_while(zone, 4, faults=(ChargerFault(depot, 1, 300.0, 1200.0),))
