"""What will be asked for where: learnt from the requests that came, by place and time of the week.

A slot is a quarter of an hour, say. When one ends, its counts are learnt and the next two are
forecast; what is forecast then stays as it is until the slot is over, so that it can be judged
(`forecast_score`). Everything is whole numbers, follows from the requests alone and stays
bounded: a replay forecasts the same.

Few requests come from one stop in one quarter of an hour, so each level leans on the one above as
far as it has seen little itself (a Gamma prior on a Poisson rate, weighed in days seen):
a slot of this day of the week leans on that slot of any day, that one on how busy it has been
lately; a stop's hour leans on its share of all requests times the zone's forecast.

References
----------
.. [1] Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., 2.6: Poisson rates with a Gamma
   prior, where the prior counts like exposure.
"""

from dataclasses import dataclass, field

from dispatcher.planning.forecast_score import ForecastScore

_UNIT = 1 << 16  # one request, or one slot seen, so that fading in whole numbers stays smooth
_DAY_S = 86_400
_KEEP_DAY_PCT = 90  # of what a slot has learnt, each time it comes again: half in seven days
_KEEP_EVER_PCT = 99  # of a place's share, per slot in which anything was asked
_DAYS_OF_LATELY = 1  # how much the prior of each level counts, in days seen
_DAYS_OF_ANY_DAY = 2
_DAYS_OF_SHARE = 3
_EVEN = 20  # requests spread over all places, before anything is known of them
_STEADY = 8  # requests; the level of today is trusted against so many expected ones
_MOST_UNSEEN = 8  # slots in a row that count as watched although nobody asked
_LEVEL_BOUNDS = (500, 2000)  # per mille; a day is at most so much quieter or busier than known


@dataclass(slots=True)
class PlaceCounts:
    """Requests at each place, for one end of the trip. All lists are by place, in units."""

    now: list[int] = field(default_factory=list)  # in the slot under way, in whole requests
    lately: list[int] = field(default_factory=list)  # fading by a quarter each slot
    ever: list[int] = field(default_factory=list)  # fading slowly: the place's share of all
    # [24][places], fading as days go by
    hourly: list[list[int]] = field(default_factory=list)
    # [slots of a day][places]: the last time it was that time; empty if it never was
    yesterday: list[list[int]] = field(default_factory=list)

    def make_room(self, places: int, slots: int) -> None:
        self.now = [0] * places
        self.lately = [0] * places
        self.ever = [0] * places
        self.hourly = [[0] * places for _ in range(24)]
        self.yesterday = [[] for _ in range(slots)]


@dataclass(slots=True)
class Forecast:
    """Counts and expectations per place; ``starts`` is where riders board, ``goes`` where to.

    Times given are local seconds, UTC plus the zone's offset: people's days follow the clock on
    the wall.
    """

    places: int
    slot_s: int = 900
    keep_lately_pct: int = 75
    prior_milli: int = 25  # expected of a place where nobody has asked yet, per slot
    slot: int = -1  # number of the slot under way, since the epoch; -1: none yet
    starts: PlaceCounts = field(default_factory=PlaceCounts)
    goes: PlaceCounts = field(default_factory=PlaceCounts)
    day_units: list[int] = field(default_factory=list)  # [slots of a day]: in the whole zone
    day_seen: list[int] = field(default_factory=list)
    week_units: list[int] = field(default_factory=list)  # [slots of a week]
    week_seen: list[int] = field(default_factory=list)
    hour_seen: list[int] = field(default_factory=list)  # [24], slots seen in this hour
    lately_seen: int = 0
    lately_expected_milli: int = 0  # what was expected of the whole zone, fading as `lately`
    lately_came_milli: int = 0
    starts_milli: list[list[int]] = field(default_factory=list)  # of this slot and the next
    goes_milli: list[list[int]] = field(default_factory=list)
    score: ForecastScore = field(default_factory=ForecastScore)

    def __post_init__(self) -> None:
        assert self.places > 0
        assert 3600 % self.slot_s == 0, "slots divide the hour"
        if self.starts_milli:
            return  # read from a snapshot
        slots = _DAY_S // self.slot_s
        self.starts.make_room(self.places, slots)
        self.goes.make_room(self.places, slots)
        self.day_units, self.day_seen = [0] * slots, [0] * slots
        self.week_units, self.week_seen = [0] * 7 * slots, [0] * 7 * slots
        self.hour_seen = [0] * 24
        self.starts_milli = [[self.prior_milli] * self.places for _ in range(2)]
        self.goes_milli = [[self.prior_milli] * self.places for _ in range(2)]

    def count(self, start: int, goal: int, local_s: int) -> None:
        """One more request, from place to place."""
        self.advance(local_s)
        self.starts.now[start] += 1
        self.goes.now[goal] += 1

    def expected_milli(self, local_s: int, for_s: int) -> tuple[int, ...]:
        """Requests expected to start at each place from now on, in thousandths.

        What lies beyond the next slot is expected to go on like it.
        """
        self.advance(local_s)
        left_s = min((self.slot + 1) * self.slot_s - local_s, for_s)
        rest_s = for_s - left_s
        this, following = self.starts_milli
        return tuple(
            (a * left_s + b * rest_s) // self.slot_s for a, b in zip(this, following, strict=True)
        )

    def advance(self, local_s: int) -> None:
        """Learn the slots that are over. A clock set back changes nothing until it catches up."""
        slot = local_s // self.slot_s
        if self.slot < 0:
            self.slot = slot
        ended = slot - self.slot
        if 0 < ended <= _MOST_UNSEEN:
            for _ in range(ended):
                self._end_slot()
        elif ended > 0:
            # Nobody looked for so long: the service was off, and its silence teaches nothing.
            self._end_slot()
            self.slot = slot
            self._foresee()

    def zone_milli(self, slot: int) -> int:
        """Requests expected in the whole zone in a slot, before today's level, in thousandths."""
        t, w = slot % len(self.day_units), slot % len(self.week_units)
        lately = 1000 * sum(self.starts.lately) // max(self.lately_seen, _UNIT // 4)
        lately = max(lately, self.prior_milli * self.places)
        any_day = _leaning(self.day_units[t], self.day_seen[t], lately, _DAYS_OF_LATELY)
        return _leaning(self.week_units[w], self.week_seen[w], any_day, _DAYS_OF_ANY_DAY)

    def _end_slot(self) -> None:
        self._judge()
        came = sum(self.starts.now)
        t, w = self.slot % len(self.day_units), self.slot % len(self.week_units)
        hour = self.slot * self.slot_s // 3600 % 24
        per_hour = 3600 // self.slot_s
        for units, seen, i in (
            (self.day_units, self.day_seen, t),
            (self.week_units, self.week_seen, w),
        ):
            units[i] = units[i] * _KEEP_DAY_PCT // 100 + came * _UNIT
            seen[i] = seen[i] * _KEEP_DAY_PCT // 100 + _UNIT
        first_of_hour = self.slot % per_hour == 0
        if first_of_hour:
            self.hour_seen[hour] = self.hour_seen[hour] * _KEEP_DAY_PCT // 100
        self.hour_seen[hour] += _UNIT
        keep = self.keep_lately_pct
        self.lately_seen = self.lately_seen * keep // 100 + _UNIT
        expected = sum(self.starts_milli[0])
        self.lately_expected_milli = self.lately_expected_milli * keep // 100 + expected
        self.lately_came_milli = self.lately_came_milli * keep // 100 + 1000 * came
        for counts in (self.starts, self.goes):
            hourly = counts.hourly[hour]
            for p, n in enumerate(counts.now):
                counts.lately[p] = counts.lately[p] * keep // 100 + n * _UNIT
                if came:
                    counts.ever[p] = counts.ever[p] * _KEEP_EVER_PCT // 100 + n * _UNIT
                if first_of_hour:
                    hourly[p] = hourly[p] * _KEEP_DAY_PCT // 100
                hourly[p] += n * _UNIT
            counts.yesterday[t] = counts.now
            counts.now = [0] * self.places
        self.slot += 1
        self._foresee()

    def _judge(self) -> None:
        """Hold the forecast of the slot that ends against what came, and beside a naive one."""
        came = self.starts.now
        if sum(came) == 0 and sum(self.starts_milli[0]) < 1000:
            return  # at night anybody can foresee that nobody comes
        before = self.starts.yesterday[self.slot % len(self.day_units)]
        if before:
            naive = [1000 * n for n in before]
        else:  # nothing is known of this time of day: the mean of what came lately
            seen = max(self.lately_seen, _UNIT)
            naive = [1000 * units // seen for units in self.starts.lately]
        self.score.add(self.starts_milli[0], naive, came)

    def _foresee(self) -> None:
        came = self.lately_came_milli + 1000 * _STEADY
        expected = self.lately_expected_milli + 1000 * _STEADY
        low, high = _LEVEL_BOUNDS
        level = min(max(1000 * came // expected, low), high)
        for counts, forecast in ((self.starts, self.starts_milli), (self.goes, self.goes_milli)):
            # A few requests spread evenly, so that no stop is ever out of sight.
            even = _EVEN * _UNIT // self.places + 1
            shares = [a + b + even for a, b in zip(counts.ever, counts.lately, strict=True)]
            for ahead in (0, 1):
                zone = self.zone_milli(self.slot + ahead)
                forecast[ahead] = self._by_place(counts, shares, zone, level, self.slot + ahead)

    def _by_place(
        self, counts: PlaceCounts, shares: list[int], zone: int, level: int, slot: int
    ) -> list[int]:
        """A zone's forecast spread over its places, in thousandths of a request."""
        hour = slot * self.slot_s // 3600 % 24
        seen, all_shares = self.hour_seen[hour], sum(shares)
        weight = _DAYS_OF_SHARE * 3600 // self.slot_s
        rates = [
            _leaning(units, seen, zone * share // all_shares, weight)
            for units, share in zip(counts.hourly[hour], shares, strict=True)
        ]
        total = max(sum(rates), 1)
        return [rate * zone * level // (1000 * total) for rate in rates]


def _leaning(units: int, seen: int, prior_milli: int, prior_slots: int) -> int:
    """A rate per slot, in thousandths, from units in slots seen and a prior worth so many more."""
    return (1000 * units + prior_milli * prior_slots * _UNIT) // (seen + prior_slots * _UNIT)
