"""What each shuttle of a search could have done, as text."""

from collections.abc import Callable, Iterator, Sequence

from dispatcher.explaining.explanation import Placement, Search, ShuttleAnswer, Verdict
from dispatcher.explaining.spoken import Clock, counted, points, span
from dispatcher.planning.request import Binding

MOST_LINES = 8
"""Of shuttles that were dearer, or that could not; the rest is counted, unless all are wanted."""

NOBODY = {
    Binding.FLEET_DOWN: "no shuttle takes new riders",
    Binding.NO_SEAT: "there were not enough free seats",
    Binding.NO_WHEELCHAIR_PLACE: "no wheelchair place was free",
    Binding.RIDE_TOO_LONG: "the ride or the arrival would have been beyond the limit",
    Binding.WAIT_TOO_LONG: "nobody could come soon enough",
    Binding.OUTSIDE_HOURS: "it would have ended after the shuttles' time in service",
    Binding.NO_RANGE: "no battery would have lasted",
    Binding.NO_PATH: "no open street leads there",
}


def answer_lines(search: Search, clock: Clock, everyone: bool) -> Iterator[str]:
    by_verdict: dict[Verdict, list[ShuttleAnswer]] = {}
    for answer in search.answers:
        by_verdict.setdefault(answer.verdict, []).append(answer)
    could = sum(answer.placement is not None for answer in search.answers)
    yield (
        f"  {counted(len(search.answers), 'shuttle')} considered: {could} could,"
        f" {len(by_verdict.get(Verdict.IMPOSSIBLE, []))} could not,"
        f" {len(by_verdict.get(Verdict.UNAVAILABLE, []))} take no riders just now"
        f"{_left_out(len(by_verdict.get(Verdict.LEFT_OUT, [])))}."
    )
    others = by_verdict.get(Verdict.TIED, []) + by_verdict.get(Verdict.DEARER, [])
    yield from _some(others, everyone, lambda answer: _dearer(answer, clock))
    rest = by_verdict.get(Verdict.IMPOSSIBLE, [])
    yield from _some(rest, everyone, lambda answer: _could_not(answer, clock))
    for answer in by_verdict.get(Verdict.CROWDED, []):
        yield f"    {answer.shuttle_id}: no berth is free when it would be there"
    left_out = by_verdict.get(Verdict.LEFT_OUT, [])
    if len(left_out) == 1 or everyone:
        yield from _some(left_out, everyone, lambda answer: _not_asked(answer, clock))
    for answer in by_verdict.get(Verdict.UNAVAILABLE, []):
        yield f"    {answer.shuttle_id}: {_not_asked(answer, clock)}"


def _left_out(count: int) -> str:
    if count > 1:  # an operator named one
        return f", {count} were not named"
    return ", 1 is the one to leave" if count else ""


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
    return f"{points(place.price.total_milli)} points ({more}); {times_of(place, clock)}"


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
            return NOBODY[binding]


def _not_asked(answer: ShuttleAnswer, clock: Clock) -> str:
    if answer.verdict is Verdict.UNAVAILABLE:
        return f"takes no riders: {'; '.join(answer.unavailable)}"
    if answer.unavailable:
        return f"the shuttle to leave: {'; '.join(answer.unavailable)}"
    if answer.placement is not None:
        return f"the shuttle to leave, though it could: {times_of(answer.placement, clock)}"
    return "the shuttle to leave"


def times_of(place: Placement, clock: Clock) -> str:
    return (
        f"pickup {clock.at(place.pickup_s)} at {place.pickup_name},"
        f" drop-off {clock.at(place.dropoff_s)} at {place.dropoff_name}"
        f" ({span(place.dropoff_s - place.pickup_s)})"
    )
