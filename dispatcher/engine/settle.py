"""The end of a turn: every touched route is scheduled, released and published once."""

from collections import Counter

from dispatcher.domain.ids import BookingId, ShuttleId
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.engine.berths import asked_to_wait
from dispatcher.engine.by_hand import obeys
from dispatcher.engine.charging import look_after_charging
from dispatcher.engine.disrupt import mend
from dispatcher.engine.idle import go_on_parking, is_idle
from dispatcher.engine.make_room import make_room
from dispatcher.engine.publish import publish
from dispatcher.engine.release import firm, release_next
from dispatcher.engine.routes import find_visit_s, keys_of, may_drive, refresh, release_end_s
from dispatcher.engine.state import Hold, ReleasedVisit, ServiceState, Shuttle, TimerKind
from dispatcher.engine.turn import Turn

# Mending one route can touch others, which can touch it again. Each time either keeps or
# re-issues promises, so a route needs few; what is left is taken up at the next overdue tick.
_TIMES = 20
_NEVER = 1000  # more than any route has needed


def settle(turn: Turn) -> None:
    """Bring all routes up to date after an event, and collect what is to be said about them."""
    seen: Counter[ShuttleId] = Counter()
    while turn.touched:
        # A release touches its own route again, and mending that may touch others.
        for shuttle in _refresh_touched(turn, seen):
            version = shuttle.route_version
            look_after_charging(turn, shuttle)
            release_next(turn, shuttle)
            go_on_parking(turn, shuttle)
            if shuttle.route_version != version:
                turn.touch(shuttle)
            else:
                make_room(turn, shuttle)
    for shuttle_id in turn.moved:
        shuttle = turn.state.shuttles[shuttle_id]
        if obeys(shuttle):
            publish(turn, shuttle)
        _expect(turn, shuttle)
        _wake(turn.state, shuttle)
    for trip_id in turn.told:
        trip = turn.state.trips[trip_id]
        if trip.ended_s is not None:
            due_s = trip.ended_s + turn.state.site.rules.forget_after_s
            turn.state.wake(due_s, TimerKind.FORGET, trip_id)


def _refresh_touched(turn: Turn, seen: Counter[ShuttleId]) -> list[Shuttle]:
    """Refresh and mend until nothing is touched any more; the shuttles that were."""
    refreshed: dict[ShuttleId, Shuttle] = {}
    asked: set[ShuttleId] = set()  # who is only asked to wait asks nobody in turn
    while turn.touched:
        shuttle = turn.state.shuttles[next(iter(turn.touched))]
        del turn.touched[shuttle.id]
        turn.stale.pop(shuttle.id, None)
        seen[shuttle.id] += 1
        if seen[shuttle.id] > _NEVER:
            # The event is set aside and an operator told, rather than everybody kept waiting.
            raise RuntimeError(f"the route of {shuttle.id} never comes to rest")
        broken = refresh(turn.state, shuttle)
        if broken and seen[shuttle.id] <= _TIMES:
            had_times = bool(shuttle.times.begin_s)
            mend(turn, shuttle, broken)
            left = refresh(turn.state, shuttle)
            # Who is set down elsewhere now makes others late, or there are times at last to tell.
            if set(left) - set(broken) or (left and not had_times and shuttle.times.begin_s):
                turn.touch(shuttle)
        if shuttle.id not in asked:
            for rival in asked_to_wait(turn.state, shuttle):
                if not seen[rival.id] and rival.id not in turn.touched:
                    turn.touch(rival)
                    asked.add(rival.id)
        refreshed[shuttle.id] = shuttle
    return list(refreshed.values())


def _expect(turn: Turn, shuttle: Shuttle) -> None:
    """Keep riders' expected times, and tell them when these have moved."""
    state = turn.state
    released = shuttle.released
    ids: list[BookingId] = [*shuttle.aboard, *keys_of(shuttle.row)]
    if released is not None:
        ids += released.boards
    for booking_id in dict.fromkeys(ids):
        booking = state.bookings[booking_id]
        trip = state.trips[booking.trip_id]
        if trip.booking_id != booking_id or trip.state in ENDS:
            continue
        pickup_s, dropoff_s = find_visit_s(shuttle, booking_id, turn.now_s)
        shown_s = trip.pickup_expected_s
        if trip.state is TripState.ABOARD:
            pickup_s = shown_s
        moved = (
            pickup_s is not None
            and shown_s is not None
            and abs(pickup_s - shown_s) >= state.site.rules.notify_shift_s
        )
        fresh = booking.trip_id in turn.told
        if moved and not fresh:
            later = pickup_s is not None and shown_s is not None and pickup_s > shown_s
            turn.tell(
                booking.trip_id,
                "Your pickup is expected later." if later else "Your pickup is expected sooner.",
            )
        if moved or fresh or shown_s is None:
            trip.pickup_expected_s, trip.dropoff_expected_s = pickup_s, dropoff_s


def _wake(state: ServiceState, shuttle: Shuttle) -> None:
    """Ask for the ticks that this shuttle needs next."""
    rules, now_s = state.site.rules, state.now_s
    released = shuttle.released
    if released is not None:
        due_s = released.eta_s
        if released.arrived_s is not None:
            due_s = release_end_s(shuttle, now_s)
        due_s = max(due_s, now_s) + rules.overdue_step_s
        if released.arrived_s is None:
            due_s = min([due_s, *(at_s for at_s in _promised_s(state, released) if at_s > now_s)])
        state.wake(due_s, TimerKind.OVERDUE, shuttle.id)
    elif shuttle.row.visits and not may_drive(shuttle):
        state.wake(now_s + rules.overdue_step_s, TimerKind.OVERDUE, shuttle.id)
    elif shuttle.row.visits and _waits_for_word(state, shuttle):
        in_s = max(_slack_s(state, shuttle) + 1, rules.overdue_step_s)
        state.wake(now_s + in_s, TimerKind.OVERDUE, shuttle.id)
    if not is_idle(shuttle):
        shuttle.idle_since_s = None
    elif shuttle.idle_since_s is None:
        shuttle.idle_since_s = now_s
        state.wake(now_s + rules.park_after_s, TimerKind.PARK, shuttle.id)


def _waits_for_word(state: ServiceState, shuttle: Shuttle) -> bool:
    """It stays where it is until another shuttle has let go of those whom it is to fetch next."""
    visit = shuttle.row.visits[0]
    moving = any(state.bookings[BookingId(key)].hold is Hold.MOVING for key in visit.boards)
    return moving and not firm(state, visit.boards) and not firm(state, visit.alights)


def _slack_s(state: ServiceState, shuttle: Shuttle) -> int:
    """How long it may stay where it is, as far as promises go."""
    slacks: list[int] = []
    for visit, begin_s in zip(shuttle.row.visits, shuttle.times.begin_s, strict=False):
        promises = state.bookings
        slacks += [promises[BookingId(b)].promise.pickup_latest_s - begin_s for b in visit.boards]
        slacks += [promises[BookingId(b)].promise.dropoff_latest_s - begin_s for b in visit.alights]
    return min(slacks, default=0)


def _promised_s(state: ServiceState, released: ReleasedVisit) -> list[int]:
    """The last moments at which the visit under way keeps its promises."""
    boards = [state.bookings[b].promise.pickup_latest_s for b in released.boards]
    return boards + [state.bookings[b].promise.dropoff_latest_s for b in released.alights]
