"""A shuttle stood at the stop and let nobody in: its riders are no no-shows and go on waiting.

Or they were in, and got out again where nobody saw it.
"""

from typing import Final

from dispatcher.domain.events import BoardingFailed
from dispatcher.domain.trips import ENDS, BreachCause, TripState
from dispatcher.engine.answers import drop_booking, end_trip
from dispatcher.engine.disrupt import rehouse
from dispatcher.engine.state import Booking, Shuttle, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.engine.visits import fetch_again, find_booking, leave_for_rescue

# What a shuttle says that was out of contact too long, and of riders who left it meanwhile.
PLAN_EXPIRED: Final = "PLAN_EXPIRED"
GOT_OUT: Final = "GOT_OUT"

# After the first time the same shuttle may open its doors once more; it stands there. A vehicle
# that fails on everybody, or calls everybody failed who does not come, must have an end too.
_ANOTHER_AFTER: Final = 2
_GIVEN_UP_AFTER: Final = 4


def fail_boarding(turn: Turn, event: BoardingFailed) -> None:
    """Find the riders another ride, and tell them why this one did not take them."""
    state = turn.state
    shuttle = state.shuttles.get(event.shuttle_id)
    booking = None if shuttle is None else find_booking(state, shuttle, event.trip_id)
    if shuttle is None or booking is None:
        return
    if booking.boarded_s is not None:
        if event.reason.startswith(GOT_OUT):
            _look_for_them(turn, shuttle, booking)
        return
    released = shuttle.released
    if released is None or booking.id not in released.boards:
        return  # they have been given to another shuttle already
    if released.visit.id != event.visit_id:
        return  # said of an earlier call
    trip = state.trips[event.trip_id]
    if trip.state not in ENDS:
        trip.boardings_failed += 1
        _let_wait(turn, trip, event)
        if trip.boardings_failed >= _GIVEN_UP_AFTER:
            _give_up(turn, shuttle, booking, trip)
            return
    rehouse(turn, booking, leave=trip.boardings_failed >= _ANOTHER_AFTER, has_let_go=True)
    if trip.state not in ENDS:
        news = turn.told.get(event.trip_id)
        why = turn.cause_text
        turn.tell(event.trip_id, why if news in (None, why) else f"{why} {news}")


def _look_for_them(turn: Turn, shuttle: Shuttle, booking: Booking) -> None:
    """They were aboard, and not any more when it came to their stop."""
    if booking.id in shuttle.aboard and not leave_for_rescue(turn, shuttle, booking):
        fetch_again(turn, shuttle, booking.trip_id)


def _let_wait(turn: Turn, trip: TripRecord, event: BoardingFailed) -> None:
    trip.state = TripState.ACCEPTED
    if event.reason.startswith(PLAN_EXPIRED):
        turn.cause = BreachCause.SHUTTLE_SILENT
        turn.cause_text = "Your shuttle was out of contact and could not let you in."
    elif event.reason.startswith(GOT_OUT):
        turn.cause = BreachCause.SHUTTLE_SILENT
        turn.cause_text = "You got out of your shuttle before it left."
    else:
        turn.cause = BreachCause.SHUTTLE_FAULT
        turn.cause_text = "Your shuttle could not let you in."


def _give_up(turn: Turn, shuttle: Shuttle, booking: Booking, trip: TripRecord) -> None:
    assert shuttle.released is not None
    shuttle.released.boards.remove(booking.id)
    drop_booking(turn, booking.id)
    text = "We are sorry: the shuttles could not let you in. Please use another way."
    end_trip(turn, trip, TripState.ABANDONED, text)
    turn.touch(shuttle)
