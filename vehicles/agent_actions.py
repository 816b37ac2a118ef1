"""What the on-board agent does at a stop: alighting, boarding, charging, step by step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vehicles.agent_events import note_end
from vehicles.agent_hardware import Cabin, Chassis
from vehicles.agent_memory import AgentMemory, passenger_of
from vehicles.agent_orders import RiderTask, charge_to_pct, rider_task
from vehicles.mapping import ALIGHT, BOARD, NO_SHOW, NOT_ABOARD, START_CHARGING
from vehicles.messages import ENDED, Action, ActionState, ActionStatus, BlockingType

NO_POWER = "NO_POWER"


@dataclass(frozen=True, slots=True)
class Doorway:
    """Whether anyone may board: not while the shuttle is broken or led by hand.

    ``open_since_s`` is when that last became true: nobody is a no-show for a time in which
    boarding was not possible. ``barred`` ends every boarding not begun, with the reason.
    """

    open_since_s: float | None
    barred: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What has become of an action, and when to look again."""

    status: ActionStatus
    result: str | None = None
    due_s: float | None = None
    stepping_in: bool = False  # the party is through the door in a moment


def work(
    memory: AgentMemory, doorway: Doorway, chassis: Chassis, cabin: Cabin, now: float
) -> tuple[AgentMemory, float | None]:
    """Take the actions at the present node as far as they go now.

    Returns the memory with their outcome and when to look again.
    """
    due: list[float] = []
    for action in list(_at_work(memory)):
        if action.action_type == BOARD:
            step = _board(memory, action, doorway, cabin, now)
        elif action.action_type == ALIGHT:
            step = _alight(memory, action, cabin, now)
        else:
            step = _charge(action, chassis, now)
        if step.due_s is not None:
            due.append(step.due_s)
        memory = _noted(memory, action, step, now)
        if action.action_type == START_CHARGING:
            memory = memory.model_copy(update={"charge_to_pct": charge_to_pct(action)})
    return memory, min(due, default=None)


def call_off(memory: AgentMemory) -> AgentMemory:
    """Fail every action that has not begun; the order is given up."""
    states = tuple(
        state.model_copy(update={"action_status": ActionStatus.FAILED})
        if state.action_status is ActionStatus.WAITING
        else state
        for state in memory.action_states
    )
    return memory.model_copy(update={"action_states": states})


def open_actions(memory: AgentMemory) -> tuple[Action, ...]:
    """The actions at the present node that have not ended."""
    here = () if memory.here is None else memory.here.actions
    return tuple(action for action in here if memory.is_open(action))


def _at_work(memory: AgentMemory) -> Iterator[Action]:
    """The open actions whose turn it is: a HARD one alone, boarding once all are out."""
    group: list[Action] = []
    for action in open_actions(memory):
        if action.blocking_type is BlockingType.HARD:
            if not group:
                yield action
                return
            break
        group.append(action)
    yield from (action for action in group if action.action_type == ALIGHT)
    if not _any_alighting(group):
        yield from (action for action in group if action.action_type != ALIGHT)


def _any_alighting(group: Sequence[Action]) -> bool:
    return any(action.action_type == ALIGHT for action in group)


def _board(memory: AgentMemory, action: Action, doorway: Doorway, cabin: Cabin, now: float) -> Step:
    task = rider_task(action)
    if memory.carries(task.trip_id):
        return Step(ActionStatus.FINISHED)
    if action.action_id in memory.stepping_in:
        # Who is stepping in is let in, whatever happened meanwhile. Nobody else is asked.
        boarding = cabin.board(task.trip_id, task.party, now)
        if boarding is not None and boarding.begins_s <= now:
            if boarding.ends_s <= now:
                return Step(ActionStatus.FINISHED)
            return Step(ActionStatus.RUNNING, due_s=boarding.ends_s)
    if doorway.barred is not None:
        return Step(ActionStatus.FAILED, doorway.barred)
    if doorway.open_since_s is None:
        return Step(ActionStatus.INITIALIZING)
    return _await_party(memory, task, doorway.open_since_s, cabin, now)


def _await_party(
    memory: AgentMemory, task: RiderTask, open_since_s: float, cabin: Cabin, now: float
) -> Step:
    begin_s = max(memory.reached_here_s, task.not_before_s, open_since_s)
    if now < begin_s:
        return Step(ActionStatus.INITIALIZING, due_s=begin_s)
    deadline_s = begin_s + task.max_dwell_s
    boarding = cabin.board(task.trip_id, task.party, now)
    if boarding is not None:  # in sight: whoever waits for others to step in is no no-show
        if boarding.ends_s <= now:
            return Step(ActionStatus.FINISHED)
        is_in_door = boarding.begins_s <= now
        due_s = boarding.ends_s if is_in_door else boarding.begins_s
        return Step(ActionStatus.RUNNING, due_s=due_s, stepping_in=is_in_door)
    if now >= deadline_s:
        return Step(ActionStatus.FINISHED, NO_SHOW)
    return Step(ActionStatus.RUNNING, due_s=deadline_s)


def _alight(memory: AgentMemory, action: Action, cabin: Cabin, now: float) -> Step:
    task = rider_task(action)
    if not memory.carries(task.trip_id):
        return Step(ActionStatus.FINISHED, NOT_ABOARD)
    out_s = cabin.alight(task.trip_id, task.party, now)
    if out_s is not None and out_s <= now:
        return Step(ActionStatus.FINISHED)
    return Step(ActionStatus.RUNNING, due_s=out_s)


def _charge(action: Action, chassis: Chassis, now: float) -> Step:
    if action.action_type != START_CHARGING:
        chassis.unplug(now)
    elif not chassis.plug_in(now):
        return Step(ActionStatus.FAILED, NO_POWER)
    return Step(ActionStatus.FINISHED)


def _noted(memory: AgentMemory, action: Action, step: Step, now: float) -> AgentMemory:
    before = memory.status_of(action.action_id)
    if step.stepping_in and action.action_id not in memory.stepping_in:
        steps = (*memory.stepping_in, action.action_id)
        memory = memory.model_copy(update={"stepping_in": steps})
    after = ActionState(
        action_id=action.action_id,
        action_type=action.action_type,
        action_status=step.status,
        result_description=step.result,
    )
    if before == after:
        return memory
    states = tuple(after if s.action_id == action.action_id else s for s in memory.action_states)
    update: dict[str, object] = {
        "action_states": states if before is not None else (*memory.action_states, after)
    }
    if step.status in ENDED and action.action_id in memory.stepping_in:
        update["stepping_in"] = tuple(i for i in memory.stepping_in if i != action.action_id)
    if step.status is ActionStatus.FINISHED and action.action_type in (BOARD, ALIGHT):
        task = rider_task(action)
        others = tuple(p for p in memory.aboard if p.trip_id != task.trip_id)
        if action.action_type == BOARD and step.result != NO_SHOW:
            update["aboard"] = (*others, passenger_of(task.trip_id, task.party))
        else:
            update["aboard"] = others
    memory = memory.model_copy(update=update)
    if step.status in ENDED and action.action_type in (BOARD, ALIGHT):
        memory = note_end(memory, after, rider_task(action).trip_id, now)
    return memory
