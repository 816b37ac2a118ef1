"""What a route costs and whether it can be driven, written to be read; the kernels must agree.

A route is a list of visits, each of one or more ride ends at one place. Every rule bounds one time
from below by another, so times are raised from the earliest until nothing moves: the least
schedule, as in `dispatcher.planning.schedule`.
"""

from dataclasses import dataclass
from itertools import pairwise

from dispatcher.planning.search.model import NO_PATH, Problem, RideEnd, RouteOrder


@dataclass(slots=True)
class _Visit:
    place: int
    ends: list[int]
    begin: int
    latest: int
    dwell: int


def route_cost(problem: Problem, vehicle: int, order: RouteOrder) -> int | None:
    """The route's price by the least schedule, or ``None`` if it breaks a rule.

    Whether everybody who boards alights, and in this order, is the caller's to see to.
    """
    shuttle = problem.vehicles[vehicle]
    if not order.ends:
        return 0
    visits = _visits(problem, order)
    if not _has_room(problem, vehicle, visits):
        return None
    places = [shuttle.start_place, *(visit.place for visit in visits)]
    if shuttle.end_place is not None:
        places.append(shuttle.end_place)
    legs = [int(problem.travel[a, b]) for a, b in pairwise(places)]
    if problem.shares_visits and max(legs) >= NO_PATH:
        return None
    if sum(legs) > shuttle.max_driving:
        return None
    leaves = _least_schedule(problem, vehicle, visits, legs)
    if leaves is None:
        return None
    counted = sum(legs)
    if problem.onward is not None and shuttle.end_place is None:
        counted += int(problem.onward[places[-1]] - problem.onward[shuttle.start_place])
    return (
        problem.prices.driving * counted + shuttle.use_cost + _riders_time(problem, vehicle, visits)
    )


def _end(problem: Problem, number: int) -> RideEnd:
    rides = len(problem.rides)
    if number >= rides:
        return problem.rides[number - rides].dropoff
    pickup = problem.rides[number].pickup
    assert pickup is not None
    return pickup


def _visits(problem: Problem, order: RouteOrder) -> list[_Visit]:
    visits: list[_Visit] = []
    for number, joins in zip(order.ends, order.joins, strict=True):
        end = _end(problem, number)
        if not joins:
            visits.append(_Visit(end.place, [number], end.earliest, end.latest, end.dwell))
            continue
        visit = visits[-1]
        assert visit.place == end.place
        visit.ends.append(number)
        visit.begin = max(visit.begin, end.earliest)
        visit.latest = min(visit.latest, end.latest)
        visit.dwell = max(visit.dwell, end.dwell)
    return visits


def _has_room(problem: Problem, vehicle: int, visits: list[_Visit]) -> bool:
    shuttle, rides = problem.vehicles[vehicle], len(problem.rides)
    aboard = list(shuttle.start_load)
    for visit in visits:
        for number in visit.ends:
            sign = 1 if number < rides else -1
            for kind, places in enumerate(problem.rides[number % rides].load):
                aboard[kind] += sign * places
        if any(a > c for a, c in zip(aboard, shuttle.capacity, strict=True)):
            return False
    return True


def _least_schedule(
    problem: Problem, vehicle: int, visits: list[_Visit], legs: list[int]
) -> int | None:
    """Raise the begins in place; when the vehicle leaves its start, or ``None``."""
    shuttle, rides = problem.vehicles[vehicle], len(problem.rides)
    leaves = shuttle.start_earliest
    visit_of = {number: visit for visit in visits for number in visit.ends}
    while True:
        before = (leaves, [visit.begin for visit in visits])
        clock = leaves
        for visit, leg in zip(visits, legs, strict=False):
            visit.begin = max(visit.begin, clock + leg)
            clock = visit.begin + visit.dwell
        arrives = clock if shuttle.end_place is None else clock + legs[-1]
        leaves = max(leaves, arrives - shuttle.max_duration)
        for r, ride in enumerate(problem.rides):
            if ride.pickup is not None and r in visit_of:
                boards, alights = visit_of[r], visit_of[rides + r]
                boards.begin = max(boards.begin, alights.begin - ride.max_ride - boards.dwell)
        if leaves > shuttle.start_latest or arrives > shuttle.end_latest:
            return None
        if any(visit.begin > visit.latest for visit in visits):
            return None
        if before == (leaves, [visit.begin for visit in visits]):
            return leaves


def _riders_time(problem: Problem, vehicle: int, visits: list[_Visit]) -> int:
    rides, prices = len(problem.rides), problem.prices
    began = {number: visit.begin for visit in visits for number in visit.ends}
    total = 0
    for number, begin in began.items():
        ride = problem.rides[number % rides]
        if number < rides:
            assert ride.pickup is not None
            total += prices.waiting * ride.riders * (begin - ride.pickup.earliest)
        else:
            aboard_from = problem.vehicles[vehicle].start_earliest
            boarded = aboard_from if ride.pickup is None else began[number - rides]
            total += prices.riding * ride.riders * (begin - boarded)
    return total


def cheapest_place(
    problem: Problem, vehicle: int, order: RouteOrder, ride: int
) -> tuple[int, RouteOrder] | None:
    """The least that taking up a ride adds, by trying every place; ``None`` if there is none.

    The present order stays; an end makes a visit of its own or joins the visit before it.
    """
    party = problem.rides[ride]
    if party.vehicle is not None and party.vehicle != vehicle:
        return None
    known = route_cost(problem, vehicle, order)
    assert known is not None
    starts = [order]
    if party.pickup is not None:
        starts = _with_end(problem, order, ride, 0)
    best: tuple[int, RouteOrder] | None = None
    for boarded in starts:
        behind = boarded.ends.index(ride) + 1 if party.pickup is not None else 0
        for tried in _with_end(problem, boarded, len(problem.rides) + ride, behind):
            cost = route_cost(problem, vehicle, tried)
            if cost is not None and (best is None or cost - known < best[0]):
                best = (cost - known, tried)
    return best


def _with_end(problem: Problem, order: RouteOrder, number: int, behind: int) -> list[RouteOrder]:
    """The order with one more end, everywhere from position ``behind`` where a visit has ended."""
    tried = []
    place = _end(problem, number).place
    for k in range(behind, len(order.ends) + 1):
        if k < len(order.ends) and order.joins[k]:
            continue  # in the midst of a visit
        ends = (*order.ends[:k], number, *order.ends[k:])
        tried.append(RouteOrder(ends, (*order.joins[:k], False, *order.joins[k:])))
        if problem.shares_visits and k > 0 and _end(problem, order.ends[k - 1]).place == place:
            tried.append(RouteOrder(ends, (*order.joins[:k], True, *order.joins[k:])))
    return tried
