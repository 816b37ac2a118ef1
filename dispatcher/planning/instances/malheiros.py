"""Dial-a-ride with mixed fleets and riders as Malheiros et al. write it.

First line ``vehicles requests``; per vehicle ``duration cap1 cap2 cap3 cap4``; per node
``id x y service max_ride d1 d2 d3 d4 earliest latest``: the depot as 0, pickups 1..n, drop-offs
n+1..2n and the depot again as 2n+1. A rider takes places of exactly the kinds named; a place of
a better kind is not used instead, so what is feasible here is feasible with such upgrades, too.

References
----------
.. [1] Parragh (2011), Transportation Research C 19, 912-930.
.. [2] Malheiros, Ramalho, Passeti and Subramanian (2021), Computers & Operations Research 129.
"""

from dispatcher.planning.instances.instance import (
    Family,
    Instance,
    InstanceError,
    Node,
    Ride,
    Vehicle,
)
from dispatcher.planning.instances.lines import Line, euclidean, whole

_KINDS = 4


def looks_like_malheiros(lines: list[Line]) -> bool:
    """Whether the shape of the lines is that of this format."""
    return len(lines[0]) == 2 and len(lines[-1]) == 11


def malheiros(name: str, lines: list[Line]) -> Instance:
    """Build the instance from a file's lines of numbers.

    Raises
    ------
    InstanceError
        Lines are missing or pairs do not belong together.
    """
    fleet, n = whole(lines[0][0]), whole(lines[0][1])
    rows, tasks = lines[1 : 1 + fleet], lines[1 + fleet :]
    if any(len(row) != 1 + _KINDS for row in rows) or any(len(task) != 11 for task in tasks):
        raise InstanceError(f"not {fleet} vehicles of 5 numbers, then nodes of 11")
    if [task[0] for task in tasks] not in (list(range(2 * n + 1)), list(range(2 * n + 2))):
        raise InstanceError(f"not nodes 0 to {2 * n} or {2 * n + 1}")
    nodes = tuple(
        Node(
            whole(task[0]),
            task[1],
            task[2],
            task[3],
            tuple(whole(load) for load in task[5:9]),
            task[9],
            task[10],
        )
        for task in tasks[: 2 * n + 1]
    )
    rides = []
    for i in range(1, n + 1):
        boards, alights = nodes[i].load, nodes[i + n].load
        if min(boards) < 0 or max(boards) == 0 or alights != tuple(-load for load in boards):
            raise InstanceError(f"node {i} is not the pickup of node {i + n}")
        rides.append(Ride(i, i + n, tasks[i][4]))
    return Instance(
        name=name,
        family=Family.MALHEIROS,
        nodes=nodes,
        travel=euclidean([(node.x, node.y) for node in nodes]),
        rides=tuple(rides),
        vehicles=tuple(Vehicle(0, (0,), tuple(whole(c) for c in row[1:]), row[0]) for row in rows),
    )
