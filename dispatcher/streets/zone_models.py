"""The zone files' format: pydantic models, and their mapping to and from a domain zone.

Pairs of degrees are written as in GeoJSON, longitude first. Metres in the local frame are not
stored; they follow from the degrees and the origin.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dispatcher.domain.ids import EdgeId, NodeId, StopId
from dispatcher.domain.zone import (
    Point,
    Stop,
    StopKind,
    StreetEdge,
    StreetNode,
    TurnBan,
    Zone,
)
from dispatcher.streets.frame import LocalFrame

Latitude = Annotated[float, Field(ge=-85.0, le=85.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]
LonLat = tuple[Longitude, Latitude]
# Ids appear in topics and in addresses of pages.
FileId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:~>-]{1,64}$")]
LanguageTag = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Names = dict[LanguageTag, Annotated[str, Field(min_length=1, max_length=120)]]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class LatLon(_Part):
    lat: Latitude
    lon: Longitude


class StopPart(_Part):
    id: FileId
    names: Names = Field(min_length=1)
    kind: StopKind
    lat: Latitude
    lon: Longitude
    edge: FileId
    offset_m: float = Field(ge=0.0)
    berths: int = Field(default=2, ge=1, le=100)
    chargers: int = Field(default=0, ge=0, le=1000)
    charger_w: int = Field(default=40_000, ge=1_000, le=1_000_000)


class ZonePart(_Part):
    """``zone.json``."""

    format: Literal["ringmaster-zone/1"] = "ringmaster-zone/1"
    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    names: Names = Field(min_length=1)
    timezone: str
    origin: LatLon
    opens_s: int = Field(ge=0, lt=86_400)
    closes_s: int = Field(gt=0, le=172_800)
    synthetic: bool
    attribution: str = Field(min_length=1)
    boundary: tuple[LonLat, ...] = Field(min_length=4)
    stops: tuple[StopPart, ...] = Field(min_length=1)


class NodePart(_Part):
    id: FileId
    lat: Latitude
    lon: Longitude


class EdgePart(_Part):
    id: FileId
    start: FileId
    end: FileId
    length_m: float = Field(gt=0.0, le=100_000.0)
    speed_mps: float = Field(ge=0.5, le=40.0)
    shape: tuple[LonLat, ...] = Field(min_length=2)
    names: Names = {}
    reverse: FileId | None = None


class TurnBanPart(_Part):
    from_edge: FileId
    to_edge: FileId


class StreetsPart(_Part):
    """``streets.json``."""

    format: Literal["ringmaster-streets/1"] = "ringmaster-streets/1"
    nodes: tuple[NodePart, ...] = Field(min_length=2)
    edges: tuple[EdgePart, ...] = Field(min_length=1)
    turn_bans: tuple[TurnBanPart, ...] = ()


def to_zone(zone: ZonePart, streets: StreetsPart) -> Zone:
    """The domain zone; its references are not checked here."""
    origin = Point(zone.origin.lat, zone.origin.lon)
    frame = LocalFrame(origin)
    return Zone(
        id=zone.id,
        names=dict(zone.names),
        timezone=zone.timezone,
        origin=origin,
        boundary=_points(zone.boundary),
        stops=tuple(_to_stop(stop, frame) for stop in zone.stops),
        nodes=tuple(_to_node(node, frame) for node in streets.nodes),
        edges=tuple(
            StreetEdge(
                id=EdgeId(edge.id),
                start=NodeId(edge.start),
                end=NodeId(edge.end),
                length_m=edge.length_m,
                speed_mps=edge.speed_mps,
                shape=_points(edge.shape),
                names=dict(edge.names),
                reverse=None if edge.reverse is None else EdgeId(edge.reverse),
            )
            for edge in streets.edges
        ),
        turn_bans=tuple(
            TurnBan(EdgeId(ban.from_edge), EdgeId(ban.to_edge)) for ban in streets.turn_bans
        ),
        opens_s=zone.opens_s,
        closes_s=zone.closes_s,
        synthetic=zone.synthetic,
        attribution=zone.attribution,
    )


def from_zone(zone: Zone) -> tuple[ZonePart, StreetsPart]:
    """What ``zone.json`` and ``streets.json`` hold. Raises pydantic.ValidationError."""
    zone_part = ZonePart(
        id=zone.id,
        names=dict(zone.names),
        timezone=zone.timezone,
        origin=LatLon(lat=zone.origin.lat, lon=zone.origin.lon),
        opens_s=zone.opens_s,
        closes_s=zone.closes_s,
        synthetic=zone.synthetic,
        attribution=zone.attribution,
        boundary=_lon_lats(zone.boundary),
        stops=tuple(
            StopPart(
                id=stop.id,
                names=dict(stop.names),
                kind=stop.kind,
                lat=stop.point.lat,
                lon=stop.point.lon,
                edge=stop.edge_id,
                offset_m=stop.offset_m,
                berths=stop.berths,
                chargers=stop.chargers,
                charger_w=stop.charger_w,
            )
            for stop in zone.stops
        ),
    )
    streets_part = StreetsPart(
        nodes=tuple(
            NodePart(id=node.id, lat=node.point.lat, lon=node.point.lon) for node in zone.nodes
        ),
        edges=tuple(
            EdgePart(
                id=edge.id,
                start=edge.start,
                end=edge.end,
                length_m=edge.length_m,
                speed_mps=edge.speed_mps,
                shape=_lon_lats(edge.shape),
                names=dict(edge.names),
                reverse=edge.reverse,
            )
            for edge in zone.edges
        ),
        turn_bans=tuple(
            TurnBanPart(from_edge=ban.from_edge, to_edge=ban.to_edge) for ban in zone.turn_bans
        ),
    )
    return zone_part, streets_part


def _points(pairs: Iterable[LonLat]) -> tuple[Point, ...]:
    return tuple(Point(lat=lat, lon=lon) for lon, lat in pairs)


def _lon_lats(points: Iterable[Point]) -> tuple[LonLat, ...]:
    return tuple((point.lon, point.lat) for point in points)


def _to_stop(stop: StopPart, frame: LocalFrame) -> Stop:
    point = Point(stop.lat, stop.lon)
    x_m, y_m = frame.to_metres(point)
    return Stop(
        id=StopId(stop.id),
        names=dict(stop.names),
        kind=stop.kind,
        point=point,
        x_m=x_m,
        y_m=y_m,
        edge_id=EdgeId(stop.edge),
        offset_m=stop.offset_m,
        berths=stop.berths,
        chargers=stop.chargers,
        charger_w=stop.charger_w,
    )


def _to_node(node: NodePart, frame: LocalFrame) -> StreetNode:
    point = Point(node.lat, node.lon)
    x_m, y_m = frame.to_metres(point)
    return StreetNode(NodeId(node.id), point, x_m, y_m)
