"""When the world breaks a plan: riders are moved, told, rescued, never forgotten.

Taking riders off a shuttle is two-phase. They are planned into another shuttle at once, but that
one is told only when the old one has confirmed a plan without them, or when the old one has been
out of contact for so long that by its own rules it boards nobody any more.
"""

from dispatcher.domain.ids import BookingId
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.engine.answers import drop_booking, end_trip
from dispatcher.engine.by_hand import obeys
from dispatcher.engine.dropoffs import redirect, tell_late
from dispatcher.engine.lapse import let_lapse
from dispatcher.engine.rebook import leave_without_shuttle, place_again
from dispatcher.engine.rescue import lose_rescue
from dispatcher.engine.routes import is_released, is_stuck, keys_of, refresh, take_off
from dispatcher.engine.state import Booking, Hold, Shuttle
from dispatcher.engine.turn import Turn


def mend(turn: Turn, shuttle: Shuttle, broken: list[BookingId]) -> None:
    """Keep the promises that a route cannot keep any more, or tell their riders.

    Open offers give way first: nobody has accepted them yet.
    """
    state = turn.state
    offered = [key for key in keys_of(shuttle.row) if state.bookings[key].hold is Hold.OFFERED]
    if offered:
        for booking_id in offered:
            withdraw_offer(turn, booking_id)
        broken = refresh(state, shuttle)
    for booking_id in broken:
        booking = state.bookings.get(booking_id)
        if booking is None or booking.shuttle_id != shuttle.id:
            continue
        if booking.boarded_s is None and not is_released(shuttle, booking_id):
            rehouse(turn, booking, leave=False)
        else:
            redirect(turn, shuttle, booking)
            tell_late(turn, shuttle, booking)


def withdraw_offer(turn: Turn, booking_id: BookingId) -> None:
    """An open offer cannot be kept: it is taken back, and the rider may ask again."""
    trip = turn.state.trips[turn.state.bookings[booking_id].trip_id]
    drop_booking(turn, booking_id)
    trip.offers = tuple(offer for offer in trip.offers if offer.booking_id != booking_id)
    if trip.offers:
        turn.tell(trip.request.trip_id, "One of the offers is no longer possible.")
    elif trip.state is TripState.OFFERED:
        end_trip(
            turn, trip, TripState.EXPIRED, "The offer is no longer possible; please ask again."
        )


def clear_waiting(turn: Turn, shuttle: Shuttle, *, released_too: bool) -> None:
    """Find other shuttles for all who wait for this one.

    ``released_too``: also for those it is already driving to, because it will not come.
    """
    state = turn.state
    waiting = [key for key in keys_of(shuttle.row) if state.bookings[key].boarded_s is None]
    for booking_id in waiting:
        booking = state.bookings[booking_id]
        if booking.hold is Hold.OFFERED:
            withdraw_offer(turn, booking_id)
        elif not is_released(shuttle, booking_id) or released_too:
            rehouse(turn, booking, leave=True)
    turn.touch(shuttle)


def rehouse(turn: Turn, booking: Booking, *, leave: bool, has_let_go: bool = False) -> None:
    """Find the riders another place that keeps their promise; failing that, the next best.

    With ``leave`` the shuttle they are booked on is out of the question. ``has_let_go`` says that
    it has told by itself that it does not take them, so its word is not waited for.
    """
    state = turn.state
    old = state.shuttles[booking.shuttle_id]
    trip = state.trips[booking.trip_id]
    was_released = is_released(old, booking.id)
    if was_released and old.released is not None:
        old.released.boards.remove(booking.id)
    take_off(state, old, booking.id)
    refresh(state, old)
    turn.touch(old)
    if trip.state in ENDS:  # cancelled while the shuttle was on its way
        drop_booking(turn, booking.id)
        return
    if booking.rescues_from is not None and not is_stuck(
        state, state.shuttles[booking.rescues_from]
    ):
        lose_rescue(turn, trip, booking)  # theirs drives again
        return
    found = place_again(turn, trip, booking, (old.id,) if leave else ())
    if found is None:
        if booking.rescues_from is None:
            leave_without_shuttle(turn, trip, booking)
        else:
            lose_rescue(turn, trip, booking)
        return
    booking.by_operator = False
    hand_over(turn, booking, old, found, was_released=was_released, has_let_go=has_let_go)


def hand_over(
    turn: Turn,
    booking: Booking,
    old: Shuttle,
    new: Shuttle,
    *,
    was_released: bool = False,
    has_let_go: bool = False,
) -> None:
    """A booking now stands in another route: its shuttle is told once the old one has let go."""
    state = turn.state
    if booking.hold is Hold.MOVING and booking.old_shuttle is not None:
        # Still waiting for an earlier shuttle's word: that wait goes on.
        waits_for, was_released = state.shuttles[booking.old_shuttle], False
        revision = booking.old_revision
    else:
        waits_for, revision = old, old.revision + 1
    was_sent = booking.published_revision > 0
    if has_let_go:
        booking.published_revision = 0
    if has_let_go or new.id == waits_for.id:
        booking.hold = Hold.FIRM
        if booking.id in state.moving:
            state.moving.remove(booking.id)
        return
    if not was_sent and booking.hold is Hold.FIRM:
        return
    booking.hold = Hold.MOVING
    booking.published_revision = 0
    booking.old_shuttle = waits_for.id
    booking.old_revision = revision
    if booking.id not in state.moving:
        state.moving.append(booking.id)
    if was_released or waits_for.silent or not obeys(waits_for):
        let_lapse(turn, booking, waits_for)
