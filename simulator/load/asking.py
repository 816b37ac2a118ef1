"""Requests at a steady rate, whatever becomes of those before, and how soon each is answered.

Times count from when a request was due, not from when it could be sent: who has to wait in a line
of our own waits as well.
"""

import asyncio
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from dispatcher.domain.ids import RiderId
from dispatcher.domain.trips import ENDS
from dispatcher.domain.zone import StopKind, Zone
from dispatcher.mqtt import Message, MqttLink, PublishFailed, Subscription
from dispatcher.riders.topics import ROOT, RiderTopic, RiderTopics
from vehicles.link import BrokerAccess
from vehicles.topics import DEFAULT_INTERFACE, Topic, topic_filter

_STATUS_BYTES: Final = 32 * 1024
_ORDER_BYTES: Final = 128 * 1024
_NOT_TAKEN: Final = "TOO_MANY_REQUESTS"
_BEFORE_AN_ANSWER: Final = "requested"


@dataclass(slots=True)
class Asked:
    """One request. Seconds from when it was due; None for what did not come."""

    due: float
    """On the event loop's clock."""
    received_s: float | None = None  # the first word of the dispatcher's: it is durable
    answered_s: float | None = None  # an offer taken, or a refusal
    planned_s: float | None = None  # a shuttle was sent a plan with it
    outcome: str = ""
    ended: bool = False
    retry_after_s: int | None = None  # told to come again later, so much later
    trip_id: str = ""


@dataclass(slots=True)
class OpenLoopRiders:
    """People who ask as a Poisson stream has them, each once, with another id.

    They take the first offer, and then are heard of no more: a load, not passengers.
    """

    zone: Zone
    broker: BrokerAccess
    seed: int
    name: str = "load"
    asked: dict[str, Asked] = field(default_factory=dict)
    unsent: int = 0
    _by_trip: dict[str, Asked] = field(default_factory=dict)
    _planned_at: dict[str, float] = field(default_factory=dict)
    _link: MqttLink = field(init=False)
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        below = f"{ROOT}/{self.zone.id}/rider/+"
        self._link = MqttLink(
            self.broker.host,
            self.broker.port,
            client_id=f"ringmaster-load-{self.name}",
            subscriptions=[
                Subscription(f"{below}/trip/+", max_body_bytes=_STATUS_BYTES),
                Subscription(f"{below}/error", max_body_bytes=_STATUS_BYTES),
                Subscription(
                    topic_filter(DEFAULT_INTERFACE, Topic.ORDER), max_body_bytes=_ORDER_BYTES
                ),
            ],
            session_expiry_s=0,
            on_message=self._on_message,
            on_connect=lambda session_present: self._connected.set(),
            outbox=100_000,
        )

    async def run(self) -> None:
        """Carry messages until cancelled."""
        await self._link.run()

    async def ask(self, per_s: float, for_s: float) -> list[Asked]:
        """Ask for so long at this rate; those who asked. Returns when the last one has."""
        await self._connected.wait()
        loop = asyncio.get_running_loop()
        chance = random.Random(f"{self.seed}/{self.name}/{len(self.asked)}")
        stops = [stop.id for stop in self.zone.stops if stop.kind is not StopKind.DEPOT]
        topics = RiderTopics(self.zone.id)
        due = began = loop.time()
        those = []
        while (due := due + chance.expovariate(per_s)) < began + for_s:
            if (pause_s := due - loop.time()) > 0:
                await asyncio.sleep(pause_s)
            number = len(self.asked)
            origin, destination = chance.sample(stops, 2)
            request_id = f"{self.name}-{number}"
            body = {"id": request_id, "from": origin, "to": destination, "accept": "auto"}
            asked = self.asked[request_id] = Asked(due)
            those.append(asked)
            rider_id = RiderId(f"{self.name}{number}")
            topic = topics.incoming(rider_id, RiderTopic.REQUEST)
            sending = asyncio.create_task(self._send(topic, json.dumps(body).encode()))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
        return those

    async def _send(self, topic: str, body: bytes) -> None:
        try:
            await self._link.publish(topic, body)
        except PublishFailed:
            self.unsent += 1

    async def _on_message(self, message: Message) -> None:
        now = asyncio.get_running_loop().time()
        if not message.payload:
            return
        said = json.loads(message.payload)
        kind = message.topic.rsplit("/", 2)
        if kind[1] == "trip":
            self._on_status(said, now)
        elif kind[2] == "error":
            self._on_problem(said, now)
        else:
            self._on_order(said, now)

    def _on_status(self, status: dict[str, Any], now: float) -> None:
        asked = self.asked.get(status["request"])
        if asked is None:
            return
        state = status["state"]
        if asked.received_s is None:
            asked.received_s = now - asked.due
            asked.trip_id = status["trip"]
            self._by_trip[asked.trip_id] = asked
            self._note_plan(asked.trip_id)  # the shuttle's plan may have been faster
        if asked.answered_s is None and state != _BEFORE_AN_ANSWER:
            asked.answered_s = now - asked.due
            asked.outcome = status["refusal"]["code"] if state == "refused" else "accepted"
        if state in ENDS:
            asked.ended = True

    def _on_problem(self, problem: dict[str, Any], now: float) -> None:
        asked = self.asked.get(problem.get("request") or "")
        if asked is not None and asked.answered_s is None:
            asked.answered_s = now - asked.due
            asked.outcome = problem["code"]
            asked.retry_after_s = problem.get("retry_after_s")

    def _on_order(self, order: dict[str, Any], now: float) -> None:
        for trip_id in _trips_of(order):
            self._planned_at.setdefault(trip_id, now)
            self._note_plan(trip_id)

    def _note_plan(self, trip_id: str) -> None:
        asked, planned_at = self._by_trip.get(trip_id), self._planned_at.get(trip_id)
        if asked is not None and planned_at is not None and asked.planned_s is None:
            asked.planned_s = planned_at - asked.due


def was_put_off(asked: Asked) -> bool:
    """Told to ask again later."""
    return asked.outcome == _NOT_TAKEN


def _trips_of(order: dict[str, Any]) -> Iterable[str]:
    for node in order["nodes"]:
        for action in node["actions"]:
            if action["actionType"] == "board":
                for parameter in action["actionParameters"]:
                    if parameter["key"] == "tripId":
                        yield parameter["value"]
