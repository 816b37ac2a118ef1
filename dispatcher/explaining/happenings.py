"""An event as one sentence for an operator."""

import re
from typing import assert_never

from dispatcher.domain.events import (
    BoardingFailed,
    ClockTicked,
    EpochBegan,
    Event,
    NewerEpochSeen,
    OfferAnswered,
    OperatorEvent,
    PlanConfirmed,
    PlanProposed,
    PlanRefused,
    RequestSubmitted,
    RiderAlighted,
    RiderBoarded,
    RiderNotThere,
    ShuttleFellSilent,
    ShuttleHeld,
    ShuttleJoined,
    ShuttleReleased,
    ShuttleReported,
    ShuttleReturned,
    ShuttleSent,
    ShuttleWithdrawn,
    StreetsClosed,
    StreetsOpened,
    TripCancelled,
    TripMoved,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.shuttles import FaultLevel
from dispatcher.engine.state import ServiceState


def happening(event: Event, trip_id: TripId, before: ServiceState) -> str:
    """What happened, as seen from this trip. ``before`` is the state that the event met."""
    match event:
        case RequestSubmitted(request=request):
            if request.trip_id == trip_id:
                return "The rider asked for the trip."
            return f"Another trip, {request.trip_id}, was asked for and planned."
        case OfferAnswered(trip_id=who, accept=accept):
            answer = "accepted an offer" if accept else "declined"
            return f"The rider of {_whose(who, trip_id)} {answer}."
        case TripCancelled(operator_id=None, trip_id=who, reason=reason):
            by = "its rider" if event.rider_id is not None else "an operator"
            return f"{_whose(who, trip_id).capitalize()} was cancelled by {by}{_because(reason)}."
        case PlanProposed(routes=routes):
            return f"The improver proposed cheaper routes for {len(routes)} shuttles."
        case ClockTicked():
            return _lateness(before, trip_id)
        case EpochBegan(epoch=epoch):
            return f"A dispatcher took over (epoch {epoch})."
        case NewerEpochSeen(shuttle_id=shuttle, epoch=epoch):
            return f"Shuttle {shuttle} had heard of a dispatcher with epoch {epoch}."
        case (
            TripCancelled()
            | StreetsClosed()
            | StreetsOpened()
            | ShuttleHeld()
            | ShuttleReleased()
            | ShuttleWithdrawn()
            | ShuttleReturned()
            | ShuttleSent()
            | TripMoved()
        ):
            return ordered_in_words(event, trip_id)
        case RiderBoarded(shuttle_id=shuttle, trip_id=who):
            return f"Shuttle {shuttle} reported that the riders of {_whose(who, trip_id)} boarded."
        case RiderNotThere(shuttle_id=shuttle, trip_id=who):
            return f"Shuttle {shuttle} waited for {_whose(who, trip_id)}, but nobody came."
        case BoardingFailed(shuttle_id=shuttle, trip_id=who, reason=reason):
            whom = _whose(who, trip_id)
            return f"Shuttle {shuttle} could not let the riders of {whom} in{_because(reason)}."
        case RiderAlighted(shuttle_id=shuttle, trip_id=who):
            return f"Shuttle {shuttle} reported that the riders of {_whose(who, trip_id)} got off."
        case _:
            return _report(event)


def ordered_in_words(event: OperatorEvent, trip_id: TripId | None = None) -> str:
    """What an operator ordered; ``trip_id`` is the trip from which it is seen, if any."""
    match event:
        case TripCancelled(trip_id=who, operator_id=operator, reason=reason):
            whose = _whose(who, trip_id).capitalize()
            return f"{whose} was cancelled by {operator}{_because(reason)}."
        case StreetsClosed(operator_id=operator, edges=edges, stops=stops, reason=reason):
            closed = _streets(len(edges), tuple(stops))
            return f"{operator} closed {closed}{_because(reason)}."
        case StreetsOpened(operator_id=operator, edges=edges, stops=stops, reason=reason):
            return (
                f"{operator} opened {_streets(len(edges), tuple(stops))} again{_because(reason)}."
            )
        case ShuttleHeld(operator_id=operator, shuttle_id=shuttle, reason=reason):
            return f"{operator} stopped shuttle {shuttle}{_because(reason)}."
        case ShuttleReleased(operator_id=operator, shuttle_id=shuttle, reason=reason):
            return f"{operator} let shuttle {shuttle} drive on{_because(reason)}."
        case ShuttleWithdrawn(operator_id=operator, shuttle_id=shuttle, reason=reason):
            return f"{operator} took shuttle {shuttle} out of service{_because(reason)}."
        case ShuttleReturned(operator_id=operator, shuttle_id=shuttle, reason=reason):
            return f"{operator} put shuttle {shuttle} back into service{_because(reason)}."
        case ShuttleSent(operator_id=operator, shuttle_id=shuttle, stop_id=stop, reason=reason):
            return f"{operator} sent shuttle {shuttle} to stop {stop}{_because(reason)}."
        case TripMoved(operator_id=operator, trip_id=who, to_shuttle=to, reason=reason):
            where = "another shuttle" if to is None else f"shuttle {to}"
            return f"{operator} moved {_whose(who, trip_id)} to {where}{_because(reason)}."
        case _:
            assert_never(event)


def _report(event: Event) -> str:
    shuttle = f"Shuttle {getattr(event, 'shuttle_id', '')}"
    match event:
        case ShuttleJoined(order_id=order_id):
            return f"{shuttle} joined{'' if order_id else ' without an order'}."
        case ShuttleReported(faults=faults, paused=paused):
            fatal = [fault for fault in faults if fault.level is FaultLevel.FATAL]
            if fatal:
                said = ", ".join(f"{fault.kind}{_because(fault.text)}" for fault in fatal)
                return f"{shuttle} reported that it cannot drive: {said}."
            return f"{shuttle} reported{' that it is paused' if paused else ' where it is'}."
        case ShuttleFellSilent(last_heard_s=heard_s):
            return f"{shuttle} has not been heard for {event.at_s - heard_s} s."
        case PlanConfirmed(revision=revision):
            return f"{shuttle} confirmed plan {revision}."
        case PlanRefused(revision=revision, reason=reason):
            return f"{shuttle} refused plan {revision}{_because(reason)}."
        case VisitArrived():
            return f"{shuttle} arrived at a stop."
        case VisitCompleted():
            return f"{shuttle} left a stop."
        case _:  # "ChargingPlanned" says what it is
            words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(event).__name__)
            return f"{words.capitalize()}."


def _lateness(state: ServiceState, trip_id: TripId) -> str:
    """Why the clock alone would change a trip."""
    trip = state.trips.get(trip_id)
    shuttle_id: ShuttleId | None = None if trip is None else trip.shuttle_id
    shuttle = None if shuttle_id is None else state.shuttles.get(shuttle_id)
    if shuttle is None or shuttle.released is None:
        return "Time passed."
    if shuttle.released.arrived_s is None:
        return f"Time passed; shuttle {shuttle_id} had not arrived at its next stop."
    return f"Time passed; shuttle {shuttle_id} still stood at a stop."


def _whose(who: TripId, trip_id: TripId | None) -> str:
    return "this trip" if who == trip_id else f"trip {who}"


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _streets(n_edges: int, stops: tuple[str, ...]) -> str:
    parts = []
    if n_edges:
        parts.append(f"{n_edges} street direction{'s' if n_edges > 1 else ''}")
    if stops:
        parts.append(f"stop{'s' if len(stops) > 1 else ''} {', '.join(stops)}")
    return " and ".join(parts) or "nothing"
