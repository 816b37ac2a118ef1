"""Small fleets for the planning tests: seeded random ones and rows written by hand."""

import random

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.policy import DwellRule, Objective
from dispatcher.planning.edits import insert_ride, ride_of
from dispatcher.planning.request import DropoffChoice, InsertionRequest, PickupChoice
from dispatcher.planning.rows import FOREVER_S, RowPlan, RowRide, RowVisit
from dispatcher.planning.schedule import Schedule, schedule
from dispatcher.planning.twin import position_pairs


def random_travel_s(rng: random.Random, n_stops: int) -> NDArray[np.int64]:
    """Distances of random points, rounded up, one-way streets making some drives longer."""
    points = [(rng.uniform(0, 400), rng.uniform(0, 400)) for _ in range(n_stops)]
    travel_s = np.zeros((n_stops, n_stops), dtype=np.int64)
    for a, (ax, ay) in enumerate(points):
        for b, (bx, by) in enumerate(points):
            if a != b:
                travel_s[a, b] = int(np.ceil(np.hypot(ax - bx, ay - by))) + rng.choice((0, 0, 40))
    for via in range(n_stops):
        travel_s = np.minimum(travel_s, travel_s[:, [via]] + travel_s[[via], :])
    return travel_s


def random_request(
    rng: random.Random, n_stops: int, now_s: int, travel_s: NDArray[np.int64], choices: int = 2
) -> InsertionRequest:
    # Later hours make shuttles wait between visits, and waiting is what ride limits push against.
    pickups = tuple(
        PickupChoice(
            stop,
            walk_s=rng.randrange(0, 200),
            earliest_s=earliest_s,
            latest_s=earliest_s + rng.choice((120, 400, 900)),
        )
        for stop in rng.sample(range(n_stops), rng.randint(1, choices))
        for earliest_s in [now_s + rng.choice((0, 0, 500, 1000)) + rng.randrange(0, 200)]
    )
    dropoff_stops = rng.sample(range(n_stops), rng.randint(1, choices))
    max_ride_s = tuple(
        tuple(
            int(travel_s[pickup.stop, stop] * rng.choice((1.0, 1.3, 1.8)))
            + rng.choice((0, 30, 200))
            for stop in dropoff_stops
        )
        for pickup in pickups
    )
    dropoffs = tuple(
        DropoffChoice(stop, rng.randrange(0, 200), now_s + rng.choice((800, 1500, 3000)))
        for stop in dropoff_stops
    )
    load = rng.choice(((1, 0), (1, 0), (2, 0), (0, 1), (1, 1)))
    return InsertionRequest(
        pickups=pickups,
        dropoffs=dropoffs,
        max_ride_s=max_ride_s,
        desired_s=now_s + rng.randrange(-60, 120),
        load=load,
        dwell_s=DwellRule().dwell_s(load[1]),
    )


def random_row(
    rng: random.Random, n_stops: int, now_s: int, travel_s: NDArray[np.int64], rides: int
) -> RowPlan:
    """A feasible row with up to so many rides, some of them aboard at its start."""
    aboard = []
    visits = []
    for i in range(rng.randint(0, 2)):
        aboard.append(
            RowRide(f"aboard{i}", (1, 0), 0, 0, now_s + rng.randrange(600, 3000), 900, 20)
        )
        visits.append(RowVisit(rng.randrange(n_stops), alights=(f"aboard{i}",)))
    plan = RowPlan(
        start_stop=rng.randrange(n_stops),
        start_s=now_s + rng.randrange(-300, 300),
        start_load=(len(aboard), 0),
        capacity=(rng.randint(2, 4), rng.randint(0, 1)),
        available=rng.random() < 0.9,
        visits=tuple(visits),
        rides=tuple(aboard),
        end_s=now_s + rng.choice((3000, 20_000)),
        drive_limit_s=rng.choice((1200, 2400, FOREVER_S)),
    )
    for i in range(rides):
        asked = random_request(rng, n_stops, now_s, travel_s, choices=1)
        pickup_stop, dropoff_stop = asked.pickups[0].stop, asked.dropoffs[0].stop
        if pickup_stop == dropoff_stop:
            continue
        pairs = list(position_pairs(plan, pickup_stop, dropoff_stop))
        for _ in range(6):
            at, to = rng.choice(pairs)
            ride = ride_of(asked, f"r{i}", 0, 0)
            longer = insert_ride(plan, ride, pickup_stop, dropoff_stop, at, to)
            if isinstance(schedule(longer, travel_s, now_s), Schedule):
                plan = longer
                break
    return plan


def random_objective(rng: random.Random) -> Objective:
    riding = rng.choice((0, 1, 700))
    return Objective(
        driving=rng.choice((0, 1, 500)),
        waiting=riding + rng.choice((0, 1, 600)),
        riding=riding,
        walking=rng.choice((0, 1, 900)),
    )
