"""How fast an insertion is answered: fleets in mid-service, measured call by call."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dispatcher.domain.policy import DwellRule, Objective
from dispatcher.planning.edits import apply_insertion
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.insertion import STRICT, best_insertion, find_insertion
from dispatcher.planning.kernels.lines import Prices
from dispatcher.planning.request import (
    DropoffChoice,
    Insertion,
    InsertionRequest,
    PickupChoice,
)
from dispatcher.planning.rows import RowPlan
from dispatcher.planning.schedule import TravelTimes

_NOW_S = 1_000_000
_STOPS = 120
_SIDE_S = 900  # from one side of the square zone to the other
_SEATS = 10
_COMPARED = 40  # requests answered with every row tried in full as well


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """Time of one answer over a fleet, in milliseconds.

    ``full_ms`` is the mean of a search that leaves nothing out, ``pruned_share`` how much of it the
    search takes that finds the same.
    """

    shuttles: int
    stop_pairs: str  # pickup choices x drop-off choices
    mean_visits: float
    answers: int
    found_pct: float
    p50_ms: float
    p99_ms: float
    full_ms: float
    pruned_share: float


def speed_table(
    shuttles: Sequence[int] = (100, 500, 2000, 10_000),
    choices: Sequence[int] = (1, 3),
    answers: int = 300,
    seed: int = 1,
    clock: Callable[[], float] = time.process_time,
) -> tuple[SpeedRow, ...]:
    """Measure `best_insertion` over fleets of 10 seats with about six visits a shuttle.

    The fleets are filled by insertion itself, so routes look as they do in service; refused
    requests count as well, with their diagnosis. Compilation is not part of the figures.

    Raises
    ------
    AssertionError
        The search left out something that it should have found.
    """
    rng = random.Random(seed)
    travel_s = _square_zone(rng)
    rows = []
    for size in shuttles:
        fleet = _busy_fleet(rng, travel_s, size)
        for count in choices:
            rows.append(_measure(rng, fleet, travel_s, count, answers, clock))
    return tuple(rows)


def _measure(
    rng: random.Random,
    fleet: FleetArrays,
    travel_s: TravelTimes,
    choices: int,
    answers: int,
    clock: Callable[[], float],
) -> SpeedRow:
    objective = Objective()
    best_insertion(fleet, _request(rng, travel_s, choices), travel_s, objective, _NOW_S)
    took_s = []
    found = 0
    for _ in range(answers):
        request = _request(rng, travel_s, choices)
        began_s = clock()
        answer = best_insertion(fleet, request, travel_s, objective, _NOW_S)
        took_s.append(clock() - began_s)
        found += isinstance(answer, Insertion)
    pruned_s, full_s = _compare(rng, fleet, travel_s, choices, clock)
    visits = sum(len(plan.visits) for plan in fleet.plans)
    return SpeedRow(
        shuttles=len(fleet),
        stop_pairs=f"{choices}x{choices}",
        mean_visits=visits / len(fleet),
        answers=answers,
        found_pct=100 * found / answers,
        p50_ms=1000 * float(np.percentile(took_s, 50)),
        p99_ms=1000 * float(np.percentile(took_s, 99)),
        full_ms=1000 * full_s,
        pruned_share=pruned_s / full_s,
    )


def _compare(
    rng: random.Random,
    fleet: FleetArrays,
    travel_s: TravelTimes,
    choices: int,
    clock: Callable[[], float],
) -> tuple[float, float]:
    """Mean seconds of the search and of the full one, on the same requests."""
    price = Objective()
    prices = Prices(price.driving, price.waiting, price.riding, price.walking, others=1)
    took_s = {True: 0.0, False: 0.0}
    for _ in range(_COMPARED):
        request = _request(rng, travel_s, choices)
        found = []
        for prunes in took_s:
            began_s = clock()
            found.append(
                find_insertion(
                    fleet, request, travel_s, prices, _NOW_S, STRICT, None, prunes=prunes
                )
            )
            took_s[prunes] += clock() - began_s
        assert found[0] == found[1], f"left out: {found[1]} instead of {found[0]} for {request}"
    return took_s[True] / _COMPARED, took_s[False] / _COMPARED


def _square_zone(rng: random.Random) -> TravelTimes:
    x, y = (np.array([rng.uniform(0, _SIDE_S) for _ in range(_STOPS)]) for _ in range(2))
    # Driving along a grid of streets; rounding up keeps the triangle inequality.
    drive_s = np.abs(x[:, None] - x[None, :]) + np.abs(y[:, None] - y[None, :])
    travel_s: TravelTimes = np.ceil(drive_s).astype(np.int64)
    travel_s.flags.writeable = False
    return travel_s


def _busy_fleet(rng: random.Random, travel_s: TravelTimes, size: int) -> FleetArrays:
    """Shuttles filled one by one, each to five to seven visits."""
    fleet = FleetArrays()
    for row in range(size):
        plan = RowPlan(
            start_stop=rng.randrange(_STOPS),
            start_s=_NOW_S + rng.randrange(0, 120),
            start_load=(0, 0),
            capacity=(_SEATS, 1),
            available=True,
            visits=(),
            rides=(),
        )
        alone = FleetArrays()
        alone.add_row(plan)
        wanted = rng.choice((5, 6, 6, 7))
        for ride in range(60):
            if len(plan.visits) >= wanted:
                break
            request = _request(rng, travel_s, 1)
            found = best_insertion(alone, request, travel_s, Objective(), _NOW_S)
            if isinstance(found, Insertion):
                plan = apply_insertion(plan, found, request, f"{row}-{ride}")
                alone.set_row(0, plan)
        fleet.add_row(plan)
    return fleet


def _request(rng: random.Random, travel_s: TravelTimes, choices: int) -> InsertionRequest:
    stops = rng.sample(range(len(travel_s)), 2 * choices)
    load = rng.choices(((1, 0), (2, 0), (3, 0), (0, 1)), weights=(12, 5, 2, 1))[0]
    from_stops, to_stops = stops[:choices], stops[choices:]
    rides_s = tuple(tuple(int(1.5 * travel_s[a, b]) + 300 for b in to_stops) for a in from_stops)
    longest_s = max(max(row) for row in rides_s)
    return InsertionRequest(
        pickups=tuple(
            PickupChoice(stop, 60 * i, _NOW_S + 60 * i, _NOW_S + 900)
            for i, stop in enumerate(from_stops)
        ),
        dropoffs=tuple(
            DropoffChoice(stop, 60 * i, _NOW_S + 900 + longest_s) for i, stop in enumerate(to_stops)
        ),
        max_ride_s=rides_s,
        desired_s=_NOW_S,
        load=load,
        dwell_s=DwellRule().dwell_s(load[1]),
    )
