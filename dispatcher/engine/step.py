"""``step``: one event in, decisions out. Pure: the same journal always gives the same decisions."""

from typing import assert_never

from dispatcher.domain.decisions import AnswerProblem, Decision, RiderAnswered, TripChanged
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
from dispatcher.domain.ids import BookingId, ShuttleId, TripId
from dispatcher.domain.trips import RideRequest, TripState, may_be_coarsened
from dispatcher.engine import (
    aboard,
    answers,
    barred,
    charging,
    commands,
    fleet,
    hearing,
    idle,
    offers,
    paces,
    proposals,
    rebook,
    rescue,
    visits,
)
from dispatcher.engine.settle import settle
from dispatcher.engine.state import ServiceState, TimerKind
from dispatcher.engine.status import trip_status
from dispatcher.engine.turn import Turn
from dispatcher.engine.witness import Witness


def step(
    state: ServiceState, event: Event, witness: Witness | None = None
) -> tuple[ServiceState, tuple[Decision, ...]]:
    """Apply one event. The state is changed in place and returned.

    A witness sees how it is decided, and changes nothing.
    """
    turn = Turn(state, max(event.at_s, state.now_s), state.now_s, witness=witness)
    state.position += 1
    state.now_s = turn.now_s
    if not _is_repeated(state, event):
        _apply(turn, event)
    settle(turn)
    for trip_id, reason in turn.told.items():
        trip = state.trips[trip_id]
        trip.revision += 1
        turn.decisions.append(TripChanged(trip_status(trip, turn.now_s, reason)))
    return state, tuple(turn.decisions)


def _is_repeated(state: ServiceState, event: Event) -> bool:
    """Whether a shuttle's numbered event is in here already; if not, its number is noted."""
    match event:
        case RiderBoarded() | RiderNotThere() | BoardingFailed() | RiderAlighted():
            shuttle, number = state.shuttles.get(event.shuttle_id), event.number
        case _:
            return False
    if shuttle is None or number is None:
        return False
    last = shuttle.last_event
    if last is not None and last.series == number.series and number.number <= last.number:
        return True
    shuttle.last_event = number
    return False


def next_due_s(state: ServiceState) -> int | None:
    """When the next `ClockTicked` is wanted; None while nothing is waited for."""
    return state.timers[0][0] if state.timers else None


def _apply(turn: Turn, event: Event) -> None:
    match event:
        case RequestSubmitted():
            _consider(turn, event.request)
        case OfferAnswered():
            answers.answer_offer(turn, event)
        case TripCancelled(rider_id=None):
            commands.carry_out(turn, event)
        case TripCancelled():
            answers.cancel(turn, event)
        case ShuttleJoined():
            fleet.join(turn, event)
        case ShuttleReported():
            fleet.report(turn, event)
        case ShuttleFellSilent():
            fleet.fall_silent(turn, event)
        case HearingLost():
            hearing.lose_hearing(turn, event)
        case HearingRegained():
            hearing.regain_hearing(turn)
        case NewerEpochSeen():
            fleet.note_newer_epoch(turn, event)
        case PlanConfirmed():
            visits.confirm_plan(turn, event)
        case PlanRefused():
            fleet.refuse_plan(turn, event)
        case VisitArrived():
            visits.arrive(turn, event)
        case RiderBoarded():
            visits.board(turn, event)
        case RiderNotThere():
            visits.miss(turn, event)
        case BoardingFailed():
            barred.fail_boarding(turn, event)
        case RiderAlighted():
            visits.alight(turn, event)
        case VisitCompleted():
            visits.complete(turn, event)
        case (
            StreetsClosed()
            | StreetsOpened()
            | ShuttleHeld()
            | ShuttleReleased()
            | ShuttleWithdrawn()
            | ShuttleReturned()
            | TripMoved()
            | ShuttleSent()
        ):
            commands.carry_out(turn, event)
        case PlanProposed():
            proposals.adopt_if_current(turn, event)
        case ChargingPlanned():
            charging.adopt_charging(turn, event)
        case EpochBegan():
            turn.state.epoch = event.epoch
            hearing.note_takeover(turn)
            for shuttle in turn.state.shuttles.values():
                turn.touch(shuttle)
        case ClockTicked():
            for kind, subject in turn.state.pop_due():
                _tick(turn, kind, subject)
        case _:
            assert_never(event)


def _consider(turn: Turn, request: RideRequest) -> None:
    """A request seen before changes nothing: its trip is shown again, or the misuse is named."""
    state = turn.state
    known = state.requests.get(f"{request.rider_id}/{request.request_id}")
    if known is None:
        trip = offers.consider_request(turn, request)
        if request.auto_accept and trip.state is TripState.OFFERED:
            answers.accept(turn, trip, trip.offers[0].booking_id)
    elif is_resend(state.trips[known].request, request):
        turn.tell(known)
    else:
        turn.decisions.append(
            RiderAnswered(
                request.rider_id,
                AnswerProblem.REQUEST_ID_REUSED,
                "This request id was used for another trip; make a new id for a new request.",
                known,
                request.request_id,
            )
        )


def is_resend(known: RideRequest, request: RideRequest) -> bool:
    """The same wish, sent again; the border's own trip id and stamp of "now" do not count.

    Of a trip that has ended places on the map are known about only.
    """
    same_time = known.wish is request.wish and (
        known.wish.value == "now" or known.wish_s == request.wish_s
    )
    return same_time and (
        may_be_coarsened(known.origin, request.origin)
        and may_be_coarsened(known.destination, request.destination)
        and known.party == request.party
        and known.walk_limit_m == request.walk_limit_m
        and known.auto_accept == request.auto_accept
        and known.alternatives == request.alternatives
        and known.flexible_s == request.flexible_s
    )


def _tick(turn: Turn, kind: TimerKind, subject: str) -> None:
    state = turn.state
    if kind is TimerKind.OFFER_EXPIRES:
        answers.expire_offers(turn, TripId(subject))
    elif kind is TimerKind.REPLAN:
        rebook.try_again(turn, TripId(subject))
    elif kind is TimerKind.FORGET:
        _forget(turn, TripId(subject))
    elif kind is TimerKind.MOVE_FREE:
        visits.let_go(turn, BookingId(subject))
    elif kind is TimerKind.PACE:
        paces.follow_pace(turn)
    else:
        shuttle = state.shuttles[ShuttleId(subject)]
        if kind is TimerKind.PARK:
            idle.send_idle(turn, shuttle)
            return
        if kind is TimerKind.MISSING:
            aboard.look_for_missing(turn, shuttle)
            return
        if kind is TimerKind.RESCUE:
            rescue.rescue_riders(turn, shuttle)
        elif kind is TimerKind.ORDER:
            fleet.order_again(turn, shuttle)
        elif kind is TimerKind.OVERDUE:
            fleet.push_eta(turn, shuttle)
        turn.touch(shuttle)


def _forget(turn: Turn, trip_id: TripId) -> None:
    state = turn.state
    trip = state.trips.get(trip_id)
    if trip is None:
        return
    if offers.has_bookings(state, trip):  # its riders may still sit in a shuttle
        state.wake(turn.now_s + state.site.rules.forget_after_s, TimerKind.FORGET, trip_id)
        return
    del state.trips[trip_id]
    state.requests.pop(f"{trip.request.rider_id}/{trip.request.request_id}", None)
