"""Whole hours of service before the independent checker: calm, hostile, replayed, restarted."""

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from engine_world import START_S, EngineWorld

from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.engine import Site, dump_state, load_state, new_state, state_digest, step
from dispatcher.engine.judging import plan_faults
from dispatcher.engine.snapshot import parts_not_written
from dispatcher.streets import Streets
from dispatcher.streets.zones import load_zone

CALM_SEEDS = range(1, 4)
HOSTILE_SEEDS = (*range(1, 7), 107)  # there somebody set down elsewhere made another late, untold
QUIET_S = 2 * 3600


@lru_cache(maxsize=1)
def the_site() -> Site:
    zone = replace(load_zone("sejong-5-1"), opens_s=0, closes_s=86_400)
    return Site(zone, Streets.of(zone), ServiceRules())


def a_fleet(seed: int, shuttles: int, requests: int, for_s: int, judge: bool = True) -> EngineWorld:
    world = EngineWorld(the_site(), seed, judge)
    for _ in range(shuttles):
        world.add_car(world.rng.randrange(len(world.site.zone.stops)))
    for _ in range(requests):
        world.at(START_S + world.rng.randint(0, for_s), world.a_rider)
    return world


def a_calm_hour(seed: int) -> EngineWorld:
    world = a_fleet(seed, shuttles=8, requests=60, for_s=3600)
    world.run_until(START_S + 2 * 3600)
    return world


def make_hostile(world: EngineWorld, for_s: int) -> None:
    """Everything that can go wrong goes wrong somewhere in the time given."""
    rng, zone, cars = world.rng, world.site.zone, list(world.cars.values())

    def sometimes(times: int, action: Callable[[], None]) -> None:
        for _ in range(times):
            world.at(START_S + rng.randint(200, for_s), action)

    sometimes(4, lambda: world.cut_off(rng.choice(cars), rng.randint(20, 600)))
    sometimes(4, lambda: world.break_down(rng.choice(cars), rng.randint(30, 900)))
    sometimes(4, lambda: world.take_over(rng.choice(cars), rng.randint(20, 600)))
    sometimes(2, lambda: world.hold(rng.choice(cars), rng.randint(30, 600)))
    sometimes(1, lambda: world.withdraw(rng.choice(cars), rng.randint(30, 600)))
    sometimes(3, lambda: world.reboot(rng.choice(cars)))
    sometimes(
        2,
        lambda: world.close(
            tuple(edge.id for edge in rng.sample(zone.edges, 6)),
            tuple(stop.id for stop in rng.sample(zone.stops, 8)),
            rng.randint(60, 1200),
        ),
    )
    sometimes(25, world.move_somebody)
    sometimes(6, lambda: world.send(rng.choice(cars), rng.choice(zone.stops).id))
    sometimes(30, world.propose)
    sometimes(30, world.propose_better)
    world.repeat_share = 0.05
    world.refuse_share = 0.02
    world.bar_share = 0.05
    world.lose_share = 0.05
    for car in cars[::2]:
        car.needs_word = True
        world.report(car)
    world.lateness = rng.choice([0.05, 0.3, 0.8])


def a_hostile_hour(seed: int, judge: bool = True) -> EngineWorld:
    world = a_fleet(seed, shuttles=6, requests=80, for_s=3000, judge=judge)
    make_hostile(world, 3000)
    world.run_until(START_S + 3600)
    world.refuse_share = 0.0
    world.run_until(START_S + 3600 + QUIET_S)
    return world


@pytest.fixture(scope="module")
def hostile_worlds() -> list[EngineWorld]:
    """Judged event by event while they run; an assertion there names the event."""
    return [a_hostile_hour(seed) for seed in HOSTILE_SEEDS]


def assert_all_ended(world: EngineWorld, seed: int) -> None:
    waiting = {trip: s.state for trip, s in world.status.items() if s.state not in ENDS}
    assert not waiting, f"seed {seed}: {waiting}"
    aboard = {s.id: s.aboard for s in world.state.shuttles.values() if s.aboard}
    assert not aboard, f"seed {seed}: {aboard}"
    assert not world.state.bookings, f"seed {seed}: {list(world.state.bookings)}"
    assert not world.state.moving, f"seed {seed}: {world.state.moving}"


def test_in_calm_service_every_promise_is_kept_and_every_trip_ends() -> None:
    seen: Counter[str] = Counter()
    for seed in CALM_SEEDS:
        world = a_calm_hour(seed)
        assert_all_ended(world, seed)
        broken = [s.trip_id for s in world.status.values() if s.breach is not None]
        assert not broken, f"seed {seed}: {broken}"
        assert world.replay() == world.decisions, f"seed {seed}"
        seen += world.happened
    for case in (TripState.COMPLETED, TripState.EXPIRED, TripState.CANCELLED_BY_RIDER):
        assert seen[case] > 0, f"{case} never happened"
    assert TripState.ABANDONED not in seen


def test_after_a_hostile_hour_and_a_quiet_one_every_trip_has_ended(
    hostile_worlds: list[EngineWorld],
) -> None:
    for seed, world in zip(HOSTILE_SEEDS, hostile_worlds, strict=True):
        assert_all_ended(world, seed)


def test_the_hostile_hours_saw_every_trouble(hostile_worlds: list[EngineWorld]) -> None:
    seen: Counter[str] = Counter()
    for world in hostile_worlds:
        seen += world.happened
    wanted = [
        "another shuttle",
        "ShuttleSent: done",
        "ShuttleSent: NOT_IDLE",
        "TripMoved: ON_ITS_WAY",
        "TripMoved: TRIP_ENDED",
        "TripMoved: WAIT_TOO_LONG",
        "TripMoved: done",
        "boarding only reported",
        "breach",
        "closure",
        "not let in",
        "plan refused",
        "proposal adopted",
        "proposal ignored",
        "reboot",
        "repeat",
        "rescue",
        TripState.CANCELLED_BY_RIDER,
        TripState.COMPLETED,
        TripState.EXPIRED,
        TripState.NO_SHOW,
        TripState.REFUSED,
    ]
    assert [case for case in wanted if not seen[case]] == []


def test_a_replay_decides_the_same(hostile_worlds: list[EngineWorld]) -> None:
    world = hostile_worlds[0]
    assert world.replay() == world.decisions, f"seed {HOSTILE_SEEDS[0]}"


def test_a_restart_from_a_snapshot_decides_the_same(hostile_worlds: list[EngineWorld]) -> None:
    for seed, world in list(zip(HOSTILE_SEEDS, hostile_worlds, strict=True))[:3]:
        cut = random.Random(seed).randrange(len(world.journal))
        state = new_state(world.site)
        for event in world.journal[:cut]:
            step(state, event)
        loaded = load_state(world.site, dump_state(state))
        assert state_digest(loaded) == state_digest(state), f"seed {seed} at {cut}"
        rest = [step(loaded, event)[1] for event in world.journal[cut:]]
        assert rest == world.decisions[cut:], f"seed {seed} at {cut}"
        assert state_digest(loaded) == state_digest(world.state), f"seed {seed} at {cut}"


def test_a_snapshot_leaves_out_only_what_is_derived() -> None:
    derived = {"streets", "berths", "farthest_charge", "fleet", "row_of", "shuttle_of_row"}
    assert parts_not_written() == derived | {"site"}


def test_a_state_forgets_what_is_over() -> None:
    """Hours later nothing is left of trips, timers or promises but what parks the fleet."""
    world = a_hostile_hour(11, judge=False)
    world.run_until(START_S + 3 * 3600 + ServiceRules().forget_after_s)
    assert not world.state.trips
    assert not world.state.requests
    # Each shuttle waits to park again, and may have older timers on their way out.
    assert len(world.state.timers) <= 4 * len(world.cars)
    assert len(world.state.pending) <= 2 * len(world.cars)


def digest_of_hostile_hour(seed: int) -> str:
    world = a_hostile_hour(seed, judge=False)
    said = hashlib.sha256(repr(world.decisions).encode())
    said.update(state_digest(world.state).encode())
    return said.hexdigest()


def test_another_process_with_another_hash_seed_decides_the_same() -> None:
    tests = Path(__file__).parents[1]
    code = "import test_engine_properties as p; print(p.digest_of_hostile_hour(21))"
    path = os.pathsep.join([str(tests), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest_of_hostile_hour(21)


def test_the_judge_does_find_faults() -> None:
    """The properties above are only worth something if a wrong plan is seen."""
    world = a_fleet(1, shuttles=2, requests=6, for_s=60)
    world.run_until(START_S + 70)
    shuttle = next(s for s in world.state.shuttles.values() if s.row.visits)
    visits = shuttle.row.visits
    shuttle.row = replace(shuttle.row, visits=(*visits[:-1], replace(visits[-1], alights=())))
    assert plan_faults(world.state)
