"""Streets and stops closed and opened while the zone is served."""

from dispatcher.domain.events import StreetsClosed, StreetsOpened
from dispatcher.domain.trips import BreachCause
from dispatcher.engine.disrupt import rehouse, withdraw_offer
from dispatcher.engine.dropoffs import redirect
from dispatcher.engine.routes import is_released, keys_of
from dispatcher.engine.state import Hold, ServiceState
from dispatcher.engine.turn import Turn


def close_streets(turn: Turn, event: StreetsClosed) -> None:
    """Take streets or stops out of service, and re-plan everyone whom that concerns.

    Unknown ids are the border's to refuse; here they are passed over.
    """
    state = turn.state
    turn.cause = BreachCause.CLOSURE
    turn.cause_text = event.reason or "A street on your way was closed."
    edges = [edge for edge in event.edges if edge in state.site.streets.edge_index]
    stops = [stop for stop in event.stops if stop in state.site.streets.stop_index]
    state.closed_edges = tuple(sorted({*state.closed_edges, *edges}))
    state.closed_stops = tuple(sorted({*state.closed_stops, *stops}))
    apply_closures(state)
    _leave_closed_stops(turn)
    for shuttle in state.shuttles.values():
        turn.touch(shuttle)


def open_streets(turn: Turn, event: StreetsOpened) -> None:
    state = turn.state
    state.closed_edges = tuple(e for e in state.closed_edges if e not in event.edges)
    state.closed_stops = tuple(s for s in state.closed_stops if s not in event.stops)
    apply_closures(state)
    for shuttle in state.shuttles.values():
        turn.touch(shuttle)


def apply_closures(state: ServiceState) -> None:
    """Recompute the streets that everything is planned on, at the pace in force."""
    closed = frozenset(state.closed_edges), frozenset(state.closed_stops)
    state.streets = state.site.streets.with_closures(*closed).at_pace(state.learnt.pace_pm)


def _leave_closed_stops(turn: Turn) -> None:
    """Riders waiting at, or bound for, a stop that has just closed get another one."""
    state, streets = turn.state, turn.state.streets
    for shuttle in list(state.shuttles.values()):
        for booking_id in keys_of(shuttle.row):
            booking = state.bookings.get(booking_id)
            if booking is None or booking.shuttle_id != shuttle.id:
                continue
            pickup = streets.stop_index[booking.promise.pickup_stop]
            dropoff = streets.stop_index[booking.promise.dropoff_stop]
            waits = booking.boarded_s is None and not is_released(shuttle, booking_id)
            if waits and not (streets.open_stops[pickup] and streets.open_stops[dropoff]):
                if booking.hold is Hold.OFFERED:
                    withdraw_offer(turn, booking_id)
                else:
                    rehouse(turn, booking, leave=False)
            elif not waits and not streets.open_stops[dropoff]:
                redirect(turn, shuttle, booking)
