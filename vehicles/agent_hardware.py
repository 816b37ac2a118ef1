"""What the on-board agent needs from the vehicle it runs in.

A maker connects the drive and the doors here; the simulator supplies models of them. The
agent calls each method with the present time and asks ``next_change`` when to look again.
Times are seconds since the epoch, positions metres in the zone's local frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatcher.domain.ids import TripId
from dispatcher.domain.trips import Party


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A node to drive over, and the street that leads to it."""

    x_m: float
    y_m: float
    length_m: float
    max_speed_mps: float | None  # None: the vehicle's own limit


@dataclass(frozen=True, slots=True)
class Pose:
    x_m: float
    y_m: float
    theta: float  # radians, 0 is east, counter-clockwise, within ±pi
    speed_mps: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a leg has come: waypoints passed, and metres since the last of them."""

    passed: int
    since_m: float


@dataclass(frozen=True, slots=True)
class Battery:
    charge_pct: float
    charging: bool


@dataclass(frozen=True, slots=True)
class Boarding:
    """A party is there: its first step in and the moment it is settled.

    Both are expectations until it steps in: others may go first.
    """

    begins_s: float
    ends_s: float


class Chassis(Protocol):
    """Drives legs and knows where it is."""

    def drive(self, leg: Sequence[Waypoint], now: float) -> None:
        """Drive from where it stands over the waypoints and stop at the last."""

    def halt(self, now: float) -> None:
        """Brake to a stand wherever that is; the leg is kept."""

    def go_on(self, now: float) -> None:
        """Drive on with the leg after a halt."""

    def abandon(self, now: float) -> None:
        """Brake to a stand and forget the leg."""

    def progress(self, now: float) -> Progress: ...

    def pose(self, now: float) -> Pose: ...

    def battery(self, now: float) -> Battery: ...

    def plug_in(self, now: float) -> bool:
        """Begin to charge; False where no plug is free or the charger gives nothing."""

    def unplug(self, now: float) -> None: ...

    def next_change(self, now: float) -> float | None:
        """When it passes the next waypoint or comes to a stand; None while it stands."""


class Cabin(Protocol):
    """Knows who steps in and out.

    Both questions are asked again and again for the same party until it is done, after a
    restart of the agent too; asking changes nothing that was answered before.
    """

    def board(self, trip_id: TripId, party: Party, now: float) -> Boarding | None:
        """When the party boards; None while it is not in sight."""

    def alight(self, trip_id: TripId, party: Party, now: float) -> float | None:
        """When the party is out; None while that is open."""

    def has_left(self, trip_id: TripId, now: float) -> bool:
        """Whether a party that boarded is out by itself, through a door opened by hand.

        Not one that ``alight`` lets out. Always False where nobody counts who is inside.
        """

    def next_change(self, now: float) -> float | None:
        """When asking again is worthwhile; None if that is not known."""
