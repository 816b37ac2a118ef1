"""The real engine behind the core's protocol: its pure functions, bound to one site."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from dispatcher import engine
from dispatcher.codec import decision_digest
from dispatcher.domain.decisions import Decision, PlanPublished
from dispatcher.domain.events import Event, RequestSubmitted, ShuttleJoined
from dispatcher.domain.ids import RequestId, RiderId, ShuttleId, TripId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.domain.trips import (
    Offer,
    Party,
    Refusal,
    RideRequest,
    TimeWish,
    TripStatus,
)
from dispatcher.domain.zone import StopKind
from dispatcher.engine import ServiceState, Site
from dispatcher.engine.hours import next_opening_s
from dispatcher.engine.state import TripRecord
from dispatcher.recorded_rules import rules_of, rules_text

_ANY_DAY_S: Final = 1_000_000_000


class ZoneEngine:
    """Decides for one zone under one set of rules."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._zone_digest = ""

    def warm_up(self) -> bool:
        """Decide once on a state that is thrown away.

        The first decision of a process loads compiled code and takes half a second, which
        no rider should have to wait for. True if the whole way to a promise was gone.
        """
        stops = [stop for stop in self.site.zone.stops if stop.kind is not StopKind.DEPOT]
        if len(stops) < 2:
            return False
        opening_s = next_opening_s(self.site.zone, _ANY_DAY_S)
        here, there = stops[0], stops[-1]
        joined = ShuttleJoined(
            opening_s,
            ShuttleId("warm:up"),
            Capacity(1, 0),
            here.x_m,
            here.y_m,
            100.0,
            DriveMode.AUTOMATIC,
        )
        asked = RideRequest(
            RequestId("q"),
            RiderId("r"),
            TripId("t"),
            here.point,
            there.point,
            TimeWish.NOW,
            opening_s,
            Party(),
            walk_limit_m=400,
            auto_accept=True,
        )
        state = self.new_state()
        state, _ = self.step(state, joined)
        state, decisions = self.step(state, RequestSubmitted(opening_s, asked))
        decision_digest("", 0, decisions)
        return any(isinstance(decision, PlanPublished) for decision in decisions)

    def stops_digest(self) -> str:
        ids = "\n".join(stop.id for stop in self.site.zone.stops)
        return hashlib.sha256(ids.encode()).hexdigest()[:16]

    def zone_digest(self) -> str:
        if self._zone_digest:
            return self._zone_digest
        zone = self.site.zone
        # Its names and where they come from are for people; the rest is decided by.
        stops = [replace(stop, names={}) for stop in zone.stops]
        edges = [replace(edge, names={}) for edge in zone.edges]
        hours = (zone.timezone, zone.opens_s, zone.closes_s)
        parts = (hours, zone.origin, zone.boundary, stops, zone.nodes, edges, zone.turn_bans)
        self._zone_digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
        return self._zone_digest

    def rules(self) -> str:
        return rules_text(self.site.rules)

    def under(self, rules: str) -> "ZoneEngine":
        other = ZoneEngine(replace(self.site, rules=rules_of(rules)))
        other._zone_digest = self._zone_digest
        return other

    def new_state(self) -> ServiceState:
        return engine.new_state(self.site)

    def step(self, state: ServiceState, event: Event) -> tuple[ServiceState, tuple[Decision, ...]]:
        return engine.step(state, event)

    def next_due_s(self, state: ServiceState) -> int | None:
        return engine.next_due_s(state)

    def dump_state(self, state: ServiceState) -> bytes:
        return engine.dump_state(state)

    def picture(self, state: ServiceState) -> Iterator[bytes]:
        return engine.picture(state)

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

    def quote(
        self, state: ServiceState, request: RideRequest, now_s: int
    ) -> tuple[Offer, ...] | Refusal:
        return engine.quote_request(state, request, now_s)

    def list_statuses(self, state: ServiceState) -> Sequence[TripStatus]:
        return tuple(_status(trip, state.now_s) for trip in state.trips.values())

    def list_plans(self, state: ServiceState) -> Sequence[ShuttlePlan]:
        plans = (shuttle.published for shuttle in state.shuttles.values())
        return tuple(plan for plan in plans if plan is not None)


def _status(trip: TripRecord, now_s: int) -> TripStatus:
    # An ended trip is as of its end, from which on it is kept for a while.
    return engine.trip_status(trip, now_s if trip.ended_s is None else trip.ended_s)
