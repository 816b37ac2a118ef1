"""Choosing stops on a line of points, counted by hand; naming them by their corner."""

import dataclasses

import numpy as np
import pytest
from sketched_zones import ORIGIN, a_zone

from dispatcher.streets import LocalFrame
from dispatcher.streets.area import ServiceArea
from dispatcher.streets.drawn_street import corner_names
from dispatcher.streets.stop_cover import cover, grid_inside, stop_sites, worst_straight_m

LINE = np.array([(x, 0.0) for x in (0, 10, 20, 30, 40, 90)])


def test_cover_takes_the_candidate_that_reaches_most() -> None:
    candidates = np.array([(0.0, 0.0), (30.0, 0.0), (20.0, 0.0), (95.0, 0.0)])
    # Within 20 m: candidate 2 reaches 0 to 40 (5 points), 3 reaches 90; then nothing is left.
    found = cover(LINE, candidates, 20.0)
    assert (found.chosen, found.unreached) == ((2, 3), ())


def test_equal_gains_go_to_the_first() -> None:
    candidates = np.array([(15.0, 0.0), (15.0, 1.0)])
    # Within 16 m of x = 15 lie 0 to 30; 40 and 90 are out of reach.
    found = cover(LINE, candidates, 16.0)
    assert (found.chosen, found.unreached) == ((0,), (4, 5))


def test_kept_candidates_come_first() -> None:
    candidates = np.array([(20.0, 0.0), (30.0, 0.0), (95.0, 0.0)])
    # 30 reaches 10 to 40; of the rest, 20 newly reaches 0, and 95 reaches 90: the first wins.
    found = cover(LINE, candidates, 20.0, kept=[1])
    assert found.chosen == (1, 0, 2)


def test_worst_walk_is_that_of_the_loneliest_point() -> None:
    assert worst_straight_m(LINE, np.array([(20.0, 0.0), (60.0, 0.0)])) == pytest.approx(30.0)


def test_grid_points_lie_inside() -> None:
    frame = LocalFrame(ORIGIN)
    corners = [(0, 0), (40, 0), (40, 20), (0, 20), (0, 0)]
    area = ServiceArea.of([frame.to_point(*corner) for corner in corners], frame)
    # 4 by 2 cells of 10 m, a point in the middle of each.
    points = grid_inside(area.polygon, 10.0)
    assert sorted(map(tuple, points.round())) == [(x, y) for x in (5, 15, 25, 35) for y in (5, 15)]


def test_sites_keep_clear_of_junctions_and_take_each_street_once() -> None:
    zone = a_zone({"A": (0, 0), "B": (100, 0), "C": (100, 15)}, ["A-B", "B-C"], {})
    sites = stop_sites(zone.edges, LocalFrame(ORIGIN), spacing_m=40.0, clear_m=10.0)
    # 80 m of room on A-B: at 10, 50 and 90 m. B-C is too short: its middle.
    assert [(site.edge_id, site.offset_m) for site in sites] == [
        ("A>B", 10.0), ("A>B", 50.0), ("A>B", 90.0), ("B>C", 7.5),
    ]  # fmt: skip


def test_corner_is_named_after_the_nearest_crossing() -> None:
    zone = a_zone({"A": (0, 0), "B": (100, 0), "C": (100, 100)}, ["A-B", "B-C"], {})
    names = {"A>B": {"en": "Long Street", "ko": "긴길"}, "B>C": {"en": "Side Street"}}
    edges = [dataclasses.replace(edge, names=names.get(edge.id, {})) for edge in zone.edges]
    assert corner_names(edges[0], 90.0, edges, {"en": " & "}) == {"en": "Long Street & Side Street"}
    # Without a crossing that has a name, the street's own name.
    assert corner_names(edges[0], 90.0, edges[:1], {}) == {"en": "Long Street", "ko": "긴길"}
