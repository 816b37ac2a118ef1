"""A simulated MQTT broker: sessions, QoS 0 and 1, retained messages, wills, and its deaths.

Within one connection messages keep their order, as TCP has it. QoS 0 messages may be lost,
repeated or overtaken, as a standard lets a network of brokers do; QoS 1 messages may come twice.
A broken connection is noticed by either side at once, or only when its keep-alive runs out.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from dispatcher.mqtt_messages import Will
from simulator.faultsim.loop import Outside

KEEPALIVE_S: Final = 15.0
QUEUE_BOUND: Final = 1000  # messages kept for a session; more are dropped, as mosquitto does
_LATENCY_S: Final = (0.002, 0.03)


@dataclass(frozen=True, slots=True)
class SimTopic:
    value: str

    def matches(self, topic_filter: str) -> bool:
        return topic_matches(topic_filter, self.value)


@dataclass(frozen=True, slots=True)
class SimProperties:
    ResponseTopic: str | None = None
    CorrelationData: bytes | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """One message, as a sender hands it over."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    properties: SimProperties = field(default_factory=SimProperties)
    expires_s: float | None = None


@dataclass(frozen=True, slots=True)
class SimMessage:
    """One message, as a receiver gets it. As aiomqtt's."""

    topic: SimTopic
    payload: bytes
    qos: int
    retain: bool
    mid: int
    properties: SimProperties


class Receiver(Protocol):
    """The client's end of a connection."""

    def receive(self, message: SimMessage) -> None: ...

    def close(self, reason: str) -> None: ...


@dataclass(slots=True)
class BrokerTrouble:
    """How likely each message meets trouble on the way, from 0 to 1."""

    lost: float = 0.0  # QoS 0 only
    repeated: float = 0.0
    late: float = 0.0  # and those behind it, or overtaken by them with QoS 0
    late_by_s: tuple[float, float] = (0.5, 8.0)


@dataclass(slots=True)
class BrokerCounts:
    published: int = 0
    delivered: int = 0
    lost: int = 0
    repeated: int = 0
    late: int = 0
    overtaken: int = 0
    cuts: int = 0
    half_open: int = 0
    restarts: int = 0
    amnesia: int = 0
    takeovers: int = 0
    wills: int = 0
    dropped_full: int = 0
    redelivered: int = 0


@dataclass(slots=True, eq=False)
class Session:
    """What the broker keeps for a client id."""

    client_id: str
    subscriptions: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """QoS of each filter, and whether what the client itself publishes comes back to it."""
    queue: deque[Publication] = field(default_factory=deque)  # QoS 1, not yet sent
    inflight: dict[int, Publication] = field(default_factory=dict)  # sent, not acknowledged
    next_mid: int = 1
    keeps: bool = True
    link: "Link | None" = None


class Link:
    """One connection at the broker. ``receive_maximum`` bounds what is unacknowledged."""

    def __init__(
        self,
        broker: "SimBroker",
        session: Session,
        receiver: Receiver,
        will: Will | None,
        receive_maximum: int,
    ) -> None:
        self.session = session
        self.alive = True  # as the broker sees it
        self.carries = True  # bytes get through
        self.will = will
        self.receive_maximum = receive_maximum
        self.receiver = receiver
        self._broker = broker
        self._down_s = 0.0  # when the last message towards the client arrives
        self._up_s = 0.0

    def down_at(self, now: float, delay_s: float) -> float:
        self._down_s = max(self._down_s, now + delay_s)
        return self._down_s

    def up_at(self, now: float, delay_s: float) -> float:
        self._up_s = max(self._up_s, now + delay_s)
        return self._up_s


class SimBroker:
    """The server. ``life`` is raised by each restart."""

    def __init__(self, loop: Outside, rng: random.Random) -> None:
        self.trouble = BrokerTrouble()
        self.counts = BrokerCounts()
        self.up = True
        self.life = 0
        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, Publication] = {}
        self.on_publish: Callable[[str, Publication], None] = lambda client_id, publication: None
        """Hears of each message that reaches the broker, and from whom."""
        self.on_effect: Callable[[str], None] = lambda boundary: None
        self.unreachable: set[str] = set()  # client ids that cannot reach it now
        self._loop = loop
        self._rng = rng
        self._saved: tuple[dict[str, Publication], dict[str, Session]] = ({}, {})

    # Connections

    def connect(
        self,
        client_id: str,
        receiver: Receiver,
        *,
        will: Will | None,
        clean: bool,
        keeps: bool,
        receive_maximum: int,
    ) -> tuple[Link, bool] | None:
        """A connection and whether the session was kept; None if the broker is not there."""
        if not self.up or client_id in self.unreachable:
            return None
        former = self.sessions.get(client_id)
        if former is not None and former.link is not None:
            self.counts.takeovers += 1
            self._end(former.link, "session taken over", will=True)
        if clean or former is None or client_id not in self.sessions:
            session, present = Session(client_id), False
        else:
            session, present = former, True
        session.keeps = keeps
        self.sessions[client_id] = session
        link = Link(self, session, receiver, will, receive_maximum)
        session.link = link
        for mid, publication in list(session.inflight.items()):
            self.counts.redelivered += 1
            self._send(link, publication, mid, retained=False)
        self._drain(session)
        return link, present

    def cut(self, client_id: str) -> None:
        """The connection breaks, and both ends see it."""
        session = self.sessions.get(client_id)
        if session is not None and session.link is not None:
            self.counts.cuts += 1
            session.link.carries = False
            self._end(session.link, "connection lost", will=True)

    def half_open(self, client_id: str, for_s: float) -> None:
        """Nothing gets through any more; each end finds out by its keep-alive."""
        session = self.sessions.get(client_id)
        if session is None or session.link is None:
            return
        link, rng = session.link, self._rng
        self.counts.half_open += 1
        link.carries = False
        self.unreachable.add(client_id)
        self._loop.call_later(for_s, self.unreachable.discard, client_id)
        # paho and the broker ping and look once per keep-alive: 1 to 1.5 of it.
        self._loop.call_later(
            rng.uniform(KEEPALIVE_S, 1.5 * KEEPALIVE_S), link.receiver.close, "connection lost"
        )
        self._loop.call_later(
            rng.uniform(KEEPALIVE_S, 1.5 * KEEPALIVE_S),
            lambda: self._end(link, "keep-alive ran out", will=True),
        )

    def process_gone(self, link: Link) -> None:
        """The client's process died: its kernel closes the connection."""
        link.carries = False
        self._loop.call_later(0.001, lambda: self._end(link, "connection reset", will=True))

    def keepalive_lost(self, link: Link) -> None:
        """No ping came for too long."""
        self._end(link, "connection lost", will=True)

    def disconnect(self, link: Link) -> None:
        """A clean goodbye: no will."""
        if link.alive and link.carries:
            self._end(link, "disconnected", will=False)

    def save(self) -> None:
        """What a restart comes back with, unless it has forgotten everything."""
        self._saved = (
            dict(self.retained),
            {
                client_id: Session(
                    client_id,
                    dict(session.subscriptions),
                    deque([*session.inflight.values(), *session.queue]),
                    keeps=True,
                )
                for client_id, session in self.sessions.items()
                if session.keeps
            },
        )

    def stop(self) -> None:
        """It dies; nobody hears a will."""
        self.up = False
        self.life += 1
        for session in list(self.sessions.values()):
            if session.link is not None:
                session.link.carries = False
                self._end(session.link, "connection lost", will=False)

    def start(self, *, forgets: bool) -> None:
        """Back with what was saved last, or with nothing."""
        self.counts.restarts += 1
        if forgets:
            self.counts.amnesia += 1
            self._saved = ({}, {})
        self.retained, self.sessions = dict(self._saved[0]), dict(self._saved[1])
        self.up = True
        self.save()

    # What clients send

    def subscribe(self, link: Link, topic_filter: str, qos: int, *, own_too: bool = True) -> bool:
        if not link.alive or not link.carries:
            return False
        link.session.subscriptions[topic_filter] = (qos, own_too)
        # As with mosquitto, what is retained comes whoever published it.
        for topic, publication in list(self.retained.items()):
            if topic_matches(topic_filter, topic):
                self._route(link.session, publication, min(qos, publication.qos), retained=True)
        return True

    def publish(self, link: Link, publication: Publication, done: Callable[[], None]) -> None:
        """From a client; ``done`` is called when its confirmation is back there."""
        if not link.alive or not link.carries:
            return
        now = self._loop.time()
        delay_s = self._delay_s(publication.qos)
        if delay_s is None:
            return
        arrive_s = link.up_at(now, delay_s)
        life = self.life
        self._loop.call_at(arrive_s, self._arrive, link, life, publication, done)
        if publication.qos == 0 and self._rng.random() < self.trouble.repeated:
            self.counts.repeated += 1
            self._loop.call_at(
                arrive_s + self._rng.uniform(*self.trouble.late_by_s),
                self._arrive,
                link,
                life,
                publication,
                _no_news,
            )

    def acknowledge(self, link: Link, mid: int) -> None:
        if not link.alive or not link.carries:
            return
        at_s = link.up_at(self._loop.time(), self._rng.uniform(*_LATENCY_S))
        self._loop.call_at(at_s, self._acknowledged, link, mid)

    # Inside

    def _arrive(
        self, link: Link, life: int, publication: Publication, done: Callable[[], None]
    ) -> None:
        if not self.up or life != self.life:
            return
        self.on_effect("broker before")
        if not self.up or life != self.life:
            return
        self.counts.published += 1
        self.on_publish(link.session.client_id, publication)
        self._take(publication, link.session.client_id)
        if publication.qos > 0 and link.alive and link.carries:
            back_s = link.down_at(self._loop.time(), self._rng.uniform(*_LATENCY_S))
            self._loop.call_at(back_s, _if_carried, link, done)
        self.on_effect("broker after")

    def _take(self, publication: Publication, sender: str) -> None:
        if publication.retain:
            if publication.payload:
                self.retained[publication.topic] = publication
            else:
                self.retained.pop(publication.topic, None)
        for session in list(self.sessions.values()):
            granted = [
                qos
                for topic_filter, (qos, own_too) in session.subscriptions.items()
                if topic_matches(topic_filter, publication.topic)
                and (own_too or session.client_id != sender)
            ]
            if granted:
                self._route(session, publication, min(max(granted), publication.qos), False)

    def _route(self, session: Session, publication: Publication, qos: int, retained: bool) -> None:
        link = session.link
        if qos == 0:
            if link is not None:
                self._send(link, publication, 0, retained)
            return
        if link is None and not session.keeps:
            return
        if link is not None and len(session.inflight) < link.receive_maximum:
            mid = session.next_mid
            session.next_mid += 1
            session.inflight[mid] = publication
            self._send(link, publication, mid, retained)
        elif len(session.queue) < QUEUE_BOUND:
            session.queue.append(publication)
        else:
            self.counts.dropped_full += 1

    def _drain(self, session: Session) -> None:
        link = session.link
        while link is not None and session.queue:
            if len(session.inflight) >= link.receive_maximum:
                return
            publication = session.queue.popleft()
            if publication.expires_s is not None and publication.expires_s < self._loop.time():
                continue
            self._route(session, publication, 1, retained=False)

    def _send(self, link: Link, publication: Publication, mid: int, retained: bool) -> None:
        if not link.carries:
            return
        rng, now = self._rng, self._loop.time()
        delay_s = self._delay_s(1 if mid else 0)
        if delay_s is None:
            return
        message = SimMessage(
            SimTopic(publication.topic),
            publication.payload,
            1 if mid else 0,
            retained,
            mid,
            publication.properties,
        )
        if mid == 0 and delay_s > _LATENCY_S[1] and rng.random() < 0.5:
            self.counts.overtaken += 1
            at_s = now + delay_s
        else:
            at_s = link.down_at(now, delay_s)
        self._loop.call_at(at_s, self._deliver, link, message)
        if rng.random() < self.trouble.repeated:
            self.counts.repeated += 1
            again_s = link.down_at(at_s, rng.uniform(*_LATENCY_S))
            self._loop.call_at(again_s, self._deliver, link, message)

    def _deliver(self, link: Link, message: SimMessage) -> None:
        if link.carries:
            self.counts.delivered += 1
            link.receiver.receive(message)

    def _delay_s(self, qos: int) -> float | None:
        """How long a message takes; None if it gets lost."""
        rng, trouble = self._rng, self.trouble
        if qos == 0 and rng.random() < trouble.lost:
            self.counts.lost += 1
            return None
        if rng.random() < trouble.late:
            self.counts.late += 1
            return rng.uniform(*trouble.late_by_s)
        return rng.uniform(*_LATENCY_S)

    def _acknowledged(self, link: Link, mid: int) -> None:
        if link.alive and link.carries:
            link.session.inflight.pop(mid, None)
            self._drain(link.session)

    def _end(self, link: Link, reason: str, *, will: bool) -> None:
        if not link.alive:
            return
        link.alive = False
        session = link.session
        if session.link is link:
            session.link = None
            if not session.keeps:
                self.sessions.pop(session.client_id, None)
        if link.carries or reason == "connection lost":
            self._loop.call_later(0.001, link.receiver.close, reason)
        link.carries = False
        if will and link.will is not None:
            self.counts.wills += 1
            said = link.will
            will_message = Publication(said.topic, said.payload, said.qos, said.retain)
            self._take(will_message, session.client_id)


def topic_matches(topic_filter: str, topic: str) -> bool:
    wanted, found = topic_filter.split("/"), topic.split("/")
    for i, level in enumerate(wanted):
        if level == "#":
            return True
        if i >= len(found) or level not in ("+", found[i]):
            return False
    return len(wanted) == len(found)


def _if_carried(link: Link, done: Callable[[], None]) -> None:
    if link.carries:
        done()


def _no_news() -> None:
    """A repeated message needs no confirmation."""
