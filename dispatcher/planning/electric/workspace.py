"""The arrays that the kernels of electric dial-a-ride work on."""

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.electric.problem import ElectricProblem
from dispatcher.planning.kernels.electric import (
    DESTINATION,
    FRAGMENT_COLUMNS,
    LABEL_COLUMNS,
    MOST_LABELS,
    ROUTE_COLUMNS,
    Bench,
    Task,
)
from dispatcher.planning.kernels.electric_routes import (
    CANDIDATE_COLUMNS,
    MOST_CANDIDATES,
    MOST_SLOTS,
    Routes,
)
from dispatcher.planning.kernels.electric_search import LEFT_OUT, P_COLUMNS, TALLY_SIZE, Hunt

Ints = NDArray[np.int64]

_POOL_SLOTS = 1 << 16
POOL_ROUTES = 30_000


def _ints(*shape: int) -> Ints:
    return np.zeros(shape, dtype=np.int64)


def _list(values: object) -> Ints:
    return np.array(list(values), dtype=np.int64)  # type: ignore[call-overload]


def task_of(problem: ElectricProblem) -> Task:
    """What does not change during a search."""
    shuttles = problem.shuttles
    return Task(
        travel=problem.travel,
        earliest=problem.earliest,
        latest=problem.latest,
        service=problem.service,
        load=problem.load,
        direct=problem.direct,
        max_ride=problem.max_ride,
        origin=_list(s.origin for s in shuttles),
        capacity=_list(s.capacity for s in shuttles),
        charge=_list(s.charge for s in shuttles),
        battery=_list(s.battery for s in shuttles),
        reserve=_list(s.reserve for s in shuttles),
        group=_list(s.group for s in shuttles),
        destination=_list(p.node for p in problem.destinations),
        destination_limit=_list(p.limit for p in problem.destinations),
        station=_list(p.node for p in problem.stations),
        station_limit=_list(p.limit for p in problem.stations),
        rate=problem.rate,
        drain=problem.drain,
        travel_price=problem.travel_price,
        excess_price=problem.excess_price,
    )


def bench_for(problem: ElectricProblem) -> Bench:
    """Room to work in."""
    n, fleet = problem.riders, len(problem.shuttles)
    edges = 8 * n + 8
    return Bench(
        sequence=_ints(2 * n + 2),
        place=_ints(n),
        clock=_ints(2 * n + 2),
        told=_ints(FRAGMENT_COLUMNS),
        chain=_ints(n + 2, FRAGMENT_COLUMNS),
        ahead=_ints(n + 3),
        detour=_ints(n + 3),
        due=_ints(n + 3),
        labels=_ints((n + 3) * MOST_LABELS, LABEL_COLUMNS),
        kept=_ints(n + 3),
        tail=_ints(edges),
        head=_ints(edges),
        length=_ints(edges),
        flow=_ints(edges),
        far=_ints(2 * n + 3),
        came=_ints(2 * n + 3),
        open=_ints(2 * n + 3),
        via=_ints(n + 3),
        spare=_ints(n + 3),
        candidates=_ints(MOST_CANDIDATES, CANDIDATE_COLUMNS),
        station_left=_ints(len(problem.stations)),
        destination_left=_ints(len(problem.destinations)),
        slot=_ints(MOST_SLOTS),
        cheapest=_ints(fleet + 1, 1 << MOST_SLOTS),
        chosen=_ints(fleet + 1, 1 << MOST_SLOTS),
        touched=_ints(fleet),
    )


def empty_routes(problem: ElectricProblem) -> Routes:
    """All shuttles at their origins."""
    n, fleet = problem.riders, len(problem.shuttles)
    info = _ints(fleet, ROUTE_COLUMNS)
    info[:, DESTINATION] = -1
    return Routes(
        visits=_ints(fleet, 2 * n),
        soonest=_ints(fleet, 2 * n),
        latest=_ints(fleet, 2 * n),
        load=_ints(fleet, 2 * n),
        fragment=_ints(fleet, 2 * n),
        driven=_ints(fleet, 2 * n),
        chain=_ints(fleet, n + 1, FRAGMENT_COLUMNS),
        via=_ints(fleet, n + 2),
        info=info,
        station_used=_ints(len(problem.stations)),
        shuttle_of=np.full(n, -1, dtype=np.int64),
    )


def start_hunt(problem: ElectricProblem, seed: int) -> Hunt:
    """A search that has not begun; ``seed`` settles all that it draws."""
    n = problem.riders
    rng = np.random.default_rng(seed)
    absent_price = 20 * problem.travel_price * max(1, int(problem.travel[: 2 * n, : 2 * n].mean()))
    marks = n + 16 * len(problem.stations) + len(problem.destinations) + len(problem.shuttles)
    tally = _ints(TALLY_SIZE)
    tally[LEFT_OUT] = n
    return Hunt(
        near=_near(problem),
        order_key=_order_keys(problem),
        value=np.array([absent_price * n, absent_price * n, absent_price], dtype=np.int64),
        tally=tally,
        dice=rng.integers(1, 1 << 63, size=1, dtype=np.uint64),
        pool=_ints(POOL_ROUTES, P_COLUMNS),
        pool_visits=np.zeros((POOL_ROUTES, 2 * n), dtype=np.int16),
        pool_mark=np.zeros(POOL_ROUTES, dtype=np.uint64),
        pool_slot=np.full(_POOL_SLOTS, -1, dtype=np.int64),
        mark=rng.integers(1, 1 << 63, size=marks, dtype=np.uint64),
        absent=_ints(n),
        key=_ints(n),
        place=_ints(2),
    )


def _near(problem: ElectricProblem) -> Ints:
    """int64[riders, riders]: riders by how related they are, oneself first.

    Related: the places of both ends are close, and so are their times.
    """
    n = problem.riders
    middle = (problem.earliest + problem.latest) // 2
    p, d = slice(0, n), slice(n, 2 * n)
    distance = problem.travel[p, p] + problem.travel[d, d] + problem.travel[p, p].T
    apart = np.abs(middle[p][:, None] - middle[p][None, :])
    apart += np.abs(middle[d][:, None] - middle[d][None, :])
    related = distance + apart // 2
    np.fill_diagonal(related, -1)
    return np.argsort(related, axis=1, kind="stable").astype(np.int64)


def _order_keys(problem: ElectricProblem) -> Ints:
    """int64[4, riders]: keys by which riders are put back, the smallest first."""
    n = problem.riders
    home = problem.travel[problem.shuttles[0].origin]
    return np.stack(
        [
            problem.latest[:n],  # by time
            -problem.direct,  # long rides first
            problem.latest[:n] - problem.earliest[:n],  # narrow windows first
            -(home[:n] + home[n : 2 * n]),  # far from the origin first
        ]
    ).astype(np.int64)
