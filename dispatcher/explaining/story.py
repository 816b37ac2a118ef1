"""What became of one trip: looks on at every event, and keeps those that concern it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dispatcher.core import Applied
from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.decisions import OperatorAlerted, OperatorAnswered, TripChanged
from dispatcher.domain.events import Event
from dispatcher.domain.ids import BookingId, ShuttleId, TripId
from dispatcher.domain.trips import ENDS, Offer, Refusal
from dispatcher.engine.offers import has_bookings
from dispatcher.engine.routes import find_visit_s, keys_of
from dispatcher.engine.state import Hold, ServiceState, TripRecord
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.explanation import (
    DisagreementError,
    ExplanationError,
    Improvement,
    Move,
    Price,
    Step,
    TermCost,
    TripView,
)
from dispatcher.explaining.happenings import Happening, happening
from dispatcher.explaining.happenings_in_words import happening_in_words
from dispatcher.explaining.looking import SearchLog
from dispatcher.explaining.pricing import price_of_cost
from dispatcher.planning.request import Insertion, InsertionRequest, NoInsertion
from dispatcher.planning.rows import RowPlan
from dispatcher.planning.schedule import Cost, Schedule, row_cost, schedule

# Plans drift by seconds all the time. A step is told when the drift since the last one is felt.
DRIFT_S = 60


@dataclass(slots=True)
class TripStory:
    """Collects the steps of one trip; a witness of the engine while it decides."""

    trip_id: TripId
    steps: list[Step] = field(default_factory=list)
    offers: tuple[Offer, ...] = ()  # as first made
    refusal: Refusal | None = None
    ended: bool = False  # and no shuttle has it in its books any more
    _before: TripView | None = None
    _shown: TripView | None = None  # as of the last step
    _happened: Happening | None = None
    _log: SearchLog = field(default_factory=SearchLog)
    _improvement: Improvement | None = None

    def before(self, event: Event, state: ServiceState) -> None:
        """An event is about to be decided."""
        trip = state.trips.get(self.trip_id)
        self._before = None if trip is None else view_of(state, trip)
        self._happened = happening(event, self.trip_id, state)
        self._log.clear()
        self._improvement = None

    def after(self, applied: Applied, state: ServiceState) -> None:
        """It was decided; keep it if it concerns the trip."""
        trip = state.trips.get(self.trip_id)
        if trip is None or applied.event is None:
            return
        if not self.steps:
            self.offers, self.refusal = trip.offers, trip.refusal
        view = view_of(state, trip)
        told = [
            decision.status
            for decision in applied.decisions
            if isinstance(decision, TripChanged) and decision.status.trip_id == self.trip_id
        ]
        alerts = tuple(
            decision.text
            for decision in applied.decisions
            if isinstance(decision, OperatorAlerted) and decision.trip_id == self.trip_id
        )
        command = self._command(applied, view)
        found = self._log.searches or self._improvement or command
        if told or alerts or found or self._is_felt(view):
            assert self._happened is not None, "every event is seen before it is decided"
            self.steps.append(
                Step(
                    position=applied.position,
                    at_s=state.now_s,
                    event=type(applied.event).__name__,
                    cause=happening_in_words(self._happened),
                    happened=self._happened,
                    before=self._before if self._shown is None else self._shown,
                    after=view,
                    told=bool(told),
                    told_text=told[-1].reason if told else None,
                    alerts=alerts,
                    searches=tuple(self._log.searches),
                    improvement=self._improvement,
                    command=command,
                )
            )
            self._shown = view
        self.ended = trip.state in ENDS and not has_bookings(state, trip)

    def searched(
        self,
        state: ServiceState,
        trip_id: TripId,
        purpose: Purpose,
        asked: InsertionRequest,
        forbid: tuple[ShuttleId, ...],
        found: Insertion | NoInsertion,
    ) -> None:
        if trip_id == self.trip_id:
            with _our_mistakes(state):
                self._log.searched(state, purpose, asked, forbid, found)

    def settled(
        self,
        state: ServiceState,
        trip_id: TripId,
        answer: tuple[ShuttleId, Insertion] | NoInsertion,
    ) -> None:
        if trip_id == self.trip_id:
            with _our_mistakes(state):
                self._log.settled(answer)

    def improving(
        self, state: ServiceState, shuttle_ids: tuple[ShuttleId, ...], rows: tuple[RowPlan, ...]
    ) -> None:
        keys = {ride.key for row in rows for ride in row.rides}
        if not any(state.bookings[BookingId(key)].trip_id == self.trip_id for key in keys):
            return
        with _our_mistakes(state):
            self._improvement = _improvement(state, shuttle_ids, rows)

    def _command(self, applied: Applied, view: TripView) -> CommandOutcome | None:
        """What an operator ordered for this trip, or for the shuttle that has it."""
        event = applied.event
        trip_id, shuttle_id = getattr(event, "trip_id", None), getattr(event, "shuttle_id", None)
        had = None if self._before is None else self._before.shuttle_id
        is_live = self._before is not None and self._before.state not in ENDS
        its_shuttle = shuttle_id is not None and shuttle_id in (had, view.shuttle_id)
        concerns = trip_id == self.trip_id or (is_live and its_shuttle)
        outcomes = [d.outcome for d in applied.decisions if isinstance(d, OperatorAnswered)]
        return outcomes[0] if outcomes and concerns else None

    def _is_felt(self, view: TripView) -> bool:
        shown = self._shown
        if shown is None:
            return True
        if (shown.state, shown.shuttle_id, shown.promise, shown.hold) != (
            view.state,
            view.shuttle_id,
            view.promise,
            view.hold,
        ):
            return True
        return any(
            was is not None and now is not None and abs(now - was) >= DRIFT_S
            for was, now in ((shown.pickup_s, view.pickup_s), (shown.dropoff_s, view.dropoff_s))
        )


@contextmanager
def _our_mistakes(state: ServiceState) -> Iterator[None]:
    """A mistake in explaining must not be taken for one of the engine's."""
    try:
        yield
    except ExplanationError:
        raise
    except Exception as error:
        raise ExplanationError(f"event {state.position}: {error!r}") from error


def view_of(state: ServiceState, trip: TripRecord) -> TripView:
    """The trip as it stands, with the times that are planned for it now."""
    booking_id = trip.booking_id
    if booking_id is None and trip.offers and trip.state not in ENDS:
        booking_id = trip.offers[0].booking_id
    booking = None if booking_id is None else state.bookings.get(booking_id)
    pickup_s = dropoff_s = None
    hold: Hold | None = None
    waits_for = None
    shuttle_id = trip.shuttle_id
    if booking is not None and trip.state not in ENDS:
        shuttle_id = booking.shuttle_id
        pickup_s, dropoff_s = find_visit_s(
            state.shuttles[booking.shuttle_id], booking.id, state.now_s
        )
        hold, waits_for = booking.hold, booking.old_shuttle
    return TripView(
        trip.state, shuttle_id, booking_id, trip.promise, pickup_s, dropoff_s, hold, waits_for
    )


def _improvement(
    state: ServiceState, shuttle_ids: tuple[ShuttleId, ...], rows: tuple[RowPlan, ...]
) -> Improvement:
    old_rows = [state.shuttles[shuttle_id].row for shuttle_id in shuttle_ids]
    before, after = _rows_price(state, old_rows), _rows_price(state, rows)
    if after.total_milli >= before.total_milli:
        raise DisagreementError(
            f"event {state.position}: routes of {after.total_milli} were adopted"
            f" in place of {before.total_milli}"
        )
    moves = []
    for shuttle_id, row in zip(shuttle_ids, rows, strict=True):
        for key in keys_of(row):
            booking = state.bookings[key]
            if booking.shuttle_id != shuttle_id:
                moves.append(Move(booking.trip_id, booking.shuttle_id, shuttle_id))
    return Improvement(shuttle_ids, before, after, tuple(moves))


def _rows_price(state: ServiceState, rows: list[RowPlan] | tuple[RowPlan, ...]) -> Price:
    travel_s, objective = state.streets.stop_times_s, state.site.rules.objective
    prices = []
    for row in rows:
        times = schedule(row, travel_s, state.now_s)
        if not isinstance(times, Schedule):
            raise DisagreementError(f"event {state.position}: a route adopted cannot be driven")
        prices.append(price_of_cost(row_cost(row, times, travel_s, objective), objective))
    empty = price_of_cost(Cost(), objective)
    terms = tuple(
        TermCost(
            term.term,
            sum(price.terms[i].own_s for price in prices),
            0,
            term.price_milli_per_s,
            sum(price.terms[i].cost_milli for price in prices),
        )
        for i, term in enumerate(empty.terms)
    )
    return Price(terms, sum(term.cost_milli for term in terms))
