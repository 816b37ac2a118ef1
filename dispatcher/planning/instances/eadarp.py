"""Electric autonomous dial-a-ride as Bongiovanni et al. write it.

First line ``vehicles requests origins destinations stations visits horizon``; nodes as Cordeau
writes them, from 1: pickups, drop-offs, a common origin and destination (not used), each
vehicle's origin, the destinations to choose from, the stations. Then the numbers of those; the
longest ride of each request; seats, first charge and battery of each vehicle; the rate of each
station; the drain for one unit of travel; reference values; and, in files from real streets, the
travel times between all nodes, which then count, twice, instead of the coordinates.

Each destination ends at most one route. Stations are visited at most ``visits`` times by the
whole fleet, only by vehicles without riders, and charge for as long as wished.

References
----------
.. [1] Bongiovanni, Kaspi and Geroliminis (2019), Transportation Research B 122, 436-456.
"""

import numpy as np

from dispatcher.planning.instances.cordeau import node_of
from dispatcher.planning.instances.instance import (
    Battery,
    Family,
    Floats,
    Instance,
    InstanceError,
    Ride,
    Station,
    Vehicle,
)
from dispatcher.planning.instances.lines import Line, euclidean, whole

_TRAVEL_WEIGHT = 0.75
_EXCESS_WEIGHT = 0.25
# "original travel times (for Uber instances -- need to be multiplied by a factor of 2 to reproduce
# results)", says the README of the authors' archive; so u2-20 and u3-18 give their known values.
_GIVEN_TRAVEL_FACTOR = 2.0


def looks_like_eadarp(lines: list[Line]) -> bool:
    """Whether the shape of the lines is that of this format."""
    return len(lines[0]) == 7 and len(lines) > 2 and len(lines[1]) == 7


def eadarp(name: str, lines: list[Line]) -> Instance:
    """Build the instance from a file's lines of numbers.

    Raises
    ------
    InstanceError
        Lines are missing or disagree.
    """
    fleet, n = whole(lines[0][0]), whole(lines[0][1])
    count = next((i for i, line in enumerate(lines[1:]) if len(line) != 7), len(lines) - 1)
    tasks, rest = lines[1 : count + 1], lines[count + 1 :]
    if [task[0] for task in tasks] != list(range(1, count + 1)):
        raise InstanceError("nodes are not numbered 1, 2, 3, ...")
    nodes = tuple(node_of(task) for task in tasks)
    # What follows is read as one stream of numbers, for some files break its lines in two.
    stream = _Stream([number for line in rest for number in line])
    n_stations = whole(lines[0][4])
    stream.take(2)
    origins = _places(stream.take(fleet), count)
    # The header counts destinations in another way; whatever nodes remain are destinations.
    ends = _places(stream.take(count - 2 * n - 2 - fleet - n_stations), count)
    stations = _places(stream.take(n_stations), count)
    max_rides, seats = stream.take(n), stream.take(fleet)
    charges, batteries = stream.take(fleet), stream.take(fleet)
    rates, drain = stream.take(n_stations), stream.take(1)[0]
    for i in range(n):
        if nodes[i].load[0] <= 0 or nodes[i].load[0] != -nodes[i + n].load[0]:
            raise InstanceError(f"node {i + 1} is not the pickup of node {i + n + 1}")
    travel = _given_travel(stream.rest(), count)
    if travel is None:
        travel = euclidean([(node.x, node.y) for node in nodes])
    return Instance(
        name=name,
        family=Family.EADARP,
        nodes=nodes,
        travel=travel,
        rides=tuple(Ride(i, i + n, max_rides[i]) for i in range(n)),
        vehicles=tuple(
            Vehicle(
                start=origins[k],
                ends=ends,
                capacity=(whole(seats[k]),),
                battery=Battery(charges[k], batteries[k], drain),
            )
            for k in range(fleet)
        ),
        stations=tuple(map(Station, stations, rates)),
        visits_per_station=whole(lines[0][5]),
        ends_shared=False,
        travel_weight=_TRAVEL_WEIGHT,
        excess_weight=_EXCESS_WEIGHT,
    )


class _Stream:
    """Numbers taken one after the other."""

    def __init__(self, numbers: list[float]) -> None:
        self._numbers = numbers
        self._taken = 0

    def take(self, count: int) -> Line:
        """The next numbers."""
        taken = tuple(self._numbers[self._taken : self._taken + count])
        if count < 0 or len(taken) < count:
            raise InstanceError("numbers are missing after the nodes")
        self._taken += count
        return taken

    def rest(self) -> list[float]:
        """What has not been taken."""
        return self._numbers[self._taken :]


def _places(line: Line, count: int) -> tuple[int, ...]:
    """Positions of the nodes that a line names."""
    places = tuple(whole(number) - 1 for number in line)
    if not all(0 <= place < count for place in places):
        raise InstanceError(f"nodes from 1 to {count} belong here: {places}")
    return places


def _given_travel(rest: list[float], count: int) -> Floats | None:
    """float64[count, count]: the travel times that end the file, if it has any."""
    # A few reference values stand before them or, without travel times, alone.
    if len(rest) < count:
        return None
    if len(rest) < count * count:
        raise InstanceError(f"{len(rest)} of {count * count} travel times")
    given = np.array(rest[-count * count :], dtype=np.float64).reshape(count, count)
    return _GIVEN_TRAVEL_FACTOR * given
