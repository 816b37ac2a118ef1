"""The small district in which faults are simulated: twelve corners, ten stops and a depot."""

import math
from functools import cache
from typing import Final

from dispatcher.domain.ids import EdgeId, NodeId, StopId
from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.zone import Point, Stop, StopKind, StreetEdge, StreetNode, Zone
from dispatcher.engine import Site
from dispatcher.streets import Streets
from dispatcher.streets.frame import LocalFrame

_ORIGIN: Final = Point(36.5, 127.3)
_BLOCK_M: Final = 260.0
_COLUMNS, _ROWS = 4, 3
_SPEED_MPS: Final = 9.0
# Name: corner, the corner the street leads to, metres along it.
_STOPS: Final = {
    "a": ("0.0", "1.0", 90.0),
    "b": ("2.0", "3.0", 60.0),
    "c": ("0.1", "1.1", 180.0),
    "d": ("1.1", "2.1", 130.0),
    "e": ("3.1", "3.2", 40.0),
    "f": ("0.2", "1.2", 120.0),
    "g": ("2.2", "3.2", 200.0),
    "h": ("1.0", "1.1", 150.0),
    "i": ("2.1", "2.2", 150.0),
    "x": ("3.0", "3.1", 130.0),
    "depot": ("1.2", "2.2", 130.0),
}
_KINDS: Final = {"x": StopKind.INTERCHANGE, "depot": StopKind.DEPOT}
RULES: Final = ServiceRules(abandon_after_s=300, offer_ttl_s=30, no_show_wait_s=60)
CLOSABLE: Final = ("1.1>2.1", "2.1>1.1", "1.0>2.0", "2.2>1.2")
"""Streets whose closure leaves every stop in reach."""


@cache
def the_site() -> Site:
    """Zone, drive times and rules; the same object for all histories of a process."""
    zone = _the_zone()
    return Site(zone, Streets.of(zone), RULES)


def _the_zone() -> Zone:
    frame = LocalFrame(_ORIGIN)
    corners = {
        f"{column}.{row}": (_BLOCK_M * column, _BLOCK_M * row)
        for column in range(_COLUMNS)
        for row in range(_ROWS)
    }
    edges: dict[str, StreetEdge] = {}
    for start, (x, y) in corners.items():
        for end, (u, v) in corners.items():
            if math.dist((x, y), (u, v)) != _BLOCK_M:
                continue
            edges[f"{start}>{end}"] = StreetEdge(
                id=EdgeId(f"{start}>{end}"),
                start=NodeId(start),
                end=NodeId(end),
                length_m=_BLOCK_M,
                speed_mps=_SPEED_MPS,
                shape=(frame.to_point(x, y), frame.to_point(u, v)),
                names={"en": f"{min(start, end)}-{max(start, end)} Street"},
                reverse=EdgeId(f"{end}>{start}"),
            )
    stops = []
    for name, (start, end, offset_m) in _STOPS.items():
        (x, y), (u, v) = corners[start], corners[end]
        share = offset_m / _BLOCK_M
        point = frame.to_point(x + share * (u - x), y + share * (v - y))
        x_m, y_m = frame.to_metres(point)
        stops.append(
            Stop(
                id=StopId(name),
                names={"en": name},
                kind=_KINDS.get(name, StopKind.STOP),
                point=point,
                x_m=x_m,
                y_m=y_m,
                edge_id=EdgeId(f"{start}>{end}"),
                offset_m=offset_m,
            )
        )
    reach_x, reach_y = _BLOCK_M * (_COLUMNS - 1) + 60.0, _BLOCK_M * (_ROWS - 1) + 60.0
    around = [(-60.0, -60.0), (reach_x, -60.0), (reach_x, reach_y), (-60.0, reach_y)]
    return Zone(
        id="faults",
        names={"en": "District of faults"},
        timezone="Asia/Seoul",
        origin=_ORIGIN,
        boundary=tuple(frame.to_point(*corner) for corner in [*around, around[0]]),
        stops=tuple(stops),
        nodes=tuple(
            StreetNode(NodeId(name), point, *frame.to_metres(point))
            for name, point in ((name, frame.to_point(*xy)) for name, xy in corners.items())
        ),
        edges=tuple(edges.values()),
        turn_bans=(),
        opens_s=6 * 3600,
        closes_s=24 * 3600,
        synthetic=True,
        attribution="drawn for the fault simulator",
    )
