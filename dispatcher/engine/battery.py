"""How far a shuttle's battery lasts: the driving that its row may hold before it is charged.

Planning keeps to the reserve. A row that goes below it all the same is pinned to what it has, so
that nothing is added; only what would go below the floor is taken off it again.
"""

from dataclasses import replace
from itertools import accumulate, pairwise

from dispatcher.domain.energy import DrainMark
from dispatcher.domain.ids import BookingId
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.planning.energy import (
    charged_ws,
    charging_s,
    drain_ws,
    driving_s,
    learnt_drain_pct,
    level_ws,
)
from dispatcher.planning.rows import RowPlan, RowVisit, spans
from dispatcher.planning.schedule import Schedule
from dispatcher.streets import UNREACHABLE_S

_STEP_S = 60  # ranges are told in whole steps, so that plans do not flutter with every report
_REPORT_STEP_PCT = 1  # a battery may have lost so much since it was last reported


def is_errand(visit: RowVisit) -> bool:
    """A call for the shuttle's own sake, such as charging."""
    return visit.dwell_s > 0 and not visit.boards and not visit.alights


def farthest_charge_s(state: ServiceState) -> int:
    """The drive to the nearest charger from the stop that is worst for it; 0 without chargers."""
    known = state.farthest_charge
    if known is not None and known[0] is state.streets:
        return known[1]
    streets = state.streets
    chargers = [
        index
        for index, stop in enumerate(state.site.zone.stops)
        if stop.chargers > 0 and streets.open_stops[index]
    ]
    found_s = 0
    if chargers:
        nearest_s = streets.stop_times_s[:, chargers].min(axis=1)
        found_s = int(nearest_s[nearest_s < UNREACHABLE_S].max(initial=0))
    state.farthest_charge = (streets, found_s)
    return found_s


def ready_s(state: ServiceState, shuttle: Shuttle) -> int:
    """When a shuttle at, or bound for, a plug may be given riders; 0 if that is at once."""
    plugged_s = _plugged_from_s(state, shuttle)
    if plugged_s is None:
        return 0
    rule, session = state.site.rules.energy, shuttle.charge
    call_pct = rule.call_off_pct if session is None else session.call_pct
    level = level_at(state, shuttle, plugged_s)
    if level >= level_ws(rule, call_pct):
        return 0
    return plugged_s + charging_s(rule, level, call_pct, charger_w(state, shuttle))


def level_at(state: ServiceState, shuttle: Shuttle, at_s: int) -> int:
    """The battery's level at the end of the released part and on, in watt-seconds, with care."""
    rule, now_s = state.site.rules.energy, state.now_s
    level = level_ws(rule, max(0.0, shuttle.battery_pct - _REPORT_STEP_PCT))
    drive_s = 0
    released = shuttle.released
    if released is not None and released.arrived_s is None:
        drive_s = max(0, released.eta_s - now_s)
    plugged_s = _plugged_from_s(state, shuttle)
    stand_until_s = at_s if plugged_s is None else min(at_s, plugged_s)
    level -= drain_ws(rule, drive_s, max(0, stand_until_s - now_s - drive_s), shuttle.drain_pct)
    if plugged_s is not None and at_s > plugged_s:
        level = charged_ws(rule, level, at_s - plugged_s, charger_w(state, shuttle))
    return level


def within_range(
    state: ServiceState, shuttle: Shuttle, row: RowPlan, times: Schedule
) -> tuple[RowPlan, list[BookingId]]:
    """The row with its bound on driving, and the bookings that it has no energy for.

    Driving counts up to the next time it can charge: at an errand, or in a long pause.
    """
    if len(times.begin_s) != len(row.visits):
        return row, []  # no open street leads on
    near, legs_s = _before_charge(state, row, times), _legs_s(state, row)
    near_s = sum(legs_s[:near])
    comfortable_s, bearable_s = _ranges_s(state, shuttle, row, times, near)
    allowed_s = max(near_s, comfortable_s) + sum(legs_s[near:])
    bounded = replace(row, drive_limit_s=allowed_s)
    if near_s <= max(comfortable_s, bearable_s):
        return bounded, []
    first = next(i for i, driven_s in enumerate(accumulate(legs_s[:near])) if driven_s > bearable_s)
    beyond = [
        BookingId(span.ride.key)
        for span in spans(row)
        if span.dropoff >= first and 0 <= span.pickup < near
    ]
    return bounded, beyond


def lasts(state: ServiceState, shuttle: Shuttle) -> bool:
    """The battery suffices, with its reserve, for all that is planned."""
    near = len(shuttle.row.visits)
    if len(shuttle.times.begin_s) != near:
        return True
    comfortable_s, _ = _ranges_s(state, shuttle, shuttle.row, shuttle.times, near)
    return sum(_legs_s(state, shuttle.row)) <= comfortable_s


def learn_drain(state: ServiceState, shuttle: Shuttle) -> None:
    """Compare what the battery lost since the last mark with what planning counted on."""
    rule = state.site.rules.energy
    now = DrainMark(level_ws(rule, shuttle.battery_pct), state.now_s, shuttle.driven_s)
    mark = shuttle.drain_mark
    if mark is None or shuttle.charging or now.level_ws > mark.level_ws:
        shuttle.drain_mark = now
        return
    released = shuttle.released
    if released is not None and released.arrived_s is None:
        return  # the leg under way is not counted yet
    learnt_pct = learnt_drain_pct(rule, shuttle.drain_pct, mark, now)
    if learnt_pct is not None:
        shuttle.drain_pct, shuttle.drain_mark = learnt_pct, now


def charger_w(state: ServiceState, shuttle: Shuttle) -> int:
    """The power of the plug that it is at or bound for."""
    released = shuttle.released
    stop = shuttle.anchor if released is None else released.stop
    return state.site.zone.stops[stop].charger_w


def _plugged_from_s(state: ServiceState, shuttle: Shuttle) -> int | None:
    """Since when it has been charging as far as is known, or when it will; None if it does not."""
    released = shuttle.released
    if released is not None:
        if released.visit.charge_to_pct is None:
            return None
        return max(state.now_s, released.eta_s)
    session = shuttle.charge
    if shuttle.charging or (session is not None and session.started_s is not None):
        return max(shuttle.last_heard_s, 0)
    return None


def _legs_s(state: ServiceState, row: RowPlan) -> list[int]:
    stops = [row.start_stop, *(visit.stop for visit in row.visits)]
    return [int(state.streets.stop_times_s[a, b]) for a, b in pairwise(stops)]


def _before_charge(state: ServiceState, row: RowPlan, times: Schedule) -> int:
    """How many visits come before the row's next opportunity to charge."""
    gap_s = state.site.rules.energy.gap_s
    for i, visit in enumerate(row.visits):
        if is_errand(visit) or times.begin_s[i] - times.arrive_s[i] >= gap_s:
            return i
    return len(row.visits)


def _ranges_s(
    state: ServiceState, shuttle: Shuttle, row: RowPlan, times: Schedule, near: int
) -> tuple[int, int]:
    """Seconds of driving down to the reserve and down to the floor, a charger still in reach."""
    rules = state.site.rules
    rule, drain_pct = rules.energy, shuttle.drain_pct
    level = level_at(state, shuttle, row.start_s)
    level -= drain_ws(rule, farthest_charge_s(state), 0, drain_pct)
    # In a long pause it can charge, so that no more of it counts than makes it one.
    standing_s = sum(
        min(times.begin_s[i] - times.arrive_s[i], rule.gap_s) + times.depart_s[i] - times.begin_s[i]
        for i in range(near)
    )
    reserve = level_ws(rule, rules.battery_reserve_pct)
    floor = level_ws(rule, min(rule.floor_pct, rules.battery_reserve_pct))
    comfortable_s = driving_s(rule, level - reserve, standing_s + rule.lookahead_s, drain_pct)
    bearable_s = driving_s(rule, level - floor, standing_s, drain_pct)
    return comfortable_s // _STEP_S * _STEP_S, bearable_s
