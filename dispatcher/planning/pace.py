"""How long drives take against the map's times: by the hour of the day and by what is reported.

A pace is a factor in thousandths, 1000 for the map's own times (see `dispatcher.streets`).
Medians, so that a shuttle that was held up does not slow the whole zone; whole numbers, so that a
replay learns the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dispatcher.domain.pace import HOURS

# The median of n drives strays by 1.25 sigma / sqrt(n), for a sigma of 0.25 and 200 drives 2 %:
# with fewer the pace would follow chance.
_KEPT_AN_HOUR = 240  # drives remembered for each hour of the day
_KEPT_LATELY = 200
_LATELY_S = 1800  # drives longer ago say nothing of now
_PRIOR_DRIVES = 20  # so many weigh what was believed before


@dataclass(slots=True)
class PaceBook:
    """Drives that were reported, as factors of the map's times. Bounded."""

    by_hour_pm: list[list[int]] = field(default_factory=lambda: [[] for _ in range(HOURS)])
    lately: list[tuple[int, int]] = field(default_factory=list)  # (when, factor), oldest first

    def note(self, at_s: int, hour: int, drive_s: int, map_s: int) -> None:
        """A drive of ``map_s`` by the map took ``drive_s`` and ended in this hour of the day."""
        factor_pm = 1000 * drive_s // map_s
        kept = self.by_hour_pm[hour]
        kept.append(factor_pm)
        del kept[:-_KEPT_AN_HOUR]
        self.lately.append((at_s, factor_pm))
        del self.lately[:-_KEPT_LATELY]

    def hour_pm(self, hour: int, profile_pm: int) -> int:
        """What to expect in an hour of the day, before anything is known of this one."""
        return _median([*self.by_hour_pm[hour], *[profile_pm] * _PRIOR_DRIVES])

    def now_pm(self, at_s: int, hour: int, profile_pm: int) -> int:
        """What to expect now: the last half hour's drives, and the hour's habit while few."""
        habit_pm = self.hour_pm(hour, profile_pm)
        lately = [factor for when_s, factor in self.lately if when_s > at_s - _LATELY_S]
        return _median([*lately, *[habit_pm] * _PRIOR_DRIVES])


def _median(values: Iterable[int]) -> int:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
