"""A shuttle's plan as a VDA 5050 order, and what an order's parts are called. Pure.

Nodes have even sequence ids and edges odd ones. A released visit takes the street nodes
of its leg, then the visit's node ``{stop}`` with its actions, then ``{stop}.hold`` at the
same place without actions: an order update begins with a repetition of the node at which
the released part ends, and some vehicles run that node's actions again.

    start ── n1 ── n2 ── stop ── stop.hold ┄┄ later stop ┄┄ later stop
      s      s+2   s+4   s+6     s+8          s+10          s+12
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from dispatcher.domain.ids import TripId, VisitId
from dispatcher.domain.plans import (
    AlightTask,
    BoardTask,
    LegPath,
    PlannedVisit,
    ShuttlePlan,
    hold_node_id,
    sequence_span,
)
from vehicles.messages import (
    VERSION,
    VERSION_2_0,
    Acknowledged,
    Action,
    ActionParameter,
    BlockingType,
    Edge,
    Node,
    NodePosition,
    Order,
    iso_ms,
    moment_of,
)
from vehicles.topics import VehicleName

BOARD = "board"
ALIGHT = "alight"
START_CHARGING = "startCharging"
CHARGE_TO = "chargeTo"
TRIP_ID = "tripId"
SEATS = "seats"
WHEELCHAIRS = "wheelchairs"
NOT_BEFORE = "notBefore"
MAX_DWELL = "maxDwell"
NO_SHOW = "NO_SHOW"
NOT_ABOARD = "NOT_ABOARD"
GOT_OUT = "GOT_OUT"  # why a boarding failed of riders who were in and are not any more
PLAN_EXPIRED = "PLAN_EXPIRED"

_ACTION_ID = re.compile(
    r"(?P<visit>.+?)/(?P<kind>board|alight|startCharging)(?:/(?P<trip>.+))?", re.DOTALL
)


class NoStitchError(ValueError):
    """The plan cannot go on from where the vehicle's released part ends."""


@dataclass(frozen=True, slots=True)
class OrderStyle:
    """What the order says beyond the plan."""

    map_id: str = "local"
    plan_validity_s: float = 60.0  # boarding goes on for so long after contact is lost
    start_deviation_m: float = 30.0  # how far from an order's first node the shuttle may stand
    preview_visits: int = 8  # unreleased visits shown, unless a rider aboard needs more


@dataclass(frozen=True, slots=True)
class RoadNode:
    """A released node with the edge that leads to it."""

    sequence: int
    node_id: str
    x_m: float
    y_m: float
    length_m: float  # of the edge; 0 for the start
    max_speed_mps: float
    edge_id: str = ""  # "" for the start


@dataclass(frozen=True, slots=True)
class VisitNodes:
    """Where a released visit lies in its order."""

    visit: PlannedVisit
    stop_sequence: int
    hold_sequence: int


def board_action_id(visit_id: VisitId, trip_id: TripId) -> str:
    return f"{visit_id}/{BOARD}/{trip_id}"


def alight_action_id(visit_id: VisitId, trip_id: TripId) -> str:
    return f"{visit_id}/{ALIGHT}/{trip_id}"


def charge_action_id(visit_id: VisitId) -> str:
    return f"{visit_id}/{START_CHARGING}"


def visit_of_action(action_id: str) -> tuple[VisitId, str, TripId | None] | None:
    """Visit, kind and trip of an order's action; None for any other action."""
    match = _ACTION_ID.fullmatch(action_id)
    if match is None:
        return None
    trip = match["trip"]
    return VisitId(match["visit"]), match["kind"], None if trip is None else TripId(trip)


def released_visits(plan: ShuttlePlan) -> tuple[VisitNodes, ...]:
    """The released visits with the sequence ids of their stop and hold nodes."""
    found = []
    sequence = plan.start.sequence
    for visit, path in zip(plan.visits[: plan.released], plan.paths, strict=True):
        sequence += sequence_span(path)
        found.append(VisitNodes(visit, sequence - 2, sequence))
    return tuple(found)


def road_of(plan: ShuttlePlan) -> tuple[RoadNode, ...]:
    """Every released node in driving order, the start first."""
    start = plan.start
    road = [RoadNode(start.sequence, start.node_id, start.x_m, start.y_m, 0.0, 0.0)]
    for visit, path in zip(plan.visits[: plan.released], plan.paths, strict=True):
        road.extend(_leg(visit, path, road[-1].sequence))
    return tuple(road)


def base_ends(plan: ShuttlePlan) -> tuple[int, ...]:
    """Where a vehicle's released part may end for the plan to go on from there."""
    return plan.start.sequence, *(nodes.hold_sequence for nodes in released_visits(plan))


def order_of(
    plan: ShuttlePlan,
    base_end: int,
    *,
    vehicle: VehicleName,
    header_id: int,
    now: float,
    style: OrderStyle,
    version: str = VERSION,
    heard: datetime | None = None,
    acknowledged: Acknowledged | None = None,
) -> Order:
    """The order, or the update, that takes a vehicle from ``base_end`` to the whole plan.

    ``base_end`` is the sequence id at which the vehicle's released part ends: the plan's
    start for a new order, or the hold node of one of its released visits. Raises
    ``NoStitchError`` for any other. ``version`` is what the vehicle understands. ``heard`` is its
    stamp on the state that the order answers, where its validity counts from that.
    """
    if base_end not in base_ends(plan):
        raise NoStitchError(f"the plan has no start or hold node with sequence id {base_end}")
    road = [node for node in road_of(plan) if node.sequence >= base_end]
    visits = {nodes.stop_sequence: nodes.visit for nodes in released_visits(plan)}
    preview = tuple(_preview(plan, style.preview_visits))
    nodes = [_node(stop, visits.get(stop.sequence), True, style, version) for stop in road]
    edges = [
        Edge(
            edge_id=node.edge_id,
            sequence_id=node.sequence - 1,
            released=True,
            start_node_id=before.node_id,
            end_node_id=node.node_id,
            max_speed=node.max_speed_mps or None,
            length=node.length_m,
        )
        for before, node in itertools.pairwise(road)
    ]
    last = road[-1]
    for visit in preview:
        node = RoadNode(last.sequence + 2, visit.stop_id, visit.x_m, visit.y_m, 0.0, 0.0)
        nodes.append(_node(node, visit, False, style, version))
        edges.append(
            Edge(
                edge_id=f"{last.node_id}>{node.node_id}",
                sequence_id=node.sequence - 1,
                released=False,
                start_node_id=last.node_id,
                end_node_id=node.node_id,
            )
        )
        last = node
    return Order(
        header_id=header_id,
        timestamp=moment_of(now),
        version=version,
        manufacturer=vehicle.manufacturer,
        serial_number=vehicle.serial_number,
        order_id=plan.order_id,
        order_update_id=plan.revision,
        nodes=tuple(nodes),
        edges=tuple(edges),
        epoch=plan.epoch,
        plan_validity=style.plan_validity_s,
        heard=heard,
        acknowledged=acknowledged,
    )


def _leg(visit: PlannedVisit, path: LegPath, sequence: int) -> Iterator[RoadNode]:
    ends = [(str(node.node_id), node.x_m, node.y_m) for node in path.nodes]
    ends.append((visit.stop_id, visit.x_m, visit.y_m))
    for (node_id, x_m, y_m), edge in zip(ends, path.edges, strict=True):
        sequence += 2
        edge_id = edge.edge_id or f"drive.{sequence - 1}"
        yield RoadNode(sequence, node_id, x_m, y_m, edge.length_m, edge.max_speed_mps, edge_id)
    hold = hold_node_id(visit.stop_id)
    closing = f"{visit.stop_id}.close"
    yield RoadNode(sequence + 2, hold, visit.x_m, visit.y_m, 0.0, 0.0, closing)


def _node(
    node: RoadNode, visit: PlannedVisit | None, released: bool, style: OrderStyle, version: str
) -> Node:
    # Only an order's very first node may be far from the shuttle. The node of a stitch
    # must be repeated as it was, so this depends on nothing but the sequence id.
    deviation_m = style.start_deviation_m if node.sequence == 0 else None
    is_2_0 = version == VERSION_2_0
    return Node(
        node_id=node.node_id,
        sequence_id=node.sequence,
        released=released,
        node_position=NodePosition(
            x=node.x_m,
            y=node.y_m,
            map_id=style.map_id,
            allowed_deviation_xy=None if is_2_0 else deviation_m,
            allowed_deviation_xy_in_2_0=deviation_m if is_2_0 else None,
        ),
        actions=() if visit is None else tuple(_actions(visit)),
    )


def _actions(visit: PlannedVisit) -> Iterator[Action]:
    for alight in visit.alights:
        yield Action(
            action_type=ALIGHT,
            action_id=alight_action_id(visit.id, alight.trip_id),
            blocking_type=BlockingType.SOFT,
            action_parameters=_parameters(_party(alight)),
        )
    for board in visit.boards:
        extra: dict[str, JsonValue] = {
            NOT_BEFORE: iso_ms(moment_of(board.not_before_s)),
            MAX_DWELL: board.max_dwell_s,
        }
        yield Action(
            action_type=BOARD,
            action_id=board_action_id(visit.id, board.trip_id),
            blocking_type=BlockingType.SOFT,
            action_parameters=_parameters(_party(board) | extra),
        )
    if visit.charge_to_pct is not None:
        yield Action(
            action_type=START_CHARGING,
            action_id=charge_action_id(visit.id),
            blocking_type=BlockingType.HARD,
            action_parameters=_parameters({CHARGE_TO: visit.charge_to_pct}),
        )


def _party(task: BoardTask | AlightTask) -> dict[str, JsonValue]:
    party = task.party
    return {TRIP_ID: task.trip_id, SEATS: party.seats, WHEELCHAIRS: party.wheelchairs}


def _parameters(values: dict[str, JsonValue]) -> tuple[ActionParameter, ...]:
    return tuple(ActionParameter(key=key, value=value) for key, value in values.items())


def _preview(plan: ShuttlePlan, most: int) -> Iterator[PlannedVisit]:
    """The unreleased visits worth showing.

    The first ``most``, and on until everyone aboard by then has a drop-off in sight: a
    vehicle refuses an order that would carry a rider without end.
    """
    later = plan.visits[plan.released :]
    dropped_later = {task.trip_id for visit in later for task in visit.alights}
    not_yet_aboard = {task.trip_id for visit in later for task in visit.boards}
    owed = dropped_later - not_yet_aboard
    for count, visit in enumerate(later):
        if count >= most and not owed:
            return
        owed.update(task.trip_id for task in visit.boards)
        owed.difference_update(task.trip_id for task in visit.alights)
        yield visit


def read_moment(value: JsonValue) -> datetime | None:
    """A ``notBefore``; None for anything that is not an aware ISO 8601 time."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
