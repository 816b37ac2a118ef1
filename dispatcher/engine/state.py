"""The service as the engine remembers it.

Everything here but the derived part follows from the journal and is written into snapshots.
Records are changed in place; iteration is over insertion-ordered dicts only, never over sets,
so that two runs of the same journal walk the same way.
"""

import heapq
from dataclasses import dataclass, field
from enum import StrEnum

from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.energy import ChargeSession, DrainMark, PlugTrouble
from dispatcher.domain.events import EventNumber
from dispatcher.domain.ids import BookingId, EdgeId, ShuttleId, StopId, TripId
from dispatcher.domain.plans import LegPath, PlannedVisit, ShuttlePlan, StartNode
from dispatcher.domain.shuttles import Capacity, DriveMode, Fault
from dispatcher.domain.trips import (
    Breach,
    Offer,
    Promise,
    Refusal,
    RideRequest,
    TripState,
)
from dispatcher.engine.site import Site
from dispatcher.planning.berths import BerthBook, Standing
from dispatcher.planning.calibration import LatenessBook
from dispatcher.planning.fairness import WaitBook
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.forecast import Forecast
from dispatcher.planning.pace import PaceBook
from dispatcher.planning.punctuality import PunctualityBook
from dispatcher.planning.reliability import Reliability
from dispatcher.planning.rows import RowPlan
from dispatcher.planning.schedule import Schedule
from dispatcher.streets import Streets


class Hold(StrEnum):
    """How firmly a booking stands in its shuttle's route."""

    OFFERED = "offered"  # the seat is held while the rider decides; not yet in the plan sent
    MOVING = "moving"  # taken from another shuttle that has not confirmed yet; not yet sent
    FIRM = "firm"


@dataclass(slots=True)
class Booking:
    """One way to serve a trip, standing in one shuttle's route."""

    id: BookingId
    trip_id: TripId
    shuttle_id: ShuttleId
    promise: Promise
    max_ride_s: int
    dwell_s: int
    hold: Hold
    published_revision: int = 0  # the first plan of the shuttle that has it; 0 before
    boarded_s: int | None = None
    # While MOVING: free once the old shuttle confirms this plan, or its plan has run out.
    old_shuttle: ShuttleId | None = None
    old_revision: int = 0
    free_at_s: int | None = None
    # A rescue from this faulted shuttle, in which the riders still sit.
    rescues_from: ShuttleId | None = None
    by_operator: bool = False  # put into this shuttle's route by one; no improvement moves it


@dataclass(slots=True)
class TripRecord:
    """A trip from the request to its one end."""

    request: RideRequest
    state: TripState
    asked_s: int
    revision: int = 0
    offers: tuple[Offer, ...] = ()
    bookings_made: int = 0
    booking_id: BookingId | None = None  # of the accepted offer
    promise: Promise | None = None
    shuttle_id: ShuttleId | None = None
    pickup_expected_s: int | None = None
    dropoff_expected_s: int | None = None
    accepted_s: int | None = None
    came_s: int | None = None  # its shuttle first stood at the pickup stop
    boarded_s: int | None = None
    ended_s: int | None = None
    refusal: Refusal | None = None
    breach: Breach | None = None
    boardings_failed: int = 0  # times that a shuttle came and let nobody in
    without_shuttle_since_s: int | None = None  # accepted, but nobody serves it just now


@dataclass(slots=True)
class ReleasedVisit:
    """The visit a shuttle is sent to, or stands at. Never changed but for its times."""

    visit: PlannedVisit
    stop: int
    path: LegPath
    leg_s: int
    length_m: float
    dwell_s: int
    boards: list[BookingId]  # not yet boarded
    alights: list[BookingId]  # not yet set down
    eta_s: int
    arrived_s: int | None = None
    sent_s: int = 0  # when it was released
    map_s: int = 0  # the leg's time by the map, at no pace; 0 where nothing can be learnt from it


@dataclass(slots=True)
class Shuttle:
    """One shuttle: what it reports, what it was told, and its route."""

    id: ShuttleId
    capacity: Capacity
    x_m: float
    y_m: float
    battery_pct: float
    mode: DriveMode
    last_heard_s: int
    row: RowPlan
    start: StartNode
    anchor: int  # stop where the completed part of its route ends
    order_number: int = 0
    order_id: str = ""
    revision: int = 0
    confirmed_revision: int = 0
    refusals: int = 0  # plans refused in a row
    charging: bool = False
    paused: bool = False
    faults: tuple[Fault, ...] = ()
    held: bool = False
    withdrawn: bool = False
    silent: bool = False
    faulted_since_s: int | None = None
    idle_since_s: int | None = None
    visits_made: int = 0
    route_version: int = 0
    released: ReleasedVisit | None = None
    aboard: list[BookingId] = field(default_factory=list)
    times: Schedule = field(default_factory=lambda: Schedule((), (), ()))
    parking_stop: int | None = None  # where it is being repositioned to
    stationed_at: int | None = None  # where an operator has it stand until there are riders
    crowds: bool = False  # its promises leave it no time to wait for a berth, see `berths`
    room_asked: tuple[Standing, ...] = ()  # for which others were asked to wait, if they can
    published: ShuttlePlan | None = None
    needs_word: bool = False  # boards nobody without a fresh word, see `lapse`
    last_event: EventNumber | None = None  # the last of its own numbers that is in here
    given_up: ShuttlePlan | None = None  # of the order before, which it may drive by still
    reported_aboard: tuple[TripId, ...] = ()
    missing: dict[TripId, int] = field(default_factory=dict)  # see `aboard`
    charge: ChargeSession | None = None  # a plug that is reserved for it, or that it is at
    plug_trouble: PlugTrouble | None = None  # the last one, for as long as it is believed
    short_of_range: bool = False  # its battery did not last for what was planned
    drain_pct: int = 100  # of the rule's powers, as its battery has shown
    drain_mark: DrainMark | None = None
    driven_s: int = 0  # planned seconds of all completed legs


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command that was decided, for when it is given again."""

    ordered: str  # tells apart what commands say
    outcome: CommandOutcome


class TimerKind(StrEnum):
    OFFER_EXPIRES = "offer_expires"
    LEAVE = "leave"
    OVERDUE = "overdue"
    MOVE_FREE = "move_free"
    RESCUE = "rescue"
    REPLAN = "replan"
    PARK = "park"
    CHARGE = "charge"
    FORGET = "forget"
    PACE = "pace"
    MISSING = "missing"
    ORDER = "order"


@dataclass(slots=True)
class Learnt:
    """What was learnt from this zone's journal, bounded in size; see `learning` and `paces`."""

    pickups: LatenessBook = field(default_factory=LatenessBook)
    dropoffs: LatenessBook = field(default_factory=LatenessBook)
    legs: PunctualityBook = field(default_factory=PunctualityBook)
    pace: PaceBook = field(default_factory=PaceBook)
    pickups_kept: Reliability = field(default_factory=Reliability)
    dropoffs_kept: Reliability = field(default_factory=Reliability)
    windows: int = 0  # pickups that had been promised, and of those
    windows_kept: int = 0  # the ones whose shuttle came before the promised window closed
    pace_pm: int = 1000  # in force


@dataclass(slots=True)
class ServiceState:
    """All of one zone's service. See the module's words on what is derived."""

    site: Site
    position: int = 0  # events applied
    now_s: int = 0
    epoch: int = 0
    trips: dict[TripId, TripRecord] = field(default_factory=dict)
    requests: dict[str, TripId] = field(default_factory=dict)  # "rider/request" -> trip
    bookings: dict[BookingId, Booking] = field(default_factory=dict)
    moving: list[BookingId] = field(default_factory=list)  # those with Hold.MOVING
    shuttles: dict[ShuttleId, Shuttle] = field(default_factory=dict)
    commands: dict[str, CommandRecord] = field(default_factory=dict)  # "operator/command", last
    closed_edges: tuple[EdgeId, ...] = ()
    closed_stops: tuple[StopId, ...] = ()
    timers: list[tuple[int, str, str]] = field(default_factory=list)  # heap: due, kind, subject
    pending: dict[str, int] = field(default_factory=dict)  # "kind subject" -> earliest due
    forecast: Forecast = field(init=False)
    waits: WaitBook = field(init=False)
    rebalanced_s: int = 0  # when idle shuttles were last placed
    deaf_since_s: int | None = None  # no shuttle can be heard; see `hearing`
    deaf_spans: tuple[tuple[int, int], ...] = ()  # earlier such times, from and to
    learnt: Learnt = field(default_factory=Learnt)
    # Derived
    farthest_charge: tuple[Streets, int] | None = None  # see `battery`
    streets: Streets = field(init=False)
    fleet: FleetArrays = field(init=False)
    berths: BerthBook = field(init=False)
    row_of: dict[ShuttleId, int] = field(init=False)
    shuttle_of_row: list[ShuttleId] = field(init=False)

    def wake(self, due_s: int, kind: TimerKind, subject: str) -> None:
        """Ask for a tick at ``due_s``, or earlier if one is asked for already.

        Every timer checks anew what is to be done, so one too early does no harm.
        """
        key = f"{kind} {subject}"
        if self.pending.get(key, due_s + 1) > due_s:
            self.pending[key] = due_s
            heapq.heappush(self.timers, (due_s, kind.value, subject))

    def pop_due(self) -> list[tuple[TimerKind, str]]:
        """The timers that are due now, in order."""
        due = []
        while self.timers and self.timers[0][0] <= self.now_s:
            due_s, kind, subject = heapq.heappop(self.timers)
            if self.pending.get(f"{kind} {subject}") == due_s:
                del self.pending[f"{kind} {subject}"]
                due.append((TimerKind(kind), subject))
        return due
