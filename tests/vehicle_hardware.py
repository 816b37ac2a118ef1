"""A drive and a cabin simple enough to follow by hand: full speed at once, riders by timetable."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from vehicle_cases import T0

from dispatcher.domain.ids import TripId
from dispatcher.domain.trips import Party
from vehicles.agent_hardware import Battery, Boarding, Pose, Progress, Waypoint

BOARDING_S = 5.0
ALIGHTING_S = 5.0


@dataclass
class PlainChassis:
    """Drives each street at its limit, without time to speed up; moves only by ``now``."""

    x_m: float = 0.0
    charge_pct: float = 90.0
    charging: bool = False
    plug_works: bool = True
    leg: Sequence[Waypoint] = ()
    driven_s: float = 0.0  # on this leg, up to the last change
    running_since: float | None = None
    start_x_m: float = 0.0
    drives: int = 0

    def drive(self, leg: Sequence[Waypoint], now: float) -> None:
        self.x_m = self.pose(now).x_m
        self.start_x_m, self.leg, self.driven_s, self.running_since = self.x_m, leg, 0.0, now
        self.drives += 1

    def halt(self, now: float) -> None:
        self.driven_s, self.running_since = self._elapsed(now), None

    def go_on(self, now: float) -> None:
        self.running_since = now

    def abandon(self, now: float) -> None:
        self.x_m = self.pose(now).x_m
        self.leg, self.running_since = (), None

    def progress(self, now: float) -> Progress:
        left_s, passed = self._elapsed(now), 0
        for waypoint in self.leg:
            takes_s = waypoint.length_m / (waypoint.max_speed_mps or 10.0)
            if left_s < takes_s - 1e-6:
                return Progress(passed, left_s * (waypoint.max_speed_mps or 10.0))
            left_s, passed = left_s - takes_s, passed + 1
        return Progress(passed, 0.0)

    def pose(self, now: float) -> Pose:
        progress = self.progress(now)
        xs = [self.start_x_m, *(waypoint.x_m for waypoint in self.leg)]
        x_m = xs[progress.passed] if self.leg else self.x_m
        if progress.passed < len(self.leg):
            x_m += math.copysign(progress.since_m, xs[progress.passed + 1] - x_m)
        moving = self.running_since is not None and progress.passed < len(self.leg)
        return Pose(x_m, 0.0, 0.0, 10.0 if moving else 0.0)

    def battery(self, now: float) -> Battery:
        return Battery(self.charge_pct, self.charging)

    def plug_in(self, now: float) -> bool:
        self.charging = self.plug_works
        return self.plug_works

    def unplug(self, now: float) -> None:
        self.charging = False

    def next_change(self, now: float) -> float | None:
        if self.running_since is None:
            return None
        passed = self.progress(now).passed
        if passed >= len(self.leg):
            return None
        due_s = sum(w.length_m / (w.max_speed_mps or 10.0) for w in self.leg[: passed + 1])
        return self.running_since + due_s - self.driven_s

    def _elapsed(self, now: float) -> float:
        return self.driven_s + (0.0 if self.running_since is None else now - self.running_since)


@dataclass
class TimetableCabin:
    """``comes`` says when each party is at the door, seconds from T0; the others never come."""

    comes: dict[str, float] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    walked_off: set[str] = field(default_factory=set)  # through a door opened by hand

    def board(self, trip_id: TripId, party: Party, now: float) -> Boarding | None:
        if trip_id not in self.comes or now < T0 + self.comes[trip_id]:
            return None
        begins_s = self.began.setdefault(trip_id, max(now, T0 + self.comes[trip_id]))
        return Boarding(begins_s, begins_s + BOARDING_S)

    def alight(self, trip_id: TripId, party: Party, now: float) -> float | None:
        return self.left.setdefault(trip_id, now + ALIGHTING_S)

    def has_left(self, trip_id: TripId, now: float) -> bool:
        return trip_id in self.walked_off

    def next_change(self, now: float) -> float | None:
        return min((T0 + at_s for at_s in self.comes.values() if T0 + at_s > now), default=None)
