"""Shuttles as planning and operators see them."""

from dataclasses import dataclass
from enum import StrEnum


class ShuttleStatus(StrEnum):
    OFFLINE = "offline"
    IDLE = "idle"
    DRIVING = "driving"
    DWELLING = "dwelling"
    CHARGING = "charging"
    HELD = "held"
    MANUAL = "manual"
    FAULTED = "faulted"


class DriveMode(StrEnum):
    """Who drives."""

    AUTOMATIC = "automatic"
    SEMIAUTOMATIC = "semiautomatic"
    MANUAL = "manual"
    SERVICE = "service"
    TEACH_IN = "teach_in"

    @property
    def drives_itself(self) -> bool:
        """By our orders; in SEMIAUTOMATIC a person may slow it down."""
        return self in (DriveMode.AUTOMATIC, DriveMode.SEMIAUTOMATIC)


@dataclass(frozen=True, slots=True)
class Capacity:
    """Places by kind."""

    seats: int
    wheelchairs: int


class FaultLevel(StrEnum):
    WARNING = "warning"  # drives on
    FATAL = "fatal"  # cannot drive without help


@dataclass(frozen=True, slots=True)
class Fault:
    """An error that a shuttle reports about itself."""

    kind: str
    level: FaultLevel
    text: str = ""
