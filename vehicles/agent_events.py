"""What happened to riders, numbered and kept on board until the dispatcher has it. Pure.

How far an action came can be read from every state, but only while the order lasts and the
vehicle still lists the action. A numbered event outlives both, and tells a repetition apart.
"""

from vehicles.agent_memory import MOST_EVENTS, AgentMemory
from vehicles.mapping import BOARD, NO_SHOW, NOT_ABOARD
from vehicles.messages import (
    ActionState,
    ActionStatus,
    RiderEvent,
    RiderEventKind,
    moment_of,
)


def note_end(memory: AgentMemory, ended: ActionState, trip_id: str, now: float) -> AgentMemory:
    """Give the end of a board or alight action the next number.

    An alighting that failed is no event: the riders are where they were. Nor is one of riders
    who are not aboard: that they got out here was not seen.
    """
    kind = _kind_of(ended)
    if kind is None:
        return memory
    event = RiderEvent(
        number=memory.events_made + 1,
        kind=kind,
        action_id=ended.action_id,
        trip_id=trip_id,
        timestamp=moment_of(now),
        reason=ended.result_description if kind is RiderEventKind.NOT_LET_IN else None,
    )
    return memory.model_copy(
        update={
            # The time of the first event tells this memory's numbers from those of one lost.
            "series": memory.series or f"{round(now * 1000)}",
            "events_made": event.number,
            "events": (*memory.events, event)[-MOST_EVENTS:],
        }
    )


def _kind_of(ended: ActionState) -> RiderEventKind | None:
    failed = ended.action_status is ActionStatus.FAILED
    result = ended.result_description or ""
    if ended.action_type != BOARD:
        unseen = failed or result.startswith(NOT_ABOARD)
        return None if unseen else RiderEventKind.ALIGHTED
    if failed:
        return RiderEventKind.NOT_LET_IN
    if result.startswith(NO_SHOW):
        return RiderEventKind.NOT_THERE
    return RiderEventKind.BOARDED
