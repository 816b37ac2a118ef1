"""The built-in zone keeps to the published facts and can be served."""

import hashlib
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import shapely

from dispatcher.domain.zone import StopKind, Zone
from dispatcher.streets import UNREACHABLE_S, Streets, walk_m
from dispatcher.streets.sejong import sejong_5_1
from dispatcher.streets.stop_cover import grid_inside, worst_straight_m
from dispatcher.streets.zone_checks import zone_faults
from dispatcher.streets.zone_file import ZoneFileError, read_zone, write_zone
from dispatcher.streets.zones import load_zone


@pytest.fixture(scope="module")
def zone() -> Zone:
    return sejong_5_1()


@pytest.fixture(scope="module")
def streets(zone: Zone) -> Streets:
    return Streets.of(zone)


def test_area_and_place_are_those_published(streets: Streets) -> None:
    # The district has 2.741 km2; straight lines between boundary points lose a thousandth.
    assert streets.area.area_m2 == pytest.approx(2_741_000, rel=0.002)
    assert streets.area.contains(streets.zone.origin)
    # About as wide and high as the legal dong's bounding box, 2,380 m x 1,890 m.
    min_x, min_y, max_x, max_y = streets.area.polygon.bounds
    assert 1900 < max_x - min_x < 2600
    assert 1400 < max_y - min_y < 2000


def test_zone_is_sound_and_says_that_it_is_made_up(zone: Zone) -> None:
    assert zone_faults(zone) == []
    assert zone.synthetic
    assert "Synthetic" in zone.attribution


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_seeds_give_sound_zones_too(seed: int) -> None:
    assert zone_faults(sejong_5_1(seed)) == [], f"seed {seed}"


def test_stops_by_kind(zone: Zone) -> None:
    kinds = Counter(stop.kind for stop in zone.stops)
    assert kinds[StopKind.INTERCHANGE] == 8
    assert kinds[StopKind.DEPOT] == 2
    assert 100 <= kinds[StopKind.STOP] <= 130
    assert {stop.chargers for stop in zone.stops if stop.kind is StopKind.DEPOT} == {8}


def test_names_are_bilingual_and_tell_stops_apart(zone: Zone) -> None:
    for language in ("ko", "en"):
        names = Counter(stop.names[language] for stop in zone.stops)
        assert max(names.values()) == 1, names.most_common(2)


def test_everybody_walks_less_than_250_m(streets: Streets) -> None:
    riders = [stop for stop in streets.zone.stops if stop.kind is not StopKind.DEPOT]
    points = grid_inside(streets.area.polygon, 10.0)
    places = np.array([(stop.x_m, stop.y_m) for stop in riders])
    assert walk_m(worst_straight_m(points, places)) <= 250.0
    # The same people are offered a stop.
    x_m, y_m = points[0]
    assert streets.stops_near(streets.frame.to_point(float(x_m), float(y_m)), 250.0)


def test_every_stop_reaches_every_stop(streets: Streets) -> None:
    assert streets.stop_times_s.max() < UNREACHABLE_S
    # At most 2.5 km by some 20 km/h with starts and turns: no drive is longer than 10 min.
    assert streets.stop_times_s.max() < 600


def test_streets_stay_inside_the_boundary(streets: Streets) -> None:
    frame = streets.frame
    lines = [[frame.to_metres(p) for p in edge.shape] for edge in streets.zone.edges]
    drawn = shapely.MultiLineString([shapely.LineString(line) for line in lines])
    assert shapely.covers(streets.area.polygon, drawn)


def test_speeds_are_those_of_careful_shuttles(zone: Zone) -> None:
    speeds_kmh = Counter(round(edge.speed_mps * 3.6) for edge in zone.edges)
    assert set(speeds_kmh) == {20, 30, 40}


def test_zone_does_not_depend_on_the_hash_seed(zone: Zone) -> None:
    program = (
        "import hashlib; from dispatcher.streets.sejong import sejong_5_1;"
        "print(hashlib.sha256(repr(sejong_5_1()).encode()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert other.stdout.strip() == hashlib.sha256(repr(zone).encode()).hexdigest()


def test_zones_are_found_by_name_or_directory(
    zone: Zone, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert load_zone("sejong-5-1") == zone
    directory = tmp_path_factory.mktemp("zone")
    write_zone(zone, directory)
    assert load_zone(directory) == zone
    assert read_zone(directory) == zone
    with pytest.raises(ZoneFileError, match="no such zone"):
        load_zone(directory / "nowhere")
