"""One connection to an MQTT broker, with acknowledgements in our hands.

aiomqtt 2.5 acknowledges a message when it queues it, and hides why a broker refused a
publish. Both are in reach one layer below, in paho; this module is the only one that
reaches there.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Self

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

CONNECT_TIMEOUT_S = 5.0
IN_FLIGHT = 20
"""Publishes sent and not confirmed; the rest of the outbox waits here. mosquitto allows 20."""


# Whatever these would log reaches the caller as a reason, who logs it with its context.
LOGGER = logging.getLogger("dispatcher.mqtt.aiomqtt")
LOGGER.setLevel(logging.CRITICAL)
UNSPECIFIED = 128
"""The reason code paho gives when the connection ended without a word."""


def raise_if_cancelled() -> None:
    """Make up for a cancellation that got lost below.

    ``asyncio.wait_for``, which aiomqtt uses, swallows one that comes together with the
    result (fixed in Python 3.12); and an error on leaving a context replaces one.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class MqttVersion(Enum):
    V5 = aiomqtt.ProtocolVersion.V5
    V311 = aiomqtt.ProtocolVersion.V311


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us when our connection breaks."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class PublishFailed(Exception):  # noqa: N818 - the name says what happened
    """The broker did not confirm a message; says why."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"publish to {topic} failed: {reason}")
        self.topic = topic
        self.reason = reason


class AcknowledgingClient(aiomqtt.Client):
    """An aiomqtt client for one connection; never used again after it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        client_id: str,
        version: MqttVersion,
        will: Will | None,
        username: str | None,
        password: str | None,
        tls: ssl.SSLContext | None,
        session_expiry_s: int,
        keepalive_s: int,
        receive_maximum: int,
        max_packet_bytes: int,
        outbox: int,
        on_unreadable: Callable[[str, str], None],
    ) -> None:
        is_v5 = version is MqttVersion.V5
        keeps_nothing = session_expiry_s == 0
        if is_v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = session_expiry_s
            properties.ReceiveMaximum = receive_maximum
            properties.MaximumPacketSize = max_packet_bytes
            # The default would discard the session at every first connection of an object.
            # Without a session it is discarded on purpose: not every broker heeds an expiry of 0.
            session: dict[str, Any] = {"clean_start": keeps_nothing, "properties": properties}
        else:
            session = {"clean_session": keeps_nothing}
        super().__init__(
            host,
            port,
            logger=LOGGER,
            identifier=client_id,
            protocol=version.value,
            will=None if will is None else aiomqtt.Will(**asdict(will)),
            username=username,
            password=password,
            tls_context=tls,
            timeout=CONNECT_TIMEOUT_S,
            keepalive=keepalive_s,
            max_inflight_messages=IN_FLIGHT,
            max_queued_outgoing_messages=outbox,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            **session,
        )
        self.session_present = False
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done once the connection has ended, with the reason."""
        self._is_v5 = is_v5
        self._outbox = outbox
        self._unconfirmed: dict[int, tuple[str, asyncio.Future[None]]] = {}
        # Before connecting: messages of a kept session follow the broker's greeting at once.
        self._client.manual_ack_set(True)
        self._on_unreadable = on_unreadable
        # paho offers no other place to stop what it cannot read.
        self._handle_publish = self._client._handle_publish  # noqa: SLF001
        self._client._handle_publish = self._take_or_refuse  # type: ignore[method-assign]  # noqa: SLF001

    async def __aenter__(self) -> Self:
        connecting = asyncio.ensure_future(super().__aenter__())
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # The attempt runs in a thread, which cannot be stopped. Left alone it would
            # connect after all and hold our name at the broker. It gives up in seconds.
            with suppress(aiomqtt.MqttError):
                await connecting
                await self.__aexit__(None, None, None)
            raise

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """Tell the broker that it need not keep a message; without effect once disconnected."""
        if message.qos > 0:
            self._client.ack(message.mid, message.qos)

    async def publish_confirmed(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        response_topic: str | None,
        correlation_data: bytes | None,
        expiry_s: int | None,
        timeout_s: float,
    ) -> None:
        """Publish, and with QoS 1 wait for the broker's confirmation.

        Raises
        ------
        PublishFailed
            See ``MqttLink.publish``.
        """
        if len(self._unconfirmed) >= self._outbox:
            raise PublishFailed(topic, f"{self._outbox} publishes wait already")
        properties: Properties | None = None
        if self._is_v5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            if response_topic is not None:
                properties.ResponseTopic = response_topic
            if correlation_data is not None:
                properties.CorrelationData = correlation_data
            if expiry_s is not None:
                properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, qos, retain, properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise PublishFailed(topic, paho.error_string(info.rc))
        if qos == 0:
            return
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unconfirmed[info.mid] = (topic, confirmed)
        try:
            async with asyncio.timeout(timeout_s):
                await confirmed
        except TimeoutError:
            raise PublishFailed(topic, f"not confirmed in {timeout_s:g} s") from None
        finally:
            self._unconfirmed.pop(info.mid, None)

    def _take_or_refuse(self) -> MQTTErrorCode:
        """Take a message in; refuse one that cannot be read.

        paho would end the connection over it, though the broker took it from its sender and
        the standard allows some of it (U+FEFF in a property). Never acknowledged, it would
        come again at each connection, and nothing else would ever come through.
        """
        try:
            return self._handle_publish()
        except Exception as error:
            received = self._client._in_packet  # noqa: SLF001
            packet = received["packet"]
            qos = (received["command"] & 0x06) >> 1
            topic_end = 2 + int.from_bytes(packet[:2], "big")
            mid = int.from_bytes(packet[topic_end : topic_end + 2], "big")
            self._on_unreadable(packet[2:topic_end].decode(errors="replace"), str(error))
            return self._client.ack(mid, qos)

    def fail_pending(self, reason: str) -> None:
        """Let no publish wait for a confirmation that cannot come any more."""
        for topic, confirmed in self._unconfirmed.values():
            if not confirmed.done():
                confirmed.set_exception(PublishFailed(topic, reason))

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.session_present = flags.session_present
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        # aiomqtt forgets a disconnection that comes right after the broker's greeting, and
        # does not let a waiting subscription know of any; hence a note of our own.
        reason = "connection lost" if reason_code.value == UNSPECIFIED else str(reason_code)
        self._loop.call_soon_threadsafe(self._note_gone, reason)
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if self._disconnected.done():
            # Mark the error as seen, or asyncio complains when the future is thrown away.
            self._disconnected.exception()

    def _note_gone(self, reason: str) -> None:
        if not self.gone.done():
            self.gone.set_result(reason)

    def _on_publish(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        topic, confirmed = self._unconfirmed.get(mid, ("", None))
        if confirmed is None or confirmed.done():
            return
        # From 128 up the codes are refusals: not authorised, quota exceeded, ...
        if reason_code.value >= 128:
            confirmed.set_exception(PublishFailed(topic, f"refused: {reason_code}"))
        else:
            confirmed.set_result(None)
