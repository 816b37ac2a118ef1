"""Where idle shuttles wait: near the next requests, without driving about for nothing.

A request is met by its nearest free shuttle; when that one turns out to be busy, by the next
nearest. A shuttle moves when the waiting it is expected to save is worth its drive.

References
----------
.. [1] Daskin (1983), Transportation Science 17, 48-70: expected covering with busy vehicles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.policy import Objective
from dispatcher.planning.schedule import TravelTimes

_SHARES_PCT = (70, 21, 9)
"""How often the nearest, second and third nearest shuttle serves: each is busy 3 times in 10."""

_FAR_S = 3600
"""Counted where there is no shuttle, or no path: far worse than any drive inside a zone."""


@dataclass(frozen=True, slots=True)
class ParkingRule:
    """When a move is worth it."""

    horizon_s: int = 1200  # how long a shuttle is expected to stay useful where it parks
    least_gain_pct: int = 150  # expected savings in percent of the drive's price
    most_moves: int = 4  # decided at one time; the rest can follow when these are under way


@dataclass(frozen=True, slots=True)
class ParkingMove:
    """An idle shuttle, by its place in the list given, and where it should park."""

    idle: int
    to_stop: int


def choose_parking(
    idle_at: Sequence[int],
    demand_milli: Sequence[int],
    travel_s: TravelTimes,
    free_berths: Sequence[int],
    objective: Objective,
    others_at: Sequence[int] = (),
    rule: ParkingRule | None = None,
) -> tuple[ParkingMove, ...]:
    """The moves that pay most, best first; shuttles not named stay where they are.

    Parameters
    ----------
    idle_at
        Stop of each idle shuttle.
    demand_milli
        Expected requests at each stop, in thousandths per hour (`DemandCounts.hourly_milli`).
    travel_s : int64[stops, stops]
    free_berths
        Berths at each stop that nobody stands at or is on the way to.
    others_at
        Stops of shuttles that will be free soon or are on the way to park: they count as near,
        but are not moved.
    """
    rule = rule or ParkingRule()
    demand = np.asarray(demand_milli, dtype=np.int64)
    near_s = np.minimum(travel_s, _FAR_S)
    free = list(free_berths)
    at = list(idle_at)
    moves: list[ParkingMove] = []
    while len(moves) < rule.most_moves:
        best: tuple[int, int, int] | None = None
        moved = {move.idle for move in moves}
        for i, stop in enumerate(at):
            if i in moved:
                continue
            places = [place for place, berths in enumerate(free) if berths > 0 and place != stop]
            if not places:
                continue
            rest = [*at[:i], *at[i + 1 :], *others_at]
            waits = _waiting(near_s, demand, rest, np.array([stop, *places], dtype=np.int64))
            # Milli-requests an hour times shares in percent, hence the divisor.
            saved = (waits[0] - waits[1:]) * (objective.waiting * rule.horizon_s)
            saved //= 1000 * 3600 * 100
            price = objective.driving * travel_s[stop, places]
            worth = 100 * saved >= rule.least_gain_pct * price
            # A drive that no price is put on still has to save something, and has to exist.
            worth &= (saved > 0) & (travel_s[stop, places] < _FAR_S)
            if not np.any(worth):
                continue
            k = int(np.argmax(np.where(worth, saved - price, np.iinfo(np.int64).min)))
            gain = int(saved[k] - price[k])
            # Equal gains are settled by the order of the shuttles, then of the stops.
            if best is None or gain > best[0]:
                best = (gain, i, places[k])
        if best is None:
            break
        _, i, place = best
        free[place] -= 1
        free[at[i]] += 1
        at[i] = place
        moves.append(ParkingMove(i, place))
    return tuple(moves)


def _waiting(
    near_s: NDArray[np.int64],
    demand: NDArray[np.int64],
    rest: Sequence[int],
    places: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Expected drive to each request if one more shuttle stood at each of the places.

    int64[places], in seconds times milli-requests per hour times percent.
    """
    depth = len(_SHARES_PCT)
    nobody = np.full((depth, near_s.shape[1]), _FAR_S, dtype=np.int64)
    ranked = np.sort(np.concatenate([near_s[list(rest)], nobody]), axis=0)[:depth]
    mine = near_s[places]
    total = np.zeros(len(places), dtype=np.int64)
    # With one more shuttle the k-th nearest is the one before, the new one, or the one as it was.
    before = np.zeros_like(ranked[0])
    for share_pct, nearest in zip(_SHARES_PCT, ranked, strict=True):
        kth = np.clip(mine, before, nearest)
        total += share_pct * (kth @ demand)
        before = nearest
    return total
