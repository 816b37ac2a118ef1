"""Whether the on-board agent takes an order, and what it then has to do. Pure.

The standard's rules for updates (2.1.0, section 6.6), and the profile's: never more
riders than places by kind, nobody carried without a drop-off in sight, nothing from a
dispatcher that has been replaced.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydantic import JsonValue

from dispatcher.domain.ids import TripId
from dispatcher.domain.shuttles import Capacity
from dispatcher.domain.trips import Party
from vehicles.agent_memory import MOST_ENDED_ACTIONS, AgentMemory, forget_old
from vehicles.mapping import (
    ALIGHT,
    BOARD,
    CHARGE_TO,
    MAX_DWELL,
    NOT_BEFORE,
    SEATS,
    START_CHARGING,
    TRIP_ID,
    WHEELCHAIRS,
    read_moment,
)
from vehicles.messages import (
    Action,
    ActionState,
    ActionStatus,
    ErrorLevel,
    Node,
    Order,
    Reference,
    VehicleError,
)

STOP_CHARGING = "stopCharging"
DEFAULT_MAX_DWELL_S = 60.0
DEFAULT_DEVIATION_M = 5.0
DEFAULT_PLAN_VALIDITY_S = 60.0


@dataclass(frozen=True, slots=True)
class RiderTask:
    """A board or alight action as read from its parameters; times in seconds."""

    trip_id: TripId
    party: Party
    not_before_s: float
    max_dwell_s: float


class RefusedError(Exception):
    """The order is not taken; ``error`` says why in the standard's words."""

    def __init__(self, error: VehicleError) -> None:
        super().__init__(error.error_description)
        self.error = error


def rider_task(action: Action) -> RiderTask:
    """Read a board or alight action. Raises ``ValueError`` naming the wrong parameter."""
    trip_id = action.parameter(TRIP_ID)
    if not isinstance(trip_id, str) or not trip_id:
        raise ValueError(TRIP_ID)
    seats, wheelchairs = _places(action, SEATS, 1), _places(action, WHEELCHAIRS, 0)
    not_before_s = 0.0
    if action.parameter(NOT_BEFORE) is not None:
        moment = read_moment(action.parameter(NOT_BEFORE))
        if moment is None:
            raise ValueError(NOT_BEFORE)
        not_before_s = moment.timestamp()
    dwell = action.parameter(MAX_DWELL)
    max_dwell_s = DEFAULT_MAX_DWELL_S if dwell is None else _number(dwell)
    if max_dwell_s is None or max_dwell_s < 0:
        raise ValueError(MAX_DWELL)
    return RiderTask(TripId(trip_id), Party(seats, wheelchairs), not_before_s, max_dwell_s)


def charge_to_pct(action: Action) -> float:
    """How far to charge. Raises ``ValueError`` naming the wrong parameter."""
    value = action.parameter(CHARGE_TO)
    percent = 100.0 if value is None else _number(value)
    if percent is None or not 0 < percent <= 100:
        raise ValueError(CHARGE_TO)
    return percent


def take_order(
    memory: AgentMemory, order: Order, capacity: Capacity, place_m: tuple[float, float]
) -> AgentMemory | None:
    """The memory with the order taken in; None if the vehicle has exactly this one already.

    Raises ``RefusedError``; the memory then stays as it is.
    """
    _check_form(order)
    _check_actions(order)
    sent_s = order.timestamp.timestamp()
    check_epoch(memory, order)
    is_update = order.order_id == memory.order_id
    if is_update and order.order_update_id == memory.order_update_id:
        return None
    if is_update and order.order_update_id < memory.order_update_id:
        raise refuse_order("orderUpdateError", order, "older than the update at work")
    # A newer dispatcher may have another clock; among one's own orders the time tells.
    same_sender = (order.epoch or 0) <= memory.epoch
    if not is_update and same_sender and sent_s < memory.order_sent_s:
        raise refuse_order("orderUpdateError", order, "older than the order at work")
    first = order.nodes[0]
    if is_update:
        if (first.node_id, first.sequence_id) != memory.base_end:
            raise refuse_order("orderUpdateError", order, f"the base ends at {memory.base_end}")
        ahead = (*(n for n in memory.nodes if n.released), *order.nodes[1:])
        edges = (*(e for e in memory.edges if e.released), *order.edges)
    else:
        if memory.is_active:
            raise refuse_order("orderError", order, f"busy with order {memory.order_id}")
        _check_near(order, place_m)
        ahead, edges = order.nodes, order.edges
    _check_riders(memory, order, ahead, capacity)
    ends = [n for n in ahead if n.released]
    known = {state.action_id for state in memory.action_states} if is_update else set()
    waiting = tuple(
        ActionState(
            action_id=action.action_id,
            action_type=action.action_type,
            action_status=ActionStatus.WAITING,
        )
        for node in ends
        for action in node.actions
        if action.action_id not in known
    )
    kept = forget_old(memory.action_states, MOST_ENDED_ACTIONS) if is_update else ()
    validity_s = order.plan_validity
    return memory.model_copy(
        update={
            "order_id": order.order_id,
            "order_update_id": order.order_update_id,
            "order_sent_s": sent_s,
            "epoch": max(memory.epoch, order.epoch or 0),
            "plan_validity_s": DEFAULT_PLAN_VALIDITY_S if validity_s is None else validity_s,
            "nodes": ahead,
            "edges": edges,
            "base_end": (ends[-1].node_id, ends[-1].sequence_id) if ends else memory.base_end,
            "action_states": (*kept, *waiting),
            "cancelling": None,
            "refusals": (),
            **({} if is_update else {"on_word": False, "word_s": None, "word_sent_s": None}),
        }
    )


def check_epoch(memory: AgentMemory, order: Order) -> None:
    """Raise ``RefusedError`` if the order comes from a dispatcher that was replaced, or may."""
    if order.epoch is None and memory.epoch > 0:
        text = f"it names no epoch, and one of epoch {memory.epoch} was taken before"
        raise refuse_order("orderUpdateError", order, text)
    if order.epoch is not None and order.epoch < memory.epoch:
        raise refuse_order("orderUpdateError", order, f"epoch {order.epoch} is over")


def _check_form(order: Order) -> None:
    """Nodes and edges take turns, and what is released comes first."""
    nodes, edges = order.nodes, order.edges
    if len(edges) != len(nodes) - 1:
        raise refuse_order("validationError", order, "one edge less than nodes is needed")
    if not nodes[0].released:
        raise refuse_order("validationError", order, "the first node is not released")
    for (before, after), edge in zip(pairwise(nodes), edges, strict=True):
        if (edge.start_node_id, edge.end_node_id) != (before.node_id, after.node_id):
            raise refuse_order("validationError", order, f"edge {edge.edge_id} leads elsewhere")
        if (edge.sequence_id, after.sequence_id) != (
            before.sequence_id + 1,
            before.sequence_id + 2,
        ):
            raise refuse_order("validationError", order, "sequence ids do not follow each other")
        if edge.released != after.released or (after.released and not before.released):
            raise refuse_order(
                "validationError", order, "released nodes and edges do not come first"
            )
        if after.node_position is None:
            raise refuse_order("noRouteError", order, f"node {after.node_id} has no position")


def _check_actions(order: Order) -> None:
    seen: set[str] = set()
    for edge in order.edges:
        if edge.actions:
            raise refuse_order("orderError", order, "actions on edges are not supported")
    for node in order.nodes:
        for action in node.actions:
            reference = {"actionId": action.action_id}
            if action.action_id in seen:
                raise refuse_order("orderError", order, "an action id occurs twice", reference)
            seen.add(action.action_id)
            try:
                if action.action_type in (BOARD, ALIGHT):
                    rider_task(action)
                elif action.action_type == START_CHARGING:
                    charge_to_pct(action)
                elif action.action_type != STOP_CHARGING:
                    text = f"cannot {action.action_type}"
                    raise refuse_order("orderError", order, text, reference)
            except ValueError as wrong:
                text = f"parameter {wrong} of {action.action_type} is missing or wrong"
                raise refuse_order("orderError", order, text, reference) from None


def _check_near(order: Order, place_m: tuple[float, float]) -> None:
    position = order.nodes[0].node_position
    if position is None:
        return
    allowed_m = position.allowed_deviation_xy or DEFAULT_DEVIATION_M
    distance_m = math.dist((position.x, position.y), place_m)
    if distance_m > allowed_m:
        text = f"the first node is {distance_m:.0f} m away and {allowed_m:.0f} m are allowed"
        raise refuse_order("noRouteError", order, text)


def _check_riders(
    memory: AgentMemory, order: Order, ahead: Sequence[Node], capacity: Capacity
) -> None:
    aboard = {p.trip_id: (p.seats, p.wheelchairs) for p in memory.aboard}
    here = () if memory.here is None else (memory.here,)
    must_leave: set[str] = set(aboard)
    for node in (*here, *ahead):
        for action in _open_rider_actions(memory, node):
            task = rider_task(action)
            if action.action_type == ALIGHT:
                aboard.pop(task.trip_id, None)
                must_leave.discard(task.trip_id)
            else:
                aboard[task.trip_id] = (task.party.seats, task.party.wheelchairs)
                if node.released:
                    must_leave.add(task.trip_id)
        seats = sum(places[0] for places in aboard.values())
        wheelchairs = sum(places[1] for places in aboard.values())
        if seats > capacity.seats or wheelchairs > capacity.wheelchairs:
            text = (
                f"{seats} seats and {wheelchairs} wheelchair places would be taken of "
                f"{capacity.seats} and {capacity.wheelchairs}"
            )
            raise refuse_order("orderError", order, text, {"nodeId": node.node_id})
    if must_leave:
        trip_id = min(must_leave)
        text = f"the riders of trip {trip_id} would not be set down"
        raise refuse_order("orderError", order, text, {TRIP_ID: trip_id})


def _open_rider_actions(memory: AgentMemory, node: Node) -> Iterator[Action]:
    """Alighting first, as it is done."""
    for kind in (ALIGHT, BOARD):
        for action in node.actions:
            if action.action_type == kind and memory.is_open(action):
                yield action


def refuse_order(
    error_type: str, order: Order, text: str, references: dict[str, str] | None = None
) -> RefusedError:
    """The error to raise, naming the order and its update as the standard asks."""
    named = {
        "orderId": order.order_id,
        "orderUpdateId": str(order.order_update_id),
        **(references or {}),
    }
    return RefusedError(
        VehicleError(
            error_type=error_type,
            error_level=ErrorLevel.WARNING,
            error_description=text,
            error_references=tuple(
                Reference(reference_key=key, reference_value=value) for key, value in named.items()
            ),
        )
    )


def _places(action: Action, key: str, default: int) -> int:
    value = action.parameter(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(key)
    return value


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
