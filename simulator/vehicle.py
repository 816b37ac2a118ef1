"""A simulated vehicle: wheels, doors, and the reference on-board agent that runs them.

Whoever lets its time pass (virtual time, or a link to a broker) talks to its ``agent``.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel

from dispatcher.domain.ids import ShuttleId
from dispatcher.domain.shuttles import Capacity
from dispatcher.domain.zone import Stop, StopKind, Zone
from simulator.cabin import SimulatedCabin
from simulator.chassis import ChassisModel, SimulatedChassis
from simulator.concourse import Place
from simulator.noise import NOISES, Noise
from simulator.plugs import PlugYard
from vehicles.agent import OnboardAgent
from vehicles.agent_memory import AgentMemory
from vehicles.agent_store import MemoryFile
from vehicles.agent_voice import AgentSettings
from vehicles.topics import DEFAULT_INTERFACE, VehicleName

MANUFACTURER = "ringmaster-sim"


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What kind of shuttles, and how they begin."""

    shuttles: int
    capacity: Capacity = field(default_factory=lambda: Capacity(seats=10, wheelchairs=1))
    chassis: ChassisModel = field(default_factory=ChassisModel)
    battery_pct: tuple[float, float] = (90.0, 100.0)
    spread: bool = False  # over all stops, as in the middle of a day; else at the depots
    state_interval_s: float = 10.0
    visualization_interval_s: float | None = None
    interface: str = DEFAULT_INTERFACE
    noise: Noise = NOISES["calm"]  # how drives and boardings stray


class KeptVehicle(BaseModel):
    """What a simulated vehicle finds again: the agent's memory, its place and its battery.

    A real one knows the last two by itself.
    """

    memory: AgentMemory
    x_m: float
    y_m: float
    charge_pct: float


@dataclass(frozen=True, slots=True)
class KeptAt:
    """Where a vehicle keeps itself. ``clock`` says the present time."""

    file: MemoryFile
    clock: Callable[[], float]


class SimulatedVehicle:
    """Number ``number`` of a fleet, standing where the fleet plan has it begin.

    With ``kept_at`` it goes on from what is kept there. Raises ``MemoryFileError`` if that
    cannot be read.
    """

    def __init__(
        self,
        zone: Zone,
        plan: FleetPlan,
        number: int,
        place: Place,
        now: float,
        *,
        seed: int,
        plugs: PlugYard | None = None,
        kept_at: KeptAt | None = None,
    ) -> None:
        rng = random.Random(f"{seed}/shuttle/{number}")
        chance = random.Random(f"{seed}/drives/{number}")
        stop = _start_stop(zone, plan, number, seed)
        self.settings = AgentSettings(
            vehicle=VehicleName(MANUFACTURER, serial_number(number)),
            capacity=plan.capacity,
            max_speed_mps=plan.chassis.top_speed_mps,
            state_interval_s=plan.state_interval_s,
            visualization_interval_s=plan.visualization_interval_s,
        )
        self.shuttle_id: ShuttleId = self.settings.vehicle.shuttle_id
        self._kept_at = kept_at
        charge_pct = rng.uniform(*plan.battery_pct)
        kept = None if kept_at is None else kept_at.file.load(KeptVehicle)
        self.chassis = SimulatedChassis(
            stop.x_m if kept is None else kept.x_m,
            stop.y_m if kept is None else kept.y_m,
            now,
            rng=rng,
            model=plan.chassis,
            battery_pct=charge_pct if kept is None else kept.charge_pct,
            plugs=plugs,
            slowed=lambda at_s: plan.noise.drive_factor(chance, at_s, zone.timezone),
        )
        self._cabin = SimulatedCabin(
            self.shuttle_id,
            place,
            self.position_m,
            noise=plan.noise,
            rng=random.Random(f"{seed}/doors/{number}"),
        )
        self._kept = AgentMemory() if kept is None else kept.memory
        self.agent = self._switched_on(None if kept is None else kept.memory)

    def position_m(self, now: float) -> tuple[float, float]:
        pose = self.chassis.pose(now)
        return pose.x_m, pose.y_m

    def riders_aboard(self) -> int:
        """Persons, by the agent's count."""
        return sum(party.seats + party.wheelchairs for party in self.agent.memory.aboard)

    def restart_agent(self, now: float) -> None:
        """The computer starts again with nothing but what was kept; the wheels come to a stand."""
        self.chassis.abandon(now)
        self.agent = self._switched_on(
            AgentMemory.model_validate_json(self._kept.model_dump_json())
        )
        self.agent.disconnected(now)

    def _switched_on(self, memory: AgentMemory | None) -> OnboardAgent:
        return OnboardAgent(
            self.settings, self.chassis, self._cabin, memory=memory, keep=self._keep
        )

    def _keep(self, memory: AgentMemory) -> None:
        if self._kept_at is not None:
            now = self._kept_at.clock()
            x_m, y_m = self.position_m(now)
            charge_pct = self.chassis.battery(now).charge_pct
            self._kept_at.file.keep(
                KeptVehicle(memory=memory, x_m=x_m, y_m=y_m, charge_pct=charge_pct)
            )
        self._kept = memory


def serial_number(number: int) -> str:
    return f"S{number + 1:03d}"


def _start_stop(zone: Zone, plan: FleetPlan, number: int, seed: int) -> Stop:
    depots = [stop for stop in zone.stops if stop.kind is StopKind.DEPOT]
    if not plan.spread and depots:
        return depots[number % len(depots)]
    places = list(zone.stops)
    random.Random(f"{seed}/places").shuffle(places)
    return places[number % len(places)]
