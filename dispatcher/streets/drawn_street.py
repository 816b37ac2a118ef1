"""Streets as drawn lines, turned into the zone's nodes and directed edges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dispatcher.domain.ids import EdgeId, NodeId
from dispatcher.domain.zone import Point, StreetEdge, StreetNode
from dispatcher.streets.frame import LocalFrame

# Seven decimals of a degree are about a centimetre; more would only make files longer.
_DEGREE_DECIMALS = 7


@dataclass(frozen=True, slots=True)
class DrawnStreet:
    """One street between two junctions, driven from ``start`` to ``end`` and perhaps back."""

    id: str
    start: NodeId
    end: NodeId
    line: tuple[Point, ...]  # from start to end, both included
    speed_mps: float
    two_way: bool
    names: Mapping[str, str]

    @property
    def forward_id(self) -> EdgeId:
        return EdgeId(f"{self.id}.f")

    @property
    def back_id(self) -> EdgeId:
        return EdgeId(f"{self.id}.b")


def rounded(point: Point) -> Point:
    """The point as zone files keep it."""
    return Point(round(point.lat, _DEGREE_DECIMALS), round(point.lon, _DEGREE_DECIMALS))


def edges_of(street: DrawnStreet, frame: LocalFrame) -> tuple[StreetEdge, ...]:
    """One edge, or both directions; lengths in whole centimetres, at least 10 cm."""
    line_m = [frame.to_metres(point) for point in street.line]
    length_m = max(0.1, round(sum(math.dist(a, b) for a, b in pairwise(line_m)), 2))
    forward = StreetEdge(
        id=street.forward_id,
        start=street.start,
        end=street.end,
        length_m=length_m,
        speed_mps=street.speed_mps,
        shape=street.line,
        names=street.names,
        reverse=street.back_id if street.two_way else None,
    )
    if not street.two_way:
        return (forward,)
    back = StreetEdge(
        id=street.back_id,
        start=street.end,
        end=street.start,
        length_m=length_m,
        speed_mps=street.speed_mps,
        shape=street.line[::-1],
        names=street.names,
        reverse=street.forward_id,
    )
    return (forward, back)


def nodes_of(streets: Sequence[DrawnStreet], frame: LocalFrame) -> tuple[StreetNode, ...]:
    """The junctions and ends, in the order in which the streets first name them."""
    points: dict[NodeId, Point] = {}
    for street in streets:
        points.setdefault(street.start, street.line[0])
        points.setdefault(street.end, street.line[-1])
    return tuple(
        StreetNode(node_id, point, *frame.to_metres(point)) for node_id, point in points.items()
    )


def corner_names(
    edge: StreetEdge, offset_m: float, edges: Iterable[StreetEdge], joiners: Mapping[str, str]
) -> dict[str, str]:
    """A name for a place on ``edge``: its street and the street that crosses nearest.

    ``joiners`` maps a language to what stands between the two names. Empty where the street has
    no name; the street's own name where nothing named crosses.
    """
    ends = (edge.start, edge.end)
    nearest_first = ends if offset_m <= edge.length_m / 2 else ends[::-1]
    for node in nearest_first:
        crossing = sorted(
            (dict(other.names) for other in edges if node in (other.start, other.end)),
            key=lambda names: sorted(names.items()),
        )
        for names in crossing:
            both = {
                language: f"{own}{joiners.get(language, ' / ')}{names[language]}"
                for language, own in edge.names.items()
                if language in names and names[language] != own
            }
            if both:
                return both
    return dict(edge.names)
