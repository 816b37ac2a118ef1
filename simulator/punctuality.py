"""How quoted times held: the reliability diagram of a simulated service, as its riders saw it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dispatcher.domain.quotes import LEVELS_PCT
from dispatcher.domain.trips import TripState
from dispatcher.riders.status import OddsTold
from simulator.rider import TripLog

# A quoted time is a whole second, and so is the time that a rider is told of an arrival.
_WHOLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Diagram:
    """Outcomes held against their quotes: for each level, percent that came by the quoted time."""

    outcomes: int
    came_by_pct: Mapping[str, float]  # "50", "80", ...

    @property
    def worst_points(self) -> float:
        """The largest distance of a share from its level, in percentage points."""
        if not self.outcomes:
            return 0.0
        return round(max(abs(share - int(pct)) for pct, share in self.came_by_pct.items()), 1)


def pickup_diagram(logs: Sequence[TripLog]) -> Diagram:
    """The shuttle stood at the stop by the quoted time; a trip that was given up never came."""
    given_up = [log for log in logs if log.state is TripState.ABANDONED and log.came_s is None]
    came = [log for log in logs if log.came_s is not None and log.odds]
    outcomes = [(log.odds, log.came_s) for log in came]
    outcomes += [(log.odds, None) for log in given_up if log.odds]
    return _diagram(outcomes, lambda odds: odds.pickup_by.timestamp())


def dropoff_diagram(logs: Sequence[TripLog]) -> Diagram:
    """The riders were out of the shuttle by the quoted time."""
    outcomes = [(log.odds, log.alighted_s) for log in logs if log.odds and log.alighted_s]
    return _diagram(outcomes, lambda odds: odds.dropoff_by.timestamp())


def window_share_pct(logs: Sequence[TripLog]) -> float:
    """Percent of the promised windows in which the shuttle came."""
    came = [(log.accepted, log.came_s) for log in logs if log.accepted and log.came_s is not None]
    kept = sum(came_s <= promise.window.closes.timestamp() + _WHOLE_S for promise, came_s in came)
    return round(100.0 * kept / len(came), 2) if came else 0.0


def _diagram(
    outcomes: Sequence[tuple[Sequence[OddsTold], float | None]],
    by_s: Callable[[OddsTold], float],
) -> Diagram:
    hits = dict.fromkeys(LEVELS_PCT, 0)
    for odds, at_s in outcomes:
        for quoted in odds:
            hits[quoted.level_pct] += at_s is not None and int(at_s) <= by_s(quoted)
    return Diagram(
        outcomes=len(outcomes),
        came_by_pct={
            str(pct): round(100.0 * count / len(outcomes), 1) if outcomes else 0.0
            for pct, count in hits.items()
        },
    )
