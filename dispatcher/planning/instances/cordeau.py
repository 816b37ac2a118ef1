"""Dial-a-ride as Cordeau and Laporte write it: the a, b and pr sets.

First line ``K n T Q L``: vehicles, requests (in the pr files, nodes: 2n), longest route, seats,
longest ride. Then ``id x y service load earliest latest``: the depot as 0, pickups 1..n,
drop-offs n+1..2n and, in some files, the depot again as 2n+1.

References
----------
.. [1] Cordeau and Laporte (2003), Transportation Research B 37, 579-594.
.. [2] Cordeau (2006), Operations Research 54, 573-586.
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


def looks_like_cordeau(lines: list[Line]) -> bool:
    """Whether the shape of the lines is that of this format."""
    return len(lines[0]) == 5 and len(lines) > 1 and all(len(line) == 7 for line in lines[1:])


def cordeau(name: str, lines: list[Line]) -> Instance:
    """Build the instance from a file's lines of numbers.

    Raises
    ------
    InstanceError
        Nodes are missing or pairs do not belong together.
    """
    vehicles, _, longest_route, seats, longest_ride = lines[0]
    # The header's second number counts requests in one set and nodes in the other; the
    # lines themselves tell: 2n + 1 of them, or 2n + 2 with the end depot.
    n = (len(lines) - 2) // 2
    if [line[0] for line in lines[1:]] != list(range(len(lines) - 1)) or n < 1:
        raise InstanceError("nodes are not numbered 0, 1, 2, ...")
    nodes = tuple(node_of(line) for line in lines[1 : 2 * n + 2])
    rides = []
    for i in range(1, n + 1):
        if nodes[i].load[0] <= 0 or nodes[i].load[0] != -nodes[i + n].load[0]:
            raise InstanceError(f"node {i} is not the pickup of node {i + n}")
        rides.append(Ride(i, i + n, longest_ride))
    return Instance(
        name=name,
        family=Family.CORDEAU,
        nodes=nodes,
        travel=euclidean([(node.x, node.y) for node in nodes]),
        rides=tuple(rides),
        vehicles=(Vehicle(0, (0,), (whole(seats),), longest_route),) * whole(vehicles),
    )


def node_of(line: Line) -> Node:
    """The node of a line ``id x y service load earliest latest``."""
    number, x, y, service, load, earliest, latest = line
    return Node(whole(number), x, y, service, (whole(load),), earliest, latest)
