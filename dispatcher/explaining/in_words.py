"""An explanation as plain text, for somebody who has never seen the code."""

from collections.abc import Iterator

from dispatcher.domain.ids import StopId
from dispatcher.domain.trips import Nearest, Offer, OfferKind, Place, TimeWish, TripState
from dispatcher.domain.zone import Point
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.explanation import Explanation
from dispatcher.explaining.search_in_words import searches_lines
from dispatcher.explaining.spoken import Clock, indented, party, points, span
from dispatcher.explaining.story_in_words import story_lines

_KINDS = {
    OfferKind.SOONEST: "soonest",
    OfferKind.LESS_WALKING: "less walking",
    OfferKind.LATER: "later",
    OfferKind.RETIMED: "another time",
}


def explanation_text(explanation: Explanation, *, everyone: bool = False) -> str:
    """The request, its answer and the trip's story. ``everyone``: every shuttle by name."""
    clock = Clock(explanation.timezone, explanation.steps[0].at_s)
    lines = [
        *_request_lines(explanation, clock),
        "",
        "WHAT WAS DECIDED",
        *indented(_decision_lines(explanation, clock)),
        "",
        "WHY",
        *indented(_why_lines(explanation, clock, everyone)),
        "",
        "WHAT BECAME OF IT",
        *indented(story_lines(explanation, clock, everyone)),
        "",
        *_footer(explanation),
    ]
    return "\n".join(lines) + "\n"


def _request_lines(explanation: Explanation, clock: Clock) -> Iterator[str]:
    request, first = explanation.request, explanation.steps[0]
    yield (
        f"Trip {request.trip_id} of rider {request.rider_id} (request {request.request_id}),"
        f" {clock.day()}, times in {explanation.timezone}"
    )
    origin = _place(explanation, request.origin)
    destination = _place(explanation, request.destination)
    yield (
        f"Asked at {clock.at(first.at_s)} (event {first.position}):"
        f" {party(request.party.seats, request.party.wheelchairs)} from {origin} to {destination},"
        f" {_wish(request.wish, clock.at(request.wish_s))},"
        f" on foot {request.walk_limit_m} m at most."
    )
    yield f"So far: {explanation.state.replace('_', ' ')}."


def _decision_lines(explanation: Explanation, clock: Clock) -> Iterator[str]:
    refusal = explanation.refusal
    if refusal is not None:
        yield f"Refused: {refusal.reason}. The rider was told: {refusal.text}"
        nearest = _nearest(explanation, refusal.nearest, clock)
        yield (
            f"Nearest thing that would work: {nearest}."
            if nearest
            else ("Nothing near it was found that would work.")
        )
        return
    for number, offer in enumerate(explanation.offers, start=1):
        yield f"Offer {number} ({_KINDS.get(offer.kind, offer.kind)}): shuttle {offer.shuttle_id}"
        yield from indented(_offer_lines(explanation, offer, clock))
    if explanation.steps[0].after.state is not TripState.OFFERED:
        yield "The rider had asked to accept the first offer at once."
    else:
        yield f"Open until {clock.at(explanation.offers[0].expires_s)}; seats were held until then."


def _offer_lines(explanation: Explanation, offer: Offer, clock: Clock) -> Iterator[str]:
    promise, names = offer.promise, explanation.stop_names
    yield (
        f"board at {names[promise.pickup_stop]} after {offer.walk_to_pickup_m} m on foot,"
        f" planned {clock.at(offer.pickup_planned_s)}, promised between"
        f" {clock.at(promise.pickup_earliest_s)} and {clock.at(promise.pickup_latest_s)}"
    )
    yield (
        f"get off at {names[promise.dropoff_stop]}, then {offer.walk_from_dropoff_m} m on foot,"
        f" planned {clock.at(offer.dropoff_planned_s)}, promised by"
        f" {clock.at(promise.dropoff_latest_s)}"
    )


def _why_lines(explanation: Explanation, clock: Clock, everyone: bool) -> Iterator[str]:
    searches, request = explanation.searches, explanation.request
    if not searches:
        yield "It was settled before any shuttle was considered."
        return
    yield from searches_lines(searches, clock, set(), everyone=everyone)
    wants_more = request.alternatives > 1 and not request.auto_accept
    purposes = {search.purpose for search in searches}
    if wants_more and searches[0].chosen and Purpose.OFFER_LESS_WALKING not in purposes:
        yield "No stops need less walking than those of the first offer."


def _footer(explanation: Explanation) -> Iterator[str]:
    checked = explanation.checked
    terms = {
        term.term: term.price_milli_per_s
        for search in explanation.searches
        for answer in search.answers
        if answer.placement is not None
        for term in answer.placement.price.terms
    }
    if terms:
        priced = ", ".join(f"{term} {points(price)}" for term, price in terms.items())
        yield f"Points per second: {priced}; a rider's seconds count for each person."
    yield (
        f"Worked out again from events {checked.replayed_from} to {checked.replayed_to}; every"
        " choice above came out the same a second time."
    )
    last = explanation.steps[-1].position
    if checked.compared_to >= last:
        yield "The journal's digests confirm every decision shown."
    elif checked.compared_to >= explanation.steps[0].position:
        yield (
            f"The journal's digests confirm the decisions up to event {checked.compared_to}; it"
            " ends before it could confirm the rest."
        )
    else:
        yield "The journal ends before its digests could confirm these decisions."


def _nearest(explanation: Explanation, nearest: Nearest | None, clock: Clock) -> str:
    if nearest is None:
        return ""
    parts = []
    if nearest.stop_id is not None:
        parts.append(f"stop {explanation.stop_names.get(nearest.stop_id, nearest.stop_id)}")
    if nearest.walk_limit_m is not None:
        parts.append(f"a walk of {nearest.walk_limit_m} m")
    if nearest.pickup_s is not None:
        parts.append(f"a pickup at {clock.at(nearest.pickup_s)}")
    if nearest.party is not None:
        parts.append(f"at most {party(nearest.party.seats, nearest.party.wheelchairs)}")
    if nearest.retry_after_s is not None:
        parts.append(f"asking again after {span(nearest.retry_after_s)}")
    return ", ".join(parts)


def _place(explanation: Explanation, place: Place) -> str:
    if isinstance(place, Point):
        return f"{place.lat:.5f}, {place.lon:.5f}"
    return f"stop {explanation.stop_names.get(StopId(place), place)}"


def _wish(wish: TimeWish, at: str) -> str:
    if wish is TimeWish.NOW:
        return "as soon as possible"
    return f"leaving at {at}" if wish is TimeWish.DEPART_AT else f"to be there by {at}"
