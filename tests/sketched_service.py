"""Service along one street, on which a dispatcher's sums can be done by hand.

Stops P, Q, R, S, T lie 500 m apart and shuttles drive 10 m/s. Starting and stopping cost 12 s
(2 to pull out, 5 to speed up, 5 to brake), so ``n`` stops further on is ``50 n + 12`` seconds
away: 62, 112, 162, 212. X is an interchange and D a depot with a charger, behind T; turning
round costs nothing, for every stop lies on both sides of the street.
"""

from dataclasses import replace
from typing import Any

from engine_world import Car, EngineWorld
from sketched_zones import a_zone

from dispatcher.domain.decisions import Decision, ShuttleCommand, ShuttleCommanded
from dispatcher.domain.events import RequestSubmitted
from dispatcher.domain.ids import RequestId, RiderId, StopId, TripId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.shuttles import Capacity
from dispatcher.domain.trips import Party, Place, RideRequest, TimeWish, TripStatus
from dispatcher.domain.zone import Stop, StopKind
from dispatcher.engine import Site
from dispatcher.streets import Streets

NOON_S = 1_789_959_600  # 2026-09-21 12:00 in Seoul; service is from 6 to 24 o'clock
STOPS = ("P", "Q", "R", "S", "T", "X", "D")


def a_street() -> Site:
    zone = a_zone(
        {"A": (0, 0), "Z": (4000, 0)},
        ["A-Z"],
        {name: f"A>Z {200 + 500 * i}" for i, name in enumerate(STOPS)},
        kinds={"X": StopKind.INTERCHANGE, "D": StopKind.DEPOT},
    )
    stops = tuple(replace(s, chargers=1) if s.id == "D" else s for s in zone.stops)
    zone = replace(zone, stops=stops)
    return Site(zone, Streets.of(zone), ServiceRules())


def drive_s(stops: int) -> int:
    """From standing at one stop to standing so many stops further."""
    return 50 * stops + 12


class Street(EngineWorld):
    """The event-only world on that street, with shuttles that are exactly on time.

    ``driven`` False: shuttles take no plan by themselves; the test tells what they do.
    """

    def __init__(self, *at: str, driven: bool = True, **rules: Any) -> None:
        site = a_street()
        super().__init__(replace(site, rules=replace(site.rules, **rules)), seed=1)
        self.now_s = NOON_S
        self.lateness = 0.0
        self.driven = driven
        for name in at:
            self.car_at(name)

    def car_at(self, name: str, seats: int = 6, wheelchairs: int = 1) -> Car:
        return self.add_car(STOPS.index(name), Capacity(seats, wheelchairs))

    def stop(self, name: str) -> Stop:
        return self.site.zone.stops[STOPS.index(name)]

    def wait(self, for_s: int) -> None:
        self.run_until(self.now_s + for_s)

    def want(
        self,
        origin: Place | str,
        destination: Place | str,
        *,
        auto: bool = True,
        wish: TimeWish = TimeWish.NOW,
        wish_s: int | None = None,
        party: Party | None = None,
        alternatives: int = 1,
        flexible_s: int = 0,
        walk_limit_m: int = 100,
        rider: str = "",
        request: str = "",
    ) -> TripStatus:
        """Ask; what the rider is told at once."""
        name = f"t{len(self.status) + 1}"
        asked = RideRequest(
            request_id=RequestId(request or f"q-{name}"),
            rider_id=RiderId(rider or f"r-{name}"),
            trip_id=TripId(name),
            origin=StopId(origin) if isinstance(origin, str) else origin,
            destination=StopId(destination) if isinstance(destination, str) else destination,
            wish=wish,
            wish_s=self.now_s if wish_s is None else wish_s,
            party=party or Party(),
            walk_limit_m=walk_limit_m,
            auto_accept=auto,
            alternatives=alternatives,
            flexible_s=flexible_s,
        )
        self.submit(RequestSubmitted(self.now_s, asked))
        return self.status[self.state.requests[f"{asked.rider_id}/{asked.request_id}"]]

    def now_of(self, trip: TripStatus) -> TripStatus:
        """The newest that the rider was told."""
        return self.status[trip.trip_id]

    def plan(self, car: Car) -> ShuttlePlan | None:
        """The plan last sent to the shuttle."""
        return self.state.shuttles[car.id].published

    def trips_to_board(self, car: Car) -> list[TripId]:
        """Whom the plan last sent has board."""
        plan = self.plan(car)
        visits = () if plan is None else plan.visits
        return [task.trip_id for visit in visits for task in visit.boards]

    def _deliver(self, plan: ShuttlePlan) -> None:
        if self.driven:
            super()._deliver(plan)

    def _obey(self, told: ShuttleCommanded) -> None:
        if self.driven:
            super()._obey(told)


def commands(decisions: tuple[Decision, ...]) -> list[ShuttleCommand]:
    return [d.command for d in decisions if isinstance(d, ShuttleCommanded)]
