"""How far single legs stray from the plan, and the guard that follows from it.

The guard answers for the plan as it stands: what driving and standing may add, not what planning
itself will change. Errors of legs that follow each other add up, the means in proportion to their
number and the spread to its square root, as independent errors do; what they have in common is
taken up by the pace (see `pace`).
"""

from dataclasses import dataclass, field
from math import isqrt
from typing import Final

KEPT: Final = 240  # legs remembered
_RENEWED_EVERY = 20  # legs; more often would make plans flutter
_TRUSTED = 40
_FARTHEST_S = 900  # a breakdown is no driving error; further off does not count more

_PRIOR_SPREAD_S = 20  # from the median of a leg to its quantile, until enough is known


@dataclass(slots=True)
class PunctualityBook:
    """Seconds by which the last legs, each with its dwell, took longer than planned."""

    recent_s: list[int] = field(default_factory=list)  # oldest first
    median_s: int = 0  # in force
    spread_s: int = _PRIOR_SPREAD_S
    since_renewed: int = 0

    def note(self, late_s: int, level_pct: int) -> bool:
        """One more leg. True if the guard may have changed; ``level_pct`` is what it is to hold."""
        self.recent_s.append(max(-_FARTHEST_S, min(_FARTHEST_S, late_s)))
        del self.recent_s[:-KEPT]
        self.since_renewed += 1
        if len(self.recent_s) < _TRUSTED or self.since_renewed < _RENEWED_EVERY:
            return False
        self.since_renewed = 0
        ordered = sorted(self.recent_s)
        before = (self.median_s, self.spread_s)
        self.median_s = ordered[len(ordered) // 2]
        rank = min(-(-level_pct * (len(ordered) + 1) // 100), len(ordered))
        self.spread_s = max(0, ordered[rank - 1] - self.median_s)
        return (self.median_s, self.spread_s) != before

    def guard_s(self, legs: int) -> int:
        """How late the end of so many legs may turn out, at the level asked for; 0 at least.

        Four legs with a median of 2 s and a spread of 30 s: 4 x 2 + 2 x 30 = 68 s.
        """
        return max(0, legs * self.median_s + isqrt(legs * self.spread_s**2))
