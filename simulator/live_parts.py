"""Simulated riders and shuttles on a real broker, in the time of a given clock.

Riders live in a ``World`` whose time is led by the clock; each shuttle has its own connection,
as a real one would.
"""

import asyncio
import contextlib
import math
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from dispatcher.clock import Clock
from dispatcher.domain.zone import Zone
from dispatcher.mqtt import Message, MqttLink, PublishFailed, Subscription
from simulator.concourse import REACH_M, Concourse, Place
from simulator.crowd import Crowd
from simulator.demand import Demand
from simulator.energy_book import EnergyBook
from simulator.figures import RoadBook
from simulator.plugs import PlugYard
from simulator.vehicle import FleetPlan, KeptAt, SimulatedVehicle, serial_number
from simulator.wire import WireMessage
from simulator.wire_record import RecordedPlace, WireRecord
from simulator.world import World
from vehicles.agent_store import MemoryFile
from vehicles.link import AgentLink, BrokerAccess
from vehicles.signing import PlanKeys
from vehicles.topics import VehicleName

log = structlog.get_logger(__name__)

# A status names two stops, with all their names, per offer.
LARGEST_STATUS_BYTES = 32 * 1024
_MOST_WAITING = 1000


class RiderLink:
    """A crowd of riders behind one MQTT connection."""

    def __init__(
        self,
        demand: Demand,
        concourse: Concourse,
        broker: BrokerAccess,
        clock: Clock,
        *,
        speed: float,
        client_id: str,
        record: WireRecord | None = None,
    ) -> None:
        """``record`` gets what the riders' client sends and gets."""
        self._record = record
        self.connected = asyncio.Event()
        self._clock = clock
        self._speed = speed
        self._world = World(clock.now_exact_s())
        self._outgoing: asyncio.Queue[WireMessage] = asyncio.Queue(_MOST_WAITING)
        self._news = asyncio.Event()
        self.crowd = Crowd(self._world, demand, concourse, self._put)
        self._link = MqttLink(
            broker.host,
            broker.port,
            client_id=client_id,
            username=broker.username,
            password=broker.password,
            tls=broker.tls,
            subscriptions=[
                Subscription(topic_filter, max_body_bytes=LARGEST_STATUS_BYTES)
                for topic_filter in self.crowd.filters()
            ],
            session_expiry_s=60,
            on_message=self._on_message,
            on_connect=lambda session_present: self.connected.set(),
            on_disconnect=lambda reason, pause_s: log.warning(
                "broker_awaited", broker=f"{broker.host}:{broker.port}", reason=reason
            ),
        )

    def start(self, most: int | None = None) -> None:
        """The first rider asks now."""
        self._world.run_until(self._clock.now_exact_s())
        self.crowd.start(most)
        self._news.set()

    async def run(self) -> None:
        """Carry messages and let time pass until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            tasks.create_task(self._send())
            tasks.create_task(self._live())

    def _put(self, message: WireMessage) -> None:
        # Of what does not fit the rider hears nothing, and sends it again later.
        with contextlib.suppress(asyncio.QueueFull):
            self._outgoing.put_nowait(message)

    async def _live(self) -> None:
        while True:
            self._world.run_until(self._clock.now_exact_s())
            self._news.clear()
            next_s = self._world.next_at()
            pause_s = None
            if next_s is not None:
                pause_s = max(0.0, next_s - self._clock.now_exact_s()) / self._speed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._news.wait()

    async def _send(self) -> None:
        while True:
            message = await self._outgoing.get()
            if self._record is not None:
                self._record.message("sent", message.topic, message.body)
            # One that fails is sent again by its rider when nothing is heard.
            with contextlib.suppress(PublishFailed):
                await self._link.publish(message.topic, message.body, qos=1)

    async def _on_message(self, message: Message) -> None:
        if self._record is not None:
            self._record.message("got", message.topic, message.payload)
        self._world.run_until(self._clock.now_exact_s())
        self.crowd.on_message(WireMessage(message.topic, message.payload))
        self._news.set()


@dataclass(frozen=True, slots=True)
class ShuttleTrust:
    """How shuttles prove their names to the broker, and whose plans they obey."""

    tls: Mapping[VehicleName, ssl.SSLContext]
    keys: PlanKeys


class ShuttleLinks:
    """A fleet of simulated shuttles, each with its own MQTT connection."""

    def __init__(
        self,
        zone: Zone,
        plan: FleetPlan,
        place: Place,
        broker: BrokerAccess,
        clock: Clock,
        *,
        speed: float,
        seed: int,
        memory_dir: Path | None = None,
        trust: ShuttleTrust | None = None,
        record: WireRecord | None = None,
    ) -> None:
        """With ``memory_dir`` each shuttle keeps its memory in a file of its own there.

        ``record`` gets what their clients send and get, and who goes through the doors.
        """
        if record is not None:
            place = RecordedPlace(place, record)
        self.road = RoadBook()
        self.energy = EnergyBook()
        self._clock = clock
        now, plugs = clock.now_exact_s(), PlugYard(zone)
        self._plugs = plugs

        def one(number: int) -> tuple[SimulatedVehicle, AgentLink]:
            kept_at = None
            if memory_dir is not None:
                file = MemoryFile(memory_dir / f"{serial_number(number)}.json")
                kept_at = KeptAt(file, clock.now_exact_s)
            vehicle = SimulatedVehicle(
                zone, plan, number, place, now, seed=seed, plugs=plugs, kept_at=kept_at
            )
            access = broker
            if trust is not None:
                access = replace(broker, tls=trust.tls[vehicle.settings.vehicle])
            link = AgentLink(
                vehicle.agent,
                access,
                clock=clock.now_exact_s,
                interface=plan.interface,
                speed=speed,
                keys=None if trust is None else trust.keys,
                on_wire=(lambda way, topic, body: None) if record is None else record.message,
            )
            return vehicle, link

        self._parts = [one(number) for number in range(plan.shuttles)]
        self._pokes: set[asyncio.Task[None]] = set()

    @property
    def vehicles(self) -> list[SimulatedVehicle]:
        return [vehicle for vehicle, _ in self._parts]

    def connected(self) -> int:
        """How many shuttles have the broker."""
        return sum(link.is_up for _, link in self._parts)

    def arrived(self, x_m: float, y_m: float) -> None:
        """Somebody came to a stop: shuttles that stand there look again."""
        now = self._clock.now_exact_s()
        for vehicle, link in self._parts:
            if math.dist(vehicle.position_m(now), (x_m, y_m)) <= REACH_M:
                poke = asyncio.get_running_loop().create_task(link.poke([]))
                self._pokes.add(poke)
                poke.add_done_callback(self._pokes.discard)

    def note_road(self) -> None:
        """Read the odometers."""
        now = self._clock.now_exact_s()
        for vehicle in self.vehicles:
            odometer_m = vehicle.chassis.odometer_m(now)
            self.road.note(vehicle.shuttle_id, odometer_m, vehicle.riders_aboard())
            self.energy.note(vehicle.shuttle_id, vehicle.chassis, now)
        self.energy.plug_conflicts = self._plugs.conflicts
        self.energy.dead_plugs = self._plugs.in_vain

    async def run(self) -> None:
        """Drive until cancelled; then every shuttle says goodbye."""
        async with asyncio.TaskGroup() as tasks:
            for _, link in self._parts:
                tasks.create_task(link.run())


async def every(seconds: float, act: Callable[[], None]) -> None:
    """Call ``act`` every so many real seconds until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        act()
