"""Messages of many senders in turn, none of whom can keep the others waiting.

Each sender has a queue and a rate of its own, looked at before anything is parsed. Whoever
sends faster than is taken loses its own older messages, which newer ones make superfluous;
they are acknowledged, or they would come again for ever. One message of a sender is handled at
a time; others' are handled meanwhile.
"""

import asyncio
import contextlib
import heapq
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from dispatcher.limits import TokenBucket
from dispatcher.mqtt_messages import Arrival


@dataclass(frozen=True, slots=True)
class FairRules:
    """``per_s`` and ``burst`` are messages of one sender taken up; more wait.

    ``newest_only`` names the last topic levels of which only the newest counts even without
    haste. Of the others up to ``most_waiting`` wait; then the newest takes the place of the
    one before it, and of all before it where the sender is over its rate. ``most_senders``
    are known; of one more nothing is taken while none is idle.
    """

    per_s: float = 10.0
    burst: int = 50
    most_waiting: int = 8
    most_senders: int = 10_000
    newest_only: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class _Sender:
    name: str
    bucket: TokenBucket
    waiting: deque[Arrival] = field(default_factory=deque)
    is_busy: bool = False
    is_queued: bool = False

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.is_busy


class FairQueues:
    """The queues themselves; ``now`` is seconds on a clock that does not run backwards."""

    def __init__(self, rules: FairRules) -> None:
        self.replaced = 0
        """Messages never handled because a newer one of their sender came first."""
        self.dropped = 0
        """Messages never handled because too many senders waited."""
        self._rules = rules
        self._senders: OrderedDict[str, _Sender] = OrderedDict()
        self._ready: deque[_Sender] = deque()
        self._later: list[tuple[float, int, _Sender]] = []  # a heap by when they may go on
        self._numbers = 0
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def put(self, arrival: Arrival, now: float) -> None:
        """Have a message wait for its turn."""
        sender = self._sender(arrival, now)
        if sender is None:
            self.dropped += 1
            arrival.done()
            return
        self._make_room(sender, arrival, now)
        sender.waiting.append(arrival)
        self._waiting += 1
        self._queue(sender, now)

    def take(self, now: float) -> Arrival | None:
        """The next message of whoever's turn it is; None if none may be taken yet."""
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        while self._ready:
            sender = self._ready.popleft()
            sender.is_queued = False
            if sender.waiting and not sender.is_busy:
                sender.is_busy = True
                sender.bucket.take(now)
                self._waiting -= 1
                return sender.waiting.popleft()
        return None

    def next_due(self) -> float | None:
        """When somebody who sends too fast may go on; None if nobody waits for that."""
        return self._later[0][0] if self._later else None

    def finished(self, arrival: Arrival, now: float) -> None:
        """The message that was taken is handled; its sender's next one may be."""
        sender = self._senders[_sender_of(arrival)]
        sender.is_busy = False
        self._queue(sender, now)

    def clear(self) -> None:
        """Forget what waits, and nobody's rate."""
        for sender in self._senders.values():
            sender.waiting.clear()
        self._waiting = 0

    def begin_anew(self) -> None:
        """Forget what waits and what was taken, and nobody's rate."""
        self.clear()
        for sender in self._senders.values():
            sender.is_busy = False

    def _sender(self, arrival: Arrival, now: float) -> _Sender | None:
        name = _sender_of(arrival)
        sender = self._senders.get(name)
        if sender is None:
            if len(self._senders) >= self._rules.most_senders and not self._forget_one():
                return None
            bucket = TokenBucket(self._rules.per_s, self._rules.burst, now)
            sender = self._senders[name] = _Sender(name, bucket)
        return sender

    def _forget_one(self) -> bool:
        for sender in self._senders.values():
            if sender.is_idle and not sender.is_queued:
                del self._senders[sender.name]
                return True
        return False

    def _make_room(self, sender: _Sender, arrival: Arrival, now: float) -> None:
        """Let the new message take the place of older ones where it has to.

        Of a sender over its rate only the newest waits: acknowledgements leave in order, so
        each of its messages that has to wait keeps those of everybody after it waiting.
        """
        topic = arrival.message.topic
        only_newest = topic.rpartition("/")[2] in self._rules.newest_only
        too_fast = sender.bucket.wait_s(now) > 0.0
        if not (only_newest or too_fast) and len(sender.waiting) < self._rules.most_waiting:
            return
        for older in reversed(tuple(sender.waiting)):
            if older.message.topic == topic:
                sender.waiting.remove(older)
                self._waiting -= 1
                self.replaced += 1
                older.done()
                if not too_fast:
                    return

    def _queue(self, sender: _Sender, now: float) -> None:
        if sender.is_queued or sender.is_busy or not sender.waiting:
            return
        sender.is_queued = True
        wait_s = sender.bucket.wait_s(now)
        if wait_s == 0.0:
            self._ready.append(sender)
        else:
            self._numbers += 1
            heapq.heappush(self._later, (now + wait_s, self._numbers, sender))


class FairIntake:
    """The same for a link: waits until there is something to take."""

    def __init__(self, rules: FairRules) -> None:
        self._queues = FairQueues(rules)
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queues)

    @property
    def dropped(self) -> int:
        return self._queues.dropped

    @property
    def replaced(self) -> int:
        return self._queues.replaced

    def put(self, arrival: Arrival) -> None:
        self._queues.put(arrival, self._now())
        self._changed.set()

    async def get(self) -> Arrival:
        while True:
            arrival = self._queues.take(self._now())
            if arrival is not None:
                return arrival
            self._changed.clear()
            due = self._queues.next_due()
            if due is None:
                await self._changed.wait()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - self._now())):
                    await self._changed.wait()

    def finished(self, arrival: Arrival) -> None:
        self._queues.finished(arrival, self._now())
        self._changed.set()

    def clear(self) -> None:
        self._queues.clear()

    def begin_anew(self) -> None:
        self._queues.begin_anew()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _sender_of(arrival: Arrival) -> str:
    """All levels of the topic but the last, which says what it is about."""
    return arrival.message.topic.rpartition("/")[0]
