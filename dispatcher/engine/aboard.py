"""Who is aboard, by the shuttle's word and by the books: what differs is put right or told.

Boarding and alighting come as events of their own. A report names everyone aboard as well, so
that an event which was lost, or which belonged to an order given up meanwhile, costs nobody
the drop-off.
"""

from typing import Final

from dispatcher.domain.decisions import AlertKind
from dispatcher.domain.events import RiderBoarded
from dispatcher.domain.ids import TripId, VisitId
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.engine.dropoffs import add_dropoff
from dispatcher.engine.offers import has_bookings
from dispatcher.engine.rebook import renewed_booking
from dispatcher.engine.state import Booking, ServiceState, Shuttle, TimerKind, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.engine.visits import board, carries, fetch_again, leave_for_rescue, set_down

# Between a door that closes and the state that shows who is in, vehicles take a few seconds;
# by the standard they may take 30.
MISSING_AFTER_S: Final = 30
_TOLD: Final = -1


def reconcile(turn: Turn, shuttle: Shuttle, aboard: tuple[TripId, ...]) -> None:
    """Take over whom the shuttle reports aboard.

    Who is new there and not in the books is booked to where they were promised. Who got out of a
    broken shuttle waits for the one that fetches them. Who else is in the books and stays away
    from the reports is fetched by another one, if the shuttle counts heads, or told to the
    operator by `look_for_missing`: then nobody here can know where they are, and their drop-off
    stays planned.
    """
    state, before = turn.state, shuttle.reported_aboard
    shuttle.reported_aboard = aboard
    for trip_id in aboard:
        # What was said before was dealt with then. It may be long untrue: a broken shuttle that
        # counts nobody goes on reporting those whom another one has fetched from it.
        if trip_id not in before and not carries(state, shuttle, trip_id):
            take_in(turn, shuttle, trip_id)
    for booking in [state.bookings[booking_id] for booking_id in shuttle.aboard]:
        if booking.trip_id in before and booking.trip_id not in aboard:
            _let_walk_off(turn, shuttle, booking)
    _note_missing(turn, shuttle)


def _let_walk_off(turn: Turn, shuttle: Shuttle, booking: Booking) -> None:
    """Riders whom the shuttle had aboard got out by themselves, which a broken one lets them."""
    if leave_for_rescue(turn, shuttle, booking):
        return
    if turn.state.trips[booking.trip_id].state in ENDS:
        set_down(turn, shuttle, booking)  # nobody waits for their drop-off
        turn.touch(shuttle)


def take_in(turn: Turn, shuttle: Shuttle, trip_id: TripId) -> None:
    """Riders are aboard whom the books have elsewhere, or nowhere."""
    state = turn.state
    trip = state.trips.get(trip_id)
    if trip is not None and _sits_unbooked(state, trip):
        # Their trip is over in the books, but they sit there and want to get off.
        booking = renewed_booking(state, trip)
        booking.shuttle_id = shuttle.id
        state.bookings[booking.id] = booking
        add_dropoff(state, shuttle, booking)
    board(turn, RiderBoarded(turn.now_s, shuttle.id, VisitId(""), trip_id))


def look_for_missing(turn: Turn, shuttle: Shuttle) -> None:
    """Say of whom the shuttle has not spoken for too long, once for each.

    One with the profile's agent counts heads: whom it had aboard and has no more got out.
    """
    _note_missing(turn, shuttle)
    for trip_id, since_s in list(shuttle.missing.items()):
        if since_s == _TOLD or turn.now_s < since_s + MISSING_AFTER_S:
            continue
        if shuttle.needs_word and fetch_again(turn, shuttle, trip_id):
            continue
        shuttle.missing[trip_id] = _TOLD
        turn.alert(
            AlertKind.RIDER_MISSING,
            f"Trip {trip_id} boarded {shuttle.id}, which has not reported it aboard for "
            f"{turn.now_s - since_s} s. Ask its riders where they are; their stop stays planned.",
            shuttle.id,
            trip_id,
        )


def _sits_unbooked(state: ServiceState, trip: TripRecord) -> bool:
    ended = trip.state in ENDS and trip.state is not TripState.COMPLETED
    return ended and trip.promise is not None and not has_bookings(state, trip)


def _note_missing(turn: Turn, shuttle: Shuttle) -> None:
    """Keep since when each rider in the books is not in the shuttle's reports."""
    state = turn.state
    in_books = [state.bookings[booking_id].trip_id for booking_id in shuttle.aboard]
    shuttle.missing = {
        trip_id: shuttle.missing.get(trip_id, turn.now_s)
        for trip_id in in_books
        if trip_id not in shuttle.reported_aboard
    }
    waiting = [since_s for since_s in shuttle.missing.values() if since_s != _TOLD]
    if waiting:
        state.wake(min(waiting) + MISSING_AFTER_S, TimerKind.MISSING, shuttle.id)
