"""Which vehicle drives which route: the cheapest choice."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp


def cheapest_fleet(
    prices: list[dict[tuple[int, int], float]], *, shared_ends: bool
) -> float | None:
    """Least total price of one (vehicle, destination) per route, or ``None`` if there is none.

    Parameters
    ----------
    prices
        Per route, the price of each vehicle and destination that can drive it.
    shared_ends
        Whether several routes may end at one destination; no vehicle drives two routes.
    """
    if not prices:
        return 0.0
    choices = [(r, car, end) for r, price in enumerate(prices) for car, end in price]
    price = np.array([prices[r][car, end] for r, car, end in choices])
    routes = [[float(r == route) for r, _, _ in choices] for route in range(len(prices))]
    cars = [[float(c == car) for _, c, _ in choices] for car in {c for _, c, _ in choices}]
    ends = [[float(e == end) for _, _, e in choices] for end in {e for _, _, e in choices}]
    rules = [LinearConstraint(np.array(routes), 1, 1), LinearConstraint(np.array(cars), 0, 1)]
    if not shared_ends:
        rules.append(LinearConstraint(np.array(ends), 0, 1))
    solved = milp(
        price,
        constraints=rules,
        integrality=np.ones(len(choices), dtype=np.int64),
        bounds=Bounds(0, 1),
    )
    if solved.status != 0:
        return None
    # Summed anew: the solver's own figure carries its tolerances.
    return float(price[np.asarray(solved.x) > 0.5].sum())
