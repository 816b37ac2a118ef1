"""The cheapest way to drive an electric shuttle's route: the definition, as simple as can be.

For every way of putting stations between the visits where nobody is aboard, and every
destination, a linear programme finds the begins of service and the times at stations that make
the riders' excess least. The kernels' fragments and labels must give the same cost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import linprog

from dispatcher.planning.electric.problem import ElectricProblem


@dataclass(frozen=True, slots=True)
class Driven:
    """The cheapest way found. ``via`` names a station (or -1) before each fragment and the end."""

    cost: float
    via: tuple[int, ...]
    destination: int


def drive(
    problem: ElectricProblem,
    shuttle: int,
    visits: Sequence[int],
    *,
    station_left: Sequence[int],
    destination_left: Sequence[int],
) -> Driven | None:
    """The cheapest way to drive ``visits``, or ``None`` if there is none.

    Parameters
    ----------
    visits
        Pickups and drop-offs in order; everybody who boards alights.
    station_left, destination_left
        How often each station may be visited, and whether the route may end there.
    """
    fragments = list(_fragments(problem, visits))
    capacity = problem.shuttles[shuttle].capacity
    if any(int(problem.load[list(visits[: i + 1])].sum()) > capacity for i in range(len(visits))):
        return None
    best: Driven | None = None
    stations = range(-1, len(problem.stations))
    for via in product(stations, repeat=len(fragments) + 1):
        if any(via.count(s) > left for s, left in enumerate(station_left)):
            continue
        for destination, left in enumerate(destination_left):
            if left <= 0:
                continue
            cost = _scheduled(problem, shuttle, fragments, via, destination)
            if cost is not None and (best is None or cost < best.cost - 0.5):
                best = Driven(cost, via, destination)
    return best


def _fragments(problem: ElectricProblem, visits: Sequence[int]) -> Iterator[list[int]]:
    """The visits, cut where nobody is aboard."""
    aboard = 0
    fragment: list[int] = []
    for node in visits:
        fragment.append(node)
        aboard += int(problem.load[node])
        if aboard == 0:
            yield fragment
            fragment = []


def _scheduled(
    problem: ElectricProblem,
    shuttle: int,
    fragments: Sequence[Sequence[int]],
    via: Sequence[int],
    destination: int,
) -> float | None:
    """Cost with the stations given, or ``None`` if no schedule keeps all rules.

    Unknowns: the begin at every stop, then the ticks of charging at every stop (none but at
    stations).
    """
    car = problem.shuttles[shuttle]
    stops = [car.origin]
    charges = [False]
    for g, fragment in enumerate([*fragments, [problem.destinations[destination].node]]):
        if via[g] >= 0:
            stops.append(problem.stations[via[g]].node)
            charges.append(True)
        stops += fragment
        charges += [False] * len(fragment)
    m = len(stops)
    rows: list[np.ndarray] = []
    bounds: list[float] = []

    def below(bound: float, *terms: tuple[int, float]) -> None:
        row = np.zeros(2 * m)
        for column, factor in terms:
            row[column] += factor
        rows.append(row)
        bounds.append(bound)

    driven = 0
    for i in range(m - 1):
        leg = int(problem.travel[stops[i], stops[i + 1]])
        # begin + service + charging + leg <= next begin
        below(-int(problem.service[stops[i]]) - leg, (i, 1.0), (m + i, 1.0), (i + 1, -1.0))
        charged = [(m + j, 1.0) for j in range(i + 1)]
        # No fuller than full after charging; in units of a tick's charging.
        below((car.battery - car.charge + problem.drain * driven) / problem.rate, *charged)
        driven += leg
        least = car.reserve if i == m - 2 else 0
        left = [(column, -factor) for column, factor in charged]
        below((car.charge - problem.drain * driven - least) / problem.rate, *left)
    objective = np.zeros(2 * m)
    ridden = 0.0
    for i, node in enumerate(stops):
        if node < problem.riders:
            j = stops.index(node + problem.riders)
            below(int(problem.service[node] + problem.max_ride[node]), (j, 1.0), (i, -1.0))
            objective[j] += 1.0
            objective[i] -= 1.0
            ridden -= float(problem.service[node] + problem.direct[node])
    windows = [(int(problem.earliest[node]), int(problem.latest[node])) for node in stops]
    found = linprog(
        objective,
        A_ub=np.array(rows),
        b_ub=np.array(bounds),
        bounds=[*windows, *((0, None if charge else 0) for charge in charges)],
        method="highs",
    )
    if found.status != 0 or found.fun is None:
        return None
    excess = float(found.fun) + ridden
    return float(problem.travel_price * driven + problem.excess_price * excess)
