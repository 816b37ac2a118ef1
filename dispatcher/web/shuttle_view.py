"""Shuttles and their plans as operators see them, in degrees and times of day."""

import json
import math
from datetime import datetime
from itertools import groupby

from pydantic import Field

from dispatcher.domain.ids import ShuttleId, StopId, TripId
from dispatcher.domain.plans import PlannedVisit
from dispatcher.domain.shuttles import DriveMode, FaultLevel, ShuttleStatus
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.riders.status import Document, PartyPlaces, instant
from dispatcher.shuttle_status import shuttle_status
from dispatcher.streets.frame import LocalFrame
from vehicles.exchange import Latest


class PlaceView(Document):
    """Where a shuttle is, WGS84."""

    lat: float
    lon: float
    heading_deg: float | None = Field(
        default=None, description="Clockwise from north, where the shuttle says it."
    )
    driving: bool | None = None


class ShuttlePlaceView(Document):
    """Where a rider's shuttle is, and nothing else about it."""

    shuttle: str
    place: PlaceView
    stops_before: int | None = Field(
        default=None, description="Calls at other stops before the rider boards, or gets off."
    )


class FaultView(Document):
    kind: str
    level: FaultLevel
    text: str


class VisitView(Document):
    """One call at a stop."""

    id: str
    stop: str
    arrive: datetime
    begin: datetime
    depart: datetime
    boards: tuple[str, ...] = Field(description="Trips.")
    alights: tuple[str, ...] = Field(description="Trips.")
    released: bool = Field(description="Sent for good: it is never changed again.")
    arrived: datetime | None = Field(default=None, description="When the shuttle came there.")
    charge_to_pct: int | None = None


class PlanView(Document):
    """What a shuttle is to do, from the visit it is at or on its way to."""

    shuttle: str
    order: str
    revision: int
    confirmed_revision: int = Field(description="The last one that the shuttle has shown to have.")
    made: datetime | None = None
    visits: tuple[VisitView, ...] = ()


class ShuttleView(Document):
    id: str
    status: ShuttleStatus
    mode: DriveMode
    place: PlaceView
    last_heard: datetime
    battery_pct: float
    charging: bool
    held: bool
    withdrawn: bool
    silent: bool
    capacity: PartyPlaces
    aboard: PartyPlaces
    trips_aboard: tuple[str, ...]
    next_stop: str | None = None
    next_arrival: datetime | None = None
    faults: tuple[FaultView, ...] = ()
    plan: PlanView


class FleetView:
    """Writes views of one zone's shuttles."""

    def __init__(self, frame: LocalFrame) -> None:
        self._frame = frame

    def shuttle(self, state: ServiceState, shuttle: Shuttle, latest: Latest | None) -> ShuttleView:
        parties = [state.bookings[b].promise.party for b in shuttle.aboard]
        released = shuttle.released
        return ShuttleView(
            id=shuttle.id,
            status=shuttle_status(shuttle),
            mode=shuttle.mode,
            place=self.place(shuttle, latest),
            last_heard=instant(int(_heard_s(shuttle, latest))),
            battery_pct=round(shuttle.battery_pct, 1),
            charging=shuttle.charging,
            held=shuttle.held,
            withdrawn=shuttle.withdrawn,
            silent=shuttle.silent,
            capacity=PartyPlaces(
                seats=shuttle.capacity.seats, wheelchairs=shuttle.capacity.wheelchairs
            ),
            aboard=PartyPlaces(
                seats=sum(party.seats for party in parties),
                wheelchairs=sum(party.wheelchairs for party in parties),
            ),
            trips_aboard=tuple(state.bookings[b].trip_id for b in shuttle.aboard),
            next_stop=None if released is None else released.visit.stop_id,
            next_arrival=(
                None
                if released is None
                else instant(released.eta_s if released.arrived_s is None else released.arrived_s)
            ),
            faults=tuple(
                FaultView(kind=fault.kind, level=fault.level, text=fault.text)
                for fault in shuttle.faults
            ),
            plan=plan_view(shuttle),
        )

    def place_row(self, shuttle: Shuttle, latest: Latest | None) -> bytes:
        """What changes all the time, as a JSON array.

        Id, latitude, longitude, heading, driving, last heard, battery and next arrival, as in
        `ShuttleView`; times are UTC seconds.
        """
        place, released = self.place(shuttle, latest), shuttle.released
        arrival_s = None
        if released is not None:
            arrival_s = released.eta_s if released.arrived_s is None else released.arrived_s
        return json.dumps(
            [
                shuttle.id,
                place.lat,
                place.lon,
                place.heading_deg,
                place.driving,
                # Exactly, so that how old it is when it is shown can be measured.
                round(_heard_s(shuttle, latest), 2),
                round(shuttle.battery_pct, 1),
                arrival_s,
            ],
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()

    def place(self, shuttle: Shuttle, latest: Latest | None) -> PlaceView:
        if latest is None:
            point = self._frame.to_point(shuttle.x_m, shuttle.y_m)
            return PlaceView(lat=round(point.lat, 6), lon=round(point.lon, 6))
        point = self._frame.to_point(latest.x_m, latest.y_m)
        # The wire's angle turns from east to north; a compass turns from north to east.
        heading = (90.0 - math.degrees(latest.theta)) % 360.0
        return PlaceView(
            lat=round(point.lat, 6),
            lon=round(point.lon, 6),
            heading_deg=round(heading, 1),
            driving=latest.driving,
        )


Standing = tuple[object, ...]


def standing_of(shuttle: Shuttle) -> Standing:
    """All of a shuttle's view that does not change from one report to the next."""
    released = shuttle.released
    return (
        shuttle.published,
        shuttle.order_id,
        shuttle.revision,
        shuttle.confirmed_revision,
        None if released is None else (released.visit.id, released.arrived_s),
        shuttle.mode,
        shuttle.charging,
        shuttle.held,
        shuttle.paused,
        shuttle.withdrawn,
        shuttle.silent,
        shuttle.faults,
        shuttle.capacity,
        tuple(shuttle.aboard),
    )


def plan_view(shuttle: Shuttle) -> PlanView:
    """The plan last sent; without visits where there is none."""
    plan = shuttle.published
    return PlanView(
        shuttle=shuttle.id,
        order=shuttle.order_id,
        revision=shuttle.revision,
        confirmed_revision=shuttle.confirmed_revision,
        made=None if plan is None else instant(plan.made_s),
        visits=()
        if plan is None
        else tuple(
            _visit(shuttle, visit, number < plan.released)
            for number, visit in enumerate(plan.visits)
        ),
    )


def stops_before(shuttle: Shuttle, trip_id: TripId, *, aboard: bool) -> int | None:
    """Stops at which the shuttle still calls before the trip's rider boards, or, aboard, gets off.

    None: not planned. Where it stands just now counts until it leaves.
    """
    plan = shuttle.published
    if plan is None:
        return None
    stops: list[StopId] = []
    for visit in plan.visits:
        tasks = visit.alights if aboard else visit.boards
        if any(task.trip_id == trip_id for task in tasks):
            # Two calls one after the other at one stop are one to who waits.
            return len([stop for stop, _ in groupby(stops) if stop != visit.stop_id])
        stops.append(visit.stop_id)
    return None


def named_shuttle(state: ServiceState, shuttle_id: str) -> Shuttle | None:
    return state.shuttles.get(ShuttleId(shuttle_id))


def _heard_s(shuttle: Shuttle, latest: Latest | None) -> float:
    return max(shuttle.last_heard_s, 0 if latest is None else latest.heard_s)


def _visit(shuttle: Shuttle, visit: PlannedVisit, released: bool) -> VisitView:
    at = shuttle.released
    here = at is not None and at.visit.id == visit.id
    arrived_s = at.arrived_s if at is not None and here else None
    return VisitView(
        id=visit.id,
        stop=visit.stop_id,
        arrive=instant(visit.arrive_s),
        begin=instant(visit.begin_s),
        depart=instant(visit.depart_s),
        boards=tuple(task.trip_id for task in visit.boards),
        alights=tuple(task.trip_id for task in visit.alights),
        released=released,
        arrived=None if arrived_s is None else instant(arrived_s),
        charge_to_pct=visit.charge_to_pct,
    )
