"""The independent judge of plans. It shares no code with the planner, on purpose.

It is given claims (who is where, when) and the rules, and lists every rule that is broken. It
never plans: times are taken as claimed and only asked whether they are possible.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class TravelLookup(Protocol):
    """Drive times in whole seconds by ``[from_stop, to_stop]``, as a numpy matrix answers."""

    def __getitem__(self, stops: tuple[int, int], /) -> int: ...


class Broken(StrEnum):
    """The rules of a plan."""

    TRAVEL = "TRAVEL"  # an arrival sooner than the drive allows
    BEGIN = "BEGIN"  # service begins before the shuttle arrives
    WINDOW = "WINDOW"  # a visit outside its own time window
    PICKUP_WINDOW = "PICKUP_WINDOW"  # a party boards outside its promise
    DROPOFF_PROMISE = "DROPOFF_PROMISE"  # a party alights later than promised
    DWELL = "DWELL"  # a departure sooner than the dwell allows
    CAPACITY = "CAPACITY"  # more places in use than there are
    ORDER = "ORDER"  # a party alights before it boards, or without boarding
    NOT_BOARDED = "NOT_BOARDED"  # a party that waits is never picked up
    NOT_SET_DOWN = "NOT_SET_DOWN"  # a party aboard or boarding has no drop-off
    TWICE = "TWICE"  # a party boards or alights more than once
    WRONG_STOP = "WRONG_STOP"  # a party boards or alights elsewhere than promised
    UNKNOWN_RIDE = "UNKNOWN_RIDE"  # a visit serves a party nobody knows
    RIDE_TIME = "RIDE_TIME"  # a ride longer than promised
    SHIFT_END = "SHIFT_END"  # the last visit ends after the shift
    RANGE = "RANGE"  # more driving than the battery allows
    BATTERY = "BATTERY"  # less in the battery than must be left
    PLUG = "PLUG"  # more shuttles planned at a charger than it has plugs
    BERTHS = "BERTHS"  # more shuttles at a stop than it has berths
    NO_BERTH = "NO_BERTH"  # a visit for which the shuttle claims no berth
    TWO_SHUTTLES = "TWO_SHUTTLES"  # a party is on the routes of two shuttles
    RELEASED_CHANGED = "RELEASED_CHANGED"  # what the shuttle was told has been altered


@dataclass(frozen=True, slots=True)
class CheckedVisit:
    """One visit with the times the plan claims, UTC seconds."""

    stop: int
    arrive_s: int
    begin_s: int
    depart_s: int
    boards: tuple[str, ...] = ()
    alights: tuple[str, ...] = ()
    earliest_s: int | None = None  # the visit's own window, if it has one
    latest_s: int | None = None
    dwell_s: int = 0
    charger_w: int = 0  # what its battery gets while it stands there


@dataclass(frozen=True, slots=True)
class CheckedBattery:
    """What a shuttle has when its route starts, what it takes, and what must be left.

    Energies in watt-seconds. Nothing is asked of it from a pause of ``gap_s`` on, in which it
    may charge without that being planned yet.
    """

    level_ws: int
    full_ws: int
    least_ws: int
    driving_w: int
    standing_w: int
    gap_s: int | None = None


@dataclass(frozen=True, slots=True)
class CheckedCharge:
    """A plug that one shuttle is planned to have from ``from_s`` until just before ``until_s``."""

    shuttle: str
    stop: int
    from_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class CheckedRide:
    """One party and what it was promised.

    ``boarded_s`` is the departure it was aboard at, for a party already aboard; its ride limit
    is then counted from there.
    """

    ride: str
    load: tuple[int, int]  # seats, wheelchair places
    pickup_earliest_s: int
    pickup_latest_s: int
    dropoff_latest_s: int
    max_ride_s: int
    aboard: bool = False
    boarded_s: int | None = None
    pickup_stop: int | None = None  # None: any stop will do
    dropoff_stop: int | None = None


@dataclass(frozen=True, slots=True)
class CheckedRoute:
    """One shuttle's route from where it is free to move.

    ``visits`` starts with the released ones; ``released_before`` are the released visits of the
    plan this one follows, which the shuttle may be driving already and which must lead it.
    """

    shuttle: str
    start_stop: int
    start_s: int
    capacity: tuple[int, int]
    visits: tuple[CheckedVisit, ...]
    rides: tuple[CheckedRide, ...]
    end_s: int | None = None
    drive_limit_s: int | None = None  # most seconds of driving from start_stop on
    battery: CheckedBattery | None = None
    released_before: tuple[CheckedVisit, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedStand:
    """A shuttle at a berth from ``from_s`` until before ``to_s``.

    ``unplanned``: the world made it so, such as a breakdown or a delay that no promise allows to
    be put off; a crowd that has such a shuttle in it is not the plan's fault.
    """

    shuttle: str
    stop: int
    from_s: int
    to_s: int
    unplanned: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule. ``visit`` is an index into the route, where one is to blame."""

    kind: Broken
    shuttle: str
    visit: int | None
    ride: str | None
    text: str


def check_plan(
    routes: Iterable[CheckedRoute],
    travel_s: TravelLookup,
    must_serve: Iterable[str] = (),
) -> list[Violation]:
    """Every broken rule of a whole plan; an empty list means that it may be driven.

    ``must_serve`` names parties that hold a promise: each has to be on some route.
    """
    routes = tuple(routes)
    violations = [found for route in routes for found in check_route(route, travel_s)]
    carriers: dict[str, set[str]] = {}
    for route in routes:
        for key in {ride.ride for ride in route.rides} | _keys(route.visits):
            carriers.setdefault(key, set()).add(route.shuttle)
    for key, shuttles in sorted(carriers.items()):
        if len(shuttles) > 1:
            names = ", ".join(sorted(shuttles))
            violations.append(
                Violation(Broken.TWO_SHUTTLES, min(shuttles), None, key, f"{key} is on {names}")
            )
    for key in sorted(set(must_serve) - carriers.keys()):
        violations.append(
            Violation(Broken.NOT_BOARDED, "", None, key, f"{key} has a promise and no shuttle")
        )
    return violations


def check_berths(
    routes: Iterable[CheckedRoute],
    stands: Iterable[CheckedStand],
    berths: Mapping[int, int],
) -> list[Violation]:
    """Stops where more shuttles stand at a time than there are berths.

    Stops that ``berths`` does not name have room for everybody. Each visit of a route has to be
    covered by a stand, so that nothing is hidden by leaving it out.
    """
    stands = tuple(stands)
    violations = []
    for route in routes:
        mine = [stand for stand in stands if stand.shuttle == route.shuttle]
        for i, visit in enumerate(route.visits):
            serves = visit.boards or visit.alights  # who charges stands at a plug
            if (
                serves
                and visit.stop in berths
                and not any(
                    stand.stop == visit.stop
                    and stand.from_s <= visit.begin_s
                    and visit.depart_s <= stand.to_s
                    for stand in mine
                )
            ):
                text = f"claims no berth at {visit.stop} from {visit.begin_s} to {visit.depart_s}"
                violations.append(Violation(Broken.NO_BERTH, route.shuttle, i, None, text))
    for stop, room in sorted(berths.items()):
        here = [stand for stand in stands if stand.stop == stop]
        for begun in here:
            # The crowd is largest at some moment at which one of them arrives.
            crowd = [s for s in here if s.from_s <= begun.from_s < s.to_s]
            if len(crowd) > room and not any(stand.unplanned for stand in crowd):
                names = ", ".join(sorted(stand.shuttle for stand in crowd))
                text = f"{names} are at stop {stop} at {begun.from_s}, where {room} fit"
                violations.append(Violation(Broken.BERTHS, begun.shuttle, None, None, text))
    return violations


def check_route(route: CheckedRoute, travel_s: TravelLookup) -> list[Violation]:
    """Every broken rule of one route."""
    rides = {ride.ride: ride for ride in route.rides}
    return [
        *_check_released(route),
        *_check_times(route, travel_s),
        *_check_battery(route, travel_s),
        *_check_places(route, rides),
        *_check_service(route, rides),
        *_check_promises(route, rides),
    ]


def _check_released(route: CheckedRoute) -> Iterator[Violation]:
    for i, before in enumerate(route.released_before):
        now = route.visits[i] if i < len(route.visits) else None
        same = (
            now is not None
            and now.stop == before.stop
            and sorted(now.boards) == sorted(before.boards)
            and sorted(now.alights) == sorted(before.alights)
        )
        if not same:
            yield Violation(
                Broken.RELEASED_CHANGED, route.shuttle, i, None, f"released visit {i} was altered"
            )


def _check_times(route: CheckedRoute, travel_s: TravelLookup) -> Iterator[Violation]:
    stop, left_s, driven_s = route.start_stop, route.start_s, 0
    for i, visit in enumerate(route.visits):

        def broken(kind: Broken, text: str, i: int = i) -> Violation:
            return Violation(kind, route.shuttle, i, None, text)

        leg_s = int(travel_s[stop, visit.stop])
        driven_s += leg_s
        if route.drive_limit_s is not None and driven_s - leg_s <= route.drive_limit_s < driven_s:
            yield broken(Broken.RANGE, f"{driven_s} s of driving of {route.drive_limit_s} s")
        soonest_s = left_s + leg_s
        if visit.arrive_s < soonest_s:
            yield broken(Broken.TRAVEL, f"arrives at {visit.arrive_s}, soonest is {soonest_s}")
        if visit.begin_s < visit.arrive_s:
            yield broken(Broken.BEGIN, f"begins at {visit.begin_s}, arrives {visit.arrive_s}")
        if visit.earliest_s is not None and visit.begin_s < visit.earliest_s:
            yield broken(Broken.WINDOW, f"begins at {visit.begin_s} before {visit.earliest_s}")
        if visit.latest_s is not None and visit.begin_s > visit.latest_s:
            yield broken(Broken.WINDOW, f"begins at {visit.begin_s} after {visit.latest_s}")
        if visit.depart_s < visit.begin_s + visit.dwell_s:
            yield broken(
                Broken.DWELL, f"stands {visit.depart_s - visit.begin_s} s of {visit.dwell_s} s"
            )
        stop, left_s = visit.stop, visit.depart_s
    if route.visits and route.end_s is not None and left_s > route.end_s:
        last = len(route.visits) - 1
        text = f"ends at {left_s}, the shift at {route.end_s}"
        yield Violation(Broken.SHIFT_END, route.shuttle, last, None, text)


def check_plugs(charges: Iterable[CheckedCharge], plugs: Mapping[int, int]) -> list[Violation]:
    """Every begin of a charge at which a stop would have more shuttles than plugs."""
    charges = tuple(charges)
    found = []
    for charge in charges:
        at_once = [
            other.shuttle
            for other in charges
            if other.stop == charge.stop and other.from_s <= charge.from_s < other.until_s
        ]
        if len(at_once) > plugs.get(charge.stop, 0):
            text = f"{', '.join(sorted(at_once))} charge at {charge.stop} at {charge.from_s}"
            found.append(Violation(Broken.PLUG, charge.shuttle, None, None, text))
    return found


def _check_battery(route: CheckedRoute, travel_s: TravelLookup) -> Iterator[Violation]:
    battery = route.battery
    if battery is None:
        return
    level_ws, stop, left_s = battery.level_ws, route.start_stop, route.start_s
    for i, visit in enumerate(route.visits):
        if battery.gap_s is not None and visit.begin_s - visit.arrive_s >= battery.gap_s:
            return
        drive_s = int(travel_s[stop, visit.stop])
        stood_s = max(0, visit.begin_s - left_s - drive_s)
        level_ws -= drive_s * battery.driving_w + stood_s * battery.standing_w
        if level_ws < battery.least_ws:
            text = f"{level_ws} Ws left in the battery of at least {battery.least_ws} Ws"
            yield Violation(Broken.BATTERY, route.shuttle, i, None, text)
            return
        gained_w = visit.charger_w or -battery.standing_w
        level_ws += (visit.depart_s - visit.begin_s) * gained_w
        level_ws = min(level_ws, battery.full_ws)
        stop, left_s = visit.stop, visit.depart_s


def _check_places(route: CheckedRoute, rides: Mapping[str, CheckedRide]) -> Iterator[Violation]:
    aboard = {ride.ride for ride in route.rides if ride.aboard}
    for i in range(-1, len(route.visits)):
        if i >= 0:
            # Alighting comes first and makes room for those who board.
            aboard -= set(route.visits[i].alights)
            aboard |= set(route.visits[i].boards)
        for kind, name in enumerate(("seats", "wheelchair places")):
            used = sum(rides[key].load[kind] for key in aboard if key in rides)
            if used > route.capacity[kind]:
                text = f"{used} {name} in use of {route.capacity[kind]}"
                visit = i if i >= 0 else None
                yield Violation(Broken.CAPACITY, route.shuttle, visit, None, text)


def _check_service(route: CheckedRoute, rides: Mapping[str, CheckedRide]) -> Iterator[Violation]:
    boards = Counter(key for visit in route.visits for key in visit.boards)
    alights = Counter(key for visit in route.visits for key in visit.alights)
    for i, visit in enumerate(route.visits):
        for key in sorted({*visit.boards, *visit.alights} - rides.keys()):
            yield Violation(Broken.UNKNOWN_RIDE, route.shuttle, i, key, f"nobody knows {key}")
    for ride in route.rides:

        def broken(kind: Broken, text: str, key: str = ride.ride) -> Violation:
            return Violation(kind, route.shuttle, None, key, text)

        wanted = 0 if ride.aboard else 1
        if boards[ride.ride] > wanted:
            yield broken(Broken.TWICE, f"{ride.ride} boards again")
        if alights[ride.ride] > 1:
            yield broken(Broken.TWICE, f"{ride.ride} alights {alights[ride.ride]} times")
        if boards[ride.ride] < wanted:
            yield broken(Broken.NOT_BOARDED, f"{ride.ride} is never picked up")
        if not alights[ride.ride]:
            yield broken(Broken.NOT_SET_DOWN, f"{ride.ride} is never set down")


def _check_promises(route: CheckedRoute, rides: Mapping[str, CheckedRide]) -> Iterator[Violation]:
    left_s = {ride.ride: ride.boarded_s for ride in route.rides if ride.aboard}
    for i, visit in enumerate(route.visits):
        for key in visit.alights:
            ride = rides.get(key)
            if ride is None:
                continue
            if key not in left_s:
                text = f"{key} alights without being aboard"
                yield Violation(Broken.ORDER, route.shuttle, i, key, text)
            if ride.dropoff_stop not in (None, visit.stop):
                text = f"{key} alights at {visit.stop}, not {ride.dropoff_stop}"
                yield Violation(Broken.WRONG_STOP, route.shuttle, i, key, text)
            if visit.begin_s > ride.dropoff_latest_s:
                text = f"{key} alights at {visit.begin_s}, promised {ride.dropoff_latest_s}"
                yield Violation(Broken.DROPOFF_PROMISE, route.shuttle, i, key, text)
            boarded_s = left_s.get(key)
            if boarded_s is not None and visit.begin_s - boarded_s > ride.max_ride_s:
                text = f"{key} rides {visit.begin_s - boarded_s} s of {ride.max_ride_s} s"
                yield Violation(Broken.RIDE_TIME, route.shuttle, i, key, text)
        for key in visit.boards:
            ride = rides.get(key)
            if ride is None:
                continue
            left_s[key] = visit.depart_s
            if ride.pickup_stop not in (None, visit.stop):
                text = f"{key} boards at {visit.stop}, not {ride.pickup_stop}"
                yield Violation(Broken.WRONG_STOP, route.shuttle, i, key, text)
            if not ride.pickup_earliest_s <= visit.begin_s <= ride.pickup_latest_s:
                text = (
                    f"{key} boards at {visit.begin_s}, promised "
                    f"{ride.pickup_earliest_s} to {ride.pickup_latest_s}"
                )
                yield Violation(Broken.PICKUP_WINDOW, route.shuttle, i, key, text)


def _keys(visits: Sequence[CheckedVisit]) -> set[str]:
    return {key for visit in visits for key in (*visit.boards, *visit.alights)}
