"""A whole dispatcher at scale: shuttles and riders in virtual time, with only its work counted."""

import resource
import time
from dataclasses import dataclass, replace

import numpy as np

from dispatcher.streets.zones import load_zone
from simulator.day import DayPlan, a_weekday, local_time_s, simulate
from simulator.demand import Demand
from simulator.vehicle import FleetPlan

_FIRST_HOUR = 8.0  # local
_BERTHS = 40  # at each stop: the zone is made for some thirty shuttles


@dataclass(frozen=True, slots=True)
class DispatchRow:
    """What a dispatcher in service takes. Milliseconds and seconds are of computing, not waiting.

    ``dispatcher_cpu_s`` is all that the dispatcher computes, from wire messages to wire messages;
    ``whole_cpu_s`` has the simulated shuttles and riders as well. Both are for a simulated hour.
    """

    shuttles: int
    riders_per_hour: float
    minutes: float
    answers: int
    accepted_pct: float
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    dispatcher_cpu_s: float
    whole_cpu_s: float
    journal_events: int
    peak_rss_mb: float
    replay_identical: bool


def dispatch_row(
    shuttles: int = 1000, riders_per_hour: float = 12_000.0, minutes: float = 30.0, seed: int = 1
) -> DispatchRow:
    """Live through some minutes of the built-in zone with many more shuttles than it needs.

    An answer is a request from its bytes to the bytes of the offer: checked, written into a
    journal in memory, decided, told.
    """
    zone = load_zone("sejong-5-1")
    stops = tuple(replace(stop, berths=max(stop.berths, _BERTHS)) for stop in zone.stops)
    start_s = local_time_s(zone, a_weekday(), _FIRST_HOUR)
    plan = DayPlan(
        demand=Demand.of(replace(zone, stops=stops), seed, riders_per_hour=riders_per_hour),
        fleet=FleetPlan(shuttles, spread=True),
        start_s=start_s,
        end_s=start_s + 60.0 * minutes,
        drain_s=0.0,
        seed=seed,
    )
    began_s = time.process_time()
    result = simulate(plan)
    whole_s = time.process_time() - began_s
    took_ms = 1000.0 * np.array(result.dispatcher.decide_cpu_s)
    accepted = sum(1 for trip in result.dispatcher.core.state.trips.values() if trip.accepted_s)
    return DispatchRow(
        shuttles=shuttles,
        riders_per_hour=riders_per_hour,
        minutes=minutes,
        answers=len(took_ms),
        accepted_pct=100.0 * accepted / len(took_ms),
        p50_ms=float(np.percentile(took_ms, 50)),
        p99_ms=float(np.percentile(took_ms, 99)),
        slowest_ms=float(took_ms.max()),
        dispatcher_cpu_s=result.dispatcher.cpu_s * 60.0 / minutes,
        whole_cpu_s=whole_s * 60.0 / minutes,
        journal_events=result.dispatcher.core.position,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        replay_identical=result.figures.replay_identical,
    )
