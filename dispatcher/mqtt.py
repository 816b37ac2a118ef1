"""One lasting connection to an MQTT broker that loses nothing silently.

A QoS 1 message is acknowledged only when its handler has returned, that is, after what
it says has been written down. Until then the broker keeps it, and delivers it again
after a reconnection: handlers see messages at least once.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiomqtt

from dispatcher.mqtt_client import (
    AcknowledgingClient,
    MqttVersion,
    PublishFailed,
    Will,
    raise_if_cancelled,
)
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

MAX_BODY_BYTES: Final = 8 * 1024
MAX_PACKET_BYTES: Final = 256 * 1024
"""Larger packets are not even sent to us by an MQTT 5 broker."""
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 10.0
STEADY_AFTER_S: Final = 5.0
"""A connection that lasts this long lets the next pause start small again."""


ClientMaker = Callable[..., AcknowledgingClient]
"""Called as ``AcknowledgingClient`` is."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to listen to. Longer bodies are refused before anyone parses them."""

    topic_filter: str
    qos: int = 1
    max_body_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came; the last two are set by MQTT 5 senders who want an answer."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    response_topic: str | None = None
    correlation_data: bytes | None = None


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
        Awaited for one message at a time, in order of arrival. Return means "done with
        it"; an exception is a mistake of ours and ends ``run``.
    session_expiry_s
        How long the broker keeps messages for us while we are away; 0 for not at all.
    receive_maximum
        Bound on unacknowledged QoS 1 messages; more wait at the broker. An MQTT 3.1.1
        broker is not told and uses its own bound.
    inbox
        Bound on waiting QoS 0 messages, for which the broker has none; the oldest of the
        same topic go first.
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
        on_message: Callable[[Message], Awaitable[None]],
        version: MqttVersion = MqttVersion.V5,
        will: Will | None = None,
        username: str | None = None,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        session_expiry_s: int = 3600,
        keepalive_s: int = 15,
        receive_maximum: int = 64,
        inbox: int = 1000,
        outbox: int = 1000,
        publish_timeout_s: float = 5.0,
        on_connect: Callable[[bool], None] = lambda session_present: None,
        on_disconnect: Callable[[str, float], None] = lambda reason, pause_s: None,
        on_oversized: Callable[[str, int], None] = lambda topic, size: None,
        on_unreadable: Callable[[str, str], None] = lambda topic, reason: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        new_client: ClientMaker = AcknowledgingClient,
    ) -> None:
        self.counts = LinkCounts()
        self._subscriptions = tuple(subscriptions)
        self._on_message = on_message
        self._publish_timeout_s = publish_timeout_s
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._on_oversized = on_oversized
        self._on_unreadable = on_unreadable
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
            on_unreadable=self._note_unreadable,
        )
        self._inbox: Inbox[tuple[AcknowledgingClient, aiomqtt.Message]] = Inbox(inbox)
        self._client: AcknowledgingClient | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker is there and all subscriptions stand."""
        return self._client is not None

    @property
    def waiting(self) -> int:
        """Messages received and not yet handled."""
        return len(self._inbox)

    @property
    def dropped(self) -> int:
        """QoS 0 messages dropped because the inbox was full."""
        return self._inbox.dropped

    async def run(self) -> None:
        """Stay connected and deliver until cancelled.

        Raises
        ------
        ExceptionGroup
            With what ``on_message`` raised. The message stays unacknowledged.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver())
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
                session = asyncio.create_task(self._session(client))
                either: set[asyncio.Future[Any]] = {session, client.gone}
                try:
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    self._client = None
                    session.cancel()
                    await asyncio.gather(session, return_exceptions=True)
                if client.gone.done():
                    return client.gone.result()
                await session
        except aiomqtt.MqttError as error:
            # Leaving a broken connection raises, even when we leave because we are cancelled.
            raise_if_cancelled()
            return str(error)
        finally:
            client.fail_pending("connection lost")
            # What was not handled will come again; acknowledging it is no longer possible.
            self._inbox.clear()
        raise AssertionError("a session does not end by itself")

    async def _session(self, client: AcknowledgingClient) -> None:
        # Messages kept for us come before the subscriptions are confirmed, and wait.
        await self._subscribe(client)
        self._client = client
        self.counts.connections += 1
        self._on_connect(client.session_present)
        async for message in client.messages:
            self._take_in(client, message)

    async def _subscribe(self, client: AcknowledgingClient) -> None:
        for subscription in self._subscriptions:
            granted = await client.subscribe(subscription.topic_filter, qos=subscription.qos)
            raise_if_cancelled()
            code = granted[0] if isinstance(granted[0], int) else granted[0].value
            if code >= 128:
                raise aiomqtt.MqttError(f"subscription {subscription.topic_filter} was refused")

    def _take_in(self, client: AcknowledgingClient, message: aiomqtt.Message) -> None:
        self.counts.received += 1
        if len(message.payload) > self._limit(message.topic):
            self.counts.oversized += 1
            self._on_oversized(message.topic.value, len(message.payload))
            # Kept unacknowledged, it would come again for ever.
            client.acknowledge(message)
        else:
            sender = message.topic.value if message.qos == 0 else None
            self._inbox.put((client, message), droppable_by=sender)

    def _note_unreadable(self, topic: str, reason: str) -> None:
        self.counts.unreadable += 1
        self._on_unreadable(topic, reason)

    async def _deliver(self) -> None:
        while True:
            client, message = await self._inbox.get()
            properties = message.properties
            await self._on_message(
                Message(
                    topic=message.topic.value,
                    payload=message.payload,
                    qos=message.qos,
                    retain=message.retain,
                    response_topic=getattr(properties, "ResponseTopic", None),
                    correlation_data=getattr(properties, "CorrelationData", None),
                )
            )
            client.acknowledge(message)

    def _limit(self, topic: aiomqtt.Topic) -> int:
        for subscription in self._subscriptions:
            if topic.matches(subscription.topic_filter):
                return subscription.max_body_bytes
        return MAX_BODY_BYTES
