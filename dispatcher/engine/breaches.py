"""Promises that the world does not let us keep: recorded, and told before they break."""

from dataclasses import replace

from dispatcher.domain.decisions import AlertKind
from dispatcher.domain.trips import Breach, BreachCause, Promise
from dispatcher.engine.state import TripRecord
from dispatcher.engine.turn import Turn


def break_promise(turn: Turn, trip: TripRecord, text: str, instead: Promise | None) -> None:
    """Tell the rider that the promise will not be kept, why, and what is promised instead."""
    if trip.promise is None:
        return
    trip.breach = Breach(turn.now_s, turn.cause, text, trip.promise)
    if instead is not None:
        trip.promise = instead
    turn.tell(trip.request.trip_id, text)
    turn.alert(
        AlertKind.PROMISE_BREACHED,
        f"Trip {trip.request.trip_id}: {text} ({turn.cause})",
        trip.shuttle_id,
        trip.request.trip_id,
    )


def extended(promise: Promise, pickup_s: int | None, dropoff_s: int | None, by_s: int) -> Promise:
    """The promise with its latest times moved to what is now expected, and ``by_s`` more.

    The longer a trip has taken already, the less is known of what is still to come: a quarter of
    it is allowed for, so that whoever waits in a stopped shuttle is not told every minute.
    """
    pickup_latest_s, dropoff_latest_s = promise.pickup_latest_s, promise.dropoff_latest_s
    if pickup_s is not None and pickup_s > pickup_latest_s:
        pickup_latest_s = pickup_s + max(by_s, (pickup_s - promise.pickup_earliest_s) // 4)
    if dropoff_s is not None and dropoff_s > dropoff_latest_s:
        dropoff_latest_s = dropoff_s + max(by_s, (dropoff_s - promise.pickup_earliest_s) // 4)
    return replace(promise, pickup_latest_s=pickup_latest_s, dropoff_latest_s=dropoff_latest_s)


def note_late_arrival(turn: Turn, trip: TripRecord) -> None:
    """A shuttle that comes after its window has broken the promise, foreseen or not."""
    if trip.promise is not None and turn.now_s > trip.promise.pickup_latest_s:
        _note(turn, trip, "Your shuttle came later than promised.")


def note_late_dropoff(turn: Turn, trip: TripRecord) -> None:
    if trip.promise is not None and turn.now_s > trip.promise.dropoff_latest_s:
        _note(turn, trip, "You arrived later than promised.")


def _note(turn: Turn, trip: TripRecord, text: str) -> None:
    turn.cause = BreachCause.DELAY
    break_promise(turn, trip, text, None)
