"""A shuttle's order begins anew from where it is: at its start, or when the old one is lost."""

from dataclasses import replace

from dispatcher.domain.ids import NodeId
from dispatcher.domain.plans import StartNode, hold_node_id
from dispatcher.domain.trips import ENDS
from dispatcher.engine.answers import drop_booking
from dispatcher.engine.by_hand import obeys, stop_here
from dispatcher.engine.release import release_visit
from dispatcher.engine.routes import keys_of, ride_of
from dispatcher.engine.state import ReleasedVisit, ServiceState, Shuttle
from dispatcher.engine.turn import Turn
from dispatcher.planning.rows import RowVisit
from dispatcher.streets import UNREACHABLE_S


def lay_down_order(turn: Turn, shuttle: Shuttle) -> None:
    """The shuttle works on its order no more: what was released becomes open again."""
    state = turn.state
    released = shuttle.released
    if released is not None:
        for booking_id in list(released.boards):
            if state.trips[state.bookings[booking_id].trip_id].state in ENDS:
                released.boards.remove(booking_id)  # cancelled while the shuttle was on its way
                drop_booking(turn, booking_id)
        _reopen(state, shuttle, released)
    shuttle.released = None
    if shuttle.given_up is None:  # else not even the order since then was taken
        shuttle.given_up = shuttle.published
    shuttle.published = None
    shuttle.route_version += 1


def begin_order(turn: Turn, shuttle: Shuttle) -> None:
    """Start a new order from where the shuttle is; what was released becomes open again.

    A shuttle between stops is first sent to the stop that it reaches soonest. One that a person
    drives has no order until it drives itself again.
    """
    lay_down_order(turn, shuttle)
    if not obeys(shuttle):
        return
    state = turn.state
    shuttle.order_number += 1
    shuttle.order_id = f"{shuttle.id}-{turn.now_s}-{shuttle.order_number}"
    shuttle.revision += 1  # what an older order's plans confirm must not count for this one
    stops = state.site.zone.stops
    at_stop = stop_here(state, shuttle)
    if at_stop is not None:
        shuttle.anchor = at_stop
        stop = stops[at_stop]
        shuttle.start = StartNode(hold_node_id(stop.id), stop.x_m, stop.y_m, 0)
        return
    place = state.streets.nearest_point(shuttle.x_m, shuttle.y_m)
    times_s = state.streets.times_from_s(place.edge_id, place.offset_m)
    stop_index = int(times_s.argmin())
    shuttle.anchor = stop_index
    shuttle.start = StartNode(NodeId("start"), shuttle.x_m, shuttle.y_m, 0)
    travel_s = int(times_s[stop_index])
    if travel_s < UNREACHABLE_S:
        release_visit(turn, shuttle, RowVisit(stop_index), [], [], travel_s, place=place)


def _reopen(state: ServiceState, shuttle: Shuttle, released: ReleasedVisit) -> None:
    """Put what is left to do at a visit that was released back to the front of the row."""
    if not released.boards and not released.alights:
        return
    visit = RowVisit(released.stop, tuple(released.boards), tuple(released.alights))
    known = keys_of(shuttle.row)
    rides = tuple(
        ride_of(state, state.bookings[booking_id])
        for booking_id in (*released.boards, *released.alights)
        if booking_id not in known
    )
    shuttle.row = replace(
        shuttle.row, visits=(visit, *shuttle.row.visits), rides=(*shuttle.row.rides, *rides)
    )
