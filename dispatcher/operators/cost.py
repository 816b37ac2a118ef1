"""What a command would cost: decided on a copy of the state, and compared with what stands.

Nothing is estimated. The copy first has the time pass until now, so that what is late anyway is
not the command's; then it decides on the command's own event, as the engine would.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from dispatcher.core import Engine
from dispatcher.domain.commands import CommandRefusal
from dispatcher.domain.decisions import (
    Decision,
    OperatorAnswered,
    PlanPublished,
    ShuttleCommanded,
    TripChanged,
)
from dispatcher.domain.events import ClockTicked, OperatorEvent, ShuttleHeld
from dispatcher.domain.ids import BookingId, ShuttleId, TripId
from dispatcher.domain.trips import ENDS, BreachCause
from dispatcher.engine import ServiceState
from dispatcher.engine.routes import expected_begin_s, ride_of
from dispatcher.engine.state import Shuttle
from dispatcher.explaining.explanation import TripView
from dispatcher.explaining.story import view_of
from dispatcher.planning.schedule import Schedule, schedule
from dispatcher.streets import UNREACHABLE_S, NoPathError, Streets

LONGEST_STAND_S: Final = 3600


class Harm(StrEnum):
    """What a command does to a trip that its rider was promised otherwise; worst last."""

    NEW_PROMISE = "new_promise"
    WITHOUT_SHUTTLE = "without_shuttle"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class TripCost:
    """One trip that the command changes. Times are planned ones, UTC seconds."""

    trip_id: TripId
    before: TripView
    after: TripView
    harm: Harm | None = None
    cause: BreachCause | None = None  # as it would be recorded with the broken promise
    told: str | None = None  # what the rider would be told

    @property
    def pickup_later_s(self) -> int | None:
        return _later_s(self.before.pickup_s, self.after.pickup_s)

    @property
    def dropoff_later_s(self) -> int | None:
        return _later_s(self.before.dropoff_s, self.after.dropoff_s)

    @property
    def moves(self) -> bool:
        """Another shuttle is to take its riders."""
        return self.before.shuttle_id != self.after.shuttle_id


@dataclass(frozen=True, slots=True)
class Expected:
    """What an operator was shown and agrees to; given back with the command."""

    position: int
    harmed: frozenset[tuple[TripId, Harm]] = frozenset()


@dataclass(frozen=True, slots=True)
class CommandCost:
    """All that the command would change, worst first.

    ``position`` is the journal's last event that it was worked out after. ``driven_s`` and
    ``driven_m`` are what is planned to be driven from now on, beyond what was planned before.
    """

    position: int
    at_s: int
    refusal: CommandRefusal | None
    trips: tuple[TripCost, ...] = ()
    shuttles: tuple[ShuttleId, ...] = ()  # that are sent another plan, or an order
    driven_s: int = 0
    driven_m: int = 0
    stands_s: int | None = None  # a held shuttle may, before a promise breaks; None: an hour

    @property
    def expected(self) -> Expected:
        harmed = ((trip.trip_id, trip.harm) for trip in self.trips if trip.harm is not None)
        return Expected(self.position, frozenset(harmed))

    def is_worse_than(self, agreed: Expected) -> bool:
        """It breaks promises, or ends trips, that were not to be broken or ended."""
        return not self.expected.harmed <= agreed.harmed


def cost_of(
    engine: Engine, copied: ServiceState, event: OperatorEvent, position: int
) -> CommandCost:
    """Decide on the event in the copy, which is used up, and compare."""
    copied.commands.pop(f"{event.operator_id}/{event.command_id}", None)
    engine.step(copied, ClockTicked(event.at_s))
    before = _Picture.of(copied)
    _, decisions = engine.step(copied, event)
    refusal = next((d.outcome.refusal for d in decisions if isinstance(d, OperatorAnswered)), None)
    if refusal is not None:
        return CommandCost(position, event.at_s, refusal)
    after = _Picture.of(copied)
    driven_s, driven_m = _driven(before, after)
    return CommandCost(
        position,
        event.at_s,
        None,
        trips=tuple(_trips(copied, before, decisions)),
        shuttles=_shuttles(decisions),
        driven_s=driven_s,
        driven_m=driven_m,
        stands_s=(
            may_stand_s(copied, copied.shuttles[event.shuttle_id])
            if isinstance(event, ShuttleHeld)
            else None
        ),
    )


_Leg = tuple[int, int, int]  # from stop, to stop, seconds


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is compared afterwards, of a state that will have changed by then."""

    streets: Streets
    views: dict[TripId, TripView]
    legs: Counter[_Leg]

    @classmethod
    def of(cls, state: ServiceState) -> "_Picture":
        views = {
            trip_id: view_of(state, trip)
            for trip_id, trip in state.trips.items()
            if trip.state not in ENDS
        }
        legs = Counter(leg for shuttle in state.shuttles.values() for leg in _legs(state, shuttle))
        return cls(state.streets, views, legs)


def _legs(state: ServiceState, shuttle: Shuttle) -> Iterator[_Leg]:
    """The drives that are planned, the one under way included."""
    times_s, released, here = state.streets.stop_times_s, shuttle.released, shuttle.anchor
    if released is not None:
        if released.arrived_s is None:
            yield here, released.stop, released.leg_s
        here = released.stop
    stops = [visit.stop for visit in shuttle.row.visits]
    if not stops and shuttle.parking_stop is not None:
        stops = [shuttle.parking_stop]
    for stop in stops:
        if stop != here:
            yield here, stop, int(times_s[here, stop])
        here = stop


def _driven(before: _Picture, after: _Picture) -> tuple[int, int]:
    """Seconds and metres more. Drives that are planned before and after take the same way."""
    given_up, added = before.legs - after.legs, after.legs - before.legs
    more_s, more_m = 0, 0.0
    for streets, legs, sign in ((before.streets, given_up, -1), (after.streets, added, 1)):
        for (here, there, drive_s), times in legs.items():
            if drive_s >= UNREACHABLE_S:
                continue
            try:
                more_m += sign * times * streets.drive_m(here, there)
            except NoPathError:
                continue  # under way since before the street was closed
            more_s += sign * times * drive_s
    return more_s, round(more_m)


def _trips(
    state: ServiceState, before: _Picture, decisions: tuple[Decision, ...]
) -> list[TripCost]:
    told = {d.status.trip_id: d.status.reason for d in decisions if isinstance(d, TripChanged)}
    found = []
    for trip_id, was in before.views.items():
        trip = state.trips[trip_id]
        now = view_of(state, trip)
        if now == was:
            continue
        harm = _harm(was, now)
        cause = trip.breach.cause if harm is not None and trip.breach is not None else None
        found.append(TripCost(trip_id, was, now, harm, cause, told.get(trip_id)))
    return sorted(found, key=_rank)


def _harm(was: TripView, now: TripView) -> Harm | None:
    if now.state in ENDS:
        return Harm.ENDED
    if was.shuttle_id is not None and now.shuttle_id is None and was.promise is not None:
        return Harm.WITHOUT_SHUTTLE
    if was.promise is not None and now.promise != was.promise:
        return Harm.NEW_PROMISE
    return None


def _rank(cost: TripCost) -> tuple[int, int, str]:
    harms = list(Harm)
    worst = -1 if cost.harm is None else harms.index(cost.harm)
    later_s = max(abs(cost.pickup_later_s or 0), abs(cost.dropoff_later_s or 0))
    return -worst, -later_s, cost.trip_id


def _shuttles(decisions: tuple[Decision, ...]) -> tuple[ShuttleId, ...]:
    found: dict[ShuttleId, None] = {}
    for decision in decisions:
        match decision:
            case PlanPublished(plan):
                found[plan.shuttle_id] = None
            case ShuttleCommanded(shuttle_id):
                found[shuttle_id] = None
    return tuple(found)


def _later_s(was_s: int | None, now_s: int | None) -> int | None:
    return None if was_s is None or now_s is None else now_s - was_s


def may_stand_s(state: ServiceState, shuttle: Shuttle) -> int | None:
    """How long it may stand from now on before a promise breaks; None: an hour and more."""
    low_s, high_s = 0, LONGEST_STAND_S
    if _keeps_promises(state, shuttle, high_s):
        return None
    while low_s < high_s:
        middle_s = (low_s + high_s + 1) // 2
        if _keeps_promises(state, shuttle, middle_s):
            low_s = middle_s
        else:
            high_s = middle_s - 1
    return low_s


def _keeps_promises(state: ServiceState, shuttle: Shuttle, later_s: int) -> bool:
    """Whether all are kept if everything begins so much later; the guard is there to be used."""
    released = shuttle.released
    if released is not None and released.arrived_s is None:
        begin_s = expected_begin_s(replace(released, eta_s=released.eta_s + later_s), state.now_s)
        promises = state.bookings
        if any(begin_s > promises[b].promise.pickup_latest_s for b in released.boards):
            return False
        if any(begin_s > promises[b].promise.dropoff_latest_s for b in released.alights):
            return False
    rides = []
    for ride in shuttle.row.rides:
        booking = state.bookings[BookingId(ride.key)]
        guarded, promise = ride_of(state, booking), booking.promise
        latest_s = promise.dropoff_latest_s
        if booking.boarded_s is not None:
            latest_s = min(latest_s, booking.boarded_s + booking.dwell_s + booking.max_ride_s)
        rides.append(
            replace(guarded, pickup_latest_s=promise.pickup_latest_s, dropoff_latest_s=latest_s)
        )
    row = replace(shuttle.row, rides=tuple(rides), start_s=shuttle.row.start_s + later_s)
    return isinstance(schedule(row, state.streets.stop_times_s, state.now_s), Schedule)
