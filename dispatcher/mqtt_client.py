"""One connection to an MQTT broker, with acknowledgements in our hands.

aiomqtt 2.5 acknowledges a message when it queues it, and hides why a broker refused a
publish. Both are in reach one layer below, in paho; this module is the only one that
reaches there.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from enum import Enum
from functools import partial
from types import TracebackType
from typing import Any, Never, Self

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.matcher import MQTTMatcher
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from dispatcher.mqtt_messages import AckWindow, Arrival, Message, Subscription, Will
from dispatcher.mqtt_socket import QuickSocket

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


class PublishFailed(Exception):  # noqa: N818 - the name says what happened
    """The broker did not confirm a message; says why.

    ``refused`` where the broker itself said no: trying again will hardly help. Otherwise
    nothing is known about the message; the connection or our own bounds were in the way.
    """

    def __init__(self, topic: str, reason: str, *, refused: bool = False) -> None:
        super().__init__(f"publish to {topic} failed: {reason}")
        self.topic = topic
        self.reason = reason
        self.refused = refused


class _NoFilters(MQTTMatcher):
    """No callbacks by topic, which nobody here asks for.

    paho's own matcher makes a function that refers to itself for each message: the only cycles
    that come at the pace of messages, and a look for garbage through all that is new every 3 s.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def iter_match(self, topic: str) -> Iterator[Never]:
        return iter(())


class AcknowledgingClient(aiomqtt.Client):
    """An aiomqtt client for one connection; never used again after it.

    ``take_in`` is called with each message as it comes: there is no queue below, so none that
    could grow or lose. ``on_unreadable`` hears of what could not be read, and why.
    """

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
        take_in: Callable[[Arrival], None],
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
        self._socket = QuickSocket(self._client, self._loop, self._note_error)
        self._window = AckWindow(self._socket.acknowledge)
        self._take_in = take_in
        # Before connecting: messages of a kept session follow the broker's greeting at once.
        self._client.manual_ack_set(True)
        self._client._on_message_filtered = _NoFilters()  # noqa: SLF001
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

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        # What is done with must not come again because we left in the same turn of the loop.
        self._socket.send_acknowledgements()
        await super().__aexit__(exc_type, exc, tb)

    @property
    def unacknowledged(self) -> int:
        """Messages that came with QoS 1 and are not acknowledged."""
        return len(self._window)

    @property
    def publishing(self) -> int:
        """Publishes that the broker has not confirmed, or not yet read."""
        waiting = len(self._client._out_messages)  # noqa: SLF001 - with QoS 1
        return max(waiting, len(self._client._out_packet))  # noqa: SLF001

    async def listen(self, subscription: Subscription) -> None:
        """Subscribe.

        Raises
        ------
        aiomqtt.MqttError
            Refused by the broker although it is required, or not answered.
        """
        if self._is_v5:
            options = SubscribeOptions(qos=subscription.qos, noLocal=not subscription.own_too)
            granted = await self.subscribe(subscription.topic_filter, options=options)
        else:
            granted = await self.subscribe(subscription.topic_filter, qos=subscription.qos)
        raise_if_cancelled()
        code = granted[0] if isinstance(granted[0], int) else granted[0].value
        if code >= 128 and subscription.required:
            raise aiomqtt.MqttError(f"subscription {subscription.topic_filter} was refused")

    def end(self, reason: str) -> None:
        """The connection is over: let nobody wait for what cannot come, nor acknowledge."""
        self._window.close()
        for topic, confirmed in self._unconfirmed.values():
            if not confirmed.done():
                confirmed.set_exception(PublishFailed(topic, reason))

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
        mid = self.post(
            topic,
            payload,
            qos=qos,
            retain=retain,
            response_topic=response_topic,
            correlation_data=correlation_data,
            expiry_s=expiry_s,
        )
        if qos == 0:
            return
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unconfirmed[mid] = (topic, confirmed)
        try:
            async with asyncio.timeout(timeout_s):
                await confirmed
        except TimeoutError:
            raise PublishFailed(topic, f"not confirmed in {timeout_s:g} s") from None
        finally:
            self._unconfirmed.pop(mid, None)

    def post(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        response_topic: str | None,
        correlation_data: bytes | None,
        expiry_s: int | None,
    ) -> int:
        """Publish without waiting for anything; the packet's id.

        Raises
        ------
        PublishFailed
            Not connected, or too much waits for the broker.
        """
        # With QoS 0, what the broker is too slow to read waits below, without a bound of paho's.
        if self.publishing >= self._outbox:
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
        return info.mid

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
            topic = packet[2:topic_end].decode(errors="replace")
            self._on_unreadable(topic, str(error))
            self._window.came(Message(topic, b"", qos), mid).done()
            return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        properties = message.properties
        came = Message(
            message.topic,
            bytes(message.payload),
            message.qos,
            message.retain,
            getattr(properties, "ResponseTopic", None),
            getattr(properties, "CorrelationData", None),
        )
        self._take_in(self._window.came(came, message.mid))

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

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        wait_for_room = partial(super()._on_socket_register_write, client, userdata, sock)
        if self._socket.is_ours:
            self._socket.write_soon(wait_for_room)
        else:
            wait_for_room()

    def _note_error(self, error: Exception) -> None:
        # As aiomqtt does with what it hears from the socket itself.
        if not self._disconnected.done():
            self._disconnected.set_exception(error)

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
            refusal = PublishFailed(topic, f"refused: {reason_code}", refused=True)
            confirmed.set_exception(refusal)
        else:
            confirmed.set_result(None)
