"""An explanation as plain text, for somebody who has never seen the code."""

from collections.abc import Iterator

from dispatcher.domain.ids import StopId
from dispatcher.domain.trips import Nearest, Offer, OfferKind, Place, Promise, TimeWish, TripState
from dispatcher.domain.zone import Point
from dispatcher.engine.state import Hold
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.explanation import Explanation, Improvement, Step, TripView
from dispatcher.explaining.search_in_words import price_lines, search_lines
from dispatcher.explaining.spoken import Clock, party, points, span

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
        *_indented(_decision_lines(explanation, clock)),
        "",
        "WHY",
        *_indented(_why_lines(explanation, clock, everyone)),
        "",
        "WHAT BECAME OF IT",
        *_indented(_story_lines(explanation, clock, everyone)),
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
        yield f"Offer {number} ({_KINDS[offer.kind]}): shuttle {offer.shuttle_id}"
        yield from _indented(_offer_lines(explanation, offer, clock))
    if explanation.request.auto_accept:
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
    if not explanation.searches:
        yield "It was settled before any shuttle was considered."
    for search in explanation.searches:
        yield from search_lines(search, clock, everyone=everyone)
    if explanation.refusal is None and not explanation.request.auto_accept:
        purposes = {search.purpose for search in explanation.searches}
        if explanation.request.alternatives > 1 and Purpose.OFFER_LESS_WALKING not in purposes:
            yield "No stops need less walking than those of the first offer."


def _story_lines(explanation: Explanation, clock: Clock, everyone: bool) -> Iterator[str]:
    cost_milli = _chosen_milli(explanation.steps[0])
    for step in explanation.steps[1:]:
        yield f"{clock.at(step.at_s)}  {step.cause} (event {step.position})"
        yield from _indented(_change_lines(explanation, step, clock), by=10)
        for search in step.searches:
            yield from _indented(search_lines(search, clock, everyone=everyone), by=10)
        now_milli = _chosen_milli(step)
        if now_milli is not None:
            if cost_milli is not None:
                was, now = points(cost_milli), points(now_milli)
                yield f"{'':10}The trip's place cost {was} points before, and {now} now."
            cost_milli = now_milli
        if step.improvement is not None:
            yield from _indented(_improvement_lines(step.improvement), by=10)
    if len(explanation.steps) == 1:
        yield "Nothing more is recorded."


def _chosen_milli(step: Step) -> int | None:
    """What the place cost that the step's searches led to; of several offers, the first."""
    for search in step.searches:
        if search.chosen is not None:
            placement = search.answer_of(search.chosen).placement
            return None if placement is None else placement.price.total_milli
    return None


def _change_lines(explanation: Explanation, step: Step, clock: Clock) -> Iterator[str]:
    before, after = step.before, step.after
    if before is not None:
        yield from _compared(explanation, before, after, clock)
    if step.told:
        said = f': "{step.told_text}"' if step.told_text else "."
        yield f"The rider was told{said}"
    for alert in step.alerts:
        yield f"Operators were alerted: {alert}"


def _compared(
    explanation: Explanation, before: TripView, after: TripView, clock: Clock
) -> Iterator[str]:
    if before.state is not after.state:
        yield f"{_state(before.state)} -> {_state(after.state)}."
    if before.shuttle_id != after.shuttle_id:
        yield f"Shuttle {before.shuttle_id or 'none'} -> {after.shuttle_id or 'none'}."
    if after.hold is Hold.MOVING and before.waits_for != after.waits_for:
        yield (
            f"Shuttle {after.shuttle_id} is sent for them once shuttle {after.waits_for} has"
            " confirmed that it does not come, or can board nobody any more."
        )
    if before.hold is Hold.MOVING and after.hold is Hold.FIRM:
        yield f"Shuttle {before.waits_for} has let them go; shuttle {after.shuttle_id} is sent."
    for name, was_s, now_s in (
        ("Pickup", before.pickup_s, after.pickup_s),
        ("Drop-off", before.dropoff_s, after.dropoff_s),
    ):
        if was_s is not None and now_s is not None and was_s != now_s:
            moved = "later" if now_s > was_s else "sooner"
            yield f"{name} planned {clock.at(now_s)}, {span(abs(now_s - was_s))} {moved}."
    if before.promise is not None and after.promise not in (None, before.promise):
        assert after.promise is not None
        yield f"Promise before: {_promise(explanation, before.promise, clock)}."
        yield f"Promise now:    {_promise(explanation, after.promise, clock)}."


def _improvement_lines(improvement: Improvement) -> Iterator[str]:
    saved = points(improvement.before.total_milli - improvement.after.total_milli)
    routes = ", ".join(improvement.shuttles)
    yield f"The routes of {routes} together cost {saved} points less."
    for move in improvement.moves:
        yield f"  {move.trip_id} went from shuttle {move.old_shuttle} to {move.new_shuttle}"
    for name, price in (("before", improvement.before), ("after", improvement.after)):
        yield f"  {name}:"
        yield from _indented(price_lines(price), by=4)


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
        f"Worked out again from events 1 to {checked.replayed_to}; every choice above came out the"
        " same a second time."
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


def _promise(explanation: Explanation, promise: Promise, clock: Clock) -> str:
    names = explanation.stop_names
    return (
        f"board at {names[promise.pickup_stop]} between {clock.at(promise.pickup_earliest_s)} and"
        f" {clock.at(promise.pickup_latest_s)}, at {names[promise.dropoff_stop]} by"
        f" {clock.at(promise.dropoff_latest_s)}"
    )


def _place(explanation: Explanation, place: Place) -> str:
    if isinstance(place, Point):
        return f"{place.lat:.5f}, {place.lon:.5f}"
    return f"stop {explanation.stop_names.get(StopId(place), place)}"


def _wish(wish: TimeWish, at: str) -> str:
    if wish is TimeWish.NOW:
        return "as soon as possible"
    return f"leaving at {at}" if wish is TimeWish.DEPART_AT else f"to be there by {at}"


def _state(state: TripState) -> str:
    return state.replace("_", " ")


def _indented(lines: Iterator[str], by: int = 2) -> Iterator[str]:
    return (" " * by + line for line in lines)
