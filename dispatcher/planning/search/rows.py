"""Live rows as a problem of the search, and its routes as rows again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.policy import Objective
from dispatcher.planning.rows import FOREVER_S, RowPlan, RowRide, RowVisit
from dispatcher.planning.schedule import TravelTimes
from dispatcher.planning.search.model import (
    FOREVER,
    Problem,
    Ride,
    RideEnd,
    RouteOrder,
    TickPrices,
    Vehicle,
)


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a ride, or an errand, with what is needed to write it into a row again."""

    stop: int
    key: str | None  # of the ride; None for an errand
    errand: RowVisit | None = None


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A problem made of rows, and the way back."""

    problem: Problem
    rows: tuple[RowPlan, ...]
    ends: Mapping[int, _End]  # by node of the problem
    rides: Mapping[int, RowRide]  # by ride of the problem; errands are none

    def rows_of(self, routes: Sequence[RouteOrder]) -> tuple[tuple[int, RowPlan], ...]:
        """The rows that these routes change: (position, new row)."""
        return tuple(
            (v, self._row_of(v, order))
            for v, (order, old) in enumerate(zip(routes, self.problem.routes, strict=True))
            if order != old
        )

    def _row_of(self, v: int, order: RouteOrder) -> RowPlan:
        visits: list[RowVisit] = []
        rides: dict[str, RowRide] = {}
        total = len(self.problem.rides)
        for node, joins in zip(order.ends, order.joins, strict=True):
            end = self.ends[node]
            visit = visits.pop() if joins else RowVisit(end.stop)
            if end.errand is not None:
                own = end.errand
                visit = replace(
                    visit,
                    earliest_s=max(visit.earliest_s, own.earliest_s),
                    latest_s=min(visit.latest_s, own.latest_s),
                    dwell_s=max(visit.dwell_s, own.dwell_s),
                )
            else:
                assert end.key is not None
                rides[end.key] = self.rides[node % total]
                if node < total:
                    visit = replace(visit, boards=(*visit.boards, end.key))
                else:
                    visit = replace(visit, alights=(*visit.alights, end.key))
            visits.append(visit)
        return replace(self.rows[v], visits=tuple(visits), rides=tuple(rides.values()))


def row_problem(
    rows: Sequence[RowPlan],
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
    stays: Callable[[str], bool] = lambda key: False,
    onward_s: NDArray[np.int64] | None = None,
) -> RowProblem:
    """The problem of planning these rows anew; rides for which ``stays`` keep their shuttle.

    A visit without riders and without a dwell of its own is left out. Times do not change: the
    rows' schedules and costs are those of the problem, up to a constant for each ride. ``onward_s``
    is that of `dispatcher.planning.onward`, if ends of routes have a price.
    """
    vehicles: list[Vehicle] = []
    rides: list[Ride] = []
    row_rides: dict[int, RowRide] = {}
    routes: list[list[tuple[int, bool, bool]]] = []  # ride, boards, joins
    errands: dict[int, RowVisit] = {}
    for v, row in enumerate(rows):
        start_s = max(row.start_s, now_s)
        vehicles.append(
            Vehicle(
                key=str(v),
                start_place=row.start_stop,
                start_earliest=start_s,
                start_latest=start_s,
                capacity=row.capacity,
                start_load=row.start_load,
                end_latest=min(row.end_s, FOREVER),
                max_driving=min(row.drive_limit_s, FOREVER),
            )
        )
        by_key = {ride.key: ride for ride in row.rides}
        pickups = {key: visit.stop for visit in row.visits for key in visit.boards}
        number: dict[str, int] = {}
        route: list[tuple[int, bool, bool]] = []
        for visit in row.visits:
            if visit.is_idle:
                continue
            joins = False
            if visit.dwell_s > 0 or visit.earliest_s > 0 or visit.latest_s < FOREVER_S:
                errands[len(rides)] = visit
                route.append((len(rides), False, joins))
                rides.append(_errand(v, visit, len(row.capacity)))
                joins = True
            for key in visit.alights:
                ride = by_key[key]
                if key not in number:
                    number[key] = len(rides)
                    row_rides[len(rides)] = ride
                    rides.append(_ride(ride, None, visit.stop, v))
                else:
                    r = number[key]
                    rides[r] = _ride(ride, pickups[key], visit.stop, v if stays(key) else None)
                route.append((number[key], False, joins))
                joins = True
            for key in visit.boards:
                number[key] = len(rides)
                row_rides[len(rides)] = by_key[key]
                rides.append(_ride(by_key[key], visit.stop, visit.stop, None))
                route.append((number[key], True, joins))
                joins = True
        routes.append(route)
    total = len(rides)
    ends: dict[int, _End] = {}
    for r, one in enumerate(rides):
        if r in errands:
            ends[total + r] = _End(one.dropoff.place, None, errands[r])
            continue
        key = row_rides[r].key
        ends[total + r] = _End(one.dropoff.place, key)
        if one.pickup is not None:
            ends[r] = _End(one.pickup.place, key)
    problem = Problem(
        travel=travel_s,
        vehicles=tuple(vehicles),
        rides=tuple(rides),
        prices=TickPrices(objective.driving, objective.waiting, objective.riding),
        shares_visits=True,
        routes=tuple(
            RouteOrder(
                tuple(r if boards else total + r for r, boards, _ in route),
                tuple(joins for _, _, joins in route),
            )
            for route in routes
        ),
        onward=onward_s,
    )
    return RowProblem(problem, tuple(rows), ends, row_rides)


def _ride(ride: RowRide, pickup: int | None, dropoff: int, vehicle: int | None) -> Ride:
    boards = None
    if pickup is not None:
        boards = RideEnd(pickup, ride.pickup_earliest_s, ride.pickup_latest_s, ride.dwell_s)
    return Ride(
        key=ride.key,
        pickup=boards,
        dropoff=RideEnd(dropoff, 0, ride.dropoff_latest_s, ride.dwell_s),
        load=ride.load,
        max_ride=min(ride.max_ride_s, FOREVER),
        riders=ride.riders,
        vehicle=vehicle,
    )


def _errand(v: int, visit: RowVisit, kinds: int) -> Ride:
    return Ride(
        key="",
        pickup=None,
        dropoff=RideEnd(visit.stop, visit.earliest_s, visit.latest_s, visit.dwell_s),
        load=(0,) * kinds,
        riders=0,
        vehicle=v,
    )
