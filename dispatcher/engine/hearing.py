"""Times in which this side could hear no shuttle: a silence of those is nobody's fault but ours.

The fleet's link tells when its connection is gone and when it is back; a dispatcher that takes
over knows of the time before that nobody may have listened. Riders in a shuttle that is silent or
stuck are given up only after so long a time in which it, or another one to fetch them, could have
been heard.
"""

from typing import Final

from dispatcher.domain.events import HearingLost
from dispatcher.engine.routes import is_stuck
from dispatcher.engine.state import ServiceState, TimerKind
from dispatcher.engine.turn import Turn

# Of more the oldest are forgotten, and count as heard.
_MOST_SPANS: Final = 64


def lose_hearing(turn: Turn, event: HearingLost) -> None:
    if turn.state.deaf_since_s is None:
        turn.state.deaf_since_s = min(event.since_s, turn.now_s)


def regain_hearing(turn: Turn) -> None:
    """Silences go on counting; whoever was to be given up meanwhile is looked at again."""
    state = turn.state
    if state.deaf_since_s is None:
        return
    _note_span(state, state.deaf_since_s, turn.now_s)
    state.deaf_since_s = None
    for shuttle in state.shuttles.values():
        if shuttle.aboard and (shuttle.silent or is_stuck(state, shuttle)):
            state.wake(turn.now_s, TimerKind.RESCUE, shuttle.id)


def note_takeover(turn: Turn) -> None:
    """Since the last record the zone may have had no dispatcher."""
    if turn.before_s > 0:
        _note_span(turn.state, turn.before_s, turn.now_s)


def deaf_s(state: ServiceState, since_s: int) -> int:
    """Seconds since then in which no shuttle could be heard."""
    spans = state.deaf_spans
    if state.deaf_since_s is not None:
        spans = (*spans, (state.deaf_since_s, state.now_s))
    total_s, counted_to_s = 0, since_s
    for begins_s, ends_s in sorted(spans):  # they may overlap
        total_s += max(0, ends_s - max(begins_s, counted_to_s))
        counted_to_s = max(counted_to_s, ends_s)
    return total_s


def _note_span(state: ServiceState, begins_s: int, ends_s: int) -> None:
    if ends_s > begins_s:
        state.deaf_spans = (*state.deaf_spans, (begins_s, ends_s))[-_MOST_SPANS:]
