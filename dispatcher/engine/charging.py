"""Charging in service: plugs reserved, driven to, waited for, and given up for riders.

A planned charge is an errand in the shuttle's row: riders go before or after it, and may make it
no later than its slack. Plans come as `ChargingPlanned` from outside; a shuttle whose battery is
low, or does not last for what it is to do, reserves the soonest plug by itself.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

from dispatcher.domain.decisions import AlertKind
from dispatcher.domain.energy import ChargeSession, PlugTrouble
from dispatcher.domain.events import ChargingPlanned
from dispatcher.engine.battery import is_errand, lasts, level_at
from dispatcher.engine.plugs import charger_stops, plug_uses, working_plugs
from dispatcher.engine.release import release_visit
from dispatcher.engine.routes import may_drive, refresh
from dispatcher.engine.state import ServiceState, Shuttle, TimerKind
from dispatcher.engine.turn import Turn
from dispatcher.planning.energy import charged_ws, charging_s, drain_ws, percent_of
from dispatcher.planning.occupancy import most_at_once, soonest_free_s
from dispatcher.planning.rows import FOREVER_S, RowPlan, RowVisit
from dispatcher.planning.schedule import Schedule, row_cost, schedule
from dispatcher.streets import UNREACHABLE_S

_GRACE_S = 45  # after arriving, until the shuttle should say that it charges
_SHORTEST_S = 600  # no shorter charge is worth the drive
_NEARLY_PCT = 1.0
_KEEP_S = 900  # a charge that begins so soon is not planned anew
_LOOK_AGAIN_S = 60


@dataclass(frozen=True, slots=True)
class _Fit:
    """A charge and the row with it."""

    row: RowPlan
    session: ChargeSession


def look_after_charging(turn: Turn, shuttle: Shuttle) -> None:
    """Follow the shuttle's charge, reserve one if it needs it, and send it when it is time."""
    state = turn.state
    _follow(turn, shuttle)
    if shuttle.charge is None and may_drive(shuttle) and needs_charge(state, shuttle):
        _reserve_soonest(turn, shuttle)
    _leave_for_charger(turn, shuttle)


def needs_charge(state: ServiceState, shuttle: Shuttle) -> bool:
    """Its battery is low, or does not last for what it is to do."""
    if shuttle.charging or not charger_stops(state):
        return False
    released = shuttle.released
    if released is not None and released.visit.charge_to_pct is not None:
        return False
    rules = state.site.rules
    if shuttle.battery_pct < rules.charge_below_pct:
        return True
    has_room = shuttle.battery_pct < rules.charge_to_pct - rules.energy.least_charge_pct
    return has_room and not lasts(state, shuttle)


def note_plugged(turn: Turn, shuttle: Shuttle) -> None:
    """It is at the charger and was told to plug in."""
    if shuttle.charge is not None:
        shuttle.charge = replace(shuttle.charge, started_s=turn.now_s)
        turn.state.wake(turn.now_s + _GRACE_S, TimerKind.CHARGE, shuttle.id)


def adopt_charging(turn: Turn, event: ChargingPlanned) -> None:
    """Adopt what still fits of a charging plan: a plug for everyone in it, and every promise kept.

    Charges planned before give way to the new plan unless they begin very soon.
    """
    state = turn.state
    for shuttle in state.shuttles.values():
        session = shuttle.charge
        if session is not None and _is_planned(shuttle) and session.begin_s > turn.now_s + _KEEP_S:
            _give_up(turn, shuttle)
    for planned in event.sessions:
        chosen = state.shuttles.get(planned.shuttle_id)
        stop = state.streets.stop_index.get(planned.stop_id)
        if chosen is None or stop is None or not _may_plan(state, chosen):
            continue
        refresh(state, chosen)
        turn.touch(chosen)  # time alone may have broken something
        until_s = planned.until_s + state.site.rules.energy.charge_slack_s
        span_s = planned.until_s - planned.begin_s
        begins_in_time = planned.begin_s >= turn.now_s - _LOOK_AGAIN_S
        if span_s < _SHORTEST_S or not begins_in_time or not 0 < planned.to_pct <= 100:
            continue
        taken = most_at_once(plug_uses(state, stop, but=chosen), planned.begin_s, until_s)
        if taken >= working_plugs(state, stop):
            continue
        session = ChargeSession(stop, planned.begin_s, until_s, planned.to_pct)
        places = _empty_places(state, chosen)
        made = [_with_errand(state, chosen.row, at, session) for at in places]
        fits = [fit for fit in made if fit is not None]
        if fits:
            _, row = min(fits, key=lambda fit: fit[0])
            _reserve(turn, chosen, _Fit(row, session))


def _may_plan(state: ServiceState, shuttle: Shuttle) -> bool:
    released = shuttle.released
    at_plug = released is not None and released.visit.charge_to_pct is not None
    return may_drive(shuttle) and shuttle.charge is None and not shuttle.charging and not at_plug


def _follow(turn: Turn, shuttle: Shuttle) -> None:
    """See what has become of the charge."""
    state, session = turn.state, shuttle.charge
    if session is None:
        _drop_errands(shuttle)
        return
    released = shuttle.released
    if session.started_s is None:
        bound_for = released is not None and released.visit.charge_to_pct is not None
        if not bound_for and not _is_planned(shuttle):
            shuttle.charge = None  # its order was given up
        return
    if released is not None or shuttle.battery_pct >= session.to_pct - _NEARLY_PCT:
        shuttle.charge = None  # sent away, or done
        return
    if shuttle.charging:
        return
    due_s = session.started_s + _GRACE_S
    if turn.now_s < due_s:
        state.wake(due_s, TimerKind.CHARGE, shuttle.id)
        return
    _note_trouble(turn, shuttle, session)


def _note_trouble(turn: Turn, shuttle: Shuttle, session: ChargeSession) -> None:
    """It does not charge where it should: a plug is broken, or somebody else has it."""
    state = turn.state
    working = sum(
        1
        for other in state.shuttles.values()
        if other.charging and other.released is None and other.anchor == session.stop
    )
    until_s = turn.now_s + state.site.rules.energy.plug_retry_s
    shuttle.plug_trouble = PlugTrouble(session.stop, working, until_s)
    shuttle.charge = None
    stop = state.site.zone.stops[session.stop]
    text = f"{shuttle.id} gets nothing from the charger at {stop.id}; {working} plugs work there."
    turn.alert(AlertKind.CHARGER_FAULT, text, shuttle.id)
    state.wake(until_s, TimerKind.CHARGE, shuttle.id)


def _reserve_soonest(turn: Turn, shuttle: Shuttle) -> None:
    """Reserve the plug that it can have first, in a pause of its route or after it."""
    state = turn.state
    found: list[tuple[tuple[int, int, int, int], _Fit]] = []
    for at in _empty_places(state, shuttle):
        for stop in charger_stops(state):
            fit = _soonest_at(state, shuttle, at, stop)
            if fit is not None:
                before = shuttle.row.start_stop if at == 0 else shuttle.row.visits[at - 1].stop
                drive_s = int(state.streets.stop_times_s[before, stop])
                found.append(((fit.session.begin_s + drive_s, drive_s, stop, at), fit))
    if found:
        _reserve(turn, shuttle, min(found, key=lambda each: each[0])[1])
        return
    state.wake(turn.now_s + _LOOK_AGAIN_S, TimerKind.CHARGE, shuttle.id)
    if shuttle.battery_pct < state.site.rules.battery_reserve_pct and not shuttle.short_of_range:
        shuttle.short_of_range = True
        text = f"{shuttle.id} has {shuttle.battery_pct:.0f} % left and no charger is free."
        turn.alert(AlertKind.LOW_BATTERY, text, shuttle.id)


def _soonest_at(state: ServiceState, shuttle: Shuttle, at: int, stop: int) -> _Fit | None:
    """The soonest charge at a stop, before the visit ``at`` of the row; shorter if it must be."""
    rules, row, times = state.site.rules, shuttle.row, shuttle.times
    rule, power_w = rules.energy, state.site.zone.stops[stop].charger_w
    here = row.start_stop if at == 0 else row.visits[at - 1].stop
    drive_s = int(state.streets.stop_times_s[here, stop])
    if drive_s >= UNREACHABLE_S:
        return None
    arrive_s = (row.start_s if at == 0 else times.depart_s[at - 1]) + drive_s
    level = _level_on_arrival(state, shuttle, at, drive_s, arrive_s)
    for_s = max(_SHORTEST_S, charging_s(rule, level, rules.charge_to_pct, power_w))
    uses, plugs = plug_uses(state, stop, but=shuttle), working_plugs(state, stop)
    while for_s >= _SHORTEST_S:
        begin_s = soonest_free_s(uses, plugs, arrive_s, for_s + rule.charge_slack_s)
        if begin_s is None:
            return None
        until_s = begin_s + for_s + rule.charge_slack_s
        to_pct = min(100, percent_of(rule, charged_ws(rule, level, for_s, power_w)))
        session = ChargeSession(stop, begin_s, until_s, max(1, to_pct))
        fitted = _with_errand(state, row, at, session)
        if fitted is not None:
            return _Fit(fitted[1], session)
        if at == len(row.visits):
            return None
        for_s //= 2
    return None


def _level_on_arrival(
    state: ServiceState, shuttle: Shuttle, at: int, drive_s: int, arrive_s: int
) -> int:
    row = shuttle.row
    stops = [row.start_stop, *(visit.stop for visit in row.visits[:at])]
    drives_s = sum(int(state.streets.stop_times_s[a, b]) for a, b in pairwise(stops))
    driven_s = drives_s + drive_s
    standing_s = max(0, arrive_s - row.start_s - driven_s)
    rule = state.site.rules.energy
    level = level_at(state, shuttle, row.start_s)
    return max(0, level - drain_ws(rule, driven_s, standing_s, shuttle.drain_pct))


def _with_errand(
    state: ServiceState, row: RowPlan, at: int, session: ChargeSession
) -> tuple[int, RowPlan] | None:
    """Cost and row with a charge before visit ``at``; None where a promise would not hold."""
    slack_s = state.site.rules.energy.charge_slack_s
    errand = RowVisit(
        session.stop,
        earliest_s=session.begin_s,
        latest_s=session.begin_s + slack_s,
        dwell_s=session.until_s - session.begin_s - slack_s,
    )
    visits = (*row.visits[:at], errand, *row.visits[at:])
    made = replace(row, visits=visits, drive_limit_s=FOREVER_S)
    travel_s = state.streets.stop_times_s
    times = schedule(made, travel_s, state.now_s)
    if not isinstance(times, Schedule):
        return None
    return row_cost(made, times, travel_s, state.site.rules.objective).total, made


def _empty_places(state: ServiceState, shuttle: Shuttle) -> list[int]:
    """Where in the row nobody is aboard, by the visit that comes next."""
    row = shuttle.row
    if len(shuttle.times.begin_s) != len(row.visits):
        return []
    boarding = {key for visit in row.visits for key in visit.boards}
    aboard = {ride.key for ride in row.rides} - boarding
    places = [] if aboard else [0]
    for i, visit in enumerate(row.visits):
        aboard -= set(visit.alights)
        aboard |= set(visit.boards)
        if not aboard:
            places.append(i + 1)
    return places


def _reserve(turn: Turn, shuttle: Shuttle, fit: _Fit) -> None:
    shuttle.row, shuttle.charge = fit.row, fit.session
    shuttle.route_version += 1
    refresh(turn.state, shuttle)
    turn.touch(shuttle)


def _give_up(turn: Turn, shuttle: Shuttle) -> None:
    shuttle.charge = None
    _drop_errands(shuttle)
    turn.touch(shuttle)


def _drop_errands(shuttle: Shuttle) -> None:
    visits = tuple(visit for visit in shuttle.row.visits if not is_errand(visit))
    if len(visits) != len(shuttle.row.visits):
        shuttle.row = replace(shuttle.row, visits=visits)
        shuttle.route_version += 1


def _is_planned(shuttle: Shuttle) -> bool:
    return any(is_errand(visit) for visit in shuttle.row.visits)


def _leave_for_charger(turn: Turn, shuttle: Shuttle) -> None:
    """Set out for the charge that comes next, if it is time and the plug is still to be had."""
    state, session, row = turn.state, shuttle.charge, shuttle.row
    if session is None or shuttle.released is not None or not may_drive(shuttle):
        return
    if not row.visits or not is_errand(row.visits[0]) or not shuttle.times.begin_s:
        return
    rules = state.site.rules
    travel_s = int(state.streets.stop_times_s[shuttle.anchor, session.stop])
    leave_s = shuttle.times.begin_s[0] - travel_s - rules.early_start_s
    if turn.now_s < leave_s:
        state.wake(leave_s, TimerKind.LEAVE, shuttle.id)
        return
    uses = plug_uses(state, session.stop, but=shuttle)
    plugs = working_plugs(state, session.stop)
    free_s = soonest_free_s(uses, plugs, turn.now_s + travel_s, row.visits[0].dwell_s)
    if free_s is not None and turn.now_s + travel_s < free_s <= shuttle.times.begin_s[0]:
        state.wake(free_s - travel_s, TimerKind.LEAVE, shuttle.id)  # not before the one before it
        return
    if free_s is None or free_s > turn.now_s + travel_s:
        _give_up(turn, shuttle)  # another one takes longer than planned, or a plug is broken
        if needs_charge(state, shuttle):
            refresh(state, shuttle)
            _reserve_soonest(turn, shuttle)
        return
    rule = rules.energy
    level = level_at(state, shuttle, turn.now_s) - drain_ws(rule, travel_s, 0, shuttle.drain_pct)
    call_pct = max(rule.call_off_pct, percent_of(rule, level) + rule.least_charge_pct)
    shuttle.charge = replace(session, call_pct=min(session.to_pct, call_pct))
    shuttle.row = replace(row, visits=row.visits[1:])
    release_visit(turn, shuttle, RowVisit(session.stop), [], [], travel_s, session.to_pct)
