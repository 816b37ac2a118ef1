"""Changes of a row as pure functions: a ride goes in, a ride comes out."""

from dataclasses import replace

from dispatcher.domain.policy import Objective
from dispatcher.planning.request import Insertion, InsertionRequest, Position
from dispatcher.planning.rows import RowPlan, RowRide, RowVisit
from dispatcher.planning.schedule import Schedule, TravelTimes, row_cost, schedule


def ride_of(
    request: InsertionRequest, key: str, pickup_choice: int, dropoff_choice: int
) -> RowRide:
    """The ride that serves a request from one of its pickups to one of its drop-offs."""
    pickup, dropoff = request.pickups[pickup_choice], request.dropoffs[dropoff_choice]
    return RowRide(
        key=key,
        load=request.load,
        pickup_earliest_s=pickup.earliest_s,
        pickup_latest_s=pickup.latest_s,
        dropoff_latest_s=dropoff.latest_s,
        max_ride_s=request.max_ride_s[pickup_choice][dropoff_choice],
        dwell_s=request.dwell_s,
    )


def insert_ride(
    plan: RowPlan,
    ride: RowRide,
    pickup_stop: int,
    dropoff_stop: int,
    pickup: Position,
    dropoff: Position,
) -> RowPlan:
    """The row with a ride added at two positions of its route as it was.

    The drop-off goes in first, so that the pickup's index still means what it did.
    """
    assert pickup.code <= dropoff.code, "a rider boards before alighting"
    visits = list(plan.visits)
    if dropoff.joins:
        old = visits[dropoff.visit]
        assert old.stop == dropoff_stop
        visits[dropoff.visit] = replace(old, alights=(*old.alights, ride.key))
    else:
        visits.insert(dropoff.visit, RowVisit(dropoff_stop, alights=(ride.key,)))
    if pickup.joins:
        old = visits[pickup.visit]
        assert old.stop == pickup_stop
        visits[pickup.visit] = replace(old, boards=(*old.boards, ride.key))
    else:
        visits.insert(pickup.visit, RowVisit(pickup_stop, boards=(ride.key,)))
    return replace(plan, visits=tuple(visits), rides=(*plan.rides, ride))


def apply_insertion(
    plan: RowPlan, insertion: Insertion, request: InsertionRequest, key: str
) -> RowPlan:
    """The row with the chosen insertion carried out under the given ride key."""
    k, m = insertion.pickup_choice, insertion.dropoff_choice
    return insert_ride(
        plan,
        ride_of(request, key, k, m),
        request.pickups[k].stop,
        request.dropoffs[m].stop,
        insertion.pickup,
        insertion.dropoff,
    )


def restate_ride(plan: RowPlan, ride: RowRide) -> RowPlan:
    """The row with the promise of one of its rides replaced. KeyError if it has no such ride."""
    plan.ride(ride.key)
    rides = tuple(ride if old.key == ride.key else old for old in plan.rides)
    return replace(plan, rides=rides)


def remove_ride(plan: RowPlan, key: str) -> RowPlan:
    """The row without a ride and without the visits that were only for it.

    A ride that boards before the row starts gives its places in ``start_load`` back; removing
    one is for a party that turned out not to be aboard. KeyError if the row has no such ride.
    """
    ride = plan.ride(key)
    boards_here = any(key in visit.boards for visit in plan.visits)
    visits = []
    for visit in plan.visits:
        if key not in visit.boards and key not in visit.alights:
            visits.append(visit)
            continue
        rest = replace(
            visit,
            boards=tuple(other for other in visit.boards if other != key),
            alights=tuple(other for other in visit.alights if other != key),
        )
        if not rest.is_idle:
            visits.append(rest)
    start_load = plan.start_load
    if not boards_here:
        start_load = (start_load[0] - ride.load[0], start_load[1] - ride.load[1])
    rides = tuple(other for other in plan.rides if other.key != key)
    return replace(plan, start_load=start_load, visits=tuple(visits), rides=rides)


def merge_neighbours(
    plan: RowPlan, travel_s: TravelTimes, objective: Objective, now_s: int
) -> RowPlan:
    """Join neighbouring visits at one stop wherever that is feasible and costs no more."""
    current = schedule(plan, travel_s, now_s)
    i = 0
    while isinstance(current, Schedule) and i + 1 < len(plan.visits):
        first, second = plan.visits[i], plan.visits[i + 1]
        if first.stop == second.stop:
            both = RowVisit(
                first.stop,
                boards=first.boards + second.boards,
                alights=first.alights + second.alights,
                earliest_s=max(first.earliest_s, second.earliest_s),
                latest_s=min(first.latest_s, second.latest_s),
                dwell_s=max(first.dwell_s, second.dwell_s),
            )
            merged = replace(plan, visits=(*plan.visits[:i], both, *plan.visits[i + 2 :]))
            times = schedule(merged, travel_s, now_s)
            if isinstance(times, Schedule) and (
                row_cost(merged, times, travel_s, objective).total
                <= row_cost(plan, current, travel_s, objective).total
            ):
                plan, current = merged, times
                continue
        i += 1
    return plan


def without_idle_visits(plan: RowPlan) -> RowPlan:
    """The row without visits at which nothing happens, such as a drive to park."""
    if not any(visit.is_idle for visit in plan.visits):
        return plan
    return replace(plan, visits=tuple(visit for visit in plan.visits if not visit.is_idle))
