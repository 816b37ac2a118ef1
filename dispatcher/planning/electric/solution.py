"""What a search of an electric instance tells: routes in the instance's own positions of nodes."""

from dataclasses import dataclass

from dispatcher.planning.electric.problem import ElectricProblem
from dispatcher.planning.kernels.electric import DESTINATION, FRAGMENTS, LENGTH, TO
from dispatcher.planning.kernels.electric_routes import Routes


@dataclass(frozen=True, slots=True)
class ElectricRoute:
    """One shuttle's way: ``visits`` are positions of nodes in the instance, stations included."""

    shuttle: int
    visits: tuple[int, ...]
    destination: int


@dataclass(frozen=True, slots=True)
class ElectricSolution:
    """What was found. ``cost`` is in the instance's objective, without riders left out.

    A shuttle without visits drives from its origin to its destination, which is part of the cost.
    ``course`` tells when which cost was reached, from the first plan with all riders on.
    """

    routes: tuple[ElectricRoute, ...]
    unserved: tuple[int, ...]
    cost: float
    rounds: int
    course: tuple[tuple[float, float], ...]


def told_routes(problem: ElectricProblem, routes: Routes) -> tuple[ElectricRoute, ...]:
    """Routes in positions of the instance; of places that are alike, each gets its share."""
    visited = [0] * len(problem.stations)
    ended = [0] * len(problem.destinations)
    told = []
    for k in range(len(problem.shuttles)):
        info = routes.info[k]
        visits: list[int] = []
        position = 0
        for g in range(info[FRAGMENTS] + 1 if info[LENGTH] else 0):
            station = int(routes.via[k, g])
            if station >= 0:
                place = problem.stations[station]
                each = place.limit // len(place.members)
                member = place.members[min(visited[station] // each, len(place.members) - 1)]
                visited[station] += 1
                first = place.node - place.members[0]
                visits.append(problem.node_of[first + member])
            if g < info[FRAGMENTS]:
                after = int(routes.chain[k, g, TO]) + 1
                visits += [problem.node_of[node] for node in routes.visits[k, position:after]]
                position = after
        end = problem.destinations[info[DESTINATION]]
        each = max(1, end.limit // len(end.members))
        member = end.members[min(ended[info[DESTINATION]] // each, len(end.members) - 1)]
        ended[info[DESTINATION]] += 1
        first = end.node - end.members[0]
        told.append(ElectricRoute(k, tuple(visits), problem.node_of[first + member]))
    return tuple(told)
