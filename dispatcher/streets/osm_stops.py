"""Virtual stops, interchanges and a depot for imported streets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from dispatcher.domain.zone import Point, Stop, StopKind, StreetEdge
from dispatcher.streets.drawn_street import corner_names
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.stop_cover import StopSite, cover, grid_inside, stop_sites, worst_straight_m
from dispatcher.streets.stop_list import stop_at
from dispatcher.streets.walking import WALK_DETOUR_FACTOR, walk_m

_GRID_M = 25.0
_MOST_INTERCHANGES = 8
_FEWEST_INTERCHANGES = 2
# Two gates of the same dual carriageway, or two exits of one station, are one interchange.
_INTERCHANGES_APART_M = 200.0
_DEPOT_BERTHS = 20
_DEPOT_CHARGERS = 8


@dataclass(frozen=True, slots=True)
class PlacedStops:
    stops: tuple[Stop, ...]
    grid_points: int
    unreached_points: int  # no street within the walk limit
    worst_walk_m: float  # among the points that are reached


def place_stops(
    edges: Sequence[StreetEdge],
    area: shapely.Polygon,
    frame: LocalFrame,
    max_walk_m: float,
    stations: Sequence[Point],
    gates: Sequence[Point],
) -> PlacedStops:
    """Stops so that everybody whom a street is near enough walks at most ``max_walk_m``."""
    sites = stop_sites(edges, frame, spacing_m=25.0, clear_m=12.0)
    xy_m = np.array([(site.x_m, site.y_m) for site in sites])
    interchanges = _interchange_sites(
        xy_m, [frame.to_metres(p) for p in stations], [frame.to_metres(p) for p in gates]
    )
    points = grid_inside(area, _GRID_M)
    reach_m = max_walk_m / WALK_DETOUR_FACTOR
    covered = cover(points, xy_m, reach_m, kept=interchanges)
    plain = list(covered.chosen[len(interchanges) :])
    depot = _depot_site(xy_m, {*interchanges, *plain})
    stops = [
        *(
            stop_at(f"X{n}", sites[i], StopKind.INTERCHANGE, _names(sites[i], n, edges), frame, 4)
            for n, i in enumerate(interchanges, 1)
        ),
        depot_stop("D1", sites[depot], frame),
        *(
            stop_at(f"S{n:03d}", sites[i], StopKind.STOP, _names(sites[i], n, edges), frame)
            for n, i in enumerate(sorted(plain), 1)
        ),
    ]
    return PlacedStops(
        stops=tuple(stops),
        grid_points=len(points),
        unreached_points=len(covered.unreached),
        worst_walk_m=_worst_walk_m(points, covered.unreached, xy_m[[*interchanges, *plain]]),
    )


def judge_stops(stops: Sequence[Stop], area: shapely.Polygon, max_walk_m: float) -> PlacedStops:
    """The same figures for stops that were given."""
    points = grid_inside(area, _GRID_M)
    xy_m = np.array([(s.x_m, s.y_m) for s in stops if s.kind is not StopKind.DEPOT]).reshape(-1, 2)
    everyone = range(len(xy_m))
    covered = cover(points, xy_m, max_walk_m / WALK_DETOUR_FACTOR, kept=everyone)
    worst_m = _worst_walk_m(points, covered.unreached, xy_m)
    return PlacedStops(tuple(stops), len(points), len(covered.unreached), worst_m)


def add_missing_depot(
    stops: Sequence[Stop], edges: Sequence[StreetEdge], frame: LocalFrame
) -> list[Stop]:
    """A list without a depot gets one, since shuttles must begin and charge somewhere."""
    if any(stop.kind is StopKind.DEPOT for stop in stops):
        return list(stops)
    sites = stop_sites(edges, frame, spacing_m=25.0, clear_m=12.0)
    xy_m = np.array([(site.x_m, site.y_m) for site in sites])
    taken = {stop.id for stop in stops}
    depot_id = next(f"D{n}" for n in range(1, len(stops) + 2) if f"D{n}" not in taken)
    return [*stops, depot_stop(depot_id, sites[_depot_site(xy_m, set())], frame)]


def depot_stop(stop_id: str, site: StopSite, frame: LocalFrame) -> Stop:
    names = {"en": f"Depot {stop_id.removeprefix('D')}"}
    return stop_at(stop_id, site, StopKind.DEPOT, names, frame, _DEPOT_BERTHS, _DEPOT_CHARGERS)


def _interchange_sites(
    sites_m: NDArray[np.float64],
    stations_m: Sequence[tuple[float, float]],
    gates_m: Sequence[tuple[float, float]],
) -> list[int]:
    """Sites nearest to stations, then to where large streets leave, well apart from each other.

    Where a zone has too few of them, sites far from those chosen make up the number.
    """
    picked: list[int] = []
    for wished_m in (stations_m, gates_m):
        for x_m, y_m in wished_m:
            if len(picked) == _MOST_INTERCHANGES:
                return picked
            nearest = int(np.argmin(np.hypot(sites_m[:, 0] - x_m, sites_m[:, 1] - y_m)))
            if all(
                math.dist(sites_m[nearest], sites_m[other]) >= _INTERCHANGES_APART_M
                for other in picked
            ):
                picked.append(nearest)
    while len(picked) < min(_FEWEST_INTERCHANGES, len(sites_m)):
        picked.append(_farthest(sites_m, picked))
    return picked


def _farthest(sites_m: NDArray[np.float64], from_sites: Sequence[int]) -> int:
    """The site whose nearest among ``from_sites``, else the middle of all, is farthest away."""
    others = sites_m[list(from_sites)] if from_sites else sites_m.mean(axis=0, keepdims=True)
    apart_m = np.hypot(*(sites_m[:, None, :] - others[None, :, :]).transpose(2, 0, 1))
    return int(np.argmax(apart_m.min(axis=1)))


def _depot_site(sites_m: NDArray[np.float64], taken: set[int]) -> int:
    """Away from the middle, where land is cheap and few riders are in the way."""
    middle = sites_m.mean(axis=0)
    apart_m = np.hypot(*(sites_m - middle).T)
    free = [i for i in range(len(sites_m)) if i not in taken] or list(range(len(sites_m)))
    return max(free, key=lambda i: (apart_m[i], -i))


def _names(site: StopSite, number: int, edges: Sequence[StreetEdge]) -> dict[str, str]:
    edge = next(edge for edge in edges if edge.id == site.edge_id)
    found = corner_names(edge, site.offset_m, edges, joiners={})
    return {tag: name[:120] for tag, name in found.items()} or {"en": f"Stop {number}"}


def _worst_walk_m(
    points: NDArray[np.float64], unreached: Sequence[int], stops: NDArray[np.float64]
) -> float:
    reached = np.delete(points, list(unreached), axis=0)
    return walk_m(worst_straight_m(reached, stops)) if len(reached) else 0.0
