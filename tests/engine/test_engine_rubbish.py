"""Shuttles and operators may report anything at any time: nothing raises, and the books agree."""

import random

import pytest
from engine_world import EngineWorld
from sketched_service import Street

from dispatcher.domain.energy import PlannedCharge
from dispatcher.domain.events import (
    ChargingPlanned,
    Event,
    PlanConfirmed,
    PlanRefused,
    RiderAlighted,
    RiderBoarded,
    RiderNotThere,
    ShuttleFellSilent,
    ShuttleHeld,
    ShuttleJoined,
    ShuttleReleased,
    ShuttleReported,
    ShuttleWithdrawn,
    StreetsClosed,
    StreetsOpened,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import EdgeId, OperatorId, ShuttleId, StopId, TripId, VisitId
from dispatcher.domain.shuttles import Capacity, DriveMode, Fault, FaultLevel

OPERATOR = OperatorId("o")
EVENTS_PER_SEED = 250


class Rubbish:
    """Draws events about shuttles, visits and trips that exist or do not."""

    def __init__(self, world: EngineWorld) -> None:
        self.world = world
        self.rng: random.Random = world.rng

    def event(self) -> Event:
        rng, state = self.rng, self.world.state
        shuttle_id = rng.choice([*state.shuttles, ShuttleId("ghost")])
        drawn = rng.random()
        if drawn < 0.5:
            return self._on_the_road(shuttle_id)
        if drawn < 0.75:
            return self._of_itself(shuttle_id)
        if drawn < 0.8:
            return self._of_charges(shuttle_id)
        if drawn < 0.9:
            kind = rng.choice([ShuttleHeld, ShuttleReleased, ShuttleWithdrawn])
            return kind(self.world.now_s, OPERATOR, shuttle_id)
        return self._of_the_streets()

    def _on_the_road(self, shuttle_id: ShuttleId) -> Event:
        rng, now_s = self.rng, self.world.now_s
        visit_id, trip_id = self._visit(shuttle_id), self._trip(shuttle_id)
        kind = rng.choice(
            [RiderBoarded, RiderNotThere, RiderAlighted, VisitArrived, VisitCompleted]
        )
        if kind in (VisitArrived, VisitCompleted):
            return kind(now_s, shuttle_id, visit_id)
        return kind(now_s, shuttle_id, visit_id, trip_id)

    def _of_itself(self, shuttle_id: ShuttleId) -> Event:
        rng, now_s = self.rng, self.world.now_s
        shuttle = self.world.state.shuttles.get(shuttle_id)
        revision = rng.choice([0, 1, 99, 0 if shuttle is None else shuttle.revision])
        x_m, y_m = rng.uniform(-5000, 5000), rng.uniform(-5000, 5000)
        mode = rng.choice([DriveMode.AUTOMATIC, DriveMode.AUTOMATIC, *DriveMode])
        battery_pct = rng.choice([0.0, 14.0, 30.0, 80.0, 100.0])
        aboard = tuple(self._trip(shuttle_id) for _ in range(rng.choice([0, 0, 1, 3])))
        drawn = rng.randrange(5)
        if drawn == 0:
            places = Capacity(rng.choice([0, 1, 2, 6]), rng.choice([0, 1]))
            order_id = rng.choice(["", "what", "" if shuttle is None else shuttle.order_id])
            return ShuttleJoined(
                now_s, shuttle_id, places, x_m, y_m, battery_pct, mode, aboard, order_id, revision
            )
        if drawn == 1:
            return ShuttleFellSilent(now_s, shuttle_id, now_s + rng.randint(-4000, 10))
        if drawn == 2:
            return PlanConfirmed(now_s, shuttle_id, revision)
        if drawn == 3:
            return PlanRefused(now_s, shuttle_id, revision, "no")
        faults = (Fault("motor", rng.choice(list(FaultLevel))),) if rng.random() < 0.3 else ()
        left_m = rng.choice([None, 0.0, 50.0, 1e6])
        charging, paused = rng.random() < 0.2, rng.random() < 0.2
        return ShuttleReported(
            now_s, shuttle_id, x_m, y_m, battery_pct, charging, mode, paused, faults, aboard, left_m
        )

    def _of_charges(self, shuttle_id: ShuttleId) -> Event:
        rng, now_s = self.rng, self.world.now_s
        stop = rng.choice([*(stop.id for stop in self.world.site.zone.stops), StopId("nowhere")])
        begin_s = now_s + rng.randint(-100, 2000)
        charge = PlannedCharge(
            shuttle_id, stop, begin_s, begin_s + rng.choice([0, 700, 3000]), rng.randint(0, 100)
        )
        return ChargingPlanned(now_s, (charge,) * rng.choice([0, 1, 2]))

    def _of_the_streets(self) -> Event:
        rng, zone, now_s = self.rng, self.world.site.zone, self.world.now_s
        edges = (*rng.sample(zone.edges, rng.choice([0, 1])),)
        stops = (*rng.sample(zone.stops, rng.choice([0, 1, 2])),)
        edge_ids = (*(edge.id for edge in edges), EdgeId("nowhere"))
        stop_ids = (*(stop.id for stop in stops), StopId("nowhere"))
        if rng.random() < 0.4:
            return StreetsClosed(now_s, OPERATOR, edge_ids, stop_ids)
        opened = self.world.state.closed_edges
        return StreetsOpened(now_s, OPERATOR, opened, stop_ids)

    def _visit(self, shuttle_id: ShuttleId) -> VisitId:
        shuttle = self.world.state.shuttles.get(shuttle_id)
        if shuttle is not None and shuttle.released is not None and self.rng.random() < 0.7:
            return shuttle.released.visit.id
        made = 3 if shuttle is None else shuttle.visits_made + 1
        return VisitId(f"{shuttle_id}-{self.rng.randint(0, made)}")

    def _trip(self, shuttle_id: ShuttleId) -> TripId:
        state = self.world.state
        shuttle = state.shuttles.get(shuttle_id)
        trips = [*state.trips, TripId("nobody")]
        if shuttle is not None and self.rng.random() < 0.6:
            keys = [*shuttle.aboard, *(ride.key for ride in shuttle.row.rides)]
            trips = [TripId(key.split(".")[0]) for key in keys] or trips
        return self.rng.choice(trips)


@pytest.mark.parametrize("seed", range(1, 8))
def test_nothing_that_is_reported_raises_or_spoils_the_books(seed: int) -> None:
    """Judged after every event; an assertion names the event."""
    street = Street("P", "R", "T", driven=False)
    street.rng.seed(seed)
    rubbish = Rubbish(street)
    for _ in range(EVENTS_PER_SEED):
        street.wait(street.rng.choice([0, 1, 5, 30, 90]))
        if street.rng.random() < 0.2:
            street.a_rider()
        else:
            street.submit(rubbish.event())
    street.judge = False
    street.wait(8 * 3600)  # what was given up is forgotten without a stumble
    assert street.replay() == street.decisions
