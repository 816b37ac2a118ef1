"""Fewer vehicles: take a route away and find its rides places in the others.

While rides are left out, whoever has often found no place weighs more than who has not, and the
search may exchange one for the other. Every few rounds, hot ones that shuffle the plan, a ride
left out is put into a route in place of others. As soon as all are served again, the next route
goes.

References
----------
.. [1] Christiaens and Vanden Berghe (2020), Transportation Science 54, section 5.4.
.. [2] Nagata and Kobayashi (2010), PPSN XI, 536-545.
"""

from collections.abc import Callable
from dataclasses import replace

from dispatcher.planning.search.descent import RECREATES, RUINS
from dispatcher.planning.search.model import Problem, RouteOrder, Solution
from dispatcher.planning.search.neighbourhood import NeighbourhoodSearch
from dispatcher.planning.search.pace import Clock

_TAKEN = 12  # most rides taken out in one round
_SKEW = 2.0  # small rounds are the more frequent
_WARMTH = 5.0  # of the cost per ride
_BETWEEN = 8  # rounds from one ejection to the next


def only(problem: Problem, vehicles: int) -> Problem:
    """The problem with no more than its first so many vehicles; they are all alike."""
    return replace(problem, vehicles=problem.vehicles[:vehicles], routes=())


def with_fewer_vehicles(
    problem: Problem,
    start: Solution,
    seed: int,
    *,
    until_s: float,
    clock: Clock,
    on_better: Callable[[Solution], None],
) -> Solution:
    """The complete plan with the fewest vehicles that was found in time.

    Parameters
    ----------
    start
        Complete.
    until_s
        By ``clock``.
    on_better
        Told of every plan with fewer vehicles.
    """
    best = start
    while clock() < until_s and best.vehicles_used > 1:
        routes = sorted((r for r in best.routes if r.ends), key=lambda route: len(route.ends))
        search = NeighbourhoodSearch(only(problem, len(routes) - 1), seed)
        search.restart(routes[1:])
        search.hunt_for_all(True)
        search.weigh(RUINS, RECREATES)
        search.skew(_SKEW)
        temperature = _WARMTH * best.cost / max(1, len(problem.rides))
        most = min(_TAKEN, max(2, len(problem.rides) // 3))
        while search.left_out and clock() < until_s:
            search.run(_BETWEEN, temperature, 1, most, -1.0)
            search.eject()
        if search.left_out:
            return best
        found = search.at_hand()
        best = Solution(_padded(found.routes, len(problem.vehicles)), (), found.cost)
        on_better(best)
    return best


def _padded(routes: tuple[RouteOrder, ...], vehicles: int) -> tuple[RouteOrder, ...]:
    return routes + (RouteOrder(),) * (vehicles - len(routes))
