"""What a rider would be offered now, without asking: nothing is held and nothing is counted."""

from dispatcher.domain.trips import Offer, OfferKind, Refusal, RideRequest, TimeWish, TripState
from dispatcher.engine.offers import (
    FoundOffer,
    another_time_could_do,
    look_for_offer,
    missed_s,
)
from dispatcher.engine.refusals import refusal_of
from dispatcher.engine.state import ServiceState, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.engine.wishes import (
    AS_ASKED,
    Leeway,
    Wish,
    at_opening,
    leeways_later,
    leeways_sooner,
    wish_of,
)
from dispatcher.planning.request import NoInsertion


def quote_request(
    state: ServiceState, request: RideRequest, now_s: int
) -> tuple[Offer, ...] | Refusal:
    """The offers that the request would get at ``now_s``, or why it would be refused.

    The state is as it was before. The first offer is what asking at once would give. Each
    further one is looked for as if the first were not held, so it can be a little better.
    """
    was_s = state.now_s
    state.now_s = max(was_s, now_s)
    try:
        return _quoted(Turn(state, state.now_s), request)
    finally:
        state.now_s = was_s


def _quoted(turn: Turn, request: RideRequest) -> tuple[Offer, ...] | Refusal:
    trip = TripRecord(request, TripState.REQUESTED, turn.now_s)  # known to nobody
    kind, wish = OfferKind.SOONEST, wish_of(turn.state, request)
    if isinstance(wish, Refusal):
        opening = at_opening(turn.state, request, wish)
        if opening is None:
            return wish
        kind, wish = OfferKind.RETIMED, wish_of(turn.state, opening)
        if isinstance(wish, Refusal):
            return wish
    first = _look(turn, trip, wish, kind)
    if isinstance(first, NoInsertion):
        refusal = refusal_of(turn.state, wish, first)
        return _other_times(turn, trip, wish, refusal) or refusal
    if not request.auto_accept:
        kinds = [OfferKind.LESS_WALKING, OfferKind.LATER]
        if request.wish is TimeWish.ARRIVE_BY:
            kinds.remove(OfferKind.LATER)  # that would be too late
        for kind in kinds:
            if len(trip.offers) < request.alternatives:
                _look(turn, trip, wish, kind)
    return trip.offers


def _other_times(turn: Turn, trip: TripRecord, wish: Wish, refusal: Refusal) -> tuple[Offer, ...]:
    if not another_time_could_do(refusal):
        return ()
    for leeways in (leeways_later(wish.request), leeways_sooner(wish.request)):
        for leeway in leeways:
            if isinstance(_look(turn, trip, wish, OfferKind.RETIMED, leeway), Offer):
                break
    nearest = sorted(trip.offers, key=lambda offer: missed_s(trip.request, offer))
    return tuple(nearest[: max(1, trip.request.alternatives)])


def _look(
    turn: Turn, trip: TripRecord, wish: Wish, kind: OfferKind, leeway: Leeway = AS_ASKED
) -> Offer | NoInsertion | None:
    found = look_for_offer(turn, trip, wish, kind, leeway)
    if not isinstance(found, FoundOffer):
        return found
    trip.offers = (*trip.offers, found.offer)
    return found.offer
