"""What idle shuttles do: charge when they must, else stand where they are next likely needed."""

from dispatcher.domain.decisions import AlertKind
from dispatcher.engine.publish import release_errand
from dispatcher.engine.routes import may_drive
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.engine.turn import Turn
from dispatcher.streets import UNREACHABLE_S


def send_idle(turn: Turn, shuttle: Shuttle) -> None:
    """Called when a shuttle has been idle for a while."""
    if shuttle.released is not None or shuttle.row.visits or not may_drive(shuttle):
        return
    if shuttle.battery_pct < turn.state.site.rules.charge_below_pct:
        _go_charging(turn, shuttle)


def _go_charging(turn: Turn, shuttle: Shuttle) -> None:
    state, rules = turn.state, turn.state.site.rules
    if shuttle.charging:
        return
    free = _free_chargers(state, shuttle)
    if not free:
        if shuttle.battery_pct < rules.battery_reserve_pct:
            text = f"{shuttle.id} has {shuttle.battery_pct:.0f} % left and no charger is free."
            turn.alert(AlertKind.LOW_BATTERY, text, shuttle.id)
        return
    times_s = state.streets.stop_times_s
    stop = min(free, key=lambda index: (int(times_s[shuttle.anchor, index]), index))
    if times_s[shuttle.anchor, stop] < UNREACHABLE_S:
        release_errand(turn, shuttle, stop, rules.charge_to_pct)


def _free_chargers(state: ServiceState, shuttle: Shuttle) -> list[int]:
    """Stops with a charger that nobody stands at or drives to."""
    taken: dict[int, int] = {}
    for other in state.shuttles.values():
        if other.id != shuttle.id:
            at = other.anchor if other.released is None else other.released.stop
            taken[at] = taken.get(at, 0) + 1
    return [
        index
        for index, stop in enumerate(state.site.zone.stops)
        if stop.chargers > taken.get(index, 0)
    ]
