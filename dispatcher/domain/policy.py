"""What a zone wants from its plans: the prices of seconds and the length of dwells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Objective:
    """Prices in milli-cost per second, whole numbers so that sums are exact everywhere.

    A rider's seconds count once per person of the party. ``waiting`` may not be cheaper than
    ``riding``: then later begins never lower a plan's cost, and the as-soon-as-possible schedule
    is also the cheapest one for its order of visits.

    Raises
    ------
    ValueError
        A price is negative, or waiting is cheaper than riding.
    """

    driving: int = 500
    waiting: int = 1500
    riding: int = 1000
    walking: int = 2000

    def __post_init__(self) -> None:
        if min(self.driving, self.waiting, self.riding, self.walking) < 0:
            raise ValueError("prices may not be negative")
        if self.waiting < self.riding:
            raise ValueError("waiting may not be cheaper than riding")


@dataclass(frozen=True, slots=True)
class DwellRule:
    """How long a shuttle stands at a visit, in seconds."""

    stop_dwell_s: int = 20
    ramp_dwell_s: int = 40  # added when a wheelchair boards or alights

    def dwell_s(self, wheelchairs: int) -> int:
        """Dwell needed by a party with this many wheelchairs; a shared visit takes the longest."""
        return self.stop_dwell_s + (self.ramp_dwell_s if wheelchairs > 0 else 0)
