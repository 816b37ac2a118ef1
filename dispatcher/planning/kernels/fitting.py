# mypy: disallow-untyped-defs=False
"""Which vehicles are worth trying for a ride, in a fleet too large to try all of them."""

import numpy as np

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.routes import (
    BOUND_TO,
    EARLIEST,
    FOREVER,
    HAS_PICKUP,
    LATEST,
    PLACE,
    RIDERS,
)


@njit(cache=True, allocates=True)
def rank_vehicles(model, routes, fits):
    """For every ride the vehicles with the lowest floor under the cost of its pickup.

    The floor is that of boarding behind one of the vehicle's visits as planned now: the detour,
    and the wait. ``fits`` is int32[rides, vehicles kept].
    """
    vehicles, width = routes.n.shape[0], fits.shape[1]
    floor = np.empty(vehicles, dtype=np.int64)
    for r in range(fits.shape[0]):
        if model.ride[r, HAS_PICKUP] == 0 or model.ride[r, BOUND_TO] >= 0:
            fits[r, :] = max(0, model.ride[r, BOUND_TO])
            continue
        p = model.node[r, PLACE]
        for v in range(vehicles):
            floor[v] = FOREVER
            n = routes.n[v]
            for k in range(n + 1):
                leg = model.travel[routes.place[v, k], p]
                begin = routes.depart[v, k] + leg
                if begin > model.node[r, LATEST]:
                    continue
                detour = leg
                if k < n:
                    there = routes.place[v, k + 1]
                    onward = model.travel[p, there]
                    if begin + onward > routes.latest[v, k + 1]:
                        continue
                    detour += onward - model.travel[routes.place[v, k], there]
                wait = max(0, begin - model.node[r, EARLIEST])
                cost = model.driving * detour + model.waiting * model.ride[r, RIDERS] * wait
                floor[v] = min(floor[v], cost)
        fits[r, :] = np.argpartition(floor, width - 1)[:width]
