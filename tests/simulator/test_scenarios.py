"""Named days: every one can be read, and each says what it stands for."""

import pytest

from dispatcher.domain.events import StreetsClosed, StreetsOpened
from simulator.faults import BAD_WIRE
from simulator.scenario import (
    DayChoices,
    ScenarioError,
    day_plan,
    list_scenarios,
    read_scenario,
)


def test_every_scenario_becomes_a_plan() -> None:
    names = list_scenarios()
    assert {"day", "quiet", "rush", "breakdown", "closure"} <= names.keys()
    for name in names:
        plan = day_plan(name, DayChoices(), seed=1)
        assert plan.end_s - plan.start_s == pytest.approx(
            3600.0 * (read_scenario(name).hours[1] - read_scenario(name).hours[0])
        )


def test_choices_go_over_a_scenario() -> None:
    choices = DayChoices(shuttles=2, riders_per_hour=10.0, hours=(9.0, 9.5), faults=True)
    plan = day_plan("breakdown", choices, seed=1)
    assert plan.fleet.shuttles == 2
    assert plan.demand.riders_per_hour == 10.0
    assert plan.end_s - plan.start_s == 1800.0
    assert plan.wire == BAD_WIRE
    assert all(mishap.shuttle < 2 for mishap in plan.mishaps)


def test_a_closure_closes_both_directions_and_opens_again() -> None:
    plan = day_plan("closure", DayChoices(), seed=1)
    moments = [(at_s - plan.start_s, type(event)) for at_s, event in plan.orders]
    assert moments == [
        (900.0, StreetsClosed),
        (2100.0, StreetsOpened),
        (1500.0, StreetsClosed),
        (2400.0, StreetsOpened),
    ]
    first = plan.orders[0][1]
    assert isinstance(first, StreetsClosed)
    edges = {edge.id: edge for edge in plan.demand.zone.edges}
    for edge_id in first.edges:
        back = edges[edge_id].reverse
        assert back is None or back in first.edges
    assert len(first.edges) >= 2


def test_an_unknown_scenario_names_those_there_are() -> None:
    with pytest.raises(ScenarioError, match="breakdown, closure, day"):
        day_plan("picnic", DayChoices(), seed=1)
    with pytest.raises(ScenarioError, match="no scenario"):
        read_scenario("../secret")


def test_hours_must_make_sense() -> None:
    with pytest.raises(ScenarioError, match="the hours"):
        day_plan("quiet", DayChoices(hours=(10.0, 9.0)), seed=1)
