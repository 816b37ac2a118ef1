"""Both sides over a real broker: the embedded one, and mosquitto where it is installed."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Self

import aiomqtt
import pytest
from servers import Mosquitto
from vehicle_cases import T0, a_plan
from vehicle_cases import VEHICLE as NAMELESS
from vehicle_hardware import PlainChassis, TimetableCabin
from vehicle_talk import a_state, told

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import Event
from dispatcher.domain.shuttles import Capacity
from dispatcher.embedded import EmbeddedBroker
from dispatcher.mqtt import Subscription
from vehicles.agent import OnboardAgent
from vehicles.agent_memory import AgentMemory
from vehicles.agent_voice import AgentSettings
from vehicles.exchange import ConversationRules
from vehicles.fleet import Fleet, FleetRules
from vehicles.link import AgentLink, BrokerAccess, FleetLink
from vehicles.messages import Connection, ErrorLevel, State, VehicleError, parse
from vehicles.topics import Topic, VehicleName, topic_of

PATIENCE_S = 20.0
SPEED = 20.0
_serials = itertools.count(1)


class FastClock:
    """Twenty seconds pass in one."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self) -> float:
        return T0 + SPEED * (time.monotonic() - self._start)


class Told:
    """Events as they come; wakes those who wait for one."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = asyncio.Condition()

    async def __call__(self, events: Sequence[Event]) -> None:
        async with self._changed:
            self.lines.extend(told(event) for event in events)
            self._changed.notify_all()

    async def until(self, line: str) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: line in self.lines)


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=pytest.mark.broker)])
def broker(request: pytest.FixtureRequest) -> BrokerAccess:
    if request.param == "embedded":
        embedded: EmbeddedBroker = request.getfixturevalue("shared_embedded_broker")
        return BrokerAccess(embedded.host, embedded.port)
    server: Mosquitto = request.getfixturevalue("mosquitto")
    return BrokerAccess(server.host, server.port)


@pytest.fixture
def vehicle() -> VehicleName:
    """A name of the test's own: brokers are shared and remember."""
    return VehicleName(NAMELESS.manufacturer, f"link-{next(_serials)}")


@contextlib.asynccontextmanager
async def running(link: FleetLink | AgentLink) -> AsyncIterator[None]:
    task = asyncio.create_task(link.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def a_fleet_link(
    broker: BrokerAccess,
    vehicle: VehicleName,
    clock: Callable[[], float],
    on_events: Told,
) -> FleetLink:
    fleet = Fleet(FleetRules(allowed=frozenset({vehicle.shuttle_id})))
    client_id = f"dispatcher-{vehicle.serial_number}"
    return FleetLink(fleet, broker, client_id=client_id, on_events=on_events, clock=clock)


def an_agent_link(
    broker: BrokerAccess,
    vehicle: VehicleName,
    clock: Callable[[], float],
    keep: Callable[[AgentMemory], None] = lambda memory: None,
) -> AgentLink:
    settings, cabin = AgentSettings(vehicle, Capacity(6, 1)), TimetableCabin({"ana": 0})
    agent = OnboardAgent(settings, PlainChassis(), cabin, keep=keep)
    return AgentLink(agent, broker, clock=clock, speed=SPEED)


async def test_a_ride_over_a_broker(broker: BrokerAccess, vehicle: VehicleName) -> None:
    clock, events = FastClock(), Told()
    fleet_link = a_fleet_link(broker, vehicle, clock, events)
    agent_link = an_agent_link(broker, vehicle, clock)
    async with running(fleet_link), running(agent_link):
        await events.until("joined  0")
        plan = a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=2, shuttle_id=vehicle.shuttle_id)
        await fleet_link.publish(plan)
        await events.until("completed v2")
        await fleet_link.command(vehicle.shuttle_id, ShuttleCommand.PAUSE, 1)
        await events.until("reported")
    steps = [line for line in events.lines if line != "reported"]
    assert steps == [
        "joined  0",
        "confirmed 1",
        "arrived v1",
        "boarded v1 ana",
        "completed v1",
        "arrived v2",
        "alighted v2 ana",
        "completed v2",
    ]
    assert fleet_link.fleet.drops.keys() <= {"repeated_state"}


class SlowBroker:
    """A connection to a broker that confirms nothing until it is told to."""

    session_present = False
    unacknowledged = 0

    def __init__(self, said: asyncio.Event) -> None:
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.confirms = asyncio.Event()
        self.states: list[int] = []
        self._said = said

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    async def listen(self, subscription: Subscription) -> None:
        pass

    def end(self, reason: str) -> None:
        pass

    async def publish_confirmed(self, topic: str, payload: bytes, **options: Any) -> None:
        if topic.endswith("/state"):
            self.states.append(parse(State, payload).header_id)
        self._said.set()
        await self.confirms.wait()


async def test_states_leave_in_the_order_in_which_they_were_made(vehicle: VehicleName) -> None:
    said = asyncio.Event()
    broker = SlowBroker(said)

    def new_client(*_: Any, **options: Any) -> Any:
        return broker

    clock = FastClock()
    link = an_agent_link(BrokerAccess("slow", 1883, new_client=new_client), vehicle, clock)
    async with running(link), asyncio.timeout(PATIENCE_S):
        await said.wait()
        # What it says at connecting is not confirmed yet when something happens to it.
        broken = VehicleError(error_type="motor", error_level=ErrorLevel.FATAL)
        poked = asyncio.create_task(link.poke(link.agent.raise_fault(broken, clock())))
        broker.confirms.set()
        await poked
    assert len(broker.states) >= 2
    assert broker.states == sorted(broker.states)


async def test_the_connection_topic_tells_hello_goodbye_and_loss(
    broker: BrokerAccess, vehicle: VehicleName
) -> None:
    topic = topic_of("uagv", vehicle, Topic.CONNECTION)
    async with aiomqtt.Client(
        broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as watcher:
        await watcher.subscribe(topic, qos=1)
        seen: list[str] = []

        async def until(state: str) -> None:
            async with asyncio.timeout(PATIENCE_S):
                async for message in watcher.messages:
                    assert isinstance(message.payload, bytes)
                    seen.append(parse(Connection, message.payload).connection_state)
                    if seen[-1] == state:
                        return

        async with running(an_agent_link(broker, vehicle, FastClock())):
            await until("ONLINE")
            # Another client of the same name: the broker drops the shuttle's connection.
            thief = aiomqtt.Client(
                broker.host,
                broker.port,
                identifier=f"{vehicle.manufacturer}-{vehicle.serial_number}",
                protocol=aiomqtt.ProtocolVersion.V5,
            )
            with contextlib.suppress(aiomqtt.MqttError):
                async with thief:
                    await until("CONNECTIONBROKEN")
            await until("ONLINE")
        await until("OFFLINE")
        assert seen == ["ONLINE", "CONNECTIONBROKEN", "ONLINE", "OFFLINE"]


async def test_what_was_not_made_durable_comes_again(
    broker: BrokerAccess, vehicle: VehicleName
) -> None:
    connected = asyncio.Event()

    async def store_is_gone(events: Sequence[Event]) -> None:
        raise ConnectionError("no store")

    def a_link(on_events: Callable[[Sequence[Event]], Awaitable[None]]) -> FleetLink:
        rules = ConversationRules(default_capacity=Capacity(6, 1), factsheet_wait_s=0)
        return FleetLink(
            Fleet(FleetRules(conversation=rules, allowed=frozenset({vehicle.shuttle_id}))),
            broker,
            client_id=f"dispatcher-{vehicle.serial_number}",
            on_events=on_events,
            clock=lambda: T0,
            on_connect=lambda session_present: connected.set(),
        )

    dispatcher = asyncio.create_task(a_link(store_is_gone).run())
    async with asyncio.timeout(PATIENCE_S):
        await connected.wait()
    state = a_state(T0, 1, serial_number=vehicle.serial_number)
    async with aiomqtt.Client(
        broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as shuttle:
        topic = topic_of("uagv", vehicle, Topic.STATE)
        await shuttle.publish(topic, state.to_json(), qos=1)
        with pytest.raises(ExceptionGroup):
            await dispatcher
    # The shuttle says nothing more; what it said was not acknowledged and comes again.
    events = Told()
    async with running(a_link(events)):
        await events.until("joined  0")


async def test_a_body_that_is_no_order_is_a_validation_error(
    broker: BrokerAccess, vehicle: VehicleName
) -> None:
    refusals: asyncio.Queue[VehicleError] = asyncio.Queue()

    def keep(memory: AgentMemory) -> None:
        for refusal in memory.refusals:
            refusals.put_nowait(refusal)

    clock, events = FastClock(), Told()
    async with (
        running(a_fleet_link(broker, vehicle, clock, events)),
        running(an_agent_link(broker, vehicle, clock, keep)),
    ):
        await events.until("joined  0")
        async with aiomqtt.Client(
            broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as stranger:
            await stranger.publish(topic_of("uagv", vehicle, Topic.ORDER), b'{"orderId": 7}', qos=1)
        async with asyncio.timeout(PATIENCE_S):
            refusal = await refusals.get()
    assert refusal.error_type == "validationError"
