"""What shuttles told is made durable before anything new is said to them.

Shuttles do not wait for each other: while one's events are on their way to the journal,
others are heard and answered. While the store does not answer, what a shuttle was sent before
is repeated to it all the same, and it is told to stop; both were durable already. That ends
with the dispatcher's lease; the events outlive it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from dispatcher.domain.events import Event
from dispatcher.domain.ids import ShuttleId
from vehicles.fleet import FleetOutput, Sending
from vehicles.instant import Instant
from vehicles.messages import InstantActions, WireModel
from vehicles.topics import Topic, VehicleName

HELD_UP_S: Final = 1.5
MOST_HELD_BACK: Final = 16  # of one shuttle: an order, and an action of each kind
# Messages of each topic remembered, to tell a repetition: one order is on its way at a time.
_REMEMBERED: Final = {Topic.ORDER: 1, Topic.INSTANT_ACTIONS: 8}


class DurableFirst:
    """``on_events`` returns when events are durable; ``publish`` sends one message or gives up.

    Events are handed to ``on_events`` in the order of the steps that they come from.
    """

    def __init__(
        self,
        on_events: Callable[[Sequence[Event]], Awaitable[None]],
        publish: Callable[[Sending], Awaitable[None]],
    ) -> None:
        self._on_events = on_events
        self._publish = publish
        self._undurable: Counter[ShuttleId] = Counter()
        self._since: dict[asyncio.Task[None], float] = {}  # begun at, the oldest first
        self._held_back: dict[ShuttleId, list[Sending]] = {}
        self._sent: dict[tuple[ShuttleId, Topic], deque[WireModel]] = {}
        self._failed = asyncio.Event()
        self._error: BaseException | None = None

    def __len__(self) -> int:
        """Shuttles with events that are not durable."""
        return len(self._undurable)

    @property
    def held_back(self) -> int:
        """Messages that wait for that."""
        return sum(map(len, self._held_back.values()))

    def is_held_up(self, real_s: float) -> bool:
        """Whether events have been waiting so long that we hear less than shuttles say."""
        oldest_s = next(iter(self._since.values()), real_s)
        return real_s - oldest_s > HELD_UP_S

    async def run(self) -> None:
        """Until cancelled. Raises what ``on_events`` raised, whoever had it called.

        What was handed in goes on without it, and it may be run again: of a shuttle's event
        that it was told of already the conversation would not hear a second time.
        """
        await self._failed.wait()
        assert self._error is not None
        raise self._error

    async def close(self) -> None:
        """Give up what is not durable yet: the process is ending."""
        tasks = list(self._since)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, output: FleetOutput) -> "asyncio.Task[None] | None":
        """Hand in a step's events, if it has any; the task ends when they are durable."""
        if not output.events:
            return None
        shuttles = {event.shuttle_id for event in output.events if hasattr(event, "shuttle_id")}
        self._undurable.update(shuttles)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._make_durable(output.events, shuttles))
        self._since[task] = loop.time()
        task.add_done_callback(self._note_end)
        return task

    async def send(self, sendings: Sequence[Sending]) -> None:
        """Send what may be sent; the rest follows when the shuttle's events are durable."""
        for sending in sendings:
            shuttle_id, topic = _address(sending)
            if shuttle_id not in self._undurable or self._was_durable(sending):
                await self._send(sending, shuttle_id, topic)
            else:
                self._hold_back(sending, shuttle_id)

    async def _make_durable(self, events: Sequence[Event], shuttles: set[ShuttleId]) -> None:
        await self._on_events(events)
        self._undurable.subtract(shuttles)
        for shuttle_id in shuttles:
            if self._undurable[shuttle_id] == 0:
                del self._undurable[shuttle_id]
                await self.send(self._held_back.pop(shuttle_id, ()))

    def _was_durable(self, sending: Sending) -> bool:
        """Whether the message says nothing that follows from events that are not durable."""
        message = sending.outgoing.message
        if any(message is sent for sent in self._sent.get(_address(sending), ())):
            return True
        if not isinstance(message, InstantActions) or not message.actions:
            return False  # a word without actions acknowledges what may not be durable yet
        return all(action.action_type == Instant.START_PAUSE for action in message.actions)

    async def _send(self, sending: Sending, shuttle_id: ShuttleId, topic: Topic) -> None:
        sent = self._sent.setdefault((shuttle_id, topic), deque(maxlen=_REMEMBERED[topic]))
        message = sending.outgoing.message
        if not any(message is known for known in sent):
            sent.append(message)
        await self._publish(sending)

    def _hold_back(self, sending: Sending, shuttle_id: ShuttleId) -> None:
        held = self._held_back.setdefault(shuttle_id, [])
        message = sending.outgoing.message
        if any(message is other.outgoing.message for other in held):
            return
        if len(held) == MOST_HELD_BACK:
            del held[0]  # it is due again in a few seconds
        held.append(sending)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        del self._since[task]
        if not task.cancelled() and task.exception() is not None:
            self._error = task.exception()
            self._failed.set()


def _address(sending: Sending) -> tuple[ShuttleId, Topic]:
    _, manufacturer, serial_number, topic = sending.topic.rsplit("/", 3)
    return VehicleName(manufacturer, serial_number).shuttle_id, Topic(topic)
