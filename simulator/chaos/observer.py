"""What can be seen from outside while it goes on: the stream's growth, and the shuttles' topics.

Both connections go straight to the servers, past the faults of the network.
"""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any, Final

import aiomqtt
from redis.exceptions import RedisError

from dispatcher.mqtt_client import raise_if_cancelled
from simulator.chaos.checker import StreamEntry
from simulator.chaos.proxy import LOOPBACK
from simulator.chaos.store import Store

_LOOK_EVERY_S: Final = 0.03
_PAGE: Final = 500
_TRIPS: Final = "ringmaster/v1/+/rider/+/trip/+"
# What a dispatcher writes by itself; anything else answers a rider or a shuttle.
_OWN_EVENTS: Final = frozenset(
    {
        "EpochBegan",
        "ClockTicked",
        "PlanProposed",
        "ChargingPlanned",
        "HearingLost",
        "HearingRegained",
    }
)


class StreamWatch:
    """Reads every entry as it becomes readable. ``pausing`` keeps it from reading."""

    def __init__(self, store: Store, key: str) -> None:
        self.seen: list[StreamEntry] = []
        self.epoch = 0
        self.pausing = asyncio.Lock()
        self._store = store
        self._key = key
        self._exact_key = f"{key.removesuffix(':journal')}:exact"
        self._decided: dict[int, float] = {}  # first answer of each epoch: when it was seen
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            # A new connection whenever the last one broke.
            with contextlib.suppress(RedisError, OSError):
                async with self._store.client(timeout_s=1.0) as client:
                    while True:
                        async with self.pausing:
                            await self._read_on(client)
                        await asyncio.sleep(_LOOK_EVERY_S)
            raise_if_cancelled()  # the client's own time limits can take it for theirs
            await asyncio.sleep(_LOOK_EVERY_S)

    async def all_entries(self) -> list[StreamEntry]:
        """The whole stream as it is now."""
        entries: list[StreamEntry] = []
        async with self._store.client(timeout_s=10.0) as client:
            while page := await self._page(client, entries[-1].position if entries else 0):
                entries += page
        return entries

    async def decided_after(self, epoch: int) -> float:
        """When (real seconds) a run above this epoch first wrote what a rider or shuttle said."""
        while True:
            later = [at_s for known, at_s in self._decided.items() if known > epoch]
            if later:
                return min(later)
            self._news.clear()
            await self._news.wait()

    async def _read_on(self, client: Any) -> None:
        page = await self._page(client, self.seen[-1].position if self.seen else 0)
        now_s = time.time()
        for entry in page:
            self.seen.append(entry)
            self.epoch = max(self.epoch, entry.epoch)
            event = json.loads(entry.payload).get("event")
            if event is not None and event["type"] not in _OWN_EVENTS:
                self._decided.setdefault(entry.epoch, now_s)
        if page:
            self._news.set()

    async def _page(self, client: Any, after: int) -> list[StreamEntry]:
        found = await client.xrange(self._key, f"({after}-0", "+", count=_PAGE)
        entries: list[StreamEntry] = []
        for key, fields in found:
            position = int(key.split(b"-")[0])
            payload = fields.get(b"payload")
            if payload is None:  # a request, the whole of which stands beside for a day
                payload = await client.hget(self._exact_key, str(position)) or b"{}"
            entries.append(StreamEntry(position, int(fields[b"epoch"]), payload.decode()))
        return entries


@dataclass(slots=True)
class _Told:
    """One shuttle's topics. Real seconds."""

    order: tuple[str, int] | None = None
    order_body: str = ""
    sent_s: float = 0.0  # when it was first heard
    echoed_s: float = 0.0  # last time that its state named the newest order


class FleetWatch:
    """Hears orders and states from the broker, as soon as it is there."""

    def __init__(self, port: int, interface: str = "uagv") -> None:
        self._port = port
        self._interface = interface
        self._shuttles: dict[str, _Told] = {}
        self._ordered_s = 0.0  # when an order was last heard that was new
        # The dispatcher's first to shuttles, and to riders, since somebody asked; 0: none yet.
        self._word_s = self._rider_word_s = 0.0
        self._last_orders: dict[str, str] | None = None
        self._news = asyncio.Event()

    async def settled(self, still_s: float) -> None:
        """Return once all have their newest order, and none was sent another for so long."""
        while True:
            sent_s = self._ordered_s
            await asyncio.sleep(still_s)
            told = self._shuttles.values()
            if self._ordered_s == sent_s and all(one.echoed_s >= one.sent_s for one in told):
                return

    def end(self) -> None:
        """The shuttles are about to stop: no order from now on reaches them."""
        self._last_orders = self.last_orders

    @property
    def last_orders(self) -> dict[str, str]:
        """The newest order of each shuttle, by topic; of those until the end, once that is said."""
        if self._last_orders is not None:
            return self._last_orders
        return {topic: told.order_body for topic, told in self._shuttles.items() if told.order_body}

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError, OSError, TimeoutError):
                async with aiomqtt.Client(LOOPBACK, self._port, timeout=1.0) as client:
                    for name in ("order", "instantActions", "state"):
                        await client.subscribe(f"{self._interface}/v2/+/+/{name}", qos=1)
                    await client.subscribe(_TRIPS)
                    async for message in client.messages:
                        if not message.retain:
                            topic, body = str(message.topic), bytes(message.payload)
                            self._hear(topic, body, time.time())
            raise_if_cancelled()
            await asyncio.sleep(0.05)

    async def all_right_after(self, since_s: float) -> float:
        """When each shuttle had said after ``since_s`` that it has the newest order.

        Counted only from the dispatcher's first word to any of them: before, it may have newer
        plans that nobody has heard of. Where it has nothing to say to any shuttle, its first word
        to a rider counts, and a second more.
        """
        self._word_s = self._rider_word_s = 0.0
        while True:
            word_s = self._word_s
            if word_s == 0.0 and self._rider_word_s > 0.0:
                word_s = self._rider_word_s + 1.0
            if word_s > since_s:
                echoes = [told.echoed_s for told in self._shuttles.values()]
                if all(at_s >= word_s for at_s in echoes):
                    return max(echoes)
            self._news.clear()
            await self._news.wait()

    def _hear(self, topic: str, body: bytes, now_s: float) -> None:
        root, _, kind = topic.rpartition("/")
        if root.endswith("/trip"):
            self._rider_word_s = self._rider_word_s or now_s
            return
        told = self._shuttles.setdefault(f"{root}/order", _Told())
        message = json.loads(body)
        if kind == "state":
            if (message["orderId"], message["orderUpdateId"]) == told.order:
                told.echoed_s = now_s
        else:
            self._word_s = self._word_s or now_s
            if kind == "order":
                order = (message["orderId"], message["orderUpdateId"])
                if order != told.order:
                    told.order, told.sent_s, self._ordered_s = order, now_s, now_s
                told.order_body = body.decode()
        self._news.set()


async def retained(port: int, topic_filter: str, quiet_s: float = 1.0) -> dict[str, str]:
    """What the broker holds, by topic: all that comes until nothing does for a while."""
    found: dict[str, str] = {}
    async with aiomqtt.Client(LOOPBACK, port, timeout=5.0) as client:
        await client.subscribe(topic_filter, qos=1)
        messages = client.messages
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(quiet_s):
                    message = await anext(messages)
                if message.retain:
                    found[str(message.topic)] = bytes(message.payload).decode()
    return found
