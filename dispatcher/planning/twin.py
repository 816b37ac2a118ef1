"""The insertion kernel's readable twin: it defines the right answer.

Every shuttle, every pair of stops, every pair of positions is carried out on the row, timed and
priced; the cheapest feasible one wins. Far too slow for service, short enough to be believed.
"""

from collections.abc import Iterator, Sequence

from dispatcher.domain.policy import Objective
from dispatcher.planning.edits import insert_ride, ride_of
from dispatcher.planning.request import Insertion, InsertionRequest, Position
from dispatcher.planning.rows import RowPlan
from dispatcher.planning.schedule import Cost, Schedule, TravelTimes, row_cost, schedule

_NEW = "(new)"


def best_insertion(
    plans: Sequence[RowPlan],
    request: InsertionRequest,
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
) -> Insertion | None:
    """The cheapest feasible insertion over all available rows, or None.

    Equal costs are settled by row, then fewer new visits, then the earlier pickup position, the
    earlier drop-off position, and the order of the choices.
    """
    best: tuple[tuple[int, ...], Insertion] | None = None
    for row, plan in enumerate(plans):
        if not plan.available:
            continue
        for found in insertions(row, plan, request, travel_s, objective, now_s):
            new_visits = (not found.pickup.joins) + (not found.dropoff.joins)
            rank = (
                found.cost.total,
                row,
                new_visits,
                found.pickup.code,
                found.dropoff.code,
                found.pickup_choice,
                found.dropoff_choice,
            )
            if best is None or rank < best[0]:
                best = (rank, found)
    return None if best is None else best[1]


def insertions(
    row: int,
    plan: RowPlan,
    request: InsertionRequest,
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
) -> Iterator[Insertion]:
    """Every feasible insertion into one row. None if the row is infeasible as it is."""
    before = schedule(plan, travel_s, now_s)
    if not isinstance(before, Schedule):
        return
    cost_before = row_cost(plan, before, travel_s, objective)
    for k, pickup in enumerate(request.pickups):
        for m, dropoff in enumerate(request.dropoffs):
            if pickup.stop == dropoff.stop:
                continue
            ride = ride_of(request, _NEW, k, m)
            # Waiting is priced from the wish, not from the earliest pickup of this stop.
            extra_wait_s = request.riders * (pickup.earliest_s - request.desired_s)
            walk_s = request.riders * (pickup.walk_s + dropoff.walk_s)
            for at, to in position_pairs(plan, pickup.stop, dropoff.stop):
                after_plan = insert_ride(plan, ride, pickup.stop, dropoff.stop, at, to)
                after = schedule(after_plan, travel_s, now_s)
                if not isinstance(after, Schedule):
                    continue
                cost_after = row_cost(after_plan, after, travel_s, objective)
                yield Insertion(
                    row=row,
                    pickup_choice=k,
                    dropoff_choice=m,
                    pickup=at,
                    dropoff=to,
                    begin_s=after.begin_s,
                    pickup_visit=at.visit,
                    dropoff_visit=to.visit + (0 if at.joins else 1),
                    cost=Cost(
                        driving=cost_after.driving - cost_before.driving,
                        waiting=cost_after.waiting
                        - cost_before.waiting
                        + objective.waiting * extra_wait_s,
                        riding=cost_after.riding - cost_before.riding,
                        walking=objective.walking * walk_s,
                    ),
                )


def position_pairs(
    plan: RowPlan, pickup_stop: int, dropoff_stop: int
) -> Iterator[tuple[Position, Position]]:
    """Every pair of positions where one could board and alight, in route order."""
    codes = range(2 * len(plan.visits) + 1)

    def fits(position: Position, stop: int) -> bool:
        return not position.joins or plan.visits[position.visit].stop == stop

    for pickup_code in codes:
        pickup = Position.from_code(pickup_code)
        if not fits(pickup, pickup_stop):
            continue
        for dropoff_code in codes[pickup_code:]:
            dropoff = Position.from_code(dropoff_code)
            if fits(dropoff, dropoff_stop):
                yield pickup, dropoff
