"""What idle shuttles do: stand where they are next likely needed."""

from dispatcher.engine.release import release_errand
from dispatcher.engine.routes import may_drive
from dispatcher.engine.state import ServiceState, Shuttle, TimerKind
from dispatcher.engine.turn import Turn
from dispatcher.planning.parking import choose_parking
from dispatcher.streets import UNREACHABLE_S

# A drive to park goes by stops at most so far apart, since a shuttle can be sent elsewhere only
# where its released part ends. Going by a stop may cost so much more than going straight.
_HOP_S = 75
_HOP_DETOUR_S = 15

# Choosing where to park looks at the whole fleet: milliseconds, when that is large. When many
# are idle since the same moment, riders' requests must not have to wait behind all of them.
MOST_AT_ONCE = 4


def is_idle(shuttle: Shuttle) -> bool:
    """Nothing to do and free to do something."""
    return shuttle.released is None and not shuttle.row.visits and may_drive(shuttle)


def send_idle(turn: Turn, shuttle: Shuttle) -> None:
    """Called when a shuttle has been idle for a while."""
    state, rules = turn.state, turn.state.site.rules
    if not is_idle(shuttle):
        return
    turn.idle_sent += 1
    wait_s = (turn.idle_sent - 1) // MOST_AT_ONCE
    if wait_s > 0:
        state.wake(turn.now_s + wait_s, TimerKind.PARK, shuttle.id)
        return
    turn.touch(shuttle)
    if not (shuttle.charging and shuttle.battery_pct < rules.charge_to_pct):
        _go_parking(turn, shuttle)
    if is_idle(shuttle):
        state.wake(turn.now_s + rules.park_again_s, TimerKind.PARK, shuttle.id)


def go_on_parking(turn: Turn, shuttle: Shuttle) -> None:
    """Drive the next hop towards the stop to park at, unless there is something better to do."""
    if shuttle.parking_stop is None:
        return
    if not is_idle(shuttle) or shuttle.anchor == shuttle.parking_stop:
        if shuttle.row.visits or shuttle.anchor == shuttle.parking_stop:
            shuttle.parking_stop = None
        return
    hop = _hop(turn.state, shuttle.anchor, shuttle.parking_stop)
    if hop is None:
        shuttle.parking_stop = None
    else:
        release_errand(turn, shuttle, hop, None)


def _go_parking(turn: Turn, shuttle: Shuttle) -> None:
    state = turn.state
    standing = _standing(state, shuttle)
    free_berths = [
        stop.berths - standing.get(index, 0) if state.streets.open_stops[index] else 0
        for index, stop in enumerate(state.site.zone.stops)
    ]
    others_at = [stop for stop, count in standing.items() for _ in range(count)]
    moves = choose_parking(
        [shuttle.anchor],
        state.demand.hourly_milli(turn.now_s),
        state.streets.stop_times_s,
        free_berths,
        state.site.rules.objective,
        others_at,
    )
    for move in moves:
        shuttle.parking_stop = move.to_stop
        go_on_parking(turn, shuttle)


def _hop(state: ServiceState, here: int, goal: int) -> int | None:
    """The stop to drive to next on the way to ``goal``; None where no way leads on."""
    times_s = state.streets.stop_times_s
    straight_s = int(times_s[here, goal])
    if straight_s >= UNREACHABLE_S:
        return None
    via_s = times_s[here] + times_s[:, goal]
    on_the_way = (via_s <= straight_s + _HOP_DETOUR_S) & (times_s[here] <= _HOP_S)
    candidates = [int(stop) for stop in on_the_way.nonzero()[0] if stop != here]
    if straight_s <= _HOP_S or not candidates:
        return goal
    return max(candidates, key=lambda stop: (int(times_s[here, stop]), -stop))


def _standing(state: ServiceState, shuttle: Shuttle) -> dict[int, int]:
    """How many other shuttles stand at, or are bound for, each stop; in the order of the fleet."""
    taken: dict[int, int] = {}
    for other in state.shuttles.values():
        if other.id == shuttle.id:
            continue
        at = other.anchor if other.released is None else other.released.stop
        if other.parking_stop is not None:
            at = other.parking_stop
        taken[at] = taken.get(at, 0) + 1
    return taken
