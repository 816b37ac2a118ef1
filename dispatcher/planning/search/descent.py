"""One cooling of one search, in slices."""

from collections.abc import Callable

from dispatcher.planning.search.cooling import Cycle
from dispatcher.planning.search.model import Problem, Solution
from dispatcher.planning.search.neighbourhood import NeighbourhoodSearch
from dispatcher.planning.search.pace import Clock, Pace

# How often each operator is drawn; found on dial-a-ride instances, see docs/decisions.
RUINS = (1.0, 2.0, 1.0, 1.0, 0.05, 1.0, 1.0, 1.0)
# Regret finds no better plans than orders do, in two to three times the time.
RECREATES = (1.0, 1.0, 0.2, 1.0, 0.2, 0.2, 0.2, 1.0, 0.1, 0.1)

_MOST_TAKEN = 8  # rides in one round
_MOST_TAKEN_SELDOM = 30  # the same in one round of 17; also where no vehicle is to spare
_SELDOM = 16
_POOLED_WITHIN = 0.03  # of the best plan's cost


def most_taken(problem: Problem) -> int:
    """Rides that one round takes out at most."""
    most = _MOST_TAKEN_SELDOM if problem.fewest_vehicles else _MOST_TAKEN
    return min(most, max(2, len(problem.rides) // 2))


def first_complete(problem: Problem, seed: int, deadline_s: float, clock: Clock) -> Solution:
    """The first plan that serves all rides, or the best when time was up."""
    search = NeighbourhoodSearch(problem, seed)
    search.weigh(RUINS, RECREATES)
    search.hunt_for_all(True)
    most, pace = most_taken(problem), Pace(clock)
    while (now_s := clock()) < deadline_s:
        rounds = pace.rounds(deadline_s)
        search.run(rounds, 1.0, 1, most, -1.0)
        pace.took(rounds, clock() - now_s)
        if not search.left_out:
            return search.at_hand()
    return search.best()


def cool(
    search: NeighbourhoodSearch,
    cycle: Cycle,
    start: Solution,
    until_s: float,
    clock: Clock,
    on_better: Callable[[Solution], None],
) -> Solution:
    """The best plan of one cooling from ``start``, which is complete."""
    search.restart(start.routes)
    search.forget_columns()
    rides = max(1, len(search.problem.rides))
    most, pace = most_taken(search.problem), Pace(clock)
    seldom = min(_MOST_TAKEN_SELDOM, max(2, rides // 2))
    begun_s = clock()
    known = start.cost
    while (now_s := clock()) < until_s:
        done = (now_s - begun_s) / max(1e-9, until_s - begun_s)
        rounds = pace.rounds(until_s)
        temperature = cycle.temperature(done) * search.best_cost / rides
        search.run(rounds, temperature, 1, most, _POOLED_WITHIN)
        search.run(rounds // _SELDOM, temperature, 1, seldom, _POOLED_WITHIN)
        pace.took(rounds, clock() - now_s)
        if search.best_cost < known and not search.unserved:
            known = search.best_cost
            on_better(search.best())
    return search.best()
