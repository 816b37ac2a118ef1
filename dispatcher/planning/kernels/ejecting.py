# mypy: disallow-untyped-defs=False
"""A ride that finds no place gets one all the same: others are put out for it.

Out of one route go one or two rides, those that have found a place most easily so far. Guided
ejection search, Nagata and Kobayashi (2010), PPSN XI, 536-545.
"""

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.inserting import best_in_route, copy_route, put_in, take_out
from dispatcher.planning.kernels.routes import FOREVER, HAS_PICKUP
from dispatcher.planning.kernels.ruining import draw


@njit(cache=True)
def _fits_without(model, routes, undo, trial, search, v, r, x, y):
    """Whether ride ``r`` finds a place in route ``v`` without ``x`` and ``y``; -1 stands for none.

    The route is left without them; ``undo`` holds it as it was.
    """
    if x >= 0:
        search.taken[x] = 1
    if y >= 0:
        search.taken[y] = 1
    if x >= 0 or y >= 0:
        take_out(model, routes, trial, v, search.taken)
    if x >= 0:
        search.taken[x] = 0
    if y >= 0:
        search.taken[y] = 0
    _, _, code_d = best_in_route(model, routes, trial, v, r, FOREVER)
    return code_d >= 0


@njit(cache=True)
def eject(model, routes, undo, trial, search):
    """Put one of the bank's rides into a route, and out of it as few and easy ones as that takes.

    How easy a ride is to place is told by ``search.absent``: how often it has found none. Returns
    0 if no two rides of any route make room; the plan is then as it was.
    """
    rides = model.ride.shape[0]
    if search.counts[1] == 0:
        return 0
    from_bank = draw(search.chance, search.counts[1])
    r = search.bank[from_bank]
    search.absent[r] += 1
    vehicles = routes.n.shape[0]
    longest = routes.seq.shape[1]
    least, best_v, best_x, best_y = FOREVER, -1, -1, -1
    first = draw(search.chance, vehicles)
    for together in range(3):  # so many rides are put out
        for i in range(vehicles):
            v = (first + i) % vehicles
            if routes.n[v] + 4 > longest:
                continue
            aboard = 0
            for k in range(1, routes.n[v] + 1):
                node = routes.seq[v, k]
                if node >= rides:
                    one = node - rides
                    if search.movable[one] == 1 and model.ride[one, HAS_PICKUP] == 1:
                        search.key[aboard] = one
                        aboard += 1
            copy_route(routes, undo, v)
            if together == 0:
                if _fits_without(model, routes, undo, trial, search, v, r, -1, -1):
                    least, best_v = 0, v
                    break
                continue
            for a in range(aboard):
                x = search.key[a]
                if search.absent[x] >= least:
                    continue
                if together == 1:
                    if _fits_without(model, routes, undo, trial, search, v, r, x, -1):
                        least, best_v, best_x, best_y = search.absent[x], v, x, -1
                    copy_route(undo, routes, v)
                    continue
                for b in range(a):
                    y = search.key[b]
                    if search.absent[x] + search.absent[y] >= least:
                        continue
                    if _fits_without(model, routes, undo, trial, search, v, r, x, y):
                        least, best_v = search.absent[x] + search.absent[y], v
                        best_x, best_y = x, y
                    copy_route(undo, routes, v)
        if least == 0:
            break
    if best_v < 0:
        return 0
    _fits_without(model, routes, undo, trial, search, best_v, r, best_x, best_y)
    _, code_p, code_d = best_in_route(model, routes, trial, best_v, r, FOREVER)
    put_in(model, routes, trial, best_v, r, code_p, code_d)
    search.route_of[r] = best_v
    search.counts[1] -= 1
    search.bank[from_bank] = search.bank[search.counts[1]]
    for out in (best_x, best_y):
        if out >= 0:
            search.route_of[out] = -1
            search.bank[search.counts[1]] = out
            search.counts[1] += 1
    return 1
