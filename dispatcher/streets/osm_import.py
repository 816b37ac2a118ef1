"""A zone from an OpenStreetMap file: streets, turn bans, stops."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from dispatcher.domain.zone import Point, StopKind, Zone
from dispatcher.streets.area import ServiceArea
from dispatcher.streets.boundary_file import read_boundary
from dispatcher.streets.connected import connected_edges, keep_edges, with_other_directions
from dispatcher.streets.drawn_street import edges_of, nodes_of, rounded
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.osm_net import Bans, CutStreets, cut_streets, turn_bans
from dispatcher.streets.osm_read import OsmExtract, read_osm
from dispatcher.streets.osm_stops import add_missing_depot, judge_stops, place_stops
from dispatcher.streets.stop_list import read_stop_list
from dispatcher.streets.zone_file import ZoneFileError, check_zone, write_zone

ATTRIBUTION = "© OpenStreetMap contributors"


@dataclass(frozen=True, slots=True)
class ImportChoices:
    """What an import needs to know beyond the map."""

    zone_id: str | None = None  # from the file's name where absent
    names: Mapping[str, str] | None = None
    timezone: str = "UTC"
    language: str = "und"  # of the map's plain names; und: not determined
    opens_s: int = 0
    closes_s: int = 24 * 3600
    max_walk_m: float = 250.0
    most_kmh: float = 40.0  # no shuttle drives faster, whatever is posted


@dataclass(frozen=True, slots=True)
class ImportFigures:
    """What came of an import, for the person who must judge it."""

    ways: int  # drivable, in the file
    nodes_read: int  # junctions and ends inside the boundary
    edges_read: int  # directed
    nodes: int  # kept: the largest strongly connected part, and the other way of its streets
    edges: int
    turn_bans: int
    rules_used: int
    rules_widened: int  # via a way; they bind more shuttles than the sign does
    rules_unclear: int  # outside the zone, or drawn wrongly
    stops: int
    interchanges: int
    depots: int
    worst_walk_m: float  # among points that a stop is near enough to
    grid_points: int
    unreached_points: int  # no stop within the walk limit

    @property
    def connected_share(self) -> float:
        return self.edges / self.edges_read


def import_zone(
    osm_file: Path,
    boundary_geojson: Path | None = None,
    *,
    stops_csv: Path | None = None,
    choices: ImportChoices | None = None,
) -> tuple[Zone, ImportFigures]:
    """The zone inside the boundary, or inside the hull of all streets in the file.

    Raises ZoneFileError naming what is wrong with which file.
    """
    choices = choices or ImportChoices()
    extract = read_osm(osm_file)
    boundary = read_boundary(boundary_geojson) if boundary_geojson else _hull(extract)
    area = _area(boundary, boundary_geojson or osm_file)
    frame = area.frame
    cut = cut_streets(extract, area.polygon, frame, choices.most_kmh, choices.language)
    if not cut.streets:
        raise ZoneFileError(str(osm_file), ["no street of it lies inside the boundary"])
    drawn, bans = _draw_zone(cut, extract, boundary, frame, osm_file, choices)
    kept = with_other_directions(drawn.edges, connected_edges(drawn))
    zone = keep_edges(drawn, kept)
    if stops_csv is None:
        inside = tuple(station for station in extract.stations if area.contains(station))
        placed = place_stops(zone.edges, area.polygon, frame, choices.max_walk_m, inside, cut.gates)
    else:
        listed = read_stop_list(stops_csv, zone.edges, frame, choices.language)
        stops = add_missing_depot(listed, zone.edges, frame)
        placed = judge_stops(stops, area.polygon, choices.max_walk_m)
    zone = dataclasses.replace(zone, stops=placed.stops)
    check_zone(zone, str(osm_file))
    figures = ImportFigures(
        ways=len(extract.ways),
        nodes_read=len(drawn.nodes),
        edges_read=len(drawn.edges),
        nodes=len(zone.nodes),
        edges=len(zone.edges),
        turn_bans=len(zone.turn_bans),
        rules_used=bans.used,
        rules_widened=bans.widened,
        rules_unclear=bans.unclear,
        stops=len(zone.stops),
        interchanges=sum(stop.kind is StopKind.INTERCHANGE for stop in zone.stops),
        depots=sum(stop.kind is StopKind.DEPOT for stop in zone.stops),
        worst_walk_m=round(placed.worst_walk_m, 1),
        grid_points=placed.grid_points,
        unreached_points=placed.unreached_points,
    )
    return zone, figures


def import_to_directory(
    osm_file: Path,
    out: Path,
    boundary_geojson: Path | None = None,
    *,
    stops_csv: Path | None = None,
    choices: ImportChoices | None = None,
) -> ImportFigures:
    """Import and write the zone's files to ``out``."""
    zone, figures = import_zone(osm_file, boundary_geojson, stops_csv=stops_csv, choices=choices)
    write_zone(zone, out)
    return figures


def _draw_zone(
    cut: CutStreets,
    extract: OsmExtract,
    boundary: tuple[Point, ...],
    frame: LocalFrame,
    osm_file: Path,
    choices: ImportChoices,
) -> tuple[Zone, Bans]:
    edges = tuple(edge for street in cut.streets for edge in edges_of(street, frame))
    bans = turn_bans(extract.restrictions, edges)
    stem = osm_file.name.split(".")[0]
    zone = Zone(
        id=choices.zone_id or (re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:40] or "zone"),
        names=choices.names or {"en": stem},
        timezone=choices.timezone,
        origin=frame.origin,
        boundary=boundary,
        stops=(),
        nodes=nodes_of(cut.streets, frame),
        edges=edges,
        turn_bans=bans.turn_bans,
        opens_s=choices.opens_s,
        closes_s=choices.closes_s,
        synthetic=False,
        attribution=ATTRIBUTION,
    )
    return zone, bans


def _hull(extract: OsmExtract) -> tuple[Point, ...]:
    """Around all streets, a few metres outside them."""
    points = list(extract.points.values())
    frame = LocalFrame(points[0])
    hull = shapely.MultiPoint([frame.to_metres(point) for point in points]).convex_hull
    around = shapely.buffer(hull, 5.0, join_style="mitre")
    ring = [rounded(frame.to_point(x_m, y_m)) for x_m, y_m in shapely.get_coordinates(around)]
    return tuple(ring)


def _area(boundary: tuple[Point, ...], source: Path) -> ServiceArea:
    """The area in a frame about the middle of the boundary's bounding box."""
    lats = np.array([point.lat for point in boundary])
    lons = np.array([point.lon for point in boundary])
    middle = rounded(Point(float(lats.min() + lats.max()) / 2, float(lons.min() + lons.max()) / 2))
    try:
        return ServiceArea.of(boundary, LocalFrame(middle))
    except ValueError as error:
        raise ZoneFileError(str(source), [f"{error}; list its corners in order"]) from error
