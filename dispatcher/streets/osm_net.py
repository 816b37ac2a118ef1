"""From OpenStreetMap ways to streets between junctions, and from relations to turn bans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import shapely

from dispatcher.domain.ids import EdgeId, NodeId
from dispatcher.domain.zone import Point, StreetEdge, TurnBan
from dispatcher.streets.drawn_street import DrawnStreet, rounded
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.osm_read import OsmExtract, OsmRestriction
from dispatcher.streets.osm_tags import LARGE_STREETS, directions, names, speed_mps


@dataclass(frozen=True, slots=True)
class CutStreets:
    """Streets inside the boundary; ids start with the way's number and a dot."""

    streets: tuple[DrawnStreet, ...]
    gates: tuple[Point, ...]  # where large streets leave the area


def node_id(ref: int) -> NodeId:
    return NodeId(str(ref))


def cut_streets(
    extract: OsmExtract,
    area: shapely.Polygon,
    frame: LocalFrame,
    most_kmh: float,
    language: str,
) -> CutStreets:
    """Ways cut at junctions, and where they leave the area at their last node inside it."""
    inside = {
        ref: bool(shapely.intersects_xy(area, *frame.to_metres(point)))
        for ref, point in extract.points.items()
    }
    runs: list[tuple[int, list[int]]] = []  # index of the way, node refs
    gates: list[Point] = []
    for number, way in enumerate(extract.ways):
        for run in _runs_inside(way.node_refs, inside):
            runs.append((number, run))
            if way.tags["highway"] in LARGE_STREETS and len(run) < len(way.node_refs):
                ends = {way.node_refs[0], way.node_refs[-1]}
                gates.extend(extract.points[ref] for ref in (run[0], run[-1]) if ref not in ends)
    uses = Counter(ref for _, run in runs for ref in run)
    for _, run in runs:
        uses[run[0]] += 1
        uses[run[-1]] += 1
    streets: list[DrawnStreet] = []
    parts: Counter[int] = Counter()
    for number, run in runs:
        way = extract.ways[number]
        forward, backward = directions(way.tags)
        for part in _split(run, uses):
            refs = part if forward else part[::-1]
            parts[way.id] += 1
            streets.append(
                DrawnStreet(
                    id=f"{way.id}.{parts[way.id]}",
                    start=node_id(refs[0]),
                    end=node_id(refs[-1]),
                    line=tuple(rounded(extract.points[ref]) for ref in refs),
                    speed_mps=speed_mps(way.tags, most_kmh),
                    two_way=forward and backward,
                    names=names(way.tags, language),
                )
            )
    return CutStreets(tuple(streets), tuple(gates))


def _runs_inside(refs: Sequence[int], inside: Mapping[int, bool]) -> list[list[int]]:
    """Stretches of at least two nodes that follow each other inside the area."""
    runs: list[list[int]] = [[]]
    for ref in refs:
        if inside[ref]:
            # The same node twice in a row is a slip of the mapper.
            if not runs[-1] or runs[-1][-1] != ref:
                runs[-1].append(ref)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) >= 2]


def _split(run: Sequence[int], uses: Mapping[int, int]) -> list[list[int]]:
    parts: list[list[int]] = []
    part = [run[0]]
    for ref in run[1:]:
        part.append(ref)
        if uses[ref] > 1:
            parts.append(part)
            part = [ref]
    return parts


@dataclass(frozen=True, slots=True)
class Bans:
    """``widened`` rules, those via a way, also bind shuttles that come from elsewhere."""

    turn_bans: tuple[TurnBan, ...]
    used: int
    widened: int
    unclear: int  # rules about ways or junctions that are not in the zone, or drawn wrongly


def turn_bans(restrictions: Sequence[OsmRestriction], edges: Sequence[StreetEdge]) -> Bans:
    """Turn rules as bans of one edge following another.

    A rule via a way speaks of three edges; a ban knows two. It is widened to all who drive the
    via way, so that no shuttle ever makes the forbidden turn; the price is a detour for some.
    """
    by_way: dict[int, list[StreetEdge]] = {}
    for edge in edges:
        by_way.setdefault(_way_of(edge.id), []).append(edge)
    bans: dict[TurnBan, None] = {}
    used = widened = 0
    for rule in restrictions:
        pairs = _banned_pairs(rule, by_way, edges)
        if not pairs:
            continue
        used += 1
        widened += rule.via_node is None
        bans.update(dict.fromkeys(pairs))
    return Bans(tuple(bans), used, widened, len(restrictions) - used)


def _way_of(edge_id: EdgeId) -> int:
    return int(edge_id.split(".")[0])


def _banned_pairs(
    rule: OsmRestriction,
    by_way: Mapping[int, Sequence[StreetEdge]],
    edges: Sequence[StreetEdge],
) -> list[TurnBan]:
    from_edges = [edge for way in rule.from_ways for edge in by_way.get(way, ())]
    to_edges = [edge for way in rule.to_ways for edge in by_way.get(way, ())]
    if rule.via_node is not None:
        via = node_id(rule.via_node)
        before = [edge for edge in from_edges if edge.end == via]
        after = [edge for edge in to_edges if edge.start == via]
        return _pairs(rule, before, after, edges)
    via_edges = [edge for way in rule.via_ways for edge in by_way.get(way, ())]
    ends = {edge.start for edge in to_edges} & {edge.end for edge in via_edges}
    starts = {edge.end for edge in from_edges} & {edge.start for edge in via_edges}
    if len(ends) != 1 or len(starts) != 1:
        return []
    last = [edge for edge in via_edges if edge.end in ends]
    after = [edge for edge in to_edges if edge.start in ends]
    pairs = _pairs(rule, last, after, edges)
    if rule.rule.startswith("only_"):
        before = [edge for edge in from_edges if edge.end in starts]
        first = [edge for edge in via_edges if edge.start in starts]
        pairs += _pairs(rule, before, first, edges)
    return pairs


def _pairs(
    rule: OsmRestriction,
    before: Sequence[StreetEdge],
    after: Sequence[StreetEdge],
    edges: Sequence[StreetEdge],
) -> list[TurnBan]:
    """Every ``before`` with every ``after`` (no_...) or with everything else (only_...)."""
    if not before or not after:
        return []
    if rule.rule == "no_u_turn" and rule.from_ways == rule.to_ways:
        # A way that runs through the junction has a part on either side of it.
        return [TurnBan(a.id, b.id) for a in before for b in after if a.reverse == b.id]
    # Otherwise such a way leaves open which part is meant.
    if rule.rule not in ("no_entry", "no_exit") and (len(before) > 1 or len(after) > 1):
        return []
    if rule.rule.startswith("no_"):
        return [TurnBan(a.id, b.id) for a in before for b in after]
    wanted = {edge.id for edge in after}
    return [
        TurnBan(a.id, other.id)
        for a in before
        for other in edges
        if other.start == a.end and other.id not in wanted
    ]
