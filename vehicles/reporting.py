"""When a vehicle's state says something that planning must know. Pure.

Every report is journaled, so a shuttle that drives as planned makes none between stops.
"""

import math
from dataclasses import dataclass

from dispatcher.domain.events import ShuttleReported
from dispatcher.domain.ids import ShuttleId, TripId, VisitId
from dispatcher.domain.shuttles import DriveMode, Fault, FaultLevel
from vehicles.delivery import ORDER_ERRORS, base_end_of, reached_by
from vehicles.mapping import VisitNodes
from vehicles.messages import ErrorLevel, EStop, OperatingMode, State
from vehicles.progress import OrderProgress

MOST_FAULTS = 16
MOST_TEXT = 200
UNKNOWN_SPEED_MPS = 6.0

# About our own messages, not about the vehicle.
_NOT_FAULTS = ORDER_ERRORS | {
    "noOrderToCancel",
    "instantActionError",
    "instantActionValidationError",
}

_MODES = {
    OperatingMode.AUTOMATIC: DriveMode.AUTOMATIC,
    OperatingMode.SEMIAUTOMATIC: DriveMode.SEMIAUTOMATIC,
    OperatingMode.MANUAL: DriveMode.MANUAL,
    OperatingMode.SERVICE: DriveMode.SERVICE,
    OperatingMode.TEACHIN: DriveMode.TEACH_IN,
}


@dataclass(frozen=True, slots=True)
class ReportRules:
    battery_step_pct: float = 1.0
    by_hand_step_m: float = 15.0
    deviation_s: float = 10.0  # of the expected arrival at the next visit
    deviation_every_s: float = 10.0  # at most so often


@dataclass(frozen=True, slots=True)
class Condition:
    """A vehicle's state in the domain's words."""

    x_m: float
    y_m: float
    battery_pct: float
    charging: bool
    mode: DriveMode
    paused: bool
    faults: tuple[Fault, ...]
    aboard: tuple[TripId, ...]
    left_m: float | None
    needs_word: bool = False

    def differs(self, other: "Condition", rules: ReportRules) -> bool:
        """Whether planning must know; fault texts alone do not count.

        Nor does the position of one that drives where it was sent.
        """
        if not self.mode.drives_itself:
            moved_m = math.dist((self.x_m, self.y_m), (other.x_m, other.y_m))
            if moved_m >= rules.by_hand_step_m:
                return True
        kinds = [(fault.kind, fault.level) for fault in self.faults]
        return (
            (self.charging, self.mode, self.paused, self.aboard, self.needs_word)
            != (other.charging, other.mode, other.paused, other.aboard, other.needs_word)
            or kinds != [(fault.kind, fault.level) for fault in other.faults]
            or abs(self.battery_pct - other.battery_pct) >= rules.battery_step_pct
        )


def mode_of(state: State) -> DriveMode:
    return _MODES[state.operating_mode]


def faults_of(state: State, failed_alights: set[TripId]) -> tuple[Fault, ...]:
    """What is wrong with the vehicle, at most ``MOST_FAULTS``, the grave ones first."""
    faults = {
        (error.error_type, error.error_level): Fault(
            error.error_type,
            FaultLevel.FATAL if error.error_level is ErrorLevel.FATAL else FaultLevel.WARNING,
            (error.error_description or "")[:MOST_TEXT],
        )
        for error in state.errors
        if error.error_type not in _NOT_FAULTS
    }
    found = list(faults.values())
    match state.safety_state.e_stop:
        case EStop.NONE:
            pass
        case EStop.AUTOACK:  # ends by itself
            found.append(Fault("eStop", FaultLevel.WARNING, "AUTOACK"))
        case stop:
            found.append(Fault("eStop", FaultLevel.FATAL, stop))
    if state.safety_state.field_violation:
        found.append(Fault("fieldViolation", FaultLevel.WARNING))
    found.extend(
        Fault("alightFailed", FaultLevel.WARNING, trip_id) for trip_id in sorted(failed_alights)
    )
    found.sort(key=lambda fault: (fault.level is not FaultLevel.FATAL, fault.kind, fault.text))
    return tuple(found[:MOST_FAULTS])


def left_m(progress: OrderProgress, state: State) -> float | None:
    """Road still to drive to the end of the released part; None when standing there."""
    if state.order_id != progress.order_id:
        return None
    reached, end = reached_by(state), base_end_of(state)
    ahead = [node for node in progress.road if reached < node.sequence <= end]
    road_m = math.fsum(node.length_m for node in ahead)
    if road_m == 0.0:
        return None
    return max(0.0, road_m - min(driven_m(progress, state), ahead[0].length_m))


def seconds_to(progress: OrderProgress, state: State, visit: VisitNodes) -> float | None:
    """Estimated drive to ``visit``; None unless the vehicle is on its leg."""
    if state.order_id != progress.order_id:
        return None
    reached = reached_by(state)
    before = [f for f in progress.road if f.sequence <= reached]
    ahead = [node for node in progress.road if reached < node.sequence <= visit.stop_sequence]
    if not ahead or not before or progress.visits_under_way():
        return None
    driven = min(driven_m(progress, state), ahead[0].length_m)
    seconds = math.fsum(n.length_m / (n.max_speed_mps or UNKNOWN_SPEED_MPS) for n in ahead)
    return seconds - driven / (ahead[0].max_speed_mps or UNKNOWN_SPEED_MPS)


def driven_m(progress: OrderProgress, state: State) -> float:
    """Road driven since the last node, in metres; a straight line where the vehicle is silent."""
    if state.distance_since_last_node is not None:
        return max(0.0, state.distance_since_last_node)
    reached = reached_by(state)
    last = next((n for n in progress.road if n.sequence == reached), None)
    if last is None or state.agv_position is None:
        return 0.0
    return math.dist((last.x_m, last.y_m), (state.agv_position.x, state.agv_position.y))


@dataclass(slots=True)
class Reporter:
    """Remembers what planning knows and says when it no longer holds."""

    shuttle_id: ShuttleId
    rules: ReportRules
    _known: Condition | None = None
    _expected: tuple[VisitId, float] | None = None  # next visit and arrival last reported
    _deviation_not_before: float = 0.0

    def knows(self, condition: Condition) -> None:
        """Planning has just been told this in another way."""
        self._known = condition

    def expect_anew(self) -> None:
        """A new plan was published: its own times are what planning expects."""
        self._expected = None

    def report(
        self,
        condition: Condition,
        visit: VisitNodes | None,
        drive_s: float | None,
        now: float,
        *,
        force: bool = False,
    ) -> ShuttleReported | None:
        """A report if planning must have one.

        ``visit`` comes next and ``drive_s`` is how far away it is, if it is being driven to.
        """
        late = self._deviates(visit, drive_s, now)
        known = self._known
        if not (force or late or known is None or condition.differs(known, self.rules)):
            return None
        self._known = condition
        if visit is not None and drive_s is not None:
            self._expected = (visit.visit.id, now + drive_s)
            self._deviation_not_before = now + self.rules.deviation_every_s
        return ShuttleReported(
            at_s=math.floor(now),
            shuttle_id=self.shuttle_id,
            x_m=condition.x_m,
            y_m=condition.y_m,
            battery_pct=condition.battery_pct,
            charging=condition.charging,
            mode=condition.mode,
            paused=condition.paused,
            faults=condition.faults,
            aboard=condition.aboard,
            left_m=condition.left_m,
            needs_word=condition.needs_word,
        )

    def _deviates(self, visit: VisitNodes | None, drive_s: float | None, now: float) -> bool:
        if visit is None or drive_s is None or now < self._deviation_not_before:
            return False
        expected_s = float(visit.visit.arrive_s)
        if self._expected is not None and self._expected[0] == visit.visit.id:
            expected_s = self._expected[1]
        return abs(now + drive_s - expected_s) > self.rules.deviation_s
