"""The protocol of the dynamic ride-pooling benchmark, driven with Ringmaster's own insertion.

Vehicles drive shortest ways and can be sent elsewhere at the next node. Each request is answered
at once, without knowing later ones, and no answer is taken back. When the last request has come,
the plans run out. What was driven is then judged by the independent checker, request by request.
"""

import csv
import json
import math
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from dispatcher.domain.policy import Objective
from dispatcher.planning.checker import CheckedRide, CheckedRoute, CheckedVisit, check_plan
from dispatcher.planning.edits import apply_insertion
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.insertion import best_insertion
from dispatcher.planning.request import (
    DropoffChoice,
    Insertion,
    InsertionRequest,
    PickupChoice,
)
from dispatcher.planning.rows import FOREVER_S, RowPlan, RowVisit
from dispatcher.planning.schedule import Schedule, schedule
from dispatcher.planning.search.live import LiveEffort, improve_rows
from simulator.bench_idle import Repositioning, RepositioningRule
from simulator.road_net import BenchInputError, RoadNet

DWELL_S = 30
CAPACITY = 10
# Added vehicle seconds + 0.6 x added waiting + 0.5 x added riding. The reference figures' better
# method has 0.6 for both.
OBJECTIVE = Objective(driving=10, waiting=6, riding=5, walking=0)


@dataclass(frozen=True, slots=True)
class Level:
    """The service level: ``ride <= 1.5 * (direct + 30) + ride_extra_s``."""

    max_wait_s: int
    ride_extra_s: int

    def max_ride_s(self, direct_s: float) -> float:
        """From the begin of service at the pickup to that at the drop-off."""
        return 1.5 * (direct_s + 30.0) + self.ride_extra_s


LEVELS = {"SHUTTLE": Level(600, 300), "TIGHT": Level(300, 0)}


@dataclass(frozen=True, slots=True)
class Improvement:
    """How often, and how hard, plans are improved between requests."""

    every_s: int = 10
    effort: LiveEffort = field(default_factory=LiveEffort)


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """One row of a requests file. ``earliest_s`` is later than ``asked_s`` for a pre-booking."""

    id: str
    asked_s: int
    earliest_s: int
    origin: int
    destination: int
    riders: int


@dataclass(frozen=True, slots=True)
class DynamicFigures:
    """The metrics that the protocol names, and the counts behind them."""

    requests: int
    served: int
    service_rate: float
    wait_mean_s: float
    wait_p95_s: float
    ride_over_direct: float  # mean over riders of their own ratio
    delay_mean_s: float
    km_per_served: float
    latency_p50_ms: float  # of an answer: the search over the fleet and the booking
    latency_p95_ms: float
    latency_p99_ms: float
    reopt_s: float | None  # mean of one re-optimisation; None without
    cpu_s_per_simulated_hour: float
    peak_rss_mb: float
    promises_broken: int


@dataclass(frozen=True, slots=True)
class _Ride:
    """What an accepted request was promised, in ticks."""

    request: BenchRequest
    direct: int
    max_ride: int  # from departure at the pickup to the begin at the drop-off
    latest_pickup: int


@dataclass(slots=True)
class _Vehicle:
    """Where a vehicle can next be sent elsewhere, what it will do, and what it has done."""

    row: RowPlan
    begin: tuple[int, ...]  # planned, of the row's visits, in ticks
    first_stop: int
    driven_m: float = 0.0
    done: list[CheckedVisit] = field(default_factory=list)


def read_requests(path: Path) -> list[BenchRequest]:
    """The requests of a file, in the order in which they are asked."""
    try:
        with path.open(newline="") as file:
            requests = [_request_of(row) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise BenchInputError(f"{path}: {error!r}") from error
    return sorted(requests, key=lambda request: request.asked_s)


def read_fleet(path: Path, vehicles: int, replicate: int) -> list[int]:
    """Start nodes of one replicate: rows ``replicate * vehicles`` and on."""
    try:
        with path.open(newline="") as file:
            nodes = [int(row["node"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise BenchInputError(f"{path}: {error!r}") from error
    chosen = nodes[replicate * vehicles : (replicate + 1) * vehicles]
    if len(chosen) < vehicles:
        raise BenchInputError(f"{path}: has too few rows for replicate {replicate} of {vehicles}")
    return chosen


def run_dynamic(
    net: RoadNet,
    requests: Sequence[BenchRequest],
    start_nodes: Sequence[int],
    level: Level,
    *,
    on_request: Callable[[int], None] = lambda done: None,
    repositioning: RepositioningRule | None = None,
    improvement: Improvement | None = None,
) -> DynamicFigures:
    """Answer every request and drive every plan to its end.

    With ``repositioning``, idle vehicles drive to where requests are expected. With
    ``improvement``, all that is not yet picked up is planned anew at its intervals.
    """
    run = _Run(net, start_nodes, level)
    improved_s = requests[0].asked_s if requests else 0
    idle = None if repositioning is None else Repositioning(net, OBJECTIVE, repositioning)
    began_s = time.process_time()
    for number, request in enumerate(requests, start=1):
        if improvement is not None:
            while improved_s + improvement.every_s <= request.asked_s:
                improved_s += improvement.every_s
                run.advance(improved_s * net.ticks_per_s)
                run.improve(improvement, improved_s, idle)
        run.advance(request.asked_s * net.ticks_per_s)
        if idle is not None:
            run.reposition(idle, request)
        run.answer(request)
        on_request(number)
    run.advance(FOREVER_S)
    cpu_s = time.process_time() - began_s
    return run.figures(len(requests), cpu_s)


def write_figures(figures: DynamicFigures, about: dict[str, object], out: Path) -> None:
    """One JSON object: what was run, then the metrics."""
    out.write_text(json.dumps({**about, **asdict(figures)}, indent=1) + "\n")


class _Run:
    def __init__(self, net: RoadNet, start_nodes: Sequence[int], level: Level) -> None:
        self._net = net
        self._level = level
        self._fleet = FleetArrays()
        self._vehicles: list[_Vehicle] = []
        self._rides: dict[str, _Ride] = {}
        self._answers_s: list[float] = []
        self._improvements_s: list[float] = []
        self._travel = np.ascontiguousarray(net.travel, dtype=np.int32)
        for node in start_nodes:
            row = RowPlan(node, 0, (0, 0), (CAPACITY, 0), True, (), ())
            self._fleet.add_row(row)
            self._vehicles.append(_Vehicle(row, (), node))

    def advance(self, now: int) -> None:
        """Drive and serve up to ``now``. A vehicle under way goes on to its next node."""
        for number, vehicle in enumerate(self._vehicles):
            before = vehicle.row
            while vehicle.row.visits and vehicle.begin[0] <= now:
                self._serve(vehicle)
            if vehicle.row.visits and vehicle.row.start_s < now:
                self._drive(vehicle, vehicle.row.visits[0].stop, now)
            if vehicle.row is not before:
                self._fleet.set_row(number, vehicle.row)

    def reposition(self, idle: Repositioning, request: BenchRequest) -> None:
        """Drive idle vehicles on towards their goals, and set them new ones.

        What is asked now is counted last: no decision knows of a request that is not answered yet.
        """
        for number, goal in idle.goals.items():
            vehicle = self._vehicles[number]
            if not vehicle.row.visits:
                self._drive(vehicle, goal, request.asked_s * self._net.ticks_per_s)
                self._fleet.set_row(number, vehicle.row)
        idle.decide(self._vehicles, request.asked_s)
        idle.note(request.origin, request.destination, request.asked_s)

    def improve(self, improvement: Improvement, at_s: int, idle: Repositioning | None) -> None:
        """Plan anew what has not been picked up, for less; near who is expected next, if known."""
        now = at_s * self._net.ticks_per_s
        began_s = time.perf_counter()
        rows = [vehicle.row for vehicle in self._vehicles]
        changed = improve_rows(
            rows,
            self._travel,  # type: ignore[arg-type] # narrow as the search keeps it: not copied
            OBJECTIVE,
            now,
            at_s,
            improvement.effort,
            onward_s=None if idle is None else idle.onward(at_s),
        )
        for number, row in changed:
            vehicle = self._vehicles[number]
            if not vehicle.begin:  # it stood idle: this is when it leaves
                row = replace(row, start_s=max(row.start_s, now))
            times = schedule(row, self._net.travel, now)
            assert isinstance(times, Schedule), f"vehicle {number} cannot drive its plan: {times}"
            vehicle.row, vehicle.begin = row, times.begin_s
            self._fleet.set_row(number, row)
        self._improvements_s.append(time.perf_counter() - began_s)

    def answer(self, request: BenchRequest) -> bool:
        """Book the request where it costs least, or refuse it."""
        net, level = self._net, self._level
        ticks = net.ticks_per_s
        direct = int(net.travel[request.origin, request.destination])
        # The planner counts a ride from the departure, one dwell after the begin of service.
        max_ride = math.floor(level.max_ride_s(direct / ticks) * ticks) - DWELL_S * ticks
        earliest = request.earliest_s * ticks
        latest = earliest + level.max_wait_s * ticks
        asked = InsertionRequest(
            pickups=(PickupChoice(request.origin, 0, earliest, latest),),
            dropoffs=(DropoffChoice(request.destination, 0, latest + DWELL_S * ticks + max_ride),),
            max_ride_s=((max_ride,),),
            desired_s=earliest,
            load=(request.riders, 0),
            dwell_s=DWELL_S * ticks,
        )
        began_s = time.perf_counter()
        found = best_insertion(self._fleet, asked, net.travel, OBJECTIVE, request.asked_s * ticks)
        if isinstance(found, Insertion):
            vehicle = self._vehicles[found.row]
            vehicle.row = apply_insertion(vehicle.row, found, asked, request.id)
            if not vehicle.begin:  # it stood idle: this is when it leaves
                leaves = max(vehicle.row.start_s, request.asked_s * ticks)
                vehicle.row = replace(vehicle.row, start_s=leaves)
            vehicle.begin = found.begin_s
            self._fleet.set_row(found.row, vehicle.row)
            self._rides[request.id] = _Ride(request, direct, max_ride, latest)
        self._answers_s.append(time.perf_counter() - began_s)
        return isinstance(found, Insertion)

    def _drive(self, vehicle: _Vehicle, target: int, until: int) -> None:
        """Along the shortest way to the first node reached at ``until`` or later, or the target."""
        node, at = vehicle.row.start_stop, vehicle.row.start_s
        while node != target and at < until:
            node, ticks, length_m = self._net.next_node(node, target)
            at += ticks
            vehicle.driven_m += length_m
        vehicle.row = replace(vehicle.row, start_stop=node, start_s=at)

    def _serve(self, vehicle: _Vehicle) -> None:
        """Carry out the first visit: drive there, set down, take up."""
        visit, begin = vehicle.row.visits[0], vehicle.begin[0]
        self._drive(vehicle, visit.stop, FOREVER_S)
        depart = begin + DWELL_S * self._net.ticks_per_s
        vehicle.done.append(
            CheckedVisit(
                stop=visit.stop,
                arrive_s=vehicle.row.start_s,
                begin_s=begin,
                depart_s=depart,
                boards=visit.boards,
                alights=visit.alights,
                dwell_s=DWELL_S * self._net.ticks_per_s,
            )
        )
        vehicle.row = _after_visit(vehicle.row, visit, depart)
        vehicle.begin = vehicle.begin[1:]

    def figures(self, requests: int, cpu_s: float) -> DynamicFigures:
        ticks = self._net.ticks_per_s
        picked: dict[str, int] = {}
        dropped: dict[str, int] = {}
        for vehicle in self._vehicles:
            for visit in vehicle.done:
                picked |= dict.fromkeys(visit.boards, visit.begin_s)
                dropped |= dict.fromkeys(visit.alights, visit.begin_s)
        rides = {key: ride for key, ride in self._rides.items() if key in dropped}
        wait_s = [picked[key] / ticks - ride.request.earliest_s for key, ride in rides.items()]
        ratios = [(dropped[key] - picked[key]) / ride.direct for key, ride in rides.items()]
        delay_s = [
            (dropped[key] - ride.direct) / ticks - ride.request.earliest_s
            for key, ride in rides.items()
        ]
        end = max((v.done[-1].depart_s for v in self._vehicles if v.done), default=0)
        answers_ms = 1000.0 * np.array(self._answers_s or [0.0])
        km = sum(vehicle.driven_m for vehicle in self._vehicles) / 1000.0
        served = max(1, len(rides))
        return DynamicFigures(
            requests=requests,
            served=len(rides),
            service_rate=round(len(rides) / max(1, requests), 5),
            wait_mean_s=round(_mean(wait_s), 2),
            wait_p95_s=round(float(np.percentile(wait_s or [0.0], 95)), 1),
            ride_over_direct=round(_mean(ratios), 4),
            delay_mean_s=round(_mean(delay_s), 2),
            km_per_served=round(km / served, 4),
            latency_p50_ms=round(float(np.percentile(answers_ms, 50)), 4),
            latency_p95_ms=round(float(np.percentile(answers_ms, 95)), 4),
            latency_p99_ms=round(float(np.percentile(answers_ms, 99)), 4),
            reopt_s=round(_mean(self._improvements_s), 4) if self._improvements_s else None,
            cpu_s_per_simulated_hour=round(cpu_s / max(1.0 / 3600.0, end / ticks / 3600.0), 3),
            peak_rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
            promises_broken=self._broken_promises(),
        )

    def _broken_promises(self) -> int:
        """Riders, or visits, for which the independent checker finds a rule broken."""
        routes = [
            CheckedRoute(
                shuttle=f"v{number}",
                start_stop=vehicle.first_stop,
                start_s=0,
                capacity=(CAPACITY, 0),
                visits=tuple(vehicle.done),
                rides=tuple(self._checked_rides(vehicle)),
            )
            for number, vehicle in enumerate(self._vehicles)
        ]
        violations = check_plan(routes, self._net.travel, must_serve=self._rides)
        return len({(found.shuttle, found.visit, found.ride) for found in violations})

    def _checked_rides(self, vehicle: _Vehicle) -> list[CheckedRide]:
        keys = dict.fromkeys(
            key for visit in vehicle.done for key in (*visit.boards, *visit.alights)
        )
        return [_checked(self._rides[key], self._net.ticks_per_s) for key in keys]


def _checked(ride: _Ride, ticks: int) -> CheckedRide:
    request = ride.request
    return CheckedRide(
        ride=request.id,
        load=(request.riders, 0),
        pickup_earliest_s=request.earliest_s * ticks,
        pickup_latest_s=ride.latest_pickup,
        dropoff_latest_s=ride.latest_pickup + DWELL_S * ticks + ride.max_ride,
        max_ride_s=ride.max_ride,
        pickup_stop=request.origin,
        dropoff_stop=request.destination,
    )


def _after_visit(row: RowPlan, visit: RowVisit, depart: int) -> RowPlan:
    """The row once its first visit is served: the riders aboard keep their ride limit."""
    seats = row.start_load[0]
    rides = []
    for ride in row.rides:
        if ride.key in visit.alights:
            seats -= ride.load[0]
            continue
        if ride.key in visit.boards:
            seats += ride.load[0]
            latest = min(ride.dropoff_latest_s, depart + ride.max_ride_s)
            ride = replace(ride, dropoff_latest_s=latest)
        rides.append(ride)
    return replace(
        row,
        start_stop=visit.stop,
        start_s=depart,
        start_load=(seats, 0),
        visits=row.visits[1:],
        rides=tuple(rides),
    )


def _request_of(row: dict[str, str]) -> BenchRequest:
    asked_s = int(row["t"])
    return BenchRequest(
        id=row["id"],
        asked_s=asked_s,
        earliest_s=max(asked_s, int(row.get("earliest") or asked_s)),
        origin=int(row["o"]),
        destination=int(row["d"]),
        riders=int(row["pax"]),
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
