"""What goes into the live streams: trips as they change, shuttles as they move."""

import asyncio
from collections.abc import Callable, Iterable
from functools import cache
from itertools import islice
from typing import Final

from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.domain.events import StreetsClosed, StreetsOpened
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.trips import ENDS, TripState, TripStatus
from dispatcher.riders.status import Document, StatusWriter
from dispatcher.service import Service
from dispatcher.web.alerts import AlertBook, AlertView
from dispatcher.web.closures_view import closures_document
from dispatcher.web.live import Key, LiveHub, LiveStream, Readers
from dispatcher.web.shuttle_view import (
    FleetView,
    ShuttlePlaceView,
    Standing,
    standing_of,
    stops_before,
)
from dispatcher.web.trip_list import for_operators, trip_document, trip_row
from vehicles.fleet import Fleet

LOOK_EVERY_S: Final = 0.5  # at the shuttles, real seconds
MOST_ALERTS_SHOWN: Final = 50
MOST_ENDED_SHOWN: Final = 100  # trips
TOLD_AFTER_END_S: Final = 60  # of the zone's clock: then a trip's stream ends
# From here on the rider is shown where the shuttle is.
_ON_THE_WAY: Final = frozenset({TripState.ASSIGNED, TripState.BOARDING, TripState.ABOARD})


class LiveFeed:
    """Also a listener. ``clock`` gives the zone's clock as JSON."""

    def __init__(
        self,
        hub: LiveHub,
        service: Service,
        writer: StatusWriter,
        fleet: Fleet,
        view: FleetView,
        alerts: AlertBook,
        clock: Callable[[], bytes],
    ) -> None:
        self._hub = hub
        self._service = service
        self._writer = writer
        self._fleet = fleet
        self._view = view
        self._alerts = alerts
        self._clock = clock
        self._shown: dict[Key, bytes] = {}
        self._standing: dict[ShuttleId, Standing] = {}
        self._rows: dict[ShuttleId, bytes] = {}
        self._looks = 0
        self._snapshot: tuple[tuple[int, int], bytes] | None = None
        alerts.on_alert = self._on_alert

    def on_applied(self, applied: Applied) -> None:
        if not len(self._hub):
            return
        readers = self._hub.readers()
        for decision in applied.decisions:
            if isinstance(decision, TripChanged):
                self._tell_trip(readers, decision.status)
        if isinstance(applied.event, StreetsClosed | StreetsOpened):
            _tell(readers.of_all, ("closures", ""), self._closures())

    async def run(self) -> None:
        """Look at the shuttles again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if len(self._hub):
                self.look()

    def look(self) -> None:
        """Tell of every shuttle that looks otherwise than when it was last told of."""
        self._alerts.look()
        readers = self._hub.readers()
        self._looks += 1
        if readers.of_all:
            self._look_at_fleet(readers.of_all)
        else:
            self._standing, self._rows = {}, {}
        shown: dict[Key, bytes] = {}
        for place, streams in readers.of_key.items():
            if place[0] == "place":
                seen = self._place(TripId(place[1]))
                if seen is None:
                    continue  # it has just ended
                shown[place] = seen
                if self._shown.get(place) != shown[place]:
                    _tell(streams, place, shown[place])
        self._shown = shown  # what nobody watches any more is forgotten

    def _look_at_fleet(self, streams: list[LiveStream]) -> None:
        """Whole shuttles where more has changed than where they are; places all together."""
        state, latest = self._service.core.state, self._fleet.latest()
        standing, rows = {}, {}
        for shuttle in state.shuttles.values():
            heard = latest.get(shuttle.id)
            standing[shuttle.id] = standing_of(shuttle)
            if self._standing.get(shuttle.id) != standing[shuttle.id]:
                view = self._view.shuttle(state, shuttle, heard)
                _tell(streams, ("shuttle", shuttle.id), _json(view))
            rows[shuttle.id] = self._view.place_row(shuttle, heard)
        moved = [row for shuttle_id, row in rows.items() if self._rows.get(shuttle_id) != row]
        self._standing, self._rows = standing, rows
        if not moved:
            return
        part = _places(moved)
        # Written once for all who are behind.
        whole = cache(lambda: _places(rows.values()))
        for stream in streams:
            stream.put_part(("places", ""), part, whole)

    def _tell_trip(self, readers: Readers, status: TripStatus) -> None:
        key = ("trip", status.trip_id)
        if streams := readers.of_key.get(key):
            _tell(streams, key, self._writer.document(status).to_json())
        trip = self._service.core.state.trips.get(status.trip_id)
        blurred = _blurred(status.trip_id)
        if trip is not None and (streams := readers.of_key.get(blurred)):
            told = for_operators(trip, self._writer.document(status))
            _tell(streams, blurred, told.to_json())
        if readers.of_all and trip is not None:
            _tell(readers.of_all, key, _json(trip_row(trip)))

    def zone_snapshot(self) -> list[tuple[str, bytes]]:
        """Everything that an operator's map shows, as one event."""
        # Many may come at once, after a restart: between two looks all get the same.
        key = (self._looks, self._service.core.position)
        if self._snapshot is None or self._snapshot[0] != key:
            self._snapshot = key, self._zone_snapshot()
        return [("snapshot", self._snapshot[1])]

    def _zone_snapshot(self) -> bytes:
        latest = self._fleet.latest()
        state = self._service.core.state
        shuttles = [
            _json(self._view.shuttle(state, shuttle, latest.get(shuttle.id)))
            for shuttle in state.shuttles.values()
        ]
        open_trips = [trip for trip in state.trips.values() if trip.state not in ENDS]
        ended = (trip for trip in reversed(state.trips.values()) if trip.state in ENDS)
        trips = [_json(trip_row(trip)) for trip in [*open_trips, *islice(ended, MOST_ENDED_SHOWN)]]
        alerts = [_json(alert) for alert in self._alerts.newest(MOST_ALERTS_SHOWN)]
        parts = (
            (b"clock", self._clock()),
            (b"shuttles", b"[" + b",".join(shuttles) + b"]"),
            (b"trips", b"[" + b",".join(trips) + b"]"),
            (b"alerts", b"[" + b",".join(alerts) + b"]"),
            (b"closures", self._closures()),
        )
        written = b",".join(b'"' + name + b'":' + body for name, body in parts)
        return b"{" + written + b"}"

    def trip_snapshot(self, trip_id: TripId, *, own: bool = True) -> list[tuple[str, bytes]]:
        """A rider's trip, and where its shuttle is once that is on its way.

        Who does not own the trip is told nothing that gives away where its rider is.
        """
        state = self._service.core.state
        trip = state.trips.get(trip_id)
        events = [("clock", self._clock())]
        if trip is not None:
            told = trip_document(state, self._writer, trip)
            events.append(("trip", (told if own else for_operators(trip, told)).to_json()))
        place = self._place(trip_id)
        if place is not None:
            events.append(("place", place))
        return events

    def trip_topics(self, trip_id: TripId, *, own: bool = True) -> list[Key]:
        """What the rider of this trip hears of just now, or an operator who follows it."""
        about_trip = ("trip", str(trip_id)) if own else _blurred(trip_id)
        shown = self.shuttle_shown(trip_id) is not None
        return [about_trip, ("place", str(trip_id))] if shown else [about_trip]

    def is_over(self, trip_id: TripId) -> bool:
        """Whether there is nothing more to tell of this trip."""
        trip = self._service.core.state.trips.get(trip_id)
        if trip is None:
            return True
        now_s = self._service.clock.now_s()
        return trip.ended_s is not None and now_s >= trip.ended_s + TOLD_AFTER_END_S

    def shuttle_shown(self, trip_id: TripId) -> ShuttleId | None:
        """The shuttle that this trip's rider may see just now."""
        state = self._service.core.state
        trip = state.trips.get(trip_id)
        if trip is None or trip.state not in _ON_THE_WAY or trip.shuttle_id not in state.shuttles:
            return None
        return trip.shuttle_id

    def _place(self, trip_id: TripId) -> bytes | None:
        """Where the trip's shuttle is, as its rider may see it."""
        shuttle_id = self.shuttle_shown(trip_id)
        if shuttle_id is None:
            return None
        state = self._service.core.state
        shuttle = state.shuttles[shuttle_id]
        aboard = state.trips[trip_id].state is TripState.ABOARD
        view = ShuttlePlaceView(
            shuttle=shuttle_id,
            place=self._view.place(shuttle, self._fleet.latest_of(shuttle_id)),
            stops_before=stops_before(shuttle, trip_id, aboard=aboard),
        )
        return _json(view)

    def _on_alert(self, alert: AlertView) -> None:
        _tell(self._hub.readers().of_all, ("alert", str(alert.number)), _json(alert))

    def _closures(self) -> bytes:
        return _json(closures_document(self._service.core.state))


def _blurred(trip_id: TripId) -> Key:
    """The trip for those who do not own it; its events have the same name."""
    return ("trip", f"{trip_id} for operators")


def _tell(streams: Iterable[LiveStream], key: Key, data: bytes) -> None:
    for stream in streams:
        stream.put(key, data)


def _places(rows: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]"


def _json(document: Document) -> bytes:
    return document.model_dump_json(exclude_none=True).encode()
