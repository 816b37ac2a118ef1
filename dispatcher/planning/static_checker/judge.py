"""The verdict on a set of routes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path

from dispatcher.planning.static_checker.energy import least_excess
from dispatcher.planning.static_checker.fleet import cheapest_fleet
from dispatcher.planning.static_checker.parse import parse
from dispatcher.planning.static_checker.rules import Car, Rules
from dispatcher.planning.static_checker.timing import timing_fault


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge found: nothing broken means that the routes can be driven at this cost."""

    broken: tuple[str, ...]
    cost: float
    """The family's objective, without vehicles; infinite if no vehicles can drive the routes."""
    vehicles: int

    @property
    def accepted(self) -> bool:
        """Whether every rule is kept."""
        return not self.broken


def judge(path: Path, routes: Sequence[Sequence[int]], *, min_end_battery: float = 0.1) -> Verdict:
    """Judge routes of node numbers, depots left out, against the instance in a file.

    Which vehicle drives which route, and where it ends, is the judge's to choose: the cheapest
    way counts. ``min_end_battery`` is a share of the battery and concerns electric fleets only.

    Raises
    ------
    UnreadableInstanceError
        The file is no instance.
    """
    rules = parse(path)
    used = [list(route) for route in routes if route]
    vehicles = len(used)
    broken = [*_who_is_served(rules, used), *_stations(rules, used)]
    for k, route in enumerate(used):
        broken += [f"route {k}: {what}" for what in _order(rules, route)]
    if len(used) > len(rules.cars):
        broken.append(f"{len(used)} routes for {len(rules.cars)} vehicles")
    if broken:
        return Verdict(tuple(broken), inf, vehicles)
    if rules.one_route_per_destination:
        # Vehicles that serve nobody go home, too, and that is paid.
        used += [[]] * (len(rules.cars) - len(used))
    prices: list[dict[tuple[int, int], float]] = []
    known: dict[tuple[object, ...], float | str] = {}
    for k, route in enumerate(used):
        price, faults = {}, []
        for c, car in enumerate(rules.cars):
            for destination in rules.destinations:
                alike = (k, *_alike(rules, car, destination))
                if alike not in known:
                    known[alike] = _drive(rules, car, route, destination, min_end_battery)
                found = known[alike]
                if isinstance(found, str):
                    faults.append(found)
                else:
                    price[c, destination] = found
        if not price:
            broken.append(f"route {k}: {min(faults, key=len)}")
        prices.append(price)
    if broken:
        return Verdict(tuple(broken), inf, vehicles)
    cost = cheapest_fleet(prices, shared_ends=not rules.one_route_per_destination)
    if cost is None:
        return Verdict(("no vehicles for all of the routes at once",), inf, vehicles)
    return Verdict((), cost, vehicles)


def _alike(rules: Rules, car: Car, destination: int) -> tuple[object, ...]:
    """What makes a difference between vehicles and destinations: equal ones are tried once."""
    ends: tuple[object, ...] = (destination,)
    if not rules.legs:
        task = rules.tasks[destination]
        ends = (rules.points[destination], task.earliest, task.latest)
    start: tuple[object, ...] = (car.origin,)
    if not rules.legs:
        task = rules.tasks[car.origin]
        start = (rules.points[car.origin], task.earliest, task.latest)
    return (*start, car.places, car.longest_route, car.charge, car.battery, *ends)


def _drive(
    rules: Rules, car: Car, route: list[int], destination: int, end_share: float
) -> float | str:
    """The price of the route for one vehicle, or why it cannot drive it."""
    aboard = [0.0] * len(car.places)
    for node in route:
        aboard = [on + takes for on, takes in zip(aboard, rules.tasks[node].takes, strict=True)]
        if any(on > places for on, places in zip(aboard, car.places, strict=True)):
            return f"more riders than places after node {node}"
    travel = sum(rules.leg(a, b) for a, b in pairwise([car.origin, *route, destination]))
    if not rules.charge_rate:
        fault = timing_fault(rules, car, route, destination)
        return fault if fault is not None else rules.travel_price * travel
    excess = least_excess(rules, car, route, destination, end_share)
    if excess is None:
        return "no schedule keeps windows, rides and battery"
    return rules.travel_price * travel + rules.excess_price * excess


def _who_is_served(rules: Rules, routes: list[list[int]]) -> list[str]:
    visits = Counter(node for route in routes for node in route)
    ends = {*rules.partner, *rules.partner.values()}
    broken = [
        f"node {node} is visited {visits[node]} times" for node in sorted(ends) if visits[node] != 1
    ]
    strange = sorted(set(visits) - ends - set(rules.charge_rate))
    return broken + [f"node {node} is no place to visit" for node in strange]


def _stations(rules: Rules, routes: list[list[int]]) -> list[str]:
    visits = Counter(node for route in routes for node in route if node in rules.charge_rate)
    return [
        f"station {node} is visited {count} times"
        for node, count in sorted(visits.items())
        if count > rules.visits_per_station
    ]


def _order(rules: Rules, route: list[int]) -> list[str]:
    broken = []
    position = {node: i for i, node in enumerate(route)}
    for pickup, dropoff in rules.partner.items():
        if (pickup in position) != (dropoff in position):
            broken.append(f"only one of nodes {pickup} and {dropoff}")
        elif pickup in position and position[pickup] > position[dropoff]:
            broken.append(f"node {dropoff} before its pickup {pickup}")
    aboard = 0
    for node in route:
        if node in rules.partner:
            aboard += 1
        elif node in rules.charge_rate:
            if aboard:
                broken.append(f"charges at {node} with riders aboard")
        else:
            aboard -= 1
    return broken
