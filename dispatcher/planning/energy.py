"""Arithmetic of batteries in watt-seconds: whole numbers, so that every replay agrees.

A level is what the battery holds. ``drain_pct`` scales what driving and standing take: 100 is the
rule's own power. Everything that could strand a shuttle is rounded against it.
"""

from dispatcher.domain.energy import DrainMark, EnergyRule

_MILLI = 1000
LEAST_DRAIN_PCT = 70
MOST_DRAIN_PCT = 300
_MEASURED_PCT = 8  # of the battery, so that a step of one percent in its reports is a small error


def level_ws(rule: EnergyRule, battery_pct: float) -> int:
    """What a battery holds that reports so many percent. 1 % of 1 Wh is 36 watt-seconds."""
    return round(battery_pct * _MILLI) * 36 * rule.battery_wh // _MILLI


def percent_of(rule: EnergyRule, level: int) -> int:
    """Whole percent, rounded down, from 0 to 100."""
    return max(0, min(100, level // (36 * rule.battery_wh)))


def drain_ws(rule: EnergyRule, driving_s: int, standing_s: int, drain_pct: int = 100) -> int:
    """What so many seconds of driving and of standing take, rounded up."""
    taken = driving_s * rule.driving_w + standing_s * rule.standing_w
    return -(-taken * drain_pct // 100)


def driving_s(rule: EnergyRule, usable_ws: int, standing_s: int, drain_pct: int = 100) -> int:
    """Seconds of driving that so much energy allows beside so much standing; never negative."""
    left = usable_ws * 100 - standing_s * rule.standing_w * drain_pct
    return max(0, left // (rule.driving_w * drain_pct))


def charging_s(rule: EnergyRule, from_ws: int, to_pct: int, charger_w: int) -> int:
    """Seconds at the plug until so many percent are reached, rounded up."""
    missing = max(0, level_ws(rule, to_pct) - from_ws)
    return -(-missing // charger_w)


def charged_ws(rule: EnergyRule, from_ws: int, for_s: int, charger_w: int) -> int:
    """The level after so long at the plug."""
    return min(level_ws(rule, 100), from_ws + for_s * charger_w)


def learnt_drain_pct(
    rule: EnergyRule, before_pct: int, mark: DrainMark, now: DrainMark
) -> int | None:
    """The drain as it shows between two marks, half old and half new; None if too little showed.

    A battery that gives way faster than planned is believed in full at once, for that is how
    shuttles strand; one that lasts longer only by halves.
    """
    used = mark.level_ws - now.level_ws
    if used < level_ws(rule, _MEASURED_PCT):
        return None
    drove_s = now.driven_s - mark.driven_s
    stood_s = max(0, now.at_s - mark.at_s - drove_s)
    expected = drain_ws(rule, drove_s, stood_s)
    if expected <= 0:
        return None
    shown_pct = used * 100 // expected
    learnt_pct = max(shown_pct, (before_pct + shown_pct) // 2)
    return max(LEAST_DRAIN_PCT, min(MOST_DRAIN_PCT, learnt_pct))
