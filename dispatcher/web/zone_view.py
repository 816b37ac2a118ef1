"""The zone for a map: outline, streets, stops and clock. All but the clock is written once."""

import hashlib
from datetime import datetime
from typing import Literal

from pydantic import Field

from dispatcher.clock import Clock
from dispatcher.domain.zone import Point, StopKind, StreetEdge, Zone
from dispatcher.riders.status import Document, instant

LonLat = tuple[float, float]


class ClockView(Document):
    """The zone's clock. Between two readings it moves by ``speed`` seconds a second."""

    now: datetime
    speed: float


class StopView(Document):
    """A place where riders may board."""

    id: str
    names: dict[str, str] = Field(description="By language: ko, en, …")
    kind: StopKind
    lat: float
    lon: float
    berths: int
    chargers: int


class LineView(Document):
    """A GeoJSON LineString, WGS84, longitude first."""

    type: Literal["LineString"] = "LineString"
    coordinates: tuple[LonLat, ...]


class PolygonView(Document):
    """A GeoJSON Polygon of one ring."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: tuple[tuple[LonLat, ...], ...]


class StreetView(Document):
    """A street between two junctions. The other direction is part of it where there is one."""

    id: str = Field(description="Of its edge; what a closure names.")
    reverse: str | None = Field(default=None, description="The edge of the other direction.")
    names: dict[str, str]
    geometry: LineView


class ZoneDocument(Document):
    """Everything that a page needs to draw the zone without tiles."""

    id: str
    names: dict[str, str]
    timezone: str
    opens_s: int = Field(description="Service hours, seconds after local midnight.")
    closes_s: int
    synthetic: bool
    attribution: str
    outline: PolygonView
    stops: tuple[StopView, ...]
    streets: tuple[StreetView, ...]
    clock: ClockView


class ZoneView:
    """``speed`` is that of the zone's clock."""

    def __init__(self, zone: Zone, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self.stops = tuple(
            StopView(
                id=stop.id,
                names=dict(stop.names),
                kind=stop.kind,
                lat=stop.point.lat,
                lon=stop.point.lon,
                berths=stop.berths,
                chargers=stop.chargers,
            )
            for stop in zone.stops
        )
        self.streets = tuple(_street(edge) for edge in zone.edges if _is_drawn(edge))
        whole = ZoneDocument(
            id=zone.id,
            names=dict(zone.names),
            timezone=zone.timezone,
            opens_s=zone.opens_s,
            closes_s=zone.closes_s,
            synthetic=zone.synthetic,
            attribution=zone.attribution,
            outline=PolygonView(coordinates=(_lon_lats(zone.boundary),)),
            stops=self.stops,
            streets=self.streets,
            clock=self.clock(),
        )
        self._fixed = whole.model_dump_json(exclude={"clock"}).encode()
        self.digest = hashlib.sha256(self._fixed).hexdigest()[:16]

    def clock(self) -> ClockView:
        return ClockView(now=instant(self._clock.now_s()), speed=self._speed)

    def to_json(self) -> bytes:
        """A `ZoneDocument` as it is now."""
        return b'{"clock":' + self.clock().model_dump_json().encode() + b"," + self._fixed[1:]


def _is_drawn(edge: StreetEdge) -> bool:
    """Of two directions of one street only one is drawn."""
    return edge.reverse is None or edge.id < edge.reverse


def _street(edge: StreetEdge) -> StreetView:
    return StreetView(
        id=edge.id,
        reverse=edge.reverse,
        names=dict(edge.names),
        geometry=LineView(coordinates=_lon_lats(edge.shape)),
    )


def _lon_lats(points: tuple[Point, ...]) -> tuple[LonLat, ...]:
    # A decimetre; more would only be longer.
    return tuple((round(point.lon, 6), round(point.lat, 6)) for point in points)
