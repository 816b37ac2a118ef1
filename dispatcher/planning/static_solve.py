"""Solving a static instance: its problem, the search, and the answer in the file's numbers."""

from collections.abc import Callable
from dataclasses import dataclass

from dispatcher.planning.electric.problem import electric_problem
from dispatcher.planning.electric.solution import ElectricSolution
from dispatcher.planning.electric.solve import solve_electric
from dispatcher.planning.instances.instance import Family, Instance
from dispatcher.planning.instances.ticks import distance_of, numbers_of, problem_of
from dispatcher.planning.search.model import Solution
from dispatcher.planning.search.neighbourhood import NeighbourhoodSearch
from dispatcher.planning.search.pace import Clock
from dispatcher.planning.search.recombine import load_solver
from dispatcher.planning.search.solver import solve


@dataclass(frozen=True, slots=True)
class StaticSolution:
    """Complete, feasible routes of the file's node numbers, depots and empty routes left out."""

    routes: tuple[tuple[int, ...], ...]
    cost: float
    """In the instance's own numbers, by its own objective (vehicles apart)."""
    after_s: float
    """When it was found, by the caller's clock, from the call."""

    def key(self, instance: Instance) -> tuple[int, float]:
        """Sorts better solutions first."""
        return (len(self.routes) if instance.fewest_vehicles else 0, self.cost)


def solve_static(
    instance: Instance,
    *,
    time_limit_s: float,
    seed: int,
    clock: Clock,
    on_better: Callable[[StaticSolution], None] = lambda _: None,
    min_end_battery: float = 0.1,
    workers: int = 1,
) -> StaticSolution | None:
    """Search until the limit; the best complete solution found, or ``None`` if there is none.

    Parameters
    ----------
    time_limit_s
        Seconds of ``clock`` from the call.
    on_better
        Told of every better complete solution as soon as it is found.
    min_end_battery
        Share of the battery to be left at the end; for electric fleets.
    workers
        Processes that share one search; electric fleets are always searched by one. With more,
        ``clock`` must be the machine's monotonic clock.

    Raises
    ------
    InstanceError
        The instance has rules that the search does not know.
    """
    if instance.family is Family.EADARP:
        return _solve_electric(instance, time_limit_s, seed, clock, on_better, min_end_battery)
    begun_s = clock()
    found: list[StaticSolution] = []

    def take(plan: Solution) -> None:
        found.append(_in_numbers(instance, plan, clock() - begun_s))
        on_better(found[-1])

    best = solve(
        problem_of(instance),
        time_limit_s=time_limit_s,
        seed=seed,
        clock=clock,
        on_better=take,
        workers=workers,
    )
    return None if best.unserved else found[-1]


def prepare(instance: Instance) -> None:
    """Load or compile what the search needs, so that it need not while time is measured."""
    if instance.family is Family.EADARP:
        problem = electric_problem(instance, end_charge=0.0)
        solve_electric(problem, time_limit_s=60.0, seed=0, clock=lambda: 0.0, most_rounds=1)
        return
    load_solver()
    search = NeighbourhoodSearch(problem_of(instance), 0)
    search.run(1, 1.0, 0, 0, -1.0)
    if instance.fewest_vehicles:
        search.eject()


def _solve_electric(
    instance: Instance,
    time_limit_s: float,
    seed: int,
    clock: Clock,
    on_better: Callable[[StaticSolution], None],
    min_end_battery: float,
) -> StaticSolution | None:
    """As `solve_static`, by the search that knows charging and the price of riding."""
    best: StaticSolution | None = None

    def take(found: ElectricSolution) -> None:
        nonlocal best
        best = StaticSolution(
            routes=tuple(
                tuple(instance.nodes[at].number for at in route.visits)
                for route in found.routes
                if route.visits
            ),
            cost=found.cost,
            after_s=found.course[-1][0],
        )
        on_better(best)

    solve_electric(
        electric_problem(instance, end_charge=min_end_battery),
        time_limit_s=time_limit_s,
        seed=seed,
        clock=clock,
        on_better=take,
    )
    return best


def _in_numbers(instance: Instance, solution: Solution, after_s: float) -> StaticSolution:
    routes = numbers_of(instance, solution.routes)
    return StaticSolution(
        tuple(tuple(route) for route in routes if route),
        distance_of(instance, routes),
        after_s,
    )
