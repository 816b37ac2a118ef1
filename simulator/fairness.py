"""Who waits how long: by stop, and riders with a wheelchair beside all others.

Only riders who want to leave at once are counted: a pre-booked trip does not wait for want of a
shuttle. A rider belongs to the stop nearest to where they are, also if they were refused.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dispatcher.domain.trips import TimeWish, TripState
from dispatcher.domain.zone import Point
from dispatcher.streets import Streets
from simulator.rider import TripLog

_FEW = 5  # stops with fewer waits are shown, but the worst is not looked for among them


@dataclass(frozen=True, slots=True)
class StopWaits:
    """One stop. ``ratio`` compares its mean wait with the median stop's."""

    stop: str
    requests: int
    wait_mean_s: float
    wait_median_s: float
    wait_p90_s: float
    ratio: float
    refused_share: float


@dataclass(frozen=True, slots=True)
class GroupWaits:
    """Riders of one kind, over all stops."""

    requests: int
    wait_mean_s: float
    wait_p90_s: float
    refused_share: float


@dataclass(frozen=True, slots=True)
class Fairness:
    """``stops_beyond`` counts the stops whose ratio is above ``multiple``."""

    multiple: float
    median_stop_wait_s: float
    worst_ratio: float
    stops_beyond: int
    wheelchair_ratio: float  # their mean wait by that of the others
    wheelchairs: GroupWaits
    others: GroupWaits
    by_stop: tuple[StopWaits, ...]  # worst ratio first


@dataclass(frozen=True, slots=True)
class _Told:
    """One rider: the nearest stop, the wait if there was one, and whether it was a refusal."""

    stop: str
    wait_s: float | None
    refused: bool
    wheelchair: bool


def fairness_of(logs: Iterable[TripLog], streets: Streets, multiple_pct: int) -> Fairness:
    """Waits by stop and by kind of rider."""
    told = [
        _Told(
            stop=_stop_of(log, streets),
            wait_s=_wait_s(log),
            refused=log.state is TripState.REFUSED,
            wheelchair=log.wisher.party.wheelchairs > 0,
        )
        for log in logs
        if log.asked_s is not None and log.wisher.wish is TimeWish.NOW and log.problem is None
    ]
    by_stop: dict[str, list[_Told]] = {}
    for each in told:
        by_stop.setdefault(each.stop, []).append(each)
    means = [float(np.mean(waits)) for at in by_stop.values() if (waits := _waits(at))]
    median_s = float(np.median(means)) if means else 0.0
    stops = [_stop_waits(stop, at, median_s) for stop, at in by_stop.items()]
    stops.sort(key=lambda stop: (-stop.ratio, stop.stop))
    known = [stop for stop in stops if len(_waits(by_stop[stop.stop])) >= _FEW]
    wheelchairs = _group(told, lambda each: each.wheelchair)
    others = _group(told, lambda each: not each.wheelchair)
    return Fairness(
        multiple=multiple_pct / 100.0,
        median_stop_wait_s=round(median_s, 1),
        worst_ratio=known[0].ratio if known else 0.0,
        stops_beyond=sum(1 for stop in known if 100.0 * stop.ratio > multiple_pct),
        wheelchair_ratio=_ratio(wheelchairs.wait_mean_s, others.wait_mean_s),
        wheelchairs=wheelchairs,
        others=others,
        by_stop=tuple(stops),
    )


def _stop_of(log: TripLog, streets: Streets) -> str:
    origin = log.wisher.origin
    if not isinstance(origin, Point):
        return origin
    near = streets.stops_near(origin, 10_000.0)
    return streets.zone.stops[near[0][0]].id if near else ""


def _wait_s(log: TripLog) -> float | None:
    if log.boarded_s is None or log.ready_s is None:
        return None
    return max(0.0, log.boarded_s - log.ready_s)


def _waits(told: Sequence[_Told]) -> list[float]:
    return [each.wait_s for each in told if each.wait_s is not None]


def _stop_waits(stop: str, told: Sequence[_Told], median_s: float) -> StopWaits:
    group = _group(told, lambda each: True)
    waits = _waits(told)
    return StopWaits(
        stop=stop,
        requests=group.requests,
        wait_mean_s=group.wait_mean_s,
        wait_median_s=round(float(np.median(waits)), 1) if waits else 0.0,
        wait_p90_s=group.wait_p90_s,
        ratio=_ratio(group.wait_mean_s, median_s),
        refused_share=group.refused_share,
    )


def _group(told: Sequence[_Told], belongs: Callable[[_Told], bool]) -> GroupWaits:
    mine = [each for each in told if belongs(each)]
    waits = _waits(mine)
    refused = sum(1 for each in mine if each.refused)
    return GroupWaits(
        requests=len(mine),
        wait_mean_s=round(float(np.mean(waits)), 1) if waits else 0.0,
        wait_p90_s=round(float(np.percentile(waits, 90)), 1) if waits else 0.0,
        refused_share=round(refused / len(mine), 4) if mine else 0.0,
    )


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 2) if whole > 0.0 else 0.0
