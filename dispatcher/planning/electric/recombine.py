"""The best plan that can be put together from routes seen during a search.

Set partitioning: every rider in one route, every shuttle with one, stations and destinations not
beyond their limits. The linear relaxation comes first. Its value is a floor under every such
plan, so a route whose reduced cost is more than what the known plan stands above that floor is in
no better plan; what remains is small enough to be solved in whole numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_array, csc_array

from dispatcher.planning.electric.problem import ElectricProblem

Ints = NDArray[np.int64]

_MOST_COLUMNS = 4_000  # in whole numbers; those of least reduced cost
# Costs are handed over in units of this many, for solvers work to absolute tolerances.
_COST_UNIT = 1_000_000


@dataclass(frozen=True, slots=True)
class RoutePool:
    """Routes to choose from, each for any shuttle of its group.

    Parameters
    ----------
    group, cost, destination : int64[routes]
    used : int64[routes, stations]
        Visits of each station.
    serves : int64[routes, riders]
        1 for riders of the route.
    """

    group: Ints
    cost: Ints
    destination: Ints
    used: Ints
    serves: Ints

    def __len__(self) -> int:
        return len(self.cost)


@dataclass(frozen=True, slots=True)
class Choice:
    """Chosen rows of a pool, their cost, and how all rows did in the relaxation.

    ``rows`` is empty if nothing cheaper than the known plan was found. ``reduced`` holds each
    row's reduced cost, or nothing if the relaxation was not solved.
    """

    rows: tuple[int, ...]
    cost: int
    reduced: NDArray[np.float64]


def recombine(
    problem: ElectricProblem, pool: RoutePool, known_cost: int, time_limit_s: float
) -> Choice:
    """The cheapest plan from the pool, if below ``known_cost`` and found in time.

    Half of the time is for the relaxation, half for whole numbers.

    The pool must contain, for shuttles without riders, routes that serve nobody.
    """
    nothing = Choice((), known_cost, np.zeros(0))
    if time_limit_s <= 0 or not len(pool):
        return nothing
    groups = sorted({shuttle.group for shuttle in problem.shuttles})
    fleet = [sum(s.group == group for s in problem.shuttles) for group in groups]
    equal = _stack(
        [pool.serves.T, np.stack([(pool.group == group).astype(np.int64) for group in groups])]
    )
    equal_to = np.concatenate([np.ones(problem.riders), np.array(fleet, dtype=np.float64)])
    ends = np.stack(
        [(pool.destination == d).astype(np.int64) for d in range(len(problem.destinations))]
    )
    below = _stack([ends, pool.used.T])
    limits = np.array(
        [place.limit for place in (*problem.destinations, *problem.stations)], dtype=np.float64
    )
    cost = pool.cost / _COST_UNIT
    # Sparse matrices are welcome there, which the type stubs do not say.
    relaxed = linprog(  # type: ignore[call-overload]
        cost,
        A_ub=below,
        b_ub=limits,
        A_eq=equal,
        b_eq=equal_to,
        bounds=(0, None),
        method="highs",
        options={"time_limit": time_limit_s / 2},
    )
    if relaxed.status != 0:
        return nothing
    reduced = np.asarray(
        cost - equal.T @ relaxed.eqlin.marginals - below.T @ relaxed.ineqlin.marginals
    )
    room = known_cost / _COST_UNIT - relaxed.fun
    told = Choice((), known_cost, reduced)
    if room < 1e-6:
        return told
    order = np.argsort(reduced, kind="stable")
    kept = order[: int(np.searchsorted(reduced[order], room + 1e-9))][:_MOST_COLUMNS]
    if not len(kept):
        return told
    solved = milp(
        cost[kept],
        integrality=np.ones(len(kept), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(equal[:, kept], equal_to, equal_to),
            LinearConstraint(below[:, kept], -np.inf, limits),
        ],
        options={"time_limit": time_limit_s / 2, "mip_rel_gap": 0.0},
    )
    if solved.x is None:
        return told
    rows = tuple(int(row) for row in kept[solved.x > 0.5])
    found = int(pool.cost[list(rows)].sum())
    # The solver's plan is checked in whole numbers, for its own are not.
    fits = (
        np.array_equal(equal[:, list(rows)].sum(axis=1), equal_to)
        and (below[:, list(rows)].sum(axis=1) <= limits).all()
    )
    if not fits or found >= known_cost:
        return told
    return Choice(rows, found, reduced)


def _stack(blocks: list[Ints]) -> csc_array:
    """float64, sparse: the rows of all blocks."""
    return csc_array(coo_array(np.concatenate(blocks).astype(np.float64)))
