"""Is a zone sound? Every fault is found at once, and each says what to do."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

import numpy as np

from dispatcher.domain.ids import EdgeId, NodeId
from dispatcher.domain.zone import Point, StreetEdge, StreetNode, Zone
from dispatcher.streets.area import ServiceArea
from dispatcher.streets.drive import DriveModel
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.network import StreetGraph
from dispatcher.streets.path import EdgeShape

# Degrees rounded to seven places are within 1 cm; drawings by hand are allowed more.
_NODE_OFF_M = 2.0
# A stop's sign may stand beyond the pavement, yet it belongs to the street it is listed on.
_STOP_OFF_M = 40.0
# Edges may be longer than drawn (slopes, bends left out), never shorter than the straight line.
_SHORTER_THAN_STRAIGHT = 0.98


def zone_faults(zone: Zone) -> list[str]:
    """Plain sentences, one per fault; empty when the zone can be served."""
    faults = [*_frame_faults(zone), *_reference_faults(zone)]
    # What follows needs references and a frame that hold.
    if not faults:
        faults += _place_faults(zone)
    if not faults:
        faults += _reachability_faults(zone)
    return faults


def _frame_faults(zone: Zone) -> Iterator[str]:
    try:
        ZoneInfo(zone.timezone)
    except (KeyError, ValueError, OSError):
        yield f"timezone {zone.timezone!r} is not known; write an IANA name such as Asia/Seoul"
    if zone.opens_s >= zone.closes_s:
        yield "closes_s must be later than opens_s; add 86400 for a closing time past midnight"
    if zone.boundary[0] != zone.boundary[-1]:
        yield "the boundary is not closed; repeat its first point at the end"
    else:
        try:
            ServiceArea.of(zone.boundary, LocalFrame(zone.origin))
        except ValueError as error:
            yield f"{error}; list its corners in order around the area"


def _reference_faults(zone: Zone) -> Iterator[str]:
    yield from _repeated("stop", (stop.id for stop in zone.stops))
    yield from _repeated("node", (node.id for node in zone.nodes))
    yield from _repeated("edge", (edge.id for edge in zone.edges))
    nodes = {node.id: node for node in zone.nodes}
    edges = {edge.id: edge for edge in zone.edges}
    for edge in zone.edges:
        yield from _edge_reference_faults(edge, nodes, edges)
    for ban in zone.turn_bans:
        unknown = sorted({ban.from_edge, ban.to_edge} - edges.keys())
        if unknown:
            yield f"a turn ban names edge {unknown[0]}, which is not in the streets; remove the ban"
        elif edges[ban.from_edge].end != edges[ban.to_edge].start:
            yield (
                f"the turn ban from {ban.from_edge} to {ban.to_edge} joins edges that do not meet;"
                " name the edge that ends where the other starts"
            )
    for stop in zone.stops:
        if stop.edge_id not in edges:
            yield f"stop {stop.id} lies on edge {stop.edge_id}, which is not in the streets"
        elif stop.offset_m > edges[stop.edge_id].length_m:
            yield (
                f"stop {stop.id} lies {stop.offset_m:.1f} m along edge {stop.edge_id}, which is"
                f" only {edges[stop.edge_id].length_m:.1f} m long; correct offset_m"
            )


def _edge_reference_faults(
    edge: StreetEdge, nodes: Mapping[NodeId, StreetNode], edges: Mapping[EdgeId, StreetEdge]
) -> Iterator[str]:
    for end in (edge.start, edge.end):
        if end not in nodes:
            yield f"edge {edge.id} ends at node {end}, which is not listed; add the node"
    if edge.reverse is None:
        return
    back = edges.get(edge.reverse)
    if back is None:
        yield f"edge {edge.id} has the reverse {edge.reverse}, which is not listed; add it"
    elif back.reverse != edge.id or (back.start, back.end) != (edge.end, edge.start):
        yield f"edges {edge.id} and {edge.reverse} are not each other's reverse; correct both"


def _repeated(what: str, ids: Iterable[str]) -> Iterator[str]:
    for repeated, times in Counter(ids).items():
        if times > 1:
            yield f"{what} id {repeated} is used {times} times; give each {what} its own"


def _place_faults(zone: Zone) -> Iterator[str]:
    frame = LocalFrame(zone.origin)
    nodes = {node.id: node for node in zone.nodes}
    edges = {edge.id: edge for edge in zone.edges}
    for edge in zone.edges:
        start, end = nodes[edge.start], nodes[edge.end]
        for node, drawn in ((start, edge.shape[0]), (end, edge.shape[-1])):
            if _apart_m(frame, node.point, drawn) > _NODE_OFF_M:
                yield f"the shape of edge {edge.id} does not reach node {node.id}; draw it to there"
        straight_m = _apart_m(frame, start.point, end.point)
        if edge.length_m < straight_m * _SHORTER_THAN_STRAIGHT:
            yield (
                f"edge {edge.id} is {edge.length_m:.1f} m long, but its ends are {straight_m:.1f} m"
                " apart; correct length_m"
            )
    for stop in zone.stops:
        edge = edges[stop.edge_id]
        shape = EdgeShape.of([frame.to_metres(point) for point in edge.shape], edge.length_m)
        off_m = math.dist(shape.position(stop.offset_m), (stop.x_m, stop.y_m))
        if off_m > _STOP_OFF_M:
            yield (
                f"stop {stop.id} is drawn {off_m:.0f} m from its place on edge {stop.edge_id};"
                " correct its edge and offset_m, or its lat and lon"
            )


def _apart_m(frame: LocalFrame, a: Point, b: Point) -> float:
    return math.dist(frame.to_metres(a), frame.to_metres(b))


def _reachability_faults(zone: Zone) -> Iterator[str]:
    graph = StreetGraph.of(zone, DriveModel())
    labels = graph.strong_components()[graph.stands()]
    # Stops outside the part that holds most stops are the ones to move.
    main = np.argmax(np.bincount(labels))
    for stop, label in zip(zone.stops, labels, strict=True):
        if label != main:
            yield (
                f"stop {stop.id} cannot be both reached from and left for the other stops; move it,"
                " or check the one-way streets and turn bans around it"
            )
