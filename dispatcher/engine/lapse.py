"""How long a shuttle may still board riders that are no longer its own.

Taking riders off a shuttle is two-phase: another is told of them once this one has confirmed a
plan without them, or once it boards nobody any more by its own rules. This page is the sum
behind the second way. Let ``validity`` be the rule ``plan_validity_s`` (60 s) and ``margin`` the
rule ``validity_margin_s`` (15 s).

*A shuttle that needs our word* (the profile's extension ``onboard``) boards nobody ``validity``
after it sent the newest state that a word of ours answered. We count from when we heard the last
state that a word can have answered: while it is silent that is when it was heard last, for a word
is only ever an answer; otherwise it is now, for the order that has its riders has just been given
up and is renewed no more. A state is heard after it was sent, so neither the time that messages
take nor the difference of the clocks matters, nor when a broken connection is noticed. What is
left for the margin: whole seconds (1 s); a decision on its way to the fleet's link (5 s, see
``vehicles.renewal``); a clock that runs, or is put right, within 9 s of a minute's truth.

*A plain vehicle* counts from when it notices that the broker is gone, if it counts at all. It was
heard last at most 30 s before the connection broke (the standard's longest pause between two
states), and notices that one and a half keep-alives later, 23 s for one of 15 s:

    heard + 30 (cut) + 23 (noticed) + 60 (validity)  =  heard + 113,  and the margin on top.

While it is heard it must confirm, unless it refuses every plan: then only time is left. That is a
weaker guarantee, for nothing ends the boarding of one that has the broker but not us.
"""

from typing import Final

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.trips import ENDS
from dispatcher.engine.orders import begin_order
from dispatcher.engine.state import Booking, ServiceState, Shuttle, TimerKind
from dispatcher.engine.turn import Turn

BETWEEN_STATES_S: Final = 30
CUT_NOTICED_S: Final = 23


def let_lapse(turn: Turn, booking: Booking, old: Shuttle) -> None:
    """The old shuttle may not be able to confirm: its plan runs out by itself."""
    rules = turn.state.site.rules
    from_s = old.last_heard_s if old.silent else turn.now_s
    if not old.needs_word:
        from_s += BETWEEN_STATES_S + CUT_NOTICED_S
    booking.free_at_s = from_s + rules.plan_validity_s + rules.validity_margin_s
    turn.state.wake(booking.free_at_s, TimerKind.MOVE_FREE, booking.id)


def await_no_word(turn: Turn, shuttle: Shuttle) -> None:
    """Riders taken off this shuttle no longer wait for its confirmation: it may never come."""
    for booking in [turn.state.bookings[booking_id] for booking_id in turn.state.moving]:
        if booking.old_shuttle == shuttle.id and booking.free_at_s is None:
            let_lapse(turn, booking, shuttle)


def take_back_order(turn: Turn, shuttle: Shuttle) -> None:
    """A shuttle is back that may still drive to riders who were given to others: a fresh order.

    What is released cannot be changed, and if its plan was renewed it would board them.
    """
    if not _has_given_away(turn.state, shuttle):
        return
    turn.command(shuttle, ShuttleCommand.CANCEL_ORDER, "its riders were given to others")
    begin_order(turn, shuttle)
    if shuttle.needs_word:
        return  # no word was said since it was heard last: that wait goes on
    for booking in [turn.state.bookings[booking_id] for booking_id in turn.state.moving]:
        if booking.old_shuttle == shuttle.id:
            let_lapse(turn, booking, shuttle)


def _has_given_away(state: ServiceState, shuttle: Shuttle) -> bool:
    released = shuttle.released
    if released is None:
        return False
    own = {state.bookings[booking_id].trip_id for booking_id in (*released.boards, *shuttle.aboard)}
    others = (state.trips.get(task.trip_id) for task in released.visit.boards)
    return any(
        trip is not None and trip.request.trip_id not in own and trip.state not in ENDS
        for trip in others
    )
