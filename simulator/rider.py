"""One rider with a phone: asks, answers, walks, waits, boards, or does none of it.

Speaks the riders' wire format, JSON bytes in and out, and believes only the newest status. No
I/O and no clock: ``advance`` is called at ``next_due`` and after each message, and returns what
the phone sends.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from dispatcher.domain.ids import ShuttleId, StopId, TripId
from dispatcher.domain.trips import ENDS, OfferKind, TimeWish, TripState
from dispatcher.domain.zone import Point, Stop
from dispatcher.riders.problems import Problem, ProblemCode
from dispatcher.riders.status import OddsTold, PromiseTold, TripDocument
from dispatcher.riders.topics import RiderTopic
from dispatcher.streets import LocalFrame, walk_m
from simulator.concourse import Concourse
from simulator.demand import Behaviour, Wisher

Said = tuple[RiderTopic, bytes]

FIRST_RESEND_S = 15.0  # then twice as long each time
MOST_SENDS = 6
EARLY_S = 20.0  # at the stop so long before the window opens
LOOKS_AGAIN_S = 10.0  # nobody gets out of a shuttle that drives
LEAVES_SHUTTLE_BEFORE_S = 120.0  # a broken-down shuttle is left so long before the rescue

_HAS_PROMISE = frozenset({TripState.ACCEPTED, TripState.ASSIGNED, TripState.BOARDING})
_TRY_AGAIN = frozenset({ProblemCode.TOO_MANY_REQUESTS, ProblemCode.NOT_AVAILABLE})
# The dispatcher knows better than the phone; the status says how it is.
_HARMLESS = frozenset(
    {ProblemCode.NO_OPEN_OFFER, ProblemCode.ALREADY_ENDED, ProblemCode.ALREADY_ABOARD}
)


class Whereabouts(StrEnum):
    AWAY = "away"  # at home, or wherever the trip begins
    WALKING = "walking"
    AT_STOP = "at_stop"
    BOARDING = "boarding"  # through the doors, or in the shuttle
    ARRIVED = "arrived"


@dataclass(slots=True)
class TripLog:
    """What became of one request, as the rider saw it. Times are UTC seconds."""

    wisher: Wisher
    asked_s: float | None = None
    state: TripState | None = None  # None until something is heard
    problem: str | None = None  # the request was never taken in
    refusal: str | None = None
    accepted: PromiseTold | None = None  # the promise as it was accepted
    odds: tuple[OddsTold, ...] = ()  # as quoted when it was accepted
    retimed: bool = False  # what was accepted is at another time than asked for
    came_s: float | None = None  # the shuttle was at the stop
    breaches: list[str] = field(default_factory=list)  # causes, one per breach told
    ready_s: float | None = None  # could have been at the stop
    boarded_s: float | None = None
    alighted_s: float | None = None


@dataclass(slots=True)
class _Sending:
    """A message that is sent again until the status shows that it arrived."""

    said: Said
    next_s: float
    pause_s: float = FIRST_RESEND_S
    sent: int = 0


class SimulatedRider:
    """Implements the concourse's ``Traveller``."""

    def __init__(
        self, wisher: Wisher, concourse: Concourse, frame: LocalFrame, stops: Mapping[StopId, Stop]
    ) -> None:
        self.log = TripLog(wisher)
        self.moved: Callable[[], None] = lambda: None  # called after each passage of a door
        self.document: TripDocument | None = None
        self.where = Whereabouts.AWAY
        self.shuttle_id: ShuttleId | None = None  # the one they are in
        self._wisher = wisher
        self._concourse = concourse
        self._stops = stops
        self._place_m = self._position(wisher.origin, frame)
        self._sending: dict[RiderTopic, _Sending] = {}
        self._going_to: tuple[str, float, float] | None = None  # stop and its place
        self._leaves_s: float | None = None
        self._there_s: float | None = None
        self._answers_s: float | None = None
        self._cancels_s: float | None = None
        self._gives_up_s: float | None = None

    @property
    def is_done(self) -> bool:
        """Nothing more is to be sent or done."""
        ended = self.log.state in ENDS or self.log.problem is not None
        return ended and self.where is not Whereabouts.BOARDING

    @property
    def trip_id(self) -> TripId | None:
        return None if self.document is None else TripId(self.document.trip)

    def next_due(self) -> float | None:
        """When ``advance`` is worth calling next; None if only a message can change anything."""
        if self.log.asked_s is None:
            return self._wisher.ask_s
        times = [self._leaves_s, self._there_s, self._answers_s, self._cancels_s, self._gives_up_s]
        times += [sending.next_s for sending in self._sending.values()]
        return min((moment for moment in times if moment is not None), default=None)

    def advance(self, now: float) -> list[Said]:
        """Do what is due by now."""
        if self.log.asked_s is None and now >= self._wisher.ask_s:
            self.log.asked_s = now
            self._send(RiderTopic.REQUEST, _request(self._wisher), now)
        if _is_due(self._answers_s, now):
            self._answers_s = None
            self._answer(now)
        if _is_due(self._leaves_s, now):
            self._set_out(now)
        if _is_due(self._there_s, now):
            self._arrive_at_stop()
        if _is_due(self._cancels_s, now) or _is_due(self._gives_up_s, now):
            self._cancels_s = self._gives_up_s = None
            self._cancel(now)
        return self._due_messages(now)

    def on_document(self, body: bytes, now: float) -> list[Said]:
        """Read a status; those of other trips and old ones change nothing."""
        document = TripDocument.model_validate_json(body)
        known = self.document
        if document.request != self._wisher.request_id or (
            known is not None
            and (document.epoch, document.revision) < (known.epoch, known.revision)
        ):
            return []
        self.document = document
        self.log.state = document.state
        self._sending.pop(RiderTopic.REQUEST, None)
        if document.refusal is not None:
            self.log.refusal = document.refusal.code
        if document.breach is not None and (known is None or known.breach != document.breach):
            self.log.breaches.append(document.breach.cause)
        if document.state is TripState.OFFERED:
            if self._answers_s is None and RiderTopic.ANSWER not in self._sending:
                self._answers_s = now + self._wisher.think_s
        else:
            self._answers_s = None
            self._sending.pop(RiderTopic.ANSWER, None)
        if document.state is TripState.BOARDING and self.log.came_s is None:
            self.log.came_s = document.at.timestamp()
        if document.state in ENDS:
            self._stop_here()
        elif self._is_told_to_stay(document):
            self._leaves_s = None
        elif document.promise is not None:
            self._follow_promise(document.promise, now)
        return self.advance(now)

    def on_problem(self, body: bytes, now: float) -> list[Said]:
        """A message was not acted on: try again later if told so, else give up what it was for."""
        problem = Problem.model_validate_json(body)
        if problem.code in _TRY_AGAIN:
            for sending in self._sending.values():
                sending.next_s = max(sending.next_s, now + (problem.retry_after_s or 5))
        elif problem.code not in _HARMLESS and problem.request == self._wisher.request_id:
            self.log.problem = problem.code
            self._sending.clear()
        return self.advance(now)

    # What happens at the doors

    def boards(self, shuttle_id: ShuttleId, begins_s: float, ends_s: float) -> None:
        self.where, self.shuttle_id = Whereabouts.BOARDING, shuttle_id
        self.log.boarded_s = self.log.boarded_s or begins_s
        self._leaves_s = self._there_s = self._cancels_s = self._gives_up_s = None
        self._going_to = None
        self.moved()

    def alights(self, x_m: float, y_m: float, out_s: float) -> None:
        self.where, self.shuttle_id = Whereabouts.ARRIVED, None
        self.log.alighted_s = out_s
        self._place_m = (x_m, y_m)
        self.moved()

    # Sending

    def _send(self, topic: RiderTopic, message: Mapping[str, Any], now: float) -> None:
        self._sending[topic] = _Sending((topic, json.dumps(message).encode()), now)

    def _due_messages(self, now: float) -> list[Said]:
        said = []
        for topic, sending in list(self._sending.items()):
            if now < sending.next_s:
                continue
            if sending.sent >= MOST_SENDS:
                del self._sending[topic]
                continue
            sending.sent += 1
            sending.next_s = now + sending.pause_s
            sending.pause_s *= 2.0
            said.append(sending.said)
        return said

    def _answer(self, now: float) -> None:
        document = self.document
        if document is None or document.state is not TripState.OFFERED:
            return
        accepts = self._wisher.behaviour is not Behaviour.DECLINES
        answer: dict[str, Any] = {"trip": document.trip, "accept": accepts}
        if accepts:
            answer["offer"] = document.offers[0].id
        self._send(RiderTopic.ANSWER, answer, now)

    def _cancel(self, now: float) -> None:
        document = self.document
        if document is None or document.state not in _HAS_PROMISE:
            return
        self._send(RiderTopic.CANCEL, {"trip": document.trip, "reason": "plans changed"}, now)

    # Walking and waiting

    def _follow_promise(self, promise: PromiseTold, now: float) -> None:
        """Be at the promised stop when the window opens."""
        document = self.document
        assert document is not None
        if document.state not in _HAS_PROMISE:
            return
        if self.log.accepted is None:
            self.log.accepted = promise
            self.log.odds = document.odds
            self.log.retimed = document.offer_kind is OfferKind.RETIMED
            self._make_up_mind(now)
        if self._wisher.behaviour is Behaviour.STAYS_AWAY:
            return
        self._gives_up_s = promise.window.closes.timestamp() + self._wisher.patience_s
        if self.where is Whereabouts.BOARDING:
            self._leave_broken_shuttle(promise, now)
            return
        stop = self._stops[StopId(promise.pickup.id)]
        if self._going_to is not None and self._going_to[0] == stop.id:
            if self.where is Whereabouts.AWAY:
                self._leaves_s = self._leave_s(promise, now)
            return
        self._concourse.leave(TripId(document.trip))
        self.where, self._there_s = Whereabouts.AWAY, None
        self._going_to = (stop.id, stop.x_m, stop.y_m)
        self._leaves_s = self._leave_s(promise, now)
        if self.log.ready_s is None:
            self.log.ready_s = self._wanted_s() + self._walk_s()

    def _make_up_mind(self, now: float) -> None:
        """Some cancel at some point between acceptance and pickup."""
        document = self.document
        if document is None or self._wisher.behaviour is not Behaviour.CANCELS:
            return
        pickup = document.pickup_expected
        until_s = now + 60.0 if pickup is None else max(now, pickup.timestamp())
        self._cancels_s = now + self._wisher.changes_mind * (until_s - now)

    def _is_told_to_stay(self, document: TripDocument) -> bool:
        """The shuttle they sit in takes them on after all."""
        return (
            self.where is Whereabouts.BOARDING
            and document.state is TripState.ABOARD
            and document.shuttle == self.shuttle_id
        )

    def _leave_broken_shuttle(self, promise: PromiseTold, now: float) -> None:
        """Another shuttle is coming for them: get out in time and walk to where it will be."""
        document = self.document
        assert document is not None
        if document.shuttle is None or document.shuttle == self.shuttle_id:
            self._leaves_s = None
            return
        stop = self._stops[StopId(promise.pickup.id)]
        self._going_to = (stop.id, stop.x_m, stop.y_m)
        expected = document.pickup_expected
        if expected is not None:
            self._leaves_s = max(now, expected.timestamp() - LEAVES_SHUTTLE_BEFORE_S)

    def _set_out(self, now: float) -> None:
        self._leaves_s = None
        document = self.document
        if self._going_to is None or document is None:
            return
        if self.where is Whereabouts.BOARDING:
            if self.shuttle_id is not None and not self._concourse.stands(self.shuttle_id):
                self._leaves_s = now + LOOKS_AGAIN_S
                return
            self._concourse.leave(TripId(document.trip))
            self._place_m = self._going_to[1], self._going_to[2]  # a shuttle stops near a stop
            self.shuttle_id = None
        self.where = Whereabouts.WALKING
        self._there_s = now + self._walk_s()

    def _arrive_at_stop(self) -> None:
        self._there_s = None
        document = self.document
        if self._going_to is None or document is None:
            return
        self.where = Whereabouts.AT_STOP
        _, x_m, y_m = self._going_to
        self._place_m = (x_m, y_m)
        self._concourse.stand(TripId(document.trip), self, x_m, y_m)

    def _stop_here(self) -> None:
        """The trip is over, however it ended."""
        self._sending.clear()
        self._leaves_s = self._there_s = self._cancels_s = self._gives_up_s = None
        if self.document is not None and self.where is not Whereabouts.ARRIVED:
            self._concourse.leave(TripId(self.document.trip))
            self.where, self.shuttle_id = Whereabouts.AWAY, None

    def _leave_s(self, promise: PromiseTold, now: float) -> float:
        return max(now, promise.window.opens.timestamp() - EARLY_S - self._walk_s())

    def _walk_s(self) -> float:
        if self._going_to is None:
            return 0.0
        _, x_m, y_m = self._going_to
        straight_m = ((self._place_m[0] - x_m) ** 2 + (self._place_m[1] - y_m) ** 2) ** 0.5
        return walk_m(straight_m) / self._wisher.walk_speed_mps

    def _wanted_s(self) -> float:
        """When they wanted to set out."""
        if self._wisher.wish is TimeWish.DEPART_AT:
            return float(self._wisher.wish_s)
        return self._wisher.ask_s

    def _position(self, place: StopId | Point, frame: LocalFrame) -> tuple[float, float]:
        if isinstance(place, Point):
            return frame.to_metres(place)
        stop = self._stops[place]
        return stop.x_m, stop.y_m


def _request(wisher: Wisher) -> dict[str, Any]:
    request: dict[str, Any] = {
        "id": wisher.request_id,
        "from": _place(wisher.origin),
        "to": _place(wisher.destination),
        "when": _when(wisher),
        "party": {"seats": wisher.party.seats, "wheelchairs": wisher.party.wheelchairs},
        "walk_limit_m": wisher.walk_limit_m,
        "accept": "ask" if wisher.asks_first else "auto",
    }
    if wisher.alternatives > 1:
        request["alternatives"] = wisher.alternatives
    if wisher.flexible_s > 0:
        request["flexible_s"] = wisher.flexible_s
    return request


def _place(place: StopId | Point) -> object:
    return {"lat": place.lat, "lon": place.lon} if isinstance(place, Point) else str(place)


def _when(wisher: Wisher) -> object:
    at = datetime.fromtimestamp(wisher.wish_s, UTC).isoformat()
    match wisher.wish:
        case TimeWish.NOW:
            return "now"
        case TimeWish.DEPART_AT:
            return {"depart_at": at}
        case TimeWish.ARRIVE_BY:
            return {"arrive_by": at}


def _is_due(moment: float | None, now: float) -> bool:
    return moment is not None and moment <= now
