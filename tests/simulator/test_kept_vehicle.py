"""Simulated shuttles whose process is killed go on with their riders."""

from pathlib import Path

import typer
from sketched_zones import a_zone
from typer.testing import CliRunner
from vehicle_cases import T0, a_plan

from simulator.cli import register
from simulator.concourse import Strangers
from simulator.vehicle import FleetPlan, KeptAt, SimulatedVehicle
from vehicles.agent_store import MemoryFile
from vehicles.mapping import OrderStyle, order_of

ZONE = a_zone({"A": (0, 0), "Z": (1000, 0)}, ["A-Z"], {"P": "A>Z 0", "Q": "A>Z 200"})


class Garage:
    """Vehicles that are switched on one after the other, with one file."""

    def __init__(self, folder: Path) -> None:
        self.now = float(T0)
        self.place = Strangers(1)
        self.file = MemoryFile(folder / "S001.json")

    def switch_on(self) -> SimulatedVehicle:
        kept_at = KeptAt(self.file, lambda: self.now)
        return SimulatedVehicle(
            ZONE, FleetPlan(1), 0, self.place, self.now, seed=1, kept_at=kept_at
        )


def test_riders_place_and_order_are_found_again(tmp_path: Path) -> None:
    garage = Garage(tmp_path)
    vehicle = garage.switch_on()
    agent = vehicle.agent
    agent.connected(garage.now)
    x_m, _ = vehicle.position_m(garage.now)
    plan = a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=1, start="ABC"[round(x_m / 100)])
    name = vehicle.settings.vehicle
    order = order_of(plan, 0, vehicle=name, header_id=1, now=garage.now, style=OrderStyle())
    agent.on_order(order, garage.now)
    while not vehicle.riders_aboard() and garage.now < T0 + 200:
        garage.now = agent.next_due(garage.now)
        agent.advance(garage.now)
    assert vehicle.riders_aboard() == 1
    there, battery = vehicle.position_m(garage.now), vehicle.chassis.battery(garage.now)
    # The process is killed: nothing but the file is left.
    again = garage.switch_on()
    assert again.agent.memory == agent.memory
    assert again.riders_aboard() == 1
    assert again.position_m(garage.now) == there
    assert abs(again.chassis.battery(garage.now).charge_pct - battery.charge_pct) < 0.1


def test_a_memory_that_cannot_be_read_keeps_the_fleet_in(tmp_path: Path) -> None:
    (tmp_path / "S001.json").write_text("rubbish")
    app = typer.Typer()
    register(app)
    broker = ["--broker", "mqtt://127.0.0.1:1", "--shuttles", "1"]
    result = CliRunner().invoke(app, ["shuttles", *broker, "--memory", str(tmp_path)])
    assert result.exit_code == 2
    assert "is no shuttle's memory" in result.output
