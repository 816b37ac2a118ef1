"""The way that a shuttle is to take, as a line on the map."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dispatcher.engine.state import Shuttle
from dispatcher.riders.status import Document
from dispatcher.streets import LocalFrame, NoPathError, Streets
from vehicles.exchange import Latest

Place = Annotated[tuple[float, ...], Field(min_length=2, max_length=2)]


class PathView(Document):
    """A GeoJSON LineString, WGS84, longitude first; of one place where nothing is planned."""

    type: Literal["LineString"] = "LineString"
    coordinates: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class WayAhead:
    """Where a shuttle is, and the stops that it is to call at, as it is now."""

    x_m: float
    y_m: float
    heading_rad: float | None
    stops: tuple[int, ...]


def way_ahead(shuttle: Shuttle, latest: Latest | None) -> WayAhead:
    stops = [visit.stop for visit in shuttle.row.visits]
    released = shuttle.released
    if released is not None:
        stops.insert(0, released.stop)
    if not stops and shuttle.parking_stop is not None:
        stops = [shuttle.parking_stop]
    x_m, y_m = (shuttle.x_m, shuttle.y_m) if latest is None else (latest.x_m, latest.y_m)
    heading_rad = None if latest is None else math.remainder(latest.theta, math.tau)
    return WayAhead(x_m, y_m, heading_rad, tuple(stops))


def plan_path(streets: Streets, frame: LocalFrame, ahead: WayAhead) -> PathView:
    """Through streets that are open; where there is no way the line ends."""
    line_m = [(ahead.x_m, ahead.y_m)]
    place = streets.nearest_point(ahead.x_m, ahead.y_m, ahead.heading_rad)
    for number, stop in enumerate(ahead.stops):
        try:
            path = streets.path(place if number == 0 else ahead.stops[number - 1], stop)
        except NoPathError:
            break
        line_m.extend(path.polyline_m)
    points = (frame.to_point(x_m, y_m) for x_m, y_m in line_m)
    return PathView(coordinates=tuple((round(p.lon, 6), round(p.lat, 6)) for p in points))
