"""The real engine behind the core's protocol: its pure functions, bound to one site."""

from collections.abc import Sequence

from dispatcher import engine
from dispatcher.domain.decisions import Decision
from dispatcher.domain.events import Event
from dispatcher.domain.ids import RequestId, RiderId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.trips import RideRequest, TripStatus
from dispatcher.engine import ServiceState, Site
from dispatcher.engine.state import TripRecord


class ZoneEngine:
    """Decides for one zone under one set of rules."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def new_state(self) -> ServiceState:
        return engine.new_state(self.site)

    def step(self, state: ServiceState, event: Event) -> tuple[ServiceState, tuple[Decision, ...]]:
        return engine.step(state, event)

    def next_due_s(self, state: ServiceState) -> int | None:
        return engine.next_due_s(state)

    def dump_state(self, state: ServiceState) -> bytes:
        return engine.dump_state(state)

    def load_state(self, payload: bytes) -> ServiceState:
        return engine.load_state(self.site, payload)

    def state_digest(self, state: ServiceState) -> str:
        return engine.state_digest(state)

    def find_request(
        self, state: ServiceState, rider_id: RiderId, request_id: RequestId
    ) -> tuple[RideRequest, TripStatus] | None:
        trip_id = state.requests.get(f"{rider_id}/{request_id}")
        if trip_id is None:
            return None
        trip = state.trips[trip_id]
        return trip.request, _status(trip, state.now_s)

    def list_statuses(self, state: ServiceState) -> Sequence[TripStatus]:
        return tuple(_status(trip, state.now_s) for trip in state.trips.values())

    def list_plans(self, state: ServiceState) -> Sequence[ShuttlePlan]:
        plans = (shuttle.published for shuttle in state.shuttles.values())
        return tuple(plan for plan in plans if plan is not None)


def _status(trip: TripRecord, now_s: int) -> TripStatus:
    # An ended trip is as of its end, from which on it is kept for a while.
    return engine.trip_status(trip, now_s if trip.ended_s is None else trip.ended_s)
