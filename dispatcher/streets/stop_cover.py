"""Choosing stops so that nobody in the area has far to walk.

Greedy covering of a grid of points: again and again the candidate that newly covers most points.
The result is at most ``1 + ln(points)`` times the fewest stops possible [1]_, in practice far
closer.

References
----------
.. [1] Chvatal (1979), A greedy heuristic for the set-covering problem, MOR 4, 233-235.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from dispatcher.domain.ids import EdgeId
from dispatcher.domain.zone import StreetEdge
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.path import EdgeShape


@dataclass(frozen=True, slots=True)
class StopSite:
    """A place on a street where a stop could be."""

    edge_id: EdgeId
    offset_m: float
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class Cover:
    """Chosen candidates in the order of choice, and the points that no candidate reaches."""

    chosen: tuple[int, ...]
    unreached: tuple[int, ...]


def stop_sites(
    edges: Iterable[StreetEdge], frame: LocalFrame, spacing_m: float, clear_m: float
) -> list[StopSite]:
    """Places along the streets, each street once, ``clear_m`` away from junctions.

    A street shorter than twice that has one place, in its middle.
    """
    sites: list[StopSite] = []
    seen: set[EdgeId] = set()
    for edge in edges:
        seen.add(edge.id)
        if edge.reverse in seen:
            continue
        shape = EdgeShape.of([frame.to_metres(point) for point in edge.shape], edge.length_m)
        room_m = edge.length_m - 2 * clear_m
        parts = max(1, int(room_m // spacing_m) + 1) if room_m > 0 else 1
        for part in range(parts):
            # Whole decimetres keep files short.
            offset_m = round(edge.length_m / 2, 1)
            if parts > 1:
                offset_m = round(clear_m + room_m * part / (parts - 1), 1)
            offset_m = min(offset_m, edge.length_m)
            sites.append(StopSite(edge.id, offset_m, *shape.position(offset_m)))
    return sites


def grid_inside(area: shapely.Polygon, spacing_m: float) -> NDArray[np.float64]:
    """float64[points, 2]: a square grid of points inside the area, in its metres."""
    min_x, min_y, max_x, max_y = area.bounds
    xs, ys = np.meshgrid(
        np.arange(min_x + spacing_m / 2, max_x, spacing_m),
        np.arange(min_y + spacing_m / 2, max_y, spacing_m),
    )
    inside = shapely.contains_xy(area, xs.ravel(), ys.ravel())
    return np.column_stack((xs.ravel()[inside], ys.ravel()[inside]))


def cover(
    points: NDArray[np.float64],
    candidates: NDArray[np.float64],
    reach_m: float,
    kept: Sequence[int] = (),
) -> Cover:
    """Choose candidates until every point has one within ``reach_m``; ``kept`` are chosen first.

    Equal gains go to the candidate that comes first.
    """
    reach = _reach(points, candidates, reach_m)  # candidates x points, 1 where within reach
    covered = np.zeros(len(points), dtype=np.bool_)
    chosen: list[int] = []
    for candidate in kept:
        chosen.append(candidate)
        covered[_reached_by(reach, candidate)] = True
    gain = np.asarray(reach @ (~covered).astype(np.int64))
    by_point = reach.T.tocsr()
    while gain.size and gain.max() > 0:
        best = int(np.argmax(gain))
        chosen.append(best)
        newly = [int(p) for p in _reached_by(reach, best) if not covered[p]]
        covered[newly] = True
        for point in newly:
            gain[_reached_by(by_point, point)] -= 1
    return Cover(tuple(chosen), tuple(int(p) for p in np.flatnonzero(~covered)))


def worst_straight_m(points: NDArray[np.float64], stops: NDArray[np.float64]) -> float:
    """The longest straight way from a point to its nearest stop."""
    distance_m, _ = KDTree(stops).query(points)
    return float(np.max(distance_m))


def _reach(
    points: NDArray[np.float64], candidates: NDArray[np.float64], reach_m: float
) -> csr_array:
    found = KDTree(points).query_ball_point(candidates, reach_m, return_sorted=True)
    near: list[list[int]] = np.asarray(found, dtype=np.object_).tolist()
    counts = np.array([len(of_candidate) for of_candidate in near], dtype=np.int64)
    starts = np.concatenate(([0], np.cumsum(counts)))
    columns = np.array([p for of_candidate in near for p in of_candidate], dtype=np.int64)
    ones = np.ones(len(columns), dtype=np.int64)
    return csr_array((ones, columns, starts), shape=(len(candidates), len(points)))


def _reached_by(reach: csr_array, row: int) -> NDArray[np.int64]:
    return np.asarray(reach.indices[reach.indptr[row] : reach.indptr[row + 1]], dtype=np.int64)
