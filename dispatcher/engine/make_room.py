"""Room at stops: who stands at a berth with nothing to do leaves it in time for those who come."""

from dataclasses import replace

from dispatcher.domain.decisions import AlertKind
from dispatcher.engine.by_hand import idle_stop
from dispatcher.engine.release import release_errand
from dispatcher.engine.routes import may_drive
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.engine.turn import Turn
from dispatcher.planning.schedule import Schedule, schedule
from dispatcher.streets import UNREACHABLE_S

_LEAD_S = 90  # who arrives within this is made room for; a shuttle needs some of it to hear and go
_AHEAD_S = 600  # a stop to move on to is not needed by others for so long
_MARGIN_S = 30  # a shuttle that has to be elsewhere later gets there by so much


def make_room(turn: Turn, shuttle: Shuttle) -> None:
    """Called when a shuttle has been sent to a stop, or has nothing to do at one.

    The one that has been idle longest leaves first.
    """
    state = turn.state
    stop = shuttle.anchor if shuttle.released is None else shuttle.released.stop
    berths = state.berths.berths[stop]
    if berths is None:
        return
    parked = [state.shuttles[state.shuttle_of_row[row]] for row in state.berths.parked(stop)]
    if not parked:
        return
    due_s = turn.now_s + _LEAD_S
    if shuttle.released is not None:
        due_s = max(due_s, shuttle.released.eta_s + 1)
    coming = state.berths.most_at_once(stop, turn.now_s, due_s)
    if not coming:
        return  # where an operator put them, they are in nobody's way
    too_many = len(parked) + coming - berths
    parked.sort(key=lambda each: (each.idle_since_s or turn.now_s, each.id))
    for each in parked:
        if too_many > 0 and _moves_on(turn, each):
            too_many -= 1


def free_berths(state: ServiceState, stop: int, from_s: int, to_s: int) -> int:
    """Berths that nobody is planned at, nor stands at or is sent to; many at a depot."""
    berths = state.berths.berths[stop]
    if berths is None:
        return len(state.shuttles)
    taken = state.berths.most_at_once(stop, from_s, to_s)
    return max(0, berths - taken - len(state.berths.parked(stop)))


def note_crowd(turn: Turn, shuttle: Shuttle) -> None:
    """Tell an operator when a shuttle arrives at a stop at which there is no berth for it."""
    state = turn.state
    assert shuttle.released is not None
    stop = shuttle.released.stop
    berths = state.berths.berths[stop]
    if berths is None:
        return
    standing = [other for other in state.shuttles.values() if berth_of(state, other) == stop]
    if len(standing) > berths:
        names = ", ".join(other.id for other in standing)
        stop_id = state.site.zone.stops[stop].id
        text = f"{names} are at stop {stop_id}, where there are {berths} berths."
        turn.alert(AlertKind.STOP_CROWDED, text, shuttle.id)


def berth_of(state: ServiceState, shuttle: Shuttle) -> int | None:
    """The stop at a berth of which it stands, as far as it has said. Who charges is at a plug."""
    released = shuttle.released
    if released is not None:
        at_plug = released.visit.charge_to_pct is not None
        return None if released.arrived_s is None or at_plug else released.stop
    return None if shuttle.charging else idle_stop(state, shuttle)


def crowds(state: ServiceState) -> dict[int, list[Shuttle]]:
    """By stop: all who stand there, where these are more than it has berths."""
    standing: dict[int, list[Shuttle]] = {}
    for shuttle in state.shuttles.values():
        stop = berth_of(state, shuttle)
        if stop is not None:
            standing.setdefault(stop, []).append(shuttle)
    berths = state.berths.berths
    return {
        stop: there
        for stop, there in standing.items()
        if (room := berths[stop]) is not None and len(there) > room
    }


def _moves_on(turn: Turn, shuttle: Shuttle) -> bool:
    """Send a shuttle to the nearest stop with room; False if it has to stay."""
    state = turn.state
    if shuttle.released is not None or not may_drive(shuttle):
        return False
    times_s = state.streets.stop_times_s[shuttle.anchor]
    near = sorted(
        (int(times_s[stop]), stop)
        for stop in range(len(state.berths.berths))
        if stop != shuttle.anchor
        and times_s[stop] < UNREACHABLE_S
        and state.streets.open_stops[stop]
    )
    for drive_s, stop in near:
        arrive_s = turn.now_s + drive_s
        if free_berths(state, stop, arrive_s, arrive_s + _AHEAD_S) <= 0:
            continue
        if not _still_fits(state, shuttle, stop, arrive_s + _MARGIN_S):
            return False  # what is farther away fits even less
        release_errand(turn, shuttle, stop, None)
        shuttle.parking_stop = shuttle.stationed_at = None
        turn.touch(shuttle)
        return True
    return False


def _still_fits(state: ServiceState, shuttle: Shuttle, stop: int, start_s: int) -> bool:
    """What it has to do later can be done from there."""
    if not shuttle.row.visits:
        return True
    row = replace(shuttle.row, start_stop=stop, start_s=max(start_s, shuttle.row.start_s))
    return isinstance(schedule(row, state.streets.stop_times_s, state.now_s), Schedule)
