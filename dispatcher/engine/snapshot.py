"""A state as bytes and back. What is derived is rebuilt, so a snapshot holds only what is true."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import fields
from operator import attrgetter

from pydantic import TypeAdapter
from pydantic_core import to_json

from dispatcher.domain.ids import BookingId, EdgeId, ShuttleId, StopId, TripId
from dispatcher.engine.berths import new_book, note_berths
from dispatcher.engine.closures import apply_closures
from dispatcher.engine.routes import may_drive
from dispatcher.engine.site import Site
from dispatcher.engine.state import (
    Booking,
    CommandRecord,
    Learnt,
    ServiceState,
    Shuttle,
    TripRecord,
)
from dispatcher.planning.fairness import WaitBook
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.forecast import Forecast

_TYPES: dict[str, TypeAdapter[object]] = {
    "position": TypeAdapter(int),
    "now_s": TypeAdapter(int),
    "epoch": TypeAdapter(int),
    "trips": TypeAdapter(dict[TripId, TripRecord]),
    "requests": TypeAdapter(dict[str, TripId]),
    "bookings": TypeAdapter(dict[BookingId, Booking]),
    "moving": TypeAdapter(list[BookingId]),
    "shuttles": TypeAdapter(dict[ShuttleId, Shuttle]),
    "commands": TypeAdapter(dict[str, CommandRecord]),
    "closed_edges": TypeAdapter(tuple[EdgeId, ...]),
    "closed_stops": TypeAdapter(tuple[StopId, ...]),
    "timers": TypeAdapter(list[tuple[int, str, str]]),
    "pending": TypeAdapter(dict[str, int]),
    "learnt": TypeAdapter(Learnt),
    "forecast": TypeAdapter(Forecast),
    "waits": TypeAdapter(WaitBook),
    "rebalanced_s": TypeAdapter(int),
    "deaf_since_s": TypeAdapter(int | None),
    "deaf_spans": TypeAdapter(tuple[tuple[int, int], ...]),
}

# Parts with many items, which are pictured one by one.
_ITEMS: dict[str, TypeAdapter[object]] = {
    "bookings": TypeAdapter(Booking),
    "shuttles": TypeAdapter(Shuttle),
}
_TRIP: TypeAdapter[TripRecord] = TypeAdapter(TripRecord)
_PARTS_OF_TRIP = attrgetter(*(field.name for field in fields(TripRecord)))

# Parts that earlier versions did not write: a state without them begins with nothing learnt.
_ADDED_LATER = frozenset(
    {
        "commands",
        "learnt",
        "forecast",
        "waits",
        "rebalanced_s",
        "deaf_since_s",
        "deaf_spans",
    }
)

# Parts that earlier versions wrote and nobody needs any more.
_GONE = frozenset({"demand"})


def new_state(site: Site, epoch: int = 0) -> ServiceState:
    """A zone with no shuttle and no trip yet."""
    state = ServiceState(site, epoch=epoch)
    state.forecast = Forecast(len(site.zone.stops))
    state.waits = WaitBook(len(site.zone.stops))
    _derive(state)
    return state


def dump_state(state: ServiceState) -> bytes:
    """The state as JSON, in a form that depends on nothing but the state."""
    written = {
        name: adapter.dump_python(getattr(state, name), mode="json")
        for name, adapter in _TYPES.items()
    }
    return json.dumps(written, separators=(",", ":")).encode()


def picture(state: ServiceState) -> Iterator[bytes]:
    """A dump of the state as it is at this call, in small slices.

    Taking the picture is quick; the work is in the slices, and can be spread out while the state
    goes on changing. ``load_state`` makes the same state of it as of ``dump_state``; only some
    numbers and letters are written otherwise.
    """
    taken: list[tuple[str, bytes | Iterator[tuple[str, bytes]]]] = []
    for name, adapter in _TYPES.items():
        value = getattr(state, name)
        if name == "trips":
            # By far the most, for ended ones are remembered for hours; a trip's parts never change.
            parts = [(key, _PARTS_OF_TRIP(trip)) for key, trip in value.items()]
            taken.append((name, ((key, _TRIP.dump_json(TripRecord(*of))) for key, of in parts)))
        elif name in _ITEMS:
            item = _ITEMS[name]
            taken.append((name, iter([(key, item.dump_json(each)) for key, each in value.items()])))
        else:
            taken.append((name, adapter.dump_json(value)))
    return _slices(taken)


def _slices(taken: list[tuple[str, bytes | Iterator[tuple[str, bytes]]]]) -> Iterator[bytes]:
    before = b"{"
    for name, value in taken:
        yield before + to_json(name) + b":"
        before = b","
        if isinstance(value, bytes):
            yield value
            continue
        yield b"{"
        for i, (key, item) in enumerate(value):
            yield (b"," if i else b"") + to_json(key) + b":" + item
        yield b"}"
    yield b"}"


def load_state(site: Site, payload: bytes) -> ServiceState:
    """The state that was dumped. ValueError if it was written by another version of the code."""
    written = json.loads(payload)
    missing = set(_TYPES) - set(written)
    if set(written) - set(_TYPES) - _GONE or missing - _ADDED_LATER:
        raise ValueError("the snapshot has other parts than this version writes")
    state = ServiceState(site)
    state.forecast = Forecast(len(site.zone.stops))
    state.waits = WaitBook(len(site.zone.stops))
    for name, adapter in _TYPES.items():
        if name in missing:
            continue
        setattr(state, name, adapter.validate_python(written[name], strict=False))
    _derive(state)
    return state


def state_digest(state: ServiceState) -> str:
    """A fingerprint of everything that is not derived."""
    return hashlib.sha256(dump_state(state)).hexdigest()


def _derive(state: ServiceState) -> None:
    apply_closures(state)
    state.fleet = FleetArrays()
    state.row_of = {}
    state.shuttle_of_row = []
    state.berths = new_book(state.site)
    for shuttle in state.shuttles.values():
        state.row_of[shuttle.id] = state.fleet.add_row(shuttle.row)
        state.shuttle_of_row.append(shuttle.id)
        note_berths(state, shuttle, may_drive(shuttle))


def parts_not_written() -> set[str]:
    """Fields of the state that no snapshot holds; a test keeps this list short."""
    return {field.name for field in fields(ServiceState)} - set(_TYPES)
