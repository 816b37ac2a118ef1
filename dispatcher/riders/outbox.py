"""What riders are told, on its way to the broker, however long the broker is away.

Statuses are retained documents. While the broker is there each is sent, in order per
trip; while it is away only the newest of each trip is kept, so the outbox is bounded by
the number of trips. Sending one twice is harmless: its revision tells.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from dispatcher.clock import Clock
from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.domain.events import RequestSubmitted
from dispatcher.domain.ids import RiderId
from dispatcher.domain.trips import ENDS, TripStatus
from dispatcher.mqtt_client import PublishFailed
from dispatcher.publisher import Publisher
from dispatcher.riders.problems import Problem
from dispatcher.riders.status import StatusWriter
from dispatcher.riders.topics import RiderTopics

log = structlog.get_logger(__name__)

IN_FLIGHT: Final = 16
MOST_PER_TRIP: Final = 4
MOST_ATTEMPTS: Final = 10  # with a broker that is there; then it refuses for good
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
MOST_REPLIES: Final = 1_000
CLEARS: Final = b""  # an empty body removes what is retained


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """``most_trips`` bounds the memory; ``clear_after_s`` is how long an end stays retained."""

    most_trips: int = 20_000
    clear_after_s: int = 2 * 3600
    reply_expiry_s: int = 60  # an answer of an hour ago helps nobody


@dataclass(slots=True)
class OutboxCounts:
    sent: int = 0
    replaced: int = 0  # never sent because a newer status of the trip came first
    dropped: int = 0  # lost: the outbox was full, or the broker refused for good


class RiderOutbox:
    """Sends statuses, replies and problems. Tell it when the broker comes and goes."""

    def __init__(
        self,
        link: Publisher,
        topics: RiderTopics,
        writer: StatusWriter,
        clock: Clock,
        settings: OutboxSettings | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counts = OutboxCounts()
        self._link = link
        self._topics = topics
        self._writer = writer
        self._clock = clock
        self._settings = settings or OutboxSettings()
        self._sleep = sleep
        self._documents: dict[str, deque[bytes]] = {}  # topic -> not yet sent, oldest first
        self._ready: asyncio.Queue[str] = asyncio.Queue()  # topics that no task works on
        self._replies: asyncio.Queue[tuple[str, bytes, bytes | None]] = asyncio.Queue(MOST_REPLIES)
        self._ends: dict[str, int] = {}  # topic -> when to clear it, the next one first
        self._end_came = asyncio.Event()
        self._connected = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        """Trips with something still to be sent."""
        return len(self._documents)

    async def empty(self) -> None:
        """Return once every status is sent."""
        await self._empty.wait()

    def link_connected(self) -> None:
        self._connected.set()

    def link_lost(self) -> None:
        self._connected.clear()

    def on_applied(self, applied: Applied) -> None:
        """Listener: tell riders that their request is durable, and what was decided."""
        for decision in applied.decisions:
            if not isinstance(decision, TripChanged):
                continue
            event, status = applied.event, decision.status
            if isinstance(event, RequestSubmitted) and event.request.trip_id == status.trip_id:
                topic = self._topics.trip(status.rider_id, status.trip_id)
                self._put(topic, self._writer.received(event.request, event.at_s).to_json())
            self.tell(status)

    def tell(self, status: TripStatus) -> None:
        """Send this status; an end is cleared from the broker some time later."""
        topic = self._topics.trip(status.rider_id, status.trip_id)
        self._put(topic, self._writer.document(status).to_json())
        if status.state in ENDS:
            # Once, however often a device asks what has become of it.
            self._ends.setdefault(topic, self._clear_s(status))
            self._end_came.set()

    def restore(self, statuses: Iterable[TripStatus]) -> None:
        """After a restart: tell every trip again, since what was on its way is not known."""
        now_s = self._clock.now_s()
        for status in sorted(statuses, key=lambda status: status.at_s):
            if status.state in ENDS and self._clear_s(status) <= now_s:
                self._put(self._topics.trip(status.rider_id, status.trip_id), CLEARS)
            else:
                self.tell(status)

    def tell_problem(self, rider_id: RiderId, problem: Problem) -> None:
        self.reply(self._topics.error(rider_id), problem.to_json())

    def reply(self, topic: str, body: bytes, correlation_data: bytes | None = None) -> None:
        """Send once, if the broker is there: who asked is there too, or will ask again."""
        try:
            self._replies.put_nowait((topic, body, correlation_data))
        except asyncio.QueueFull:
            self.counts.dropped += 1

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.create_task(self._send_documents())
            tasks.create_task(self._send_replies())
            tasks.create_task(self._clear_ends())

    def _put(self, topic: str, body: bytes) -> None:
        waiting = self._documents.get(topic)
        if waiting is None:
            if len(self._documents) >= self._settings.most_trips:
                self.counts.dropped += 1
                log.error("status_dropped", topic=topic, reason="the outbox is full")
                return
            self._documents[topic] = deque([body])
            self._empty.clear()
            self._ready.put_nowait(topic)
            return
        if not self._link.connected or len(waiting) >= MOST_PER_TRIP:
            self.counts.replaced += len(waiting)
            waiting.clear()
        waiting.append(body)

    async def _send_documents(self) -> None:
        while True:
            topic = await self._ready.get()
            waiting = self._documents[topic]
            while waiting:
                await self._send_first(topic, waiting)
            del self._documents[topic]
            if not self._documents:
                self._empty.set()

    async def _send_first(self, topic: str, waiting: deque[bytes]) -> None:
        """Send what waits longest, trying again until it is sent, replaced or refused for good."""
        pause_s = FIRST_PAUSE_S
        body = waiting[0]
        for _ in range(MOST_ATTEMPTS):
            await self._connected.wait()
            if waiting[0] is not body:
                return
            reason = await self._publish(topic, body, retain=True)
            if reason is None:
                break
            log.info("status_not_sent", topic=topic, reason=reason)
            await self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            self.counts.dropped += 1
            log.error("status_dropped", topic=topic, reason="the broker refuses it")
        if waiting[0] is body:
            waiting.popleft()

    async def _send_replies(self) -> None:
        while True:
            topic, body, correlation_data = await self._replies.get()
            reason = await self._publish(topic, body, correlation_data=correlation_data)
            if reason is not None:
                self.counts.dropped += 1
                log.info("reply_not_sent", topic=topic, reason=reason)

    async def _publish(
        self,
        topic: str,
        body: bytes,
        *,
        retain: bool = False,
        correlation_data: bytes | None = None,
    ) -> str | None:
        """Publish once; None if the broker has it, else why not."""
        expiry_s = None if retain else self._settings.reply_expiry_s
        try:
            await self._link.publish(
                topic, body, retain=retain, correlation_data=correlation_data, expiry_s=expiry_s
            )
        except PublishFailed as error:
            return error.reason
        self.counts.sent += 1
        return None

    def _clear_s(self, status: TripStatus) -> int:
        return status.at_s + self._settings.clear_after_s

    async def _clear_ends(self) -> None:
        # Ends come in the order of their times, so the first one is always the next one. Only
        # one asked about after it was cleared comes late, and is cleared with the next.
        while True:
            while not self._ends:
                self._end_came.clear()
                await self._end_came.wait()
            topic, clear_s = next(iter(self._ends.items()))
            await self._clock.sleep_until(clear_s)
            del self._ends[topic]
            self._put(topic, CLEARS)
