"""How long riders are to wait, kept by the stop nearest to them."""

from dispatcher.domain.trips import TimeWish
from dispatcher.engine.state import ServiceState, TripRecord
from dispatcher.engine.wishes import StopChoice
from dispatcher.streets import walk_s


def note_wait(state: ServiceState, nearest: StopChoice, trip: TripRecord) -> None:
    """Keep the wait that the first offer comes to; refused, it is the longest anybody may wait.

    Only riders who want to leave now wait for want of a shuttle.
    """
    if trip.request.wish is not TimeWish.NOW:
        return
    wait_s = state.site.rules.max_wait_s
    if trip.offers:
        offer = trip.offers[0]
        ready_s = state.now_s + walk_s(offer.walk_to_pickup_m)
        wait_s = min(wait_s, max(0, offer.pickup_planned_s - ready_s))
    state.waits.note(nearest.stop, wait_s)
