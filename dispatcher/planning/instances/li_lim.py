"""Pickup and delivery with time windows as Li and Lim write it.

First line ``K Q speed``; then ``id x y demand earliest latest service pickup delivery`` with the
depot as 0; a pickup names its delivery in the last column, a delivery its pickup before that.
Fewest vehicles first, then distance.

References
----------
.. [1] Li and Lim (2001), 13th IEEE ICTAI, 160-167.
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


def looks_like_li_lim(lines: list[Line]) -> bool:
    """Whether the shape of the lines is that of this format."""
    return len(lines[0]) == 3 and len(lines) > 1 and all(len(line) == 9 for line in lines[1:])


def li_lim(name: str, lines: list[Line]) -> Instance:
    """Build the instance from a file's lines of numbers.

    Raises
    ------
    InstanceError
        Nodes are missing or pairs do not belong together.
    """
    # The speed is 1 in most files and 0 in some; the benchmark takes distance as time.
    vehicles, capacity, _speed = lines[0]
    tasks = lines[1:]
    if [line[0] for line in tasks] != list(range(len(tasks))):
        raise InstanceError("nodes are not numbered 0, 1, 2, ...")
    nodes, rides = [], []
    for number, x, y, demand, earliest, latest, service, pickup, delivery in tasks:
        load = (whole(demand),)
        nodes.append(Node(whole(number), x, y, service, load, earliest, latest))
        if delivery:
            back = tasks[whole(delivery)] if 0 < delivery < len(tasks) else None
            if back is None or back[7] != number or back[3] != -demand:
                raise InstanceError(f"node {number:g} is not the pickup of node {delivery:g}")
            rides.append(Ride(whole(number), whole(delivery)))
        elif number and not pickup:
            raise InstanceError(f"node {number:g} is neither a pickup nor a delivery")
    if 2 * len(rides) + 1 != len(nodes):
        raise InstanceError("not every node is one end of one pair")
    return Instance(
        name=name,
        family=Family.LI_LIM,
        nodes=tuple(nodes),
        travel=euclidean([(node.x, node.y) for node in nodes]),
        rides=tuple(rides),
        vehicles=(Vehicle(0, (0,), (whole(capacity),)),) * whole(vehicles),
        fewest_vehicles=True,
    )
