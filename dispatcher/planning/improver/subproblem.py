"""A part of a large fleet that is worth planning together: near in place and in time."""

import random
from dataclasses import dataclass, replace

from dispatcher.planning.improver.problem import ImproveProblem
from dispatcher.planning.rows import RowPlan
from dispatcher.planning.schedule import Schedule, TravelTimes, schedule


@dataclass(frozen=True, slots=True)
class PartSize:
    """How much a search takes on at once. An idle row adds no rides, but still a vehicle."""

    rides: int
    rows: int


def subproblem(problem: ImproveProblem, rng: random.Random, most: PartSize) -> ImproveProblem:
    """The problem itself if it is no larger than ``most``, else related rows of it.

    One planned visit is drawn as the centre; rows join in the order in which they come nearest
    to it, counting seconds of driving and seconds of difference alike, while there is room.
    """
    if sum(len(row.rides) for row in problem.rows) <= most.rides and len(problem.rows) <= most.rows:
        return problem
    times = [schedule(row, problem.travel_s, problem.now_s) for row in problem.rows]
    calls = [
        (visit.stop, begins.begin_s[i])
        for row, begins in zip(problem.rows, times, strict=True)
        if isinstance(begins, Schedule)
        for i, visit in enumerate(row.visits)
    ]
    if not calls:
        return replace(problem, row_ids=(), rows=())
    centre = rng.choice(calls)
    apart_s = [
        _apart_s(row, begins, centre, problem.travel_s, problem.now_s)
        for row, begins in zip(problem.rows, times, strict=True)
        if isinstance(begins, Schedule)
    ]
    feasible = [i for i, begins in enumerate(times) if isinstance(begins, Schedule)]
    chosen: list[int] = []
    rides = 0
    for _, i in sorted(zip(apart_s, feasible, strict=True)):
        rides += len(problem.rows[i].rides)
        if chosen and rides > most.rides:
            break
        chosen.append(i)
        if len(chosen) == most.rows:
            break
    chosen.sort()
    return replace(
        problem,
        row_ids=tuple(problem.row_ids[i] for i in chosen),
        rows=tuple(problem.rows[i] for i in chosen),
    )


def _apart_s(
    row: RowPlan, times: Schedule, centre: tuple[int, int], travel_s: TravelTimes, now_s: int
) -> int:
    stop, at_s = centre
    # From its start a shuttle may come at any later time; that is no distance.
    apart_s = int(travel_s[row.start_stop, stop]) + max(0, max(row.start_s, now_s) - at_s)
    for visit, begin_s in zip(row.visits, times.begin_s, strict=True):
        apart_s = min(apart_s, int(travel_s[visit.stop, stop]) + abs(begin_s - at_s))
    return apart_s
