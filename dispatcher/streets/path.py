"""The way a shuttle takes between two places, edge by edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.ids import EdgeId
from dispatcher.domain.zone import StreetEdge
from dispatcher.streets.network import StreetGraph
from dispatcher.streets.times import NO_PREDECESSOR


class NoPathError(LookupError):
    """No open street leads there."""


@dataclass(frozen=True, slots=True)
class EdgePoint:
    """A place on a directed edge."""

    edge_id: EdgeId
    offset_m: float  # from the edge's start


@dataclass(frozen=True, slots=True)
class PathStep:
    """A part of one directed edge, driven without leaving it."""

    edge_id: EdgeId
    from_offset_m: float
    to_offset_m: float


@dataclass(frozen=True, slots=True)
class Path:
    """A drive to a stop. From a stop to itself it has no steps and takes no time.

    Where a step starts on the reverse of the edge before, the shuttle turns there.
    """

    steps: tuple[PathStep, ...]
    length_m: float
    drive_s: int  # the same as the travel time matrix says
    polyline_m: tuple[tuple[float, float], ...]  # x, y in the zone's frame


@dataclass(frozen=True, slots=True, eq=False)
class EdgeShape:
    """An edge's line in metres, addressed by offsets along the edge."""

    xy_m: NDArray[np.float64]  # [points, 2]
    at_m: NDArray[np.float64]  # [points], offset of each point

    @classmethod
    def of(cls, xy_m: Sequence[tuple[float, float]], length_m: float) -> EdgeShape:
        """The drawn line is stretched along its course to ``length_m``, the length that counts."""
        xy = np.array(xy_m, dtype=np.float64)
        drawn_m = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
        if drawn_m[-1] > 0.0:
            drawn_m *= length_m / drawn_m[-1]
        return cls(xy, drawn_m)

    def position(self, offset_m: float) -> tuple[float, float]:
        """``(x_m, y_m)`` at an offset; beyond the ends, the end."""
        return (
            float(np.interp(offset_m, self.at_m, self.xy_m[:, 0])),
            float(np.interp(offset_m, self.at_m, self.xy_m[:, 1])),
        )

    def part(self, from_m: float, to_m: float) -> list[tuple[float, float]]:
        """The line between two offsets, both ends included."""
        between = (self.at_m > from_m) & (self.at_m < to_m)
        bends = [(float(x), float(y)) for x, y in self.xy_m[between]]
        return [self.position(from_m), *bends, self.position(to_m)]


def trace_pieces(previous: NDArray[np.int32], source: int, target: int) -> list[int]:
    """States from ``source`` to ``target``, both included, by one row of predecessors."""
    states = [target]
    while states[-1] != source:
        before = int(previous[states[-1]])
        if before == NO_PREDECESSOR:
            raise NoPathError
        states.append(before)
    states.reverse()
    return states


def steps_along(
    graph: StreetGraph, edges: Sequence[StreetEdge], states: Sequence[int]
) -> list[PathStep]:
    """The pieces among ``states`` in driving order, those of one edge joined."""
    steps: list[PathStep] = []
    last_piece = -1
    for state in states:
        if state >= graph.n_pieces:
            continue
        edge_id = edges[int(graph.piece_edge[state])].id
        from_m, to_m = float(graph.piece_start_m[state]), float(graph.piece_end_m[state])
        # A short circular street may follow itself: only consecutive pieces are one step.
        if steps and steps[-1].edge_id == edge_id and state == last_piece + 1:
            steps[-1] = PathStep(edge_id, steps[-1].from_offset_m, to_m)
        else:
            steps.append(PathStep(edge_id, from_m, to_m))
        last_piece = state
    return steps


def joined_line(parts: Sequence[Sequence[tuple[float, float]]]) -> tuple[tuple[float, float], ...]:
    """One line through all parts, without repeating a point where parts meet."""
    line: list[tuple[float, float]] = []
    for part in parts:
        for point in part:
            if not line or math.dist(point, line[-1]) > 1e-6:
                line.append(point)
    return tuple(line)
