"""What the on-board agent refuses although it was signed: messages kept and sent again. Pure.

Most replays are refused anyway: an older epoch, an older update, an order older than the one at
work, a word that answers an older state; an action done before is not done again. Here is what
is left: actions so old that their ids are forgotten, and a shuttle that remembers nothing.
"""

from typing import Final

from vehicles.agent_memory import MOST_INSTANTS, AgentMemory
from vehicles.agent_orders import refuse_order
from vehicles.messages import ActionState, Order

# The dispatcher drops what a vehicle says whose clock is further off than this, so that one in
# service never takes its dispatcher's word for so old.
MOST_AGE_S: Final = 600.0


def why_old(memory: AgentMemory, sent_s: float, now: float) -> str | None:
    """Why instant actions of this time may be replayed; None if they are not."""
    if sent_s < now - MOST_AGE_S:
        return f"it was sent more than {MOST_AGE_S:.0f} s ago"
    if sent_s <= memory.instants_forgotten_s:
        return "it was sent before actions that are forgotten"
    return None


def refuse_old_order(memory: AgentMemory, order: Order, started_s: float) -> None:
    """Raise ``RefusedError`` for an old order where nothing is remembered to compare it with."""
    if not memory.order_id and order.timestamp.timestamp() < started_s - MOST_AGE_S:
        text = "it was sent long before this shuttle was switched on"
        raise refuse_order("orderUpdateError", order, text)


def note_instant(memory: AgentMemory, state: ActionState, sent_s: float) -> AgentMemory:
    """The memory with an instant action that was begun; of many the oldest is forgotten."""
    states = (*memory.instant_states, state)
    sent = (*memory.instant_sent_s, sent_s)
    forgotten_s = max((memory.instants_forgotten_s, *sent[:-MOST_INSTANTS]))
    return memory.model_copy(
        update={
            "instant_states": states[-MOST_INSTANTS:],
            "instant_sent_s": sent[-MOST_INSTANTS:],
            "instants_forgotten_s": forgotten_s,
        }
    )
