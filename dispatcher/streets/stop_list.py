"""Stops from a list that the operator brings: CSV with the columns id, name, lat, lon, kind."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import shapely
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dispatcher.domain.ids import StopId
from dispatcher.domain.zone import Point, Stop, StopKind, StreetEdge
from dispatcher.streets.drawn_street import rounded
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.stop_cover import StopSite
from dispatcher.streets.zone_file import ZoneFileError
from dispatcher.streets.zone_models import FileId, Latitude, Longitude

# A stop farther from any street was probably typed wrongly or lies outside the zone.
_FARTHEST_M = 40.0


class _Row(BaseModel):
    # CSV has only text, so numbers are read from it.
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, str_strip_whitespace=True)

    id: FileId
    name: str = Field(min_length=1, max_length=120)
    lat: Latitude
    lon: Longitude
    kind: StopKind = StopKind.STOP


def read_stop_list(
    file: Path, edges: Sequence[StreetEdge], frame: LocalFrame, language: str
) -> list[Stop]:
    """Each stop on its nearest street. Raises ZoneFileError naming the lines at fault."""
    lines = shapely.STRtree(
        [shapely.LineString([frame.to_metres(p) for p in edge.shape]) for edge in edges]
    )
    stops: list[Stop] = []
    faults: list[str] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.DictReader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ZoneFileError(str(file), [f"it cannot be read as CSV in UTF-8: {error}"]) from error
    for number, cells in enumerate(rows, start=2):
        try:
            row = _Row.model_validate({key: value for key, value in cells.items() if value})
        except ValidationError as error:
            first = error.errors()[0]
            column = ".".join(str(part) for part in first["loc"])
            faults.append(f"line {number}, column {column}: {first['msg']}")
            continue
        x_m, y_m = frame.to_metres(Point(row.lat, row.lon))
        here = shapely.Point(x_m, y_m)
        edge_number = int(lines.nearest(here))
        line = lines.geometries[edge_number]
        if line.distance(here) > _FARTHEST_M:
            faults.append(
                f"line {number}: stop {row.id} is {line.distance(here):.0f} m from the nearest"
                " street; correct its place, or leave it out"
            )
            continue
        edge = edges[edge_number]
        share = float(shapely.line_locate_point(line, here, normalized=True))
        site = StopSite(edge.id, round(share * edge.length_m, 1), x_m, y_m)
        stops.append(stop_at(row.id, site, row.kind, {language: row.name}, frame))
    if not rows:
        faults.append("it lists no stops; write a line per stop: id,name,lat,lon,kind")
    if faults:
        raise ZoneFileError(str(file), faults)
    return stops


def stop_at(
    stop_id: str,
    site: StopSite,
    kind: StopKind,
    names: Mapping[str, str],
    frame: LocalFrame,
    berths: int = 2,
    chargers: int = 0,
) -> Stop:
    """A stop at a site, its place rounded as zone files keep it."""
    point = rounded(frame.to_point(site.x_m, site.y_m))
    x_m, y_m = frame.to_metres(point)
    return Stop(
        id=StopId(stop_id),
        names=names,
        kind=kind,
        point=point,
        x_m=x_m,
        y_m=y_m,
        edge_id=site.edge_id,
        offset_m=site.offset_m,
        berths=berths,
        chargers=chargers,
    )
