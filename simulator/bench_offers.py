"""What a whole request costs in the engine: stops at both ends, the search, offers, the status."""

import random
import time
from dataclasses import dataclass

import numpy as np

from dispatcher.domain.events import Event, OfferAnswered, RequestSubmitted, ShuttleJoined
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.domain.trips import RideRequest, TripState
from dispatcher.engine import ServiceState, Site, new_state, step
from dispatcher.streets import Streets
from dispatcher.streets.zones import load_zone
from simulator.day import a_weekday, local_time_s
from simulator.demand import Demand, Wisher


@dataclass(frozen=True, slots=True)
class OfferRow:
    """One request's answer with every shuttle considered, in milliseconds of computing."""

    shuttles: int
    trips_under_way: int
    answers: int
    offered_pct: float
    p50_ms: float
    p99_ms: float


def offer_table(
    sizes: tuple[int, ...] = (50, 200, 1000), answers: int = 200, seed: int = 1
) -> tuple[OfferRow, ...]:
    """Measure ``step`` on requests in the built-in zone, with two trips per shuttle under way.

    Each offer is declined at once, untimed, so that every answer meets the same fleet.
    """
    zone = load_zone("sejong-5-1")
    site = Site(zone, Streets.of(zone), ServiceRules())
    return tuple(_measure(site, size, answers, seed) for size in sizes)


def _measure(site: Site, size: int, answers: int, seed: int) -> OfferRow:
    now_s = int(local_time_s(site.zone, a_weekday(), 8.0))
    state = new_state(site)
    rng = random.Random(seed)
    for number in range(size):
        stop = rng.choice(site.zone.stops)
        _apply(
            state,
            ShuttleJoined(
                at_s=now_s,
                shuttle_id=ShuttleId(f"bench:{number:04d}"),
                capacity=Capacity(10, 1),
                x_m=stop.x_m,
                y_m=stop.y_m,
                battery_pct=100.0,
                mode=DriveMode.AUTOMATIC,
            ),
        )
    riders = Demand.of(site.zone, seed, riders_per_hour=1000.0).riders(now_s)
    for _ in range(2 * size):
        _apply(state, RequestSubmitted(now_s, _request(next(riders), now_s, accept=True)))
    under_way = sum(1 for trip in state.trips.values() if trip.state is TripState.ACCEPTED)
    took_s: list[float] = []
    offered = 0
    for _ in range(answers):
        request = _request(next(riders), now_s, accept=False)
        began = time.process_time()
        _apply(state, RequestSubmitted(now_s, request))
        took_s.append(time.process_time() - began)
        if state.trips[request.trip_id].state is TripState.OFFERED:
            offered += 1
            _apply(state, OfferAnswered(now_s, request.rider_id, request.trip_id, False))
    took_ms = 1000.0 * np.array(took_s)
    return OfferRow(
        shuttles=size,
        trips_under_way=under_way,
        answers=answers,
        offered_pct=100.0 * offered / answers,
        p50_ms=float(np.percentile(took_ms, 50)),
        p99_ms=float(np.percentile(took_ms, 99)),
    )


def _apply(state: ServiceState, event: Event) -> None:
    step(state, event)


def _request(wisher: Wisher, now_s: int, *, accept: bool) -> RideRequest:
    return RideRequest(
        request_id=wisher.request_id,
        rider_id=wisher.rider_id,
        trip_id=TripId(f"t-{wisher.rider_id}"),
        origin=wisher.origin,
        destination=wisher.destination,
        wish=wisher.wish,
        wish_s=max(now_s, wisher.wish_s) if wisher.wish.value != "now" else now_s,
        party=wisher.party,
        walk_limit_m=wisher.walk_limit_m,
        auto_accept=accept,
    )
