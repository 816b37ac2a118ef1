"""MQTT on both sides: the fleet's one connection here, one connection in each shuttle."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import Event
from dispatcher.domain.ids import ShuttleId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.fair_intake import FairIntake, FairRules
from dispatcher.mqtt import (
    AcknowledgingClient,
    ClientMaker,
    Message,
    MqttLink,
    PublishFailed,
    Subscription,
    Will,
)
from vehicles.agent import OnboardAgent
from vehicles.agent_ear import AgentEar
from vehicles.durable_first import DurableFirst
from vehicles.exchange import Outgoing
from vehicles.fleet import Fleet, FleetOutput, Sending
from vehicles.messages import ConnectionState
from vehicles.signing import PlanKeys
from vehicles.topics import (
    DEFAULT_INTERFACE,
    FROM_VEHICLE,
    TO_VEHICLE,
    Topic,
    topic_filter,
    topic_of,
)

# A state repeats the way ahead and the actions of the order; an order has the whole leg.
MAX_BODY_BYTES = 128 * 1024
TICK_S = 0.5
# Messages of shuttles received and not acknowledged; more wait at the broker.
AT_ONCE = 1_000
# Of what a vehicle is and whether it is there only the newest counts. States tell of visits, so
# several are kept, in order.
NEWEST_ONLY = frozenset({Topic.CONNECTION, Topic.FACTSHEET, Topic.VISUALIZATION})
FAREWELL_S = 2.0
MESSAGES_PER_S = 10.0
BURST_S = 5.0  # a vehicle that is back tells the messages of so many seconds at once


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """Where the broker is and how to get in."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    new_client: ClientMaker = AcknowledgingClient


def fair_rules(per_s: float) -> FairRules:
    """So many messages of one vehicle are read each real second."""
    return FairRules(per_s=per_s, burst=max(1, round(BURST_S * per_s)), newest_only=NEWEST_ONLY)


class FleetLink:
    """Carries a fleet's conversations over one connection.

    Parameters
    ----------
    on_events
        Awaited with new events, and begun in their order; it may be begun again before it has
        returned. It returns once the events are durable: only then is the vehicle's message
        acknowledged and anything new sent to that vehicle. It has to wait out troubles of the
        store itself; an exception ends ``run``.
    clock
        Seconds since the epoch.
    may_send
        While it says no, nothing is sent.
    fair
        How much of one vehicle is taken up, and what of the rest is kept.
    """

    def __init__(
        self,
        fleet: Fleet,
        broker: BrokerAccess,
        *,
        client_id: str,
        on_events: Callable[[Sequence[Event]], Awaitable[None]],
        clock: Callable[[], float],
        fair: FairRules | None = None,
        on_connect: Callable[[bool], None] = lambda session_present: None,
        on_disconnect: Callable[[str, float], None] = lambda reason, pause_s: None,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self.fleet = fleet
        self.publishes_failed = 0
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._clock = clock
        self._intake = FairIntake(fair or fair_rules(MESSAGES_PER_S))
        self._durably = DurableFirst(on_events, self._publish)
        self._link = MqttLink(
            broker.host,
            broker.port,
            client_id=client_id,
            username=broker.username,
            password=broker.password,
            tls=broker.tls,
            new_client=broker.new_client,
            # Telemetry is not worth keeping at the broker; what it leads to is.
            subscriptions=[
                Subscription(
                    topic_filter(fleet.rules.interface, topic),
                    qos=0 if topic is Topic.VISUALIZATION else 1,
                    max_body_bytes=MAX_BODY_BYTES,
                )
                for topic in FROM_VEHICLE
            ],
            intake=self._intake,
            receive_maximum=AT_ONCE,
            at_once=AT_ONCE,
            lane_of=lambda message: message.topic.rpartition("/")[0],
            on_message=self._on_message,
            on_connect=self._connected,
            on_disconnect=self._disconnected,
            on_oversized=lambda topic, size: fleet.refuse(topic, "oversized", f"{size} bytes"),
            on_unreadable=lambda topic, reason: fleet.refuse(topic, "unreadable", reason),
            may_send=may_send,
        )

    @property
    def connected(self) -> bool:
        return self._link.connected

    @property
    def waiting(self) -> int:
        """Messages received and not yet handled."""
        return self._link.waiting

    @property
    def received(self) -> int:
        """Messages that came, whatever became of them."""
        return self._link.counts.received

    @property
    def replaced(self) -> int:
        """Messages never read because a newer one of their shuttle came first."""
        return self._intake.replaced

    @property
    def dropped(self) -> int:
        """Messages never read because too many senders waited."""
        return self._intake.dropped

    @property
    def undurable(self) -> int:
        """Shuttles with events that are not durable yet."""
        return len(self._durably)

    @property
    def held_back(self) -> int:
        """Messages to shuttles that wait for those events."""
        return self._durably.held_back

    @property
    def publishing(self) -> int:
        """Publishes that the broker has not confirmed, or not yet read."""
        return self._link.publishing

    @property
    def unacknowledged(self) -> int:
        """Messages received and not acknowledged; the broker keeps them."""
        return self._link.unacknowledged

    async def run(self) -> None:
        """Stay connected until cancelled. May be run again, until ``close``."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._durably.run())
                tasks.create_task(self._link.run())
                tasks.create_task(self._tick())
        finally:
            self.fleet.hearing.lose(self._clock())

    async def close(self) -> None:
        """Give up events that are not durable yet: the process is ending."""
        await self._durably.close()

    async def publish(self, plan: ShuttlePlan, number: int = 0) -> None:
        """Send a plan, and go on sending it until the shuttle echoes it.

        ``number`` is of the event that it follows from.
        """
        await self._carry_out(self.fleet.publish(plan, self._clock(), number))

    async def command(
        self, shuttle_id: ShuttleId, command: ShuttleCommand, number: int, reason: str = ""
    ) -> None:
        """Send an instant action; ``number`` is of the event that it follows from."""
        now = self._clock()
        await self._carry_out(self.fleet.command(shuttle_id, command, number, now, reason))

    def _connected(self, session_present: bool) -> None:
        # What was on its way may be lost with the broker. The next tick sends it.
        self.fleet.hurry(self._clock())
        self._on_connect(session_present)

    def _disconnected(self, reason: str, pause_s: float) -> None:
        self.fleet.hearing.lose(self._clock())
        self._on_disconnect(reason, pause_s)

    def _on_message(self, message: Message) -> Awaitable[None] | None:
        self.fleet.hearing.hear(self._clock())
        output = self.fleet.on_message(
            message.topic, message.payload, self._clock(), retained=message.retain
        )
        if not output.events and not output.sendings:
            return None
        return self._send_after(self._durably.begin(output), output.sendings)

    async def _tick(self) -> None:
        while True:
            now, real_s = self._clock(), asyncio.get_running_loop().time()
            hearing, connected = self.fleet.hearing, self.connected
            excused = hearing.excuses(now, real_s, connected=connected)
            # What shuttles say meanwhile waits, unread, at the broker.
            if excused or self._durably.is_held_up(real_s):
                self.fleet.excuse_silence(now)
            self._durably.begin(FleetOutput(hearing.news(now, connected=connected)))
            await self._carry_out(self.fleet.tick(now))
            await asyncio.sleep(TICK_S)

    async def _carry_out(self, output: FleetOutput) -> None:
        """A step's events begin to be made durable; its messages are sent as soon as they may."""
        self._durably.begin(output)
        await self._durably.send(output.sendings)

    async def _send_after(
        self, durable: Awaitable[None] | None, sendings: Sequence[Sending]
    ) -> None:
        """Returns when the events are durable and the messages sent."""
        if durable is not None:
            # The link may end before the events are durable; they go on their way.
            await asyncio.shield(durable)
        await self._durably.send(sendings)

    async def _publish(self, sending: Sending) -> None:
        try:
            await self._link.publish(
                sending.topic,
                sending.body(),
                qos=sending.outgoing.qos,
                retain=sending.outgoing.retain,
            )
        except PublishFailed:
            # It is due again in a few seconds anyway.
            self.publishes_failed += 1


class AgentLink:
    """Carries one on-board agent's messages, and lets its time pass.

    ``speed`` is how many seconds of ``clock`` pass in one real second. With ``keys`` the agent
    obeys only what one of them has signed. ``on_wire`` hears of each message, ``sent`` or ``got``,
    with topic and body, before anything comes of it.
    """

    def __init__(
        self,
        agent: OnboardAgent,
        broker: BrokerAccess,
        *,
        clock: Callable[[], float],
        interface: str = DEFAULT_INTERFACE,
        speed: float = 1.0,
        keys: PlanKeys | None = None,
        on_wire: Callable[[str, str, bytes], None] = lambda way, topic, body: None,
    ) -> None:
        self.agent = agent
        self._ear = AgentEar(agent, interface, keys=keys)
        self._on_wire = on_wire
        self._clock = clock
        self._speed = speed
        self._vehicle = agent.settings.vehicle
        self._interface = interface
        self._wake = asyncio.Event()
        self._is_up = False
        will = agent.farewell(ConnectionState.CONNECTIONBROKEN, clock())
        self._link = MqttLink(
            broker.host,
            broker.port,
            client_id=f"{self._vehicle.manufacturer}-{self._vehicle.serial_number}",
            username=broker.username,
            password=broker.password,
            tls=broker.tls,
            new_client=broker.new_client,
            subscriptions=[
                Subscription(self._topic(topic), qos=0, max_body_bytes=MAX_BODY_BYTES)
                for topic in TO_VEHICLE
            ],
            will=Will(self._topic(will.topic), will.message.to_json(), qos=1, retain=True),
            # Orders kept by the broker would come late; the dispatcher sends them again.
            session_expiry_s=0,
            on_message=self._on_message,
            on_connect=lambda session_present: self._note(up=True),
            on_disconnect=lambda reason, pause_s: self._note(up=False),
        )

    @property
    def is_up(self) -> bool:
        """Whether the vehicle has the broker."""
        return self._is_up

    async def run(self) -> None:
        """Drive until cancelled, then say goodbye."""
        link = asyncio.create_task(self._link.run())
        driving = asyncio.create_task(self._drive())
        try:
            await asyncio.wait({link, driving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)
            with contextlib.suppress(PublishFailed, TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._publish(self.agent.farewell(ConnectionState.OFFLINE, self._clock()))
            link.cancel()
            await asyncio.gather(link, return_exceptions=True)
        for task in (link, driving):
            if not task.cancelled():
                task.result()

    async def poke(self, said: Sequence[Outgoing]) -> None:
        """Send what the agent said outside its own time, as when a fault was raised."""
        await self._say(said)
        self._wake.set()

    def _topic(self, topic: Topic) -> str:
        return topic_of(self._interface, self._vehicle, topic)

    def _note(self, *, up: bool) -> None:
        self._is_up = up
        self._wake.set()

    async def _drive(self) -> None:
        was_up = False
        while True:
            now = self._clock()
            if self._is_up and not was_up:
                await self._say(self.agent.connected(now))
            elif was_up and not self._is_up:
                self.agent.disconnected(now)
            was_up = self._is_up
            await self._say(self.agent.advance(self._clock()))
            self._wake.clear()
            if self._is_up is not was_up:
                continue
            now = self._clock()
            pause_s = (self.agent.next_due(now) - now) / self._speed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    async def _on_message(self, message: Message) -> None:
        self._on_wire("got", message.topic, message.payload)
        is_order = message.topic == self._topic(Topic.ORDER)
        topic = Topic.ORDER if is_order else Topic.INSTANT_ACTIONS
        said = self._ear.hear(topic, message.payload, self._clock())
        await self._say(said)
        self._wake.set()

    async def _say(self, said: Sequence[Outgoing]) -> None:
        """Send all of it at once: states leave in the order they were made, whoever else speaks."""
        await asyncio.gather(*map(self._try_to_publish, said))

    async def _try_to_publish(self, outgoing: Outgoing) -> None:
        with contextlib.suppress(PublishFailed):  # the next state says it all again
            await self._publish(outgoing)

    async def _publish(self, outgoing: Outgoing) -> None:
        topic, body = self._topic(outgoing.topic), outgoing.message.to_json()
        self._on_wire("sent", topic, body)
        await self._link.publish(topic, body, qos=outgoing.qos, retain=outgoing.retain)
