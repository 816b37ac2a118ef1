# mypy: disallow-untyped-defs=False
"""Choosing which rides to take out of a plan, so that putting them back may find a better one.

Each operator lists rides in ``search.taken_list`` and marks them in ``search.taken``. Rides near
one another, in place and time, are worth exchanging; what is far apart goes back where it was.
"""

import numpy as np

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.routes import EARLIEST, HAS_PICKUP, PLACE, mixed

RANDOM = 0
STRINGS = 1  # Christiaens and Vanden Berghe (2020): adjacent strings of neighbouring routes
RELATED = 2  # Shaw (1998), with Ropke and Pisinger's (2006) measure for pickups and deliveries
WORST = 3
ROUTE = 4
TIME_SLOT = 5
CLUSTER = 6
EXCHANGE = 7  # takes nothing out, see `crossing`
OPERATORS = 8


@njit(cache=True, inline="always")
def draw(chance, below):
    """A whole number in [0, below), from the search's own seeded sequence (splitmix64)."""
    chance[0] += np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed(chance[0]) >> np.uint64(11)) % below


@njit(cache=True, inline="always")
def draw_unit(chance):
    """A number in (0, 1)."""
    chance[0] += np.uint64(0x9E3779B97F4A7C15)
    return (np.float64(mixed(chance[0]) >> np.uint64(11)) + 0.5) / 9007199254740992.0


@njit(cache=True, inline="always")
def _take(search, r):
    if search.taken[r] == 0 and search.movable[r] == 1:
        search.taken[r] = 1
        search.taken_list[search.counts[0]] = r
        search.counts[0] += 1


@njit(cache=True)
def planned(search):
    """A ride drawn from those in routes, or -1."""
    rides = search.route_of.shape[0]
    for _ in range(64):
        r = draw(search.chance, rides)
        if search.route_of[r] >= 0 and search.movable[r] == 1 and search.taken[r] == 0:
            return r
    start = draw(search.chance, rides)
    for x in range(rides):
        r = (start + x) % rides
        if search.route_of[r] >= 0 and search.movable[r] == 1 and search.taken[r] == 0:
            return r
    return -1


@njit(cache=True)
def ruin(model, routes, search, operator, most):
    """List rides to take out: about ``most`` of them, chosen by ``operator``."""
    if operator == RANDOM:
        for _ in range(most):
            r = planned(search)
            if r < 0:
                return
            _take(search, r)
    elif operator == STRINGS:
        _ruin_strings(model, routes, search, most)
    elif operator == RELATED:
        _ruin_related(model, routes, search, most)
    elif operator == WORST:
        _ruin_worst(model, routes, search, most)
    elif operator == ROUTE:
        _ruin_route(model, routes, search)
    elif operator == TIME_SLOT:
        _ruin_time_slot(model, routes, search, most)
    else:
        _ruin_cluster(model, routes, search, most)


@njit(cache=True)
def _ruin_strings(model, routes, search, most):
    """Strings of neighbouring routes about one seed ride (string and split-string removal)."""
    seed = -1
    if search.counts[1] > 0 and draw(search.chance, 2) == 0:
        seed = search.bank[draw(search.chance, search.counts[1])]
    else:
        seed = planned(search)
    if seed < 0:
        return
    rides = model.ride.shape[0]
    longest = search.tuning[0]
    used = 0
    ends = 0
    for v in range(routes.n.shape[0]):
        if routes.n[v] > 0:
            used += 1
            ends += routes.n[v]
        search.route_flag[v] = 0
    if used == 0:
        return
    longest_string = min(longest, max(1, ends // used))
    # Strings are counted in ends; each ride has two, mostly taken one at a time.
    most_strings = 4.0 * most / (1.0 + longest_string) - 1.0
    strings = np.int64(draw_unit(search.chance) * most_strings + 1.0)
    done = 0
    for x in range(-1, search.near.shape[1]):
        if done >= strings:
            return
        c = seed if x < 0 else search.near[seed, x]
        v = search.route_of[c]
        if v < 0 or search.route_flag[v] == 1 or search.taken[c] == 1:
            continue
        n = routes.n[v]
        at = 0
        wanted = c if draw(search.chance, 2) == 0 or model.ride[c, HAS_PICKUP] == 0 else rides + c
        if model.ride[c, HAS_PICKUP] == 0:
            wanted = rides + c
        for k in range(1, n + 1):
            if routes.seq[v, k] == wanted:
                at = k
                break
        if at == 0:
            continue
        search.route_flag[v] = 1
        length = 1 + draw(search.chance, min(n, longest_string))
        kept = 0
        if draw(search.chance, 2) == 0 and length > 1:
            while length + kept < n and draw_unit(search.chance) > search.split[0]:
                kept += 1
        whole = length + kept
        lowest = max(1, at - whole + 1)
        highest = min(at, n - whole + 1)
        if highest < lowest:
            highest = lowest
        first = lowest + draw(search.chance, highest - lowest + 1)
        skip = first + (1 + draw(search.chance, length - 1) if length > 1 else 1)
        for k in range(first, min(n, first + whole - 1) + 1):
            if kept > 0 and skip <= k < skip + kept:
                continue
            node = routes.seq[v, k]
            _take(search, node - rides if node >= rides else node)
        done += 1


@njit(cache=True)
def _begin_of(model, routes, search, r):
    """When ride ``r`` is begun, by plan."""
    v = search.route_of[r]
    rides = model.ride.shape[0]
    for k in range(1, routes.n[v] + 1):
        if routes.seq[v, k] == r or routes.seq[v, k] == rides + r:
            return routes.begin[v, k]
    return routes.begin[v, 0]


@njit(cache=True)
def _ruin_related(model, routes, search, most):
    """Rides near a drawn one, again and again from those already taken."""
    seed = planned(search)
    if seed < 0:
        return
    _take(search, seed)
    for _ in range(2 * most):
        if search.counts[0] >= most:
            return
        last = search.taken_list[draw(search.chance, search.counts[0])]
        # Near ones are likelier: the rank grows with the sixth power of a uniform draw.
        width = search.near.shape[1]
        if width == 0:
            return
        rank = np.int64(draw_unit(search.chance) ** 4.0 * width)
        for x in range(rank, width):
            r = search.near[last, x]
            if search.route_of[r] >= 0 and search.taken[r] == 0 and search.movable[r] == 1:
                _take(search, r)
                break


@njit(cache=True)
def _ruin_worst(model, routes, search, most):
    """Rides whose removal shortens their route the most, with some chance."""
    rides = model.ride.shape[0]
    for r in range(rides):
        search.gain[r] = -1
    for v in range(routes.n.shape[0]):
        n = routes.n[v]
        end = n + 1 if routes.place[v, n + 1] >= 0 else n
        for k in range(1, n + 1):
            node = routes.seq[v, k]
            r = node - rides if node >= rides else node
            if search.gain[r] < 0:
                search.gain[r] = 0
            leg = model.travel[routes.place[v, k - 1], routes.place[v, k]]
            if k < end:
                leg += model.travel[routes.place[v, k], routes.place[v, k + 1]]
                leg -= model.travel[routes.place[v, k - 1], routes.place[v, k + 1]]
            search.gain[r] += leg
    for _ in range(most):
        # The best of a few drawn ones, which makes the worst likelier without sorting them all.
        chosen = -1
        for _ in range(6):
            r = planned(search)
            if r < 0:
                return
            if chosen < 0 or search.gain[r] > search.gain[chosen]:
                chosen = r
        _take(search, chosen)


@njit(cache=True)
def _ruin_route(model, routes, search):
    """All rides of one route, the shorter of two drawn."""
    rides = model.ride.shape[0]
    chosen = -1
    for _ in range(2):
        r = planned(search)
        if r < 0:
            return
        v = search.route_of[r]
        if chosen < 0 or routes.n[v] < routes.n[chosen]:
            chosen = v
    taken = 0
    for k in range(1, routes.n[chosen] + 1):
        node = routes.seq[chosen, k]
        if node < rides or model.ride[node - rides, HAS_PICKUP] == 0:
            _take(search, node - rides if node >= rides else node)
            taken += 1
            if taken >= search.tuning[1]:
                return


@njit(cache=True)
def _ruin_time_slot(model, routes, search, most):
    """Rides begun at about the same time, wherever they are."""
    seed = planned(search)
    if seed < 0:
        return
    middle = _begin_of(model, routes, search, seed)
    rides = model.ride.shape[0]
    _take(search, seed)
    # The begins nearest to it: widen the slot until it holds enough.
    width = search.tuning[2]
    for _ in range(8):
        for v in range(routes.n.shape[0]):
            for k in range(1, routes.n[v] + 1):
                node = routes.seq[v, k]
                if node >= rides and model.ride[node - rides, HAS_PICKUP] == 1:
                    continue
                apart = abs(routes.begin[v, k] - middle)
                if apart <= width and draw(search.chance, 3) > 0:
                    _take(search, node - rides if node >= rides else node)
                    if search.counts[0] >= most:
                        return
        width *= 2


@njit(cache=True)
def _ruin_cluster(model, routes, search, most):
    """Rides whose pickups, or drop-offs, lie about one place, at any time."""
    seed = planned(search)
    if seed < 0:
        return
    rides = model.ride.shape[0]
    by_pickup = draw(search.chance, 2) == 0 and model.ride[seed, HAS_PICKUP] == 1
    centre = model.node[seed if by_pickup else rides + seed, PLACE]
    _take(search, seed)
    reach = search.tuning[3]
    for _ in range(8):
        start = draw(search.chance, rides)
        for x in range(rides):
            r = (start + x) % rides
            if search.route_of[r] < 0 or search.taken[r] == 1 or search.movable[r] == 0:
                continue
            place = model.node[r if by_pickup else rides + r, PLACE]
            if model.travel[centre, place] <= reach:
                _take(search, r)
                if search.counts[0] >= most:
                    return
        reach *= 2


@njit(cache=True, allocates=True)
def rank_neighbours(model, near):
    """For every ride the others, nearest first: in place at both ends, and in time.

    A quarter of the time between the earliest of each counts as place does.
    """
    rides, width = near.shape
    apart = np.empty(rides, dtype=np.float64)
    for r in range(rides):
        for o in range(rides):
            total = 0.0
            for end in range(2):
                a, b = end * rides + r, end * rides + o
                if end == 0 and (model.ride[r, HAS_PICKUP] == 0 or model.ride[o, HAS_PICKUP] == 0):
                    a, b = rides + r, rides + o
                total += min(
                    model.travel[model.node[a, PLACE], model.node[b, PLACE]],
                    model.travel[model.node[b, PLACE], model.node[a, PLACE]],
                )
                gap = abs(model.node[a, EARLIEST] - model.node[b, EARLIEST])
                total += 0.25 * gap
            apart[o] = total
        apart[r] = np.inf
        nearest = (
            np.argpartition(apart, width - 1)[:width] if width > 0 else near[r].astype(np.int64)
        )
        order = np.argsort(apart[nearest])
        for x in range(width):
            near[r, x] = nearest[order[x]]
