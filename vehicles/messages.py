"""VDA 5050 2.1.0 messages, with the passenger profile's extension properties.

What a vehicle sends is read leniently where the standard leaves room (fields it may
omit, fields we do not know) and strictly where a mistake would mislead planning: numbers
as strings, NaN, infinities, naive times and oversized lists are refused with
``pydantic.ValidationError``. What we send is valid under the official schemas.

Positions are metres in the zone's local frame, angles radians, speeds metres per second.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

VERSION = "2.1.0"
VERSION_2_0 = "2.0.0"


def answer_version(version: str) -> str:
    """The version to write to a vehicle that speaks ``version``.

    Both 2.x share topics and, but for two names, the fields we use; some vehicles refuse
    every message of a version newer than their own.
    """
    return VERSION_2_0 if version.startswith("2.0") else VERSION


MAX_ITEMS = 1000
MAX_ACTIONS_PER_NODE = 100
MAX_PARAMETERS = 50
MAX_RIDER_EVENTS = 200
MAX_LOADS = 200  # of each, planning is told; there are more trips aboard no shuttle

_ISO_DATE_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)


def _read_moment(value: Any) -> Any:
    """Read ISO 8601 text and nothing else: pydantic would also take a number in quotes."""
    if not isinstance(value, str):
        return value
    if not _ISO_DATE_TIME.fullmatch(value):
        raise ValueError("not an ISO 8601 date and time")
    return datetime.fromisoformat(value)


def iso_ms(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(now: float) -> datetime:
    """Seconds since the epoch as the wire's time, which has whole milliseconds."""
    return datetime.fromtimestamp(round(now, 3), UTC)


Timestamp = Annotated[
    AwareDatetime,
    BeforeValidator(_read_moment),
    PlainSerializer(iso_ms, return_type=str, when_used="json"),
]
Name = Annotated[str, StringConstraints(max_length=512)]
Text = Annotated[str, StringConstraints(max_length=8192)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Revision = Annotated[int, Field(ge=0, le=2**32 - 1)]  # the standard's text says uint32
# No zone is a thousand kilometres wide: a place further off is a mistake, and its square
# would not even be a number.
Metres = Annotated[float, Field(ge=-1e6, le=1e6)]


# Version 2.1 renamed this field; the generated names would be neither.
_WIRE_NAMES = {
    "allowed_deviation_xy": "allowedDeviationXY",
    "allowed_deviation_xy_in_2_0": "allowedDeviationXy",
}


def _wire_name(field: str) -> str:
    return _WIRE_NAMES.get(field) or to_camel(field)


class WireModel(BaseModel):
    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        alias_generator=_wire_name,
        validate_by_name=True,
        validate_by_alias=True,
    )

    def to_json(self) -> bytes:
        """As it goes over the wire; absent fields are left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


class Header(WireModel):
    """What every message begins with. ``header_id`` counts per topic and sender."""

    header_id: Count
    timestamp: Timestamp
    version: Name = VERSION
    manufacturer: Name
    serial_number: Name


class BlockingType(StrEnum):
    NONE = "NONE"
    SOFT = "SOFT"
    HARD = "HARD"


class ActionParameter(WireModel):
    key: Name
    value: JsonValue


class Action(WireModel):
    action_type: Name
    action_id: Name
    blocking_type: BlockingType
    action_description: Text | None = None
    action_parameters: (
        Annotated[tuple[ActionParameter, ...], Field(max_length=MAX_PARAMETERS)] | None
    ) = None

    def parameter(self, key: str) -> JsonValue:
        """The parameter's value; None where it is absent."""
        for parameter in self.action_parameters or ():
            if parameter.key == key:
                return parameter.value
        return None


class NodePosition(WireModel):
    x: float
    y: float
    map_id: Name
    theta: float | None = None
    allowed_deviation_xy: Annotated[float, Field(ge=0)] | None = None
    allowed_deviation_xy_in_2_0: Annotated[float, Field(ge=0)] | None = None


class Node(WireModel):
    node_id: Name
    sequence_id: Count
    released: bool
    node_description: Text | None = None
    node_position: NodePosition | None = None
    actions: Annotated[tuple[Action, ...], Field(max_length=MAX_ACTIONS_PER_NODE)] = ()


class Edge(WireModel):
    edge_id: Name
    sequence_id: Count
    released: bool
    start_node_id: Name
    end_node_id: Name
    edge_description: Text | None = None
    max_speed: Annotated[float, Field(ge=0)] | None = None
    length: Annotated[float, Field(ge=0)] | None = None
    actions: Annotated[tuple[Action, ...], Field(max_length=MAX_ACTIONS_PER_NODE)] = ()


class Acknowledged(WireModel):
    """All of the vehicle's numbered events up to this one are durable."""

    series: Name
    number: Count


class Order(Header):
    order_id: Name
    order_update_id: Revision
    nodes: Annotated[tuple[Node, ...], Field(min_length=1, max_length=MAX_ITEMS)]
    edges: Annotated[tuple[Edge, ...], Field(max_length=MAX_ITEMS)]
    # The profile's extensions; a plain vehicle ignores them.
    epoch: Count | None = None  # of the dispatcher; an older one is refused
    plan_validity: Annotated[float, Field(ge=0)] | None = None  # s of boarding without a word
    heard: Timestamp | None = None  # the vehicle's stamp on its state that this word answers
    acknowledged: Acknowledged | None = None
    signature: Text | None = None  # always the last one, see ``vehicles/signing.py``


class InstantActions(Header):
    actions: Annotated[tuple[Action, ...], Field(max_length=MAX_ITEMS)]
    # The same under its name in version 2.0.
    instant_actions: Annotated[tuple[Action, ...], Field(max_length=MAX_ITEMS)] | None = None
    # The profile's extensions. With ``order_id`` and ``heard`` the message renews that order's
    # validity; its list of actions is then mostly empty, so a plain vehicle does nothing.
    epoch: Count | None = None
    order_id: Name | None = None
    heard: Timestamp | None = None
    acknowledged: Acknowledged | None = None
    signature: Text | None = None  # always the last one, as of an order


class ConnectionState(StrEnum):
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    CONNECTIONBROKEN = "CONNECTIONBROKEN"


class Connection(Header):
    connection_state: ConnectionState


class OperatingMode(StrEnum):
    AUTOMATIC = "AUTOMATIC"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"
    MANUAL = "MANUAL"
    SERVICE = "SERVICE"
    TEACHIN = "TEACHIN"

    @property
    def takes_orders(self) -> bool:
        """The vehicle drives itself, by orders."""
        return self in (OperatingMode.AUTOMATIC, OperatingMode.SEMIAUTOMATIC)


class ActionStatus(StrEnum):
    WAITING = "WAITING"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"  # in the standard's text; its schema forgets it
    FINISHED = "FINISHED"
    FAILED = "FAILED"


ENDED = frozenset({ActionStatus.FINISHED, ActionStatus.FAILED})


class ActionState(WireModel):
    action_id: Name
    action_status: ActionStatus
    action_type: Name | None = None
    action_description: Text | None = None
    result_description: Text | None = None


class NodeState(WireModel):
    node_id: Name
    sequence_id: Count
    released: bool
    node_description: Text | None = None
    node_position: NodePosition | None = None


class EdgeState(WireModel):
    edge_id: Name
    sequence_id: Count
    released: bool
    edge_description: Text | None = None


class AgvPosition(WireModel):
    x: Metres
    y: Metres
    theta: float
    map_id: Name
    position_initialized: bool
    localization_score: float | None = None
    deviation_range: float | None = None


class Velocity(WireModel):
    vx: float | None = None
    vy: float | None = None
    omega: float | None = None


class Load(WireModel):
    load_id: Name | None = None  # a rider's trip id
    load_type: Name | None = None
    load_position: Name | None = None


class BatteryState(WireModel):
    battery_charge: float  # percent
    charging: bool
    battery_voltage: float | None = None
    battery_health: float | None = None
    reach: float | None = None


class ErrorLevel(StrEnum):
    WARNING = "WARNING"
    FATAL = "FATAL"


class Reference(WireModel):
    reference_key: Name
    reference_value: Text


class VehicleError(WireModel):
    error_type: Name
    error_level: ErrorLevel
    error_references: Annotated[tuple[Reference, ...], Field(max_length=MAX_ITEMS)] | None = None
    error_description: Text | None = None
    error_hint: Text | None = None

    def references(self, key: str) -> tuple[str, ...]:
        """Every value referred to under ``key``."""
        return tuple(
            r.reference_value for r in self.error_references or () if r.reference_key == key
        )


class InfoLevel(StrEnum):
    INFO = "INFO"
    DEBUG = "DEBUG"


class Information(WireModel):
    info_type: Name
    info_level: InfoLevel
    info_description: Text | None = None
    info_references: Annotated[tuple[Reference, ...], Field(max_length=MAX_ITEMS)] | None = None


class EStop(StrEnum):
    AUTOACK = "AUTOACK"
    MANUAL = "MANUAL"
    REMOTE = "REMOTE"
    NONE = "NONE"


class SafetyState(WireModel):
    e_stop: EStop
    field_violation: bool


class RiderEventKind(StrEnum):
    BOARDED = "boarded"
    NOT_THERE = "notThere"
    NOT_LET_IN = "notLetIn"
    ALIGHTED = "alighted"


class RiderEvent(WireModel):
    """How a board or alight action ended, kept by the vehicle until it is acknowledged."""

    number: Count
    kind: RiderEventKind
    action_id: Name
    trip_id: Name
    timestamp: Timestamp
    reason: Text | None = None


class Onboard(WireModel):
    """The profile's extension of the state; a vehicle that sends it boards nobody without word."""

    epoch: Count = 0  # the highest it has heard of
    valid_from: Timestamp | None = None  # its own stamp, from which the validity counts
    series: Name = ""  # of the numbers; another one where the vehicle has lost its memory
    events: Annotated[tuple[RiderEvent, ...], Field(max_length=MAX_RIDER_EVENTS)] = ()


class State(Header):
    order_id: Name
    order_update_id: Revision
    last_node_id: Name
    last_node_sequence_id: Count
    node_states: Annotated[tuple[NodeState, ...], Field(max_length=MAX_ITEMS)]
    edge_states: Annotated[tuple[EdgeState, ...], Field(max_length=MAX_ITEMS)]
    driving: bool
    action_states: Annotated[tuple[ActionState, ...], Field(max_length=MAX_ITEMS)]
    battery_state: BatteryState
    operating_mode: OperatingMode
    errors: Annotated[tuple[VehicleError, ...], Field(max_length=MAX_ITEMS)]
    safety_state: SafetyState
    paused: bool | None = None
    new_base_request: bool | None = None
    distance_since_last_node: float | None = None
    agv_position: AgvPosition | None = None
    velocity: Velocity | None = None
    loads: Annotated[tuple[Load, ...], Field(max_length=MAX_LOADS)] | None = None
    information: Annotated[tuple[Information, ...], Field(max_length=MAX_ITEMS)] | None = None
    onboard: Onboard | None = None


class Visualization(WireModel):
    """Position for display between states; the standard makes even the header optional."""

    header_id: Count | None = None
    timestamp: Timestamp | None = None
    version: Name | None = None
    manufacturer: Name | None = None
    serial_number: Name | None = None
    agv_position: AgvPosition | None = None
    velocity: Velocity | None = None


class LoadSpecification(WireModel):
    """``load_positions`` names every place: ``seat-1``, …, ``wheelchair-1``, …"""

    load_positions: Annotated[tuple[Name, ...], Field(max_length=MAX_ITEMS)] | None = None
    load_sets: Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=100)] | None = None


class Factsheet(WireModel):
    """What a vehicle is. Only what we use is read closely: makers fill in the rest unevenly."""

    header_id: Count | None = None
    timestamp: Timestamp | None = None
    version: Name | None = None
    manufacturer: Name
    serial_number: Name
    type_specification: dict[str, JsonValue] | None = None
    physical_parameters: dict[str, JsonValue] | None = None
    protocol_limits: dict[str, JsonValue] | None = None
    protocol_features: dict[str, JsonValue] | None = None
    agv_geometry: dict[str, JsonValue] | None = None
    load_specification: LoadSpecification | None = None


M = TypeVar("M", bound=WireModel)


def parse(model: type[M], body: bytes) -> M:
    """Read one message. Raises ``pydantic.ValidationError`` for nonsense."""
    return model.model_validate_json(body)
