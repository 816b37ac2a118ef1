"""What goes over an MQTT link, and when it counts as done with."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

MAX_BODY_BYTES: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to listen to. Longer bodies are refused before anyone parses them.

    ``own_too`` false leaves out what this client itself publishes, with an MQTT 5 broker.
    One that is not ``required`` may be refused by the broker's access rules.
    """

    topic_filter: str
    qos: int = 1
    max_body_bytes: int = MAX_BODY_BYTES
    own_too: bool = True
    required: bool = True


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us when our connection breaks."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came; the last two are set by MQTT 5 senders who want an answer."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    response_topic: str | None = None
    correlation_data: bytes | None = None


@dataclass(slots=True, eq=False)
class Arrival:
    """A message that came, until it is done with: written down, refused, or replaced."""

    message: Message
    _mid: int
    _window: "AckWindow"
    _is_done: bool = False

    @property
    def lost(self) -> bool:
        """Its connection has ended, so it can be acknowledged no more and will come again."""
        return self._window.closed

    def done(self) -> None:
        """Nobody needs the message any more."""
        self._is_done = True
        self._window.acknowledge_done()


@dataclass(slots=True, eq=False)
class AckWindow:
    """One connection's unacknowledged messages.

    MQTT wants acknowledgements in the order in which the messages came, and a broker may
    take others for an error. A message that is done with is therefore acknowledged as soon
    as all before it are.
    """

    acknowledge: Callable[[int, int], object]  # packet id and QoS
    closed: bool = False
    _open: deque[Arrival] = field(default_factory=deque)

    def __len__(self) -> int:
        """Messages that came and are not acknowledged."""
        return len(self._open)

    def came(self, message: Message, mid: int) -> Arrival:
        arrival = Arrival(message, mid, self)
        if message.qos > 0:
            self._open.append(arrival)
        return arrival

    def close(self) -> None:
        """The connection has ended: the broker will deliver again what is open."""
        self.closed = True
        self._open.clear()

    def acknowledge_done(self) -> None:
        while self._open and self._open[0]._is_done:  # noqa: SLF001 - one idea, two classes
            first = self._open.popleft()
            self.acknowledge(first._mid, first.message.qos)  # noqa: SLF001
