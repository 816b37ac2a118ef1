"""From a rider's wish to an insertion request: which stops, and when."""

from dataclasses import dataclass, replace
from typing import Final

from dispatcher.domain.ids import StopId
from dispatcher.domain.trips import (
    Nearest,
    Place,
    Refusal,
    RefusalReason,
    RideRequest,
    TimeWish,
)
from dispatcher.domain.zone import Point, StopKind
from dispatcher.engine.hours import next_opening_s, service_day
from dispatcher.engine.learning import guard_s
from dispatcher.engine.state import ServiceState
from dispatcher.planning.request import DropoffChoice, InsertionRequest, PickupChoice
from dispatcher.streets import UNREACHABLE_S, walk_s


@dataclass(frozen=True, slots=True)
class StopChoice:
    """A stop a rider could use, and the walk between it and the rider's place."""

    stop: int
    walk_m: int

    @property
    def walk_s(self) -> int:
        return walk_s(self.walk_m)


@dataclass(frozen=True, slots=True)
class Leeway:
    """How far the times asked for may be missed: some trips fit nowhere else."""

    sooner_s: int = 0
    later_s: int = 0


AS_ASKED: Final = Leeway()
# What is nearer to the time asked for is tried first, in so many steps at most.
_SOONER_STEP_S: Final = 300
_SOONER_STEPS: Final = 4

# Before a trip is planned nobody knows how many legs will lead to its drop-off.
_USUAL_LEGS: Final = 4


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that can be planned for."""

    request: RideRequest
    pickups: tuple[StopChoice, ...]
    dropoffs: tuple[StopChoice, ...]
    opens_s: int  # of the service day the trip falls into
    closes_s: int


def wish_of(state: ServiceState, request: RideRequest) -> Wish | Refusal:
    """The stops and the service day of a request, or why it cannot be planned for at all."""
    rules = state.site.rules
    ask_s = max(request.wish_s, state.now_s)
    if request.wish_s < state.now_s and request.wish is not TimeWish.NOW:
        return Refusal(
            RefusalReason.BAD_TIME, "The time asked for has passed.", Nearest(pickup_s=state.now_s)
        )
    if ask_s > state.now_s + rules.book_ahead_s:
        return Refusal(
            RefusalReason.TOO_FAR_AHEAD,
            f"Trips can be booked {rules.book_ahead_s // 3600} hours ahead at most.",
            Nearest(pickup_s=state.now_s + rules.book_ahead_s),
        )
    day = service_day(state.site.zone, ask_s)
    if day is None:
        return Refusal(
            RefusalReason.OUTSIDE_HOURS,
            "There is no service at that time.",
            Nearest(pickup_s=next_opening_s(state.site.zone, ask_s)),
        )
    pickups = _choices(state, request.origin, request.walk_limit_m)
    if isinstance(pickups, Refusal):
        return pickups
    dropoffs = _choices(state, request.destination, request.walk_limit_m)
    if isinstance(dropoffs, Refusal):
        return dropoffs
    if len(pickups) == len(dropoffs) == 1 and pickups[0].stop == dropoffs[0].stop:
        return Refusal(RefusalReason.SAME_PLACE, "Both ends of the trip share their nearest stop.")
    times_s = state.streets.stop_times_s
    if all(
        times_s[p.stop, d.stop] >= UNREACHABLE_S
        for p in pickups
        for d in dropoffs
        if p.stop != d.stop
    ):
        return Refusal(RefusalReason.UNREACHABLE, "No open street joins the two ends.")
    return Wish(request, pickups, dropoffs, *day)


def leeways_later(request: RideRequest) -> tuple[Leeway, ...]:
    """How a wish may be met later than asked; an arrival may not be late."""
    if request.wish is TimeWish.ARRIVE_BY or request.flexible_s == 0:
        return ()
    return (Leeway(later_s=request.flexible_s),)


def leeways_sooner(request: RideRequest) -> tuple[Leeway, ...]:
    """How a wish may be met sooner than asked, the least first; nothing is sooner than now."""
    flexible_s = request.flexible_s
    if request.wish is TimeWish.NOW or flexible_s == 0:
        return ()
    step_s = max(_SOONER_STEP_S, -(-flexible_s // _SOONER_STEPS))
    return tuple(
        Leeway(sooner_s=sooner_s) for sooner_s in (*range(step_s, flexible_s, step_s), flexible_s)
    )


def at_opening(state: ServiceState, request: RideRequest, refusal: Refusal) -> RideRequest | None:
    """The same wish for when service begins, if it is too early by no more than is allowed."""
    if refusal.reason is not RefusalReason.OUTSIDE_HOURS or refusal.nearest is None:
        return None
    opens_s = refusal.nearest.pickup_s
    asked_s = max(request.wish_s, state.now_s)
    if opens_s is None or request.wish is TimeWish.ARRIVE_BY:
        return None
    left_s = request.flexible_s - (opens_s - asked_s)
    if left_s < 0:
        return None
    return replace(request, wish=TimeWish.DEPART_AT, wish_s=opens_s, flexible_s=left_s)


def promised_guard_s(state: ServiceState) -> int:
    """The guard to leave before a drop-off that is not planned yet."""
    return guard_s(state, _USUAL_LEGS)


def insertion_request(
    state: ServiceState,
    wish: Wish,
    *,
    later_s: int = 0,
    answered_s: int,
    leeway: Leeway = AS_ASKED,
) -> InsertionRequest:
    """What is asked of the planner.

    ``later_s`` shifts the wish; nobody boards before ``answered_s``, when the rider's answer is
    in. Latest times leave room for the guard that every promise gets. A leeway widens the time in
    which the rider is picked up; it moves no latest arrival that was asked for.
    """
    rules, request = state.site.rules, wish.request
    guarded_s = promised_guard_s(state)
    dwell_s = rules.dwell.dwell_s(request.party.wheelchairs)
    times_s = state.streets.stop_times_s
    direct_s = min(
        int(times_s[p.stop, d.stop])
        for p in wish.pickups
        for d in wish.dropoffs
        if p.stop != d.stop
    )
    arrive_by_s = None
    if request.wish is TimeWish.ARRIVE_BY:
        arrive_by_s = request.wish_s + later_s
        depart_s = arrive_by_s - rules.arrive_early_s - direct_s - dwell_s
        desired_s = arrive_by_s - direct_s - dwell_s - guarded_s
    else:
        depart_s = desired_s = request.wish_s + later_s
    asked_s = max(depart_s, answered_s)
    depart_s = max(depart_s - leeway.sooner_s, answered_s)
    pickups = []
    for choice in wish.pickups:
        earliest_s = max(depart_s + choice.walk_s, wish.opens_s)
        latest_s = max(asked_s + choice.walk_s, wish.opens_s) + rules.max_wait_s + leeway.later_s
        if arrive_by_s is not None:
            latest_s = max(latest_s, arrive_by_s)
        pickups.append(PickupChoice(choice.stop, choice.walk_s, earliest_s, latest_s))
    dropoffs = []
    for choice in wish.dropoffs:
        latest_s = wish.closes_s - guarded_s
        if arrive_by_s is not None:
            latest_s = min(latest_s, arrive_by_s - choice.walk_s - guarded_s)
        dropoffs.append(DropoffChoice(choice.stop, choice.walk_s, latest_s))
    max_ride_s = tuple(
        tuple(rules.max_ride_s(int(times_s[p.stop, d.stop])) for d in wish.dropoffs)
        for p in wish.pickups
    )
    return InsertionRequest(
        pickups=tuple(pickups),
        dropoffs=tuple(dropoffs),
        max_ride_s=max_ride_s,
        desired_s=max(desired_s, depart_s),
        load=(request.party.seats, request.party.wheelchairs),
        dwell_s=dwell_s,
    )


def _choices(
    state: ServiceState, place: Place, walk_limit_m: int
) -> tuple[StopChoice, ...] | Refusal:
    if isinstance(place, Point):
        return _choices_near(state, place, walk_limit_m)
    return _named_choice(state, place)


def _named_choice(state: ServiceState, stop_id: StopId) -> tuple[StopChoice, ...] | Refusal:
    streets = state.streets
    stop = streets.stop_index.get(stop_id)
    if stop is None:
        return Refusal(RefusalReason.NO_STOP_IN_REACH, f"There is no stop {stop_id}.")
    if streets.open_stops[stop] and state.site.zone.stops[stop].kind is not StopKind.DEPOT:
        return (StopChoice(stop, 0),)
    near = [
        index
        for index, _ in streets.stops_near(state.site.zone.stops[stop].point, 10_000.0)
        if index != stop
    ]
    nearest = Nearest(stop_id=state.site.zone.stops[near[0]].id) if near else None
    if state.site.zone.stops[stop].kind is StopKind.DEPOT:
        return Refusal(
            RefusalReason.STOP_CLOSED, f"{stop_id} is a depot; riders do not board there.", nearest
        )
    return Refusal(RefusalReason.STOP_CLOSED, f"Stop {stop_id} is closed.", nearest)


def _choices_near(
    state: ServiceState, point: Point, walk_limit_m: int
) -> tuple[StopChoice, ...] | Refusal:
    streets = state.streets
    if not streets.contains(point):
        interchange = streets.nearest_interchange(point)
        nearest = None if interchange is None else Nearest(state.site.zone.stops[interchange].id)
        return Refusal(
            RefusalReason.OUTSIDE_AREA,
            "The trip begins or ends outside the area; change at an interchange.",
            nearest,
        )
    near = streets.stops_near(point, float(walk_limit_m))[: state.site.rules.stop_candidates]
    if near:
        return tuple(StopChoice(index, round(walked_m)) for index, walked_m in near)
    beyond = streets.stops_near(point, 10_000.0)[:1]
    nearest = None
    if beyond:
        index, walked_m = beyond[0]
        nearest = Nearest(state.site.zone.stops[index].id, walk_limit_m=int(walked_m) + 1)
    return Refusal(
        RefusalReason.NO_STOP_IN_REACH, f"No open stop within {walk_limit_m} m on foot.", nearest
    )
