"""One search as text: which stops, which shuttles, what the choice cost and whom it delays."""

from collections.abc import Callable, Iterator, Sequence

from dispatcher.domain.ids import ShuttleId
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.explanation import (
    BoardingStop,
    Delay,
    Placement,
    Price,
    Search,
    ShuttleAnswer,
    Verdict,
)
from dispatcher.explaining.spoken import Clock, counted, party, points, span
from dispatcher.planning.request import Binding

MOST_LINES = 8
"""Of shuttles that were dearer, or that could not; the rest is counted, unless all are wanted."""

_PURPOSES = {
    Purpose.OFFER_SOONEST: "the cheapest place for the request",
    Purpose.OFFER_LESS_WALKING: "an alternative with less walking",
    Purpose.OFFER_LATER: "a later alternative",
    Purpose.OFFER_RETIMED: "another time within what the rider allows",
    Purpose.KEEP_PROMISE: "another place that keeps the promise",
    Purpose.NEW_PROMISE: "the best place there still is, with a new promise",
    Purpose.RESCUE: "a shuttle to fetch the riders from one that cannot drive on",
}

_NOBODY = {
    Binding.FLEET_DOWN: "no shuttle takes new riders",
    Binding.NO_SEAT: "there were not enough free seats",
    Binding.NO_WHEELCHAIR_PLACE: "no wheelchair place was free",
    Binding.RIDE_TOO_LONG: "the ride or the arrival would have been beyond the limit",
    Binding.WAIT_TOO_LONG: "nobody could come soon enough",
    Binding.OUTSIDE_HOURS: "it would have ended after the shuttles' time in service",
    Binding.NO_RANGE: "no battery would have lasted",
    Binding.NO_PATH: "no open street leads there",
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
    yield from _answer_lines(search, clock, everyone)


def in_vain_again(search: Search) -> Iterator[str]:
    """The same search as one told before, and again nobody."""
    assert search.binding is not None
    purpose = _PURPOSES.get(search.purpose) or search.purpose.replace("_", " ")
    yield f"Looked again for {purpose}: {_NOBODY[search.binding]}."


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
        yield f"  Nobody could: {_NOBODY[search.binding]}."
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
    yield f"    {_times(place, clock)}"
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


def _answer_lines(search: Search, clock: Clock, everyone: bool) -> Iterator[str]:
    by_verdict: dict[Verdict, list[ShuttleAnswer]] = {}
    for answer in search.answers:
        by_verdict.setdefault(answer.verdict, []).append(answer)
    could = sum(answer.placement is not None for answer in search.answers)
    yield (
        f"  {counted(len(search.answers), 'shuttle')} considered: {could} could,"
        f" {len(by_verdict.get(Verdict.IMPOSSIBLE, []))} could not,"
        f" {len(by_verdict.get(Verdict.UNAVAILABLE, []))} take no riders just now"
        + (", 1 is the one to leave." if Verdict.LEFT_OUT in by_verdict else ".")
    )
    others = by_verdict.get(Verdict.TIED, []) + by_verdict.get(Verdict.DEARER, [])
    yield from _some(others, everyone, lambda answer: _dearer(answer, clock))
    rest = by_verdict.get(Verdict.IMPOSSIBLE, [])
    yield from _some(rest, everyone, lambda answer: _could_not(answer, clock))
    for answer in by_verdict.get(Verdict.CROWDED, []):
        yield f"    {answer.shuttle_id}: no berth is free when it would be there"
    for verdict in (Verdict.LEFT_OUT, Verdict.UNAVAILABLE):
        for answer in by_verdict.get(verdict, []):
            yield f"    {answer.shuttle_id}: {_not_asked(answer, clock)}"


def _some(
    answers: Sequence[ShuttleAnswer], everyone: bool, line: Callable[[ShuttleAnswer], str]
) -> Iterator[str]:
    shown = answers if everyone else answers[:MOST_LINES]
    for answer in shown:
        yield f"    {answer.shuttle_id}: {line(answer)}"
    if len(shown) < len(answers):
        yield f"    and {len(answers) - len(shown)} more of this kind"


def _dearer(answer: ShuttleAnswer, clock: Clock) -> str:
    place, over_milli = answer.placement, answer.over_best_milli
    assert place is not None
    assert over_milli is not None
    more = f"{points(over_milli)} more" if over_milli else "the same"
    return f"{points(place.price.total_milli)} points ({more}); {_times(place, clock)}"


def _could_not(answer: ShuttleAnswer, clock: Clock) -> str:
    soonest = clock.at(answer.nearest_pickup_s)
    match answer.binding:
        case Binding.WAIT_TOO_LONG if answer.nearest_pickup_s is not None:
            return f"comes too late; it could board them at {soonest}"
        case Binding.WAIT_TOO_LONG:
            return "comes too late, and the ride would be too long as well"
        case Binding.RIDE_TOO_LONG if answer.nearest_ride_s is not None:
            return (
                "the ride or the arrival would be beyond the limit; the shortest ride takes"
                f" {span(answer.nearest_ride_s)}"
            )
        case Binding.NO_SEAT | Binding.NO_WHEELCHAIR_PLACE if answer.nearest_pickup_s is not None:
            kind = "seat" if answer.binding is Binding.NO_SEAT else "wheelchair place"
            return f"too few {kind}s free; there is room at {soonest}"
        case Binding.FLEET_DOWN:
            return "is behind the promises it has, and takes nobody"
        case None:
            return "was not asked"
        case binding:
            return _NOBODY[binding]


def _not_asked(answer: ShuttleAnswer, clock: Clock) -> str:
    if answer.verdict is Verdict.UNAVAILABLE:
        return f"takes no riders: {'; '.join(answer.unavailable)}"
    if answer.unavailable:
        return f"the shuttle to leave: {'; '.join(answer.unavailable)}"
    if answer.placement is not None:
        return f"the shuttle to leave, though it could: {_times(answer.placement, clock)}"
    return "the shuttle to leave"


def _times(place: Placement, clock: Clock) -> str:
    return (
        f"pickup {clock.at(place.pickup_s)} at {place.pickup_name},"
        f" drop-off {clock.at(place.dropoff_s)} at {place.dropoff_name}"
        f" ({span(place.dropoff_s - place.pickup_s)})"
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
