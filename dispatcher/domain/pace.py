"""How a zone's driving times follow the hour of the day and what its shuttles report."""

from dataclasses import dataclass
from typing import Final

HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class PaceRule:
    """Paces are factors of the map's driving times in thousandths.

    Raises
    ------
    ValueError
        The profile has neither no hour nor all of them, or a pace that is not above zero.
    """

    by_hour_pm: tuple[int, ...] = ()  # local hours from midnight; empty: 1000 all day
    learning: int = 1  # 1: shuttles' reports change the pace; 0: only the profile does
    least_pm: int = 700  # no report makes drives shorter than this ...
    most_pm: int = 2000  # ... or longer than this
    step_pm: int = 30  # the pace in force changes only by this much or more
    ahead_s: int = 1800  # it is the slowest that is expected from now to so far ahead
    every_s: int = 300  # and is thought over so often

    def __post_init__(self) -> None:
        if len(self.by_hour_pm) not in (0, HOURS):
            raise ValueError("pace.by_hour_pm has one pace for each of the 24 hours, or none")
        if min(*self.by_hour_pm, self.least_pm, self.step_pm, self.every_s) <= 0:
            raise ValueError("paces, their step and their time must be above zero")
        if self.least_pm > self.most_pm:
            raise ValueError("pace.least_pm may not exceed pace.most_pm")

    def profile_pm(self, hour: int) -> int:
        """What is expected of an hour of the day before anything is learnt."""
        return self.by_hour_pm[hour] if self.by_hour_pm else 1000
