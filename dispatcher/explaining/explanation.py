"""What an explanation says: every value that went into a decision, ready to be shown.

Times are whole UTC seconds, costs milli-cost (thousandths of a point) as in the zone's objective.
Nothing here is estimated afterwards: it is what the engine had before it when it decided.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.ids import BookingId, ShuttleId, StopId, TripId
from dispatcher.domain.trips import Offer, Promise, Refusal, RideRequest, TripState
from dispatcher.engine.state import Hold
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.availability import Unavailability
from dispatcher.explaining.happenings import Happening
from dispatcher.planning.request import Binding


class ExplanationError(Exception):
    """No explanation that could be vouched for."""


class UnknownTripError(ExplanationError):
    """The journal knows no such trip or request, or more than one."""


class DisagreementError(ExplanationError):
    """What was worked out again is not what was decided. Never to be shown as the reason."""


@dataclass(frozen=True, slots=True)
class BoardingStop:
    """A stop where the party could board: the walk there, and when boarding may begin."""

    stop_id: StopId
    name: str
    walk_s: int
    earliest_s: int
    latest_s: int | None  # None: no limit


@dataclass(frozen=True, slots=True)
class AlightingStop:
    """A stop where the party could get off, and the walk from there."""

    stop_id: StopId
    name: str
    walk_s: int
    latest_s: int | None


@dataclass(frozen=True, slots=True)
class TermCost:
    """One term of the objective.

    Seconds count once per person, except for driving. ``own_s`` are the trip's own (all of the
    driving), ``others_s`` what it adds to everybody else in the shuttle.
    """

    term: str
    own_s: int
    others_s: int
    price_milli_per_s: int
    cost_milli: int


@dataclass(frozen=True, slots=True)
class Price:
    """A cost, term by term."""

    terms: tuple[TermCost, ...]
    total_milli: int


@dataclass(frozen=True, slots=True)
class Delay:
    """How much later another trip is planned for this one's sake; None: already picked up."""

    trip_id: TripId
    pickup_s: int | None
    dropoff_s: int


@dataclass(frozen=True, slots=True)
class Placement:
    """The best that one shuttle could do."""

    pickup_stop: StopId
    pickup_name: str
    dropoff_stop: StopId
    dropoff_name: str
    walk_to_s: int
    walk_from_s: int
    pickup_s: int  # planned begin of boarding
    dropoff_s: int  # planned begin of alighting
    calls_before: int  # planned calls of the shuttle before the pickup
    calls_between: int  # and between pickup and drop-off
    shares_pickup: bool  # boards at a call that was planned anyway
    shares_dropoff: bool
    price: Price
    delays: tuple[Delay, ...]


class Verdict(StrEnum):
    """What became of one shuttle in a search."""

    CHOSEN = "chosen"
    TIED = "tied"  # as cheap, but later in the order of the fleet
    DEARER = "dearer"
    IMPOSSIBLE = "impossible"  # asked, but a limit stood in the way
    UNAVAILABLE = "unavailable"  # takes no new riders
    LEFT_OUT = "left_out"  # the one that the riders are to leave
    CROWDED = "crowded"  # cheaper, but a stop has no berth when it would be there


@dataclass(frozen=True, slots=True)
class ShuttleAnswer:
    """One shuttle in a search: its best placement, or what stood in the way."""

    shuttle_id: ShuttleId
    verdict: Verdict
    placement: Placement | None = None
    over_best_milli: int | None = None  # dearer than the chosen one by so much
    binding: Binding | None = None
    nearest_pickup_s: int | None = None  # with any wait allowed
    nearest_ride_s: int | None = None  # with any ride allowed
    unavailable: tuple[str, ...] = ()  # why, in words
    reasons: tuple[Unavailability, ...] = ()  # the same, by name


@dataclass(frozen=True, slots=True)
class Search:
    """One question to the planner and every shuttle's answer, the chosen one first."""

    purpose: Purpose
    at_s: int
    desired_s: int  # waiting is priced from here
    seats: int
    wheelchairs: int
    pickups: tuple[BoardingStop, ...]
    dropoffs: tuple[AlightingStop, ...]
    longest_ride_s: int  # the largest limit over all pairs of stops
    answers: tuple[ShuttleAnswer, ...]
    chosen: ShuttleId | None
    binding: Binding | None = None  # of the whole fleet, where nobody could
    nearest_pickup_s: int | None = None
    nearest_ride_s: int | None = None
    # Where the chosen one has to wait for a berth: the times that were planned instead.
    at_berths_pickup_s: int | None = None
    at_berths_dropoff_s: int | None = None

    def answer_of(self, shuttle_id: ShuttleId) -> ShuttleAnswer:
        """KeyError if the fleet had no such shuttle."""
        for answer in self.answers:
            if answer.shuttle_id == shuttle_id:
                return answer
        raise KeyError(shuttle_id)


@dataclass(frozen=True, slots=True)
class Move:
    """A trip that an improvement gives to another shuttle."""

    trip_id: TripId
    old_shuttle: ShuttleId
    new_shuttle: ShuttleId


@dataclass(frozen=True, slots=True)
class Improvement:
    """Routes replaced by cheaper ones: what all of them together cost before and after."""

    shuttles: tuple[ShuttleId, ...]
    before: Price
    after: Price
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class TripView:
    """A trip as it stood between two events. Planned times are the plan's, not those told."""

    state: TripState
    shuttle_id: ShuttleId | None
    booking_id: BookingId | None
    promise: Promise | None
    pickup_s: int | None
    dropoff_s: int | None
    hold: Hold | None
    waits_for: ShuttleId | None  # the shuttle that has yet to let the riders go


@dataclass(frozen=True, slots=True)
class Step:
    """One event that changed the trip, or that it was decided again at."""

    position: int  # in the journal
    at_s: int
    event: str  # the event's kind
    cause: str  # what happened, in a sentence
    happened: Happening  # the same, by name
    before: TripView | None  # None: the trip did not exist yet
    after: TripView
    told: bool  # the rider was sent a new status
    told_text: str | None = None  # and this sentence with it
    alerts: tuple[str, ...] = ()
    searches: tuple[Search, ...] = ()
    improvement: Improvement | None = None
    command: CommandOutcome | None = None  # of an operator, and what came of it


@dataclass(frozen=True, slots=True)
class Checked:
    """How far the replay's decisions were compared with the recorded ones.

    The journal carries, with each batch of events, a digest of all decisions before it; what
    comes after ``compared_to`` has no later record that could confirm it.
    """

    replayed_to: int
    compared_to: int
    replayed_from: int = 1


@dataclass(frozen=True, slots=True)
class Explanation:
    """A trip's story from its request on, each decision with all that was weighed."""

    zone_id: str
    timezone: str
    request: RideRequest
    offers: tuple[Offer, ...]  # as first made
    refusal: Refusal | None
    steps: tuple[Step, ...]  # the first one is the request
    checked: Checked
    stop_names: dict[StopId, str] = field(default_factory=dict)  # of the whole zone

    @property
    def trip_id(self) -> TripId:
        return self.request.trip_id

    @property
    def state(self) -> TripState:
        """As far as the journal goes."""
        return self.steps[-1].after.state

    @property
    def searches(self) -> tuple[Search, ...]:
        """Those that answered the request."""
        return self.steps[0].searches
