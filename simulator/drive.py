"""How long a drive takes and how far it has come: trapezoids of speed over street pieces.

Along a leg the speed never exceeds the street's, rises and falls by no more than the given
accelerations, and is zero at both ends. The planner's ``DriveModel`` lets the speed change
at once between streets; here a change takes its time, so a drive over streets of different
speeds takes a little longer than planned from that, and a little less because short legs are
planned a little too long (see ``dispatcher.streets.drive``).
"""

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of street with one speed limit."""

    length_m: float
    max_speed_mps: float


@dataclass(frozen=True, slots=True)
class _Phase:
    """Constant acceleration from ``start_s`` and ``start_m`` on."""

    start_s: float
    start_m: float
    speed_mps: float
    acceleration_mps2: float


class DriveProfile:
    """Position over time for one drive from a stand to a stand, started at second 0.

    ``slowness`` stretches the time: 1.05 drives the same way in 5 % more time. ``entry_mps``
    is the speed, before stretching, of a shuttle that is under way already.
    """

    def __init__(
        self,
        stretches: Sequence[Stretch],
        *,
        acceleration_mps2: float = 1.0,
        deceleration_mps2: float = 1.0,
        slowness: float = 1.0,
        entry_mps: float = 0.0,
    ) -> None:
        self._slowness = slowness
        self._phases: list[_Phase] = []
        self.length_m = math.fsum(stretch.length_m for stretch in stretches)
        driven = [stretch for stretch in stretches if stretch.length_m > 0.0]
        at_s = at_m = 0.0
        ends = _end_speeds(driven, acceleration_mps2, deceleration_mps2)
        for stretch, exit_mps in zip(driven, ends, strict=True):
            for length_m, speed_mps, acceleration in _phases_of(
                stretch, entry_mps, exit_mps, acceleration_mps2, deceleration_mps2
            ):
                self._phases.append(_Phase(at_s, at_m, speed_mps, acceleration))
                end_mps = math.sqrt(max(0.0, speed_mps**2 + 2.0 * acceleration * length_m))
                at_s += 2.0 * length_m / (speed_mps + end_mps)
                at_m += length_m
            entry_mps = exit_mps
        self._moving_s = at_s
        self._starts_s = [phase.start_s for phase in self._phases]
        self._starts_m = [phase.start_m for phase in self._phases]

    @property
    def duration_s(self) -> float:
        return self._moving_s * self._slowness

    def driven_m(self, elapsed_s: float) -> float:
        """Metres driven after so many seconds."""
        own_s = elapsed_s / self._slowness
        if own_s <= 0.0 or not self._phases:
            return 0.0
        if own_s >= self._moving_s:
            return self.length_m
        phase = self._phases[bisect.bisect_right(self._starts_s, own_s) - 1]
        since_s = own_s - phase.start_s
        return min(
            self.length_m,
            phase.start_m + phase.speed_mps * since_s + 0.5 * phase.acceleration_mps2 * since_s**2,
        )

    def speed_mps(self, elapsed_s: float) -> float:
        """Speed after so many seconds."""
        own_s = elapsed_s / self._slowness
        if own_s <= 0.0 or own_s >= self._moving_s:
            return 0.0
        phase = self._phases[bisect.bisect_right(self._starts_s, own_s) - 1]
        own_mps = phase.speed_mps + phase.acceleration_mps2 * (own_s - phase.start_s)
        return max(0.0, own_mps) / self._slowness

    def reached_s(self, distance_m: float) -> float:
        """Seconds until so many metres are driven; the whole duration for the end and beyond."""
        if distance_m <= 0.0 or not self._phases:
            return 0.0
        if distance_m >= self.length_m:
            return self.duration_s
        phase = self._phases[bisect.bisect_right(self._starts_m, distance_m) - 1]
        ahead_m = distance_m - phase.start_m
        speed, rate = phase.speed_mps, phase.acceleration_mps2
        end_mps = math.sqrt(max(0.0, speed**2 + 2.0 * rate * ahead_m))
        since_s = 2.0 * ahead_m / (speed + end_mps) if speed + end_mps > 0.0 else 0.0
        return (phase.start_s + since_s) * self._slowness


def _end_speeds(stretches: Sequence[Stretch], accelerate: float, brake: float) -> list[float]:
    """The highest possible speed at the end of each stretch, the last one a stand."""
    ends = []
    for here, after in itertools.pairwise(stretches):
        ends.append(min(here.max_speed_mps, after.max_speed_mps))
    ends.append(0.0)
    # Backwards: slow enough to brake in time. Forwards: no faster than could be reached.
    for i in range(len(stretches) - 2, -1, -1):
        following = stretches[i + 1]
        ends[i] = min(ends[i], math.sqrt(ends[i + 1] ** 2 + 2.0 * brake * following.length_m))
    before_mps = 0.0
    for i, stretch in enumerate(stretches):
        ends[i] = min(ends[i], math.sqrt(before_mps**2 + 2.0 * accelerate * stretch.length_m))
        before_mps = ends[i]
    return ends if stretches else []


def _phases_of(
    stretch: Stretch, entry_mps: float, exit_mps: float, accelerate: float, brake: float
) -> list[tuple[float, float, float]]:
    """Speeding up, cruising, braking: (metres, speed at its start, acceleration), none empty."""
    # The speed at which speeding up and braking would meet: entry² + 2 a x = exit² + 2 b (l - x).
    meeting_mps = math.sqrt(
        (
            2.0 * accelerate * brake * stretch.length_m
            + brake * entry_mps**2
            + accelerate * exit_mps**2
        )
        / (accelerate + brake)
    )
    top_mps = min(stretch.max_speed_mps, meeting_mps)
    up_m = max(0.0, (top_mps**2 - entry_mps**2) / (2.0 * accelerate))
    down_m = max(0.0, (top_mps**2 - exit_mps**2) / (2.0 * brake))
    cruise_m = max(0.0, stretch.length_m - up_m - down_m)
    phases = [(up_m, entry_mps, accelerate), (cruise_m, top_mps, 0.0), (down_m, top_mps, -brake)]
    return [phase for phase in phases if phase[0] > 1e-9]
