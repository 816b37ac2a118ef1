"""The cheapest schedule of an electric vehicle's route: a linear programme."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from dispatcher.planning.static_checker.rules import TOLERANCE, Car, Rules

Row: TypeAlias = NDArray[np.float64]


def least_excess(
    rules: Rules, car: Car, route: list[int], destination: int, end_share: float
) -> float | None:
    """Least total excess ride time of the route, or ``None`` if no schedule and charging exists.

    Unknown are the begin at every node, in order, then the time spent charging at every station.
    Energy is a sum over the legs so far, so every rule is linear.
    """
    stops = [car.origin, *route, destination]
    m = len(stops)
    stations = [i for i in range(1, m - 1) if stops[i] in rules.charge_rate]
    column = {i: m + j for j, i in enumerate(stations)}
    width = m + len(stations)
    rows: list[Row] = []
    bounds: list[float] = []

    def at_most(bound: float) -> Row:
        row = np.zeros(width)
        rows.append(row)
        bounds.append(bound)
        return row

    driven = 0.0
    for i in range(m - 1):
        leg = rules.leg(stops[i], stops[i + 1])
        service = rules.tasks[stops[i]].service if i else 0.0
        row = at_most(-service - leg)  # begin + service + charging + leg <= next begin
        row[i], row[i + 1] = 1.0, -1.0
        if i in column:
            row[column[i]] = 1.0
        if i in column:
            row = at_most(car.battery - car.charge + rules.drain * driven)  # never over-full
            _add_charged(rules, stops, column, i, row, 1.0)
        driven += leg
        least = end_share * car.battery if i == m - 2 else 0.0
        row = at_most(car.charge - rules.drain * driven - least)  # never empty on arrival
        _add_charged(rules, stops, column, i, row, -1.0)
    objective = np.zeros(width)
    constant = 0.0
    for i, node in enumerate(stops):
        if node in rules.partner:
            j = stops.index(rules.partner[node])
            service = rules.tasks[node].service
            row = at_most(rules.longest_ride[node] + service)
            row[j], row[i] = 1.0, -1.0
            objective += row
            constant -= service + rules.leg(node, rules.partner[node])
    windows = [(rules.tasks[node].earliest, rules.tasks[node].latest) for node in stops]
    # Exactly, if that is possible: bounds missed by the tolerance would make it cheaper, too.
    for slack in (0.0, TOLERANCE):
        solved = linprog(
            objective,
            A_ub=np.array(rows),
            b_ub=np.array(bounds) + slack,
            bounds=windows + [(0.0, None)] * len(stations),
            method="highs",
        )
        if solved.status == 0 and solved.fun is not None:
            return float(solved.fun) + constant
    return None


def _add_charged(
    rules: Rules, stops: list[int], column: dict[int, int], upto: int, row: Row, sign: float
) -> None:
    """Add the energy charged at stations up to a position, times ``sign``, to a row."""
    for i, where in column.items():
        if i <= upto:
            row[where] = sign * rules.charge_rate[stops[i]]
