"""What a command is said to cost is what comes of it, in a whole fleet in the middle of trouble."""

import random
from functools import lru_cache

from engine_world import OPERATOR, START_S, EngineWorld
from sketched_service import Street
from test_engine_properties import a_fleet, make_hostile

from dispatcher.domain.events import (
    ClockTicked,
    OperatorEvent,
    ShuttleHeld,
    ShuttleSent,
    ShuttleWithdrawn,
    StreetsClosed,
    TripCancelled,
    TripMoved,
)
from dispatcher.domain.ids import CommandId, TripId
from dispatcher.domain.trips import ENDS, Party, TripState
from dispatcher.engine import copy_state, new_state, state_digest, step
from dispatcher.engine.state import ServiceState
from dispatcher.explaining.story import view_of
from dispatcher.operators.cost import Harm, cost_of
from dispatcher.zone_engine import ZoneEngine


@lru_cache(maxsize=1)
def a_busy_world() -> EngineWorld:
    world = a_fleet(5, shuttles=6, requests=80, for_s=1500, judge=False)
    make_hostile(world, 1500)
    world.run_until(START_S + 900)
    return world


def commands(world: EngineWorld, state: ServiceState) -> list[OperatorEvent]:
    rng, now_s, about = random.Random(7), world.now_s, ("why", CommandId("p"))
    zone = world.site.zone
    trips = [key for key, trip in state.trips.items() if trip.state not in ENDS]
    shuttles = list(state.shuttles)
    made: list[OperatorEvent] = [
        StreetsClosed(
            now_s,
            OPERATOR,
            tuple(edge.id for edge in rng.sample(zone.edges, 6)),
            tuple(stop.id for stop in rng.sample(zone.stops, 8)),
            *about,
        )
    ]
    made += [TripMoved(now_s, OPERATOR, trip, None, *about) for trip in trips]
    made += [TripCancelled(now_s, trip, None, OPERATOR, *about) for trip in trips[:3]]
    made += [ShuttleWithdrawn(now_s, OPERATOR, shuttle, *about) for shuttle in shuttles]
    made += [ShuttleHeld(now_s, OPERATOR, shuttle, *about) for shuttle in shuttles]
    made += [
        ShuttleSent(now_s, OPERATOR, shuttle, rng.choice(zone.stops).id, *about)
        for shuttle in shuttles
    ]
    return made


def test_what_is_said_is_what_comes_of_it() -> None:
    world = a_busy_world()
    engine, state = ZoneEngine(world.site), world.state
    digest = state_digest(state)
    seen: set[Harm | None] = set()
    for event in commands(world, state):
        cost = cost_of(engine, copy_state(state), event, state.position)
        assert state_digest(state) == digest, event
        real = copy_state(state)
        step(real, ClockTicked(event.at_s))
        before = {key: view_of(real, trip) for key, trip in real.trips.items()}
        breaches = {key: trip.breach for key, trip in real.trips.items()}
        driven_s = planned_drive_s(real)
        step(real, event)
        told = {trip.trip_id: trip for trip in cost.trips}
        for key, was in before.items():
            trip = real.trips[key]
            if was.state in ENDS:
                continue
            if view_of(real, trip) == was:
                assert key not in told, (event, key)
                continue
            assert told[key].after == view_of(real, trip), (event, key)
            assert (told[key].harm is Harm.ENDED) == (trip.state in ENDS), (event, key)
            if trip.breach != breaches[key]:
                assert told[key].harm is not None, (event, key)
            seen.add(told[key].harm)
        assert cost.driven_s == planned_drive_s(real) - driven_s, event
    assert {None, Harm.ENDED, Harm.NEW_PROMISE} <= seen


def planned_drive_s(state: ServiceState) -> int:
    """Seconds of driving that are planned, counted another way than the cost is."""
    times_s, total_s = state.streets.stop_times_s, 0
    for shuttle in state.shuttles.values():
        stops = [visit.stop for visit in shuttle.row.visits]
        here = shuttle.anchor
        if shuttle.released is not None:
            here = shuttle.released.stop
            total_s += 0 if shuttle.released.arrived_s is not None else shuttle.released.leg_s
        if not stops and shuttle.parking_stop is not None:
            stops = [shuttle.parking_stop]
        legs = [int(times_s[a, b]) for a, b in zip([here, *stops], stops, strict=False) if a != b]
        total_s += sum(drive_s for drive_s in legs if drive_s < 100_000)
    return total_s


def test_a_copied_state_decides_the_same_and_leaves_the_original_alone() -> None:
    world = a_busy_world()
    state = new_state(world.site)
    cut = len(world.journal) // 2
    for event in world.journal[:cut]:
        step(state, event)
    copied, digest = copy_state(state), state_digest(state)
    assert state_digest(copied) == digest
    rest = world.journal[cut:]
    decided = [step(copied, event)[1] for event in rest]
    assert state_digest(state) == digest
    assert [step(state, event)[1] for event in rest] == decided
    assert state_digest(state) == state_digest(copied)


def test_a_group_stays_together_in_the_sums() -> None:
    """Two trips at one stop are one drive: taking one of them off saves nothing."""
    street = Street("P", driven=False)
    for _ in range(2):
        street.want("Q", "S", party=Party(2))
    engine = ZoneEngine(street.site)
    now = [t for t, s in street.status.items() if s.state is TripState.ACCEPTED]
    cancel = TripCancelled(street.now_s, TripId(now[1]), None, OPERATOR, "x", CommandId("p"))
    cost = cost_of(engine, copy_state(street.state), cancel, 1)
    assert (cost.driven_s, cost.driven_m) == (0, 0)
