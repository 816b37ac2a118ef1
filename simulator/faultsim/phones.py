"""All riders, with their phones behind one connection, in the world's time."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from dispatcher.mqtt import Message, MqttLink, PublishFailed, Subscription
from simulator.concourse import Concourse
from simulator.crowd import Crowd
from simulator.demand import Demand, Wisher
from simulator.faultsim.broker import SimBroker
from simulator.faultsim.client import SimNetwork
from simulator.faultsim.clock import START_S
from simulator.faultsim.loop import Outside, SimLoop, SimProcess
from simulator.wire import WireMessage
from simulator.world import World

CLIENT_ID = "phones"
_NEVER_S: Final = 1e6  # longer than any history


class LoopWorld(World):
    """The world's time, led by the loop. What is asked for belongs to no process."""

    def __init__(self, outside: Outside) -> None:
        super().__init__(START_S)
        self._outside = outside

    @property
    def now(self) -> float:
        return START_S + self._outside.time()

    def at(self, moment: float, happening: Callable[[], None]) -> None:
        self._outside.call_at(max(moment - START_S, self._outside.time()), happening)


@dataclass(frozen=True, slots=True, eq=False)
class CityDemand(Demand):
    """``never_answer`` is the share of riders who look at no offer."""

    never_answer: float = 0.0

    def riders(self, start_s: float) -> Iterator[Wisher]:
        for wisher in Demand.riders(self, start_s):
            rng = random.Random(f"{self.seed}/answers/{wisher.rider_id}")
            looks = rng.random() >= self.never_answer
            yield wisher if looks else replace(wisher, think_s=_NEVER_S)


class Phones:
    """``on_document`` hears of each message a phone gets: topic and body."""

    def __init__(
        self,
        loop: SimLoop,
        outside: Outside,
        broker: SimBroker,
        demand: Demand,
        concourse: Concourse,
        on_document: Callable[[str, bytes], None],
    ) -> None:
        self.process = SimProcess(loop, CLIENT_ID)
        self.crowd = Crowd(LoopWorld(outside), demand, concourse, self._put)
        self._on_document = on_document
        self._network = SimNetwork(broker, self.process)
        self._outgoing: deque[WireMessage] = deque(maxlen=1000)
        self._news = self.process.call(asyncio.Event)
        self.link = self.process.call(self._make_link)

    def start(self) -> None:
        self.process.spawn(self.link.run())
        for _ in range(4):
            self.process.spawn(self._send())

    def _make_link(self) -> MqttLink:
        return MqttLink(
            "sim",
            1883,
            client_id=CLIENT_ID,
            subscriptions=[
                Subscription(topic_filter, max_body_bytes=64 * 1024)
                for topic_filter in self.crowd.filters()
            ],
            session_expiry_s=3600,
            on_message=self._on_message,
            new_client=self._network.new_client,
        )

    def _put(self, message: WireMessage) -> None:
        self._outgoing.append(message)
        self._news.set()

    async def _send(self) -> None:
        while True:
            while self._outgoing:
                message = self._outgoing.popleft()
                # One that fails is sent again by its rider when nothing is heard.
                with contextlib.suppress(PublishFailed):
                    await self.link.publish(message.topic, message.body, qos=1)
            self._news.clear()
            await self._news.wait()

    async def _on_message(self, message: Message) -> None:
        if message.payload:
            self._on_document(message.topic, message.payload)
        self.crowd.on_message(WireMessage(message.topic, message.payload))
