"""Where all idle shuttles should stand, decided together: places first, then who goes where.

Places are chosen one after the other, each where it saves most of the drive that requests are
expected to wait for; OR-Tools assigns shuttles to places so that they drive least in all. A
shuttle still only moves if its own move pays, so that a fleet that stands well enough stays.

References
----------
.. [1] Daskin (1983), Transportation Science 17, 48-70: expected covering with busy vehicles.
.. [2] Bertsekas (1988), Annals of Operations Research 14, 105-123: the assignment problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import linear_sum_assignment

from dispatcher.domain.policy import Objective
from dispatcher.planning.schedule import TravelTimes

SHARES_PCT = (70, 21, 9)
"""How often the nearest, second and third nearest shuttle serves: each is busy 3 times in 10."""

FAR_S = 3600
"""Counted where there is no shuttle, or no path: far worse than any drive inside a zone."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RebalancingRule:
    """When a move is worth it."""

    horizon_s: int = 1200  # how long a shuttle is expected to stay useful where it parks
    least_gain_pct: int = 150  # expected savings in percent of the drive's price
    most_moves: int = 8  # decided at one time; the rest can follow when these are under way
    most_considered: int = 40  # idle shuttles looked at together, which bounds the time it takes


@dataclass(frozen=True, slots=True)
class Move:
    """An idle shuttle, by its place in the list given, and where it should stand."""

    idle: int
    to_stop: int


def rebalance(
    idle_at: Sequence[int],
    demand_milli: Sequence[int],
    travel_s: TravelTimes,
    room: Sequence[int],
    objective: Objective,
    others_at: Sequence[int] = (),
    rule: RebalancingRule | None = None,
) -> tuple[Move, ...]:
    """The moves that pay, best first; shuttles not named stay where they are.

    Parameters
    ----------
    idle_at
        Stop of each idle shuttle; of those beyond the rule's bound none is moved.
    demand_milli
        Requests expected at each stop within the rule's horizon, in thousandths.
    travel_s : int64[stops, stops]
    room
        Berths at each stop that nobody but the idle shuttles stands at or is on the way to.
    others_at
        Stops of shuttles that will be free soon or are on the way to park: they count as near,
        but are not moved.
    """
    rule = rule or RebalancingRule()
    demand = np.asarray(demand_milli, dtype=np.int64)
    near_s = np.minimum(travel_s, FAR_S).astype(np.int64)
    movable = list(idle_at[: rule.most_considered])
    fixed = [*idle_at[rule.most_considered :], *others_at]
    if not movable or not demand.any():
        return ()
    places = _places(near_s, demand, fixed, room, len(movable))
    goals = _assigned(near_s, movable, places)
    return _worthwhile(near_s, demand, (movable, goals, fixed), objective, rule)


def _places(near_s: Ints, demand: Ints, fixed: Sequence[int], room: Sequence[int], n: int) -> Ints:
    """The best stops for ``n`` shuttles, one after the other; int64[up to n]."""
    free = np.array(room, dtype=np.int64)
    ranked = nearest(near_s, fixed)
    chosen = []
    for _ in range(n):
        open_ = np.flatnonzero(free > 0)
        if not len(open_):
            break
        # Equal gains are settled by the order of the stops.
        best = int(open_[np.argmin(expected_drive(near_s[open_], ranked, demand))])
        chosen.append(best)
        free[best] -= 1
        ranked = with_one_more(ranked, near_s[best])
    return np.array(chosen, dtype=np.int64)


def _assigned(near_s: Ints, movable: Sequence[int], places: Ints) -> list[int]:
    """A place for each shuttle, with the least driving in all; its own where there are too few."""
    n, m = len(movable), len(places)
    cost = np.zeros((n, n), dtype=np.int64)
    cost[:, :m] = near_s[np.array(movable, dtype=np.int64)[:, None], places]
    solver = linear_sum_assignment.SimpleLinearSumAssignment()
    shuttle, place = np.divmod(np.arange(n * n, dtype=np.int64), n)
    solver.add_arcs_with_cost(shuttle, place, cost.reshape(-1))
    status = solver.solve()
    assert status == solver.OPTIMAL, "anyone can be assigned to anything"
    mates = [solver.right_mate(i) for i in range(n)]
    return [int(places[j]) if j < m else movable[i] for i, j in enumerate(mates)]


def _worthwhile(
    near_s: Ints,
    demand: Ints,
    fleet: tuple[Sequence[int], Sequence[int], Sequence[int]],
    objective: Objective,
    rule: RebalancingRule,
) -> tuple[Move, ...]:
    """Those moves that pay on their own, given the moves already chosen."""
    movable, goals, fixed = fleet
    at = list(movable)
    around = nearest(near_s, fixed)
    moves: list[Move] = []
    left = [i for i, goal in enumerate(goals) if goal != at[i]]
    left.sort(key=lambda i: (int(near_s[at[i], goals[i]]), i))
    for i in left:
        if len(moves) == rule.most_moves:
            break
        drive_s = int(near_s[at[i], goals[i]])
        if drive_s >= FAR_S:
            continue
        rest = nearest(near_s, [*at[:i], *at[i + 1 :]], around)
        stay, go = expected_drive(near_s[[at[i], goals[i]]], rest, demand).tolist()
        # Milli-requests times percent, hence the divisor.
        saved = (stay - go) * objective.waiting // (1000 * 100)
        if saved > 0 and 100 * saved >= rule.least_gain_pct * objective.driving * drive_s:
            at[i] = goals[i]
            moves.append(Move(i, goals[i]))
    return tuple(moves)


def nearest(near_s: Ints, at: Sequence[int], around: Ints | None = None) -> Ints:
    """Drive from the nearest, second and third nearest shuttle to each stop; int64[3, stops].

    ``around`` is the same for shuttles that are not in ``at``.
    """
    depth = len(SHARES_PCT)
    ranked = np.full((depth, near_s.shape[1]), FAR_S, dtype=np.int64) if around is None else around
    # A stop holds many shuttles at times; more than `depth` of them change nothing.
    stops, counts = np.unique(np.asarray(at, dtype=np.int64), return_counts=True)
    rows = near_s[np.repeat(stops, np.minimum(counts, depth))]
    if len(rows) > depth:
        rows = np.partition(rows, depth - 1, axis=0)[:depth]
    return np.sort(np.concatenate([rows, ranked]), axis=0)[:depth]


def with_one_more(ranked: Ints, mine_s: Ints) -> Ints:
    """`nearest` once one more shuttle stands so far from each stop."""
    return np.sort(np.concatenate([ranked, mine_s[None, :]]), axis=0)[: len(ranked)]


def expected_drive(from_s: Ints, ranked: Ints, demand: Ints) -> Ints:
    """Expected drive to all requests if one more shuttle stood at each of the places given.

    Parameters
    ----------
    from_s : int64[places, stops]
        Drive from each of these places.
    ranked : int64[3, stops]
        Of the other shuttles, as `nearest` gives it.

    Returns
    -------
    int64[places]
        Seconds times milli-requests times percent.
    """
    total = np.zeros(len(from_s), dtype=np.int64)
    # With one more shuttle the k-th nearest is the one before, the new one, or the one as it was.
    before = np.zeros_like(ranked[0])
    for share_pct, as_it_was in zip(SHARES_PCT, ranked, strict=True):
        total += share_pct * (np.clip(from_s, before, as_it_was) @ demand)
        before = as_it_was
    return total
