"""One vehicle's conversation: messages and plans in, events and messages out.

No I/O and no clock: ``now`` is seconds since the epoch and an argument everywhere. The
caller makes the events durable first and then sends the messages.
"""

import math
from collections import Counter
from dataclasses import dataclass, field, replace

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import (
    Event,
    EventNumber,
    NewerEpochSeen,
    PlanConfirmed,
    PlanRefused,
    RiderAlighted,
    RiderBoarded,
    ShuttleFellSilent,
    ShuttleJoined,
)
from dispatcher.domain.ids import TripId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.shuttles import Capacity
from vehicles.delivery import (
    Declined,
    Delivery,
    Lost,
    Taken,
    is_active,
    reached_by,
)
from vehicles.exchange import ConversationRules, Latest, Outgoing, Output, capacity_of
from vehicles.freshness import Freshness
from vehicles.instant import OF_COMMAND, Instant, InstantQueue
from vehicles.messages import (
    Connection,
    ConnectionState,
    Factsheet,
    State,
    Visualization,
    answer_version,
)
from vehicles.numbered import NumberedEvents
from vehicles.presence import Liveness, Whereabouts
from vehicles.progress import OrderProgress, aboard_of
from vehicles.renewal import Renewal
from vehicles.reporting import (
    Condition,
    Reporter,
    faults_of,
    left_m,
    mode_of,
    seconds_to,
)
from vehicles.topics import Topic, VehicleName

STATE_REQUEST_EVERY_S = 10.0
CATCH_UP_S = 10.0  # for a vehicle that does not answer a request for its state
LEFT_OVER_S = 45.0  # by the standard there are two states within it, at the least
FACTSHEET_EVERY_S = 60.0  # a vehicle may answer and the answer be lost
# Ours go on above what a vehicle says it has, and must stay below the standard's 2^32; some
# read it with a sign. An order with more updates than this was never made by us.
HIGHEST_REVISION = 2**30


@dataclass(slots=True)
class ShuttleConversation:
    """``drops`` counts messages that were no news, by cause."""

    vehicle: VehicleName
    rules: ConversationRules
    drops: Counter[str] = field(default_factory=Counter)
    _delivery: Delivery = field(init=False)
    _instant: InstantQueue = field(init=False)
    _reporter: Reporter = field(init=False)
    _freshness: Freshness = field(init=False)
    _liveness: Liveness = field(init=False)
    _whereabouts: Whereabouts = field(init=False)
    _renewal: Renewal = field(init=False)
    _numbered: NumberedEvents = field(init=False)
    _order_id: str | None = None  # of the newest plan
    _order_number: int = 0  # of the event by which that order began, or a later one
    _epoch_told: int = 0
    _progress: dict[str, OrderProgress] = field(default_factory=dict)  # by order id
    _cancelled_order: str | None = None
    _given_up: str | None = None  # order that the vehicle may take up, or drive by, for nothing
    _laid_down: str | None = None  # order that the vehicle has dropped by itself
    _left_over_since_s: float | None = None  # it has no nodes ahead, and did not reach the last
    _state: State | None = None
    _capacity: Capacity | None = None
    _factsheet_not_before: float = 0.0
    _joined: bool = False
    _is_known: bool = False
    _believed_aboard: set[TripId] = field(default_factory=set)
    _state_request_not_before: float = 0.0
    _catching_up: str | None = None  # id of the state request whose answer is awaited
    _caught_up_by: float | None = None

    def __post_init__(self) -> None:
        self._delivery = Delivery(self.vehicle, self.rules.style)
        self._instant = InstantQueue(self.vehicle)
        self._reporter = Reporter(self.vehicle.shuttle_id, self.rules.report)
        self._freshness = Freshness(self.rules.max_clock_error_s)
        self._liveness = Liveness(self.rules.silent_after_s)
        self._whereabouts = Whereabouts(self.rules.style.map_id)
        self._renewal = Renewal(self.vehicle)
        self._numbered = NumberedEvents(self.vehicle.shuttle_id)

    @property
    def is_stranger(self) -> bool:
        """Whether the dispatcher has never been told of this vehicle."""
        return not self._is_known

    # What the dispatcher wants

    def begin_epoch(self, epoch: int) -> None:
        """Everything said from now on carries this epoch."""
        self._renewal.epoch = self._instant.epoch = epoch

    def resume(
        self,
        now: float,
        *,
        capacity: Capacity,
        plan: ShuttlePlan | None = None,
        given_up: ShuttlePlan | None = None,
        confirmed: int | None = None,
        aboard: tuple[TripId, ...] = (),
        last_heard_s: float | None = None,
        silent: bool = False,
        last_event: EventNumber | None = None,
        number: int = 0,
    ) -> None:
        """Take up the conversation after a restart of the dispatcher.

        ``plan`` is the newest plan of the shuttle and ``confirmed`` the revision it echoed
        last, if it did. ``given_up`` is of the order before, which the vehicle may drive by
        still: that is followed, and cancelled. ``last_event`` is the last of the vehicle's own
        numbers that was told; what has no number may be told again. ``number`` is of the newest
        event, which may have to be acted on once more.

        The broker may first deliver states that it kept for us meanwhile. They tell of
        visits, but what the vehicle has taken since only an answer to a new question shows.
        """
        self._catching_up = self._instant.ask(Instant.STATE_REQUEST, _number(now), now)
        self._capacity = capacity
        self._joined = self._is_known = True
        self._liveness.resume(now, last_heard_s, silent=silent)
        self._numbered.last = last_event
        self._renewal.acknowledged = self._numbered.acknowledged()
        self._believed_aboard.update(aboard)
        if given_up is not None:
            self._given_up = given_up.order_id
            self._follow(given_up)
        if plan is None:
            return
        # An older confirmation may be of an order before this one.
        if confirmed == plan.revision:
            self._delivery.resume(plan.order_id, confirmed)
        self._delivery.offer(plan)
        self._put_in_force(plan, number)

    def publish(self, plan: ShuttlePlan, now: float, number: int = 0) -> Output:
        """Send this plan, and go on until it is echoed or a newer one takes its place.

        ``number`` is of the event that it follows from.
        """
        if plan.order_id == self._laid_down:
            self.drops["laid_down_order"] += 1
            return Output()
        if not self._delivery.offer(plan):
            self.drops["old_plan"] += 1
            return Output()
        self._put_in_force(plan, number)
        return self._output(now, [])

    def command(self, command: ShuttleCommand, number: int, now: float, reason: str = "") -> Output:
        """Send an instant action; ``number`` is of the event that it follows from."""
        if command is ShuttleCommand.CANCEL_ORDER:
            is_meant = number > self._order_number  # not the order that follows
            if is_meant:
                self._delivery.give_up()
            if self._state is None or not is_active(self._state):
                # Nothing to cancel, and it must not hit the next order. But an update that was
                # sent may arrive yet, and what it would do is given up as well.
                if is_meant:
                    self._given_up = self._order_id
                return Output()
            self._cancelled_order = self._state.order_id
        self._instant.ask(OF_COMMAND[command], number, now, reason)
        return self._output(now, [])

    def tick(self, now: float) -> Output:
        """Let time pass: resend what is not shown to have arrived, notice silence."""
        events: list[Event] = []
        heard_s = self._liveness.heard_s
        if self._joined and heard_s is not None and self._liveness.fall_silent(now):
            events.append(
                ShuttleFellSilent(math.floor(now), self.vehicle.shuttle_id, math.floor(heard_s))
            )
        if not self._joined and self._state is not None:
            events.extend(self._join(self._state, now))
        return self._output(now, events)

    def next_due(self, now: float) -> float | None:
        """When ``tick`` is worth calling next, if nothing else happens; None if never."""
        times = [self._delivery.next_due(now), self._instant.next_due(now)]
        silent_from_s = self._liveness.next_due()
        if self._joined and silent_from_s is not None:
            times.append(math.nextafter(silent_from_s, math.inf))
        first_heard_s = self._liveness.first_heard_s
        if not self._joined and first_heard_s is not None:
            times.append(first_heard_s + self.rules.factsheet_wait_s)
            times.append(self._factsheet_not_before)
        return min((time for time in times if time is not None and time > now), default=None)

    def hurry(self, now: float) -> None:
        """What is on its way may be lost: it is due again."""
        self._delivery.hurry(now)
        self._instant.hurry(now)

    def excuse_silence(self, now: float) -> None:
        """We could not hear until now; a silence of the vehicle counts from here."""
        self._liveness.excuse(now)

    # What the vehicle says

    def on_state(self, state: State, now: float, *, retained: bool = False) -> Output:
        """Take up a state. One kept by the broker is no sign of life and is dropped."""
        if retained:
            self.drops["retained_state"] += 1
            return Output()
        stale = self._freshness.judge(state, now)
        if stale is not None:
            self.drops[f"{stale}_state"] += 1
            return Output()
        self._state = state
        was_silent = self._liveness.hear(now)
        if was_silent:
            self._renewal.hold_back(now)
        self._instant.version = answer_version(state.version)
        self._instant.read(state)
        progress = self._progress.get(state.order_id)
        if not self._whereabouts.read(state, () if progress is None else progress.road):
            self.drops["other_map"] += 1
        events: list[Event] = self._notice_newer_epoch(state, now)
        self._catch_up(state, now)
        # Even before the shuttle has joined, what it echoes must not be sent again.
        answers = self._delivery.read(state, now, may_be_old=self._catching_up is not None)
        if not state.operating_mode.takes_orders:
            self._lay_down(state)
        elif self._has_dropped_order(state, now):
            self._lay_down(state)
            answers.append(Lost())
        if not self._joined:
            events.extend(self._join(state, now))
        if self._joined:
            # Whoever makes another plan after a refusal must know where the shuttle is.
            refused = any(isinstance(answer, Declined) for answer in answers)
            if refused:
                events.extend(self._tell_condition(state, now, force=True))
            events.extend(self._tell_answers(answers, state, now))
            events.extend(self._tell_visits(state, now))
            events.extend(self._tell_condition(state, now, force=was_silent and not refused))
        self._renewal.hear(state, now, renewable=self._works_by_plan_in_force(state))
        output = self._output(now, events)
        return self._with_word(output, state, now)

    def on_connection(self, connection: Connection, now: float) -> Output:
        """A hint only: the broker may notice late, or not at all, that a vehicle is gone."""
        if connection.connection_state is ConnectionState.ONLINE:
            self.hurry(now)
            self._factsheet_not_before = 0.0
        elif now >= self._state_request_not_before:
            self._state_request_not_before = now + STATE_REQUEST_EVERY_S
            self._instant.ask(Instant.STATE_REQUEST, _number(now), now)
        return self._output(now, [])

    def on_factsheet(self, factsheet: Factsheet, now: float) -> Output:
        capacity = capacity_of(factsheet)
        if capacity is None:
            self.drops["factsheet_without_places"] += 1
            return Output()
        self._instant.drop(Instant.FACTSHEET_REQUEST)
        changed, self._capacity = capacity != self._capacity, capacity
        events: list[Event] = []
        if changed and self._state is not None:
            self._joined = False
            events.extend(self._join(self._state, now))
        return self._output(now, events)

    def on_visualization(self, message: Visualization) -> None:
        self._whereabouts.see(message)

    def latest(self) -> Latest | None:
        """None before the first state with a position."""
        state, place, heard_s = self._state, self._whereabouts.seen, self._liveness.heard_s
        if state is None or place is None or heard_s is None:
            return None
        flight = self._delivery.in_flight
        doors = (i for i in state.information or () if i.info_type == "doors")
        return Latest(
            heard_s=heard_s,
            x_m=place.x_m,
            y_m=place.y_m,
            theta=place.theta,
            driving=state.driving,
            condition=self._condition(state),
            doors=next((i.info_description for i in doors), None),
            order_id=state.order_id,
            revision=state.order_update_id,
            in_flight=None if flight is None else flight.revision,
            silent=self._liveness.silent,
        )

    # How it is told

    def _put_in_force(self, plan: ShuttlePlan, number: int) -> None:
        if plan.order_id != self._order_id:
            self._order_id, self._order_number = plan.order_id, number
            self._renewal.begin_order()
        self._follow(plan)

    def _works_by_plan_in_force(self, state: State) -> bool:
        """Whether the vehicle's order may be renewed: it is the newest, and nobody gave it up."""
        return (
            self._joined
            and self._catching_up is None
            and state.order_id == self._order_id
            and state.order_id not in (self._cancelled_order, self._given_up)
        )

    def _with_word(self, output: Output, state: State, now: float) -> Output:
        progress = self._progress.get(state.order_id)
        awaits = progress is not None and progress.awaits_boarding()
        word = self._renewal.due(state, now, awaits_boarding=awaits)
        if word is None:
            return output
        numbered = word.model_copy(update={"header_id": self._instant.next_header_id()})
        messages = (*output.messages, Outgoing(Topic.INSTANT_ACTIONS, numbered))
        return Output(output.events, messages)

    def _notice_newer_epoch(self, state: State, now: float) -> list[Event]:
        ours = self._renewal.epoch
        theirs = 0 if state.onboard is None else state.onboard.epoch
        if ours is None or theirs <= max(ours, self._epoch_told):
            return []
        self._epoch_told = theirs
        return [NewerEpochSeen(math.floor(now), self.vehicle.shuttle_id, theirs)]

    def _follow(self, plan: ShuttlePlan) -> None:
        progress = self._progress.get(plan.order_id)
        if progress is None:
            progress = OrderProgress(self.vehicle.shuttle_id, plan.order_id)
            self._progress[plan.order_id] = progress
        progress.follow(plan)
        self._reporter.expect_anew()
        # The vehicle may still be at the order it echoed last; anything else is given up.
        working_on = None if self._state is None else self._state.order_id
        self._progress = {
            order_id: kept
            for order_id, kept in self._progress.items()
            if order_id in (plan.order_id, working_on, self._given_up)
        }

    def _catch_up(self, state: State, now: float) -> None:
        if self._caught_up_by is None:
            self._caught_up_by = now + CATCH_UP_S
        answered = any(a.action_id == self._catching_up for a in state.action_states)
        if answered or self._delivery.has_all(state) or now >= self._caught_up_by:
            self._catching_up = None

    def _lay_down(self, state: State) -> None:
        """The vehicle has dropped its order, as when a person took over: a new one must come."""
        self._delivery.give_up()
        if state.order_id:
            self._laid_down = self._given_up = state.order_id

    def _has_dropped_order(self, state: State, now: float) -> bool:
        """Whether it has long had nothing left of a released part that it did not drive to its end.

        A person may have driven it while we did not hear it, or it lost what it had kept.
        """
        progress = self._progress.get(state.order_id)
        left_over = (
            progress is not None
            and self._works_by_plan_in_force(state)
            and self._delivery.has_all(state)
            and not is_active(state)
            and reached_by(state) < progress.released_to
        )
        if not left_over:
            self._left_over_since_s = None
            return False
        if self._left_over_since_s is None:
            self._left_over_since_s = now
        return now - self._left_over_since_s >= LEFT_OVER_S

    def _join(self, state: State, now: float) -> list[Event]:
        capacity = self._capacity
        if capacity is None:
            if now >= self._factsheet_not_before:
                self._factsheet_not_before = now + FACTSHEET_EVERY_S
                self._instant.ask(Instant.FACTSHEET_REQUEST, _number(now), now)
            if now - (self._liveness.first_heard_s or now) < self.rules.factsheet_wait_s:
                return []
            capacity = self.rules.default_capacity
        condition = self._condition(state)
        if capacity is None or condition is None:
            return []
        self._capacity = capacity
        self._joined = self._is_known = True
        self._instant.drop(Instant.FACTSHEET_REQUEST)
        # Joining says nothing of these; if they are otherwise, a report follows.
        self._reporter.knows(replace(condition, charging=False, paused=False, faults=()))
        joined = ShuttleJoined(
            at_s=math.floor(now),
            shuttle_id=self.vehicle.shuttle_id,
            capacity=capacity,
            x_m=condition.x_m,
            y_m=condition.y_m,
            battery_pct=condition.battery_pct,
            mode=condition.mode,
            aboard=condition.aboard,
            order_id="" if state.order_id == self._laid_down else state.order_id,
            revision=min(state.order_update_id, HIGHEST_REVISION),
            needs_word=state.onboard is not None,
        )
        return [joined]

    def _tell_answers(
        self, answers: list[Taken | Declined | Lost], state: State, now: float
    ) -> list[Event]:
        events: list[Event] = []
        at_s, shuttle_id = math.floor(now), self.vehicle.shuttle_id
        for answer in answers:
            match answer:
                case Taken(order_id, revision):
                    self._progress = {
                        kept_id: progress
                        for kept_id, progress in self._progress.items()
                        if kept_id == order_id or kept_id in self._delivery.open_orders()
                    }
                    if self._cancelled_order != order_id:
                        self._cancelled_order = None
                    if self._given_up != order_id:
                        self._given_up = None
                    events.append(PlanConfirmed(at_s, shuttle_id, revision))
                case Declined(revision, reason):
                    events.append(PlanRefused(at_s, shuttle_id, revision, reason))
                case Lost():
                    self._joined = False  # until it is told, if the place is unknown now
                    events.extend(self._join(state, now))
        return events

    def _tell_visits(self, state: State, now: float) -> list[Event]:
        progress = self._progress.get(state.order_id)
        events: list[Event] = []
        if progress is not None:
            cancelled = state.order_id in (self._cancelled_order, self._given_up)
            events = progress.read(state, math.floor(now), cancelled=cancelled)
        if state.onboard is not None:
            events = self._numbered.tell(state.onboard, events, math.floor(now), aboard_of(state))
            # The link makes what is told durable before it sends anything.
            self._renewal.acknowledged = self._numbered.acknowledged()
        for event in events:
            if isinstance(event, RiderBoarded):
                self._believed_aboard.add(event.trip_id)
            elif isinstance(event, RiderAlighted):
                self._believed_aboard.discard(event.trip_id)
        reported = aboard_of(state)
        if reported is not None:
            self._believed_aboard = set(reported)
        return events

    def _tell_condition(self, state: State, now: float, *, force: bool) -> list[Event]:
        condition = self._condition(state)
        if condition is None:
            return []
        visit = drive_s = None
        progress = self._progress.get(state.order_id)
        if progress is not None:
            visit = progress.next_visit()
            drive_s = None if visit is None else seconds_to(progress, state, visit)
        report = self._reporter.report(condition, visit, drive_s, now, force=force)
        return [] if report is None else [report]

    def _condition(self, state: State) -> Condition | None:
        """None while nobody knows where the vehicle is."""
        place = self._whereabouts.place
        if place is None:
            return None
        progress = self._progress.get(state.order_id)
        reported = aboard_of(state)
        aboard = self._believed_aboard if reported is None else reported
        return Condition(
            x_m=place.x_m,
            y_m=place.y_m,
            battery_pct=state.battery_state.battery_charge,
            charging=state.battery_state.charging,
            mode=mode_of(state),
            paused=state.paused is True,
            faults=faults_of(state, set() if progress is None else progress.failed_alights),
            aboard=tuple(sorted(aboard)),
            left_m=None if progress is None else left_m(progress, state),
            needs_word=state.onboard is not None,
        )

    def _output(self, now: float, events: list[Event]) -> Output:
        messages: list[Outgoing] = []
        if self._state is not None and self._may_order():
            speaks_to_agent = self._state.onboard is not None
            due = self._delivery.due(
                now,
                self._state,
                heard=self._renewal.heard if speaks_to_agent else None,
                acknowledged=self._renewal.acknowledged if speaks_to_agent else None,
            )
            for item in due:
                if isinstance(item, Declined):
                    events.append(
                        PlanRefused(
                            math.floor(now), self.vehicle.shuttle_id, item.revision, item.reason
                        )
                    )
                else:
                    messages.append(Outgoing(Topic.ORDER, item))
            has_given_up = (
                self._state.order_id == self._given_up
                and is_active(self._state)
                and self._state.operating_mode.takes_orders
            )
            if self._delivery.needs_idle or has_given_up:
                self._give_up_order(self._state, now)
            if self._delivery.needs_unplugging:
                self._instant.ask(Instant.STOP_CHARGING, _number(now), now)
        messages.extend(
            Outgoing(Topic.INSTANT_ACTIONS, message) for message in self._instant.due(now)
        )
        return Output(tuple(events), tuple(messages))

    def _may_order(self) -> bool:
        # A cancellation that is repeated after the next order would cancel that.
        return self._catching_up is None and not self._instant.is_pending(Instant.CANCEL_ORDER)

    def _give_up_order(self, state: State, now: float) -> None:
        """Ask once for each order; a vehicle that is still busy with it may need time."""
        if self._cancelled_order != state.order_id:
            self._cancelled_order = state.order_id
            self._instant.ask(Instant.CANCEL_ORDER, _number(now), now)


def _number(now: float) -> int:
    """For the id of an instant action of our own: milliseconds are apart enough."""
    return round(now * 1000)
