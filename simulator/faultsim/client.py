"""One connection to the simulated broker, with the methods of ``AcknowledgingClient``."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Self

import aiomqtt

from dispatcher.mqtt_client import CONNECT_TIMEOUT_S, IN_FLIGHT, PublishFailed
from dispatcher.mqtt_messages import Will
from simulator.faultsim.broker import (
    Link,
    Publication,
    SimBroker,
    SimMessage,
    SimProperties,
)
from simulator.faultsim.loop import SimProcess


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
        self._link: Link | None = None
        self._waiting: asyncio.Queue[SimMessage] = asyncio.Queue()
        self._unconfirmed: dict[int, tuple[str, asyncio.Future[None]]] = {}
        self._window = asyncio.Semaphore(IN_FLIGHT)
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
    def messages(self) -> AsyncIterator[SimMessage]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[SimMessage]:
        while True:
            yield await self._waiting.get()

    async def subscribe(self, topic_filter: str, qos: int = 0) -> tuple[int, ...]:
        await asyncio.sleep(0.002)
        assert self._link is not None
        if not self._broker.subscribe(self._link, topic_filter, qos):
            await asyncio.sleep(CONNECT_TIMEOUT_S)
            raise aiomqtt.MqttError("Operation timed out")
        await asyncio.sleep(0.002)
        return (qos,)

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
        if len(self._unconfirmed) >= self._outbox:
            raise PublishFailed(topic, f"{self._outbox} publishes wait already")
        link = self._link
        if link is None or self.gone.done():
            raise PublishFailed(topic, "The client is not currently connected.")
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
            return
        self._published += 1
        mid = self._published
        confirmed: asyncio.Future[None] = self._loop.create_future()
        self._unconfirmed[mid] = (topic, confirmed)
        try:
            async with asyncio.timeout(timeout_s):
                async with self._window:
                    self._broker.publish(link, publication, lambda: _confirm(confirmed))
                    await confirmed
        except TimeoutError:
            raise PublishFailed(topic, f"not confirmed in {timeout_s:g} s") from None
        finally:
            self._unconfirmed.pop(mid, None)

    def acknowledge(self, message: SimMessage) -> None:
        if message.qos > 0 and self._link is not None and not self.gone.done():
            self._broker.acknowledge(self._link, message.mid)

    def fail_pending(self, reason: str) -> None:
        for topic, confirmed in self._unconfirmed.values():
            if not confirmed.done():
                confirmed.set_exception(PublishFailed(topic, reason))

    # The broker's side of the connection

    def receive(self, message: SimMessage) -> None:
        if self._process.alive:
            self._waiting.put_nowait(message)

    def close(self, reason: str) -> None:
        if not self.gone.done():
            self.gone.set_result(reason)


class SimNetwork:
    """Makes the clients of one process, and ends their connections with it."""

    def __init__(self, broker: SimBroker, process: SimProcess) -> None:
        self._broker = broker
        self._process = process
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


def _confirm(confirmed: asyncio.Future[None]) -> None:
    if not confirmed.done():
        confirmed.set_result(None)


def _no_news() -> None:
    """QoS 0 is not confirmed."""
