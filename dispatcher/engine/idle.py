"""What idle shuttles do: stand where they are next likely needed."""

from collections import Counter

import numpy as np

from dispatcher.domain.commands import CommandProblem, CommandRefusal
from dispatcher.domain.ids import StopId
from dispatcher.engine.hours import utc_offset_s
from dispatcher.engine.release import release_errand
from dispatcher.engine.routes import may_drive, takes_riders
from dispatcher.engine.state import ServiceState, Shuttle, TimerKind
from dispatcher.engine.turn import Turn
from dispatcher.planning.fairness import fair_demand
from dispatcher.planning.onward import Ints, onward_drive
from dispatcher.planning.rebalancing import FAR_S, RebalancingRule, rebalance
from dispatcher.streets import UNREACHABLE_S

# A drive to park goes by stops at most so far apart, since a shuttle can be sent elsewhere only
# where its released part ends. Going by a stop may cost so much more than going straight.
_HOP_S = 75
_HOP_DETOUR_S = 15

_SOON_S = 300  # a shuttle that has done all it has to within this counts as there


def is_idle(shuttle: Shuttle) -> bool:
    """Nothing to do and free to do something."""
    return shuttle.released is None and not shuttle.row.visits and may_drive(shuttle)


def send_idle(turn: Turn, shuttle: Shuttle) -> None:
    """Called when a shuttle has been idle for a while: where all idle ones stand is decided."""
    state, rules = turn.state, turn.state.site.rules
    if not is_idle(shuttle):
        return
    next_s = state.rebalanced_s + rules.rebalance_every_s
    if turn.now_s >= next_s:
        state.rebalanced_s = turn.now_s
        _rebalance(turn)
        next_s = turn.now_s + rules.park_again_s
    if is_idle(shuttle):
        state.wake(next_s, TimerKind.PARK, shuttle.id)


def station(turn: Turn, shuttle: Shuttle, stop_id: StopId) -> CommandRefusal | None:
    """Send a shuttle that has nothing to do to a stop, to stay there until it has riders.

    It goes as any idle shuttle goes where it is needed; the rebalancing leaves it there.
    """
    state = turn.state
    stop = state.streets.stop_index.get(stop_id)
    refusal = _not_to_send(state, shuttle, stop, stop_id)
    if refusal is not None or stop is None:
        return refusal
    shuttle.stationed_at = stop
    shuttle.parking_stop = None if is_idle(shuttle) and shuttle.anchor == stop else stop
    turn.touch(shuttle)
    return None


def _not_to_send(
    state: ServiceState, shuttle: Shuttle, stop: int | None, stop_id: StopId
) -> CommandRefusal | None:
    if stop is None:
        return CommandRefusal(
            CommandProblem.UNKNOWN_PLACE, f"There is no stop {stop_id}.", "Name one of the zone's."
        )
    if not may_drive(shuttle):
        return CommandRefusal(
            CommandProblem.CANNOT_DRIVE,
            f"{shuttle.id} cannot be sent on just now.",
            "Release it if it is held; else it must be heard, drive itself and have no fault.",
        )
    if shuttle.charge is not None or _is_to_charge(shuttle):
        return CommandRefusal(
            CommandProblem.NOT_IDLE,
            f"{shuttle.id} charges, or is about to.",
            "Name another, or wait until it has charged.",
        )
    if shuttle.row.visits or shuttle.aboard or not _is_on_errand(shuttle):
        return CommandRefusal(
            CommandProblem.NOT_IDLE,
            f"{shuttle.id} has riders to serve.",
            "Name one that is idle, or move its trips first.",
        )
    if shuttle.stationed_at == stop:
        return CommandRefusal(
            CommandProblem.ALREADY_SO,
            f"{shuttle.id} stands there already, or is on its way.",
            "There is nothing to do.",
        )
    return _no_room(state, shuttle, stop)


def _no_room(state: ServiceState, shuttle: Shuttle, stop: int) -> CommandRefusal | None:
    here = shuttle.anchor if shuttle.released is None else shuttle.released.stop
    stop_id = state.site.zone.stops[stop].id
    if not state.streets.open_stops[stop]:
        return CommandRefusal(
            CommandProblem.STOP_CLOSED, f"Stop {stop_id} is closed.", "Open it, or name another."
        )
    if state.streets.stop_times_s[here, stop] >= UNREACHABLE_S:
        return CommandRefusal(
            CommandProblem.UNREACHABLE,
            f"No open street leads from {shuttle.id} to stop {stop_id}.",
            "Open streets, or name another stop.",
        )
    berths = state.berths.berths[stop]
    if berths is not None:
        number = state.row_of[shuttle.id]
        taken = sum(1 for row in state.berths.parked(stop) if row != number)
        bound = sum(
            1
            for other in state.shuttles.values()
            if other.parking_stop == stop
            and other.id != shuttle.id
            and state.row_of[other.id] not in state.berths.parked(stop)
        )
        if taken + bound >= berths:
            return CommandRefusal(
                CommandProblem.STOP_FULL,
                f"Stop {stop_id} has {berths} berths, and none is left.",
                "Send a shuttle away from there first, or name another stop.",
            )
    return None


def _is_on_errand(shuttle: Shuttle) -> bool:
    """Standing, or driving with nothing to do at the end of it."""
    released = shuttle.released
    return released is None or not (released.visit.boards or released.visit.alights)


def _is_to_charge(shuttle: Shuttle) -> bool:
    released = shuttle.released
    return released is not None and released.visit.charge_to_pct is not None


def go_on_parking(turn: Turn, shuttle: Shuttle) -> None:
    """Drive the next hop towards the stop to park at, unless there is something better to do."""
    if shuttle.parking_stop is None:
        return
    if not is_idle(shuttle) or shuttle.anchor == shuttle.parking_stop:
        stands_there = shuttle.released is None and shuttle.anchor == shuttle.parking_stop
        if shuttle.row.visits or stands_there:
            shuttle.parking_stop = None
        return
    hop = _hop(turn.state, shuttle.anchor, shuttle.parking_stop)
    if hop is None:
        shuttle.parking_stop = None
    else:
        release_errand(turn, shuttle, hop, None)


def expected_onward(state: ServiceState) -> Ints | None:
    """Expected drive from each stop to a shuttle's next rider, as last forecast; int64[stops].

    None where the rules price no ends of routes, or nobody is expected. Looks only.
    """
    near_s = np.minimum(state.streets.stop_times_s, FAR_S)
    return onward_drive(near_s, state.forecast.starts_milli[0], state.site.rules.onward_requests)


def _rebalance(turn: Turn) -> None:
    """Send idle shuttles where riders are expected, as far as that pays."""
    state, rules = turn.state, turn.state.site.rules
    idle, others_at = _idle_and_others(turn)
    if not idle:
        return
    local_s = turn.now_s + utc_offset_s(state.site.zone, turn.now_s)
    expected = state.forecast.expected_milli(local_s, rules.rebalance_horizon_s)
    moves = rebalance(
        [shuttle.anchor for shuttle in idle],
        fair_demand(expected, state.waits.ratios_pct(), rules.fair_wait_multiple_pct),
        state.streets.stop_times_s,
        _room(state, idle),
        rules.objective,
        others_at,
        RebalancingRule(least_gain_pct=rules.rebalance_gain_pct),
    )
    for move in moves:
        shuttle = idle[move.idle]
        shuttle.parking_stop = move.to_stop
        turn.touch(shuttle)
        go_on_parking(turn, shuttle)


def _idle_and_others(turn: Turn) -> tuple[list[Shuttle], list[int]]:
    """Those that may be moved, idle longest first, and the stops where others are free soon."""
    state, rules = turn.state, turn.state.site.rules
    idle: list[tuple[int, Shuttle]] = []
    others_at: list[int] = []
    for shuttle in state.shuttles.values():
        since_s = shuttle.idle_since_s
        charges = shuttle.charging and shuttle.battery_pct < rules.charge_to_pct
        if is_idle(shuttle) and not charges and shuttle.charge is None and since_s is not None:
            rested = turn.now_s - since_s >= rules.park_after_s
            if rested and shuttle.stationed_at is None:
                idle.append((since_s, shuttle))
            else:
                others_at.append(shuttle.anchor)
        elif takes_riders(state, shuttle):
            free_s, stop = _free_at(shuttle)
            if free_s <= turn.now_s + _SOON_S:
                others_at.append(stop)
    idle.sort(key=lambda each: (each[0], each[1].id))
    return [shuttle for _, shuttle in idle], others_at


def _free_at(shuttle: Shuttle) -> tuple[int, int]:
    """When and where a shuttle has done all that is planned."""
    if shuttle.row.visits and shuttle.times.depart_s:
        return shuttle.times.depart_s[-1], shuttle.row.visits[-1].stop
    stop = shuttle.row.start_stop if shuttle.parking_stop is None else shuttle.parking_stop
    return shuttle.row.start_s, stop


def _room(state: ServiceState, idle: list[Shuttle]) -> list[int]:
    """How many of the idle shuttles can stand at each stop; one berth is left to riders."""
    mine = {state.row_of[shuttle.id] for shuttle in idle}
    bound_for = Counter(
        shuttle.parking_stop
        for shuttle in state.shuttles.values()
        # On its last hop there it counts as parked already.
        if shuttle.released is not None and shuttle.released.stop != shuttle.parking_stop
    )
    room = []
    for stop, berths in enumerate(state.berths.berths):
        if not state.streets.open_stops[stop]:
            room.append(0)
        elif berths is None:
            room.append(len(idle))
        else:
            taken = sum(1 for row in state.berths.parked(stop) if row not in mine)
            room.append(max(0, berths - 1 - taken - bound_for[stop]))
    return room


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
