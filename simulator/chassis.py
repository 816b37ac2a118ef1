"""A shuttle's wheels and battery, as the on-board agent sees them: a model in place of a vehicle.

It drives the streets it is given at their speeds, with the accelerations that planning counts
on, a little faster or slower from leg to leg. Planned drives include two seconds for pulling out
and are rounded up; here pulling out takes one, so that drives take about as long as planned and
are not systematically late.
"""

import bisect
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulator.drive import DriveProfile, Stretch
from simulator.plugs import PlugYard
from vehicles.agent_hardware import Battery, Pose, Progress, Waypoint

_NEARLY_M = 1e-3  # rounding of a drive's arithmetic, far below what matters on a street
_TURN_BACK_RAD = math.radians(170.0)


@dataclass(frozen=True, slots=True)
class ChassisModel:
    """What the vehicle can do. The defaults give about 120 km to a charge at 15 km/h."""

    acceleration_mps2: float = 1.0
    deceleration_mps2: float = 1.0
    top_speed_mps: float = 12.0
    pull_out_s: float = 1.0
    turn_s: float = 3.0  # standing time when turning back, on top of stopping and starting
    slower_or_faster: float = 0.05  # each leg's time is off by up to this share, either way
    battery_kwh: float = 33.0
    drive_kwh_per_km: float = 0.2
    idle_kw: float = 1.0  # heating, cooling, computers
    charger_kw: float = 40.0  # where nobody says what plug it hangs on


@dataclass(slots=True)
class EnergyMeters:
    """What has gone through a battery since it was made."""

    used_kwh: float = 0.0
    charged_kwh: float = 0.0
    charging_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Motion:
    """One uninterrupted drive: from ``start_s`` on, ``start_m`` along the leg."""

    start_s: float
    start_m: float
    profile: DriveProfile

    @property
    def end_s(self) -> float:
        return self.start_s + self.profile.duration_s

    @property
    def end_m(self) -> float:
        return self.start_m + self.profile.length_m


class SimulatedChassis:
    """Implements the agent's ``Chassis``."""

    def __init__(
        self,
        x_m: float,
        y_m: float,
        now: float,
        *,
        rng: random.Random,
        model: ChassisModel | None = None,
        battery_pct: float = 100.0,
        plugs: PlugYard | None = None,
        slowed: Callable[[float], float] = lambda at_s: 1.0,
    ) -> None:
        """``slowed`` gives the factor by which a leg that begins then takes longer."""
        self._model = model or ChassisModel()
        self._rng = rng
        self._slowed = slowed
        self._points: list[tuple[float, float]] = [(x_m, y_m)]  # where the leg began, then on
        self._at_m: list[float] = [0.0]  # along the leg, by point
        self._speeds_mps: list[float] = []
        self._motions: list[_Motion] = []
        self._stood_m = 0.0  # along the leg, before the first motion
        self._slowness = 1.0
        self._theta = 0.0
        self._odometer_m = 0.0  # up to the present leg
        self._battery_pct = battery_pct
        self._battery_at = now
        self._battery_odometer_m = 0.0
        self._charging_kw = 0.0
        self._plugs = plugs
        self.meters = EnergyMeters()

    # What the agent asks for

    def drive(self, leg: Sequence[Waypoint], now: float) -> None:
        begin_s = max(now, self._standing_from(now))
        here = self.pose(begin_s)
        self._odometer_m += self._driven_m(begin_s)
        self._theta = here.theta
        self._points, self._at_m, self._speeds_mps = [(here.x_m, here.y_m)], [0.0], []
        for waypoint in leg:
            before = self._points[-1]
            straight_m = math.dist(before, (waypoint.x_m, waypoint.y_m))
            self._points.append((waypoint.x_m, waypoint.y_m))
            # A shuttle that does not stand quite where the leg begins has that way to go too.
            self._at_m.append(self._at_m[-1] + max(waypoint.length_m, straight_m))
            speed_mps = waypoint.max_speed_mps or self._model.top_speed_mps
            self._speeds_mps.append(min(speed_mps, self._model.top_speed_mps))
        noise = self._model.slower_or_faster
        self._slowness = (1.0 + self._rng.uniform(-noise, noise)) * self._slowed(begin_s)
        self._motions, self._stood_m = [], 0.0
        self._set_off(begin_s + self._model.pull_out_s, 0.0)

    def halt(self, now: float) -> None:
        driven_m, own_mps = self._driven_m(now), self._speed_mps(now) * self._slowness
        self._motions, self._stood_m = [], driven_m
        if own_mps <= 0.0:
            return
        model = self._model
        # The leg's end is never overshot: a drive brakes for it as hard as this.
        brake_m = min(own_mps**2 / (2.0 * model.deceleration_mps2), self._at_m[-1] - driven_m)
        braking = DriveProfile(
            [Stretch(brake_m, own_mps)],
            deceleration_mps2=model.deceleration_mps2,
            slowness=self._slowness,
            entry_mps=own_mps,
        )
        self._motions.append(_Motion(now, driven_m, braking))

    def go_on(self, now: float) -> None:
        begin_s = max(now, self._standing_from(now))
        self._stood_m = self._driven_m(begin_s)
        self._motions = []
        self._set_off(begin_s + self._model.pull_out_s, self._stood_m)

    def abandon(self, now: float) -> None:
        self.halt(now)
        stands_s = self._standing_from(now)
        stand_m = self._driven_m(stands_s)
        # The leg ends where the shuttle comes to a stand.
        here = self.pose(stands_s)
        kept = sum(1 for at_m in self._at_m if at_m < stand_m)
        self._points = [*self._points[:kept], (here.x_m, here.y_m)]
        self._at_m = [*self._at_m[:kept], stand_m]
        self._speeds_mps = self._speeds_mps[: max(0, kept)]

    def put_down(self, x_m: float, y_m: float, now: float) -> None:
        """Somebody has driven it there by hand; the way is not counted."""
        self._odometer_m += self._driven_m(now)
        self._points, self._at_m, self._speeds_mps = [(x_m, y_m)], [0.0], []
        self._motions, self._stood_m = [], 0.0

    def progress(self, now: float) -> Progress:
        driven_m = self._driven_m(now)
        passed = bisect.bisect_right(self._at_m, driven_m + _NEARLY_M) - 1
        return Progress(passed, max(0.0, driven_m - self._at_m[passed]))

    def pose(self, now: float) -> Pose:
        driven_m = self._driven_m(now)
        i = bisect.bisect_right(self._at_m, driven_m)
        if i == len(self._points):
            x_m, y_m = self._points[-1]
            return Pose(x_m, y_m, self._heading(i - 1), 0.0)
        (x0, y0), (x1, y1) = self._points[i - 1], self._points[i]
        share = (driven_m - self._at_m[i - 1]) / (self._at_m[i] - self._at_m[i - 1])
        x_m, y_m = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        return Pose(x_m, y_m, self._heading(i), self._speed_mps(now))

    def battery(self, now: float) -> Battery:
        self._settle_battery(now)
        return Battery(self._battery_pct, self._charging_kw > 0.0)

    def plug_in(self, now: float) -> bool:
        self._settle_battery(now)
        self._charging_kw = self._model.charger_kw
        if self._plugs is not None:
            here = self.pose(now)
            self._charging_kw = self._plugs.take(self, here.x_m, here.y_m)
        return self._charging_kw > 0.0

    def unplug(self, now: float) -> None:
        self._settle_battery(now)
        self._charging_kw = 0.0
        if self._plugs is not None:
            self._plugs.leave(self)

    def next_change(self, now: float) -> float | None:
        driven_m = self._driven_m(now) + _NEARLY_M
        for motion in self._motions:
            if motion.end_s <= now:
                continue
            ahead = bisect.bisect_right(self._at_m, driven_m)
            if ahead < len(self._at_m) and self._at_m[ahead] <= motion.end_m + _NEARLY_M:
                from_start_m = self._at_m[ahead] - motion.start_m
                return max(now, motion.start_s + motion.profile.reached_s(from_start_m))
            return motion.end_s
        return None

    # What the world wants to know

    def odometer_m(self, now: float) -> float:
        """Metres driven since it was made."""
        return self._odometer_m + self._driven_m(now)

    def _set_off(self, start_s: float, from_m: float) -> None:
        """Drive the rest of the leg, with a stop at each place where the way turns back."""
        ends = [i for i in range(1, len(self._points)) if self._turns_back(i)]
        for end in [*ends, len(self._points) - 1]:
            if self._at_m[end] - from_m <= _NEARLY_M:
                continue
            stretches = [
                Stretch(self._at_m[i] - max(self._at_m[i - 1], from_m), self._speeds_mps[i - 1])
                for i in range(1, end + 1)
                if self._at_m[i] > from_m
            ]
            profile = DriveProfile(
                stretches,
                acceleration_mps2=self._model.acceleration_mps2,
                deceleration_mps2=self._model.deceleration_mps2,
                slowness=self._slowness,
            )
            self._motions.append(_Motion(start_s, from_m, profile))
            start_s += profile.duration_s + self._model.turn_s
            from_m = self._at_m[end]

    def _turns_back(self, point: int) -> bool:
        if point + 1 >= len(self._points):
            return False
        before, after = self._direction(point), self._direction(point + 1)
        if before is None or after is None:
            return False
        turn = abs(math.remainder(after - before, 2.0 * math.pi))
        return turn > _TURN_BACK_RAD

    def _direction(self, point: int) -> float | None:
        """Of the way that leads to a point; None where it has no length."""
        (x0, y0), (x1, y1) = self._points[point - 1], self._points[point]
        return math.atan2(y1 - y0, x1 - x0) if math.dist((x0, y0), (x1, y1)) > 0.01 else None

    def _heading(self, point: int) -> float:
        for i in range(point, 0, -1):
            direction = self._direction(i)
            if direction is not None:
                return direction
        return self._theta

    def _driven_m(self, now: float) -> float:
        """Along the present leg."""
        driven_m = self._stood_m
        for motion in self._motions:
            if now < motion.start_s:
                break
            driven_m = motion.start_m + motion.profile.driven_m(now - motion.start_s)
        return driven_m

    def _speed_mps(self, now: float) -> float:
        for motion in self._motions:
            if motion.start_s <= now < motion.end_s:
                return motion.profile.speed_mps(now - motion.start_s)
        return 0.0

    def _standing_from(self, now: float) -> float:
        return max([now, *(motion.end_s for motion in self._motions)])

    def _settle_battery(self, now: float) -> None:
        model = self._model
        hours = max(0.0, now - self._battery_at) / 3600.0
        odometer_m = self.odometer_m(now)
        km = (odometer_m - self._battery_odometer_m) / 1000.0
        used_kwh = km * model.drive_kwh_per_km
        charged_kwh = 0.0
        if self._charging_kw > 0.0:
            room_kwh = model.battery_kwh * (100.0 - self._battery_pct) / 100.0
            charged_kwh = min(hours * self._charging_kw, room_kwh + used_kwh)
            self.meters.charging_s += hours * 3600.0
        else:
            used_kwh += hours * model.idle_kw
        percent = self._battery_pct + 100.0 * (charged_kwh - used_kwh) / model.battery_kwh
        self.meters.used_kwh += used_kwh
        self.meters.charged_kwh += charged_kwh
        self._battery_pct = min(100.0, max(0.0, percent))
        self._battery_at, self._battery_odometer_m = max(now, self._battery_at), odometer_m
