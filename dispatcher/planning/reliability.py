"""Whether quoted times were kept: the figures of a reliability diagram."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dispatcher.domain.quotes import LEVELS_PCT

KEPT: Final = 1000  # outcomes that the recent shares are counted over


@dataclass(slots=True)
class Reliability:
    """Outcomes counted against their quotes, by level."""

    outcomes: int = 0
    came_by: list[int] = field(default_factory=lambda: [0] * len(LEVELS_PCT))
    recent: list[int] = field(default_factory=list)  # a bit for each level, oldest first

    def note(self, came_by: Sequence[bool]) -> None:
        """One outcome: whether it came by the quoted time, for each level."""
        self.outcomes += 1
        bits = 0
        for index, hit in enumerate(came_by):
            self.came_by[index] += hit
            bits |= hit << index
        self.recent.append(bits)
        del self.recent[:-KEPT]

    def shares_pct(self) -> tuple[float, ...]:
        """Percent of all outcomes that came by the quoted time, by level; 0 without any."""
        return tuple(_percent(hits, self.outcomes) for hits in self.came_by)

    def recent_shares_pct(self) -> tuple[float, ...]:
        """The same over the last `KEPT` outcomes."""
        return tuple(
            _percent(sum(bits >> index & 1 for bits in self.recent), len(self.recent))
            for index in range(len(LEVELS_PCT))
        )


def _percent(part: int, whole: int) -> float:
    return round(100.0 * part / whole, 1) if whole else 0.0
