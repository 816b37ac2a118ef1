"""What riders are told, on its way to the broker, however long the broker is away.

Statuses are retained documents. While the broker is there each is sent, in order per
trip; while it is away only the newest of each trip is kept. Sending one twice is harmless:
its revision tells. Whenever the broker comes back, and after a restart, every trip is told
again, since a broker may have forgotten what it had confirmed; and where it turns out to
hold an older document than was told, the newest is sent again.
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
from dispatcher.domain.events import EpochBegan, RequestSubmitted
from dispatcher.domain.ids import RiderId
from dispatcher.domain.trips import ENDS, TripStatus
from dispatcher.mqtt_client import PublishFailed
from dispatcher.publisher import Publisher
from dispatcher.riders.problems import Problem
from dispatcher.riders.status import StatusWriter
from dispatcher.riders.told import Held, ToldTrips
from dispatcher.riders.topics import RiderTopics

log = structlog.get_logger(__name__)

IN_FLIGHT: Final = 16
AGAIN_IN_FLIGHT: Final = 2  # of what is told again; news must not wait for it
MOST_PER_TRIP: Final = 4
MOST_REFUSALS: Final = 10  # of one status by a broker that is there; then it is for good
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
CLEARS: Final = b""  # an empty body removes what is retained


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """``clear_after_s`` is how long an end stays retained, counted from when it is told.

    With ``most_waiting`` trips to be told of, the outbox is full: new requests are to be
    refused then. What trips already taken in have to be told is taken all the same.
    """

    most_waiting: int = 20_000
    clear_after_s: int = 2 * 3600
    reply_expiry_s: int = 60  # an answer of an hour ago helps nobody


@dataclass(slots=True)
class OutboxCounts:
    sent: int = 0
    replaced: int = 0  # never sent because a newer status of the trip came first
    again: int = 0  # told once more, since the broker may have forgotten it
    corrected: int = 0  # told once more, since the broker held something older
    dropped: int = 0  # lost: a reply without a broker, or what the broker refused for good


class RiderOutbox:
    """Sends statuses, replies and problems. Tell it when the broker comes and goes.

    It sets the writer's epoch as the journal has it.
    """

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
        self._told = ToldTrips()
        self._again_wanted = asyncio.Event()
        self._documents: dict[str, deque[bytes]] = {}  # topic -> not yet sent, oldest first
        self._ready: asyncio.Queue[str] = asyncio.Queue()  # topics that no task works on
        self._ends: dict[str, int] = {}  # topic -> when to clear it, the next one first
        self._end_came = asyncio.Event()
        self._connected = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        """Trips with something still to be sent."""
        return len(self._documents)

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing new should be begun."""
        return len(self._documents) >= self._settings.most_waiting

    @property
    def telling_again(self) -> int:
        """Trips that are still to be told again."""
        return self._told.waiting

    @property
    def ends_waiting(self) -> int:
        """Ended trips whose documents are to be cleared."""
        return len(self._ends)

    async def empty(self) -> None:
        """Return once every status is sent."""
        await self._empty.wait()

    def link_connected(self) -> None:
        """Whatever the broker confirmed before, it may have forgotten: tell all of it again."""
        self._connected.set()
        self._told.want_all()
        self._again_wanted.set()

    def link_lost(self) -> None:
        self._connected.clear()

    def on_applied(self, applied: Applied) -> None:
        """Listener: tell riders that their request is durable, and what was decided."""
        if isinstance(applied.event, EpochBegan):
            self._writer.epoch = applied.event.epoch
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
        self._told.note(topic, status)
        self._put(topic, self._writer.document(status).to_json())
        if status.state in ENDS:
            self._clear_at(topic, self._clear_s(status))

    def restore(self, statuses: Iterable[TripStatus]) -> None:
        """After a restart: every trip is told again when the broker is there.

        Nobody knows what was on its way, so this holds for ends, too, however long ago:
        each is told before it is cleared.
        """
        oldest_s = self._clock.now_s() - self._settings.clear_after_s
        ends: list[tuple[int, str]] = []
        for status in statuses:
            topic = self._topics.trip(status.rider_id, status.trip_id)
            self._told.note(topic, status)
            if status.state in ENDS:
                clear_s = self._clear_s(status)
                late_s = oldest_s + 2 * self._settings.clear_after_s
                ends.append((clear_s if status.at_s > oldest_s else late_s, topic))
        for clear_s, topic in sorted(ends):
            self._clear_at(topic, clear_s)
        if self._connected.is_set():
            self.link_connected()

    def heard(self, topic: str, body: bytes) -> None:
        """The broker holds this document on a trip's topic, or somebody published it.

        A superseded dispatcher may have sent it after ours, or the broker may have gone back
        to an older one: then the newest is sent again.
        """
        if topic in self._documents:
            return  # the newest is on its way
        match self._told.compare(topic, body, self._writer.epoch):
            case Held.SAME:
                pass
            case Held.OLDER:
                if self._told.want(topic):
                    log.warning("old_document_replaced", topic=topic)
                    self.counts.corrected += 1
                    self._again_wanted.set()
            case Held.LEFT_OVER:
                self._put(topic, CLEARS)
            case Held.NEWER:
                log.error("document_of_a_later_dispatcher", topic=topic)
            case Held.UNKNOWN:
                log.info("document_of_an_unknown_trip", topic=topic)

    def tell_problem(self, rider_id: RiderId, problem: Problem) -> None:
        self.reply(self._topics.error(rider_id), problem.to_json())

    def reply(self, topic: str, body: bytes, correlation_data: bytes | None = None) -> None:
        """Send once, if the broker is there: who asked is there too, or will ask again.

        It goes out at once, however much waits: a refusal is worth something only in time.
        """
        expiry_s = self._settings.reply_expiry_s
        try:
            self._link.post(topic, body, correlation_data=correlation_data, expiry_s=expiry_s)
        except PublishFailed as error:
            self.counts.dropped += 1
            log.info("reply_not_sent", topic=topic, reason=error.reason)
        else:
            self.counts.sent += 1

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.create_task(self._send_documents())
            for _ in range(AGAIN_IN_FLIGHT):
                tasks.create_task(self._send_again())
            tasks.create_task(self._clear_ends())

    def _put(self, topic: str, body: bytes) -> None:
        waiting = self._documents.get(topic)
        if waiting is None:
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
            await self._send_all(await self._ready.get())

    async def _send_again(self) -> None:
        """One after the other, so that what is told again holds up nobody's news."""
        while True:
            await self._connected.wait()
            found = self._told.next_again()
            if found is None:
                self._again_wanted.clear()
                await self._again_wanted.wait()
                continue
            topic, status = found
            if topic not in self._documents:
                self._documents[topic] = deque([self._writer.document(status).to_json()])
                self._empty.clear()
                self.counts.again += 1
                await self._send_all(topic)

    async def _send_all(self, topic: str) -> None:
        waiting = self._documents[topic]
        while waiting:
            await self._send_first(topic, waiting)
        del self._documents[topic]
        if not self._documents:
            self._empty.set()

    async def _send_first(self, topic: str, waiting: deque[bytes]) -> None:
        """Send what waits longest, trying again until it is sent, replaced or refused for good.

        Only a broker that is there can refuse. A lost connection proves nothing about the
        document, however often it happens.
        """
        pause_s = FIRST_PAUSE_S
        body = waiting[0]
        refusals = 0
        while refusals < MOST_REFUSALS:
            await self._connected.wait()
            if waiting[0] is not body:
                return
            failed = await self._publish(topic, body)
            if failed is None:
                break
            refusals += failed.refused
            log.info("status_not_sent", topic=topic, reason=failed.reason)
            await self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            self.counts.dropped += 1
            log.error("status_dropped", topic=topic, reason="the broker refuses it")
        if waiting[0] is body:
            waiting.popleft()

    async def _publish(self, topic: str, body: bytes) -> PublishFailed | None:
        """Publish a document once; None if the broker has it, else why not."""
        try:
            await self._link.publish(topic, body, retain=True)
        except PublishFailed as error:
            return error
        self.counts.sent += 1
        return None

    def _clear_s(self, status: TripStatus) -> int:
        return status.at_s + self._settings.clear_after_s

    def _clear_at(self, topic: str, clear_s: int) -> None:
        # Once, however often a device asks what has become of it.
        self._ends.setdefault(topic, clear_s)
        self._end_came.set()

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
            self._told.forget(topic)
            self._put(topic, CLEARS)
