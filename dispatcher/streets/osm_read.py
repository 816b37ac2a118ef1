"""Reads what matters for a zone from an OpenStreetMap file: .osm, .osm.bz2, .osm.gz, .osm.pbf."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import osmium

from dispatcher.domain.zone import Point
from dispatcher.streets.osm_tags import Tags, is_drivable, is_station, turn_rule
from dispatcher.streets.zone_file import ZoneFileError


@dataclass(frozen=True, slots=True)
class OsmWay:
    id: int
    node_refs: tuple[int, ...]
    tags: Tags


@dataclass(frozen=True, slots=True)
class OsmRestriction:
    """A turn rule; ``via`` is either one node or one or more ways."""

    rule: str
    from_ways: tuple[int, ...]
    via_node: int | None
    via_ways: tuple[int, ...]
    to_ways: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OsmExtract:
    ways: tuple[OsmWay, ...]  # drivable ones
    points: dict[int, Point]  # of their nodes
    restrictions: tuple[OsmRestriction, ...]
    stations: tuple[Point, ...]


def read_osm(file: Path) -> OsmExtract:
    """Raises ZoneFileError where the file cannot be read or has no drivable way."""
    try:
        extract = _read(file)
    except (RuntimeError, OSError) as error:
        raise ZoneFileError(str(file), [f"it cannot be read as OpenStreetMap: {error}"]) from error
    if not extract.ways:
        raise ZoneFileError(str(file), ["it has no streets that a shuttle may use"])
    return extract


def _read(file: Path) -> OsmExtract:
    ways: list[OsmWay] = []
    points: dict[int, Point] = {}
    restrictions: list[OsmRestriction] = []
    stations: list[Point] = []
    objects = (
        osmium.FileProcessor(str(file))
        .with_locations()
        .with_filter(
            osmium.filter.KeyFilter("highway", "amenity", "public_transport", "railway", "type")
        )
    )
    for found in objects:
        tags = dict(found.tags)
        if isinstance(found, osmium.osm.Node):
            if is_station(tags):
                stations.append(Point(found.location.lat, found.location.lon))
        elif isinstance(found, osmium.osm.Way):
            # An extract's rim has ways with nodes that are not in the file.
            placed = [node for node in found.nodes if node.location.valid()]
            if is_station(tags) and placed:
                stations.append(Point(placed[0].location.lat, placed[0].location.lon))
            if is_drivable(tags) and len(placed) >= 2:
                for node in placed:
                    points[node.ref] = Point(node.location.lat, node.location.lon)
                ways.append(OsmWay(found.id, tuple(node.ref for node in placed), tags))
        elif isinstance(found, osmium.osm.Relation) and tags.get("type", "").startswith(
            "restriction"
        ):
            restriction = _restriction(found, tags)
            if restriction is not None:
                restrictions.append(restriction)
    return OsmExtract(tuple(ways), points, tuple(restrictions), tuple(stations))


def _restriction(relation: osmium.osm.Relation, tags: Tags) -> OsmRestriction | None:
    rule = turn_rule(tags)
    if rule is None:
        return None
    by_role: dict[tuple[str, str], list[int]] = {}
    for member in relation.members:
        by_role.setdefault((member.role, member.type), []).append(member.ref)
    via_nodes = by_role.get(("via", "n"), [])
    return OsmRestriction(
        rule=rule,
        from_ways=tuple(by_role.get(("from", "w"), [])),
        via_node=via_nodes[0] if via_nodes else None,
        via_ways=tuple(by_role.get(("via", "w"), [])),
        to_ways=tuple(by_role.get(("to", "w"), [])),
    )
