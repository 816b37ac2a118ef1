"""What the on-board agent says: its state, its factsheet, where it is. Pure."""

from dataclasses import dataclass

from pydantic import JsonValue

from dispatcher.domain.shuttles import Capacity
from vehicles.agent_hardware import Battery, Pose
from vehicles.agent_memory import AgentMemory
from vehicles.instant import Instant
from vehicles.mapping import ALIGHT, BOARD, START_CHARGING
from vehicles.messages import (
    VERSION,
    AgvPosition,
    BatteryState,
    EdgeState,
    Factsheet,
    InfoLevel,
    Information,
    Load,
    LoadSpecification,
    NodeState,
    Onboard,
    OperatingMode,
    SafetyState,
    State,
    VehicleError,
    Velocity,
    moment_of,
)
from vehicles.topics import VehicleName

DOORS = "doors"


@dataclass(frozen=True, slots=True)
class Bearing:
    """Everything about the vehicle that is not in its memory."""

    pose: Pose
    battery: Battery
    mode: OperatingMode
    errors: tuple[VehicleError, ...]
    safety: SafetyState
    driving: bool
    doors_open: bool
    since_m: float  # driven since the last node
    valid_from_s: float | None = None  # from when the plan's validity counts


def state_message(
    vehicle: VehicleName,
    header_id: int,
    memory: AgentMemory,
    bearing: Bearing,
    map_id: str,
    now: float,
) -> State:
    at_base_end = memory.here is None and not any(node.released for node in memory.nodes)
    return State(
        header_id=header_id,
        timestamp=moment_of(now),
        manufacturer=vehicle.manufacturer,
        serial_number=vehicle.serial_number,
        order_id=memory.order_id,
        order_update_id=memory.order_update_id,
        last_node_id=memory.last_node_id,
        last_node_sequence_id=memory.last_node_sequence_id,
        node_states=tuple(
            NodeState(node_id=n.node_id, sequence_id=n.sequence_id, released=n.released)
            for n in memory.nodes
        ),
        edge_states=tuple(
            EdgeState(edge_id=e.edge_id, sequence_id=e.sequence_id, released=e.released)
            for e in memory.edges
        ),
        driving=bearing.driving,
        paused=memory.paused,
        new_base_request=at_base_end and bool(memory.nodes),
        distance_since_last_node=round(bearing.since_m, 2),
        action_states=(*memory.action_states, *memory.instant_states),
        battery_state=BatteryState(
            battery_charge=round(bearing.battery.charge_pct, 2), charging=bearing.battery.charging
        ),
        operating_mode=bearing.mode,
        errors=bearing.errors,
        safety_state=bearing.safety,
        agv_position=position_of(bearing.pose, map_id),
        velocity=Velocity(vx=round(bearing.pose.speed_mps, 2), vy=0.0, omega=0.0),
        loads=tuple(Load(load_id=p.trip_id, load_type="RIDER") for p in memory.aboard),
        information=(
            Information(
                info_type=DOORS,
                info_level=InfoLevel.INFO,
                info_description="open" if bearing.doors_open else "closed",
            ),
        ),
        onboard=Onboard(
            epoch=memory.epoch,
            valid_from=None if bearing.valid_from_s is None else moment_of(bearing.valid_from_s),
            series=memory.series,
            events=memory.events,
        ),
    )


def position_of(pose: Pose, map_id: str) -> AgvPosition:
    return AgvPosition(
        x=round(pose.x_m, 2),
        y=round(pose.y_m, 2),
        theta=round(pose.theta, 4),
        map_id=map_id,
        position_initialized=True,
    )


def factsheet_message(
    vehicle: VehicleName,
    header_id: int,
    capacity: Capacity,
    max_speed_mps: float,
    state_interval_s: float,
    now: float,
) -> Factsheet:
    """A small driverless bus, with a load position for each place."""
    seats = tuple(f"seat-{number}" for number in range(1, capacity.seats + 1))
    wheelchairs = tuple(f"wheelchair-{number}" for number in range(1, capacity.wheelchairs + 1))
    actions: list[JsonValue] = [_can(kind, "NODE") for kind in (BOARD, ALIGHT, START_CHARGING)]
    actions.extend(_can(kind, "INSTANT") for kind in Instant)
    return Factsheet(
        header_id=header_id,
        timestamp=moment_of(now),
        version=VERSION,
        manufacturer=vehicle.manufacturer,
        serial_number=vehicle.serial_number,
        type_specification={
            "seriesName": "passenger shuttle",
            "agvKinematic": "THREEWHEEL",  # the nearest the standard has to steered front wheels
            "agvClass": "CARRIER",
            "maxLoadMass": 80 * capacity.seats + 200 * capacity.wheelchairs,
            "localizationTypes": ["NATURAL"],
            "navigationTypes": ["AUTONOMOUS"],
        },
        physical_parameters={
            "speedMin": 0.0,
            "speedMax": max_speed_mps,
            "accelerationMax": 1.0,
            "decelerationMax": 1.0,
            "heightMax": 2.8,
            "width": 2.1,
            "length": 4.8,
        },
        protocol_limits={
            "maxStringLens": {},
            "maxArrayLens": {},
            "timing": {
                "minOrderInterval": 0.1,
                "minStateInterval": 0.1,
                "defaultStateInterval": state_interval_s,
            },
        },
        protocol_features={"optionalParameters": [], "agvActions": actions},
        agv_geometry={},
        load_specification=LoadSpecification(load_positions=seats + wheelchairs),
    )


def _can(action_type: str, scope: str) -> JsonValue:
    return {"actionType": str(action_type), "actionScopes": [scope]}
