"""A zone's boundary from a GeoJSON file with one polygon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dispatcher.domain.zone import Point
from dispatcher.streets.drawn_street import rounded
from dispatcher.streets.zone_file import ZoneFileError
from dispatcher.streets.zone_models import LonLat

# Some programs write a height as a third number; it is dropped.
_RING = TypeAdapter(list[LonLat])


def read_boundary(file: Path) -> tuple[Point, ...]:
    """The outer ring, closed. Raises ZoneFileError unless there is exactly one polygon."""
    try:
        polygons = list(_polygons(json.loads(file.read_bytes())))
    except (OSError, ValueError) as error:
        raise ZoneFileError(str(file), [f"it cannot be read as GeoJSON: {error}"]) from error
    if len(polygons) != 1:
        fault = f"it has {len(polygons)} polygons; leave exactly one, the zone's boundary"
        raise ZoneFileError(str(file), [fault])
    rings = polygons[0]
    if not isinstance(rings, list) or len(rings) != 1 or not isinstance(rings[0], list):
        fault = "the polygon must have one ring and no holes; fill the holes"
        raise ZoneFileError(str(file), [fault])
    flat = [corner[:2] if isinstance(corner, list) else corner for corner in rings[0]]
    try:
        ring = _RING.validate_python(flat)
    except ValidationError as error:
        fault = f"corner {error.errors()[0]['loc'][0]} is not a longitude and a latitude"
        raise ZoneFileError(str(file), [fault]) from error
    if len(ring) < 4 or ring[0] != ring[-1]:
        fault = "the ring is not closed; repeat its first corner at the end"
        raise ZoneFileError(str(file), [fault])
    return tuple(rounded(Point(lat=lat, lon=lon)) for lon, lat in ring)


def _polygons(shape: Any) -> Iterator[Any]:
    """The coordinates of every polygon in a GeoJSON object; what is not one is passed over."""
    match shape:
        case {"type": "FeatureCollection", "features": [*features]}:
            for feature in features:
                yield from _polygons(feature)
        case {"type": "Feature", "geometry": geometry}:
            yield from _polygons(geometry)
        case {"type": "GeometryCollection", "geometries": [*geometries]}:
            for geometry in geometries:
                yield from _polygons(geometry)
        case {"type": "Polygon", "coordinates": coordinates}:
            yield coordinates
        case {"type": "MultiPolygon", "coordinates": [*members]}:
            yield from members
        case _:
            return
