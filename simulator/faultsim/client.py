"""One connection to the simulated broker, with the methods of ``AcknowledgingClient``."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import aiomqtt

from dispatcher.mqtt_client import CONNECT_TIMEOUT_S, IN_FLIGHT, PublishFailed
from dispatcher.mqtt_messages import AckWindow, Arrival, Message, Subscription, Will
from simulator.faultsim.broker import (
    Link,
    Publication,
    SimBroker,
    SimMessage,
    SimProperties,
)
from simulator.faultsim.loop import SimProcess


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A publish with QoS 1 that the broker has not confirmed."""

    publication: Publication
    confirmed: asyncio.Future[None]


class SimClient:
    """Made for one connection by a process; never used again after it."""

    def __init__(
        self,
        broker: SimBroker,
        process: SimProcess,
        *,
        client_id: str,
        will: Will | None,
        session_expiry_s: int,
        receive_maximum: int,
        outbox: int,
        take_in: Callable[[Arrival], None],
        on_send: Callable[[str], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.session_present = False
        self.gone: asyncio.Future[str] = loop.create_future()
        self._loop = loop
        self._broker = broker
        self._process = process
        self._client_id = client_id
        self._will = will
        self._keeps = session_expiry_s > 0
        self._receive_maximum = receive_maximum
        self._outbox = outbox
        self._take_in = take_in
        self._on_send = on_send
        self._link: Link | None = None
        self._window = AckWindow(self._acknowledge)
        self._unconfirmed: dict[int, _Outgoing] = {}  # sent
        self._unsent: deque[_Outgoing] = deque()  # too many are sent and not confirmed
        self._published = 0

    @property
    def link(self) -> Link | None:
        return self._link

    async def __aenter__(self) -> Self:
        await asyncio.sleep(0.003)
        made = self._broker.connect(
            self._client_id,
            self,
            will=self._will,
            clean=not self._keeps,
            keeps=self._keeps,
            receive_maximum=self._receive_maximum,
        )
        if made is None:
            if self._client_id in self._broker.unreachable:
                await asyncio.sleep(CONNECT_TIMEOUT_S)
                raise aiomqtt.MqttError("Operation timed out")
            raise aiomqtt.MqttError("[Errno 111] Connection refused")
        self._link, self.session_present = made
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._link is not None:
            self._broker.disconnect(self._link)
            self._link.carries = False

    @property
    def unacknowledged(self) -> int:
        return len(self._window)

    @property
    def publishing(self) -> int:
        return len(self._unconfirmed) + len(self._unsent)

    async def listen(self, subscription: Subscription) -> None:
        await asyncio.sleep(0.002)
        assert self._link is not None
        if not self._broker.subscribe(
            self._link, subscription.topic_filter, subscription.qos, own_too=subscription.own_too
        ):
            await asyncio.sleep(CONNECT_TIMEOUT_S)
            raise aiomqtt.MqttError("Operation timed out")
        await asyncio.sleep(0.002)

    def end(self, reason: str) -> None:
        self._window.close()
        for outgoing in (*self._unconfirmed.values(), *self._unsent):
            if not outgoing.confirmed.done():
                outgoing.confirmed.set_exception(PublishFailed(outgoing.publication.topic, reason))
                # Nobody waits for what was only posted.
                outgoing.confirmed.exception()

    async def publish_confirmed(self, topic: str, payload: bytes, **options: Any) -> None:
        timeout_s = options.pop("timeout_s")
        confirmed = self._publish(topic, payload, **options)
        if confirmed is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(confirmed)
        except TimeoutError:
            raise PublishFailed(topic, f"not confirmed in {timeout_s:g} s") from None

    def post(self, topic: str, payload: bytes, **options: Any) -> int:
        self._publish(topic, payload, **options)
        return self._published

    def _publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        response_topic: str | None,
        correlation_data: bytes | None,
        expiry_s: int | None,
    ) -> asyncio.Future[None] | None:
        """Sent now, or when less is under way; answers who hears of its confirmation."""
        if self.publishing >= self._outbox:
            raise PublishFailed(topic, f"{self._outbox} publishes wait already")
        link = self._link
        if link is None or self.gone.done():
            raise PublishFailed(topic, "The client is not currently connected.")
        self._on_send(topic)
        publication = Publication(
            topic,
            payload,
            qos,
            retain,
            SimProperties(response_topic, correlation_data),
            None if expiry_s is None else self._loop.time() + expiry_s,
        )
        if qos == 0:
            self._broker.publish(link, publication, _no_news)
            return None
        outgoing = _Outgoing(publication, self._loop.create_future())
        self._unsent.append(outgoing)
        self._send_more()
        return outgoing.confirmed

    def _send_more(self) -> None:
        assert self._link is not None
        while self._unsent and len(self._unconfirmed) < IN_FLIGHT:
            self._published += 1
            mid = self._published
            self._unconfirmed[mid] = self._unsent.popleft()
            self._broker.publish(
                self._link, self._unconfirmed[mid].publication, partial(self._confirm, mid)
            )

    def _confirm(self, mid: int) -> None:
        outgoing = self._unconfirmed.pop(mid, None)
        if outgoing is None:
            return
        if not outgoing.confirmed.done():
            outgoing.confirmed.set_result(None)
        self._send_more()

    def _acknowledge(self, mid: int, qos: int) -> None:
        if self._link is not None and not self.gone.done():
            self._broker.acknowledge(self._link, mid)

    # The broker's side of the connection

    def receive(self, message: SimMessage) -> None:
        """A message came; the process takes it in when it is its turn."""
        self._process.soon(self._take, message)

    def close(self, reason: str) -> None:
        if not self.gone.done():
            self.gone.set_result(reason)

    def _take(self, message: SimMessage) -> None:
        if self.gone.done() or self._window.closed:
            return
        came = Message(
            message.topic.value,
            message.payload,
            message.qos,
            message.retain,
            message.properties.ResponseTopic,
            message.properties.CorrelationData,
        )
        self._take_in(self._window.came(came, message.mid))


class SimNetwork:
    """Makes the clients of one process, and ends their connections with it.

    ``on_send`` hears of each publish when the process asks for it.
    """

    def __init__(
        self,
        broker: SimBroker,
        process: SimProcess,
        on_send: Callable[[str], None] = lambda topic: None,
    ) -> None:
        self._broker = broker
        self._process = process
        self._on_send = on_send
        self._made: list[SimClient] = []

    def new_client(self, host: str, port: int, **options: Any) -> Any:
        """In place of ``AcknowledgingClient``."""
        client = SimClient(
            self._broker,
            self._process,
            client_id=options["client_id"],
            will=options["will"],
            session_expiry_s=options["session_expiry_s"],
            receive_maximum=options["receive_maximum"],
            outbox=options["outbox"],
            take_in=options["take_in"],
            on_send=self._on_send,
        )
        self._made = [made for made in self._made if not made.gone.done()]
        self._made.append(client)
        return client

    def keepalive_lost(self) -> None:
        """The process has not pinged for too long, as the broker sees it."""
        if self._process.paused:
            for client in self._made:
                if client.link is not None:
                    self._broker.keepalive_lost(client.link)

    def process_died(self) -> None:
        for client in self._made:
            if client.link is not None:
                self._broker.process_gone(client.link)


def _no_news() -> None:
    """QoS 0 is not confirmed."""
