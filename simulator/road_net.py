"""A published road network of numbered nodes: exact travel times and ways between all of them.

Times are whole ticks, so that sums of edges and entries of the matrix are the same numbers and
the planner's whole-number arithmetic is exact: one tick is a second where all edges take whole
seconds, else a hundredth of one.
"""

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

Arcs = Mapping[int, tuple[int, float]]  # end node -> ticks, metres


class BenchInputError(ValueError):
    """A benchmark file is not what its description says; the text names it."""


@dataclass(frozen=True, slots=True, eq=False)
class RoadNet:
    """Nodes 0 to n-1 and the shortest times between them."""

    ticks_per_s: int
    travel: NDArray[np.int64]  # [nodes, nodes], ticks; read-only
    arcs: tuple[Arcs, ...]  # by start node

    def next_node(self, node: int, target: int) -> tuple[int, int, float]:
        """The next node of a shortest way, the ticks and metres to it; the lowest if several."""
        to_target = self.travel[:, target]
        left = int(to_target[node])
        return min(
            (end, ticks, length_m)
            for end, (ticks, length_m) in self.arcs[node].items()
            if ticks + int(to_target[end]) == left
        )

    def fingerprint(self) -> str:
        """SHA-256 of the matrix in tenths of a second, rounded, int32 little-endian, row-major."""
        digest = hashlib.sha256()
        for row in self.travel:
            tenths = np.rint(row * (10.0 / self.ticks_per_s))
            digest.update(tenths.astype("<i4").tobytes())
        return digest.hexdigest()


def read_road_net(directory: Path) -> RoadNet:
    """The network in ``edges.csv`` (u, v, length_m, time_s).

    Raises
    ------
    BenchInputError
        A column is missing, or some node cannot be reached from another.
    """
    path = directory / "edges.csv"
    try:
        with path.open(newline="") as file:
            edges = [
                (int(row["u"]), int(row["v"]), float(row["length_m"]), float(row["time_s"]))
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError) as error:
        raise BenchInputError(f"{path}: {error!r}") from error
    return _net_of(edges, path)


def _net_of(edges: list[tuple[int, int, float, float]], path: Path) -> RoadNet:
    ticks_per_s = 1 if all(time_s.is_integer() for *_, time_s in edges) else 100
    n = 1 + max(max(u, v) for u, v, *_ in edges)
    arcs: list[dict[int, tuple[int, float]]] = [{} for _ in range(n)]
    for u, v, length_m, time_s in edges:
        arc = (round(time_s * ticks_per_s), length_m)
        # Of parallel edges the faster one is driven.
        arcs[u][v] = min(arc, arcs[u].get(v, arc))
    pairs = [(u, v, ticks) for u in range(n) for v, (ticks, _) in arcs[u].items() if u != v]
    starts, ends, ticks_of = np.array(pairs, dtype=np.int64).T
    graph = csr_array((ticks_of.astype(np.float64), (starts, ends)), shape=(n, n))
    times = dijkstra(graph)
    if not np.isfinite(times).all():
        raise BenchInputError(f"{path}: some node cannot be reached from another")
    travel = np.rint(times).astype(np.int64)
    travel.flags.writeable = False  # so that the planner may keep what it derives from it
    return RoadNet(ticks_per_s, travel, tuple(arcs))
