"""Which plugs are taken, by whom and how long, as far as the fleet's own shuttles go."""

from dispatcher.engine.battery import charger_w, is_errand, level_at
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.planning.energy import charging_s
from dispatcher.planning.occupancy import PlugUse

_LEAVING_S = 120  # a charge may take so much and a tenth longer, with unplugging and driving off


def plug_uses(state: ServiceState, stop: int, but: Shuttle | None = None) -> list[PlugUse]:
    """Reserved and running charges at a stop, those of one shuttle left out."""
    uses = []
    for shuttle in state.shuttles.values():
        if but is not None and shuttle.id == but.id:
            continue
        session = shuttle.charge
        if session is not None and session.stop == stop and _is_planned(shuttle):
            uses.append(PlugUse(session.begin_s, session.until_s))
        if _plug_of(shuttle) == stop:
            uses.append(_running(state, shuttle))
    return uses


def working_plugs(state: ServiceState, stop: int) -> int:
    """Plugs of a stop that are believed to give something; 0 while the stop is closed.

    After trouble only those that gave something then are believed in. Later one more is tried,
    and another one with each further wait that passes without trouble.
    """
    plugs = state.site.zone.stops[stop].chargers
    if not plugs or not state.streets.open_stops[stop]:
        return 0
    retry_s = state.site.rules.energy.plug_retry_s
    giving = 0
    for shuttle in state.shuttles.values():
        giving += shuttle.charging and shuttle.released is None and shuttle.anchor == stop
        trouble = shuttle.plug_trouble
        if trouble is not None and trouble.stop == stop:
            waited_s = state.now_s - trouble.until_s
            tried = 1 + waited_s // retry_s if waited_s >= 0 else 0
            plugs = min(plugs, trouble.working + tried)
    return max(plugs, min(giving, state.site.zone.stops[stop].chargers))


def charger_stops(state: ServiceState) -> list[int]:
    """The stops with plugs, working or not."""
    return [index for index, stop in enumerate(state.site.zone.stops) if stop.chargers > 0]


def _is_planned(shuttle: Shuttle) -> bool:
    return any(is_errand(visit) for visit in shuttle.row.visits)


def _plug_of(shuttle: Shuttle) -> int | None:
    """The charger that a shuttle is at, or on its way to."""
    released, session = shuttle.released, shuttle.charge
    if released is not None:
        return None if released.visit.charge_to_pct is None else released.stop
    is_there = shuttle.charging or (session is not None and session.started_s is not None)
    return shuttle.anchor if is_there else None


def _running(state: ServiceState, shuttle: Shuttle) -> PlugUse:
    """From now, or its arrival, until it should be charged."""
    released, session = shuttle.released, shuttle.charge
    from_s, to_pct = state.now_s, state.site.rules.charge_to_pct
    if session is not None:
        to_pct = session.to_pct
    if released is not None:
        from_s = max(from_s, released.eta_s)
        to_pct = released.visit.charge_to_pct or to_pct
    level = level_at(state, shuttle, from_s)
    needs_s = charging_s(state.site.rules.energy, level, to_pct, charger_w(state, shuttle))
    return PlugUse(from_s, from_s + needs_s * 11 // 10 + _LEAVING_S)
