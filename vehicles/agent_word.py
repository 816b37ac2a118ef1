"""How long a plan is valid on board: counted from the dispatcher's own word. Pure.

That the broker answers says nothing about the dispatcher. So every order, and every renewal in
between, names the newest of our states that the dispatcher had heard when it spoke, and the
validity counts from when we *sent* that state, by our own clock. The dispatcher counts from when
it *heard* it, which is later, whatever the message took and whatever either clock shows. So ours
has run out before it gives our riders to another shuttle; see ``dispatcher/engine/lapse.py``.
"""

from dataclasses import dataclass
from typing import Final

from vehicles.agent_events import note_end
from vehicles.agent_memory import AgentMemory
from vehicles.mapping import BOARD, PLAN_EXPIRED, TRIP_ID
from vehicles.messages import (
    Acknowledged,
    Action,
    ActionState,
    ActionStatus,
    InstantActions,
    Order,
)

# Stamps on the wire have whole milliseconds.
_ROUNDING_S: Final = 0.002
# A clock put right by less than this while we run is within the dispatcher's margin.
_CLOCK_SET_BACK_S: Final = 1.0

_WAITS: Final = frozenset({ActionStatus.WAITING, ActionStatus.INITIALIZING, ActionStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class Word:
    """What a message says besides its order or actions. Times are seconds since the epoch."""

    sent_s: float  # by the dispatcher's clock
    epoch: int | None
    order_id: str | None  # of the order that it renews
    heard_s: float | None  # our own stamp on the state that it answers
    acknowledged: Acknowledged | None


def word_of(message: Order | InstantActions) -> Word:
    return Word(
        sent_s=message.timestamp.timestamp(),
        epoch=message.epoch,
        order_id=message.order_id,
        heard_s=None if message.heard is None else message.heard.timestamp(),
        acknowledged=message.acknowledged,
    )


def take_word(memory: AgentMemory, word: Word, started_s: float, now: float) -> AgentMemory:
    """The memory after a word that is not from a dispatcher that was replaced.

    It renews nothing if it answers a state from before ``started_s``, when we were switched on:
    how long ago that was, a clock that may have been set meanwhile cannot tell.
    """
    update: dict[str, object] = {}
    if word.epoch is not None and word.epoch > memory.epoch:
        update["epoch"] = word.epoch
    if word.acknowledged is not None and word.acknowledged.series == memory.series:
        left = tuple(e for e in memory.events if e.number > word.acknowledged.number)
        if len(left) != len(memory.events):
            update["events"] = left
    if word.heard_s is not None and word.order_id == memory.order_id:
        update |= {} if memory.on_word else {"on_word": True}
        if _renews(memory, word.heard_s, started_s, now):
            if _had_lapsed(memory, word):
                memory = expire(memory, now)
            update |= {"word_s": word.heard_s, "word_sent_s": word.sent_s}
    return memory.model_copy(update=update) if update else memory


def is_fresh(memory: AgentMemory, started_s: float) -> bool:
    """Whether the dispatcher's word on this order was heard since we were switched on."""
    return memory.word_s is not None and memory.word_s >= started_s - _ROUNDING_S


def has_expired(memory: AgentMemory, now: float) -> bool:
    """Whether nobody may board by the present order any more."""
    if not memory.on_word:
        lost_s = memory.contact_lost_s
        return lost_s is not None and now >= lost_s + memory.plan_validity_s
    if memory.word_s is None:
        return False  # it has not become valid yet
    age_s = now - memory.word_s
    return age_s >= memory.plan_validity_s or age_s < -_CLOCK_SET_BACK_S


def expires_s(memory: AgentMemory) -> float | None:
    """When that will be, if no word comes; None if never."""
    from_s = memory.word_s if memory.on_word else memory.contact_lost_s
    return None if from_s is None else from_s + memory.plan_validity_s


def has_boardings(memory: AgentMemory) -> bool:
    """Whether anyone is still to board in the released part."""
    return any(memory.is_open(action) for action in _boardings(memory))


def expire(memory: AgentMemory, now: float) -> AgentMemory:
    """End every boarding of the released part that has not begun, for good.

    A word that comes later must not open them again: others may have been sent by then. What is
    released later becomes valid by a word that comes later still.
    """
    for action in _boardings(memory):
        if action.action_id in memory.stepping_in or not memory.is_open(action):
            continue
        ended = ActionState(
            action_id=action.action_id,
            action_type=action.action_type,
            action_status=ActionStatus.FAILED,
            result_description=PLAN_EXPIRED,
        )
        states = tuple(
            ended if state.action_id == action.action_id else state
            for state in memory.action_states
        )
        memory = memory.model_copy(update={"action_states": states})
        memory = note_end(memory, ended, str(action.parameter(TRIP_ID)), now)
    if memory.word_s is not None:
        memory = memory.model_copy(update={"word_s": None, "word_sent_s": None})
    return memory


def _boardings(memory: AgentMemory) -> tuple[Action, ...]:
    """The board actions of the released part, ended or not."""
    here = () if memory.here is None else (memory.here,)
    return tuple(
        action
        for node in (*here, *(node for node in memory.nodes if node.released))
        for action in node.actions
        if action.action_type == BOARD
    )


def _renews(memory: AgentMemory, heard_s: float, started_s: float, now: float) -> bool:
    if not started_s - _ROUNDING_S <= heard_s <= now + _ROUNDING_S:
        return False
    if now - heard_s >= memory.plan_validity_s:
        return False  # it was on its way for too long
    return memory.word_s is None or heard_s > memory.word_s or memory.word_s > now


def _had_lapsed(memory: AgentMemory, word: Word) -> bool:
    """Whether the validity had run out between the last word and this, by the dispatcher's clock.

    Ours may have been set back, or have stood still, while we were off.
    """
    last_s = memory.word_sent_s
    return last_s is not None and word.sent_s - last_s >= memory.plan_validity_s
