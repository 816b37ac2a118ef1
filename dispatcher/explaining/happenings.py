"""What an event was to a trip, by name: to be said in a sentence, in whatever language."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from dispatcher.domain.events import (
    BoardingFailed,
    ChargingPlanned,
    ClockTicked,
    EpochBegan,
    Event,
    HearingLost,
    HearingRegained,
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
from dispatcher.domain.ids import OperatorId, ShuttleId, StopId, TripId
from dispatcher.domain.shuttles import Fault, FaultLevel
from dispatcher.engine.barred import GOT_OUT, PLAN_EXPIRED
from dispatcher.engine.state import ServiceState


class Happened(StrEnum):
    """Kinds of happenings. The console has a sentence for each, by its name."""

    ASKED = "asked"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_DECLINED = "offer_declined"
    CANCELLED_BY_RIDER = "cancelled_by_rider"
    CANCELLED = "cancelled"  # by an operator who is not named
    # What an operator ordered, whether it was done or not
    CANCELLED_BY_OPERATOR = "cancelled_by_operator"
    STREETS_CLOSED = "streets_closed"
    STREETS_OPENED = "streets_opened"
    SHUTTLE_HELD = "shuttle_held"
    SHUTTLE_RELEASED = "shuttle_released"
    SHUTTLE_WITHDRAWN = "shuttle_withdrawn"
    SHUTTLE_RETURNED = "shuttle_returned"
    SHUTTLE_SENT = "shuttle_sent"
    TRIP_MOVED = "trip_moved"
    TRIP_MOVED_ANYWHERE = "trip_moved_anywhere"
    # What a shuttle told of riders
    BOARDED = "boarded"
    NOT_THERE = "not_there"
    BOARDING_FAILED = "boarding_failed"
    BOARDING_EXPIRED = "boarding_expired"  # too long without the dispatcher's word
    GOT_OUT = "got_out"
    ALIGHTED = "alighted"
    # And of itself
    JOINED = "joined"
    JOINED_WITHOUT_ORDER = "joined_without_order"
    REPORTED = "reported"
    PAUSED = "paused"
    FAULTED = "faulted"
    FELL_SILENT = "fell_silent"
    PLAN_CONFIRMED = "plan_confirmed"
    PLAN_REFUSED = "plan_refused"
    ARRIVED = "arrived"
    LEFT = "left"
    NEWER_EPOCH = "newer_epoch"
    # Nobody's word
    TIME_PASSED = "time_passed"
    NOT_ARRIVED = "not_arrived"
    STILL_STANDING = "still_standing"
    ROUTES_PROPOSED = "routes_proposed"
    CHARGING_PLANNED = "charging_planned"
    EPOCH_BEGAN = "epoch_began"
    HEARING_LOST = "hearing_lost"
    HEARING_REGAINED = "hearing_regained"


@dataclass(frozen=True, slots=True)
class Happening:
    """What an event was, as seen from a trip. What its kind has not is left empty."""

    kind: Happened
    trip_id: TripId | None = None  # where it was another trip's
    shuttle_id: ShuttleId | None = None
    operator_id: OperatorId | None = None
    reason: str = ""  # as the operator, the rider or the shuttle has put it
    stop_id: StopId | None = None  # where a shuttle was sent to
    streets: int = 0  # directions closed or opened
    stops: tuple[StopId, ...] = ()
    faults: tuple[Fault, ...] = ()  # with which it cannot drive
    number: int | None = None  # of routes, of a plan or an epoch, or of seconds


def happening(event: Event, trip_id: TripId, before: ServiceState) -> Happening:
    """What happened, as seen from this trip. ``before`` is the state that the event met."""
    match event:
        case RequestSubmitted(request=request):
            return Happening(Happened.ASKED, _other(request.trip_id, trip_id))
        case OfferAnswered(trip_id=who, accept=accept):
            kind = Happened.OFFER_ACCEPTED if accept else Happened.OFFER_DECLINED
            return Happening(kind, _other(who, trip_id))
        case TripCancelled(operator_id=None, trip_id=who, rider_id=rider_id, reason=reason):
            kind = Happened.CANCELLED if rider_id is None else Happened.CANCELLED_BY_RIDER
            return Happening(kind, _other(who, trip_id), reason=reason)
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
            return ordered(event, trip_id)
        case RiderBoarded(shuttle_id=shuttle, trip_id=who):
            return Happening(Happened.BOARDED, _other(who, trip_id), shuttle)
        case RiderNotThere(shuttle_id=shuttle, trip_id=who):
            return Happening(Happened.NOT_THERE, _other(who, trip_id), shuttle)
        case BoardingFailed(shuttle_id=shuttle, trip_id=who, reason=reason):
            return Happening(_failed(reason), _other(who, trip_id), shuttle, reason=reason)
        case RiderAlighted(shuttle_id=shuttle, trip_id=who):
            return Happening(Happened.ALIGHTED, _other(who, trip_id), shuttle)
        case ClockTicked():
            return _lateness(before, trip_id)
        case PlanProposed(routes=routes):
            return Happening(Happened.ROUTES_PROPOSED, number=len(routes))
        case ChargingPlanned():
            return Happening(Happened.CHARGING_PLANNED)
        case EpochBegan(epoch=epoch):
            return Happening(Happened.EPOCH_BEGAN, number=epoch)
        case HearingLost(since_s=since_s):
            return Happening(Happened.HEARING_LOST, number=event.at_s - since_s)
        case HearingRegained():
            return Happening(Happened.HEARING_REGAINED)
        case _:
            return _report(event)


def ordered(event: OperatorEvent, trip_id: TripId | None = None) -> Happening:
    """What an operator ordered; ``trip_id`` is the trip from which it is seen, if any."""
    who, why = event.operator_id, event.reason
    match event:
        case TripCancelled(trip_id=whose):
            other = _other(whose, trip_id)
            return Happening(Happened.CANCELLED_BY_OPERATOR, other, operator_id=who, reason=why)
        case StreetsClosed(edges=edges, stops=stops):
            kind, streets = Happened.STREETS_CLOSED, len(edges)
            return Happening(kind, operator_id=who, reason=why, streets=streets, stops=stops)
        case StreetsOpened(edges=edges, stops=stops):
            kind, streets = Happened.STREETS_OPENED, len(edges)
            return Happening(kind, operator_id=who, reason=why, streets=streets, stops=stops)
        case ShuttleHeld(shuttle_id=shuttle):
            return Happening(Happened.SHUTTLE_HELD, None, shuttle, who, why)
        case ShuttleReleased(shuttle_id=shuttle):
            return Happening(Happened.SHUTTLE_RELEASED, None, shuttle, who, why)
        case ShuttleWithdrawn(shuttle_id=shuttle):
            return Happening(Happened.SHUTTLE_WITHDRAWN, None, shuttle, who, why)
        case ShuttleReturned(shuttle_id=shuttle):
            return Happening(Happened.SHUTTLE_RETURNED, None, shuttle, who, why)
        case ShuttleSent(shuttle_id=shuttle, stop_id=stop):
            return Happening(Happened.SHUTTLE_SENT, None, shuttle, who, why, stop)
        case TripMoved(trip_id=whose, to_shuttle=to):
            kind = Happened.TRIP_MOVED_ANYWHERE if to is None else Happened.TRIP_MOVED
            return Happening(kind, _other(whose, trip_id), to, who, why)
        case _:
            assert_never(event)


_Report = (
    ShuttleJoined
    | ShuttleReported
    | ShuttleFellSilent
    | NewerEpochSeen
    | PlanConfirmed
    | PlanRefused
    | VisitArrived
    | VisitCompleted
)


def _report(event: _Report) -> Happening:
    shuttle = event.shuttle_id
    match event:
        case ShuttleJoined(order_id=order_id):
            kind = Happened.JOINED if order_id else Happened.JOINED_WITHOUT_ORDER
            return Happening(kind, None, shuttle)
        case ShuttleReported(faults=faults, paused=paused):
            fatal = tuple(fault for fault in faults if fault.level is FaultLevel.FATAL)
            if fatal:
                return Happening(Happened.FAULTED, None, shuttle, faults=fatal)
            return Happening(Happened.PAUSED if paused else Happened.REPORTED, None, shuttle)
        case ShuttleFellSilent(last_heard_s=heard_s):
            return Happening(Happened.FELL_SILENT, None, shuttle, number=event.at_s - heard_s)
        case NewerEpochSeen(epoch=epoch):
            return Happening(Happened.NEWER_EPOCH, None, shuttle, number=epoch)
        case PlanConfirmed(revision=revision):
            return Happening(Happened.PLAN_CONFIRMED, None, shuttle, number=revision)
        case PlanRefused(revision=revision, reason=reason):
            return Happening(Happened.PLAN_REFUSED, None, shuttle, reason=reason, number=revision)
        case VisitArrived():
            return Happening(Happened.ARRIVED, None, shuttle)
        case VisitCompleted():
            return Happening(Happened.LEFT, None, shuttle)
        case _:
            assert_never(event)


def _lateness(state: ServiceState, trip_id: TripId) -> Happening:
    """Why the clock alone would change a trip."""
    trip = state.trips.get(trip_id)
    shuttle_id: ShuttleId | None = None if trip is None else trip.shuttle_id
    shuttle = None if shuttle_id is None else state.shuttles.get(shuttle_id)
    if shuttle is None or shuttle.released is None:
        return Happening(Happened.TIME_PASSED)
    is_there = shuttle.released.arrived_s is not None
    kind = Happened.STILL_STANDING if is_there else Happened.NOT_ARRIVED
    return Happening(kind, None, shuttle_id)


def _failed(reason: str) -> Happened:
    if reason.startswith(PLAN_EXPIRED):
        return Happened.BOARDING_EXPIRED
    return Happened.GOT_OUT if reason.startswith(GOT_OUT) else Happened.BOARDING_FAILED


def _other(who: TripId, trip_id: TripId | None) -> TripId | None:
    return None if who == trip_id else who
