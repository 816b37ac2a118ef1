"""What the service learns from its own days, and what it quotes from that.

Everything is counted from events and kept in the state, so a replay learns the same. Riders'
outcomes are held against what they were quoted when they accepted; see `docs/promises.md`.
"""

from bisect import bisect_left

from dispatcher.domain.quotes import LEVELS_PCT, Quote, level_index
from dispatcher.engine.hours import local_hour
from dispatcher.engine.state import ReleasedVisit, ServiceState, TripRecord
from dispatcher.planning.calibration import LatenessBook
from dispatcher.planning.reliability import Reliability

# A trip that was given up counts as one that came so much later than planned.
_NEVER_CAME_S = 3600

# Shorter drives say more of doors and traffic lights than of the streets' pace.
_SHORTEST_DRIVE_S = 40


def quote_for(state: ServiceState, pickup_s: int, dropoff_s: int) -> Quote:
    """By when what is planned for these times will have happened, at each level."""
    pickup_ahead_s = max(0, pickup_s - state.now_s)
    dropoff_ahead_s = max(0, dropoff_s - state.now_s)
    pickup_late_s = state.learnt.pickups.quantiles_s(pickup_ahead_s)
    dropoff_late_s = state.learnt.dropoffs.quantiles_s(dropoff_ahead_s)
    return Quote(
        pickup_by_s=tuple(pickup_s + late_s for late_s in pickup_late_s),
        dropoff_by_s=tuple(dropoff_s + late_s for late_s in dropoff_late_s),
        pickup_ahead_s=pickup_ahead_s,
        dropoff_ahead_s=dropoff_ahead_s,
    )


def window_after_s(state: ServiceState, quote: Quote, pickup_s: int) -> int:
    """How long after the planned pickup the promised window closes: by quantile, within rules."""
    rules = state.site.rules
    late_s = quote.pickup_by_s[level_index(rules.promise_level_pct)] - pickup_s
    most_s = max(rules.window_after_s, rules.window_most_s)
    return min(max(late_s, rules.window_after_s), most_s)


def arrival_slack_s(state: ServiceState, quote: Quote, dropoff_s: int) -> int:
    """How long after the planned drop-off the latest one is promised, likewise."""
    rules = state.site.rules
    late_s = quote.dropoff_by_s[level_index(rules.promise_level_pct)] - dropoff_s
    most_s = max(rules.arrival_slack_s, rules.arrival_slack_most_s)
    return min(max(late_s, rules.arrival_slack_s), most_s)


def guard_s(state: ServiceState, legs: int) -> int:
    """How far inside a promise planning stays for a visit that so many legs lead to."""
    rules = state.site.rules
    most_s = max(rules.guard_s, rules.guard_most_s)
    return min(max(state.learnt.legs.guard_s(legs), rules.guard_s), most_s)


def note_arrival(state: ServiceState, released: ReleasedVisit) -> None:
    """A shuttle has come to the stop it was sent to: what the drive says of the pace."""
    if released.map_s < _SHORTEST_DRIVE_S or released.arrived_s is None:
        return
    hour = local_hour(state.site.zone, released.arrived_s)
    drive_s = released.arrived_s - released.sent_s
    state.learnt.pace.note(released.arrived_s, hour, drive_s, released.map_s)


def note_departure(state: ServiceState, released: ReleasedVisit) -> None:
    """A visit is over: how far the leg and the standing strayed from the plan."""
    if released.arrived_s is None or released.sent_s == 0:
        return
    if released.visit.charge_to_pct is not None:
        return  # it stays as long as it takes to charge
    begin_s = max([released.arrived_s, *(task.not_before_s for task in released.visit.boards)])
    leg_late_s = released.arrived_s - released.sent_s - released.leg_s
    dwell_late_s = state.now_s - begin_s - released.dwell_s
    state.learnt.legs.note(leg_late_s + dwell_late_s, state.site.rules.promise_level_pct)


def note_came(state: ServiceState, trip: TripRecord) -> None:
    """The shuttle stands at the pickup stop, for the first time on this trip."""
    if trip.came_s is not None:
        return
    trip.came_s = state.now_s
    if trip.offers:
        promise = trip.offers[0].promise
        state.learnt.windows += 1
        state.learnt.windows_kept += state.now_s <= promise.pickup_latest_s
    _note_pickup(state, trip, state.now_s)


def note_set_down(state: ServiceState, trip: TripRecord) -> None:
    """The riders are where they wanted to go."""
    quote = _quote_of(trip)
    if quote is not None:
        planned_s = trip.offers[0].dropoff_planned_s
        _note(
            state.learnt.dropoffs,
            state.learnt.dropoffs_kept,
            quote.dropoff_ahead_s,
            quote.dropoff_by_s,
            planned_s,
            state.now_s,
        )


def note_given_up(state: ServiceState, trip: TripRecord) -> None:
    """No shuttle came at all: as late as can be."""
    if trip.came_s is None and trip.offers:
        state.learnt.windows += 1
        _note_pickup(state, trip, trip.offers[0].pickup_planned_s + _NEVER_CAME_S)


def _note_pickup(state: ServiceState, trip: TripRecord, came_s: int) -> None:
    quote = _quote_of(trip)
    if quote is not None:
        _note(
            state.learnt.pickups,
            state.learnt.pickups_kept,
            quote.pickup_ahead_s,
            quote.pickup_by_s,
            trip.offers[0].pickup_planned_s,
            came_s,
        )


def _note(
    book: LatenessBook,
    kept: Reliability,
    ahead_s: int,
    by_s: tuple[int, ...],
    planned_s: int,
    at_s: int,
) -> None:
    """Hold an outcome against its quote, and learn from it."""
    # Quoted times rise with the level: from the first that is not before it, all are kept.
    first = bisect_left(by_s, at_s)
    came_by = tuple(index >= first for index in range(len(LEVELS_PCT)))
    kept.note(came_by)
    book.learn(ahead_s, at_s - planned_s, came_by)


def _quote_of(trip: TripRecord) -> Quote | None:
    """What was quoted with the offer that was accepted."""
    return trip.offers[0].quote if trip.accepted_s is not None and trip.offers else None
