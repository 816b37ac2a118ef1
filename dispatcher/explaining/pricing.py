"""What an insertion costs, and whom it delays, worked out by the readable schedule.

The planner's own figures come from compiled code. Here the row is scheduled once without the
party and once with it, and both must say the same.
"""

from dataclasses import dataclass, fields
from typing import Final

from dispatcher.domain.policy import Objective
from dispatcher.explaining.explanation import DisagreementError, Price, TermCost
from dispatcher.planning.edits import apply_insertion
from dispatcher.planning.request import Insertion, InsertionRequest
from dispatcher.planning.rows import RowPlan, spans
from dispatcher.planning.schedule import Cost, Infeasible, Schedule, TravelTimes, schedule

_NEW: Final = "(new)"


@dataclass(frozen=True, slots=True)
class Shift:
    """How much later a ride of the row is served, seconds; pickup None: before the row."""

    key: str
    pickup_s: int | None
    dropoff_s: int


def price_of_insertion(
    plan: RowPlan,
    insertion: Insertion,
    asked: InsertionRequest,
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
) -> tuple[Price, tuple[Shift, ...]]:
    """The insertion's cost by term, and who is served later for it.

    Raises
    ------
    DisagreementError
        The readable schedule gives other times or another cost than the planner did.
    """
    before = schedule(plan, travel_s, now_s)
    with_party = apply_insertion(plan, insertion, asked, _NEW)
    after = schedule(with_party, travel_s, now_s)
    if isinstance(before, Infeasible) or isinstance(after, Infeasible):
        raise DisagreementError(f"row {insertion.row}: the planner's route cannot be driven")
    if after.begin_s != insertion.begin_s:
        raise DisagreementError(f"row {insertion.row}: the planner's times are other ones")
    pickup = asked.pickups[insertion.pickup_choice]
    dropoff = asked.dropoffs[insertion.dropoff_choice]
    shifts = _shifts(plan, before, with_party, after)
    others_waiting_s = others_riding_s = 0
    for shift in shifts:
        riders = plan.ride(shift.key).riders
        others_waiting_s += riders * (shift.pickup_s or 0)
        others_riding_s += riders * (shift.dropoff_s - (shift.pickup_s or 0))
    drive_s = _driven_s(with_party, travel_s) - _driven_s(plan, travel_s)
    price = _price(
        objective,
        own_s={
            "driving": drive_s,
            "waiting": asked.riders * (insertion.pickup_s - asked.desired_s),
            "riding": asked.riders * (insertion.dropoff_s - insertion.pickup_s),
            "walking": asked.riders * (pickup.walk_s + dropoff.walk_s),
        },
        others_s={"waiting": others_waiting_s, "riding": others_riding_s},
    )
    _check(price, insertion.cost, f"row {insertion.row}")
    return price, tuple(shift for shift in shifts if shift.pickup_s or shift.dropoff_s)


def price_of_cost(cost: Cost, objective: Objective) -> Price:
    """A whole route's cost: its seconds follow from the prices; 0 where a second costs nothing."""
    own_s = {}
    for term in fields(cost):
        price = getattr(objective, term.name)
        own_s[term.name] = getattr(cost, term.name) // price if price else 0
    return _price(objective, own_s, {})


def _price(objective: Objective, own_s: dict[str, int], others_s: dict[str, int]) -> Price:
    terms = []
    for term in own_s:
        price = getattr(objective, term)
        others = others_s.get(term, 0)
        terms.append(TermCost(term, own_s[term], others, price, price * (own_s[term] + others)))
    return Price(tuple(terms), sum(term.cost_milli for term in terms))


def _check(price: Price, cost: Cost, where: str) -> None:
    decided = {term.name: getattr(cost, term.name) for term in fields(cost)}
    found = {term.term: term.cost_milli for term in price.terms}
    if decided != found:
        raise DisagreementError(f"{where}: the planner's cost is {decided}, not {found}")


def _driven_s(plan: RowPlan, travel_s: TravelTimes) -> int:
    total_s, here = 0, plan.start_stop
    for visit in plan.visits:
        total_s += int(travel_s[here, visit.stop])
        here = visit.stop
    return total_s


def _shifts(
    plan: RowPlan, before: Schedule, with_party: RowPlan, after: Schedule
) -> tuple[Shift, ...]:
    old = {span.ride.key: span for span in spans(plan)}
    shifts = []
    for span in spans(with_party):
        was = old.get(span.ride.key)
        if was is None:
            continue
        pickup_s = None
        if span.pickup >= 0:
            pickup_s = after.begin_s[span.pickup] - before.begin_s[was.pickup]
        dropoff_s = after.begin_s[span.dropoff] - before.begin_s[was.dropoff]
        shifts.append(Shift(span.ride.key, pickup_s, dropoff_s))
    return tuple(shifts)
