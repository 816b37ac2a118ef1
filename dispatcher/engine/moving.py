"""A trip moved by an operator: to the shuttle named, or to any other than now.

As every move it is two-phase: the new shuttle is told of the riders once the old one has confirmed
a plan without them. The trip's own promise and everybody else's hold, or it is not moved.
"""

from dataclasses import replace
from typing import Final

from dispatcher.domain.commands import CommandProblem, CommandRefusal
from dispatcher.domain.events import TripMoved
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.engine.disrupt import hand_over
from dispatcher.engine.offers import find_place, place_booking
from dispatcher.engine.rebook import rebooking_request, renewed_booking
from dispatcher.engine.routes import is_released, refresh, take_off, takes_riders
from dispatcher.engine.state import Booking, ServiceState, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.engine.witness import Purpose
from dispatcher.planning.request import Binding, Insertion, InsertionRequest, NoInsertion

# What stands in the way: of any other shuttle, of the one named, and what to do about it.
_BINDS: Final = {
    Binding.FLEET_DOWN: (
        CommandProblem.NO_OTHER_SHUTTLE,
        "No other shuttle takes new riders just now.",
        "{shuttle} takes no new riders just now: it is behind its own promises.",
        "Return or release a shuttle first, or move the trip later.",
    ),
    Binding.NO_WHEELCHAIR_PLACE: (
        CommandProblem.NO_WHEELCHAIR_PLACE,
        "No other shuttle has a wheelchair place free for them.",
        "{shuttle} has no wheelchair place free for them.",
        "Move a trip with a wheelchair off a shuttle first.",
    ),
    Binding.NO_SEAT: (
        CommandProblem.NO_SEAT,
        "No other shuttle has enough seats free for them.",
        "{shuttle} has not enough seats free for them.",
        "Move another trip off a shuttle first.",
    ),
    Binding.RIDE_TOO_LONG: (
        CommandProblem.RIDE_TOO_LONG,
        "With any other shuttle they would ride longer than they were promised.",
        "{shuttle} would have them ride longer than they were promised.",
        "Leave the trip where it is, or move others first.",
    ),
    Binding.WAIT_TOO_LONG: (
        CommandProblem.WAIT_TOO_LONG,
        "No other shuttle can serve them as promised and keep its other promises.",
        "{shuttle} cannot serve them as promised and keep its other promises.",
        "Leave the trip where it is, or move others first.",
    ),
    Binding.OUTSIDE_HOURS: (
        CommandProblem.OUTSIDE_HOURS,
        "No other shuttle serves long enough for it.",
        "{shuttle} does not serve long enough for it.",
        "Leave the trip where it is.",
    ),
    Binding.NO_RANGE: (
        CommandProblem.NO_RANGE,
        "No other shuttle's battery lasts for it.",
        "{shuttle} has not enough battery for it.",
        "Leave the trip where it is, or name a shuttle with more charge.",
    ),
    Binding.NO_PATH: (
        CommandProblem.UNREACHABLE,
        "No open street leads any other shuttle to their stops.",
        "{shuttle} finds no open street to their stops.",
        "Open streets or stops, or cancel the trip.",
    ),
}


def move_trip(turn: Turn, event: TripMoved) -> CommandRefusal | None:
    """Move the trip, or say what stands in the way."""
    state = turn.state
    trip = state.trips.get(event.trip_id)
    refusal = _immovable(state, trip, event.trip_id, event.to_shuttle)
    if refusal is not None or trip is None:
        return refusal
    made = trip.bookings_made
    booking = None if trip.booking_id is None else state.bookings.get(trip.booking_id)
    fresh = booking is None
    if booking is None:
        booking = renewed_booking(state, trip)
    asked = _as_promised(state, booking)
    if asked is None:
        trip.bookings_made = made
        return CommandRefusal(
            CommandProblem.STOP_CLOSED,
            "A stop of the trip is closed.",
            "Open the stop first, or cancel the trip.",
        )
    if event.to_shuttle is None:
        forbid: tuple[ShuttleId, ...] = () if fresh else (booking.shuttle_id,)
    else:
        forbid = tuple(other for other in state.shuttles if other != event.to_shuttle)
    found = find_place(turn, asked, forbid, trip_id=event.trip_id, purpose=Purpose.MOVE)
    if isinstance(found, NoInsertion):
        trip.bookings_made = made  # a new booking's id was never used
        return _no_place(found, event.to_shuttle)
    if fresh:
        trip.booking_id = booking.id
        trip.without_shuttle_since_s = None
    _put(turn, trip, booking, asked, found[0].id, found[1], fresh=fresh)
    return None


def _immovable(
    state: ServiceState, trip: TripRecord | None, trip_id: TripId, to: ShuttleId | None
) -> CommandRefusal | None:
    """Why a trip stays where it is, whatever place there may be elsewhere."""
    target = None if to is None else state.shuttles.get(to)
    if trip is None:
        return CommandRefusal(
            CommandProblem.UNKNOWN_TRIP,
            f"There is no trip {trip_id}.",
            "Look its id up; trips that have ended are forgotten after a while.",
        )
    if to is not None and target is None:
        return CommandRefusal(
            CommandProblem.UNKNOWN_SHUTTLE,
            f"There is no shuttle {to}.",
            "Name one that has joined the zone.",
        )
    if trip.state in ENDS:
        return CommandRefusal(
            CommandProblem.TRIP_ENDED, f"The trip is {trip.state}.", "There is nothing to move."
        )
    if trip.state is TripState.ABOARD:
        return CommandRefusal(
            CommandProblem.RIDERS_ABOARD,
            f"Its riders are aboard {trip.shuttle_id}.",
            "They are set down at their stop; a shuttle that cannot go on is helped by itself.",
        )
    if trip.accepted_s is None:
        return CommandRefusal(
            CommandProblem.NOT_ACCEPTED,
            "Its rider has not accepted an offer yet.",
            "Wait for the answer, or cancel the trip.",
        )
    booking = None if trip.booking_id is None else state.bookings.get(trip.booking_id)
    if booking is not None and is_released(state.shuttles[booking.shuttle_id], booking.id):
        return CommandRefusal(
            CommandProblem.ON_ITS_WAY,
            f"{booking.shuttle_id} is on its way to its riders already, or is with them.",
            "Let it come, or cancel the trip.",
        )
    if booking is not None and booking.shuttle_id == to:
        return CommandRefusal(
            CommandProblem.ALREADY_SO, f"{to} has the trip already.", "There is nothing to do."
        )
    if target is not None and not takes_riders(state, target):
        return CommandRefusal(
            CommandProblem.TAKES_NO_RIDERS,
            f"{to} takes no new riders just now.",
            "Release, return or charge it first, or name another.",
        )
    return None


def _as_promised(state: ServiceState, booking: Booking) -> InsertionRequest | None:
    """The place that is looked for; None where a stop of it is closed."""
    promise = booking.promise
    index, is_open = state.streets.stop_index, state.streets.open_stops
    pickup, dropoff = index[promise.pickup_stop], index[promise.dropoff_stop]
    if not (is_open[pickup] and is_open[dropoff]):
        return None
    asked = rebooking_request(state, booking, [(pickup, 0)], [(dropoff, 0)], promise)
    return replace(asked, max_ride_s=((booking.max_ride_s,),))


def _put(
    turn: Turn,
    trip: TripRecord,
    booking: Booking,
    asked: InsertionRequest,
    shuttle_id: ShuttleId,
    insertion: Insertion,
    *,
    fresh: bool,
) -> None:
    """The booking stands in the new route from now on, and no improvement moves it."""
    state = turn.state
    new = state.shuttles[shuttle_id]
    old = None if fresh else state.shuttles[booking.shuttle_id]
    if old is not None:
        take_off(state, old, booking.id)
        refresh(state, old)
        turn.touch(old)
    booking.shuttle_id = new.id
    booking.by_operator = True
    place_booking(turn, new, insertion, asked, booking)
    if old is not None:
        hand_over(turn, booking, old, new)
    trip.shuttle_id = new.id
    trip.state = TripState.ACCEPTED
    turn.tell(trip.request.trip_id, "Another shuttle takes you, as promised.")


def _no_place(found: NoInsertion, to: ShuttleId | None) -> CommandRefusal:
    problem, of_all, of_one, remedy = _BINDS[found.binding]
    if to is None:
        return CommandRefusal(problem, of_all, remedy)
    if problem is CommandProblem.NO_OTHER_SHUTTLE:
        problem = CommandProblem.TAKES_NO_RIDERS
    return CommandRefusal(problem, of_one.format(shuttle=to), remedy)
