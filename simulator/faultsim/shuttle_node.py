"""One shuttle: wheels and doors that go on existing, and a computer that can die and come back."""

import random
from collections.abc import Callable
from typing import Final

from dispatcher.domain.ids import ShuttleId
from dispatcher.domain.shuttles import Capacity
from dispatcher.domain.zone import Stop
from simulator.cabin import SimulatedCabin
from simulator.chassis import SimulatedChassis
from simulator.concourse import Place
from simulator.faultsim.broker import SimBroker
from simulator.faultsim.client import SimNetwork
from simulator.faultsim.clock import SimClock
from simulator.faultsim.loop import Outside, SimLoop, SimProcess
from simulator.shuttle import BREAKDOWN
from vehicles.agent import OnboardAgent
from vehicles.agent_memory import AgentMemory
from vehicles.agent_voice import AgentSettings
from vehicles.exchange import Outgoing
from vehicles.link import AgentLink, BrokerAccess
from vehicles.messages import OperatingMode
from vehicles.topics import VehicleName

MANUFACTURER: Final = "sim"
STATE_EVERY_S: Final = 20.0  # by the standard 30 s at the most


class ShuttleNode:
    """``on_keep`` hears of each change of what the computer keeps."""

    def __init__(
        self,
        loop: SimLoop,
        outside: Outside,
        broker: SimBroker,
        place: Place,
        number: int,
        stop: Stop,
        capacity: Capacity,
        seed: int,
        on_keep: Callable[["ShuttleNode", AgentMemory], None],
    ) -> None:
        self.clock = SimClock(loop)
        self.settings = AgentSettings(
            vehicle=VehicleName(MANUFACTURER, f"S{number + 1}"),
            capacity=capacity,
            state_interval_s=STATE_EVERY_S,
        )
        self.shuttle_id: ShuttleId = self.settings.vehicle.shuttle_id
        self.capacity = capacity
        self.client_id = f"{MANUFACTURER}-S{number + 1}"
        self.chassis = SimulatedChassis(
            stop.x_m,
            stop.y_m,
            self.clock.now_exact_s(),
            rng=random.Random(f"{seed}/drives/{number}"),
        )
        self.cabin = SimulatedCabin(
            self.shuttle_id,
            place,
            self.position_m,
            rng=random.Random(f"{seed}/doors/{number}"),
        )
        self.memory = AgentMemory()
        self.broken = False
        self.by_hand = False
        self.boots = 0
        self._loop = loop
        self._outside = outside
        self._broker = broker
        self._on_keep = on_keep
        self.process: SimProcess | None = None
        self.link: AgentLink | None = None
        self.agent: OnboardAgent | None = None

    @property
    def is_on(self) -> bool:
        return self.process is not None and self.process.alive

    def position_m(self, now: float) -> tuple[float, float]:
        pose = self.chassis.pose(now)
        return pose.x_m, pose.y_m

    def boot(self) -> None:
        """Switch the computer on, with nothing but what was kept."""
        if self.is_on:
            return
        process = SimProcess(self._loop, self.client_id)
        network = SimNetwork(self._broker, process)
        process.on_death = network.process_died
        self.process = process
        first = self.boots == 0
        self.boots += 1
        kept = None if first else AgentMemory.model_validate_json(self.memory.model_dump_json())
        self.agent = OnboardAgent(
            self.settings, self.chassis, self.cabin, memory=kept, keep=self._keep
        )
        access = BrokerAccess("sim", 1883, new_client=network.new_client)
        agent = self.agent

        def begin() -> None:
            self.link = AgentLink(agent, access, clock=self.clock.now_exact_s)
            assert self.process is not None
            self.process.spawn(self.link.run())
            if self.broken:
                agent.raise_fault(BREAKDOWN, self.clock.now_exact_s())
            if self.by_hand:
                agent.set_mode(OperatingMode.MANUAL, self.clock.now_exact_s())

        process.call(begin)

    def reboot(self, off_s: float) -> None:
        """The computer dies at once and is back after a while; the wheels come to a stand."""
        if self.process is not None and self.process.alive:
            self.process.kill()
            self.chassis.abandon(self.clock.now_exact_s())
            self._outside.call_later(off_s, self.boot)

    def break_down(self, lasts_s: float) -> None:
        """A FATAL fault, repaired in its time."""
        if self.broken:
            return
        self.broken = True
        self._poke(lambda agent, now: agent.raise_fault(BREAKDOWN, now))
        self._outside.call_later(lasts_s, self._repair)

    def take_over(self, lasts_s: float, leave_at_m: tuple[float, float] | None) -> None:
        """A person drives, and leaves it there; None where it is."""
        self.by_hand = True
        self._poke(lambda agent, now: agent.set_mode(OperatingMode.MANUAL, now))

        def drive() -> None:
            if leave_at_m is not None:
                self.chassis.put_down(*leave_at_m, self.clock.now_exact_s())

        def give_back() -> None:
            self.by_hand = False
            self._poke(lambda agent, now: agent.set_mode(OperatingMode.AUTOMATIC, now))

        self._outside.call_later(0.7 * lasts_s, drive)
        self._outside.call_later(lasts_s, give_back)

    def look(self) -> None:
        """Something changed at the doors."""
        self._poke(lambda agent, now: [])

    def _repair(self) -> None:
        self.broken = False
        self._poke(lambda agent, now: agent.clear_fault(BREAKDOWN.error_type, now))

    def _poke(self, act: Callable[[OnboardAgent, float], list[Outgoing]]) -> None:
        if not self.is_on:
            return
        assert self.process is not None

        async def poke() -> None:
            assert self.link is not None
            await self.link.poke(act(self.link.agent, self.clock.now_exact_s()))

        self.process.spawn(poke())

    def _keep(self, memory: AgentMemory) -> None:
        self.memory = memory
        self._on_keep(self, memory)
