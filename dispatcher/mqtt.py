"""One lasting connection to an MQTT broker that loses nothing silently.

A QoS 1 message is acknowledged only when its handler has returned, that is, after what
it says has been written down. Until then the broker keeps it, and delivers it again
after a reconnection: handlers see messages at least once. Messages of different senders
may be handled at once, so that one that takes its time holds up nobody else.
"""

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import aiomqtt
from paho.mqtt.client import topic_matches_sub

from dispatcher.mqtt_client import (
    AcknowledgingClient,
    MqttVersion,
    PublishFailed,
    raise_if_cancelled,
)
from dispatcher.mqtt_messages import MAX_BODY_BYTES, Arrival, Message, Subscription, Will
from dispatcher.queues import Inbox

__all__ = [
    "AcknowledgingClient",
    "ClientMaker",
    "Message",
    "MqttLink",
    "PublishFailed",
    "Subscription",
    "Will",
]

MAX_PACKET_BYTES: Final = 256 * 1024
"""Larger packets are not even sent to us by an MQTT 5 broker."""
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 4.0
"""After a restart of the broker both ends are back in time for every shuttle to have its
right plan within 15 s: at most 4 s each until connected, and then plans are sent at once."""
STEADY_AFTER_S: Final = 5.0
"""A connection that lasts this long lets the next pause start small again."""
RECEIVE_MAXIMUM: Final = 64
AT_A_STRETCH: Final = 4
"""After so many messages handled without a pause everything else in the process has its turn."""
QOS0_WAITING: Final = 1000
PUBLISHES_WAITING: Final = 1000


ClientMaker = Callable[..., AcknowledgingClient]
"""Called as ``AcknowledgingClient`` is."""


class Intake(Protocol):
    """Where messages wait for their handler. One task puts and one gets."""

    @property
    def dropped(self) -> int:
        """Messages never handled because too much waited."""
        ...

    def put(self, arrival: Arrival) -> None: ...

    async def get(self) -> Arrival: ...

    def finished(self, arrival: Arrival) -> None:
        """What was taken is handled, or will not be."""
        ...

    def clear(self) -> None:
        """Forget what waits: it can be acknowledged no more."""
        ...

    def begin_anew(self) -> None:
        """Forget what waits and what was taken: nobody is at it any more."""
        ...

    def __len__(self) -> int: ...


@dataclass(slots=True)
class LinkCounts:
    """What happened since the start, for health and metrics."""

    connections: int = 0
    received: int = 0
    oversized: int = 0
    unreadable: int = 0
    published: int = 0
    publishes_failed: int = 0


class MqttLink:
    """Connects, reconnects, delivers and publishes until cancelled.

    Parameters
    ----------
    client_id
        Names the session at the broker: stable over restarts, and used by one process only
        (the broker disconnects the former holder).
    on_message
        Called for each message; what it returns is awaited, if it returns something. Then
        we are done with the message. An exception is a mistake of ours and ends ``run``.
    lane_of, at_once
        Messages of one lane are handled one at a time, in order of arrival; up to
        ``at_once`` of different lanes together. Without them all are one lane.
    session_expiry_s
        How long the broker keeps messages for us while we are away; 0 for not at all.
    receive_maximum
        Bound on unacknowledged QoS 1 messages; more wait at the broker. An MQTT 3.1.1
        broker is not told and uses its own bound.
    intake
        Where messages wait. By default a queue in order of arrival, with a bound on QoS 0
        messages, for which the broker has none; the oldest of the same topic go first.
    outbox
        Bound on publishes that wait for the broker; more fail at once.
    on_connect
        Called when all subscriptions stand; the argument says whether the broker had
        kept our session.
    on_disconnect
        Called with the reason, and the pause before the next attempt in seconds.
    on_oversized
        Called with topic and size of a refused body.
    on_unreadable
        Called with topic and reason for a message whose MQTT properties make no sense.
    may_send
        While it says no, every publish fails: for a dispatcher that leads no more.
    new_client
        Makes the client of one connection; another than the real one is for simulations.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        client_id: str,
        subscriptions: Sequence[Subscription],
        on_message: Callable[[Message], Awaitable[None] | None],
        version: MqttVersion = MqttVersion.V5,
        will: Will | None = None,
        username: str | None = None,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        session_expiry_s: int = 3600,
        keepalive_s: int = 15,
        receive_maximum: int = RECEIVE_MAXIMUM,
        intake: Intake | None = None,
        lane_of: Callable[[Message], str] = lambda message: "",
        at_once: int = 1,
        outbox: int = PUBLISHES_WAITING,
        publish_timeout_s: float = 5.0,
        on_connect: Callable[[bool], None] = lambda session_present: None,
        on_disconnect: Callable[[str, float], None] = lambda reason, pause_s: None,
        on_oversized: Callable[[str, int], None] = lambda topic, size: None,
        on_unreadable: Callable[[str, str], None] = lambda topic, reason: None,
        may_send: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        new_client: ClientMaker = AcknowledgingClient,
    ) -> None:
        self.counts = LinkCounts()
        self._subscriptions = tuple(subscriptions)
        self._least_limit = min((s.max_body_bytes for s in subscriptions), default=MAX_BODY_BYTES)
        self._on_message = on_message
        self._publish_timeout_s = publish_timeout_s
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._on_oversized = on_oversized
        self._on_unreadable = on_unreadable
        self._may_send = may_send
        self._sleep = sleep
        self._jitter = jitter
        # A used client object keeps parts of its former connection, so each gets its own.
        self._new_client: Callable[[], AcknowledgingClient] = lambda: new_client(
            host,
            port,
            client_id=client_id,
            version=version,
            will=will,
            username=username,
            password=password,
            tls=tls,
            session_expiry_s=session_expiry_s,
            keepalive_s=keepalive_s,
            receive_maximum=receive_maximum,
            max_packet_bytes=MAX_PACKET_BYTES,
            outbox=outbox,
            take_in=self._take_in,
            on_unreadable=self._note_unreadable,
        )
        self._intake: Intake = intake if intake is not None else QueuedIntake(QOS0_WAITING)
        self._lane_of = lane_of
        self._lanes: dict[str, deque[Arrival]] = {}  # lanes at work, and what waits in each
        self._at_once = at_once
        self._room = asyncio.Semaphore(at_once)
        self._standing = asyncio.Event()
        self._client: AcknowledgingClient | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker is there and all subscriptions stand."""
        return self._client is not None

    @property
    def waiting(self) -> int:
        """Messages received and not yet begun to be handled."""
        return len(self._intake) + sum(map(len, self._lanes.values()))

    @property
    def unacknowledged(self) -> int:
        """Messages received with QoS 1 and not acknowledged; the broker keeps them."""
        return 0 if self._client is None else self._client.unacknowledged

    @property
    def publishing(self) -> int:
        """Publishes that the broker has not confirmed, or not yet read."""
        return 0 if self._client is None else self._client.publishing

    @property
    def dropped(self) -> int:
        """Messages dropped because too much waited."""
        return self._intake.dropped

    async def run(self) -> None:
        """Stay connected and deliver until cancelled. May be run again after that.

        Raises
        ------
        ExceptionGroup
            With what ``on_message`` raised. The message stays unacknowledged.
        """
        # Handlers of an earlier run were cancelled; their messages come again.
        self._lanes.clear()
        self._room = asyncio.Semaphore(self._at_once)
        self._intake.begin_anew()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver(tasks))
            tasks.create_task(self._stay_connected())

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        response_topic: str | None = None,
        correlation_data: bytes | None = None,
        expiry_s: int | None = None,
    ) -> None:
        """Hand one message to the broker; with QoS 1, return when it has it.

        That does not mean that any receiver has got it. The last three arguments reach
        MQTT 5 receivers only; ``expiry_s`` bounds how long the broker keeps the message.

        Raises
        ------
        PublishFailed
            Not connected, too much waiting, refused by the broker (seen with MQTT 5 and
            QoS 1 only), or not confirmed in time; in the last case it may have arrived.
        """
        client = self._client
        try:
            if client is None:
                raise PublishFailed(topic, "not connected")
            if not self._may_send():
                raise PublishFailed(topic, "not the leader")
            await client.publish_confirmed(
                topic,
                payload,
                qos=qos,
                retain=retain,
                response_topic=response_topic,
                correlation_data=correlation_data,
                expiry_s=expiry_s,
                timeout_s=self._publish_timeout_s,
            )
        except PublishFailed:
            self.counts.publishes_failed += 1
            raise
        self.counts.published += 1

    def post(
        self,
        topic: str,
        payload: bytes,
        *,
        correlation_data: bytes | None = None,
        expiry_s: int | None = None,
    ) -> None:
        """Hand one message to the broker with QoS 1, and do not wait to hear that it has it.

        Raises
        ------
        PublishFailed
            Not connected, too much waiting, or no leader any more. That the broker refused it
            stays unknown.
        """
        try:
            if self._client is None:
                raise PublishFailed(topic, "not connected")
            if not self._may_send():
                raise PublishFailed(topic, "not the leader")
            self._client.post(
                topic,
                payload,
                qos=1,
                retain=False,
                response_topic=None,
                correlation_data=correlation_data,
                expiry_s=expiry_s,
            )
        except PublishFailed:
            self.counts.publishes_failed += 1
            raise
        self.counts.published += 1

    async def _stay_connected(self) -> None:
        pause_s = FIRST_PAUSE_S
        clock = asyncio.get_running_loop().time
        while True:
            started_s = clock()
            reason = await self._one_connection()
            if clock() - started_s >= STEADY_AFTER_S:
                pause_s = FIRST_PAUSE_S
            # Half fixed, half random: a thousand clients must not all come back at once.
            jittered_s = pause_s * (0.5 + 0.5 * self._jitter())
            self._on_disconnect(reason, jittered_s)
            await self._sleep(jittered_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _one_connection(self) -> str:
        """Connect, subscribe and take messages in; answer why the connection ended."""
        client = self._new_client()
        try:
            async with client:
                listening = asyncio.create_task(self._listen(client))
                either: set[asyncio.Future[Any]] = {listening, client.gone}
                try:
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                    if not client.gone.done():
                        await listening
                    return await client.gone
                finally:
                    self._client = None
                    self._standing.clear()
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
        except aiomqtt.MqttError as error:
            # Leaving a broken connection raises, even when we leave because we are cancelled.
            raise_if_cancelled()
            return str(error)
        finally:
            client.end("connection lost")
            # What was not handled will come again; acknowledging it is no longer possible.
            self._intake.clear()

    async def _listen(self, client: AcknowledgingClient) -> None:
        # Messages kept for us come before the subscriptions are confirmed, and wait.
        for subscription in self._subscriptions:
            await client.listen(subscription)
        self._client = client
        self.counts.connections += 1
        self._standing.set()
        self._on_connect(client.session_present)

    def _take_in(self, arrival: Arrival) -> None:
        self.counts.received += 1
        message = arrival.message
        size = len(message.payload)
        if size > self._least_limit and size > self._limit(message.topic):
            self.counts.oversized += 1
            self._on_oversized(message.topic, size)
            # Kept unacknowledged, it would come again for ever.
            arrival.done()
        else:
            self._intake.put(arrival)

    def _note_unreadable(self, topic: str, reason: str) -> None:
        self.counts.unreadable += 1
        self._on_unreadable(topic, reason)

    async def _deliver(self, tasks: asyncio.TaskGroup) -> None:
        """Handle what comes; one that came over an earlier connection will come again."""
        at_a_stretch = 0
        while True:
            arrival = await self._intake.get()
            await self._standing.wait()
            await self._room.acquire()
            lane = self._lane_of(arrival.message)
            if lane in self._lanes:
                self._lanes[lane].append(arrival)
                continue
            handling = self._begin(arrival)
            if handling is None:
                at_a_stretch += 1
                if at_a_stretch % AT_A_STRETCH == 0:
                    await asyncio.sleep(0)
            elif self._at_once == 1:
                await handling
                self._over(arrival)
            else:
                self._lanes[lane] = deque()
                working = tasks.create_task(self._work(lane, arrival, handling))
                working.add_done_callback(partial(_close, handling))

    async def _work(self, lane: str, arrival: Arrival, handling: Awaitable[None] | None) -> None:
        """Finish one message, and handle what waits in its lane until nothing does."""
        waiting = self._lanes[lane]
        while True:
            if handling is not None:
                await handling
                self._over(arrival)
            if not waiting:
                break
            arrival = waiting.popleft()
            handling = self._begin(arrival)
        del self._lanes[lane]

    def _begin(self, arrival: Arrival) -> Awaitable[None] | None:
        """Begin to handle a message; None if that was all, or if it will come again."""
        handling = None if arrival.lost else self._on_message(arrival.message)
        if handling is None:
            self._over(arrival)
        return handling

    def _over(self, arrival: Arrival) -> None:
        arrival.done()
        self._intake.finished(arrival)
        self._room.release()

    def _limit(self, topic: str) -> int:
        for subscription in self._subscriptions:
            if topic_matches_sub(subscription.topic_filter, topic):
                return subscription.max_body_bytes
        return MAX_BODY_BYTES


def _close(handling: Awaitable[None], working: asyncio.Task[None]) -> None:
    # Cancelled before its first turn, the task has not awaited it.
    if asyncio.iscoroutine(handling):
        handling.close()


class QueuedIntake:
    """In order of arrival; of QoS 0 messages at most ``bound`` wait, and the oldest go first."""

    def __init__(self, bound: int) -> None:
        self._inbox: Inbox[Arrival] = Inbox(bound)

    @property
    def dropped(self) -> int:
        return self._inbox.dropped

    def put(self, arrival: Arrival) -> None:
        message = arrival.message
        self._inbox.put(arrival, droppable_by=message.topic if message.qos == 0 else None)

    async def get(self) -> Arrival:
        return await self._inbox.get()

    def finished(self, arrival: Arrival) -> None:
        pass

    def clear(self) -> None:
        self._inbox.clear()

    def begin_anew(self) -> None:
        self._inbox.clear()

    def __len__(self) -> int:
        return len(self._inbox)
