"""Simulated shuttles in virtual time: vehicles with a radio, woken when something is due."""

from collections.abc import Sequence
from typing import Final

from dispatcher.domain.zone import Zone
from simulator.concourse import REACH_M, Place
from simulator.faults import Mishap, MishapKind
from simulator.plugs import ChargerFault, PlugYard
from simulator.vehicle import FleetPlan, SimulatedVehicle
from simulator.wire import Send, WireMessage
from simulator.world import Alarm, World
from vehicles.exchange import Outgoing
from vehicles.messages import ErrorLevel, InstantActions, Order, VehicleError, parse
from vehicles.topics import Topic, parse_topic, topic_of

BREAKDOWN: Final = VehicleError(
    error_type="driveFailure",
    error_level=ErrorLevel.FATAL,
    error_description="the drive does not answer",
)

EMPTY: Final = VehicleError(
    error_type="batteryEmpty",
    error_level=ErrorLevel.FATAL,
    error_description="the battery is empty",
)


class SimulatedShuttle:
    """Switched on by ``start``; from then on it lives by itself."""

    def __init__(self, world: World, vehicle: SimulatedVehicle, send: Send, interface: str) -> None:
        self.vehicle = vehicle
        self._world = world
        self._send = send
        self._interface = interface
        self._radio = False
        self._alarm = Alarm(world, self.wake)

    def start(self) -> None:
        """Come online, for the first time or again."""
        self._radio = True
        self._say(self.vehicle.agent.connected(self._world.now))

    def wake(self) -> None:
        """Do what is due, or look again because something changed outside."""
        self._say(self.vehicle.agent.advance(self._world.now))

    def on_message(self, topic: Topic, body: bytes) -> None:
        """An order or instant actions; unheard while the radio is off."""
        if not self._radio:
            return
        agent, now = self.vehicle.agent, self._world.now
        if topic is Topic.ORDER:
            self._say(agent.on_order(parse(Order, body), now))
        elif topic is Topic.INSTANT_ACTIONS:
            self._say(agent.on_instant_actions(parse(InstantActions, body), now))

    def suffer(self, mishap: Mishap) -> None:
        """Have the mishap begin now and end in its time."""
        match mishap.kind:
            case MishapKind.SILENCE:
                self._lose_contact()
                self._world.after(mishap.lasts_s, self.start)
            case MishapKind.BREAKDOWN:
                self._say(self.vehicle.agent.raise_fault(BREAKDOWN, self._world.now))
                self._world.after(mishap.lasts_s, self._repair)
            case MishapKind.REBOOT:
                self._lose_contact()
                self.vehicle.restart_agent(self._world.now)
                self._world.after(mishap.lasts_s, self.start)

    def run_empty(self) -> None:
        """The battery is empty: it stands where it is and says so."""
        self._say(self.vehicle.agent.raise_fault(EMPTY, self._world.now))

    def _lose_contact(self) -> None:
        self._radio = False
        self.vehicle.agent.disconnected(self._world.now)
        self._set_alarm()

    def _repair(self) -> None:
        self._say(self.vehicle.agent.clear_fault(BREAKDOWN.error_type, self._world.now))

    def _say(self, messages: Sequence[Outgoing]) -> None:
        if self._radio:
            for outgoing in messages:
                vehicle = self.vehicle.settings.vehicle
                topic = topic_of(self._interface, vehicle, outgoing.topic)
                body = outgoing.message.to_json()
                self._send(WireMessage(topic, body, outgoing.qos, outgoing.retain))
        self._set_alarm()

    def _set_alarm(self) -> None:
        self._alarm.set(self.vehicle.agent.next_due(self._world.now))


class ShuttleYard:
    """All simulated shuttles of a zone, numbered from 0."""

    def __init__(
        self, world: World, zone: Zone, plan: FleetPlan, place: Place, send: Send, *, seed: int
    ) -> None:
        self._world = world
        self._interface = plan.interface
        self.plugs = PlugYard(zone)
        self.shuttles = [
            SimulatedShuttle(
                world,
                SimulatedVehicle(zone, plan, number, place, world.now, seed=seed, plugs=self.plugs),
                send,
                plan.interface,
            )
            for number in range(plan.shuttles)
        ]
        self._by_name = {shuttle.vehicle.settings.vehicle: shuttle for shuttle in self.shuttles}

    def start(self) -> None:
        """Switch them on one after another, a tenth of a second apart."""
        for number, shuttle in enumerate(self.shuttles):
            self._world.after(0.1 * number, shuttle.start)

    def suffer(self, fault: ChargerFault) -> None:
        """Have a charger fail now and be repaired in its time."""
        self.plugs.break_down(fault.stop_id, fault.plugs, self._world.now)
        self._world.after(fault.lasts_s, lambda: self.plugs.repair(fault.stop_id, fault.plugs))

    def on_message(self, message: WireMessage) -> None:
        """Hand a message to the shuttle that its topic names."""
        found = parse_topic(self._interface, message.topic)
        if found is not None and found[0] in self._by_name:
            self._by_name[found[0]].on_message(found[1], message.body)

    def arrived(self, x_m: float, y_m: float) -> None:
        """Somebody came to a stop: shuttles that stand there look again."""
        for shuttle in self.shuttles:
            x, y = shuttle.vehicle.position_m(self._world.now)
            if abs(x - x_m) <= REACH_M and abs(y - y_m) <= REACH_M:
                self._world.at(self._world.now, shuttle.wake)
