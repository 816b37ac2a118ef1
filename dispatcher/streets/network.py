"""The graph a shuttle drives in: pieces of directed edges, and stands at stops.

States are *pieces*, the parts into which stops cut a directed edge, and *stands*, one per stop.
Being in a piece means having entered it, so a turn ban is simply a missing arc. An arc out of a
piece costs the drive along the whole piece; an arc into a stand adds braking, an arc out of a stand
pulling out and accelerating.

A stop is two-sided: where its edge has a reverse, both sides lead into the stop's stand and out of
it again, so a shuttle may leave the way it came (the shuttles have two fronts). Whoever turns at a
stop in passing stands there too, at the same cost. Travel times are therefore shortest paths
between stands of one graph, and the triangle inequality holds between stops.

Costs are whole milliseconds. Sums of whole numbers are exact in float64, so rounding up to seconds
at the end keeps the triangle inequality, and a path's time equals the matrix entry exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from dispatcher.domain.ids import EdgeId
from dispatcher.domain.zone import Stop, StreetEdge, TurnBan, Zone
from dispatcher.streets.drive import DriveModel, whole_ms


@dataclass(frozen=True, slots=True)
class StopSide:
    """A stop seen from one direction of its street."""

    stop: int
    edge: int
    offset_m: float
    offset_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class StreetGraph:
    """Pieces come first, edge by edge in driving order; stand ``s`` is state ``pieces + s``."""

    arcs: csr_array  # float64[states, states], whole milliseconds
    edge_first_piece: NDArray[np.int64]  # [edges + 1]
    piece_edge: NDArray[np.int64]  # [pieces]
    piece_start_ms: NDArray[np.int64]  # from the edge's start
    piece_end_ms: NDArray[np.int64]
    piece_start_m: NDArray[np.float64]
    piece_end_m: NDArray[np.float64]
    edge_ms: NDArray[np.int64]  # [edges]
    stop_has_open_side: NDArray[np.bool_]  # [stops]

    @classmethod
    def of(cls, zone: Zone, drive: DriveModel, closed: AbstractSet[EdgeId] = frozenset()) -> Self:
        """Build the graph; closed edges cannot be entered, but who is on one may drive out."""
        index_of = {edge.id: i for i, edge in enumerate(zone.edges)}
        edge_ms = [_edge_ms(edge) for edge in zone.edges]
        sides = _sides(zone.stops, zone.edges, index_of, edge_ms)
        pieces = _cut(zone.edges, edge_ms, sides)
        arcs = _Arcs(len(pieces.edge) + len(zone.stops))
        is_closed = [edge.id in closed for edge in zone.edges]
        _join_pieces(arcs, pieces, zone, index_of, is_closed, drive)
        has_open_side = _join_stands(arcs, pieces, zone, sides, is_closed, drive)
        return cls(
            arcs=arcs.to_csr(),
            edge_first_piece=np.array(pieces.first, dtype=np.int64),
            piece_edge=np.array(pieces.edge, dtype=np.int64),
            piece_start_ms=np.array(pieces.start_ms, dtype=np.int64),
            piece_end_ms=np.array(pieces.end_ms, dtype=np.int64),
            piece_start_m=np.array(pieces.start_m, dtype=np.float64),
            piece_end_m=np.array(pieces.end_m, dtype=np.float64),
            edge_ms=np.array(edge_ms, dtype=np.int64),
            stop_has_open_side=np.array(has_open_side, dtype=np.bool_),
        )

    @property
    def n_pieces(self) -> int:
        return len(self.piece_edge)

    def stands(self) -> NDArray[np.int64]:
        """The states of all stops, in stop order."""
        return np.arange(self.n_pieces, self.arcs.shape[0], dtype=np.int64)

    def within_edge_ms(self, edge: int, at_ms: int) -> int:
        """``at_ms`` moved strictly between the edge's ends, as the stops on it were."""
        return _within_ms(at_ms, int(self.edge_ms[edge]))

    def piece_at(self, edge: int, offset_ms: int) -> int:
        """The piece of ``edge`` holding ``offset_ms``; at a cut, the piece that ends there."""
        first, last = int(self.edge_first_piece[edge]), int(self.edge_first_piece[edge + 1])
        found = int(np.searchsorted(self.piece_end_ms[first:last], offset_ms, side="left"))
        return min(first + found, last - 1)

    def strong_components(self) -> NDArray[np.int32]:
        """A label per state; two states share one when each can be reached from the other."""
        _, labels = connected_components(self.arcs, directed=True, connection="strong")
        return np.asarray(labels, dtype=np.int32)


def offset_ms(offset_m: float, speed_mps: float) -> int:
    """Cruise time from an edge's start, in whole milliseconds, rounded up."""
    return whole_ms(offset_m / speed_mps)


def _within_ms(at_ms: int, edge_ms: int) -> int:
    """A place at a junction is moved 1 ms into its edge, which keeps it on that edge."""
    return min(max(at_ms, 1), edge_ms - 1)


def _edge_ms(edge: StreetEdge) -> int:
    # At least 2 ms, so that a stop can always lie strictly between the ends.
    return max(2, offset_ms(edge.length_m, edge.speed_mps))


class _Arcs:
    """Arcs being collected."""

    def __init__(self, n_states: int) -> None:
        self._n_states = n_states
        self._from: list[int] = []
        self._to: list[int] = []
        self._ms: list[int] = []

    def add(self, from_state: int, to_state: int, cost_ms: int) -> None:
        self._from.append(from_state)
        self._to.append(to_state)
        self._ms.append(cost_ms)

    def to_csr(self) -> csr_array:
        shape = (self._n_states, self._n_states)
        ends = (np.array(self._from, dtype=np.int32), np.array(self._to, dtype=np.int32))
        return coo_array((np.array(self._ms, dtype=np.float64), ends), shape=shape).tocsr()


@dataclass(frozen=True, slots=True)
class _Pieces:
    first: list[int]  # [edges + 1], first piece of each edge
    edge: list[int]
    start_ms: list[int]
    end_ms: list[int]
    start_m: list[float]
    end_m: list[float]

    def drive_ms(self, piece: int) -> int:
        return self.end_ms[piece] - self.start_ms[piece]

    def ending_at(self, edge: int, at_ms: int) -> int:
        """The piece of ``edge`` that ends at the cut ``at_ms``; the next one starts there."""
        for piece in range(self.first[edge], self.first[edge + 1]):
            if self.end_ms[piece] == at_ms:
                return piece
        raise AssertionError("every stop side lies at a cut")


def _sides(
    stops: Sequence[Stop],
    edges: Sequence[StreetEdge],
    index_of: Mapping[EdgeId, int],
    edge_ms: Sequence[int],
) -> list[list[StopSide]]:
    """The one or two sides of every stop, the named edge's side first."""
    sides: list[list[StopSide]] = []
    for number, stop in enumerate(stops):
        edge = edges[index_of[stop.edge_id]]
        of_stop = [(index_of[stop.edge_id], stop.offset_m)]
        if edge.reverse is not None:
            back = edges[index_of[edge.reverse]]
            # The two directions may be drawn with slightly different lengths.
            share = 1.0 - stop.offset_m / edge.length_m
            of_stop.append((index_of[edge.reverse], back.length_m * share))
        sides.append(
            [
                StopSide(
                    stop=number,
                    edge=e,
                    offset_m=at_m,
                    offset_ms=_within_ms(offset_ms(at_m, edges[e].speed_mps), edge_ms[e]),
                )
                for e, at_m in of_stop
            ]
        )
    return sides


def _cut(
    edges: Sequence[StreetEdge], edge_ms: Sequence[int], sides: Sequence[Sequence[StopSide]]
) -> _Pieces:
    cuts: dict[int, dict[int, float]] = {}
    for of_stop in sides:
        for side in of_stop:
            # Stops less than a millisecond apart share a cut.
            cuts.setdefault(side.edge, {}).setdefault(side.offset_ms, side.offset_m)
    pieces = _Pieces([], [], [], [], [], [])
    for number, edge in enumerate(edges):
        pieces.first.append(len(pieces.edge))
        at = [
            (0, 0.0),
            *sorted(cuts.get(number, {}).items()),
            (edge_ms[number], edge.length_m),
        ]
        for (start_ms, start_m), (end_ms, end_m) in pairwise(at):
            pieces.edge.append(number)
            pieces.start_ms.append(start_ms)
            pieces.end_ms.append(end_ms)
            pieces.start_m.append(start_m)
            pieces.end_m.append(end_m)
    pieces.first.append(len(pieces.edge))
    return pieces


def _join_pieces(
    arcs: _Arcs,
    pieces: _Pieces,
    zone: Zone,
    index_of: Mapping[EdgeId, int],
    is_closed: Sequence[bool],
    drive: DriveModel,
) -> None:
    onward = _onward_edges(zone.edges, zone.turn_bans, index_of, is_closed)
    for number in range(len(zone.edges)):
        last = pieces.first[number + 1] - 1
        for piece in range(pieces.first[number], last):
            arcs.add(piece, piece + 1, pieces.drive_ms(piece))
        for next_edge, turns_around in onward[number]:
            extra_ms = drive.turn_around_ms() if turns_around else 0
            arcs.add(last, pieces.first[next_edge], pieces.drive_ms(last) + extra_ms)


def _onward_edges(
    edges: Sequence[StreetEdge],
    turn_bans: Sequence[TurnBan],
    index_of: Mapping[EdgeId, int],
    is_closed: Sequence[bool],
) -> list[list[tuple[int, bool]]]:
    """For each edge the edges that may follow, each with whether that means turning back.

    Turning back at a junction is allowed only where no other way on is open, be it a dead end or
    one that a closure made; a ban on it holds there too.
    """
    leaving: dict[str, list[int]] = {}
    for number, edge in enumerate(edges):
        if not is_closed[number]:
            leaving.setdefault(edge.start, []).append(number)
    banned = {(index_of[ban.from_edge], index_of[ban.to_edge]) for ban in turn_bans}
    onward: list[list[tuple[int, bool]]] = []
    for number, edge in enumerate(edges):
        back = None if edge.reverse is None else index_of[edge.reverse]
        allowed = [f for f in leaving.get(edge.end, []) if (number, f) not in banned]
        ahead = [(f, False) for f in allowed if f != back]
        onward.append(ahead or [(f, True) for f in allowed])
    return onward


def _join_stands(
    arcs: _Arcs,
    pieces: _Pieces,
    zone: Zone,
    sides: Sequence[Sequence[StopSide]],
    is_closed: Sequence[bool],
    drive: DriveModel,
) -> list[bool]:
    """Join stands to their pieces; return for each stop whether one of its sides is open."""
    has_open_side: list[bool] = []
    for number, of_stop in enumerate(sides):
        stand = len(pieces.edge) + number
        some_open = any(not is_closed[side.edge] for side in of_stop)
        has_open_side.append(some_open)
        for side in of_stop:
            before = pieces.ending_at(side.edge, side.offset_ms)
            speed_mps = zone.edges[side.edge].speed_mps
            arcs.add(before, stand, pieces.drive_ms(before) + drive.brake_ms(speed_mps))
            # With every side closed, a shuttle that stands here may still drive out.
            if not (some_open and is_closed[side.edge]):
                arcs.add(stand, before + 1, drive.start_ms(speed_mps))
    return has_open_side
