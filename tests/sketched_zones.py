"""Zones sketched in a few lines: nodes in metres, streets as ``"A-B"`` (both ways) or ``"A>B"``."""

import math
import random
from collections.abc import Mapping, Sequence

from dispatcher.domain.ids import EdgeId, NodeId, StopId
from dispatcher.domain.zone import Point, Stop, StopKind, StreetEdge, StreetNode, TurnBan, Zone
from dispatcher.streets.frame import LocalFrame

ORIGIN = Point(36.5, 127.3)


def a_zone(
    nodes: Mapping[str, tuple[float, float]],
    streets: Sequence[str],
    stops: Mapping[str, str],
    bans: Sequence[str] = (),
    speed_mps: float = 10.0,
    kinds: Mapping[str, StopKind] | None = None,
) -> Zone:
    """Stops are written ``"A>B 40"`` (edge, offset in metres), bans ``"A>B B>C"``."""
    frame = LocalFrame(ORIGIN)
    edges: list[StreetEdge] = []
    for street in streets:
        two_way = "-" in street
        a, b = street.split("-" if two_way else ">")
        for start, end in [(a, b), (b, a)] if two_way else [(a, b)]:
            edges.append(
                StreetEdge(
                    id=EdgeId(f"{start}>{end}"),
                    start=NodeId(start),
                    end=NodeId(end),
                    length_m=math.dist(nodes[start], nodes[end]),
                    speed_mps=speed_mps,
                    shape=(frame.to_point(*nodes[start]), frame.to_point(*nodes[end])),
                    names={"en": f"{a}{b} Street"},
                    reverse=EdgeId(f"{end}>{start}") if two_way else None,
                )
            )
    by_id = {edge.id: edge for edge in edges}
    placed: list[Stop] = []
    for name, where in stops.items():
        edge_name, offset = where.split()
        edge = by_id[EdgeId(edge_name)]
        share = float(offset) / edge.length_m
        (x0, y0), (x1, y1) = nodes[edge.start], nodes[edge.end]
        point = frame.to_point(x0 + share * (x1 - x0), y0 + share * (y1 - y0))
        placed.append(
            Stop(
                id=StopId(name),
                names={"en": name},
                kind=(kinds or {}).get(name, StopKind.STOP),
                point=point,
                x_m=frame.to_metres(point)[0],
                y_m=frame.to_metres(point)[1],
                edge_id=edge.id,
                offset_m=float(offset),
            )
        )
    reach_m = 100.0 + max(abs(c) for xy in nodes.values() for c in xy)
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    return Zone(
        id="sketch",
        names={"en": "Sketch"},
        timezone="Asia/Seoul",
        origin=ORIGIN,
        boundary=tuple(frame.to_point(reach_m * x, reach_m * y) for x, y in corners),
        stops=tuple(placed),
        nodes=tuple(
            StreetNode(NodeId(name), point, *frame.to_metres(point))
            for name, point in ((name, frame.to_point(*xy)) for name, xy in nodes.items())
        ),
        edges=tuple(edges),
        turn_bans=tuple(TurnBan(EdgeId(a), EdgeId(b)) for a, b in (ban.split() for ban in bans)),
        opens_s=6 * 3600,
        closes_s=24 * 3600,
        synthetic=True,
        attribution="sketched for a test",
    )


def a_random_grid(seed: int, side: int = 5, stops: int = 12) -> Zone:
    """A jittered grid with one-way streets, bans and stops; not all of it need be connected."""
    rng = random.Random(seed)
    nodes = {
        f"{column}.{row}": (
            100.0 * column + rng.uniform(-20, 20),
            100.0 * row + rng.uniform(-20, 20),
        )
        for column in range(side)
        for row in range(side)
    }
    streets = []
    for column in range(side):
        for row in range(side):
            for right, up in ((1, 0), (0, 1)):
                if column + right < side and row + up < side and rng.random() < 0.9:
                    pair = [f"{column}.{row}", f"{column + right}.{row + up}"]
                    rng.shuffle(pair)
                    streets.append((">" if rng.random() < 0.2 else "-").join(pair))
    directed = [
        edge
        for street in streets
        for edge in (
            [street.replace("-", ">"), ">".join(reversed(street.split("-")))]
            if "-" in street
            else [street]
        )
    ]
    turns = [f"{a} {b}" for a in directed for b in directed if a.split(">")[1] == b.split(">")[0]]
    placed = {}
    for number in range(stops):
        edge = rng.choice(directed)
        start, end = edge.split(">")
        length_m = math.dist(nodes[start], nodes[end])
        # A fifth of the stops lie at the very ends, where mistakes hide.
        share = rng.choice([0.0, 1.0]) if rng.random() < 0.2 else rng.random()
        placed[f"s{number}"] = f"{edge} {share * length_m!r}"
    return a_zone(nodes, streets, placed, rng.sample(turns, 10), speed_mps=rng.uniform(4, 12))
