"""VDA 5050 topics and the ids that follow from them.

``{interface}/v2/{manufacturer}/{serial number}/{topic}``. The topic says who speaks: a
broker can check it against the client's name, the header inside the body it cannot.
"""

from dataclasses import dataclass
from enum import StrEnum

from dispatcher.domain.ids import ShuttleId

MAJOR_VERSION = "v2"
DEFAULT_INTERFACE = "uagv"

_FORBIDDEN = frozenset("+#/\0")
_SEPARATOR = ":"


class Topic(StrEnum):
    ORDER = "order"
    INSTANT_ACTIONS = "instantActions"
    STATE = "state"
    CONNECTION = "connection"
    FACTSHEET = "factsheet"
    VISUALIZATION = "visualization"


_TOPICS = frozenset(topic.value for topic in Topic)

FROM_VEHICLE = (Topic.STATE, Topic.CONNECTION, Topic.FACTSHEET, Topic.VISUALIZATION)
TO_VEHICLE = (Topic.ORDER, Topic.INSTANT_ACTIONS)


@dataclass(frozen=True, slots=True)
class VehicleName:
    """Manufacturer and serial number, which together are unique."""

    manufacturer: str
    serial_number: str

    @property
    def shuttle_id(self) -> ShuttleId:
        """``manufacturer:serial``, whatever the number of manufacturers in the fleet."""
        return ShuttleId(f"{self.manufacturer}{_SEPARATOR}{self.serial_number}")


def vehicle_name(shuttle_id: ShuttleId) -> VehicleName:
    """The name behind a shuttle id. Raises ``ValueError`` for an id that is none."""
    manufacturer, found, serial_number = shuttle_id.partition(_SEPARATOR)
    if not found or not _is_level(manufacturer) or not _is_level(serial_number):
        raise ValueError(f"not a shuttle id of the form manufacturer:serial: {shuttle_id!r}")
    return VehicleName(manufacturer, serial_number)


def topic_of(interface: str, vehicle: VehicleName, topic: Topic) -> str:
    return f"{interface}/{MAJOR_VERSION}/{vehicle.manufacturer}/{vehicle.serial_number}/{topic}"


def topic_filter(interface: str, topic: Topic) -> str:
    """Matches this topic of every vehicle."""
    return f"{interface}/{MAJOR_VERSION}/+/+/{topic}"


def parse_topic(interface: str, topic: str) -> tuple[VehicleName, Topic] | None:
    """Who speaks and about what; None if it is no vehicle's topic of this interface.

    A manufacturer with a colon is not served: the colon parts the shuttle id.
    """
    prefix = f"{interface}/{MAJOR_VERSION}/"
    levels = topic.removeprefix(prefix).split("/")
    if not topic.startswith(prefix) or len(levels) != 3:
        return None
    manufacturer, serial_number, name = levels
    if not _is_level(manufacturer) or not _is_level(serial_number) or _SEPARATOR in manufacturer:
        return None
    if name not in _TOPICS:
        return None
    return VehicleName(manufacturer, serial_number), Topic(name)


def _is_level(text: str) -> bool:
    return 0 < len(text) <= 128 and not _FORBIDDEN.intersection(text)
