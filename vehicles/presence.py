"""Whether a vehicle is heard, and where it is."""

from dataclasses import dataclass

from vehicles.delivery import reached_by
from vehicles.mapping import RoadNode
from vehicles.messages import State, Visualization

# A vehicle answers the question for its state at once. In a third of the usual 45 s it is asked
# at 0, 2, 7 and 12 s.
ANSWERS_IN_A = 3.0


@dataclass(slots=True)
class Liveness:
    """Any fresh state is a sign of life; nothing else is.

    A silence counts from the last state, or from when we could hear again.
    """

    silent_after_s: float
    first_heard_s: float | None = None
    heard_s: float | None = None
    silent: bool = False
    _excused_s: float = 0.0
    _resumed_s: float | None = None  # until it is heard for the first time since

    def hear(self, now: float) -> bool:
        """A fresh state came; True if it ends a silence."""
        self.heard_s = now
        self._resumed_s = None
        if self.first_heard_s is None:
            self.first_heard_s = now
        was_silent, self.silent = self.silent, False
        return was_silent

    def resume(self, now: float, last_heard_s: float | None, *, silent: bool) -> None:
        """The vehicle was heard before our restart, at least until ``last_heard_s``.

        It is asked for its state when we are back, so it is given less time than usual: else a
        dispatcher that restarts again and again would never miss anybody.
        """
        self.heard_s = now  # it may have been until then, for all that is written down
        self.silent = silent
        self._resumed_s = now if last_heard_s is None else min(last_heard_s, now)

    def excuse(self, now: float) -> None:
        self._excused_s = now

    def next_due(self) -> float | None:
        """The last moment at which a silence that goes on is not yet told."""
        if self.silent or self.heard_s is None:
            return None
        if self._resumed_s is None:
            return max(self.heard_s, self._excused_s) + self.silent_after_s
        answer_by_s = max(self.heard_s, self._excused_s) + self.silent_after_s / ANSWERS_IN_A
        return max(self._resumed_s + self.silent_after_s, answer_by_s)

    def fall_silent(self, now: float) -> bool:
        """Whether the vehicle has become silent just now."""
        due_s = self.next_due()
        if due_s is None or now <= due_s:
            return False
        self.silent = True
        return True


@dataclass(frozen=True, slots=True)
class Place:
    """In the zone's local frame; ``theta`` in radians."""

    x_m: float
    y_m: float
    theta: float = 0.0


@dataclass(slots=True)
class Whereabouts:
    """``place`` is what planning may use, ``seen`` is fresher and for display only."""

    map_id: str
    place: Place | None = None
    seen: Place | None = None

    def read(self, state: State, road: tuple[RoadNode, ...]) -> bool:
        """Take over where the vehicle is; False if it speaks of another map.

        A vehicle that does not say is where its last node is, if that is ours.
        """
        position = state.agv_position
        known = position is not None and position.position_initialized
        if position is not None and known and position.map_id == self.map_id:
            self.place = self.seen = Place(position.x, position.y, position.theta)
            return True
        reached = reached_by(state)
        for node in road:
            if node.sequence == reached:
                self.place = self.seen = Place(node.x_m, node.y_m)
        return not known

    def see(self, message: Visualization) -> None:
        position = message.agv_position
        if (
            position is not None
            and position.position_initialized
            and position.map_id == self.map_id
        ):
            self.seen = Place(position.x, position.y, position.theta)
