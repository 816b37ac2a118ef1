"""Which ways a shuttle may use, which way, and how fast."""

import pytest

from dispatcher.streets.osm_tags import (
    Tags,
    directions,
    is_drivable,
    is_station,
    names,
    speed_mps,
    turn_rule,
)


@pytest.mark.parametrize(
    ("tags", "drivable"),
    [
        ({"highway": "residential"}, True),
        ({"highway": "motorway"}, False),
        ({"highway": "footway"}, False),
        ({"highway": "steps"}, False),
        ({"highway": "residential", "access": "private"}, False),
        ({"highway": "residential", "access": "no", "psv": "yes"}, True),
        ({"highway": "residential", "motor_vehicle": "no"}, False),
        ({"highway": "residential", "motor_vehicle": "no", "bus": "designated"}, True),
        ({"highway": "residential", "bus": "no", "motor_vehicle": "yes"}, False),
        ({"highway": "residential", "motorcar": "no"}, True),
        ({"highway": "pedestrian"}, False),
        ({"highway": "pedestrian", "psv": "yes"}, True),
        ({"highway": "pedestrian", "area": "yes", "psv": "yes"}, False),
        ({"highway": "service"}, True),
        ({"highway": "service", "service": "parking_aisle"}, False),
        ({"building": "yes"}, False),
    ],
)
def test_drivable(tags: Tags, drivable: bool) -> None:
    assert is_drivable(tags) is drivable


@pytest.mark.parametrize(
    ("tags", "forward", "backward"),
    [
        ({}, True, True),
        ({"oneway": "yes"}, True, False),
        ({"oneway": "-1"}, False, True),
        ({"oneway": "no", "junction": "roundabout"}, True, True),
        ({"junction": "roundabout"}, True, False),
        ({"oneway": "yes", "oneway:bus": "no"}, True, True),
    ],
)
def test_directions(tags: Tags, forward: bool, backward: bool) -> None:
    assert directions(tags) == (forward, backward)


@pytest.mark.parametrize(
    ("tags", "kmh"),
    [
        ({"highway": "primary", "maxspeed": "30"}, 30.0),
        ({"highway": "primary", "maxspeed": "20 mph"}, 32.2),
        ({"highway": "primary", "maxspeed": "80"}, 40.0),  # no faster than the shuttle
        ({"highway": "residential"}, 30.0),
        ({"highway": "residential", "maxspeed": "RO:urban"}, 30.0),
        ({"highway": "residential", "maxspeed": "walk"}, 5.0),
        ({"highway": "residential", "maxspeed": "0"}, 5.0),
    ],
)
def test_speed(tags: Tags, kmh: float) -> None:
    assert speed_mps(tags, most_kmh=40.0) * 3.6 == pytest.approx(kmh, abs=0.05)


def test_names_by_language() -> None:
    tags = {"name": "Liisankatu", "name:sv": "Elisabetsgatan", "name:etymology:wikidata": "Q1"}
    assert names(tags, "fi") == {"fi": "Liisankatu", "sv": "Elisabetsgatan"}
    assert names({"highway": "service"}, "fi") == {}


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"restriction": "no_left_turn"}, "no_left_turn"),
        ({"restriction": "no_left_turn", "except": "bicycle;psv"}, None),
        ({"restriction:conditional": "no_left_turn @ (07:00-09:00)"}, "no_left_turn"),
        ({"restriction:hgv": "no_left_turn"}, None),
        ({"restriction": "give_way"}, None),
    ],
)
def test_turn_rules(tags: Tags, rule: str | None) -> None:
    assert turn_rule(tags) == rule


def test_stations() -> None:
    assert is_station({"amenity": "bus_station"})
    assert not is_station({"railway": "subway_entrance"})
