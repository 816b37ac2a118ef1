"""Travel times on streets small enough to add up by hand.

All edges are driven at 10 m/s. Starting costs 10 / (2 * 5) = 1 s and braking 1 s: 2 s a leg.
"""

import pytest
from sketched_zones import a_zone

from dispatcher.domain.ids import EdgeId, StopId
from dispatcher.streets import UNREACHABLE_S, DriveModel, EdgePoint, NoPathError, Streets

DRIVE = DriveModel(acceleration_mps2=5.0, deceleration_mps2=5.0, pull_out_s=0.0, turn_around_s=12.0)
# A square of 100 m sides; D-A is the fourth side.
SQUARE = {"A": (0, 0), "B": (100, 0), "C": (100, 100), "D": (0, 100)}
BOTH_WAYS = ["A-B", "B-C", "C-D", "D-A"]
NOTHING = frozenset[EdgeId]()
NO_STOP = frozenset[StopId]()


def closing(*edges: str) -> frozenset[EdgeId]:
    return frozenset(EdgeId(edge) for edge in edges)


def test_time_is_cruise_plus_start_and_braking() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    # 60 m to B and 30 m on: 90 m at 10 m/s is 9 s, and 2 s for the leg.
    assert streets.stop_times_s.tolist() == [[0, 11], [11, 0]]


def test_fractions_of_a_second_are_rounded_up() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30.1"}), DRIVE)
    # 90.1 m is 9.01 s; with 2 s for the leg 11.01 s.
    assert streets.stop_times_s[0, 1] == 12


def test_default_shuttle_takes_longer_to_start() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}))
    # 9 s of cruise, 2 s pull-out, 10 / (2 * 1) = 5 s to start and 5 s to brake.
    assert streets.stop_times_s[0, 1] == 21


def test_one_way_street_is_driven_around() -> None:
    one_way = ["A>B", "B>C", "C>D", "D>A"]
    streets = Streets.of(a_zone(SQUARE, one_way, {"p": "A>B 40", "q": "A>B 70"}), DRIVE)
    # Forward 30 m: 3 s + 2 s. Back around the square: 400 - 30 = 370 m, 37 s + 2 s.
    assert streets.stop_times_s.tolist() == [[0, 5], [39, 0]]


def test_turn_ban_sends_the_shuttle_the_other_way() -> None:
    stops = {"p": "A>B 40", "q": "B>C 30"}
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, stops, bans=["A>B B>C"]), DRIVE)
    # By B 90 m are banned; p is left backwards: 40 m to A, D, C (300 m by then 40 + 200), 70 m
    # down to q: 310 m, 31 s + 2 s. The way back does not use the banned turn.
    assert streets.stop_times_s.tolist() == [[0, 33], [11, 0]]


def test_no_turning_back_at_a_junction_but_at_a_dead_end() -> None:
    # A one-way street A>B ends at the foot of B-D.
    nodes = {"A": (0, 0), "B": (100, 0), "D": (100, 100)}
    zone = a_zone(nodes, ["A>B", "B-D"], {"p": "B>D 50"})
    streets = Streets.of(zone, DRIVE)
    # From A>B the shuttle reaches B, drives up 50 m: 10 s + 5 s + 1 s braking.
    assert streets.times_from_s(EdgeId("A>B"), 0.0).tolist() == [16]
    # Having passed p, it turns at D: 30 m to D, 12 s, 50 m back, 1 s.
    assert streets.times_from_s(EdgeId("B>D"), 70.0).tolist() == [3 + 12 + 5 + 1]
    # At B nothing but B>D goes on, so B is a dead end for it too: 30 m, 12 s, 50 m, 1 s.
    assert streets.times_from_s(EdgeId("D>B"), 70.0).tolist() == [3 + 12 + 5 + 1]


def test_shuttle_rolling_past_a_stop_must_come_round_again() -> None:
    streets = Streets.of(a_zone(SQUARE, ["A>B", "B>C", "C>D", "D>A"], {"p": "A>B 40"}), DRIVE)
    # 30 m before the stop, and 30 m after it: 370 m to go.
    assert streets.times_from_s(EdgeId("A>B"), 10.0).tolist() == [3 + 1]
    assert streets.times_from_s(EdgeId("A>B"), 70.0).tolist() == [37 + 1]
    # At the stop itself only the braking is left.
    assert streets.times_from_s(EdgeId("A>B"), 40.0).tolist() == [1]


def test_turning_at_a_stop_in_passing_costs_the_same_as_standing_there() -> None:
    # p on A-B, q and r on B-C; the turn A>B B>C is banned and nothing else leads to C.
    nodes = {"A": (0, 0), "B": (100, 0), "C": (200, 0), "E": (100, 100)}
    stops = {"p": "A>B 50", "q": "B>C 50", "t": "B>E 50"}
    streets = Streets.of(a_zone(nodes, ["A-B", "B-C", "B-E"], stops, ["A>B B>C"]), DRIVE)
    # p to t: 50 + 50 m, 10 s + 2 s. t to q: the same. p to q turns at t: 12 + 12.
    assert streets.stop_times_s[0, 2] == 12
    assert streets.stop_times_s[2, 1] == 12
    assert streets.stop_times_s[0, 1] == 24


def test_closed_edge_is_driven_around() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "D>A 50", "q": "B>C 50"}), DRIVE)
    # 50 + 100 + 50 m either way about the square.
    assert streets.stop_times_s[0, 1] == 22
    detour = streets.with_closures(closing("A>B", "B>A"), NO_STOP)
    assert detour.stop_times_s[0, 1] == 22
    # With C-D closed towards D, only the way by A and B is left, now driven from q backwards.
    detour = streets.with_closures(closing("B>A", "C>D"), NO_STOP)
    assert detour.stop_times_s[0, 1] == 22
    assert detour.stop_times_s[1, 0] == UNREACHABLE_S
    assert streets.stop_times_s[1, 0] == 22  # the original is untouched


def test_stop_on_a_closed_edge_is_served_from_its_other_side() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    closed = streets.with_closures(closing("A>B"), NO_STOP)
    # q to p: 30 m to B and 60 m along B>A: 9 s + 2 s. p is left by B>A only: 40 m to A, 200 m to
    # C, 70 m down to q: 31 s + 2 s.
    assert closed.stop_times_s.tolist() == [[0, 33], [11, 0]]
    assert closed.open_stops.tolist() == [True, True]


def test_stop_with_no_open_side_is_closed_but_can_be_left() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    closed = streets.with_closures(closing("A>B", "B>A"), NO_STOP)
    assert closed.open_stops.tolist() == [False, True]
    assert closed.stop_times_s.tolist() == [[0, 11], [UNREACHABLE_S, 0]]
    with pytest.raises(NoPathError, match="stop p"):
        closed.path(1, 0)


def test_shuttle_on_a_closed_edge_drives_out_by_its_end() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    closed = streets.with_closures(closing("A>B", "B>A"), NO_STOP)
    # 50 m to B, 30 m to q, 1 s of braking; p is closed with its street, though it lies behind.
    assert closed.times_from_s(EdgeId("A>B"), 50.0).tolist() == [UNREACHABLE_S, 9]


def test_closure_makes_a_dead_end_where_shuttles_turn_back() -> None:
    # A - B - C in a row, p on A-B; C closed off, so that who comes towards B must turn there.
    nodes = {"A": (0, 0), "B": (100, 0), "C": (200, 0)}
    streets = Streets.of(a_zone(nodes, ["A-B", "B-C"], {"p": "A>B 40"}), DRIVE)
    # From 70 m: 30 m to B, 100 m to C, 12 s, 100 m back, 60 m to p: 29 s + 12 s + 1 s.
    assert streets.times_from_s(EdgeId("A>B"), 70.0).tolist() == [42]
    # With B-C closed it turns at B: 30 m, 12 s, 60 m, 1 s.
    closed = streets.with_closures(closing("B>C"), NO_STOP)
    assert closed.times_from_s(EdgeId("A>B"), 70.0).tolist() == [22]


def test_place_off_the_edge_is_refused() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40"}), DRIVE)
    with pytest.raises(ValueError, match="not on edge A>B"):
        streets.times_from_s(EdgeId("A>B"), 100.5)


def test_closed_stop_keeps_its_travel_times() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    closed = streets.with_closures(NOTHING, frozenset({StopId("q")}))
    assert closed.open_stops.tolist() == [True, False]
    assert closed.stop_times_s.tolist() == streets.stop_times_s.tolist()


def test_closures_replace_those_before() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    closed = streets.with_closures(closing("A>B", "B>A"), frozenset({StopId("q")}))
    opened = closed.with_closures(NOTHING, NO_STOP)
    assert opened.stop_times_s.tolist() == streets.stop_times_s.tolist()
    assert opened.open_stops.all()


def test_unknown_closures_are_refused() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40"}), DRIVE)
    with pytest.raises(ValueError, match=r"X>Y, z"):
        streets.with_closures(closing("X>Y"), frozenset({StopId("z")}))


def test_matrix_cannot_be_written() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    with pytest.raises(ValueError, match="read-only"):
        streets.stop_times_s[0, 1] = 0


def test_path_names_edges_offsets_and_line() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    path = streets.path(0, 1)
    assert [(s.edge_id, s.from_offset_m, s.to_offset_m) for s in path.steps] == [
        ("A>B", 40.0, 100.0),
        ("B>C", 0.0, 30.0),
    ]
    assert path.length_m == pytest.approx(90.0)
    assert path.drive_s == 11
    assert [c for xy in path.polyline_m for c in xy] == pytest.approx([40, 0, 100, 0, 100, 30])


def test_the_metres_of_a_drive_are_those_of_its_path() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    for here in (0, 1):
        for there in (0, 1):
            length_m = streets.path(here, there).length_m
            assert streets.drive_m(here, there) == pytest.approx(length_m)


def test_path_from_an_edge_starts_where_the_shuttle_is() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40", "q": "B>C 30"}), DRIVE)
    path = streets.path(EdgePoint(EdgeId("D>A"), 80.0), 1)
    # 20 m to A, 100 m to B past p, 30 m: 15 s and 1 s braking.
    assert [(s.edge_id, s.from_offset_m, s.to_offset_m) for s in path.steps] == [
        ("D>A", 80.0, 100.0),
        ("A>B", 0.0, 100.0),
        ("B>C", 0.0, 30.0),
    ]
    assert path.drive_s == 16


def test_path_to_the_same_stop_is_empty() -> None:
    streets = Streets.of(a_zone(SQUARE, BOTH_WAYS, {"p": "A>B 40"}), DRIVE)
    path = streets.path(0, 0)
    assert (path.steps, path.length_m, path.drive_s, len(path.polyline_m)) == ((), 0.0, 0, 1)
