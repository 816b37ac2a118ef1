"""One question to the planner, put again to each shuttle by itself."""

from dispatcher.domain.ids import BookingId, ShuttleId
from dispatcher.engine.state import ServiceState
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.availability import unavailable_in_words, why_unavailable
from dispatcher.explaining.explanation import (
    AlightingStop,
    BoardingStop,
    Delay,
    DisagreementError,
    Placement,
    Search,
    ShuttleAnswer,
    Verdict,
)
from dispatcher.explaining.pricing import price_of_insertion
from dispatcher.explaining.stop_names import stop_name
from dispatcher.planning.insertion import insertions_per_shuttle
from dispatcher.planning.request import Insertion, InsertionRequest, NoInsertion
from dispatcher.planning.rows import FOREVER_S

_SHOWN_FIRST = tuple(Verdict)


def explain_search(
    state: ServiceState,
    purpose: Purpose,
    asked: InsertionRequest,
    forbid: tuple[ShuttleId, ...],
    found: Insertion | NoInsertion,
    crowded: tuple[ShuttleId, ...] = (),
) -> Search:
    """What every shuttle could have done, beside what was decided.

    ``forbid`` is whom the riders are to leave; ``crowded`` are those for which there is no berth.

    Reads the state at the moment of the question; changes nothing.

    Raises
    ------
    DisagreementError
        The answers of the shuttles, one by one, do not lead to what was decided.
    """
    answers = insertions_per_shuttle(
        state.fleet,
        asked,
        state.streets.stop_times_s,
        state.site.rules.objective,
        state.now_s,
    )
    best = _cheapest(state, answers, (*forbid, *crowded))
    if isinstance(found, Insertion):
        if best != found:
            raise DisagreementError(
                f"event {state.position}: shuttle {state.shuttle_of_row[found.row]} was chosen,"
                f" but asked one by one the cheapest is {_named(state, best)}"
            )
        chosen, none = state.shuttle_of_row[found.row], None
    else:
        if best is not None:
            raise DisagreementError(
                f"event {state.position}: nobody was found, but {_named(state, best)} could"
            )
        chosen, none = None, found
    passed = dict.fromkeys(crowded, Verdict.CROWDED)
    passed |= dict.fromkeys(forbid, Verdict.LEFT_OUT)
    told = [_answer(state, row, answer, asked, passed, best) for row, answer in enumerate(answers)]
    return Search(
        purpose=purpose,
        at_s=state.now_s,
        desired_s=asked.desired_s,
        seats=asked.load[0],
        wheelchairs=asked.load[1],
        pickups=_pickups(state, asked),
        dropoffs=_dropoffs(state, asked),
        longest_ride_s=max(limit_s for row in asked.max_ride_s for limit_s in row),
        answers=tuple(sorted(told, key=_rank)),
        chosen=chosen,
        binding=None if none is None else none.binding,
        nearest_pickup_s=None if none is None else none.nearest_pickup_s,
        nearest_ride_s=None if none is None else none.nearest_ride_s,
    )


def _cheapest(
    state: ServiceState,
    answers: tuple[Insertion | NoInsertion, ...],
    forbid: tuple[ShuttleId, ...],
) -> Insertion | None:
    """The cheapest answer of a shuttle that may be chosen; equal costs go to the lower row."""
    best: Insertion | None = None
    for row, answer in enumerate(answers):
        if isinstance(answer, NoInsertion) or state.shuttle_of_row[row] in forbid:
            continue
        if best is None or answer.cost.total < best.cost.total:
            best = answer
    return best


def _named(state: ServiceState, insertion: Insertion | None) -> str:
    if insertion is None:
        return "none"
    return f"{state.shuttle_of_row[insertion.row]} at {insertion.cost.total}"


def _answer(
    state: ServiceState,
    row: int,
    answer: Insertion | NoInsertion,
    asked: InsertionRequest,
    passed: dict[ShuttleId, Verdict],
    best: Insertion | None,
) -> ShuttleAnswer:
    shuttle_id = state.shuttle_of_row[row]
    if not state.fleet.plan(row).available:
        reasons = why_unavailable(state, state.shuttles[shuttle_id])
        verdict = passed.get(shuttle_id, Verdict.UNAVAILABLE)
        words = tuple(unavailable_in_words(reason) for reason in reasons)
        return ShuttleAnswer(shuttle_id, verdict, unavailable=words, reasons=reasons)
    if isinstance(answer, NoInsertion):
        return ShuttleAnswer(
            shuttle_id,
            passed.get(shuttle_id, Verdict.IMPOSSIBLE),
            binding=answer.binding,
            nearest_pickup_s=answer.nearest_pickup_s,
            nearest_ride_s=answer.nearest_ride_s,
        )
    over_milli = None if best is None else answer.cost.total - best.cost.total
    if best is not None and row == best.row:
        verdict = Verdict.CHOSEN
    else:
        verdict = Verdict.DEARER if over_milli else Verdict.TIED
    verdict = passed.get(shuttle_id, verdict)
    return ShuttleAnswer(shuttle_id, verdict, _placement(state, row, answer, asked), over_milli)


def _placement(
    state: ServiceState, row: int, insertion: Insertion, asked: InsertionRequest
) -> Placement:
    price, shifts = price_of_insertion(
        state.fleet.plan(row),
        insertion,
        asked,
        state.streets.stop_times_s,
        state.site.rules.objective,
        state.now_s,
    )
    pickup = asked.pickups[insertion.pickup_choice]
    dropoff = asked.dropoffs[insertion.dropoff_choice]
    stops = state.site.zone.stops
    return Placement(
        pickup_stop=stops[pickup.stop].id,
        pickup_name=stop_name(stops[pickup.stop]),
        dropoff_stop=stops[dropoff.stop].id,
        dropoff_name=stop_name(stops[dropoff.stop]),
        walk_to_s=pickup.walk_s,
        walk_from_s=dropoff.walk_s,
        pickup_s=insertion.pickup_s,
        dropoff_s=insertion.dropoff_s,
        calls_before=insertion.pickup_visit,
        calls_between=insertion.dropoff_visit - insertion.pickup_visit - 1,
        shares_pickup=insertion.pickup.joins,
        shares_dropoff=insertion.dropoff.joins,
        price=price,
        delays=tuple(
            Delay(state.bookings[BookingId(shift.key)].trip_id, shift.pickup_s, shift.dropoff_s)
            for shift in shifts
        ),
    )


def _pickups(state: ServiceState, asked: InsertionRequest) -> tuple[BoardingStop, ...]:
    stops = state.site.zone.stops
    return tuple(
        BoardingStop(
            stops[choice.stop].id,
            stop_name(stops[choice.stop]),
            choice.walk_s,
            choice.earliest_s,
            _limit_s(choice.latest_s),
        )
        for choice in asked.pickups
    )


def _dropoffs(state: ServiceState, asked: InsertionRequest) -> tuple[AlightingStop, ...]:
    stops = state.site.zone.stops
    return tuple(
        AlightingStop(
            stops[choice.stop].id,
            stop_name(stops[choice.stop]),
            choice.walk_s,
            _limit_s(choice.latest_s),
        )
        for choice in asked.dropoffs
    )


def _limit_s(latest_s: int) -> int | None:
    return None if latest_s >= FOREVER_S // 2 else latest_s


def _rank(answer: ShuttleAnswer) -> tuple[int, int]:
    """Chosen, tied, dearer by cost, impossible, unavailable; else the order of the fleet."""
    return _SHOWN_FIRST.index(answer.verdict), answer.over_best_milli or 0
