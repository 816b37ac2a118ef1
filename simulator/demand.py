"""Riders drawn from a seed: who wants to go where, when, and how they will behave.

Nothing is known about the demand of a district that is still being built, so the shares below
are choices, stated here and nowhere else. The mean party follows the riders per call that
Korean on-demand buses report: 1.16 in Eunpyeong, 1.155 nationwide (see geodata).

Every rider has a random stream of their own, made from the seed and their number: the same
rider is the same whatever others do.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import accumulate, count
from zoneinfo import ZoneInfo

from dispatcher.domain.ids import RequestId, RiderId
from dispatcher.domain.trips import Party, Place, TimeWish
from dispatcher.domain.zone import Point, StopKind, Zone
from dispatcher.streets import LocalFrame
from dispatcher.streets.area import ServiceArea
from dispatcher.streets.frame import great_circle_m

# Share of a day's requests by local hour, per mille: a sharp morning peak, a broad evening one,
# and hardly anybody at night, when there is no service and the answer is a refusal.
HOURLY_SHARE = (
    *(1, 1, 0, 0, 1, 2),  # 0 to 6
    *(20, 75, 110, 65, 45, 42),  # 6 to 12
    *(50, 48, 44, 48, 60, 85),  # 12 to 18
    *(105, 78, 48, 34, 25, 13),  # 18 to 24
)


@dataclass(frozen=True, slots=True)
class DemandShares:
    """How likely things are, each from 0 to 1. Seconds and metres are what they say."""

    interchange: float = 0.35  # begins or ends where the BRT does
    to_interchange_morning: float = 0.75  # of those before noon; as many come from it later
    parties: tuple[float, ...] = (0.88, 0.09, 0.02, 0.01)  # of 1, 2, 3, 4: 1.16 on average
    wheelchair: float = 0.02  # one of the party
    depart_at: float = 0.10
    arrive_by: float = 0.05
    asks_first: float = 0.70  # wants to see the offer before accepting
    alternatives: float = 0.20  # of those: would like to choose
    declines: float = 0.03
    cancels: float = 0.03
    no_show: float = 0.02
    flexible: float = 0.30  # would rather travel at another time than not at all
    flexible_s: tuple[int, ...] = (300, 600, 900, 1800)  # by so much
    ahead_s: tuple[int, int] = (1800, 3 * 3600)  # how far ahead trips are pre-booked
    shortest_trip_m: float = 450.0  # in a straight line; below that people walk
    walk_limits_m: tuple[int, ...] = (300, 400, 400, 600)
    walk_speed_mps: tuple[float, float] = (1.2, 1.6)  # nobody slower than the planner assumes


class Behaviour(StrEnum):
    """What becomes of the wish, as far as the rider decides it."""

    RIDES = "rides"
    DECLINES = "declines"
    CANCELS = "cancels"
    STAYS_AWAY = "stays_away"  # accepts, never comes


@dataclass(frozen=True, slots=True)
class Wisher:
    """One rider with one trip in mind."""

    rider_id: RiderId
    request_id: RequestId
    ask_s: float  # when they ask, UTC seconds
    origin: Place
    destination: Place
    wish: TimeWish
    wish_s: int  # departure or arrival wanted; the time of asking for NOW
    party: Party
    walk_limit_m: int
    asks_first: bool
    alternatives: int
    behaviour: Behaviour
    think_s: float  # to answer an offer
    walk_speed_mps: float
    patience_s: float  # beyond the promised window, then they give up
    changes_mind: float  # how far through the wait a cancelling rider cancels, 0 to 1
    flexible_s: int = 0  # the time may be missed by so much


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """A zone's riders, endlessly at a steady rate or a number of them over one day."""

    zone: Zone
    seed: int
    riders_per_hour: float | None
    requests_per_day: int | None
    shares: DemandShares = field(default_factory=DemandShares)
    name: str = "r"  # riders are numbered after it; two crowds on one broker need two names
    _doors: "_Doors" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_doors", _Doors(self.zone))

    @classmethod
    def of(
        cls,
        zone: Zone,
        seed: int,
        *,
        riders_per_hour: float | None = None,
        requests_per_day: int | None = None,
        shares: DemandShares | None = None,
        name: str = "r",
    ) -> "Demand":
        """Riders at a steady rate (a Poisson stream), or so many in one day by its profile.

        Raises
        ------
        ValueError
            Neither or both given, or a rate that is not above zero.
        """
        if (riders_per_hour is None) == (requests_per_day is None):
            raise ValueError("give riders_per_hour or requests_per_day")
        if riders_per_hour is not None and not 0.0 < riders_per_hour < math.inf:
            raise ValueError("riders_per_hour must be above zero")
        if requests_per_day is not None and requests_per_day < 0:
            raise ValueError("requests_per_day must not be negative")
        return cls(zone, seed, riders_per_hour, requests_per_day, shares or DemandShares(), name)

    def is_own(self, rider_id: RiderId) -> bool:
        """A rider of this demand's, by the name."""
        return rider_id.startswith(self.name) and rider_id[len(self.name) :].isdecimal()

    def riders(self, start_s: float) -> Iterator[Wisher]:
        """Riders in the order in which they ask.

        At a rate, the first asks at ``start_s`` and they never end. Of a day, they ask between
        the local midnights around ``start_s``; those before it are left out.
        """
        for number, ask_s in enumerate(self._asking_times(start_s), start=1):
            if ask_s >= start_s:
                yield self._draw(number, ask_s)

    def _asking_times(self, start_s: float) -> Iterator[float]:
        if self.riders_per_hour is not None:
            return self._steady_times(start_s, self.riders_per_hour / 3600.0)
        assert self.requests_per_day is not None
        return iter(self._day_times(start_s, self.requests_per_day))

    def _steady_times(self, start_s: float, rate: float) -> Iterator[float]:
        rng = random.Random(f"{self.seed}/times")
        moment = start_s
        for _ in count():
            yield moment
            moment += rng.expovariate(rate)

    def _day_times(self, start_s: float, requests: int) -> list[float]:
        rng = random.Random(f"{self.seed}/times")
        local = ZoneInfo(self.zone.timezone)
        day = datetime.fromtimestamp(start_s, UTC).astimezone(local).date()
        midnight = datetime.combine(day, datetime.min.time())
        times = []
        for _ in range(requests):
            hour = rng.choices(range(24), weights=HOURLY_SHARE)[0]
            wall = midnight + timedelta(hours=hour, seconds=rng.uniform(0.0, 3600.0))
            times.append(wall.replace(tzinfo=local).timestamp())
        return sorted(times)

    def _draw(self, number: int, ask_s: float) -> Wisher:
        rng = random.Random(f"{self.seed}/{number}")
        shares = self.shares
        origin, destination = self._ends(rng, ask_s)
        wish, wish_s = self._wish(rng, ask_s)
        asks_first = rng.random() < shares.asks_first
        wants_choice = asks_first and rng.random() < shares.alternatives
        behaviour = self._behaviour(rng, asks_first)
        return Wisher(
            rider_id=RiderId(f"{self.name}{number}"),
            request_id=RequestId(f"{self.name}{number}-1"),
            ask_s=ask_s,
            origin=origin,
            destination=destination,
            wish=wish,
            wish_s=wish_s,
            party=self._party(rng),
            walk_limit_m=rng.choice(shares.walk_limits_m),
            asks_first=asks_first,
            alternatives=rng.choice((2, 3)) if wants_choice else 1,
            behaviour=behaviour,
            think_s=rng.uniform(2.0, 12.0),
            walk_speed_mps=rng.uniform(*shares.walk_speed_mps),
            patience_s=rng.uniform(600.0, 1800.0),
            changes_mind=rng.random(),
            # Drawn last, so that everything else about a rider is as it was without it.
            flexible_s=_flexibility_s(rng, shares),
        )

    def _ends(self, rng: random.Random, ask_s: float) -> tuple[Place, Place]:
        """Door to door, or between a door and an interchange; never a mere walk."""
        interchanges = [s for s in self.zone.stops if s.kind is StopKind.INTERCHANGE]
        # In a zone that is hardly larger than a walk, people ride shorter ways too.
        shortest_m = min(self.shares.shortest_trip_m, 0.3 * self._doors.span_m)
        while True:
            door = self._doors.draw(rng)
            if interchanges and rng.random() < self.shares.interchange:
                interchange = rng.choice(interchanges)
                far_m = great_circle_m(door, interchange.point)
                ends: tuple[Place, Place] = (door, interchange.id)
                if not self._to_interchange(rng, ask_s):
                    ends = (interchange.id, door)
            else:
                other = self._doors.draw(rng)
                far_m = great_circle_m(door, other)
                ends = (door, other)
            if far_m >= shortest_m:
                return ends

    def _to_interchange(self, rng: random.Random, ask_s: float) -> bool:
        local = datetime.fromtimestamp(ask_s, UTC).astimezone(ZoneInfo(self.zone.timezone))
        share = self.shares.to_interchange_morning
        return rng.random() < (share if local.hour < 12 else 1.0 - share)

    def _wish(self, rng: random.Random, ask_s: float) -> tuple[TimeWish, int]:
        drawn = rng.random()
        ahead_s = rng.uniform(*self.shares.ahead_s)
        if drawn < self.shares.depart_at:
            return TimeWish.DEPART_AT, _to_five_minutes(ask_s + ahead_s)
        if drawn < self.shares.depart_at + self.shares.arrive_by:
            return TimeWish.ARRIVE_BY, _to_five_minutes(ask_s + ahead_s)
        return TimeWish.NOW, int(ask_s)

    def _behaviour(self, rng: random.Random, asks_first: bool) -> Behaviour:
        shares = self.shares
        choices = (Behaviour.DECLINES, Behaviour.CANCELS, Behaviour.STAYS_AWAY)
        # Only those who are asked can decline, so that it is `declines` of all riders.
        declines = shares.declines / shares.asks_first if asks_first else 0.0
        limits = accumulate((declines, shares.cancels, shares.no_show))
        return _first_below(rng.random(), choices, list(limits)) or Behaviour.RIDES

    def _party(self, rng: random.Random) -> Party:
        sizes = range(1, 1 + len(self.shares.parties))
        size = rng.choices(sizes, weights=self.shares.parties)[0]
        if rng.random() < self.shares.wheelchair:
            return Party(seats=size - 1, wheelchairs=1)
        return Party(seats=size)


class _Doors:
    """Places where trips may begin or end: anywhere inside the boundary, alike."""

    def __init__(self, zone: Zone) -> None:
        self._frame = LocalFrame(zone.origin)
        self._area = ServiceArea.of(zone.boundary, self._frame)
        corners = [self._frame.to_metres(point) for point in zone.boundary]
        self._x_m = min(x for x, _ in corners), max(x for x, _ in corners)
        self._y_m = min(y for _, y in corners), max(y for _, y in corners)
        self.span_m = math.hypot(self._x_m[1] - self._x_m[0], self._y_m[1] - self._y_m[0])

    def draw(self, rng: random.Random) -> Point:
        """A place inside the boundary, rounded as a device would send it."""
        while True:
            point = self._frame.to_point(rng.uniform(*self._x_m), rng.uniform(*self._y_m))
            point = Point(round(point.lat, 6), round(point.lon, 6))
            if self._area.contains(point):
                return point


def _flexibility_s(rng: random.Random, shares: DemandShares) -> int:
    return rng.choice(shares.flexible_s) if rng.random() < shares.flexible else 0


def _to_five_minutes(at_s: float) -> int:
    return math.ceil(at_s / 300.0) * 300


def _first_below(
    drawn: float, choices: Sequence[Behaviour], limits: Sequence[float]
) -> Behaviour | None:
    for choice, limit in zip(choices, limits, strict=True):
        if drawn < limit:
            return choice
    return None
