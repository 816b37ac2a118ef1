"""Travel times over the street graph: whole seconds, rounded up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from dispatcher.streets.network import StreetGraph

# No path. Far beyond a day, yet a sum of many such legs stays far below 2**63.
UNREACHABLE_S = 10_000_000

# A pace is a factor of the map's times in thousandths; this one leaves them as they are.
MAPS_OWN_PM = 1000

# What scipy writes where a state has no predecessor.
NO_PREDECESSOR = -9999


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Shortest drives from some states."""

    stop_s: NDArray[np.int64]  # [sources, stops]
    previous: NDArray[np.int32]  # [sources, states], the state before on the shortest drive


def paced(map_s: NDArray[np.int64], pace_pm: int) -> NDArray[np.int64]:
    """Travel times at a pace, rounded up; what has no path keeps none.

    Rounding up keeps the triangle inequality: where ``c <= a + b``,
    ``ceil(f c) <= ceil(f a + f b) <= ceil(f a) + ceil(f b)``.
    """
    if pace_pm == MAPS_OWN_PM:
        return map_s
    slowed_s: NDArray[np.int64] = -(-map_s * pace_pm // 1000)
    return np.where(map_s >= UNREACHABLE_S, map_s, slowed_s)


def reach_from_stops(graph: StreetGraph) -> Reach:
    """From every stop to every stop; the diagonal is 0."""
    reach = _reach(graph, graph.stands(), skip_ms=0)
    np.fill_diagonal(reach.stop_s, 0)
    return reach


def reach_from_piece(graph: StreetGraph, piece: int, driven_ms: int) -> Reach:
    """From inside a piece, ``driven_ms`` after its start, rolling at the edge's speed."""
    return _reach(graph, np.array([piece], dtype=np.int64), skip_ms=driven_ms)


def _reach(graph: StreetGraph, sources: NDArray[np.int64], skip_ms: int) -> Reach:
    # Every drive out of a piece starts by driving all of it, so what lies behind is subtracted.
    reached_ms, previous = dijkstra(
        graph.arcs, directed=True, indices=sources, return_predecessors=True
    )
    stop_ms = reached_ms[:, graph.n_pieces :] - skip_ms
    found = np.isfinite(stop_ms) & graph.stop_has_open_side
    stop_s = np.full(stop_ms.shape, UNREACHABLE_S, dtype=np.int64)
    stop_s[found] = np.ceil(stop_ms[found] / 1000.0).astype(np.int64)
    return Reach(stop_s, np.asarray(previous, dtype=np.int32))
