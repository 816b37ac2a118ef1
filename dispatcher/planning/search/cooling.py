"""How hot a search is at which time.

Temperatures are in units of the plan's cost per ride. On dial-a-ride instances with rides at 5 to
8 units a plan at constant temperature stands 13 % above the best known at 0.9 of that, 4 % at 0.35
and freezes below 0.1: the range between has to be passed slowly, and nothing is gained above it.
On dial-a-ride instances one slow cooling does better than several quicker ones, whichever plan each
sets out from.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cooling, from ``hot`` to ``cold``, for a share of the whole time."""

    share: float
    hot: float
    cold: float

    def temperature(self, done: float) -> float:
        """At ``done`` of the cycle, 0 to 1: falling by equal parts in equal times."""
        return float(self.hot * (self.cold / self.hot) ** min(1.0, max(0.0, done)))


CYCLES = (Cycle(0.97, 0.45, 0.06),)

CYCLES_FEWEST = (Cycle(0.57, 5.0, 0.03), Cycle(0.4, 0.3, 0.025))
"""With no vehicle to spare, plans that are alike in cost may lie behind much dearer ones, where
windows are wide; where they are tight a hot plan is lost, and the best before it is improved."""


def tail_of(cycle: Cycle) -> Cycle:
    """For what is left of the time: on from where a cycle has ended."""
    return Cycle(0.0, cycle.cold, cycle.cold / 2.5)
