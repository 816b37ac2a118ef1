"""A conversation told line by line: states go in as a few words, events come out as a few."""

from dataclasses import dataclass, field
from typing import Any, Final

from vehicle_cases import T0, VEHICLE, a_plan

from dispatcher.domain.events import (
    BoardingFailed,
    Event,
    PlanConfirmed,
    PlanRefused,
    RiderAlighted,
    RiderBoarded,
    RiderNotThere,
    ShuttleFellSilent,
    ShuttleJoined,
    ShuttleReported,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.shuttles import Capacity
from vehicles.exchange import ConversationRules, Output
from vehicles.messages import (
    ActionState,
    ActionStatus,
    AgvPosition,
    BatteryState,
    Connection,
    ConnectionState,
    EStop,
    Factsheet,
    InstantActions,
    Load,
    LoadSpecification,
    NodeState,
    OperatingMode,
    Order,
    SafetyState,
    State,
    moment_of,
)
from vehicles.protocol import ShuttleConversation

# In every plan of two visits below the first stop node has sequence id 4, its hold node 6,
# the second stop node 10 and its hold node 12.
FIRST: Final = a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=1)
SECOND: Final = a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=2, revision=2)

_SHORT = {
    VisitArrived: "arrived",
    VisitCompleted: "completed",
    RiderBoarded: "boarded",
    RiderNotThere: "not there",
    BoardingFailed: "not let in",
    RiderAlighted: "alighted",
}


def told(event: Event) -> str:
    """``"boarded v1 ana"``, ``"confirmed 2"``, ``"joined o1 2"``, ``"reported"``, …"""
    match event:
        case VisitArrived() | VisitCompleted():
            return f"{_SHORT[type(event)]} {event.visit_id}"
        case RiderBoarded() | RiderNotThere() | BoardingFailed() | RiderAlighted():
            return f"{_SHORT[type(event)]} {event.visit_id} {event.trip_id}"
        case PlanConfirmed():
            return f"confirmed {event.revision}"
        case PlanRefused():
            return f"refused {event.revision}"
        case ShuttleJoined():
            return f"joined {event.order_id} {event.revision}".strip()
        case ShuttleReported():
            return "reported"
        case ShuttleFellSilent():
            return "silent"
        case _:
            return type(event).__name__


def sent(output: Output) -> list[str]:
    """``"order o1 2 from 6"`` or the name of the instant action."""
    lines = []
    for outgoing in output.messages:
        match outgoing.message:
            case Order() as order:
                first = order.nodes[0].sequence_id
                lines.append(f"order {order.order_id} {order.order_update_id} from {first}")
            case InstantActions(actions=(action,)):
                lines.append(action.action_type)
            case other:
                raise AssertionError(f"{other} is nothing that a dispatcher sends")
    return lines


def a_state(now: float, header_id: int, **changes: Any) -> State:
    """A vehicle that stands at stop A with a full battery, unless ``changes`` says else."""
    fields: dict[str, Any] = {
        "header_id": header_id,
        "timestamp": moment_of(now),
        "manufacturer": VEHICLE.manufacturer,
        "serial_number": VEHICLE.serial_number,
        "order_id": "",
        "order_update_id": 0,
        "last_node_id": "",
        "last_node_sequence_id": 0,
        "node_states": (),
        "edge_states": (),
        "driving": False,
        "action_states": (),
        "battery_state": BatteryState(battery_charge=90.0, charging=False),
        "operating_mode": OperatingMode.AUTOMATIC,
        "errors": (),
        "safety_state": SafetyState(e_stop=EStop.NONE, field_violation=False),
        "agv_position": AgvPosition(x=0, y=0, theta=0, map_id="local", position_initialized=True),
        "loads": (),
    }
    return State(**(fields | changes))


def actions(*lines: str) -> tuple[ActionState, ...]:
    """``"v1/board/ana FINISHED NO_SHOW"``: action id, status, result."""
    states = []
    for line in lines:
        action_id, status, *result = line.split()
        states.append(
            ActionState(
                action_id=action_id,
                action_status=ActionStatus(status),
                result_description=" ".join(result) or None,
            )
        )
    return tuple(states)


def ahead(*sequences: int, released: bool = True) -> tuple[NodeState, ...]:
    return tuple(NodeState(node_id=f"n{s}", sequence_id=s, released=released) for s in sequences)


def loads(*trips: str) -> tuple[Load, ...]:
    return tuple(Load(load_id=trip) for trip in trips)


def at_x(x: float) -> AgvPosition:
    return AgvPosition(x=x, y=0, theta=0, map_id="local", position_initialized=True)


def a_factsheet(seats: int = 6, wheelchairs: int = 1) -> Factsheet:
    places = [f"seat-{n}" for n in range(seats)] + [f"wheelchair-{n}" for n in range(wheelchairs)]
    return Factsheet(
        manufacturer=VEHICLE.manufacturer,
        serial_number=VEHICLE.serial_number,
        load_specification=LoadSpecification(load_positions=tuple(places)),
    )


@dataclass
class Talk:
    """A conversation with the header ids and the time kept for it; times count from T0."""

    rules: ConversationRules = field(default_factory=ConversationRules)
    output: Output = field(default_factory=Output)  # of the last call
    _header_id: int = 0

    def __post_init__(self) -> None:
        self.conversation = ShuttleConversation(VEHICLE, self.rules)

    def joined(self) -> "Talk":
        """Past the first contact, so that a scenario can begin with a plan."""
        self.conversation.on_factsheet(a_factsheet(), T0 - 2)
        assert self.state(-1) == ["joined  0"]
        return self

    def resumed(self, plan: ShuttlePlan, confirmed: int | None = None) -> "Talk":
        capacity = Capacity(6, 1)
        self.conversation.resume(T0 - 1, capacity=capacity, plan=plan, confirmed=confirmed)
        return self

    def state(self, at: float, **changes: Any) -> list[str]:
        self._header_id += 1
        state = a_state(T0 + at, self._header_id, **changes)
        return self.hear(self.conversation.on_state(state, T0 + at))

    def publish(self, at: float, plan: ShuttlePlan) -> list[str]:
        """What is sent at once."""
        self.hear(self.conversation.publish(plan, T0 + at))
        return self.sent

    def tick(self, at: float) -> list[str]:
        return self.hear(self.conversation.tick(T0 + at))

    def connection(self, at: float, state: ConnectionState) -> list[str]:
        message = Connection(
            header_id=0,
            timestamp=moment_of(T0 + at),
            manufacturer=VEHICLE.manufacturer,
            serial_number=VEHICLE.serial_number,
            connection_state=state,
        )
        return self.hear(self.conversation.on_connection(message, T0 + at))

    def hear(self, output: Output) -> list[str]:
        self.output = output
        return [told(event) for event in output.events]

    @property
    def sent(self) -> list[str]:
        return sent(self.output)


def reports(talk: Talk) -> list[ShuttleReported]:
    return [event for event in talk.output.events if isinstance(event, ShuttleReported)]
