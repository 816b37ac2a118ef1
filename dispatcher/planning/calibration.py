"""How late things turn out against what was planned, learnt from what happened.

A plan made now says when a shuttle will be at a stop. It will come a little earlier or later:
drives and dwells vary, and riders who ask later are fitted in before. How much depends mostly on
how far ahead the plan looks, so lateness is kept apart by that.

The quantiles of the last arrivals alone are right only while the world stays as it was. So each
level's aim is moved after every outcome, up after a miss and down after a hit, in the proportion
that balances exactly when the level is kept: over time the share that came by the quoted time is
the level, whatever the world does [1]_. Whole numbers throughout: a replay learns the same.

References
----------
.. [1] Gibbs and Candès (2021), Adaptive conformal inference under distribution shift, NeurIPS 34.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dispatcher.domain.quotes import LEVELS_PCT

AHEAD_EDGES_S: Final = (180, 360, 600, 900, 1500)
"""What is planned less far ahead than the first edge is kept in the first class, and so on."""

KEPT: Final = 300  # arrivals remembered in each class
_TRUSTED = 60  # with so many a class needs its prior no longer

# Until enough is known: twenty equally likely latenesses in percent of a spread that grows with
# the time ahead. A normal law early, twice as wide late, for delays add up and early does not.
_PRIOR_SHAPE_PCT = (
    *(-196, -144, -115, -93, -76, -60, -45, -32, -19, -6),
    *(12, 38, 64, 90, 120, 152, 186, 230, 288, 392),
)
_PRIOR_LEAST_S = 15
_PRIOR_PCT_OF_AHEAD = 2
_TYPICAL_AHEAD_S = (90, 270, 480, 750, 1200, 2700)  # in each class

# Aims are in thousandths of a percent. A step is half a percent: fast enough to follow an hour
# that differs from the last, slow enough that a single miss does not show.
_STEP = 500
_FARTHEST = 15_000  # an aim stays within 15 percentage points of its level
_HIGHEST = 99_950


@dataclass(slots=True)
class LatenessBook:
    """The lateness of past arrivals by how far ahead they had been planned, oldest first.

    Bounded: `KEPT` for each class. ``aims`` has one for each of `LEVELS_PCT`.
    """

    recent_s: list[list[int]] = field(
        default_factory=lambda: [[] for _ in range(len(AHEAD_EDGES_S) + 1)]
    )
    aims: list[int] = field(default_factory=lambda: [1000 * pct for pct in LEVELS_PCT])

    def quantiles_s(self, ahead_s: int) -> tuple[int, ...]:
        """Lateness not exceeded at each of `LEVELS_PCT`, for something planned so far ahead."""
        known = sorted(self._known(_class_of(ahead_s)))
        found: list[int] = []
        for aim in self.aims:
            # One more than there are: the next arrival may lie beyond all that have been seen.
            rank = -(-aim * (len(known) + 1) // 100_000)
            late_s = known[min(max(rank, 1), len(known)) - 1]
            found.append(max([late_s, *found[-1:]]))
        return tuple(found)

    def learn(self, ahead_s: int, late_s: int, came_by: Sequence[bool]) -> None:
        """What was planned ``ahead_s`` before has happened, ``late_s`` after the plan.

        ``came_by`` says for each level whether that was by the time that had been quoted.
        """
        kept = self.recent_s[_class_of(ahead_s)]
        kept.append(late_s)
        del kept[:-KEPT]
        for index, (pct, hit) in enumerate(zip(LEVELS_PCT, came_by, strict=True)):
            # A share ``pct`` of hits times (100 - pct) down is the share of misses times pct up.
            moved = -(100 - pct) if hit else pct
            aim = self.aims[index] + _STEP * moved // 100
            low, high = 1000 * pct - _FARTHEST, min(1000 * pct + _FARTHEST, _HIGHEST)
            self.aims[index] = min(max(aim, low), high)

    def _known(self, ahead: int) -> list[int]:
        recent = self.recent_s[ahead]
        if len(recent) >= _TRUSTED:
            return recent
        spread_s = _PRIOR_LEAST_S + _TYPICAL_AHEAD_S[ahead] * _PRIOR_PCT_OF_AHEAD // 100
        return recent + [spread_s * shape_pct // 100 for shape_pct in _PRIOR_SHAPE_PCT]


def _class_of(ahead_s: int) -> int:
    return sum(1 for edge_s in AHEAD_EDGES_S if ahead_s >= edge_s)
