"""What the service has come to since this dispatcher began to serve. A listener counts it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.domain.events import (
    Event,
    RequestSubmitted,
    RiderBoarded,
    VisitArrived,
)
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.shuttles import DriveMode
from dispatcher.domain.trips import ENDS, TimeWish, TripState, TripStatus
from dispatcher.engine.state import ServiceState

_FLEET_EVERY_S: Final = 10  # the shuttles in service are counted so often
_LONGEST_GAP_S: Final = 3600  # time in which nothing at all happened is nobody's service
_WAITS_KEPT: Final = 2_000


@dataclass(slots=True, eq=False)
class FiguresBook:
    """``state`` gives the state as it is after the event that is told of."""

    state: Callable[[], ServiceState]
    since_s: int | None = None
    requests: int = 0
    ends: Counter[TripState] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)
    carried: int = 0  # people who got off
    rides: int = 0  # trips that got off, and of those ...
    shared_rides: int = 0  # ... the ones that met another trip aboard
    km: float = 0.0
    empty_km: float = 0.0
    shuttle_hours: float = 0.0
    waits_s: list[int] = field(default_factory=list)  # the newest; see `_WAITS_KEPT`
    _waits_seen: int = 0
    _open: set[TripId] = field(default_factory=set)  # asked for since, without an end
    _ready_s: dict[TripId, int] = field(default_factory=dict)
    _together: set[TripId] = field(default_factory=set)
    _visits: dict[ShuttleId, str] = field(default_factory=dict)
    _counted_s: int = 0

    def on_applied(self, applied: Applied) -> None:
        if applied.event is None:
            return
        if self.since_s is None:
            self.since_s = self._counted_s = applied.event.at_s
        self._count_fleet(applied.event.at_s)
        self._count_event(applied.event)
        for decision in applied.decisions:
            if isinstance(decision, TripChanged):
                self._count_status(decision.status)

    def _count_fleet(self, at_s: int) -> None:
        passed_s = at_s - self._counted_s
        if passed_s < _FLEET_EVERY_S:
            return
        self._counted_s = at_s
        shuttles = self.state().shuttles.values()
        serving = sum(not s.silent and s.mode is DriveMode.AUTOMATIC for s in shuttles)
        self.shuttle_hours += serving * min(passed_s, _LONGEST_GAP_S) / 3600.0

    def _count_event(self, event: Event) -> None:
        match event:
            case RequestSubmitted(_, request):
                if request.trip_id not in self.state().trips:
                    return  # asked again, under a trip id that was not used
                self.requests += 1
                self._open.add(request.trip_id)
                # Of a trip to be somewhere by a time nobody waits from its wished time on.
                if request.wish is not TimeWish.ARRIVE_BY:
                    self._ready_s[request.trip_id] = request.wish_s
            case RiderBoarded(at_s, shuttle_id, _, trip_id):
                ready_s = self._ready_s.pop(trip_id, None)
                # The same boarding may be reported twice.
                if ready_s is not None:
                    self._note_wait(max(0, at_s - ready_s))
                self._note_company(shuttle_id)
            case VisitArrived(_, shuttle_id, visit_id):
                self._count_leg(shuttle_id, visit_id)
            case _:
                pass

    def _note_wait(self, wait_s: int) -> None:
        if len(self.waits_s) < _WAITS_KEPT:
            self.waits_s.append(wait_s)
        else:
            self.waits_s[self._waits_seen % _WAITS_KEPT] = wait_s
        self._waits_seen += 1

    def _note_company(self, shuttle_id: ShuttleId) -> None:
        aboard = self._aboard(shuttle_id)
        if len(aboard) > 1:
            self._together.update(aboard)

    def _count_leg(self, shuttle_id: ShuttleId, visit_id: str) -> None:
        shuttle = self.state().shuttles.get(shuttle_id)
        if shuttle is None or shuttle.released is None or shuttle.released.visit.id != visit_id:
            return
        # The same arrival may be reported twice.
        if self._visits.get(shuttle_id) == visit_id:
            return
        self._visits[shuttle_id] = visit_id
        km = shuttle.released.length_m / 1000.0
        self.km += km
        self.empty_km += 0.0 if shuttle.aboard else km

    def _count_status(self, status: TripStatus) -> None:
        if status.breach is not None and status.breach.known_s == status.at_s:
            self.breaches[status.breach.cause.value] += 1
        if status.state in ENDS:
            self._count_end(status)

    def _count_end(self, status: TripStatus) -> None:
        # The same end is told again to whoever asks again.
        if status.trip_id not in self._open:
            return
        self._open.discard(status.trip_id)
        self._ready_s.pop(status.trip_id, None)
        self.ends[status.state] += 1
        if status.refusal is not None:
            self.refused[status.refusal.reason.value] += 1
        shared = status.trip_id in self._together
        self._together.discard(status.trip_id)
        if status.state is TripState.COMPLETED and status.promise is not None:
            party = status.promise.party
            self.carried += party.seats + party.wheelchairs
            self.rides += 1
            self.shared_rides += shared

    def _aboard(self, shuttle_id: ShuttleId) -> list[TripId]:
        state = self.state()
        shuttle = state.shuttles.get(shuttle_id)
        aboard = () if shuttle is None else shuttle.aboard
        return [state.bookings[booking_id].trip_id for booking_id in aboard]
