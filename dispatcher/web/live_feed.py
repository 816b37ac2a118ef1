"""What goes into the live streams: trips as they change, shuttles as they move."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.domain.events import StreetsClosed, StreetsOpened
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.riders.status import Document, StatusWriter
from dispatcher.service import Service
from dispatcher.web.alerts import AlertBook, AlertView
from dispatcher.web.closures_view import closures_document
from dispatcher.web.live import Key, LiveHub, LiveStream
from dispatcher.web.shuttle_view import FleetView, ShuttlePlaceView, stops_before
from dispatcher.web.trip_list import trip_document
from vehicles.fleet import Fleet

LOOK_EVERY_S: Final = 0.5  # at the shuttles, real seconds
MOST_ALERTS_SHOWN: Final = 50
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
        alerts.on_alert = self._on_alert

    def on_applied(self, applied: Applied) -> None:
        if not len(self._hub):
            return
        readers = self._hub.readers()
        for decision in applied.decisions:
            if isinstance(decision, TripChanged):
                key = ("trip", decision.status.trip_id)
                if streams := [*readers.of_all, *readers.of_key.get(key, ())]:
                    _tell(streams, key, self._writer.document(decision.status).to_json())
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
        readers, state = self._hub.readers(), self._service.core.state
        shown: dict[Key, bytes] = {}
        if readers.of_all:
            latest = self._fleet.latest()
            for shuttle in state.shuttles.values():
                view = self._view.shuttle(state, shuttle, latest.get(shuttle.id))
                key = ("shuttle", shuttle.id)
                shown[key] = _json(view)
                if self._shown.get(key) != shown[key]:
                    _tell(readers.of_all, key, shown[key])
        for place, streams in readers.of_key.items():
            if place[0] == "place":
                seen = self._place(TripId(place[1]))
                if seen is None:
                    continue  # it has just ended
                shown[place] = seen
                if self._shown.get(place) != shown[place]:
                    _tell(streams, place, shown[place])
        self._shown = shown  # what nobody watches any more is forgotten

    def zone_snapshot(self) -> list[tuple[str, bytes]]:
        """Everything that an operator's map shows, as one event."""
        latest = self._fleet.latest()
        state = self._service.core.state
        shuttles = [
            _json(self._view.shuttle(state, shuttle, latest.get(shuttle.id)))
            for shuttle in state.shuttles.values()
        ]
        trips = [
            trip_document(state, self._writer, trip).to_json()
            for trip in state.trips.values()
            if trip.state not in ENDS
        ]
        alerts = [_json(alert) for alert in self._alerts.newest(MOST_ALERTS_SHOWN)]
        parts = (
            (b"clock", self._clock()),
            (b"shuttles", b"[" + b",".join(shuttles) + b"]"),
            (b"trips", b"[" + b",".join(trips) + b"]"),
            (b"alerts", b"[" + b",".join(alerts) + b"]"),
            (b"closures", self._closures()),
        )
        written = b",".join(b'"' + name + b'":' + body for name, body in parts)
        return [("snapshot", b"{" + written + b"}")]

    def trip_snapshot(self, trip_id: TripId) -> list[tuple[str, bytes]]:
        """A rider's trip, and where its shuttle is once that is on its way."""
        state = self._service.core.state
        trip = state.trips.get(trip_id)
        events = [("clock", self._clock())]
        if trip is not None:
            events.append(("trip", trip_document(state, self._writer, trip).to_json()))
        place = self._place(trip_id)
        if place is not None:
            events.append(("place", place))
        return events

    def trip_topics(self, trip_id: TripId) -> list[Key]:
        """What the rider of this trip hears of just now."""
        about_trip = ("trip", str(trip_id))
        shown = self.shuttle_shown(trip_id) is not None
        return [about_trip, ("place", str(trip_id))] if shown else [about_trip]

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


def _tell(streams: Iterable[LiveStream], key: Key, data: bytes) -> None:
    for stream in streams:
        stream.put(key, data)


def _json(document: Document) -> bytes:
    return document.model_dump_json(exclude_none=True).encode()
