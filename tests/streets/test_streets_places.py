"""The local frame, the boundary, and stops within a walk."""

import math
import random

import pytest
from sketched_zones import ORIGIN, a_zone

from dispatcher.domain.ids import EdgeId, StopId
from dispatcher.domain.zone import Point, StopKind
from dispatcher.streets import EdgePoint, LocalFrame, Streets, great_circle_m, walk_m, walk_s
from dispatcher.streets.area import ServiceArea

SQUARE = {"A": (0, 0), "B": (100, 0), "C": (100, 100), "D": (0, 100)}


def test_frame_goes_to_metres_and_back() -> None:
    frame = LocalFrame(Point(36.5243, 127.3320))
    rng = random.Random(4)
    for _ in range(50):
        x_m, y_m = rng.uniform(-5000, 5000), rng.uniform(-5000, 5000)
        assert frame.to_metres(frame.to_point(x_m, y_m)) == pytest.approx((x_m, y_m), abs=1e-6)


def test_frame_agrees_with_the_great_circle() -> None:
    frame = LocalFrame(Point(60.17, 24.94))
    near = frame.to_point(1200.0, -900.0)
    # A 3-4-5 triangle: 1,500 m. The sphere's radius differs from the ellipsoid's by up to 0.5 %.
    assert great_circle_m(frame.origin, near) == pytest.approx(1500.0, rel=0.005)


def test_a_degree_of_latitude_at_45_degrees() -> None:
    # 111,132 m at 45 degrees on the WGS84 ellipsoid; of longitude 78,847 m.
    frame = LocalFrame(Point(45.0, 0.0))
    assert frame.metres_per_lat_degree == pytest.approx(111_132, abs=1)
    assert frame.metres_per_lon_degree == pytest.approx(78_847, abs=1)


def test_area_knows_inside_from_outside() -> None:
    frame = LocalFrame(ORIGIN)
    corners = [(0, 0), (200, 0), (200, 100), (0, 100), (0, 0)]
    area = ServiceArea.of([frame.to_point(*corner) for corner in corners], frame)
    assert area.area_m2 == pytest.approx(20_000)
    assert area.contains(frame.to_point(10, 10))
    assert not area.contains(frame.to_point(10, 110))


def test_area_refuses_a_crossed_boundary() -> None:
    frame = LocalFrame(ORIGIN)
    crossed = [(0, 0), (100, 100), (100, 0), (0, 100), (0, 0)]
    with pytest.raises(ValueError, match="crosses itself"):
        ServiceArea.of([frame.to_point(*corner) for corner in crossed], frame)


def test_walks_are_longer_than_the_straight_line_and_round_up() -> None:
    # 100 m straight are 130 m on foot; at 1.2 m/s 108.3 s.
    assert walk_m(100.0) == pytest.approx(130.0)
    assert walk_s(walk_m(100.0)) == 109


def streets_with_stops() -> Streets:
    stops = {"west": "A>B 0", "east": "A>B 60", "north": "D>C 50"}
    kinds = {"north": StopKind.INTERCHANGE}
    return Streets.of(a_zone(SQUARE, ["A-B", "B-C", "D-C", "D-A"], stops, kinds=kinds))


def test_stops_near_come_by_walk() -> None:
    streets = streets_with_stops()
    here = streets.frame.to_point(40.0, 0.0)
    # East is 20 m off: 26 m on foot. West 40 m: 52 m. North over 100 m: more than 130 m.
    assert streets.stops_near(here, 100.0) == [(1, pytest.approx(26.0)), (0, pytest.approx(52.0))]


def test_closed_stops_and_depots_take_no_riders() -> None:
    stops = {"west": "A>B 0", "east": "A>B 60"}
    kinds = {"west": StopKind.DEPOT}
    streets = Streets.of(a_zone(SQUARE, ["A-B"], stops, kinds=kinds))
    here = streets.frame.to_point(40.0, 0.0)
    assert [stop for stop, _ in streets.stops_near(here, 100.0)] == [1]
    closed = streets.with_closures(frozenset(), frozenset({StopId("east")}))
    assert closed.stops_near(here, 100.0) == []


def test_nearest_interchange() -> None:
    streets = streets_with_stops()
    assert streets.nearest_interchange(streets.frame.to_point(0.0, 0.0)) == 2
    closed = streets.with_closures(frozenset(), frozenset({StopId("north")}))
    assert closed.nearest_interchange(streets.frame.to_point(0.0, 0.0)) is None


def test_nearest_point_prefers_the_way_the_shuttle_faces() -> None:
    streets = streets_with_stops()
    # 2 m south of the street A-B, 30 m from A.
    assert streets.nearest_point(30.0, -2.0) == EdgePoint(EdgeId("A>B"), pytest.approx(30.0))
    facing_west = streets.nearest_point(30.0, -2.0, heading_rad=math.pi)
    assert facing_west == EdgePoint(EdgeId("B>A"), pytest.approx(70.0))


def test_outside_the_boundary() -> None:
    streets = streets_with_stops()
    assert streets.contains(streets.frame.to_point(150.0, 150.0))
    assert not streets.contains(streets.frame.to_point(250.0, 150.0))
