"""The reference on-board agent: takes orders, drives, opens doors, and says what it does.

No I/O and no clock: ``now`` is an argument, messages are returned, the drive and the
cabin are ports. Whoever runs it calls ``advance`` at ``next_due`` and after each message.
"""

from collections import Counter
from collections.abc import Callable

from dispatcher.domain.ids import TripId
from vehicles.agent_actions import Doorway, call_off, open_actions, work
from vehicles.agent_drive import Drive
from vehicles.agent_hardware import Cabin, Chassis
from vehicles.agent_memory import AgentMemory
from vehicles.agent_messages import Bearing
from vehicles.agent_orders import RefusedError, check_epoch, refuse_order, take_order
from vehicles.agent_replays import note_instant, refuse_old_order, why_old
from vehicles.agent_voice import AgentSettings, Voice
from vehicles.agent_word import (
    Word,
    expire,
    expires_s,
    has_boardings,
    has_expired,
    is_fresh,
    take_word,
    word_of,
)
from vehicles.exchange import Outgoing
from vehicles.instant import Instant
from vehicles.mapping import PLAN_EXPIRED
from vehicles.messages import (
    Action,
    ActionState,
    ActionStatus,
    ConnectionState,
    ErrorLevel,
    EStop,
    InstantActions,
    Node,
    OperatingMode,
    Order,
    Reference,
    SafetyState,
    VehicleError,
)
from vehicles.signing import UntrustedError

CANCELLED = "CANCELLED"
_BY_HAND = "BY_HAND"
ASK_AGAIN_S = 5.0  # for a word, by a state, from half the validity on
# These never make a shuttle move, so anybody may ask for them.
_HARMLESS = frozenset({Instant.START_PAUSE, Instant.STATE_REQUEST, Instant.FACTSHEET_REQUEST})
SHORTEST_STEP_S = 0.001
MOST_REFUSAL_TEXT = 500
_MOST_STEPS = 1000


class OnboardAgent:
    """Drives one shuttle by its orders.

    ``keep`` is called with the memory before anything that it records is acted upon or
    said; an agent made with the memory kept last goes on where the old one stopped.

    With ``obeys_signed_only`` messages have proved where they come from before they get here, and
    the agent refuses those that somebody kept and sends again. ``refused`` counts by cause.
    """

    def __init__(
        self,
        settings: AgentSettings,
        chassis: Chassis,
        cabin: Cabin,
        *,
        memory: AgentMemory | None = None,
        keep: Callable[[AgentMemory], None] = lambda memory: None,
    ) -> None:
        self.settings = settings
        self._chassis = chassis
        self._cabin = cabin
        self._memory = memory or AgentMemory()
        self._keep = keep
        self.obeys_signed_only = False
        self.refused: Counter[str] = Counter()
        self._mode = OperatingMode.AUTOMATIC
        self._faults: dict[str, VehicleError] = {}
        self._safety = SafetyState(e_stop=EStop.NONE, field_violation=False)
        self._online = False
        # Switched on again, it is out of contact until it is told otherwise.
        self._was_off = memory is not None
        self._started_s: float | None = None
        self._open_since_s: float | None = 0.0  # boarding is possible; None while it is not
        self._drive = Drive(chassis, knows_start=memory is None)
        self._voice = Voice(settings)
        self._work_due_s: float | None = None
        self._ask_due_s: float | None = None
        self._replies: list[Outgoing] = []

    @property
    def memory(self) -> AgentMemory:
        return self._memory

    # Contact with the dispatcher

    def connected(self, now: float) -> list[Outgoing]:
        """The link stands: say so, say who this is and how it is."""
        self._start(now)
        self._online = True
        if self._memory.contact_lost_s is not None:
            self._remember(self._memory.model_copy(update={"contact_lost_s": None}))
        self._voice.say_again()
        online = self._voice.connection(ConnectionState.ONLINE, now)
        return [online, self._voice.factsheet(now), *self.advance(now)]

    def disconnected(self, now: float) -> None:
        """The link is lost: what is released is finished, boarding ends with the validity."""
        self._start(now)
        self._online = False
        if self._memory.contact_lost_s is None:
            self._remember(self._memory.model_copy(update={"contact_lost_s": now}))

    def farewell(self, state: ConnectionState, now: float) -> Outgoing:
        """For the link: OFFLINE before it closes, CONNECTIONBROKEN as its last will."""
        return self._voice.connection(state, now)

    def on_order(self, order: Order, now: float) -> list[Outgoing]:
        """Take an order or an update, or say in the state why not."""
        self._settle(now)
        pose = self._chassis.pose(now)
        place_m = (pose.x_m, pose.y_m)
        try:
            if not self._mode.takes_orders:
                raise refuse_order("orderError", order, f"no orders are taken in mode {self._mode}")
            check_epoch(self._memory, order)
            if self.obeys_signed_only:
                refuse_old_order(self._memory, order, self._start(now))
            word = word_of(order)
            known = self._told(self._memory, word, now)
            memory = take_order(known, order, self.settings.capacity, place_m) or known
            # A new order's word is about that order only.
            self._remember(self._told(memory, word, now))
        except RefusedError as refused:
            self._refuse(refused.error)
        self._voice.say_again()  # a resend asks for the state as well
        return self.advance(now)

    def on_malformed_order(self, text: str, now: float) -> list[Outgoing]:
        """Something came as an order that cannot be read."""
        self._refuse(
            VehicleError(
                error_type="validationError",
                error_level=ErrorLevel.WARNING,
                error_description=text[:MOST_REFUSAL_TEXT],
            )
        )
        return self.advance(now)

    def on_untrusted(self, problem: UntrustedError, now: float) -> list[Outgoing]:
        """Something came that is not from the dispatcher, or not for this shuttle.

        The error names no order: whoever sent it must not have us say that one was refused.
        """
        self._refuse(
            VehicleError(
                error_type="signatureError",
                error_level=ErrorLevel.WARNING,
                error_description=str(problem),
            ),
            problem.cause,
        )
        return self.advance(now)

    def on_instant_actions(self, message: InstantActions, now: float) -> list[Outgoing]:
        """Do them at once; one that was done already is only reported again."""
        self._settle(now)
        if message.epoch is not None and message.epoch < self._memory.epoch:
            for action in message.actions:
                self._refuse(_instant_error(action, "instantActionError", _over(message.epoch)))
            return self.advance(now)
        sent_s = message.timestamp.timestamp()
        old = why_old(self._memory, sent_s, now) if self.obeys_signed_only else None
        self._remember(self._told(self._memory, word_of(message), now))
        done = {state.action_id for state in self._memory.instant_states}
        for action in message.actions:
            if action.action_id in done:
                continue
            if old is not None:
                self._refuse(_instant_error(action, "instantActionError", old), "replayed")
                continue
            if message.epoch is None and self._memory.epoch and action.action_type not in _HARMLESS:
                text = f"it names no epoch, and epoch {self._memory.epoch} was heard of"
                self._refuse(_instant_error(action, "instantActionError", text))
                continue
            self._do_instantly(action, sent_s, now)
        if message.actions:
            self._voice.say_again()
        return self.advance(now)

    # What happens to the vehicle

    def set_mode(self, mode: OperatingMode, now: float) -> list[Outgoing]:
        """Before and after a person drives there is no order; who is stepping in or out may."""
        self._settle(now)
        if mode.takes_orders is not self._mode.takes_orders:
            self._drop_order(self._memory.cancelling or _BY_HAND, now)
            # It may be left anywhere: no update of that order can begin there.
            self._remember(self._memory.model_copy(update={"base_end": ("", -1)}))
        self._mode = mode
        self._voice.say_again()
        return self.advance(now)

    def raise_fault(self, fault: VehicleError, now: float) -> list[Outgoing]:
        """Report a fault until it is cleared; a FATAL one stops the shuttle."""
        self._settle(now)
        self._faults[fault.error_type] = fault
        return self.advance(now)

    def clear_fault(self, error_type: str, now: float) -> list[Outgoing]:
        self._settle(now)
        self._faults.pop(error_type, None)
        return self.advance(now)

    def set_safety(self, safety: SafetyState, now: float) -> list[Outgoing]:
        """An emergency stop or a violated protective field stops the shuttle."""
        self._settle(now)
        self._safety = safety
        return self.advance(now)

    # Time

    def advance(self, now: float) -> list[Outgoing]:
        """Do what is due and return what is to be said; nothing is said while offline."""
        self._settle(now)
        replies, self._replies = self._replies, []
        if not self._online:
            return []
        self._ask_for_word(now)
        states = self._voice.state_if_due(self._memory, self._bearing(now), now)
        return replies + states + self._voice.position_if_due(self._chassis.pose(now), now)

    def next_due(self, now: float) -> float:
        """When ``advance`` is needed next, if nothing else happens; later than ``now``."""
        times = [self._work_due_s, self._drive.next_change(now)]
        if self._memory.here is not None:
            times.append(self._cabin.next_change(now))
        if has_boardings(self._memory):
            times.append(expires_s(self._memory))
        if self._online:
            times.append(self._ask_due_s)
            times.append(self._voice.next_due())
        # Charging ends without anyone being asked to look.
        times.append(now + self.settings.state_interval_s)
        due = (time for time in times if time is not None and time > now)
        return max(min(due), now + SHORTEST_STEP_S)

    def _ask_for_word(self, now: float) -> None:
        """While riders are to board, say the state more often from half the validity on."""
        memory = self._memory
        if not memory.on_word or not has_boardings(memory):
            self._ask_due_s = None
            return
        half_s = 0.0
        if memory.word_s is not None and is_fresh(memory, self._start(now)):
            half_s = memory.word_s + memory.plan_validity_s / 2
        if self._ask_due_s is None:
            self._ask_due_s = max(half_s, now + ASK_AGAIN_S)
        elif half_s > now:
            self._ask_due_s = half_s
        elif now >= self._ask_due_s:
            self._voice.say_again()
            self._ask_due_s = now + ASK_AGAIN_S

    def _start(self, now: float) -> float:
        """When this agent was first called."""
        if self._started_s is None:
            self._started_s = now
            if self._was_off and self._memory.contact_lost_s is None:
                self._remember(self._memory.model_copy(update={"contact_lost_s": now}))
        return self._started_s

    def _told(self, memory: AgentMemory, word: Word, now: float) -> AgentMemory:
        return take_word(memory, word, self._start(now), now)

    # Driving and working

    def _settle(self, now: float) -> None:
        """Take in what happened by now, and start what can be started."""
        self._start(now)
        for _ in range(_MOST_STEPS):
            before = self._memory
            self._look_at_doorway(now)
            self._count_heads(now)
            self._take_progress(now)
            if has_expired(self._memory, now):
                self._remember(expire(self._memory, now))
            memory, self._work_due_s = work(
                self._memory, self._doorway(now), self._chassis, self._cabin, now
            )
            self._remember(memory)
            self._finish_here()
            self._drive.allow(self._may_move(), now)
            self._start_leg(now)
            if self._memory is before:
                break
        self._end_charging(now)

    def _may_move(self) -> bool:
        return (
            self._mode.takes_orders
            and not self._memory.paused
            and self._safety.e_stop is EStop.NONE
            and not self._safety.field_violation
            and not self._is_broken()
        )

    def _is_broken(self) -> bool:
        return any(fault.error_level is ErrorLevel.FATAL for fault in self._faults.values())

    def _look_at_doorway(self, now: float) -> None:
        memory = self._memory
        awaits_word = memory.on_word and not is_fresh(memory, self._start(now))
        if self._is_broken() or not self._mode.takes_orders or awaits_word:
            self._open_since_s = None
        elif self._open_since_s is None:
            self._open_since_s = now

    def _count_heads(self, now: float) -> None:
        """Riders who got out of a broken shuttle are no reason to refuse a plan without them."""
        aboard = self._memory.aboard
        inside = tuple(p for p in aboard if not self._cabin.has_left(TripId(p.trip_id), now))
        if inside != aboard:
            self._remember(self._memory.model_copy(update={"aboard": inside}))

    def _doorway(self, now: float) -> Doorway:
        memory, barred = self._memory, None
        if memory.cancelling is not None:
            barred = CANCELLED
        elif has_expired(memory, now):
            barred = PLAN_EXPIRED
        return Doorway(self._open_since_s, barred)

    def _take_progress(self, now: float) -> None:
        for _ in range(self._drive.count_reached(now)):
            self._reach(self._memory.nodes[0], now)

    def _reach(self, node: Node, now: float) -> None:
        memory = self._memory
        self._remember(
            memory.model_copy(
                update={
                    "last_node_id": node.node_id,
                    "last_node_sequence_id": node.sequence_id,
                    "nodes": memory.nodes[1:],
                    # A new order's first node has no edge that leads to it.
                    "edges": memory.edges[len(memory.edges) - len(memory.nodes) + 1 :],
                    "here": node if node.actions else None,
                    "reached_here_s": now,
                }
            )
        )

    def _finish_here(self) -> None:
        memory = self._memory
        if memory.here is not None and not open_actions(memory):
            memory = memory.model_copy(update={"here": None})
        if memory.cancelling is not None and memory.here is None:
            memory = memory.model_copy(
                update={
                    "cancelling": None,
                    "instant_states": tuple(
                        state.model_copy(update={"action_status": ActionStatus.FINISHED})
                        if state.action_id == memory.cancelling
                        else state
                        for state in memory.instant_states
                    ),
                }
            )
        self._remember(memory)

    def _start_leg(self, now: float) -> None:
        memory = self._memory
        if self._drive.is_under_way or memory.here is not None or not memory.nodes:
            return
        first = memory.nodes[0]
        if not first.released or not self._may_move():
            return
        # A new order's first node is where the shuttle stands; no edge leads there.
        stands_there = len(memory.edges) < len(memory.nodes)
        if stands_there or memory.edges[0].length == 0:
            self._reach(first, now)
        else:
            self._drive.start(memory.nodes, memory.edges, now)

    def _end_charging(self, now: float) -> None:
        target = self._memory.charge_to_pct
        if target is None:
            return
        battery = self._chassis.battery(now)
        if battery.charging and battery.charge_pct >= target:
            self._chassis.unplug(now)
        if not self._chassis.battery(now).charging:
            self._remember(self._memory.model_copy(update={"charge_to_pct": None}))

    # Instant actions

    def _do_instantly(self, action: Action, sent_s: float, now: float) -> None:
        status, update = ActionStatus.FINISHED, dict[str, object]()
        match action.action_type:
            case Instant.START_PAUSE:
                update["paused"] = True
            case Instant.STOP_PAUSE:
                update["paused"] = False
            case Instant.STATE_REQUEST:
                pass
            case Instant.FACTSHEET_REQUEST:
                self._replies.append(self._voice.factsheet(now))
            case Instant.STOP_CHARGING:
                pass  # once it is written down, below
            case Instant.CANCEL_ORDER:
                status = self._cancel(action, sent_s, now)
            case _:
                status = ActionStatus.FAILED
                self._refuse(_instant_error(action, "instantActionError", "unknown action"))
        state = ActionState(
            action_id=action.action_id, action_type=action.action_type, action_status=status
        )
        self._remember(note_instant(self._memory.model_copy(update=update), state, sent_s))
        if action.action_type == Instant.STOP_CHARGING:
            self._chassis.unplug(now)

    def _cancel(self, action: Action, sent_s: float, now: float) -> ActionStatus:
        memory = self._memory
        # One that was sent before the order came late and meant the order before.
        if not memory.is_active or sent_s < memory.order_sent_s:
            self._refuse(_instant_error(action, "noOrderToCancel", "no order to cancel"))
            return ActionStatus.FAILED
        self._drop_order(action.action_id, now)
        return ActionStatus.RUNNING

    def _drop_order(self, because: str, now: float) -> None:
        """Drive no further and begin nothing more. ``because``: see ``AgentMemory.cancelling``."""
        memory = call_off(self._memory)
        update = {
            "nodes": (),
            "edges": (),
            "base_end": (memory.last_node_id, memory.last_node_sequence_id),
            "cancelling": because,
        }
        self._remember(memory.model_copy(update=update))
        self._drive.abandon(now)

    # Saying

    def _remember(self, memory: AgentMemory) -> None:
        if memory is not self._memory:
            self._memory = memory
            self._keep(memory)

    def _refuse(self, error: VehicleError, cause: str = "") -> None:
        self.refused[cause or error.error_type] += 1
        if error not in self._memory.refusals:
            refusals = (*self._memory.refusals, error)[-8:]
            self._remember(self._memory.model_copy(update={"refusals": refusals}))

    def _bearing(self, now: float) -> Bearing:
        memory = self._memory
        return Bearing(
            pose=self._chassis.pose(now),
            battery=self._chassis.battery(now),
            mode=self._mode,
            errors=(*self._faults.values(), *self._memory.refusals),
            safety=self._safety,
            driving=self._drive.is_moving,
            doors_open=self._memory.here is not None,
            since_m=self._drive.since_m(now),
            valid_from_s=memory.word_s if is_fresh(memory, self._start(now)) else None,
        )


def _over(epoch: int) -> str:
    return f"epoch {epoch} is over"


def _instant_error(action: Action, error_type: str, text: str) -> VehicleError:
    return VehicleError(
        error_type=error_type,
        error_level=ErrorLevel.WARNING,
        error_description=text,
        error_references=(Reference(reference_key="actionId", reference_value=action.action_id),),
    )
