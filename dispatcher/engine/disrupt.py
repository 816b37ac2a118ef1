"""When the world breaks a plan: riders are moved, told, rescued, never forgotten.

Taking riders off a shuttle is two-phase. They are planned into another shuttle at once, but that
one is told only when the old one has confirmed a plan without them, or when the old one has been
out of contact for so long that by its own rules it boards nobody any more.
"""

from dataclasses import replace

from dispatcher.domain.decisions import AlertKind
from dispatcher.domain.ids import BookingId, ShuttleId, StopId, TripId
from dispatcher.domain.trips import ENDS, BreachCause, Promise, TripState
from dispatcher.engine.answers import drop_booking, end_trip
from dispatcher.engine.breaches import break_promise, extended
from dispatcher.engine.offers import find_place, new_booking_id, place_booking
from dispatcher.engine.routes import (
    find_visit_s,
    is_released,
    keys_of,
    load_of,
    refresh,
    ride_of,
    take_off,
)
from dispatcher.engine.state import Booking, Hold, ServiceState, Shuttle, TimerKind, TripRecord
from dispatcher.engine.turn import Turn
from dispatcher.planning.request import DropoffChoice, InsertionRequest, NoInsertion, PickupChoice
from dispatcher.planning.rows import FOREVER_S, RowVisit
from dispatcher.streets import UNREACHABLE_S, walk_s

_DETOUR_STOP_M = 800.0  # a closed stop is replaced by one within this walk
_DETOUR_STOPS = 4


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
            _tell_late(turn, shuttle, booking)


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


def rehouse(turn: Turn, booking: Booking, *, leave: bool) -> None:
    """Find the riders another place that keeps their promise; failing that, the next best.

    With ``leave`` the shuttle they are booked on is out of the question.
    """
    state = turn.state
    old = state.shuttles[booking.shuttle_id]
    trip = state.trips[booking.trip_id]
    was_sent = booking.published_revision > 0
    was_released = is_released(old, booking.id)
    if was_released and old.released is not None:
        old.released.boards.remove(booking.id)
    take_off(state, old, booking.id)
    refresh(state, old)
    turn.touch(old)
    if trip.state in ENDS:  # cancelled while the shuttle was on its way
        drop_booking(turn, booking.id)
        return
    forbid = (old.id,) if leave else ()
    if booking.hold is Hold.MOVING and booking.old_shuttle is not None:
        # Still waiting for an earlier shuttle's word: that wait goes on.
        waits_for, was_released = state.shuttles[booking.old_shuttle], False
        revision = booking.old_revision
    else:
        waits_for, revision = old, old.revision + 1
    found = _place_again(turn, trip, booking, forbid)
    if found is None:
        _leave_without_shuttle(turn, trip, booking)
        return
    if found.id == waits_for.id:
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
    if was_released or waits_for.silent:
        let_lapse(turn, booking, waits_for)


def let_lapse(turn: Turn, booking: Booking, old: Shuttle) -> None:
    """The old shuttle may not be able to confirm: its plan runs out by itself."""
    rules = turn.state.site.rules
    heard_s = old.last_heard_s if old.silent else turn.now_s
    booking.free_at_s = heard_s + rules.plan_validity_s + rules.validity_margin_s
    turn.state.wake(booking.free_at_s, TimerKind.MOVE_FREE, booking.id)


def serve_boarded_elsewhere(turn: Turn, shuttle: Shuttle, trip_id: TripId) -> Booking | None:
    """Riders boarded a shuttle that they had been taken off: what is true counts.

    Their booking moves to where they are, with the drop-off right away; None if no such trip is
    waiting to be picked up.
    """
    state = turn.state
    trip = state.trips.get(trip_id)
    if trip is None or trip.booking_id is None:
        return None
    booking = state.bookings.get(trip.booking_id)
    if booking is None or booking.boarded_s is not None:
        return None
    other = state.shuttles[booking.shuttle_id]
    if other.released is not None and booking.id in other.released.boards:
        other.released.boards.remove(booking.id)
    take_off(state, other, booking.id)
    turn.touch(other)
    if booking.id in state.moving:
        state.moving.remove(booking.id)
    booking.shuttle_id = shuttle.id
    booking.hold = Hold.FIRM
    booking.published_revision = 0
    booking.old_shuttle = booking.free_at_s = booking.rescues_from = None
    trip.shuttle_id = shuttle.id
    _add_dropoff(state, shuttle, booking)
    return booking


def try_again(turn: Turn, trip_id: TripId) -> None:
    """Look again for a shuttle for riders who have none; give up when it has taken too long."""
    state, rules = turn.state, turn.state.site.rules
    trip = state.trips.get(trip_id)
    if trip is None or trip.without_shuttle_since_s is None or trip.state in ENDS:
        return
    assert trip.promise is not None
    booking = _renewed_booking(state, trip)
    found = _place_again(turn, trip, booking, ())
    if found is not None:
        trip.without_shuttle_since_s = None
        return
    if turn.now_s >= trip.without_shuttle_since_s + rules.abandon_after_s:
        end_trip(
            turn,
            trip,
            TripState.ABANDONED,
            "We are sorry: no shuttle can take you. Please use another way.",
        )
        return
    state.wake(turn.now_s + rules.replan_every_s, TimerKind.REPLAN, trip_id)


def rescue_riders(turn: Turn, shuttle: Shuttle) -> None:
    """Send another shuttle for those who sit in one that cannot drive on."""
    state, rules = turn.state, turn.state.site.rules
    waits = False
    for booking_id in list(shuttle.aboard):
        booking = state.bookings[booking_id]
        trip = state.trips[booking.trip_id]
        if trip.state in ENDS or trip.booking_id != booking_id:
            continue
        if not _plan_rescue(turn, shuttle, booking, trip):
            waits = True
            turn.alert(
                AlertKind.RIDER_STRANDED,
                f"No shuttle can fetch trip {booking.trip_id} from {shuttle.id} yet.",
                shuttle.id,
                booking.trip_id,
            )
    if waits:
        state.wake(turn.now_s + rules.replan_every_s, TimerKind.RESCUE, shuttle.id)


def call_off_rescues(turn: Turn, shuttle: Shuttle) -> None:
    """The shuttle drives again: those still in it stay."""
    state = turn.state
    for booking_id in shuttle.aboard:
        booking = state.bookings[booking_id]
        trip = state.trips[booking.trip_id]
        rescue = None if trip.booking_id is None else state.bookings.get(trip.booking_id)
        if rescue is None or rescue.rescues_from != shuttle.id or rescue.boarded_s is not None:
            continue
        other = state.shuttles[rescue.shuttle_id]
        if is_released(other, rescue.id):
            continue  # it is on its way; whichever is first takes them
        drop_booking(turn, rescue.id)
        trip.booking_id, trip.shuttle_id = booking_id, shuttle.id
        trip.promise = booking.promise
        trip.state = TripState.ABOARD
        turn.tell(booking.trip_id, "Your shuttle drives again; you can stay aboard.")


def _place_again(
    turn: Turn, trip: TripRecord, booking: Booking, forbid: tuple[ShuttleId, ...]
) -> Shuttle | None:
    """Book again, within the promise if that can be, else with a new promise that is told."""
    state, rules = turn.state, turn.state.site.rules
    promise = booking.promise
    pickups = _open_stops(state, promise.pickup_stop)
    dropoffs = _open_stops(state, promise.dropoff_stop)
    if not pickups or not dropoffs:
        return None
    same_stops = (len(pickups), len(dropoffs)) == (1, 1) and (
        (pickups[0][0], dropoffs[0][0])
        == (
            state.streets.stop_index[promise.pickup_stop],
            state.streets.stop_index[promise.dropoff_stop],
        )
    )
    if same_stops:
        kept = _request(state, booking, pickups, dropoffs, promise)
        found = find_place(turn, kept, forbid)
        if not isinstance(found, NoInsertion):
            shuttle, insertion = found
            booking.shuttle_id = shuttle.id
            place_booking(turn, shuttle, insertion, kept, booking)
            if trip.shuttle_id != shuttle.id:
                trip.shuttle_id = shuttle.id
                trip.state = TripState.ACCEPTED
                turn.tell(trip.request.trip_id, "Another shuttle takes you, as promised.")
            return shuttle
    late = replace(
        promise,
        pickup_earliest_s=turn.now_s,
        pickup_latest_s=max(promise.pickup_latest_s, turn.now_s + rules.abandon_after_s),
        dropoff_latest_s=FOREVER_S,
    )
    asked = _request(state, booking, pickups, dropoffs, late)
    found = find_place(turn, asked, forbid)
    if isinstance(found, NoInsertion):
        return None
    shuttle, insertion = found
    zone = state.site.zone
    booking.shuttle_id = shuttle.id
    booking.promise = Promise(
        pickup_stop=zone.stops[pickups[insertion.pickup_choice][0]].id,
        dropoff_stop=zone.stops[dropoffs[insertion.dropoff_choice][0]].id,
        pickup_earliest_s=max(turn.now_s, insertion.pickup_s - rules.window_before_s),
        pickup_latest_s=insertion.pickup_s + rules.window_after_s,
        dropoff_latest_s=insertion.dropoff_s + rules.arrival_slack_s,
        party=promise.party,
    )
    place_booking(turn, shuttle, insertion, asked, booking)
    trip.shuttle_id = shuttle.id
    trip.state = TripState.ACCEPTED
    if _is_within(booking.promise, promise):
        trip.promise = booking.promise
        turn.tell(trip.request.trip_id, "Another shuttle takes you, as promised.")
    else:
        break_promise(
            turn,
            trip,
            turn.cause_text or "Your trip is delayed; see the new times.",
            booking.promise,
        )
    return shuttle


def _request(
    state: ServiceState,
    booking: Booking,
    pickups: list[tuple[int, int]],
    dropoffs: list[tuple[int, int]],
    promise: Promise,
) -> InsertionRequest:
    times_s = state.streets.stop_times_s
    rules = state.site.rules
    earliest_s = max(promise.pickup_earliest_s, state.now_s)
    return InsertionRequest(
        pickups=tuple(
            PickupChoice(stop, walk_s(walk_m), earliest_s + walk_s(walk_m), promise.pickup_latest_s)
            for stop, walk_m in pickups
        ),
        dropoffs=tuple(
            DropoffChoice(stop, walk_s(walk_m), promise.dropoff_latest_s)
            for stop, walk_m in dropoffs
        ),
        max_ride_s=tuple(
            tuple(
                max(booking.max_ride_s, rules.max_ride_s(min(int(times_s[p, d]), UNREACHABLE_S)))
                for d, _ in dropoffs
            )
            for p, _ in pickups
        ),
        desired_s=earliest_s,
        load=load_of(booking),
        dwell_s=booking.dwell_s,
    )


def _open_stops(state: ServiceState, stop_id: StopId) -> list[tuple[int, int]]:
    """The stop itself, or if it is closed the open ones around it, each with metres to walk."""
    stop = state.streets.stop_index[stop_id]
    if state.streets.open_stops[stop]:
        return [(stop, 0)]
    near = state.streets.stops_near(state.site.zone.stops[stop].point, _DETOUR_STOP_M)
    return [(index, round(walked_m)) for index, walked_m in near[:_DETOUR_STOPS]]


def _is_within(promise: Promise, old: Promise) -> bool:
    return (
        promise.pickup_stop == old.pickup_stop
        and promise.dropoff_stop == old.dropoff_stop
        and promise.pickup_latest_s <= old.pickup_latest_s
        and promise.dropoff_latest_s <= old.dropoff_latest_s
    )


def _leave_without_shuttle(turn: Turn, trip: TripRecord, booking: Booking) -> None:
    """Nobody can take them just now: keep looking, and say so."""
    state, rules = turn.state, turn.state.site.rules
    drop_booking(turn, booking.id)
    trip.booking_id = trip.shuttle_id = None
    trip.pickup_expected_s = trip.dropoff_expected_s = None
    trip.state = TripState.ACCEPTED
    trip.without_shuttle_since_s = turn.now_s
    text = "No shuttle can take you just now. We keep looking and tell you at once."
    break_promise(turn, trip, text, None)
    state.wake(turn.now_s + rules.replan_every_s, TimerKind.REPLAN, trip.request.trip_id)


def _renewed_booking(state: ServiceState, trip: TripRecord) -> Booking:
    assert trip.promise is not None
    promise, rules = trip.promise, state.site.rules
    index = state.streets.stop_index
    direct_s = int(
        state.streets.stop_times_s[index[promise.pickup_stop], index[promise.dropoff_stop]]
    )
    booking_id = new_booking_id(trip)
    trip.booking_id = booking_id
    return Booking(
        id=booking_id,
        trip_id=trip.request.trip_id,
        shuttle_id=ShuttleId(""),
        promise=promise,
        max_ride_s=rules.max_ride_s(min(direct_s, rules.abandon_after_s)),
        dwell_s=rules.dwell.dwell_s(promise.party.wheelchairs),
        hold=Hold.FIRM,
    )


def redirect(turn: Turn, shuttle: Shuttle, booking: Booking) -> None:
    """Riders aboard whose stop has been closed are set down at the open one nearest to it."""
    state = turn.state
    choices = _open_stops(state, booking.promise.dropoff_stop)
    index = state.streets.stop_index[booking.promise.dropoff_stop]
    if not choices or choices[0][0] == index or booking.id not in keys_of(shuttle.row):
        return
    stop = state.site.zone.stops[choices[0][0]]
    booking.promise = replace(booking.promise, dropoff_stop=stop.id)
    _take_off_dropoff(state, shuttle, booking)
    _add_dropoff(state, shuttle, booking)
    trip = state.trips[booking.trip_id]
    text = f"Your stop is closed; the shuttle sets you down at {stop.names.get('en', stop.id)}."
    turn.cause = BreachCause.CLOSURE
    if trip.state not in ENDS:
        break_promise(turn, trip, text, booking.promise)
    refresh(state, shuttle)


def _take_off_dropoff(state: ServiceState, shuttle: Shuttle, booking: Booking) -> None:
    """Remove a drop-off from a route whose riders are aboard or about to board."""
    load_kept = shuttle.row.start_load
    take_off(state, shuttle, booking.id)
    shuttle.row = replace(shuttle.row, start_load=load_kept)


def _add_dropoff(state: ServiceState, shuttle: Shuttle, booking: Booking) -> None:
    """Put a drop-off where it delays the route least; at the end if nothing else fits."""
    stop = state.streets.stop_index[booking.promise.dropoff_stop]
    row, travel_s = shuttle.row, state.streets.stop_times_s
    stops = [row.start_stop, *(visit.stop for visit in row.visits)]
    added_s = []
    for gap, here in enumerate(stops):
        onward_s = 0
        if gap < len(row.visits):
            there = stops[gap + 1]
            onward_s = int(travel_s[stop, there]) - int(travel_s[here, there])
        added_s.append((int(travel_s[here, stop]) + onward_s, gap))
    _, gap = min(added_s)
    visits = list(row.visits)
    visits.insert(gap, RowVisit(stop, alights=(booking.id,)))
    shuttle.row = replace(row, visits=tuple(visits), rides=(*row.rides, ride_of(state, booking)))
    shuttle.route_version += 1


def _tell_late(turn: Turn, shuttle: Shuttle, booking: Booking) -> None:
    """Riders aboard, or about to board, will arrive later than promised."""
    state = turn.state
    trip = state.trips[booking.trip_id]
    pickup_s, dropoff_s = find_visit_s(shuttle, booking.id, turn.now_s)
    promise = extended(booking.promise, pickup_s, dropoff_s, state.site.rules.guard_s)
    if promise == booking.promise:
        return
    booking.promise = promise
    if trip.state not in ENDS and trip.booking_id == booking.id:
        break_promise(
            turn, trip, turn.cause_text or "Your shuttle is delayed; see the new times.", promise
        )
    turn.touch(shuttle)


def _plan_rescue(turn: Turn, shuttle: Shuttle, booking: Booking, trip: TripRecord) -> bool:
    state, rules = turn.state, turn.state.site.rules
    here = _nearest_open_stop(state, shuttle)
    dropoffs = _open_stops(state, booking.promise.dropoff_stop)
    if here is None or not dropoffs:
        return False
    if dropoffs[0][0] == here:
        turn.tell(booking.trip_id, "Your shuttle has stopped by your stop; you may get off.")
        return True
    promise = replace(
        booking.promise,
        pickup_stop=state.site.zone.stops[here].id,
        pickup_earliest_s=turn.now_s,
        pickup_latest_s=turn.now_s + rules.abandon_after_s,
        dropoff_latest_s=FOREVER_S,
    )
    rescue = Booking(
        id=new_booking_id(trip),
        trip_id=booking.trip_id,
        shuttle_id=ShuttleId(""),
        promise=promise,
        max_ride_s=booking.max_ride_s,
        dwell_s=booking.dwell_s,
        hold=Hold.FIRM,
        rescues_from=shuttle.id,
    )
    asked = _request(state, rescue, [(here, 0)], dropoffs, promise)
    found = find_place(turn, asked, (shuttle.id,))
    if isinstance(found, NoInsertion):
        return False
    other, insertion = found
    rescue.shuttle_id = other.id
    rescue.promise = replace(
        promise,
        dropoff_stop=state.site.zone.stops[dropoffs[insertion.dropoff_choice][0]].id,
        pickup_latest_s=insertion.pickup_s + rules.window_after_s,
        dropoff_latest_s=insertion.dropoff_s + rules.arrival_slack_s,
    )
    place_booking(turn, other, insertion, asked, rescue)
    trip.booking_id, trip.shuttle_id = rescue.id, other.id
    trip.state = TripState.ACCEPTED
    turn.cause = BreachCause.SHUTTLE_FAULT
    text = f"Your shuttle cannot drive on. Shuttle {other.id} takes you from here."
    break_promise(turn, trip, text, rescue.promise)
    return True


def _nearest_open_stop(state: ServiceState, shuttle: Shuttle) -> int | None:
    zone, streets = state.site.zone, state.streets
    distances = [
        ((stop.x_m - shuttle.x_m) ** 2 + (stop.y_m - shuttle.y_m) ** 2, index)
        for index, stop in enumerate(zone.stops)
        if streets.open_stops[index]
    ]
    return min(distances)[1] if distances else None
