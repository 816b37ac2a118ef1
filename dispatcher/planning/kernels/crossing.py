# mypy: disallow-untyped-defs=False
"""Stretches of two routes exchanged: what taking out a few rides at a time cannot do.

Between stretches nobody is aboard, so that no ride is torn apart. Ends of routes exchanged
(2-opt*, Potvin and Rousseau 1995) are those that reach to the last stop; of dial-a-ride routes
Parragh, Doerner and Hartl (2010) cut at such places.
"""

import numpy as np

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.inserting import copy_route, touch
from dispatcher.planning.kernels.routes import (
    BOUND_TO,
    END_PLACE,
    HAS_PICKUP,
    START_PLACE,
    moved_on,
    renew,
)
from dispatcher.planning.kernels.ruining import draw, draw_unit, planned

_TRIES = 4
_MOST_CUTS = 24


@njit(cache=True)
def _cuts(model, routes, search, v, cuts):
    """Positions behind which nobody is aboard and all that follows may move; how many."""
    rides = model.ride.shape[0]
    n = routes.n[v]
    found, aboard = 0, 0
    for k in range(1, n + 1):
        node = routes.seq[v, k]
        if node >= rides and model.ride[node - rides, HAS_PICKUP] == 0:
            aboard += 1
    for k in range(n + 1):
        if k > 0:
            node = routes.seq[v, k]
            r = node - rides if node >= rides else node
            if search.movable[r] == 0 or model.ride[r, BOUND_TO] >= 0:
                found = 0
            aboard += 1 if node < rides else -1
        if aboard == 0 and (k == n or routes.joined[v, k + 1] == 0) and found < _MOST_CUTS:
            cuts[found] = k
            found += 1
    return found


@njit(cache=True, inline="always")
def _leg(model, v, here, there):
    """Drive to the next place; where an open route ends, what is counted for the way on."""
    if there >= 0:
        return model.travel[here, there]
    return moved_on(model, model.vehicle[v, START_PLACE], here)


@njit(cache=True)
def _joint(model, routes, v, a, b, w, c, d):
    """What route ``v`` drives more with (c, d] of route ``w`` in place of its own (a, b].

    Drives within the stretches are left out: they are driven by either.
    """
    place, other = routes.place[v], routes.place[w]
    after = place[b + 1] if b < routes.n[v] else model.vehicle[v, END_PLACE]
    if a < b:
        old = model.travel[place[a], place[a + 1]] + _leg(model, v, place[b], after)
    elif routes.n[v] == 0:
        old = 0
    else:
        old = _leg(model, v, place[a], after)
    if c < d:
        return model.travel[place[a], other[c + 1]] + _leg(model, v, other[d], after) - old
    if a == 0 and b == routes.n[v]:
        return -old  # it drives nowhere
    return _leg(model, v, place[a], after) - old


@njit(cache=True)
def _lay(routes, undo, v, a, b, w, c, d):
    """Write route ``v`` with (c, d] of route ``w`` in place of its own (a, b], as ``undo`` has."""
    n = a
    for k in range(c + 1, d + 1):
        n += 1
        routes.seq[v, n] = undo.seq[w, k]
        routes.joined[v, n] = undo.joined[w, k]
    for k in range(b + 1, undo.n[v] + 1):
        n += 1
        routes.seq[v, n] = undo.seq[v, k]
        routes.joined[v, n] = undo.joined[v, k]
    routes.n[v] = n


@njit(cache=True)
def _late(model, routes, v, a, w, c, d):
    """Whether (c, d] of route ``w`` cannot follow position ``a`` of route ``v`` in time."""
    if c == d:
        return False
    begin = routes.depart[v, a] + model.travel[routes.place[v, a], routes.place[w, c + 1]]
    return begin > routes.latest[w, c + 1]


@njit(cache=True)
def exchange(model, routes, undo, trial, search, most):
    """Exchange two stretches, one of which may be empty, of two routes near one another.

    What is done adds less than ``most`` to the routes' cost, and is drawn from all such that seem
    to be feasible. Returns 0, and nothing is changed, where none was found.
    """
    rides = model.ride.shape[0]
    seed = planned(search)
    if seed < 0:
        return 0
    v, w = search.route_of[seed], -1
    width = search.near.shape[1]
    for _ in range(8):
        if width == 0:
            return 0
        near = search.near[seed, np.int64(draw_unit(search.chance) ** 2.0 * width)]
        if search.route_of[near] >= 0 and search.route_of[near] != v:
            w = search.route_of[near]
            break
    if w < 0:
        return 0
    cuts_v, cuts_w = trial.begin, trial.depart  # not in use before a route is timed
    many_v = _cuts(model, routes, search, v, cuts_v)
    many_w = _cuts(model, routes, search, w, cuts_w)
    if many_v == 0 or many_w == 0:
        return 0
    only_ends = draw(search.chance, 2) == 0
    listed, met = 0, 0
    room = search.key.shape[0]
    for x in range(many_v):
        for y in range(many_w):
            a, c = cuts_v[x], cuts_w[y]
            for i in range(many_v - 1 if only_ends else x, many_v):
                b = cuts_v[i]
                for j in range(many_w - 1 if only_ends else y, many_w):
                    d = cuts_w[j]
                    if (a == b and c == d) or (
                        a == 0 and c == 0 and b == routes.n[v] and d == routes.n[w]
                    ):
                        continue
                    drive = _joint(model, routes, v, a, b, w, c, d)
                    drive += _joint(model, routes, w, c, d, v, a, b)
                    if model.driving * drive >= most:
                        continue
                    if _late(model, routes, v, a, w, c, d) or _late(model, routes, w, c, v, a, b):
                        continue
                    met += 1
                    at = listed if listed < room else draw(search.chance, met)
                    if at < room:
                        search.key[at] = (a << 48) | (b << 32) | (c << 16) | d
                        listed = min(room, listed + 1)
    if listed == 0:
        return 0
    touch(routes, undo, search, v)
    touch(routes, undo, search, w)
    longest = routes.seq.shape[1]
    for _ in range(min(_TRIES, listed)):
        at = draw(search.chance, listed)
        word = search.key[at]
        listed -= 1
        search.key[at] = search.key[listed]
        a, b = word >> 48, (word >> 32) & 0xFFFF
        c, d = (word >> 16) & 0xFFFF, word & 0xFFFF
        if max(undo.n[v] + d - c, undo.n[w] + b - a) + 2 > longest:
            continue
        _lay(routes, undo, v, a, b, w, c, d)
        _lay(routes, undo, w, c, d, v, a, b)
        if renew(model, routes, trial, v) == 1 and renew(model, routes, trial, w) == 1:
            added = routes.cost[v] + routes.cost[w] - undo.cost[v] - undo.cost[w]
            if added < most:
                for k in range(1, routes.n[v] + 1):
                    search.route_of[routes.seq[v, k] % rides] = v
                for k in range(1, routes.n[w] + 1):
                    search.route_of[routes.seq[w, k] % rides] = w
                return 1
        copy_route(undo, routes, v)
        copy_route(undo, routes, w)
    return 0
