"""What the states of one order tell about its visits, each thing told once. Pure.

Everything is derived from the state as it stands: a vehicle reports how far it is and
how each action ended, so a lost state loses nothing.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from dispatcher.domain.events import (
    BoardingFailed,
    Event,
    RiderAlighted,
    RiderBoarded,
    RiderNotThere,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import ShuttleId, TripId, VisitId
from dispatcher.domain.plans import ShuttlePlan
from vehicles.delivery import reached_by
from vehicles.mapping import (
    GOT_OUT,
    NO_SHOW,
    NOT_ABOARD,
    PLAN_EXPIRED,
    RoadNode,
    VisitNodes,
    alight_action_id,
    board_action_id,
    charge_action_id,
    released_visits,
    road_of,
)
from vehicles.messages import ENDED, ActionState, ActionStatus, State

MOST_REASON = 200


@dataclass(slots=True)
class _Followed:
    nodes: VisitNodes
    arrived: bool = False
    told: set[str] = field(default_factory=set)  # action ids whose end was told

    def key(self) -> tuple[VisitId, int]:
        """The same visit has the same, even when its planned times were corrected."""
        return self.nodes.visit.id, self.nodes.hold_sequence

    def action_ids(self) -> Iterator[str]:
        visit = self.nodes.visit
        yield from (alight_action_id(visit.id, task.trip_id) for task in visit.alights)
        yield from (board_action_id(visit.id, task.trip_id) for task in visit.boards)
        if visit.charge_to_pct is not None:
            yield charge_action_id(visit.id)


@dataclass(slots=True)
class OrderProgress:
    """Follows the released visits of one order.

    ``failed_alights`` are riders whom the vehicle could not let off at their stop.
    """

    shuttle_id: ShuttleId
    order_id: str
    road: tuple[RoadNode, ...] = ()
    failed_alights: set[TripId] = field(default_factory=set)
    _visits: list[_Followed] = field(default_factory=list)
    _completed_to: int = -1  # hold sequence of the last visit told to be complete

    def follow(self, plan: ShuttlePlan) -> None:
        """Expect the plan's released visits, on top of older ones still under way.

        A plan says everything from its start on; what an earlier one said about that part
        was never taken by the vehicle if it differs.
        """
        start = plan.start.sequence
        known = {followed.key(): followed for followed in self._visits}
        older = [f for f in self._visits if f.nodes.hold_sequence <= start]
        newer = [
            _Followed(nodes)
            for nodes in released_visits(plan)
            if nodes.hold_sequence > self._completed_to
        ]
        for followed in newer:
            same = known.get(followed.key())
            if same is not None:
                followed.arrived, followed.told = same.arrived, same.told
        self._visits = older + newer
        kept_from = older[0].nodes.stop_sequence if older else start
        before = tuple(n for n in self.road if kept_from <= n.sequence < start)
        self.road = before + road_of(plan)

    @property
    def released_to(self) -> int:
        """The sequence id at which the released part ends; -1 before the first plan."""
        return self.road[-1].sequence if self.road else -1

    def next_visit(self) -> VisitNodes | None:
        """The first visit that the vehicle has not arrived at."""
        return next((f.nodes for f in self._visits if not f.arrived), None)

    def awaits_boarding(self) -> bool:
        """Whether anyone is still to board at a released visit."""
        return any(
            board_action_id(f.nodes.visit.id, task.trip_id) not in f.told
            for f in self._visits
            for task in f.nodes.visit.boards
        )

    def visits_under_way(self) -> tuple[VisitId, ...]:
        """Visits arrived at and not told to be complete."""
        return tuple(f.nodes.visit.id for f in self._visits if f.arrived)

    def read(self, state: State, at_s: int, *, cancelled: bool = False) -> list[Event]:
        """Everything about the visits that this state tells for the first time, in order.

        ``cancelled`` says that we asked for the order to be given up: actions that fail
        then tell nothing about riders.
        """
        if state.order_id != self.order_id:
            return []
        reached = reached_by(state)
        passed = [f.nodes.visit for f in self._visits if reached >= f.nodes.hold_sequence]
        view = _View(
            at_s=at_s,
            reached=reached,
            actions={action.action_id: action for action in state.action_states},
            aboard=aboard_of(state),
            set_down=frozenset(task.trip_id for visit in passed for task in visit.alights),
            cancelled=cancelled,
            counts_heads=state.onboard is not None,
        )
        events: list[Event] = []
        for followed in list(self._visits):
            if reached < followed.nodes.stop_sequence:
                events.extend(self._read_expired(followed, view))
                continue
            events.extend(self._read_visit(followed, view))
        return events

    def _read_visit(self, followed: _Followed, view: "_View") -> Iterator[Event]:
        visit_id = followed.nodes.visit.id
        if not followed.arrived:
            followed.arrived = True
            yield VisitArrived(view.at_s, self.shuttle_id, visit_id)
        yield from self._read_alights(followed, view)
        yield from self._read_boards(followed, view)
        if view.reached >= followed.nodes.hold_sequence and not view.is_busy(followed):
            self._visits.remove(followed)
            self._completed_to = followed.nodes.hold_sequence
            yield VisitCompleted(view.at_s, self.shuttle_id, visit_id)

    def _read_alights(self, followed: _Followed, view: "_View") -> Iterator[Event]:
        visit = followed.nodes.visit
        for task in visit.alights:
            action_id = alight_action_id(visit.id, task.trip_id)
            if not view.tells_end(followed, action_id):
                continue
            followed.told.add(action_id)
            if view.result(action_id).startswith(NOT_ABOARD):
                # Where they got off was not seen; one that counts heads knows that it was before.
                if view.counts_heads:
                    yield BoardingFailed(
                        view.at_s, self.shuttle_id, visit.id, task.trip_id, GOT_OUT
                    )
                continue
            # Whoever is off in spite of a failed action is off.
            if view.has_failed(action_id) and view.may_be_aboard(task.trip_id):
                self.failed_alights.add(task.trip_id)
            else:
                self.failed_alights.discard(task.trip_id)
                yield RiderAlighted(view.at_s, self.shuttle_id, visit.id, task.trip_id)

    def _read_boards(self, followed: _Followed, view: "_View") -> Iterator[Event]:
        visit = followed.nodes.visit
        for task in visit.boards:
            action_id = board_action_id(visit.id, task.trip_id)
            if not view.tells_end(followed, action_id):
                continue
            followed.told.add(action_id)
            if view.has_failed(action_id):
                yield self._failed(visit.id, task.trip_id, view)
                continue
            told = RiderBoarded if view.has_boarded(action_id, task.trip_id) else RiderNotThere
            yield told(view.at_s, self.shuttle_id, visit.id, task.trip_id)

    def _read_expired(self, followed: _Followed, view: "_View") -> Iterator[Event]:
        """Boardings given up on the way, which no contact regained opens again."""
        visit = followed.nodes.visit
        for task in visit.boards:
            action_id = board_action_id(visit.id, task.trip_id)
            if action_id not in followed.told and view.has_expired(action_id):
                followed.told.add(action_id)
                yield self._failed(visit.id, task.trip_id, view)

    def _failed(self, visit_id: VisitId, trip_id: TripId, view: "_View") -> BoardingFailed:
        reason = view.result(board_action_id(visit_id, trip_id))[:MOST_REASON]
        return BoardingFailed(view.at_s, self.shuttle_id, visit_id, trip_id, reason)


@dataclass(frozen=True, slots=True)
class _View:
    """One state, as far as visits are concerned."""

    at_s: int
    reached: int  # sequence id of the last node
    actions: Mapping[str, ActionState]
    aboard: Set[TripId] | None  # None if the vehicle cannot tell
    set_down: Set[TripId]  # whose drop-off lies behind the vehicle
    cancelled: bool
    counts_heads: bool

    def tells_end(self, followed: _Followed, action_id: str) -> bool:
        """Whether the action has ended and that was not told yet."""
        if action_id in followed.told:
            return False
        action = self.actions.get(action_id)
        if action is None:
            # Vehicles may forget ended actions; past the hold node there is nothing left to do.
            return self.reached >= followed.nodes.hold_sequence
        if self.cancelled and action.action_status is ActionStatus.FAILED:
            return False
        return action.action_status in ENDED or self.reached > followed.nodes.hold_sequence

    def has_failed(self, action_id: str) -> bool:
        action = self.actions.get(action_id)
        return action is not None and action.action_status is ActionStatus.FAILED

    def has_expired(self, action_id: str) -> bool:
        return self.has_failed(action_id) and self.result(action_id).startswith(PLAN_EXPIRED)

    def result(self, action_id: str) -> str:
        action = self.actions.get(action_id)
        return "" if action is None else action.result_description or ""

    def may_be_aboard(self, trip_id: TripId) -> bool:
        return self.aboard is None or trip_id in self.aboard

    def has_boarded(self, action_id: str, trip_id: TripId) -> bool:
        action = self.actions.get(action_id)
        if action is not None and action.action_status in ENDED:
            no_show = (action.result_description or "").startswith(NO_SHOW)
            return action.action_status is ActionStatus.FINISHED and not no_show
        # The action is forgotten: judge by who is aboard, or was and has been set down since.
        return self.may_be_aboard(trip_id) or trip_id in self.set_down

    def is_busy(self, followed: _Followed) -> bool:
        """Whether the vehicle still does something for a visit whose hold it has reached."""
        return self.reached == followed.nodes.hold_sequence and any(
            self.actions[i].action_status not in ENDED
            for i in followed.action_ids()
            if i in self.actions
        )


def aboard_of(state: State) -> frozenset[TripId] | None:
    """Trips aboard as the vehicle sees them; None if it cannot tell."""
    if state.loads is None:
        return None
    return frozenset(TripId(load.load_id) for load in state.loads if load.load_id)
