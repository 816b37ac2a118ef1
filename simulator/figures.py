"""What a simulated service came to, in figures that add up."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from dispatcher.core import Applied
from dispatcher.domain.decisions import AlertKind, OperatorAlerted, PlanPublished
from dispatcher.domain.events import PlanConfirmed
from dispatcher.domain.ids import ShuttleId, StopId
from dispatcher.domain.trips import ENDS, TimeWish, TripState
from dispatcher.streets import Streets
from simulator.energy_book import EnergyBook
from simulator.fairness import Fairness, fairness_of
from simulator.punctuality import Diagram, dropoff_diagram, pickup_diagram, window_share_pct
from simulator.rider import TripLog

_IN_TIME_S = 1.0  # the wire's times are whole seconds
UNTOLD = "untold"  # broken, and the rider was not told before


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. ``requests`` is the sum of refused, the six other ends, and those in progress.

    A request counts as accepted once its offer was. Waiting is counted from when the rider could
    be at the stop (asked, or wished to leave, and walked there) to boarding; trips that are to
    arrive by some time have no such moment and are left out. ``ride_over_direct`` compares the
    time aboard with the direct drive between the same stops.
    """

    requests: int
    accepted: int
    refused: Mapping[str, int]
    completed: int
    cancelled: int
    no_show: int
    expired: int
    abandoned: int
    in_progress: int
    promises_broken: int
    promises_broken_by_cause: Mapping[str, int]
    pickups_by_quote: Diagram
    dropoffs_by_quote: Diagram
    pickups_in_window_pct: float
    retimed: int  # accepted at another time than asked for
    fairness: Fairness
    forecast: Mapping[str, float]  # errors in percent of the requests, see `ForecastScore`
    stops_crowded: int  # arrivals at a stop that had no berth left
    wait_mean_s: float
    wait_p95_s: float
    ride_over_direct_mean: float
    wheelchairs_carried: int
    riders_carried: int
    riders_per_shuttle_hour: float
    occupancy_mean: float  # riders aboard per kilometre driven
    empty_km_share: float
    km: float
    stranded: int  # shuttles whose battery was empty while they drove
    battery_lowest_pct: float
    energy_used_kwh: float
    energy_charged_kwh: float
    charging_hours: float
    plug_conflicts: int  # shuttles that came to charge and found another one at every plug
    dead_plugs_met: int  # and those that found a plug which gives nothing
    decision_ms_p50: float
    decision_ms_p99: float
    plan_confirm_ms_p99: float
    journal_events: int
    replay_identical: bool
    simulated_hours: float
    wall_s: float
    peak_rss_mb: float

    def adds_up(self) -> bool:
        """Whether every request is in exactly one of the counts."""
        ended = self.completed + self.cancelled + self.no_show + self.expired + self.abandoned
        return self.requests == sum(self.refused.values()) + ended + self.in_progress

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(slots=True)
class ConfirmWatch:
    """Measures how long plans are on their way, from decision to echo. Listens to a service."""

    now: Callable[[], float]
    took_s: list[float] = field(default_factory=list)
    _open: dict[ShuttleId, dict[int, float]] = field(default_factory=dict)

    def on_applied(self, applied: Applied) -> None:
        for decision in applied.decisions:
            if isinstance(decision, PlanPublished):
                plan = decision.plan
                self._open.setdefault(plan.shuttle_id, {})[plan.revision] = self.now()
        if isinstance(applied.event, PlanConfirmed):
            waiting = self._open.get(applied.event.shuttle_id, {})
            for revision in [r for r in waiting if r <= applied.event.revision]:
                # A plan replaced before it was sent is confirmed by its successor.
                self.took_s.append(self.now() - waiting.pop(revision))


@dataclass(slots=True)
class CrowdWatch:
    """Counts arrivals at stops that had no berth left. Listens to a service."""

    seen: int = 0

    def on_applied(self, applied: Applied) -> None:
        self.seen += sum(
            1
            for decision in applied.decisions
            if isinstance(decision, OperatorAlerted) and decision.kind is AlertKind.STOP_CROWDED
        )


@dataclass(slots=True)
class RoadBook:
    """Kilometres with and without riders, from how many are aboard while a shuttle drives."""

    km: float = 0.0
    empty_km: float = 0.0
    rider_km: float = 0.0
    _last: dict[ShuttleId, tuple[float, int]] = field(default_factory=dict)

    def note(self, shuttle_id: ShuttleId, odometer_m: float, riders: int) -> None:
        """A shuttle's odometer, and how many have been aboard since the last note."""
        before_m, aboard = self._last.get(shuttle_id, (odometer_m, riders))
        km = (odometer_m - before_m) / 1000.0
        self.km += km
        self.rider_km += km * aboard
        if aboard == 0:
            self.empty_km += km
        self._last[shuttle_id] = (odometer_m, riders)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the logs of riders do not say."""

    shuttles: int
    simulated_s: float
    wall_s: float
    peak_rss_mb: float
    decide_s: Sequence[float]
    confirm_s: Sequence[float]
    journal_events: int
    replay_identical: bool
    road: RoadBook
    energy: EnergyBook = field(default_factory=EnergyBook)
    forecast: Mapping[str, float] = field(default_factory=dict)
    stops_crowded: int = 0
    fair_multiple_pct: int = 200


def figures_of(logs: Iterable[TripLog], streets: Streets, facts: RunFacts) -> Figures:
    """Count every request that was sent."""
    sent = [log for log in logs if log.asked_s is not None]
    ends = Counter(log.state for log in sent if log.state in ENDS and log.problem is None)
    refused = Counter(
        log.problem or log.refusal or "UNKNOWN"
        for log in sent
        if log.problem is not None or log.state is TripState.REFUSED
    )
    broken = Counter(cause for log in sent for cause in _breach_causes(log))
    completed = [log for log in sent if log.state is TripState.COMPLETED]
    riders = sum(_riders(log) for log in completed)
    waits_s = [wait for log in sent if (wait := _wait_s(log)) is not None]
    ratios = [ratio for log in completed if (ratio := _ride_over_direct(log, streets)) is not None]
    hours = facts.simulated_s / 3600.0
    cancelled = ends[TripState.CANCELLED_BY_RIDER] + ends[TripState.CANCELLED_BY_OPERATOR]
    counted = sum(refused.values()) + sum(
        count for state, count in ends.items() if state is not TripState.REFUSED
    )
    return Figures(
        requests=len(sent),
        accepted=sum(1 for log in sent if log.accepted is not None),
        refused=dict(sorted(refused.items())),
        completed=len(completed),
        cancelled=cancelled,
        no_show=ends[TripState.NO_SHOW],
        expired=ends[TripState.EXPIRED],
        abandoned=ends[TripState.ABANDONED],
        in_progress=len(sent) - counted,
        promises_broken=sum(1 for log in sent if _breach_causes(log)),
        promises_broken_by_cause=dict(sorted(broken.items())),
        pickups_by_quote=pickup_diagram(sent),
        dropoffs_by_quote=dropoff_diagram(sent),
        pickups_in_window_pct=window_share_pct(sent),
        retimed=sum(1 for log in sent if log.retimed),
        fairness=fairness_of(sent, streets, facts.fair_multiple_pct),
        forecast=facts.forecast,
        stops_crowded=facts.stops_crowded,
        wait_mean_s=_rounded_mean(waits_s, 1),
        wait_p95_s=_percentile(waits_s, 95, 1),
        ride_over_direct_mean=_rounded_mean(ratios, 3),
        wheelchairs_carried=sum(log.wisher.party.wheelchairs for log in completed),
        riders_carried=riders,
        riders_per_shuttle_hour=round(riders / max(1e-9, facts.shuttles * hours), 2),
        occupancy_mean=round(facts.road.rider_km / max(1e-9, facts.road.km), 2),
        empty_km_share=round(facts.road.empty_km / max(1e-9, facts.road.km), 3),
        km=round(facts.road.km, 1),
        stranded=len(facts.energy.stranded),
        battery_lowest_pct=round(facts.energy.lowest_pct, 1),
        energy_used_kwh=round(facts.energy.used_kwh, 1),
        energy_charged_kwh=round(facts.energy.charged_kwh, 1),
        charging_hours=round(facts.energy.charging_hours, 1),
        plug_conflicts=facts.energy.plug_conflicts,
        dead_plugs_met=facts.energy.dead_plugs,
        decision_ms_p50=_percentile([1000.0 * s for s in facts.decide_s], 50, 2),
        decision_ms_p99=_percentile([1000.0 * s for s in facts.decide_s], 99, 2),
        plan_confirm_ms_p99=_percentile([1000.0 * s for s in facts.confirm_s], 99, 1),
        journal_events=facts.journal_events,
        replay_identical=facts.replay_identical,
        simulated_hours=round(hours, 2),
        wall_s=round(facts.wall_s, 1),
        peak_rss_mb=round(facts.peak_rss_mb, 1),
    )


def _breach_causes(log: TripLog) -> list[str]:
    """Why the promise was broken, as far as the rider could see; empty if it was kept."""
    if log.breaches:
        return sorted(set(log.breaches))
    promise = log.accepted
    if promise is None:
        return []
    late_pickup = (
        log.boarded_s is not None and log.boarded_s > promise.window.closes.timestamp() + _IN_TIME_S
    )
    late_dropoff = (
        log.alighted_s is not None
        and log.alighted_s > promise.dropoff_latest.timestamp() + _IN_TIME_S
    )
    return [UNTOLD] if late_pickup or late_dropoff else []


def _wait_s(log: TripLog) -> float | None:
    if log.boarded_s is None or log.ready_s is None or log.wisher.wish is TimeWish.ARRIVE_BY:
        return None
    return max(0.0, log.boarded_s - log.ready_s)


def _ride_over_direct(log: TripLog, streets: Streets) -> float | None:
    if log.boarded_s is None or log.alighted_s is None or log.accepted is None:
        return None
    pickup = streets.stop_index[StopId(log.accepted.pickup.id)]
    dropoff = streets.stop_index[StopId(log.accepted.dropoff.id)]
    return (log.alighted_s - log.boarded_s) / int(streets.stop_times_s[pickup, dropoff])


def _riders(log: TripLog) -> int:
    return log.wisher.party.seats + log.wisher.party.wheelchairs


def _rounded_mean(values: Sequence[float], digits: int) -> float:
    return round(math.fsum(values) / len(values), digits) if values else 0.0


def _percentile(values: Sequence[float], percent: float, digits: int) -> float:
    return round(float(np.percentile(values, percent)), digits) if values else 0.0
