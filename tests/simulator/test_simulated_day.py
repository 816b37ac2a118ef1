"""Short services in virtual time, in which everything that must hold is checked at every event."""

from collections import Counter
from dataclasses import replace

import pytest

from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.domain.ids import StopId, TripId
from dispatcher.domain.trips import ENDS, TimeWish, TripState
from dispatcher.domain.zone import Zone
from dispatcher.engine import ServiceState
from dispatcher.engine.judging import plan_faults
from dispatcher.journal import Record
from dispatcher.streets.zones import load_zone
from simulator.day import DayPlan, DayResult, a_weekday, local_time_s, simulate
from simulator.demand import Behaviour, Demand
from simulator.faults import BAD_WIRE, Mishap, MishapKind
from simulator.vehicle import FleetPlan


@pytest.fixture(scope="module")
def zone() -> Zone:
    return load_zone("sejong-5-1")


def a_plan(zone: Zone, seed: int, minutes: float = 20.0, shuttles: int = 5) -> DayPlan:
    start_s = local_time_s(zone, a_weekday(), 8.0)
    return DayPlan(
        demand=Demand.of(zone, seed, riders_per_hour=120.0),
        fleet=FleetPlan(shuttles, spread=True),
        start_s=start_s,
        end_s=start_s + 60.0 * minutes,
        drain_s=1800.0,
        seed=seed,
    )


def lived_through(plan: DayPlan) -> DayResult:
    """Simulate, with the independent checker looking at the whole plan after each event."""
    ends: Counter[TripId] = Counter()

    def check(applied: Applied, state: ServiceState) -> None:
        faults = plan_faults(state)
        assert not faults, f"seed {plan.seed}, after {applied.position} {applied.event}: {faults}"
        for decision in applied.decisions:
            if isinstance(decision, TripChanged) and decision.status.state in ENDS:
                ends[decision.status.trip_id] += 1

    found = simulate(plan, watch=check)
    assert set(ends.values()) <= {1}, f"seed {plan.seed}: a trip ended twice"
    assert found.figures.adds_up(), f"seed {plan.seed}: {found.figures}"
    assert found.figures.replay_identical, f"seed {plan.seed}"
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_quiet_minutes_keep_every_promise(zone: Zone, seed: int) -> None:
    found = lived_through(a_plan(zone, seed))
    figures = found.figures
    assert figures.requests > 20
    assert figures.completed > 0.7 * figures.requests
    assert figures.promises_broken == 0
    assert figures.abandoned == figures.expired == 0
    # The riders' own diagram is the one that the service counts for itself.
    learnt = found.dispatcher.core.state.learnt
    assert figures.pickups_by_quote.outcomes == learnt.pickups_kept.outcomes > 0
    assert tuple(figures.pickups_by_quote.came_by_pct.values()) == learnt.pickups_kept.shares_pct()
    assert figures.pickups_in_window_pct == 100.0
    stops = {stop.id: stop for stop in zone.stops}
    for log in found.logs:
        if log.state is not TripState.COMPLETED:
            continue
        # What the riders saw with their own eyes agrees with what they were promised.
        assert log.boarded_s is not None
        assert log.alighted_s is not None
        assert log.accepted is not None
        assert log.boarded_s < log.alighted_s <= log.accepted.dropoff_latest.timestamp() + 1.0
        assert log.accepted.pickup.id in stops
        assert stops[StopId(log.accepted.dropoff.id)]
    by_behaviour = Counter((log.wisher.behaviour, log.state) for log in found.logs)
    assert by_behaviour[Behaviour.STAYS_AWAY, TripState.COMPLETED] == 0
    assert by_behaviour[Behaviour.DECLINES, TripState.COMPLETED] == 0


def test_the_same_seed_gives_the_same_journal_byte_for_byte(zone: Zone) -> None:
    def journal(seed: int) -> list[Record]:
        return simulate(a_plan(zone, seed, minutes=5.0)).dispatcher.records()

    first = journal(3)
    assert len(first) > 50
    assert first == journal(3)
    assert first != journal(4)


@pytest.mark.parametrize("seed", [5, 6])
def test_a_bad_wire_and_failing_shuttles_lose_nobody(zone: Zone, seed: int) -> None:
    plan = a_plan(zone, seed, shuttles=6)
    mishaps = [
        Mishap(MishapKind.BREAKDOWN, 0, plan.start_s + 300.0, 900.0),
        Mishap(MishapKind.SILENCE, 1, plan.start_s + 400.0, 400.0),
        Mishap(MishapKind.REBOOT, 2, plan.start_s + 500.0, 30.0),
        Mishap(MishapKind.BREAKDOWN, 3, plan.start_s + 700.0, 30.0),
    ]
    found = lived_through(replace(plan, wire=BAD_WIRE, mishaps=mishaps, drain_s=3600.0))
    assert found.figures.completed > 0.6 * found.figures.requests
    # Whoever is under way long after the last mishap is waiting for a booked departure.
    for log in found.logs:
        if log.state not in ENDS and log.problem is None:
            assert log.wisher.wish is not TimeWish.NOW, f"seed {seed}: {log}"
    for log in found.logs:
        if log.state is TripState.COMPLETED:
            assert log.alighted_s is not None, f"seed {seed}: {log}"


def test_nobody_is_served_without_shuttles(zone: Zone) -> None:
    figures = lived_through(a_plan(zone, 1, minutes=3.0, shuttles=0)).figures
    assert figures.requests == sum(figures.refused.values()) > 0
    assert set(figures.refused) == {"FLEET_DOWN"}
