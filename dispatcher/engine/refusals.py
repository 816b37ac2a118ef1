"""From a search that found nothing to the refusal a rider is told."""

from dispatcher.domain.trips import Nearest, Party, Refusal, RefusalReason, TimeWish
from dispatcher.engine.hours import next_opening_s
from dispatcher.engine.state import ServiceState
from dispatcher.engine.wishes import Wish, insertion_request
from dispatcher.planning.request import Binding, NoInsertion

_TEXT = {
    Binding.FLEET_DOWN: "No shuttle is in service just now.",
    Binding.NO_WHEELCHAIR_PLACE: "No wheelchair place is free at that time.",
    Binding.NO_SEAT: "There are not enough free seats at that time.",
    Binding.RIDE_TOO_LONG: "The ride would take too long.",
    Binding.WAIT_TOO_LONG: "No shuttle can come soon enough.",
    Binding.OUTSIDE_HOURS: "The trip would end after service hours.",
    Binding.NO_RANGE: "No shuttle's battery lasts for that trip just now.",
    Binding.NO_PATH: "No open street leads there.",
}


def refusal_of(state: ServiceState, wish: Wish, found: NoInsertion) -> Refusal:
    """Name the binding constraint and the nearest thing that would work."""
    party = wish.request.party
    largest = _largest_party(state)
    if found.binding in (Binding.NO_SEAT, Binding.NO_WHEELCHAIR_PLACE) and (
        party.seats > largest.seats or party.wheelchairs > largest.wheelchairs
    ):
        reason = (
            RefusalReason.NO_WHEELCHAIR_PLACE
            if party.wheelchairs > largest.wheelchairs
            else RefusalReason.NO_SEAT
        )
        text = "The party is larger than one shuttle; ask for two trips."
        return Refusal(reason, text, Nearest(party=largest))
    if found.binding is Binding.NO_PATH:
        return Refusal(RefusalReason.UNREACHABLE, _TEXT[found.binding])
    if found.binding in (Binding.FLEET_DOWN, Binding.NO_RANGE):
        # Why the fleet cannot come is its operator's affair; a rider may ask again soon.
        retry = Nearest(retry_after_s=state.site.rules.replan_every_s * 10)
        return Refusal(RefusalReason.FLEET_DOWN, _TEXT[found.binding], retry)
    nearest = None
    if found.nearest_pickup_s is not None:
        nearest = Nearest(pickup_s=found.nearest_pickup_s)
    if found.binding is Binding.OUTSIDE_HOURS or _deadline_binds(state, wish, found):
        if wish.request.wish is TimeWish.ARRIVE_BY:
            text = "No shuttle can bring you there by then."
            return Refusal(RefusalReason.ARRIVAL_TOO_SOON, text, nearest)
        nearest = Nearest(pickup_s=next_opening_s(state.site.zone, wish.closes_s))
        return Refusal(RefusalReason.OUTSIDE_HOURS, _TEXT[Binding.OUTSIDE_HOURS], nearest)
    return Refusal(RefusalReason(found.binding.value), _TEXT[found.binding], nearest)


def _deadline_binds(state: ServiceState, wish: Wish, found: NoInsertion) -> bool:
    """Neither the ride nor the wait is too long: the drop-off is what comes too late."""
    asked = insertion_request(state, wish, answered_s=state.now_s)
    if found.binding is Binding.RIDE_TOO_LONG and found.nearest_ride_s is not None:
        longest_s = max(limit_s for row in asked.max_ride_s for limit_s in row)
        return found.nearest_ride_s - asked.dwell_s <= longest_s
    if found.binding is Binding.WAIT_TOO_LONG and found.nearest_pickup_s is not None:
        latest_s = max(dropoff.latest_s for dropoff in asked.dropoffs)
        return found.nearest_pickup_s + asked.dwell_s >= latest_s
    return False


def _largest_party(state: ServiceState) -> Party:
    """The most that fit into any one shuttle of the fleet, by kind."""
    return Party(
        max((shuttle.capacity.seats for shuttle in state.shuttles.values()), default=0),
        max((shuttle.capacity.wheelchairs for shuttle in state.shuttles.values()), default=0),
    )
