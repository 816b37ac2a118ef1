"""One search as text: which stops, which shuttles, what the choice cost and whom it delays."""

from collections.abc import Iterator, Sequence

from dispatcher.domain.ids import ShuttleId
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.answers_in_words import NOBODY, answer_lines, times_of
from dispatcher.explaining.explanation import (
    BoardingStop,
    Delay,
    Placement,
    Price,
    Search,
    Verdict,
)
from dispatcher.explaining.spoken import Clock, counted, party, points, span
from dispatcher.planning.request import Binding

InVain = tuple[Purpose, Binding | None]
"""What was looked for, and what stood in the way."""

_PURPOSES = {
    Purpose.OFFER_SOONEST: "the cheapest place for the request",
    Purpose.OFFER_LESS_WALKING: "an alternative with less walking",
    Purpose.OFFER_LATER: "a later alternative",
    Purpose.OFFER_RETIMED: "another time within what the rider allows",
    Purpose.MOVE: "another shuttle, as an operator ordered, with the promise kept",
    Purpose.KEEP_PROMISE: "another place that keeps the promise",
    Purpose.NEW_PROMISE: "the best place there still is, with a new promise",
    Purpose.RESCUE: "a shuttle to fetch the riders from one that cannot drive on",
}


def search_lines(search: Search, clock: Clock, *, everyone: bool = False) -> Iterator[str]:
    """The search from the question to the choice, without indentation."""
    purpose = _PURPOSES.get(search.purpose) or search.purpose.replace("_", " ")
    yield (
        f"Looked for {purpose}: {party(search.seats, search.wheelchairs)},"
        f" wanted pickup {clock.at(search.desired_s)}, ride of {span(search.longest_ride_s)}"
        " at most from leaving the pickup stop."
    )
    for stop in search.pickups:
        yield f"  board at {stop.name}: {_walk(stop.walk_s)}, {_between(stop, clock)}"
    for goal in search.dropoffs:
        until = "at any time" if goal.latest_s is None else f"by {clock.at(goal.latest_s)}"
        yield f"  get off at {goal.name}: {_walk(goal.walk_s)}, {until}"
    yield from _choice_lines(search, clock)
    yield from answer_lines(search, clock, everyone)


def searches_lines(
    searches: Sequence[Search], clock: Clock, in_vain: set[InVain], *, everyone: bool = False
) -> Iterator[str]:
    """The searches one after the other; those ``in_vain`` that were told already, in one line.

    ``in_vain`` is kept up to date: a search that found somebody empties it.
    """
    for search in searches:
        vain = (search.purpose, search.binding)
        if search.chosen is None and vain in in_vain:
            yield from _in_vain_again(search)
            continue
        yield from search_lines(search, clock, everyone=everyone)
        if search.chosen is None:
            in_vain.add(vain)
        else:
            in_vain.clear()


def _in_vain_again(search: Search) -> Iterator[str]:
    """The same search as one told before, and again nobody."""
    assert search.binding is not None
    purpose = _PURPOSES.get(search.purpose) or search.purpose.replace("_", " ")
    yield f"Looked again for {purpose}: {NOBODY[search.binding]}."


def price_lines(price: Price) -> Iterator[str]:
    """Term by term, adding up."""
    for term in price.terms:
        if term.own_s == 0 and term.others_s == 0:
            continue
        what = f"{term.own_s} s" if not term.others_s else f"({term.own_s} + {term.others_s}) s"
        note = ""
        if term.others_s:
            note = f"; {term.own_s} s this trip's own, {term.others_s} s other riders'"
        yield (
            f"{term.term:<8} {points(term.cost_milli):>9}"
            f" = {what} x {points(term.price_milli_per_s)}{note}"
        )
    yield f"{'in all':<8} {points(price.total_milli):>9}"


def _choice_lines(search: Search, clock: Clock) -> Iterator[str]:
    if search.chosen is None:
        assert search.binding is not None
        yield f"  Nobody could: {NOBODY[search.binding]}."
        if search.nearest_pickup_s is not None:
            yield (
                "  With any wait allowed, the soonest pickup would have been"
                f" {clock.at(search.nearest_pickup_s)}."
            )
        if search.nearest_ride_s is not None:
            yield (
                "  With any ride and arrival allowed, the shortest would have taken"
                f" {span(search.nearest_ride_s)}."
            )
        return
    answer = search.answer_of(search.chosen)
    assert answer.placement is not None
    place = answer.placement
    cost = points(place.price.total_milli)
    yield f"  Chosen: shuttle {search.chosen}, at a cost of {cost} points."
    yield f"    {times_of(place, clock)}"
    if search.at_berths_pickup_s is not None:
        yield (
            "    To find a free berth at each stop, planned instead: pickup"
            f" {clock.at(search.at_berths_pickup_s)}, drop-off"
            f" {clock.at(search.at_berths_dropoff_s)}."
        )
    yield f"    {_standing(place)}"
    for line in price_lines(place.price):
        yield f"    {line}"
    yield f"    {_delays(place.delays)}"
    yield f"    {_why_this_one(search)}"


def _why_this_one(search: Search) -> str:
    tied = [answer.shuttle_id for answer in search.answers if answer.verdict is Verdict.TIED]
    dearer = [answer for answer in search.answers if answer.verdict is Verdict.DEARER]
    if tied:
        return (
            f"Why: {_names(tied)} would have cost the same; of equals, the shuttle that joined"
            " the fleet first is taken."
        )
    if not dearer:
        return "Why: no other shuttle could."
    second = dearer[0]
    assert second.over_best_milli is not None
    return (
        f"Why: it is the cheapest; the next, {second.shuttle_id}, would have cost"
        f" {points(second.over_best_milli)} points more."
    )


def _standing(place: Placement) -> str:
    """How the trip stands in the route."""
    before = "next" if place.calls_before == 0 else f"after {counted(place.calls_before, 'call')}"
    shared = [
        name
        for name, shares in (("pickup", place.shares_pickup), ("drop-off", place.shares_dropoff))
        if shares
    ]
    note = f"; shares a call that is made anyway for the {' and '.join(shared)}" if shared else ""
    between = counted(place.calls_between, "call") if place.calls_between else "no call"
    return f"In its route: {before}, with {between} between pickup and drop-off{note}."


def _delays(delays: Sequence[Delay]) -> str:
    if not delays:
        return "Delays nobody."
    told = []
    for delay in delays:
        pickup = f"pickup {span(delay.pickup_s)} later" if delay.pickup_s else ""
        dropoff = f"drop-off {span(delay.dropoff_s)} later" if delay.dropoff_s else ""
        told.append(f"{delay.trip_id} ({', '.join(part for part in (pickup, dropoff) if part)})")
    return f"Delays {counted(len(told), 'other trip')}, all within what they were promised: " + (
        ", ".join(told) + "."
    )


def _between(stop: BoardingStop, clock: Clock) -> str:
    if stop.latest_s is None:
        return f"from {clock.at(stop.earliest_s)}"
    return f"between {clock.at(stop.earliest_s)} and {clock.at(stop.latest_s)}"


def _walk(walk_s: int) -> str:
    return f"{span(walk_s)} on foot" if walk_s else "no walk"


def _names(shuttles: Sequence[ShuttleId]) -> str:
    return shuttles[0] if len(shuttles) == 1 else f"{', '.join(shuttles[:-1])} and {shuttles[-1]}"
