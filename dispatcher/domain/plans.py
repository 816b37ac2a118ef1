"""A shuttle's plan as it leaves the dispatcher: whole, versioned, ready to be sent again."""

from dataclasses import dataclass

from dispatcher.domain.ids import EdgeId, NodeId, ShuttleId, StopId, TripId, VisitId
from dispatcher.domain.trips import Party


@dataclass(frozen=True, slots=True)
class BoardTask:
    """Let this trip's party board."""

    trip_id: TripId
    party: Party
    not_before_s: int  # the shuttle waits at least until then
    max_dwell_s: int  # from the begin of boarding; whoever has not come by then is a no-show


@dataclass(frozen=True, slots=True)
class AlightTask:
    """Let this trip's party get off."""

    trip_id: TripId
    party: Party


@dataclass(frozen=True, slots=True)
class PlannedVisit:
    """One call at a stop."""

    id: VisitId
    stop_id: StopId
    x_m: float
    y_m: float
    arrive_s: int
    begin_s: int  # service starts: doors open for boarding
    depart_s: int
    boards: tuple[BoardTask, ...] = ()
    alights: tuple[AlightTask, ...] = ()
    charge_to_pct: int | None = None  # plug in and stay until charged or sent away


@dataclass(frozen=True, slots=True)
class PathNode:
    """A street node on the way, in the zone's local frame."""

    node_id: NodeId
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class PathEdge:
    """The street between two nodes of a path.

    ``edge_id`` is None where the shuttle drives off a street, as from a parking bay.
    """

    edge_id: EdgeId | None
    length_m: float
    max_speed_mps: float


@dataclass(frozen=True, slots=True)
class LegPath:
    """How a released leg is to be driven: ``len(edges) == len(nodes) + 1``.

    The leg leads from where the shuttle stands over ``nodes`` (street nodes strictly
    between the two ends) to the visit's stop.
    """

    nodes: tuple[PathNode, ...]
    edges: tuple[PathEdge, ...]


@dataclass(frozen=True, slots=True)
class StartNode:
    """Where the first visit's leg leaves from; the shuttle stands there or has passed it."""

    node_id: NodeId
    x_m: float
    y_m: float
    sequence: int  # its place in the order: nodes are even, edges odd


@dataclass(frozen=True, slots=True)
class ShuttlePlan:
    """All that one shuttle is to do, from the visit it is at or on its way to.

    The first ``released`` visits may be driven at once and are never changed again;
    ``paths`` has one entry for each of them. Later visits are only a preview.
    ``revision`` rises with every plan of the shuttle, over restarts too. ``order_id``
    stays the same for a whole shift; a new one begins, at sequence 0, when the shuttle
    has lost or refused the old one.
    """

    shuttle_id: ShuttleId
    order_id: str
    revision: int
    epoch: int  # of the dispatcher that made it
    made_s: int
    start: StartNode
    visits: tuple[PlannedVisit, ...]
    released: int
    paths: tuple[LegPath, ...]


def sequence_span(path: LegPath) -> int:
    """How far a released visit moves the order's sequence on.

    The leg's street nodes, the visit's own node and the hold node behind it, two each.
    """
    return 2 * (len(path.nodes) + 2)


def hold_node_id(stop_id: StopId) -> NodeId:
    """The node without actions at which a released visit ends.

    It lies where the stop does; a plan that goes on from there names it in ``start``.
    """
    return NodeId(f"{stop_id}.hold")
