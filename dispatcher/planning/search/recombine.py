"""The best plan that can be put together from routes met during a search.

Set partitioning: every ride in one route (or refused, at its price), and of every kind of vehicle
no more routes than there are vehicles. The linear relaxation comes first. Its value is a floor
under every such plan, so a route whose reduced cost is more than what the known plan stands above
that floor is in no better plan. What remains is left to CP-SAT, in the search's own whole numbers.

References
----------
.. [1] Subramanian, Uchoa and Ochi (2013), Computers & Operations Research 40, 2519-2531.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from dispatcher.planning.search.columns import Columns
from dispatcher.planning.search.model import Problem, RouteOrder

_MOST_COLUMNS = 4_000  # in whole numbers; those of least reduced cost
_LEAST_TIME_S = 0.05  # below this, building the programmes alone takes as long


def load_solver() -> None:
    """Load OR-Tools now, rather than within the first deadline."""
    import ortools.sat.python.cp_model  # noqa: F401


def recombine(
    problem: Problem,
    likeness: NDArray[np.int64],
    columns: Columns,
    known_cost: int,
    time_limit_s: float,
) -> tuple[RouteOrder, ...] | None:
    """The cheapest plan from ``columns``, if below ``known_cost`` and found in time.

    Parameters
    ----------
    likeness : int64[vehicles]
        The number that vehicles which can take each other's routes have in common.
    known_cost
        Of the plan at hand, refusals included.
    time_limit_s
        Three fifths at most are for the relaxation. What is not solved in time gives no plan.
    """
    rides = len(problem.rides)
    if time_limit_s < _LEAST_TIME_S or not len(columns.cost):
        return None
    refusable = [r for r, ride in enumerate(problem.rides) if ride.refusal_cost is not None]
    refusals = np.array([problem.rides[r].refusal_cost for r in refusable], dtype=np.int64)
    cost = np.concatenate([columns.cost, refusals])
    row, column = _covered(columns, rides)
    row = np.concatenate([row, np.array(refusable, dtype=np.int64)])
    column = np.concatenate([column, len(columns.cost) + np.arange(len(refusable))])
    kinds, fleet = np.unique(likeness, return_counts=True)
    kind_of = np.searchsorted(kinds, columns.alike)
    cover = csc_array((np.ones(len(row)), (row, column)), shape=(rides, len(cost)))
    taken = csc_array(
        (np.ones(len(kind_of)), (kind_of, np.arange(len(kind_of)))), shape=(len(kinds), len(cost))
    )
    # Not above: a dispatcher that restarts loads this module, but never searches itself.
    from scipy.optimize import linprog

    unit = max(1.0, known_cost / 1_000)  # solvers work to absolute tolerances
    # Sparse matrices are welcome there, which the type stubs do not say.
    relaxed = linprog(  # type: ignore[call-overload]
        cost / unit,
        A_ub=taken,
        b_ub=fleet,
        A_eq=cover,
        b_eq=np.ones(rides),
        bounds=(0, None),
        method="highs-ds",
        options={"time_limit": 0.6 * time_limit_s},
    )
    if relaxed.status != 0:
        return None
    reduced = np.asarray(
        cost / unit - cover.T @ relaxed.eqlin.marginals - taken.T @ relaxed.ineqlin.marginals
    )
    room = known_cost / unit - float(relaxed.fun)
    order = np.argsort(reduced, kind="stable")
    kept = order[: int(np.searchsorted(reduced[order], room + 1e-6))][:_MOST_COLUMNS]
    if room < 1e-6 or not len(kept):
        return None
    chosen = _in_whole_numbers(
        cost[kept],
        cover[:, kept],
        taken[:, kept],
        fleet,
        known_cost,
        0.4 * time_limit_s,
    )
    if chosen is None:
        return None
    picked = [int(kept[c]) for c in chosen if kept[c] < len(columns.cost)]
    return _as_plan(problem, likeness, columns, picked)


def _covered(columns: Columns, rides: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(ride, column) of every drop-off."""
    column, position = np.nonzero(columns.seq >= rides)
    return columns.seq[column, position].astype(np.int64) - rides, column.astype(np.int64)


def _in_whole_numbers(
    cost: NDArray[np.int64],
    cover: csc_array,
    taken: csc_array,
    fleet: NDArray[np.int64],
    known_cost: int,
    time_limit_s: float,
) -> list[int] | None:
    """Columns of the cheapest plan below ``known_cost`` that was found in time."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    use = [model.new_bool_var("") for _ in range(len(cost))]
    by_ride = cover.tocsr()
    for r in range(by_ride.shape[0]):
        served_by = by_ride.indices[by_ride.indptr[r] : by_ride.indptr[r + 1]]
        if not len(served_by):
            return None
        model.add_exactly_one(use[c] for c in served_by)
    by_kind = taken.tocsr()
    for kind, vehicles in enumerate(fleet):
        of_kind = by_kind.indices[by_kind.indptr[kind] : by_kind.indptr[kind + 1]]
        model.add(sum(use[c] for c in of_kind) <= int(vehicles))
    price = cp_model.LinearExpr.weighted_sum(use, [int(c) for c in cost])
    model.add(price <= known_cost - 1)
    model.minimize(price)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.max_time_in_seconds = max(0.01, time_limit_s)
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return [c for c, variable in enumerate(use) if solver.boolean_value(variable)]


def _as_plan(
    problem: Problem, likeness: NDArray[np.int64], columns: Columns, picked: list[int]
) -> tuple[RouteOrder, ...]:
    """The columns, each at a vehicle of its kind; the others stay empty."""
    free: dict[int, list[int]] = {}
    for v in range(len(problem.vehicles) - 1, -1, -1):
        free.setdefault(int(likeness[v]), []).append(v)
    routes = [RouteOrder()] * len(problem.vehicles)
    for column in picked:
        routes[free[int(columns.alike[column])].pop()] = columns.order(column)
    return tuple(routes)
