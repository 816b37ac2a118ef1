"""Simulated shuttles: the reference on-board agent in a model of a vehicle, many of them.

Speaks the wire format over whatever carries bytes by topic: a simulated wire or a broker.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from dispatcher.domain.ids import ShuttleId
from dispatcher.domain.shuttles import Capacity
from dispatcher.domain.zone import Stop, StopKind, Zone
from simulator.cabin import SimulatedCabin
from simulator.chassis import ChassisModel, SimulatedChassis
from simulator.concourse import Place
from simulator.faults import Mishap, MishapKind
from simulator.world import Alarm, World
from vehicles.agent import OnboardAgent
from vehicles.agent_memory import AgentMemory
from vehicles.agent_voice import AgentSettings
from vehicles.exchange import Outgoing
from vehicles.messages import ErrorLevel, InstantActions, Order, VehicleError, parse
from vehicles.topics import DEFAULT_INTERFACE, Topic, VehicleName, parse_topic, topic_of

MANUFACTURER = "ringmaster-sim"
BREAKDOWN = "driveFailure"
REACH_M = 40.0  # a shuttle so near to a stop has riders in sight who come there


@dataclass(frozen=True, slots=True)
class WireMessage:
    """Bytes on their way to a broker or across a simulated wire."""

    topic: str
    body: bytes
    qos: int = 0
    retain: bool = False


Send = Callable[[WireMessage], None]


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What kind of shuttles, and how they begin the day."""

    shuttles: int
    capacity: Capacity = field(default_factory=lambda: Capacity(seats=10, wheelchairs=1))
    chassis: ChassisModel = field(default_factory=ChassisModel)
    battery_pct: tuple[float, float] = (90.0, 100.0)
    spread: bool = False  # over all stops, as in the middle of a day; else at the depots
    state_interval_s: float = 10.0
    visualization_interval_s: float | None = None
    interface: str = DEFAULT_INTERFACE


class SimulatedShuttle:
    """One vehicle: switched on by ``start``, and from then on woken when it needs to be."""

    def __init__(
        self,
        world: World,
        settings: AgentSettings,
        stop: Stop,
        place: Place,
        send: Send,
        *,
        rng: random.Random,
        model: ChassisModel,
        battery_pct: float,
        interface: str,
    ) -> None:
        self.vehicle = settings.vehicle
        self.shuttle_id: ShuttleId = settings.vehicle.shuttle_id
        self.chassis = SimulatedChassis(
            stop.x_m, stop.y_m, world.now, rng=rng, model=model, battery_pct=battery_pct
        )
        self._cabin = SimulatedCabin(self.shuttle_id, place, self.position_m)
        self._settings = settings
        self._world = world
        self._send = send
        self._interface = interface
        self._memory = AgentMemory()
        self._agent = self._new_agent(None)
        self._radio = False
        self._alarm = Alarm(world, self.wake)

    @property
    def agent(self) -> OnboardAgent:
        return self._agent

    def position_m(self, now: float) -> tuple[float, float]:
        pose = self.chassis.pose(now)
        return pose.x_m, pose.y_m

    def will(self) -> WireMessage:
        """What the broker says when the link breaks."""
        # Only the link may send it: made from a fresh agent, it uses up none of our header ids.
        agent = OnboardAgent(self._settings, self.chassis, self._cabin)
        outgoing = agent.connected(self._world.now)[0]
        broken = outgoing.message.model_copy(update={"connection_state": "CONNECTIONBROKEN"})
        return self._wire(Outgoing(Topic.CONNECTION, broken, qos=1, retain=True))

    def start(self) -> None:
        """Come online: also after the link was lost."""
        self._radio = True
        self._say(self._agent.connected(self._world.now))

    def wake(self) -> None:
        """Do what is due, or look again because something changed outside."""
        self._say(self._agent.advance(self._world.now))

    def on_message(self, topic: Topic, body: bytes) -> None:
        """An order or instant action, unless the radio is off."""
        if not self._radio:
            return
        now = self._world.now
        if topic is Topic.ORDER:
            self._say(self._agent.on_order(parse(Order, body), now))
        elif topic is Topic.INSTANT_ACTIONS:
            self._say(self._agent.on_instant_actions(parse(InstantActions, body), now))

    def lose_contact(self) -> None:
        self._radio = False
        self._agent.disconnected(self._world.now)
        self._set_alarm()

    def suffer(self, mishap: Mishap) -> None:
        """Have the mishap begin now and end in its time."""
        match mishap.kind:
            case MishapKind.SILENCE:
                self.lose_contact()
                self._world.after(mishap.lasts_s, self.start)
            case MishapKind.BREAKDOWN:
                self.break_down()
                self._world.after(mishap.lasts_s, self.repair)
            case MishapKind.REBOOT:
                self.reboot(mishap.lasts_s)

    def break_down(self) -> None:
        fault = VehicleError(
            error_type=BREAKDOWN,
            error_level=ErrorLevel.FATAL,
            error_description="the drive does not answer",
        )
        self._say(self._agent.raise_fault(fault, self._world.now))

    def repair(self) -> None:
        self._say(self._agent.clear_fault(BREAKDOWN, self._world.now))

    def reboot(self, takes_s: float) -> None:
        """Stop, and start again later with nothing but what was kept."""
        now = self._world.now
        self._radio = False
        self._alarm.set(None)
        self.chassis.abandon(now)
        self._agent = self._new_agent(AgentMemory.model_validate_json(self._memory_json()))
        self._agent.disconnected(now)
        self._world.after(takes_s, self.start)

    def _memory_json(self) -> str:
        return self._memory.model_dump_json()

    def _new_agent(self, memory: AgentMemory | None) -> OnboardAgent:
        return OnboardAgent(
            self._settings, self.chassis, self._cabin, memory=memory, keep=self._keep
        )

    def _keep(self, memory: AgentMemory) -> None:
        self._memory = memory

    def _say(self, messages: list[Outgoing]) -> None:
        if self._radio:
            for outgoing in messages:
                self._send(self._wire(outgoing))
        self._set_alarm()

    def _set_alarm(self) -> None:
        self._alarm.set(self._agent.next_due(self._world.now))

    def _wire(self, outgoing: Outgoing) -> WireMessage:
        topic = topic_of(self._interface, self.vehicle, outgoing.topic)
        return WireMessage(topic, outgoing.message.to_json(), outgoing.qos, outgoing.retain)


class ShuttleYard:
    """All simulated shuttles of a zone, numbered from 0."""

    def __init__(
        self, world: World, zone: Zone, plan: FleetPlan, place: Place, send: Send, *, seed: int
    ) -> None:
        self._world = world
        self._interface = plan.interface
        stops = _start_stops(zone, plan, seed)
        self.shuttles: list[SimulatedShuttle] = []
        for number, stop in enumerate(stops):
            rng = random.Random(f"{seed}/shuttle/{number}")
            settings = AgentSettings(
                vehicle=VehicleName(MANUFACTURER, f"S{number + 1:03d}"),
                capacity=plan.capacity,
                state_interval_s=plan.state_interval_s,
                visualization_interval_s=plan.visualization_interval_s,
            )
            self.shuttles.append(
                SimulatedShuttle(
                    world,
                    settings,
                    stop,
                    place,
                    send,
                    rng=rng,
                    model=plan.chassis,
                    battery_pct=rng.uniform(*plan.battery_pct),
                    interface=plan.interface,
                )
            )
        self._by_vehicle = {shuttle.vehicle: shuttle for shuttle in self.shuttles}

    def start(self) -> None:
        """Switch them on one after another, a tenth of a second apart."""
        for number, shuttle in enumerate(self.shuttles):
            self._world.after(0.1 * number, shuttle.start)

    def on_message(self, topic: str, body: bytes) -> None:
        """Hand a message to the shuttle that its topic names."""
        found = parse_topic(self._interface, topic)
        if found is not None and found[0] in self._by_vehicle:
            self._by_vehicle[found[0]].on_message(found[1], body)

    def arrived(self, x_m: float, y_m: float) -> None:
        """Somebody came to a stop: shuttles that stand there look again."""
        for shuttle in self.shuttles:
            x, y = shuttle.position_m(self._world.now)
            if abs(x - x_m) <= REACH_M and abs(y - y_m) <= REACH_M:
                self._world.at(self._world.now, shuttle.wake)

    def driven_m(self) -> float:
        return sum(shuttle.chassis.odometer_m(self._world.now) for shuttle in self.shuttles)


def _start_stops(zone: Zone, plan: FleetPlan, seed: int) -> list[Stop]:
    depots = [stop for stop in zone.stops if stop.kind is StopKind.DEPOT]
    if plan.spread or not depots:
        places = list(zone.stops)
        random.Random(f"{seed}/places").shuffle(places)
    else:
        places = depots
    return [places[number % len(places)] for number in range(plan.shuttles)]
