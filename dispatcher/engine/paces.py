"""The pace in force: how slow drives are planned, by the hour and by what shuttles report.

The factor in force is the slowest that is expected from now until a while ahead, so that what is
promised shortly before the peak still holds in it. When it changes, every route is timed anew, as
after a closure; so it changes in steps, and seldom. A trip booked for later is planned at the
pace of its own hour, if that is slower.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dispatcher.engine.hours import local_hour
from dispatcher.engine.state import ServiceState, TimerKind
from dispatcher.engine.turn import Turn

_LOOK_EVERY_S = 1800  # hours are longer than this, so none between now and then is missed


def begin_pace(turn: Turn) -> None:
    """A shuttle is new: where the zone has a profile, it is followed from now on."""
    if turn.state.site.rules.pace.by_hour_pm:
        follow_pace(turn)


def follow_pace(turn: Turn) -> None:
    """Think the pace over, change it if that is worth the while, and ask to be called again."""
    state, rule = turn.state, turn.state.site.rules.pace
    wanted_pm = _wanted_pm(state)
    if abs(wanted_pm - state.learnt.pace_pm) >= rule.step_pm:
        slower = wanted_pm > state.learnt.pace_pm
        state.learnt.pace_pm = wanted_pm
        state.streets = state.streets.at_pace(wanted_pm)
        turn.cause_text = "Driving takes longer than usual." if slower else ""
        for shuttle in state.shuttles.values():
            turn.touch(shuttle)
    if rule.by_hour_pm and state.shuttles:
        wake_for_pace(state)


def wake_for_pace(state: ServiceState) -> None:
    """Ask to think the pace over at the next round moment, where anything can change it."""
    rule = state.site.rules.pace
    if not rule.learning and not rule.by_hour_pm:
        return
    every_s = rule.every_s
    state.wake((state.now_s // every_s + 1) * every_s, TimerKind.PACE, "")


def expected_pace_pm(state: ServiceState, at_s: int) -> int:
    """The pace to expect at some other time, by the profile and the days before."""
    rule = state.site.rules.pace
    hour = local_hour(state.site.zone, at_s)
    profile_pm = rule.profile_pm(hour)
    if not rule.learning:
        return profile_pm
    return _bounded(state, state.learnt.pace.hour_pm(hour, profile_pm))


@contextmanager
def pace_of(state: ServiceState, at_s: int) -> Iterator[None]:
    """Plan with the pace of that time where it lies ahead and is slower than the one in force.

    What can be driven at the slower pace can be driven at the faster one too, only sooner.
    """
    in_force = state.streets
    if at_s > state.now_s + state.site.rules.pace.ahead_s:
        state.streets = in_force.at_pace(max(in_force.pace_pm, expected_pace_pm(state, at_s)))
    try:
        yield
    finally:
        state.streets = in_force


def _wanted_pm(state: ServiceState) -> int:
    rule, now_s = state.site.rules.pace, state.now_s
    hour = local_hour(state.site.zone, now_s)
    here_pm = rule.profile_pm(hour)
    if rule.learning:
        here_pm = _bounded(state, state.learnt.pace.now_pm(now_s, hour, here_pm))
    ahead = [*range(now_s, now_s + rule.ahead_s, _LOOK_EVERY_S), now_s + rule.ahead_s]
    later = [at_s for at_s in ahead if local_hour(state.site.zone, at_s) != hour]
    return max([here_pm, *(expected_pace_pm(state, at_s) for at_s in later)])


def _bounded(state: ServiceState, learnt_pm: int) -> int:
    rule = state.site.rules.pace
    return min(max(learnt_pm, rule.least_pm), rule.most_pm)
