"""What must hold on any street net; the seed names the net."""

import math
import random

import numpy as np
import pytest
from sketched_zones import a_random_grid

from dispatcher.domain.ids import EdgeId
from dispatcher.domain.zone import Zone
from dispatcher.streets import UNREACHABLE_S, EdgePoint, Path, Streets

SEEDS = range(8)


def nets(seed: int) -> list[Streets]:
    """A random net as it is, and with a tenth of its edges closed."""
    streets = Streets.of(a_random_grid(seed))
    rng = random.Random(seed)
    closed = frozenset(edge.id for edge in streets.zone.edges if rng.random() < 0.1)
    return [streets, streets.with_closures(closed, frozenset())]


@pytest.mark.parametrize("seed", SEEDS)
def test_triangle_inequality_holds_through_stops(seed: int) -> None:
    for streets in nets(seed):
        t = streets.stop_times_s
        by_way = t[:, :, None] + t[None, :, :]  # [from, way, to]
        assert (t[:, None, :] <= by_way).all(), f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_path_takes_what_the_matrix_says(seed: int) -> None:
    for streets in nets(seed):
        n_stops = len(streets.zone.stops)
        reached = 0
        for a in range(n_stops):
            for b in range(n_stops):
                if streets.stop_times_s[a, b] < UNREACHABLE_S:
                    path = streets.path(a, b)
                    assert path.drive_s == streets.stop_times_s[a, b], f"seed {seed}: {a} to {b}"
                    reached += a != b
                    if a != b:
                        assert_drivable(streets, path, leaves_stop=True)
                        assert path.polyline_m[-1] == pytest.approx(stop_xy_m(streets, b))
        assert reached > 0, f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_times_from_a_stop_s_place_agree_with_the_matrix(seed: int) -> None:
    # Rolling past a stop saves the start but fixes the direction.
    for streets in nets(seed):
        for index, stop in enumerate(streets.zone.stops):
            rolling_s = streets.times_from_s(stop.edge_id, stop.offset_m)
            standing_s = streets.stop_times_s[index]
            start_s = math.ceil(start_lost_s(streets, stop.edge_id))
            others = np.arange(len(standing_s)) != index
            if stop.edge_id not in streets.closed_edges:
                assert (standing_s[others] <= rolling_s[others] + start_s).all(), f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_path_from_any_place_agrees_with_its_times(seed: int) -> None:
    rng = random.Random(seed)
    for streets in nets(seed):
        for edge in rng.sample(streets.zone.edges, 6):
            place = EdgePoint(edge.id, rng.uniform(0, edge.length_m))
            times_s = streets.times_from_s(place.edge_id, place.offset_m)
            for stop, time_s in enumerate(times_s):
                if time_s < UNREACHABLE_S:
                    path = streets.path(place, stop)
                    assert path.drive_s == time_s, f"seed {seed}: {place} to {stop}"
                    assert_drivable(streets, path, leaves_stop=False)
                    assert path.polyline_m[0] == pytest.approx(streets.position_m(place))


@pytest.mark.parametrize("seed", SEEDS)
def test_building_again_gives_the_same_times(seed: int) -> None:
    first, second = Streets.of(a_random_grid(seed)), Streets.of(a_random_grid(seed))
    assert first.stop_times_s.tolist() == second.stop_times_s.tolist(), f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_nearest_point_of_a_point_on_an_edge_is_that_point(seed: int) -> None:
    rng = random.Random(seed)
    streets = Streets.of(a_random_grid(seed))
    for edge in rng.sample(streets.zone.edges, 10):
        offset_m = edge.length_m * rng.uniform(0.3, 0.7)
        x_m, y_m = streets.position_m(EdgePoint(edge.id, offset_m))
        x0, y0 = streets.position_m(EdgePoint(edge.id, 0.0))
        x1, y1 = streets.position_m(EdgePoint(edge.id, edge.length_m))
        found = streets.nearest_point(x_m, y_m, heading_rad=math.atan2(y1 - y0, x1 - x0))
        assert found.edge_id == edge.id, f"seed {seed}"
        assert found.offset_m == pytest.approx(offset_m, abs=1e-3)


def assert_drivable(streets: Streets, path: Path, leaves_stop: bool) -> None:
    """Steps follow each other by allowed turns, and their cruise and stands give the time."""
    edges = {edge.id: edge for edge in streets.zone.edges}
    bans = {(ban.from_edge, ban.to_edge) for ban in streets.zone.turn_bans}
    drive = streets.drive
    first, last = edges[path.steps[0].edge_id], edges[path.steps[-1].edge_id]
    spent_s = sum(
        (s.to_offset_m - s.from_offset_m) / edges[s.edge_id].speed_mps for s in path.steps
    )
    spent_s += last.speed_mps / 2 / drive.deceleration_mps2
    if leaves_stop:
        spent_s += start_lost_s(streets, first.id)
    for a, b in zip(path.steps[:-1], path.steps[1:], strict=True):
        before, after = edges[a.edge_id], edges[b.edge_id]
        if a.to_offset_m == before.length_m and b.from_offset_m == 0.0:
            assert before.end == after.start
            assert (before.id, after.id) not in bans
            if before.reverse == after.id:
                assert not other_ways_on(streets.zone, streets.closed_edges, before.id)
                spent_s += drive.turn_around_s
        else:
            assert before.reverse == after.id
            assert a.to_offset_m / before.length_m == pytest.approx(
                1 - b.from_offset_m / after.length_m
            )
            spent_s += before.speed_mps / 2 / drive.deceleration_mps2
            spent_s += start_lost_s(streets, after.id)
        assert after.id not in streets.closed_edges or before.id in streets.closed_edges
    # Each edge's time is rounded up to a millisecond, a place at a junction moved by one.
    assert path.drive_s == pytest.approx(spent_s + 0.5, abs=0.55)
    assert path.length_m == pytest.approx(
        sum(math.dist(a, b) for a, b in zip(path.polyline_m[:-1], path.polyline_m[1:], strict=True))
    )


def other_ways_on(zone: Zone, closed: frozenset[EdgeId], edge_id: EdgeId) -> list[EdgeId]:
    edge = next(edge for edge in zone.edges if edge.id == edge_id)
    bans = {(ban.from_edge, ban.to_edge) for ban in zone.turn_bans}
    return [
        after.id
        for after in zone.edges
        if after.start == edge.end
        and after.id not in closed
        and after.id != edge.reverse
        and (edge_id, after.id) not in bans
    ]


def start_lost_s(streets: Streets, edge_id: EdgeId) -> float:
    speed_mps = streets.zone.edges[streets.edge_index[edge_id]].speed_mps
    return streets.drive.pull_out_s + speed_mps / 2 / streets.drive.acceleration_mps2


def stop_xy_m(streets: Streets, stop: int) -> tuple[float, float]:
    return streets.zone.stops[stop].x_m, streets.zone.stops[stop].y_m
