"""A zone: the area inside the ring, its stops and where they lie on the streets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dispatcher.domain.ids import EdgeId, NodeId, StopId


@dataclass(frozen=True, slots=True)
class Point:
    """A place on earth, WGS84 degrees."""

    lat: float
    lon: float


class StopKind(StrEnum):
    STOP = "stop"
    INTERCHANGE = "interchange"  # where a trip goes on by BRT or shared car
    DEPOT = "depot"


@dataclass(frozen=True, slots=True)
class Stop:
    """A place where a shuttle may stand and riders may board."""

    id: StopId
    names: Mapping[str, str]  # language tag -> name
    kind: StopKind
    point: Point
    x_m: float  # metres east of the zone's origin
    y_m: float  # metres north of the zone's origin
    edge_id: EdgeId  # the directed edge it lies on
    offset_m: float  # from the start of that edge
    berths: int = 2
    chargers: int = 0  # plugs: each charges one shuttle at a time
    charger_w: int = 40_000  # of each plug


@dataclass(frozen=True, slots=True)
class StreetNode:
    """A junction or a bend's end: where edges meet."""

    id: NodeId
    point: Point
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class StreetEdge:
    """One direction of one street between two nodes."""

    id: EdgeId
    start: NodeId
    end: NodeId
    length_m: float
    speed_mps: float
    shape: tuple[Point, ...]  # from start to end, both included
    names: Mapping[str, str]
    reverse: EdgeId | None = None  # the other direction of the same street, if there is one


@dataclass(frozen=True, slots=True)
class TurnBan:
    """Driving from ``from_edge`` straight on into ``to_edge`` is not allowed."""

    from_edge: EdgeId
    to_edge: EdgeId


@dataclass(frozen=True, slots=True)
class Zone:
    """Everything about the area that does not change while it is served."""

    id: str  # part of every topic, [a-z0-9-]+
    names: Mapping[str, str]
    timezone: str  # IANA name; service hours are local
    origin: Point  # of the local frame in metres
    boundary: tuple[Point, ...]  # closed ring, first point repeated at the end
    stops: tuple[Stop, ...]
    nodes: tuple[StreetNode, ...]
    edges: tuple[StreetEdge, ...]
    turn_bans: tuple[TurnBan, ...]
    opens_s: int  # service hours, seconds after local midnight
    closes_s: int  # may exceed 86,400 for service past midnight
    synthetic: bool
    attribution: str  # where the streets come from; shown wherever they are
