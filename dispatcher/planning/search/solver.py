"""From a problem to the best plan that the time allows.

Anytime: a complete plan comes within milliseconds, and cooling betters it until the end. After the
cooling, set partitioning puts together the best plan from all routes met, and what time is left
goes into a cold search from there. With several workers the cooling is done by all, from the same
plan with seeds of their own, and their routes meet in one pool.
"""

from collections.abc import Callable
from dataclasses import replace

from dispatcher.planning.search.columns import Columns, together
from dispatcher.planning.search.cooling import CYCLES, CYCLES_FEWEST, tail_of
from dispatcher.planning.search.descent import first_complete
from dispatcher.planning.search.fleet import only, with_fewer_vehicles
from dispatcher.planning.search.model import Problem, RouteOrder, Solution
from dispatcher.planning.search.pace import Clock
from dispatcher.planning.search.recombine import recombine
from dispatcher.planning.search.workers import Crew

_FLEET_SHARE = 0.25  # of the time at most, for fewer vehicles
_RECOMBINE_SHARE = 0.02  # of the time at most, after the last cooling
_RECOMBINE_S = 3.0
_MARGIN_S = 0.02

OnBetter = Callable[[Solution], None]


def solve(
    problem: Problem,
    *,
    time_limit_s: float,
    seed: int,
    clock: Clock,
    on_better: OnBetter = lambda _: None,
    workers: int = 1,
) -> Solution:
    """The best plan found until the limit; rides are left out only if nothing else was found.

    Parameters
    ----------
    time_limit_s
        Seconds of ``clock`` from the call.
    seed
        Of all chance. What is found also depends on how far the search gets in the time.
    on_better
        Told of every better complete plan as soon as it is found; with several workers, of those
        of this process.
    workers
        Processes. With more than one, ``clock`` must be the machine's monotonic clock.
    """
    begun_s = clock()
    cycles = CYCLES_FEWEST if problem.fewest_vehicles else CYCLES
    deadline_s = begun_s + time_limit_s - min(_MARGIN_S, time_limit_s / 20)
    best = first_complete(problem, seed, deadline_s, clock)
    if best.unserved:
        return best
    known = _Known(best, problem.fewest_vehicles, on_better)
    if problem.fewest_vehicles:
        known.take(
            with_fewer_vehicles(
                problem,
                best,
                seed,
                until_s=begun_s + _FLEET_SHARE * time_limit_s,
                clock=clock,
                on_better=known.take,
            )
        )
        problem = only(problem, known.best.vehicles_used)
    with Crew(problem, workers, seed) as crew:
        span_s = deadline_s - clock()
        end_s = clock()
        pools: list[Columns] = []
        for number, cycle in enumerate(cycles):
            end_s += cycle.share * span_s
            is_last = number == len(cycles) - 1
            spared_s = min(_RECOMBINE_SHARE * span_s, _RECOMBINE_S) if is_last else 0.0
            start = known.within(len(problem.vehicles))
            for one in crew.cool(number, cycle, start, end_s - spared_s, clock, known.take):
                known.take(one.best)
                pools.append(one.columns)
        pool = together(pools)
        found = recombine(problem, crew.likeness, pool, known.best.cost, end_s - clock())
        if found is not None:
            known.take(Solution(found, (), crew.price_of(found)))
        start = known.within(len(problem.vehicles))
        tail = tail_of(cycles[-1])
        for one in crew.cool(len(cycles), tail, start, deadline_s, clock, known.take):
            known.take(one.best)
    return known.best


class _Known:
    """The best complete plan so far; whoever asked is told of each better one."""

    def __init__(self, first: Solution, fewest: bool, on_better: OnBetter) -> None:
        self.best = first
        self._vehicles = len(first.routes)
        self._fewest = fewest
        self._on_better = on_better
        on_better(first)

    def take(self, plan: Solution) -> None:
        """Keep it, if it is complete and better. Vehicles that a smaller fleet lacks stay empty."""
        if not plan.unserved and self._key(plan) < self._key(self.best):
            spare = (RouteOrder(),) * (self._vehicles - len(plan.routes))
            self.best = replace(plan, routes=plan.routes + spare)
            self._on_better(self.best)

    def within(self, vehicles: int) -> Solution:
        """The best plan for a fleet of so many, all alike if they are fewer than there were."""
        if vehicles == self._vehicles:
            return self.best
        used = tuple(route for route in self.best.routes if route.ends)
        return replace(self.best, routes=used + (RouteOrder(),) * (vehicles - len(used)))

    def _key(self, plan: Solution) -> tuple[int, int]:
        return (plan.vehicles_used if self._fewest else 0, plan.cost)
