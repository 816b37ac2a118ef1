"""When the on-board agent says what: a state at each change and at least every so often."""

from dataclasses import dataclass, field

from dispatcher.domain.shuttles import Capacity
from vehicles.agent_hardware import Pose
from vehicles.agent_memory import AgentMemory
from vehicles.agent_messages import Bearing, factsheet_message, position_of, state_message
from vehicles.exchange import Outgoing
from vehicles.messages import VERSION, Connection, ConnectionState, Visualization, moment_of
from vehicles.topics import Topic, VehicleName


@dataclass(frozen=True, slots=True)
class AgentSettings:
    vehicle: VehicleName
    capacity: Capacity
    map_id: str = "local"
    max_speed_mps: float = 8.0
    state_interval_s: float = 10.0  # a state at least so often; the standard allows 30
    visualization_interval_s: float | None = None  # None: no positions between states


@dataclass(slots=True)
class Voice:
    """Numbers the messages and remembers what was said last."""

    settings: AgentSettings
    _said: tuple[object, ...] | None = None
    _next_state_s: float = 0.0
    _next_position_s: float = 0.0
    _header_ids: dict[Topic, int] = field(default_factory=dict)

    def say_again(self) -> None:
        """The next state is due whether or not it is news."""
        self._said = None

    def next_due(self) -> float:
        if self.settings.visualization_interval_s is None:
            return self._next_state_s
        return min(self._next_state_s, self._next_position_s)

    def connection(self, state: ConnectionState, now: float) -> Outgoing:
        message = Connection(
            header_id=self._header_id(Topic.CONNECTION),
            timestamp=moment_of(now),
            manufacturer=self.settings.vehicle.manufacturer,
            serial_number=self.settings.vehicle.serial_number,
            connection_state=state,
        )
        return Outgoing(Topic.CONNECTION, message, qos=1, retain=True)

    def factsheet(self, now: float) -> Outgoing:
        message = factsheet_message(
            self.settings.vehicle,
            self._header_id(Topic.FACTSHEET),
            self.settings.capacity,
            self.settings.max_speed_mps,
            self.settings.state_interval_s,
            now,
        )
        return Outgoing(Topic.FACTSHEET, message, qos=1, retain=True)

    def state_if_due(self, memory: AgentMemory, bearing: Bearing, now: float) -> list[Outgoing]:
        news = (
            bearing.mode,
            bearing.errors,
            bearing.safety,
            bearing.driving,
            bearing.battery.charging,
        )
        # A memory is replaced when it changes, so there is no need to compare it in depth.
        said = self._said
        changed = said is None or said[0] is not memory or said[1:] != news
        if not changed and now < self._next_state_s:
            return []
        self._said = (memory, *news)
        self._next_state_s = now + self.settings.state_interval_s
        header_id = self._header_id(Topic.STATE)
        map_id, vehicle = self.settings.map_id, self.settings.vehicle
        message = state_message(vehicle, header_id, memory, bearing, map_id, now)
        return [Outgoing(Topic.STATE, message, qos=1)]

    def position_if_due(self, pose: Pose, now: float) -> list[Outgoing]:
        interval_s = self.settings.visualization_interval_s
        if interval_s is None or now < self._next_position_s:
            return []
        self._next_position_s = now + interval_s
        message = Visualization(
            header_id=self._header_id(Topic.VISUALIZATION),
            timestamp=moment_of(now),
            version=VERSION,
            manufacturer=self.settings.vehicle.manufacturer,
            serial_number=self.settings.vehicle.serial_number,
            agv_position=position_of(pose, self.settings.map_id),
        )
        return [Outgoing(Topic.VISUALIZATION, message)]

    def _header_id(self, topic: Topic) -> int:
        self._header_ids[topic] = self._header_ids.get(topic, 0) + 1
        return self._header_ids[topic]
