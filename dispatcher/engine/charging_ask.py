"""The engine's two ends of a charging plan: the question, and the answer as an event."""

from dispatcher.domain.energy import PlannedCharge
from dispatcher.domain.events import ChargingPlanned
from dispatcher.domain.ids import ShuttleId
from dispatcher.engine.battery import is_errand, level_at
from dispatcher.engine.hours import utc_offset_s
from dispatcher.engine.plugs import charger_stops, plug_uses, working_plugs
from dispatcher.engine.routes import may_drive
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.planning.charging import ChargeNeed, ChargerSite, ChargingProblem, ChosenCharge
from dispatcher.planning.energy import level_ws, percent_of
from dispatcher.planning.occupancy import PlugUse

_SLOT_S = 600
_SLOTS = 24
_MIN_GAP_PCT = 8  # closer to the target nobody goes to charge
_KEEP_S = 900  # a charge that begins so soon stays as it is


def charging_ask(state: ServiceState) -> ChargingProblem | None:
    """Who could charge where in the next hours; None if nobody needs to or could."""
    rules = state.site.rules
    rule = rules.energy
    chargers = charger_stops(state)
    fleet = [shuttle for shuttle in state.shuttles.values() if may_drive(shuttle)]
    open_ones = [shuttle for shuttle in fleet if _may_be_planned(state, shuttle)]
    target = level_ws(rule, rules.charge_to_pct)
    needs = []
    for shuttle in open_ones:
        free_s, stop = _free_from(shuttle)
        level = level_at(state, shuttle, shuttle.row.start_s)
        if level < target - level_ws(rule, _MIN_GAP_PCT):
            drives = tuple(int(state.streets.stop_times_s[stop, c]) for c in chargers)
            drain_w = (rule.driving_w + rule.standing_w) // 2 * shuttle.drain_pct // 100
            needs.append(ChargeNeed(shuttle.id, level, drain_w, free_s, drives))
    if not needs or not chargers:
        return None
    sites = []
    for stop in chargers:
        taken = plug_uses(state, stop)
        for shuttle in open_ones:  # whose plugs are chosen anew
            if shuttle.charge is not None and shuttle.charge.stop == stop:
                taken.remove(PlugUse(shuttle.charge.begin_s, shuttle.charge.until_s))
        power_w = state.site.zone.stops[stop].charger_w
        sites.append(ChargerSite(stop, working_plugs(state, stop), power_w, tuple(taken)))
    return ChargingProblem(
        now_s=-(-state.now_s // _SLOT_S) * _SLOT_S,  # so that the next plan has the same slots
        slot_s=_SLOT_S,
        demand=_demand(state),
        chargers=tuple(sites),
        needs=tuple(needs),
        out=len(fleet),
        keep_pct=rule.peak_keep_pct,
        full_ws=level_ws(rule, 100),
        target_ws=target,
        low_ws=level_ws(rule, rules.charge_below_pct),
        slack_s=min(rule.charge_slack_s, _SLOT_S - 1),
    )


def charging_of(
    state: ServiceState, chosen: tuple[ChosenCharge, ...], at_s: int
) -> ChargingPlanned:
    """The choice as an event."""
    rule, stops = state.site.rules.energy, state.site.zone.stops
    return ChargingPlanned(
        at_s,
        tuple(
            PlannedCharge(
                ShuttleId(charge.key),
                stops[charge.stop].id,
                charge.begin_s,
                charge.until_s,
                max(1, percent_of(rule, charge.to_ws)),
            )
            for charge in chosen
        ),
    )


def is_news(state: ServiceState, event: ChargingPlanned) -> bool:
    """The plan says anything else than what is reserved already."""
    index = state.streets.stop_index
    planned = {
        (shuttle.id, shuttle.charge.stop, shuttle.charge.begin_s)
        for shuttle in state.shuttles.values()
        if shuttle.charge is not None and _may_be_planned(state, shuttle)
    }
    return planned != {(c.shuttle_id, index[c.stop_id], c.begin_s) for c in event.sessions}


def _may_be_planned(state: ServiceState, shuttle: Shuttle) -> bool:
    """It neither charges nor is about to, so that its charge may still be chosen."""
    released, session = shuttle.released, shuttle.charge
    if shuttle.charging or (released is not None and released.visit.charge_to_pct is not None):
        return False
    if session is None:
        return True
    planned = any(is_errand(visit) for visit in shuttle.row.visits)
    return planned and session.begin_s > state.now_s + _KEEP_S


def _free_from(shuttle: Shuttle) -> tuple[int, int]:
    """When and where its route has nobody aboard any more, or is over."""
    row, times = shuttle.row, shuttle.times
    visits = [
        (visit, depart_s)
        for visit, depart_s in zip(row.visits, times.depart_s, strict=False)
        if not is_errand(visit)
    ]
    if not visits:
        return row.start_s, row.start_stop
    return visits[-1][1], visits[-1][0].stop


def _demand(state: ServiceState) -> tuple[int, ...]:
    """Expected requests in the whole zone by slot, in thousandths for a slot of the forecast."""
    forecast, now_s = state.forecast, state.now_s
    local_s = now_s + utc_offset_s(state.site.zone, now_s)
    return tuple(
        forecast.zone_milli((local_s + i * _SLOT_S) // forecast.slot_s) for i in range(_SLOTS)
    )
