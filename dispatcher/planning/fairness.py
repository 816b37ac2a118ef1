"""Whose stop is served worse than the others', and how much more it should count.

A stop far from everything is left alone by any dispatcher that only counts riders. Here the
waits that riders are offered are kept by stop; one whose mean is worse than a stated multiple of
the median stop's counts for more when idle shuttles are placed, until it no longer is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

_KEEP_PCT = 95  # of what is known of a stop, with each request from it: about the last twenty
_UNIT = 1 << 10  # one request
_FEW = 3  # requests, each as the median stop's, on which a stop is trusted before it is known
_MOST_PCT = 400  # a neglected stop counts at most so many times as much


@dataclass(slots=True)
class WaitBook:
    """Waits offered at each stop, fading with each further one. Whole numbers; bounded."""

    stops: int
    wait_units: list[int] = field(default_factory=list)  # seconds times units
    seen_units: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.seen_units:
            self.wait_units, self.seen_units = [0] * self.stops, [0] * self.stops

    def note(self, stop: int, wait_s: int) -> None:
        """A request at this stop is to wait so long; one refused, as long as anybody may."""
        self.wait_units[stop] = self.wait_units[stop] * _KEEP_PCT // 100 + wait_s * _UNIT
        self.seen_units[stop] = self.seen_units[stop] * _KEEP_PCT // 100 + _UNIT

    def median_s(self) -> int:
        """Of the stops where anybody asked, the middle one's mean wait; 0 while there is none."""
        means = sorted(
            units // seen
            for units, seen in zip(self.wait_units, self.seen_units, strict=True)
            if seen
        )
        return means[len(means) // 2] if means else 0

    def ratios_pct(self) -> tuple[int, ...]:
        """Each stop's mean wait in percent of the median stop's; 100 where nothing is known."""
        median_s = max(1, self.median_s())
        prior = _FEW * _UNIT
        return tuple(
            100 * (units + prior * median_s) // ((seen + prior) * median_s)
            for units, seen in zip(self.wait_units, self.seen_units, strict=True)
        )


def fair_demand(
    demand_milli: Sequence[int], ratios_pct: Sequence[int], multiple_pct: int
) -> tuple[int, ...]:
    """Demand with neglected stops counted for more.

    A stop whose wait is worse than the multiple counts as at least the mean stop, and more the
    worse it is. ``multiple_pct`` of 0 leaves everything as it is.
    """
    if multiple_pct == 0 or not demand_milli:
        return tuple(demand_milli)
    usual = sum(demand_milli) // len(demand_milli)
    return tuple(
        milli
        if ratio <= multiple_pct
        else max(milli, usual) * min(_MOST_PCT, 100 * ratio // multiple_pct) // 100
        for milli, ratio in zip(demand_milli, ratios_pct, strict=True)
    )
