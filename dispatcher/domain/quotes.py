"""What is quoted beside a promise: by when things have happened, and how surely."""

from dataclasses import dataclass
from typing import Final

LEVELS_PCT: Final = (50, 80, 90, 95, 99)
"""How surely, in percent. A quoted time of level 90 is right for nine riders in ten."""


@dataclass(frozen=True, slots=True)
class Quote:
    """By when the shuttle is at the stop and the rider has got off, at each of `LEVELS_PCT`.

    A time is UTC seconds and rises with the level; the first is the median. ``pickup_ahead_s``
    and ``dropoff_ahead_s`` say how far ahead the planned times were when this was quoted.
    """

    pickup_by_s: tuple[int, ...]
    dropoff_by_s: tuple[int, ...]
    pickup_ahead_s: int
    dropoff_ahead_s: int


def level_index(level_pct: int) -> int:
    """The place in `LEVELS_PCT` of the first level that is at least as sure; else of the last."""
    for index, pct in enumerate(LEVELS_PCT):
        if pct >= level_pct:
            return index
    return len(LEVELS_PCT) - 1
