"""Prometheus metrics of the dispatcher, counted from what is decided.

Wait is counted from the wished departure to boarding, ride from boarding to alighting.
Trips already under way at a restart are left out of both.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatcher.core import Applied
from dispatcher.domain.decisions import (
    Decision,
    OperatorAlerted,
    OperatorAnswered,
    PlanPublished,
    RiderAnswered,
    TripChanged,
)
from dispatcher.domain.events import (
    Event,
    PlanConfirmed,
    PlanRefused,
    RequestSubmitted,
    RiderAlighted,
    RiderBoarded,
)
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.trips import ENDS, TimeWish, TripStatus
from dispatcher.riders.problems import ProblemCode
from dispatcher.riders.topics import RiderTopic
from dispatcher.telemetry.probe_server import Answer

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_FAST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_MINUTES_S: Final = (60, 120, 180, 240, 300, 420, 600, 900, 1200, 1800, 3600)
_PLANS_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that is read when asked for, not counted: a size, a state.

    ``total`` marks one that only grows.
    """

    name: str
    text: str
    values: Callable[[], dict[str, float]]  # by the label's value; "" where there is no label
    label: str | None = None
    total: bool = False


@dataclass(slots=True, eq=False)
class Metrics(Collector):
    """All metrics in a registry of their own. Also a listener and an observer."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    readings: list[Reading] = field(default_factory=list)
    _departures: OrderedDict[TripId, int] = field(default_factory=OrderedDict)
    _boarded: OrderedDict[TripId, int] = field(default_factory=OrderedDict)
    _published: dict[ShuttleId, OrderedDict[int, int]] = field(default_factory=dict)
    events: Counter = field(init=False)
    messages: Counter = field(init=False)
    trips: Counter = field(init=False)
    refusals: Counter = field(init=False)
    breaches: Counter = field(init=False)
    alerts: Counter = field(init=False)
    rider_problems: Counter = field(init=False)
    commands: Counter = field(init=False)
    plans: Counter = field(init=False)
    plans_refused: Counter = field(init=False)
    wait_s: Histogram = field(init=False)
    ride_s: Histogram = field(init=False)
    decision_s: Histogram = field(init=False)
    confirm_s: Histogram = field(init=False)
    append_s: Histogram = field(init=False)
    loop_lag_s: Histogram = field(init=False)
    http: Counter = field(init=False)
    http_s: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self.events = self._counter("events", "Events decided", "type")
        self.messages = self._counter("rider_messages", "Riders' messages", "kind", "outcome")
        self.trips = self._counter("trips", "Trips that came into a state", "state")
        self.refusals = self._counter("refusals", "Requests refused", "reason")
        self.breaches = self._counter("promises_broken", "Promises not kept", "cause")
        self.alerts = self._counter("alerts", "Alerts to the operator", "kind")
        self.commands = self._counter("commands", "Operators' commands decided", "problem")
        self.rider_problems = self._counter("rider_problems", "Messages without effect", "problem")
        self.plans = self._counter("plans_published", "Plans sent to shuttles")
        self.plans_refused = self._counter("plans_refused", "Plans that a shuttle refused")
        self.wait_s = self._histogram("wait_seconds", "Wished departure to boarding", _MINUTES_S)
        self.ride_s = self._histogram("ride_seconds", "Boarding to alighting", _MINUTES_S)
        self.decision_s = self._histogram("decision_seconds", "Request in to answer out", _FAST_S)
        self.confirm_s = self._histogram(
            "plan_confirm_seconds", "Plan made to plan echoed", (1, 2, 5, 10, 20, 30, 60, 120)
        )
        self.append_s = self._histogram("journal_append_seconds", "One append", _FAST_S)
        self.loop_lag_s = self._histogram("loop_lag_seconds", "Event loop lateness", _FAST_S)
        self.http = self._counter("http_requests", "HTTP answers", "operation", "status")
        self.http_s = self._histogram("http_seconds", "Request in to answer out", _FAST_S)
        self.registry.register(self)

    def answer(self) -> Answer:
        """The page that Prometheus reads."""
        return Answer(HTTPStatus.OK, CONTENT_TYPE, generate_latest(self.registry))

    def collect(self) -> Iterable[Metric]:
        for reading in self.readings:
            family = CounterMetricFamily if reading.total else GaugeMetricFamily
            labels = [reading.label] if reading.label else []
            metric = family(f"ringmaster_{reading.name}", reading.text, labels=labels)
            for value, number in reading.values().items():
                metric.add_metric([value] if reading.label else [], number)
            yield metric

    def on_applied(self, applied: Applied) -> None:
        """Listener: count what happened and what was decided."""
        if applied.event is not None:
            self.events.labels(type(applied.event).__name__).inc()
            self._count_event(applied.event)
        for decision in applied.decisions:
            self._count_decision(decision)

    def on_append(self, seconds: float, events: int) -> None:
        self.append_s.observe(seconds)

    def message_answered(self, kind: RiderTopic, problem: ProblemCode | None) -> None:
        self.messages.labels(kind.value, problem.value if problem else "taken").inc()

    def request_decided(self, seconds: float) -> None:
        self.decision_s.observe(seconds)

    def http_answered(self, operation: str, status: int, seconds: float) -> None:
        self.http.labels(operation, str(status)).inc()
        self.http_s.observe(seconds)

    def _count_event(self, event: Event) -> None:
        match event:
            case RequestSubmitted(_, request):
                # Of a trip to be somewhere by a time nobody waits from its wished time on.
                if request.wish is not TimeWish.ARRIVE_BY:
                    self._departures[request.trip_id] = request.wish_s
            case RiderBoarded(at_s, _, _, trip_id):
                departure_s = self._departures.pop(trip_id, None)
                # The same boarding may be reported twice.
                if departure_s is not None:
                    self.wait_s.observe(max(0, at_s - departure_s))
                self._boarded.setdefault(trip_id, at_s)
            case RiderAlighted(at_s, _, _, trip_id):
                boarded_s = self._boarded.pop(trip_id, None)
                if boarded_s is not None:
                    self.ride_s.observe(at_s - boarded_s)
            case PlanConfirmed(at_s, shuttle_id, revision):
                made_s = self._published.get(shuttle_id, OrderedDict()).pop(revision, None)
                if made_s is not None:
                    self.confirm_s.observe(at_s - made_s)
            case PlanRefused():
                self.plans_refused.inc()
            case _:
                pass

    def _count_decision(self, decision: Decision) -> None:
        match decision:
            case TripChanged(status):
                self._count_status(status)
            case PlanPublished(plan):
                self.plans.inc()
                made = self._published.setdefault(plan.shuttle_id, OrderedDict())
                made[plan.revision] = plan.made_s
                if len(made) > _PLANS_KEPT:
                    made.popitem(last=False)
            case OperatorAlerted(kind):
                self.alerts.labels(kind.value).inc()
            case OperatorAnswered(outcome):
                refusal = outcome.refusal
                self.commands.labels("none" if refusal is None else refusal.problem.value).inc()
            case RiderAnswered():
                self.rider_problems.labels(decision.problem.value).inc()
            case _:
                pass

    def _count_status(self, status: TripStatus) -> None:
        self.trips.labels(status.state.value).inc()
        if status.refusal is not None and status.state in ENDS:
            self.refusals.labels(status.refusal.reason.value).inc()
        # The last breach stays in later statuses; it is new in the one that tells of it.
        if status.breach is not None and status.breach.known_s == status.at_s:
            self.breaches.labels(status.breach.cause.value).inc()
        if status.state in ENDS:
            self._departures.pop(status.trip_id, None)
            self._boarded.pop(status.trip_id, None)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"ringmaster_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"ringmaster_{name}", text, buckets=buckets, registry=self.registry)
