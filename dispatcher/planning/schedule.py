"""When each visit of a row begins: the readable definition the kernels are held to.

Every rule is a lower bound of one begin by another: a visit begins no sooner than the drive from
the one before allows, no sooner than its earliest time, and a pickup no sooner than its ride limit
before the drop-off. So there is a componentwise least schedule. It is found by propagating along
the route and pushing pickups later until nothing moves; if it breaks a latest time, so does every
other schedule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.policy import Objective
from dispatcher.planning.rows import NO_PATH_S, RideSpan, RowPlan, VisitBounds, bounds, spans

TravelTimes = NDArray[np.int64]
"""int64[stops, stops], direct drive times in seconds."""


class Constraint(StrEnum):
    """What makes a row infeasible."""

    CAPACITY = "CAPACITY"
    NO_PATH = "NO_PATH"
    RANGE = "RANGE"  # more driving than the battery allows
    WINDOW = "WINDOW"
    SHIFT_END = "SHIFT_END"
    RIDE_TIME = "RIDE_TIME"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Planned times of each visit, UTC seconds: arrival, begin of service, departure."""

    arrive_s: tuple[int, ...]
    begin_s: tuple[int, ...]
    depart_s: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Infeasible:
    """The row cannot be driven as promised.

    The rules are tried in the order of `Constraint`; ``visit`` is the first visit that breaks
    the first broken one. For RIDE_TIME it is the drop-off of the ride that cannot be kept.
    """

    constraint: Constraint
    visit: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Milli-cost by term."""

    driving: int = 0
    waiting: int = 0
    riding: int = 0
    walking: int = 0

    @property
    def total(self) -> int:
        return self.driving + self.waiting + self.riding + self.walking


def schedule(plan: RowPlan, travel_s: TravelTimes, now_s: int) -> Schedule | Infeasible:
    """The least schedule of a row, or the first rule it breaks."""
    visits = bounds(plan)
    rides = spans(plan)
    overfull = _first_overfull(plan, visits)
    if overfull is not None:
        return Infeasible(Constraint.CAPACITY, overfull)
    legs_s = _legs_s(plan, visits, travel_s)
    for i, leg_s in enumerate(legs_s):
        if leg_s >= NO_PATH_S:
            return Infeasible(Constraint.NO_PATH, i)
    for i, driven_s in enumerate(accumulate(legs_s)):
        if driven_s > plan.drive_limit_s:
            return Infeasible(Constraint.RANGE, i)

    start_s = max(plan.start_s, now_s)
    pushed_s = [visit.earliest_s for visit in visits]
    times = _propagate(start_s, visits, legs_s, pushed_s)
    late = _first_late(visits, times)
    if late is not None:
        return Infeasible(Constraint.WINDOW, late)
    if visits and times.depart_s[-1] > plan.end_s:
        return Infeasible(Constraint.SHIFT_END, len(visits) - 1)

    # Each round carries at least one more ride limit along a chain of them, and a chain that
    # comes back to itself can never be satisfied. Hence as many rounds as rides, and one to see
    # that nothing moves.
    dropoff: int | None = None
    for _ in range(len(rides) + 1):
        dropoff = _push_pickups(rides, visits, times, pushed_s)
        if dropoff is None:
            return times
        times = _propagate(start_s, visits, legs_s, pushed_s)
        if _first_late(visits, times) is not None or times.depart_s[-1] > plan.end_s:
            return Infeasible(Constraint.RIDE_TIME, dropoff)
    assert dropoff is not None
    return Infeasible(Constraint.RIDE_TIME, dropoff)


def row_cost(plan: RowPlan, times: Schedule, travel_s: TravelTimes, objective: Objective) -> Cost:
    """Price of a scheduled row, up to a constant for each ride.

    Waiting is counted from the earliest pickup, riding from the begin of the pickup (or from
    the start of the row) to the begin of the drop-off. Counting from the departure instead
    would hide a neighbour's long boarding from the riders who sit through it.
    """
    visits = bounds(plan)
    waiting_s = riding_s = 0
    for span in spans(plan):
        if span.pickup >= 0:
            pickup_s = times.begin_s[span.pickup]
            waiting_s += span.ride.riders * (pickup_s - span.ride.pickup_earliest_s)
        else:
            pickup_s = plan.start_s
        riding_s += span.ride.riders * (times.begin_s[span.dropoff] - pickup_s)
    return Cost(
        driving=objective.driving * sum(_legs_s(plan, visits, travel_s)),
        waiting=objective.waiting * waiting_s,
        riding=objective.riding * riding_s,
    )


def _first_overfull(plan: RowPlan, visits: Sequence[VisitBounds]) -> int | None:
    seats, places = plan.start_load
    for i, visit in enumerate(visits):
        seats += visit.load_change[0]
        places += visit.load_change[1]
        if seats > plan.capacity[0] or places > plan.capacity[1]:
            return i
    return None


def _legs_s(plan: RowPlan, visits: Sequence[VisitBounds], travel_s: TravelTimes) -> tuple[int, ...]:
    stops = [plan.start_stop, *(visit.stop for visit in visits)]
    return tuple(int(travel_s[a, b]) for a, b in pairwise(stops))


def _propagate(
    start_s: int, visits: Sequence[VisitBounds], legs_s: Sequence[int], pushed_s: Sequence[int]
) -> Schedule:
    arrive_s, begin_s, depart_s = [], [], []
    clock_s = start_s
    for visit, leg_s, no_sooner_s in zip(visits, legs_s, pushed_s, strict=True):
        arrive_s.append(clock_s + leg_s)
        begin_s.append(max(arrive_s[-1], no_sooner_s))
        clock_s = begin_s[-1] + visit.dwell_s
        depart_s.append(clock_s)
    return Schedule(tuple(arrive_s), tuple(begin_s), tuple(depart_s))


def _first_late(visits: Sequence[VisitBounds], times: Schedule) -> int | None:
    for i, visit in enumerate(visits):
        if times.begin_s[i] > visit.latest_s:
            return i
    return None


def _push_pickups(
    rides: Sequence[RideSpan],
    visits: Sequence[VisitBounds],
    times: Schedule,
    pushed_s: list[int],
) -> int | None:
    """Raise ``pushed_s`` to keep every ride limit; the last drop-off that made it, or None."""
    moved = None
    for span in rides:
        if span.pickup < 0:
            continue
        boarded_s = times.begin_s[span.dropoff] - span.ride.max_ride_s
        no_sooner_s = boarded_s - visits[span.pickup].dwell_s
        if no_sooner_s > times.begin_s[span.pickup]:
            pushed_s[span.pickup] = max(pushed_s[span.pickup], no_sooner_s)
            moved = span.dropoff
    return moved
