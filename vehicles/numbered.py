"""A vehicle's own numbers for what happened to riders: each told once, over any restart. Pure."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from dispatcher.domain.events import (
    BoardingFailed,
    Event,
    EventNumber,
    RiderAlighted,
    RiderBoarded,
    RiderNotThere,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import ShuttleId, TripId, VisitId
from vehicles.mapping import GOT_OUT, visit_of_action
from vehicles.messages import Acknowledged, Onboard, RiderEvent, RiderEventKind

RiderTold = RiderBoarded | RiderNotThere | BoardingFailed | RiderAlighted

MOST_REASON = 200
_RIDER_TOLD = (RiderBoarded, RiderNotThere, BoardingFailed, RiderAlighted)


@dataclass(slots=True)
class NumberedEvents:
    """``last`` is the number told last; ``gaps`` counts events that the vehicle had to forget."""

    shuttle_id: ShuttleId
    last: EventNumber | None = None
    gaps: int = 0

    def acknowledged(self) -> Acknowledged | None:
        """What the vehicle need not keep, once what was told is durable."""
        if self.last is None:
            return None
        return Acknowledged(series=self.last.series, number=self.last.number)

    def tell(
        self,
        onboard: Onboard,
        derived: Sequence[Event],
        at_s: int,
        aboard: Set[TripId] | None = None,
    ) -> list[Event]:
        """The events of a state, those about riders with their numbers and in their order.

        ``aboard`` is who sits in the vehicle by the same state, if it can tell. Who boarded and
        got out again while nobody heard of it waits as before.

        ``derived`` is what the state shows of visits by itself. Arrivals and ends of visits come
        from there, for a vehicle that has passed a node shows it in every later state. What it
        shows of riders is used only where a number is missing.
        """
        fresh = [event for event in onboard.events if self._is_fresh(onboard.series, event)]
        told = [read for event in fresh if (read := self._read(onboard.series, event, at_s))]
        if aboard is not None:
            told = [_outcome(event, told[i + 1 :], aboard) for i, event in enumerate(told)]
        steps: list[Event] = [e for e in derived if not isinstance(e, _RIDER_TOLD) or _got_out(e)]
        events: list[Event] = []
        if fresh and fresh[0].number != self._next_of(onboard.series):
            self.gaps += 1
            known = {_key(event) for event in told}
            events += [
                event
                for event in derived
                if isinstance(event, _RIDER_TOLD)
                and _key(event) not in known
                and not _got_out(event)
            ]
        for event in told:
            events += _steps_before(event.visit_id, steps)
            events.append(event)
        if fresh:
            self.last = EventNumber(onboard.series, fresh[-1].number)
        return events + steps

    def _is_fresh(self, series: str, event: RiderEvent) -> bool:
        return self.last is None or self.last.series != series or event.number > self.last.number

    def _next_of(self, series: str) -> int:
        return self.last.number + 1 if self.last is not None and self.last.series == series else 1

    def _read(self, series: str, event: RiderEvent, at_s: int) -> RiderTold | None:
        """None for an action that is none of ours."""
        found = visit_of_action(event.action_id)
        if found is None:
            return None
        visit_id, trip_id = found[0], TripId(event.trip_id)
        number = EventNumber(series, event.number)
        match event.kind:
            case RiderEventKind.BOARDED:
                return RiderBoarded(at_s, self.shuttle_id, visit_id, trip_id, number)
            case RiderEventKind.NOT_THERE:
                return RiderNotThere(at_s, self.shuttle_id, visit_id, trip_id, number)
            case RiderEventKind.ALIGHTED:
                return RiderAlighted(at_s, self.shuttle_id, visit_id, trip_id, number)
            case RiderEventKind.NOT_LET_IN:
                reason = (event.reason or "")[:MOST_REASON]
                return BoardingFailed(at_s, self.shuttle_id, visit_id, trip_id, reason, number)


def _outcome(event: RiderTold, later: Sequence[RiderTold], aboard: Set[TripId]) -> RiderTold:
    """What a boarding has come to by the time it is told."""
    trip_id = event.trip_id
    if not isinstance(event, RiderBoarded) or trip_id in aboard:
        return event
    if any(isinstance(other, RiderAlighted) and other.trip_id == trip_id for other in later):
        return event
    return BoardingFailed(
        event.at_s, event.shuttle_id, event.visit_id, trip_id, GOT_OUT, event.number
    )


def _got_out(event: Event) -> bool:
    """Of riders who were aboard, and not any more when the vehicle came to their stop."""
    return isinstance(event, BoardingFailed) and event.reason == GOT_OUT


def _steps_before(visit_id: VisitId, steps: list[Event]) -> list[Event]:
    """Take out of ``steps`` what came before riders got in or out at this visit."""
    for i, step in enumerate(steps):
        if isinstance(step, VisitArrived) and step.visit_id == visit_id:
            before = steps[: i + 1]
            del steps[: i + 1]
            return before
        if isinstance(step, VisitCompleted) and step.visit_id == visit_id:
            before = steps[:i]
            del steps[:i]
            return before
    return []


def _key(event: RiderTold) -> RiderTold:
    plain = replace(event, number=None)
    return replace(plain, reason="") if isinstance(plain, BoardingFailed) else plain
