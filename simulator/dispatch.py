"""The dispatcher in virtual time: the same engine, protocol and borders, without MQTT or Redis.

What the live service does over asyncio happens here in one call: read the bytes, write the event
into a memory journal, decide, and send what was decided as bytes.
"""

import functools
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from dispatcher.codec import EventRecord, encode_payload
from dispatcher.core import Applied, DispatchCore
from dispatcher.domain.decisions import (
    OperatorAlerted,
    OperatorAnswered,
    PlanPublished,
    RiderAnswered,
    ShuttleCommanded,
    TripChanged,
)
from dispatcher.domain.events import (
    ClockTicked,
    EpochBegan,
    Event,
    OfferAnswered,
    RequestSubmitted,
    TripCancelled,
)
from dispatcher.domain.ids import BookingId, RiderId, TripId
from dispatcher.domain.trips import TimeWish
from dispatcher.engine import Site, is_resend
from dispatcher.journal import Entry, MemoryJournal, Record, export_journal
from dispatcher.replay import ReplayResult, replay
from dispatcher.riders.border import RiderBorder, WishLimits, id_reused, problem_of
from dispatcher.riders.messages import TripAnswer, TripCancel, TripRequest
from dispatcher.riders.problems import Problem, ProblemError
from dispatcher.riders.reading import read_message
from dispatcher.riders.status import StatusWriter
from dispatcher.riders.topics import RiderTopic, RiderTopics
from dispatcher.zone_engine import ZoneEngine
from simulator.wire import Send, WireMessage
from simulator.world import Alarm, World
from vehicles.fleet import Fleet, FleetOutput, FleetRules

P = ParamSpec("P")
T = TypeVar("T")

_FLEET_TICK_S = 2.0  # how often resends and silences are looked after


def _counted(
    act: Callable[Concatenate["VirtualDispatcher", P], None],
) -> Callable[Concatenate["VirtualDispatcher", P], None]:
    """The same, with its computing counted."""

    @functools.wraps(act)
    def counting(dispatcher: "VirtualDispatcher", /, *args: P.args, **kwargs: P.kwargs) -> None:
        began_s = time.process_time()
        act(dispatcher, *args, **kwargs)
        dispatcher.cpu_s += time.process_time() - began_s

    return counting


@dataclass(slots=True)
class VirtualDispatcher:
    """Takes in what riders and shuttles send; ``to_rider`` and ``to_shuttle`` carry the answers.

    ``watch`` hears of everything decided, as the live service's listeners do.
    """

    world: World
    site: Site
    to_rider: Send
    to_shuttle: Send
    fleet_rules: FleetRules = field(default_factory=FleetRules)
    watch: Callable[[Applied], None] = lambda applied: None
    decide_s: list[float] = field(default_factory=list)  # real seconds per request
    decide_cpu_s: list[float] = field(default_factory=list)  # and seconds of computing
    cpu_s: float = 0.0  # computing on all that shuttles, riders and timers brought
    core: DispatchCore = field(init=False)
    fleet: Fleet = field(init=False)
    _journal: MemoryJournal = field(init=False)
    _epoch: int = field(init=False)
    _border: RiderBorder = field(init=False)
    _topics: RiderTopics = field(init=False)
    _writer: StatusWriter = field(init=False)
    _alarm: Alarm = field(init=False)
    _trips: int = 0

    def __post_init__(self) -> None:
        zone = self.site.zone
        stops = {stop.id: stop for stop in zone.stops}
        self.core = DispatchCore(ZoneEngine(self.site))
        self.fleet = Fleet(self.fleet_rules)
        self._journal = MemoryJournal()
        self._border = RiderBorder(stops, WishLimits())
        self._topics = RiderTopics(zone.id)
        self._writer = StatusWriter(stops)
        self._alarm = Alarm(self.world, self._tick)
        self._epoch = at_once(self._journal.begin_epoch("simulation"))

    def start(self) -> None:
        self.submit(EpochBegan(self._now_s(), self._epoch))
        self.fleet.begin_epoch(self._epoch)
        self.world.after(_FLEET_TICK_S, self._tick_fleet)

    @_counted
    def on_shuttle_message(self, message: WireMessage) -> None:
        output = self.fleet.on_message(message.topic, message.body, self.world.now, retained=False)
        self._carry_out(output)

    @_counted
    def on_rider_message(self, message: WireMessage) -> None:
        found = self._topics.read(message.topic)
        if found is None:
            return
        rider_id, kind = found
        try:
            self._take_in(rider_id, kind, message.body)
        except ProblemError as error:
            self._tell_problem(rider_id, error.problem)

    def submit(self, event: Event) -> Applied:
        """Write the event down, decide, and send what was decided."""
        event = replace(event, at_s=self.core.stamp_s(self._now_s()))
        payload = encode_payload(EventRecord(event, self.core.digest))
        at_once(
            self._journal.append(
                [Entry(payload, None)], epoch=self._epoch, expected_position=self.core.position
            )
        )
        applied = self.core.apply(event)
        self.watch(applied)
        for decision in applied.decisions:
            match decision:
                case TripChanged(status):
                    topic = self._topics.trip(status.rider_id, status.trip_id)
                    body = self._writer.document(status).to_json()
                    self.to_rider(WireMessage(topic, body, qos=1, retain=True))
                case RiderAnswered():
                    self._tell_problem(decision.rider_id, problem_of(decision))
                case PlanPublished(plan):
                    self._carry_out(self.fleet.publish(plan, self.world.now))
                case ShuttleCommanded(shuttle_id, command, reason):
                    self._carry_out(
                        self.fleet.command(
                            shuttle_id, command, applied.position, self.world.now, reason
                        )
                    )
                case OperatorAlerted() | OperatorAnswered():
                    pass
        self._alarm.set(self.core.engine.next_due_s(self.core.state))
        return applied

    def records(self) -> list[Record]:
        """The whole journal."""
        return at_once(_all_records(self._journal))

    def export(self, path: Path) -> None:
        """Write the whole journal to a file, to be replayed or explained."""
        at_once(export_journal(self._journal, path, zone=self.site.zone.id))

    def replayed(self) -> ReplayResult:
        """Decide the journal again in a fresh state, and compare every decision."""
        return replay(ZoneEngine(self.site), self.records(), final_digest=self.core.digest)

    def _take_in(self, rider_id: RiderId, kind: RiderTopic, body: bytes) -> None:
        match kind:
            case RiderTopic.REQUEST:
                self._take_request(rider_id, read_message(TripRequest, body))
            case RiderTopic.ANSWER:
                answer = read_message(TripAnswer, body)
                offer = None if answer.offer is None else BookingId(answer.offer)
                self.submit(OfferAnswered(0, rider_id, TripId(answer.trip), answer.accept, offer))
            case RiderTopic.CANCEL:
                cancel = read_message(TripCancel, body)
                trip_id = TripId(cancel.trip)
                self.submit(TripCancelled(0, trip_id, rider_id, reason=cancel.reason))

    def _take_request(self, rider_id: RiderId, message: TripRequest) -> None:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        trip_id = TripId(f"t{self._trips + 1}")
        asked = self._border.ride_request(message, rider_id, trip_id, self._now_s())
        known = self.core.engine.find_request(self.core.state, rider_id, asked.request_id)
        if known is not None:
            earlier, status = known
            if not is_resend(earlier, asked):
                raise ProblemError(id_reused(asked.request_id))
            topic = self._topics.trip(rider_id, status.trip_id)
            body = self._writer.document(status).to_json()
            self.to_rider(WireMessage(topic, body, qos=1, retain=True))
            return
        self._trips += 1
        stamp_s = self.core.stamp_s(self._now_s())
        wish_s = stamp_s if asked.wish is TimeWish.NOW else asked.wish_s
        self.submit(RequestSubmitted(stamp_s, replace(asked, wish_s=wish_s)))
        self.decide_s.append(time.perf_counter() - began_s)
        self.decide_cpu_s.append(time.process_time() - began_cpu_s)

    def _tell_problem(self, rider_id: RiderId, problem: Problem) -> None:
        self.to_rider(WireMessage(self._topics.error(rider_id), problem.to_json(), qos=1))

    def _carry_out(self, output: FleetOutput) -> None:
        for event in output.events:
            self.submit(event)
        for sending in output.sendings:
            self.to_shuttle(WireMessage(sending.topic, sending.body()))

    @_counted
    def _tick(self) -> None:
        due_s = self.core.engine.next_due_s(self.core.state)
        if due_s is not None and due_s <= self._now_s():
            self.submit(ClockTicked(0))

    @_counted
    def _tick_fleet(self) -> None:
        self._carry_out(self.fleet.tick(self.world.now))
        self.world.after(_FLEET_TICK_S, self._tick_fleet)

    def _now_s(self) -> int:
        return int(self.world.now)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits, such as the memory journal's."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("this was to be done at once, but it waits")


async def _all_records(journal: MemoryJournal) -> list[Record]:
    return [record async for record in journal.read()]
