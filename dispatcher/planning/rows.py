"""A row: the part of one shuttle's route that may still be planned, in readable form.

The row is the truth; the kernels' arrays are derived from it. Stops are indices into the
zone's stops, times whole UTC seconds, loads pairs of (seats, wheelchair places).
"""

from dataclasses import dataclass

Load = tuple[int, int]

FOREVER_S = 1 << 40
"""Later than any time in service; a bound that never binds. Sums of two still fit an int64."""

NO_PATH_S = 10_000_000
"""A travel time this long or longer means that no path is open (streets' UNREACHABLE_S)."""


@dataclass(frozen=True, slots=True)
class RowRide:
    """One party's ride with its promise.

    A ride that no visit of the row boards is already aboard when the row starts, or boards in
    the released part: its places are in ``start_load`` and only ``dropoff_latest_s`` binds.
    """

    key: str
    load: Load
    pickup_earliest_s: int
    pickup_latest_s: int
    dropoff_latest_s: int
    max_ride_s: int  # from the departure at the pickup to the begin at the drop-off
    dwell_s: int  # standing time this party needs at either end

    @property
    def riders(self) -> int:
        """Persons, for whom each second counts; a party is never nobody."""
        return max(1, self.load[0] + self.load[1])


@dataclass(frozen=True, slots=True)
class RowVisit:
    """One planned call at a stop: who boards and who alights, by ride key.

    The bounds given here are the visit's own (an errand such as charging); those of the rides
    are added by `bounds`. A visit with an own dwell stays although nobody boards or alights.
    """

    stop: int
    boards: tuple[str, ...] = ()
    alights: tuple[str, ...] = ()
    earliest_s: int = 0
    latest_s: int = FOREVER_S
    dwell_s: int = 0

    @property
    def is_idle(self) -> bool:
        """Nobody boards or alights and nothing else is to be done."""
        return not self.boards and not self.alights and self.dwell_s == 0


@dataclass(frozen=True, slots=True)
class RowPlan:
    """The row of one shuttle, starting where its released part ends."""

    start_stop: int
    start_s: int  # earliest departure from start_stop
    start_load: Load  # in use when leaving start_stop
    capacity: Load
    available: bool
    visits: tuple[RowVisit, ...]
    rides: tuple[RowRide, ...]
    end_s: int = FOREVER_S  # latest end of the last visit
    drive_limit_s: int = FOREVER_S  # most seconds of driving the row may hold: battery range

    def ride(self, key: str) -> RowRide:
        """The ride with this key; KeyError if the row does not serve it."""
        for ride in self.rides:
            if ride.key == key:
                return ride
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class VisitBounds:
    """What a visit must keep, from its own bounds and those of its rides."""

    stop: int
    earliest_s: int  # bounds on the begin of service
    latest_s: int
    dwell_s: int
    load_change: Load  # boarding minus alighting; alighting happens first


@dataclass(frozen=True, slots=True)
class RideSpan:
    """Where a ride begins and ends among a row's visits, by index."""

    ride: RowRide
    pickup: int  # -1: aboard at the start of the row
    dropoff: int


def bounds(plan: RowPlan) -> tuple[VisitBounds, ...]:
    """The bounds of every visit, in order. KeyError if a visit names an unknown ride."""
    ride_by_key = {ride.key: ride for ride in plan.rides}
    result = []
    # Called for each plan looked at: comparisons are several times as quick as max and min.
    for visit in plan.visits:
        earliest_s, latest_s, dwell_s = visit.earliest_s, visit.latest_s, visit.dwell_s
        seats = places = 0
        for key in visit.boards:
            ride = ride_by_key[key]
            if ride.pickup_earliest_s > earliest_s:
                earliest_s = ride.pickup_earliest_s
            if ride.pickup_latest_s < latest_s:
                latest_s = ride.pickup_latest_s
            if ride.dwell_s > dwell_s:
                dwell_s = ride.dwell_s
            seats += ride.load[0]
            places += ride.load[1]
        for key in visit.alights:
            ride = ride_by_key[key]
            if ride.dropoff_latest_s < latest_s:
                latest_s = ride.dropoff_latest_s
            if ride.dwell_s > dwell_s:
                dwell_s = ride.dwell_s
            seats -= ride.load[0]
            places -= ride.load[1]
        result.append(VisitBounds(visit.stop, earliest_s, latest_s, dwell_s, (seats, places)))
    return tuple(result)


def spans(plan: RowPlan) -> tuple[RideSpan, ...]:
    """Pickup and drop-off visit of every ride. KeyError if a ride is never set down."""
    boards_at = {key: i for i, visit in enumerate(plan.visits) for key in visit.boards}
    alights_at = {key: i for i, visit in enumerate(plan.visits) for key in visit.alights}
    return tuple(
        RideSpan(ride, boards_at.get(ride.key, -1), alights_at[ride.key]) for ride in plan.rides
    )
