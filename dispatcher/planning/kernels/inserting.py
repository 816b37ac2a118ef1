# mypy: disallow-untyped-defs=False
"""The cheapest place for a ride in one route, exactly feasible.

Where a node may stand is coded as ``2k`` for a new visit behind position ``k`` (which ends a
visit) and ``2k + 1`` for joining the visit that ends at ``k``. Bounds come first: begins carried
forward from the least schedule against the greatest schedule, loads, the shortest possible ride,
and a floor under the cost. Only what passes all of them and may be the cheapest is timed in full.
"""

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.routes import (
    BOUND_TO,
    DWELL,
    EARLIEST,
    END_PLACE,
    FOREVER,
    HAS_PICKUP,
    LATEST,
    MAX_DRIVING,
    MAX_RIDE,
    PLACE,
    RIDERS,
    USE_COST,
    keep_ride_limits,
    moved_on,
    propagate,
    renew,
    route_price,
)


@njit(cache=True)
def write_trial(model, routes, trial, v, r, code_p, code_d):
    """Lay out the route with ride ``r`` put in; returns its length and where the two ends stand.

    Begins are what is known from below: the present ones, and the windows of the new ends.
    """
    rides = model.ride.shape[0]
    n = routes.n[v]
    k_p, k_d = code_p >> 1, code_d >> 1
    w = 0
    at_p, at_d = 0, 0
    for k in range(n + 1):
        if k > 0:
            w += 1
            trial.seq[w] = routes.seq[v, k]
            trial.joined[w] = routes.joined[v, k]
            trial.at[trial.seq[w]] = w
        trial.begin[w] = routes.begin[v, k]
        trial.depart[w] = routes.depart[v, k]
        if code_p >= 0 and k == k_p:
            w += 1
            at_p = w
            trial.seq[w] = r
            trial.joined[w] = code_p & 1
            trial.at[r] = w
            trial.begin[w] = model.node[r, EARLIEST]
            trial.depart[w] = -1
        if k == k_d:
            w += 1
            at_d = w
            trial.seq[w] = rides + r
            trial.joined[w] = code_d & 1
            trial.at[rides + r] = w
            trial.begin[w] = model.node[rides + r, EARLIEST]
            trial.depart[w] = -1
    trial.joined[w + 1] = 0
    trial.begin[w + 1] = routes.begin[v, n + 1]
    trial.depart[w + 1] = routes.depart[v, n + 1]
    return w, at_p, at_d


@njit(cache=True)
def time_trial(model, routes, trial, v, n, at_p, at_d):
    """Time the route laid out in ``trial``; 0 if it cannot be driven."""
    seq, joined, begin, depart = trial.seq, trial.joined, trial.begin, trial.depart
    first = at_p if at_p > 0 else at_d
    head = first
    while joined[head] == 1:
        head -= 1
    if propagate(model, v, seq, joined, n, begin, depart, head, False) == 0:
        return 0
    if at_p > 0:
        head = at_d
        while joined[head] == 1:
            head -= 1
        if propagate(model, v, seq, joined, n, begin, depart, head, False) == 0:
            return 0
    return keep_ride_limits(model, v, seq, joined, n, begin, depart, trial.at, first)


@njit(cache=True)
def best_in_route(model, routes, trial, v, r, most):
    """Cheapest way to take up ride ``r``: (added cost, code of the pickup, code of the drop-off).

    Only what adds less than ``most`` is looked for; (FOREVER, -1, -1) if there is none. The pickup
    of a ride that is aboard has the code -1.
    """
    bound = model.ride[r, BOUND_TO]
    if bound >= 0 and bound != v:
        return FOREVER, -1, -1
    if model.ride[r, HAS_PICKUP] == 0:
        return _best_dropoff(model, routes, trial, v, r, most)
    if not model.shares:
        return _best_apart(model, routes, trial, v, r, most)
    travel, node = model.travel, model.node
    rides = model.ride.shape[0]
    kinds = model.load.shape[1]
    n = routes.n[v]
    joined, place = routes.joined[v], routes.place[v]
    begin, depart, latest = routes.begin[v], routes.depart[v], routes.latest[v]
    load = routes.load
    d = rides + r
    place_p, place_d = node[r, PLACE], node[d, PLACE]
    earliest_p, latest_p, dwell_p = node[r, EARLIEST], node[r, LATEST], node[r, DWELL]
    earliest_d, latest_d, dwell_d = node[d, EARLIEST], node[d, LATEST], node[d, DWELL]
    max_ride = model.ride[r, MAX_RIDE]
    riders = model.ride[r, RIDERS]
    timed = model.waiting > 0 or model.riding > 0
    old_cost = routes.cost[v]
    room = model.vehicle[v, MAX_DRIVING] - routes.drive[v]
    closed = model.vehicle[v, END_PLACE] >= 0
    # An empty route drives nowhere; its first ride brings the way home as well.
    opening = model.vehicle[v, USE_COST] if n == 0 else 0
    best, best_p, best_d = most, -1, -1

    for c in range(kinds):
        if model.load[r, c] > model.capacity[v, c]:
            return FOREVER, -1, -1
    # The least that a drop-off behind position k, or any later one, adds to the drive.
    least_from = trial.least_from
    least = FOREVER
    for k in range(n, -1, -1):
        if k > 0 and place[k] == place_d:
            least = 0
        else:
            detour = travel[place[k], place_d]
            if k < n or closed:
                detour += travel[place_d, place[k + 1]]
                if n > 0:
                    detour -= travel[place[k], place[k + 1]]
            else:
                detour += moved_on(model, place[k], place_d)
            if detour < least:
                least = detour
        least_from[k] = least
    for k1 in range(n + 1):
        if k1 < n and joined[k1 + 1] == 1:
            continue
        leg_in = travel[place[k1], place_p]
        begin_p = depart[k1] + leg_in
        if begin_p > latest_p and begin[k1] > latest_p:
            break
        for join_p in range(2):
            if join_p == 1:
                if k1 == 0 or place[k1] != place_p:
                    continue
                begin_p = max(begin[k1], earliest_p)
                depart_p = begin_p + max(depart[k1] - begin[k1], dwell_p)
                last_p = min(latest_p, latest[k1])
                detour_p = 0
            else:
                begin_p = max(depart[k1] + leg_in, earliest_p)
                depart_p = begin_p + dwell_p
                last_p = latest_p
                if k1 < n or (closed and n > 0):
                    onward = travel[place_p, place[k1 + 1]]
                    last_p = min(last_p, latest[k1 + 1] - onward - dwell_p)
                    detour_p = leg_in + onward - travel[place[k1], place[k1 + 1]]
                elif closed:
                    onward = travel[place_p, place[1]]
                    last_p = min(last_p, latest[1] - onward - dwell_p)
                    detour_p = leg_in + onward
                else:
                    last_p = min(last_p, latest[n + 1] - dwell_p)
                    detour_p = leg_in
            if begin_p > last_p or detour_p > room:
                continue
            stands_p = depart_p - begin_p
            rest_p = opening
            if timed:
                rest_p += model.waiting * riders * (begin_p - node[r, EARLIEST])
            least_p = detour_p
            if k1 == n and not closed:  # no way on from the drop-off is shorter than from here
                least_p += moved_on(model, place[k1], place_p)
            if rest_p + model.driving * least_p >= best:
                continue
            fits = True
            for c in range(kinds):
                if load[v, k1, c] + model.load[r, c] > model.capacity[v, c]:
                    fits = False
            if not fits:
                continue

            # Carry the pickup's delay along the route, and try the drop-off behind each visit.
            here = place_p
            clock = depart_p
            ridden = 0  # least time from the pickup's departure to ``clock``
            k2 = k1
            while True:
                leg_d = travel[here, place_d]
                if ridden + leg_d > max_ride:
                    break
                begin_d = max(clock + leg_d, earliest_d)
                # The pickup can be begun no later than last_p; both only get worse further on.
                if begin_d > latest_d or begin_d - last_p - stands_p > max_ride:
                    break
                after_d = begin_d + dwell_d
                if k2 < n or (closed and n > 0):
                    onward = travel[place_d, place[k2 + 1]]
                    keeps = after_d + onward <= latest[k2 + 1]
                    if k2 == k1:
                        if join_p == 1:
                            added = leg_d + onward - travel[here, place[k2 + 1]]
                        else:
                            added = leg_in + leg_d + onward - travel[place[k1], place[k2 + 1]]
                    else:
                        added = detour_p + leg_d + onward - travel[here, place[k2 + 1]]
                elif closed:
                    onward = travel[place_d, place[1]]
                    keeps = after_d + onward <= latest[1]
                    added = leg_in + leg_d + onward
                else:
                    keeps = after_d <= latest[n + 1]
                    added = detour_p + leg_d
                if keeps and added <= room:
                    floor = model.driving * added + opening
                    if k2 == n and not closed:
                        floor += model.driving * moved_on(model, place[n], place_d)
                    if timed:
                        floor += model.waiting * riders * (begin_p - node[r, EARLIEST])
                        floor += model.riding * riders * (begin_d - begin_p)
                    if floor < best:
                        cost = _priced(
                            model, routes, trial, v, r, 2 * k1 + join_p, 2 * k2, added,
                            floor, timed, old_cost,
                        )  # fmt: skip
                        if cost < best:
                            best, best_p, best_d = cost, 2 * k1 + join_p, 2 * k2
                # Further on, the drop-off adds its own detour to the pickup's.
                if k2 == n or rest_p + model.driving * (detour_p + least_from[k2 + 1]) >= best:
                    break
                # On to the end of the next visit.
                leg = travel[here, place[k2 + 1]]
                head = k2 + 1
                k2 += 1
                while k2 < n and joined[k2 + 1] == 1:
                    k2 += 1
                arrive = clock + leg
                dwell = depart[k2] - begin[k2]
                begin_k = max(arrive, begin[head])
                if begin_k > latest[head]:
                    break
                if place[head] == place_d:
                    begin_j = max(begin_k, earliest_d)
                    if begin_j <= latest_d and begin_j <= latest[k2]:
                        floor = model.driving * detour_p + opening
                        if timed:
                            floor += model.waiting * riders * (begin_p - node[r, EARLIEST])
                            floor += model.riding * riders * (begin_j - begin_p)
                        if floor < best:
                            cost = _priced(
                                model, routes, trial, v, r, 2 * k1 + join_p, 2 * k2 + 1,
                                detour_p, floor, timed, old_cost,
                            )  # fmt: skip
                            if cost < best:
                                best, best_p, best_d = cost, 2 * k1 + join_p, 2 * k2 + 1
                ridden += leg + dwell
                clock = begin_k + dwell
                here = place[k2]
                fits = True
                for c in range(kinds):
                    if load[v, k2, c] + model.load[r, c] > model.capacity[v, c]:
                        fits = False
                if not fits:
                    break
    if best_p < 0:
        return FOREVER, -1, -1
    return best, best_p, best_d


@njit(cache=True)
def _best_apart(model, routes, trial, v, r, most):
    """As `best_in_route`, where every end is a visit of its own.

    Behind which positions the two may stand is narrowed down first, by windows, loads and times.
    """
    travel, travel_to, node = model.travel, model.travel_to, model.node
    rides = model.ride.shape[0]
    kinds = model.load.shape[1]
    n = routes.n[v]
    place, legs = routes.place[v], routes.leg[v]
    begin, depart, latest = routes.begin[v], routes.depart[v], routes.latest[v]
    load = routes.load
    d = rides + r
    place_p, place_d = node[r, PLACE], node[d, PLACE]
    earliest_p, latest_p, dwell_p = node[r, EARLIEST], node[r, LATEST], node[r, DWELL]
    earliest_d, latest_d, dwell_d = node[d, EARLIEST], node[d, LATEST], node[d, DWELL]
    max_ride, riders = model.ride[r, MAX_RIDE], model.ride[r, RIDERS]
    timed = model.waiting > 0 or model.riding > 0
    exact = not (model.limited or timed)  # the bounds are then all there is to keep
    old_cost = routes.cost[v]
    room = model.vehicle[v, MAX_DRIVING] - routes.drive[v]
    closed = model.vehicle[v, END_PLACE] >= 0
    opening = model.vehicle[v, USE_COST] if n == 0 else 0
    best, best_p, best_d = most, -1, -1
    for c in range(kinds):
        if model.load[r, c] > model.capacity[v, c]:
            return FOREVER, -1, -1

    first = 0
    while first < n and latest[first + 1] < earliest_p + dwell_p:
        first += 1
    last = n
    while last > first and depart[last] > latest_d:
        last -= 1
    # The drive to a drop-off behind each position and on from there; the least that one behind it,
    # or any later one that a party taken up there can reach, adds to the drive. Begins only become
    # later with the pickup on the route, and latest ones no later.
    to_d, from_d, least_from = trial.to_d, trial.from_d, trial.least_from
    least = FOREVER
    least_from[last + 1] = FOREVER
    for k in range(last, first - 1, -1):
        leg_d = travel_to[place_d, place[k]]
        onward = travel[place_d, place[k + 1]] if k < n or closed else 0
        to_d[k] = leg_d
        from_d[k] = onward
        fits = True
        for c in range(kinds):
            if load[v, k, c] + model.load[r, c] > model.capacity[v, c]:
                fits = False
        if not fits:
            least = FOREVER
        else:
            detour = leg_d + onward - legs[k]
            begin_d = max(depart[k] + leg_d, earliest_d)
            if (
                detour < least
                and begin_d <= latest_d
                and begin_d + dwell_d + onward <= latest[k + 1]
            ):
                least = detour
        least_from[k] = least
    direct = travel[place_p, place_d]
    for k1 in range(first, last + 1):
        leg_in = travel_to[place_p, place[k1]]
        begin_p = depart[k1] + leg_in
        if begin_p > latest_p:
            break
        if least_from[k1] >= FOREVER:
            continue
        onward = travel[place_p, place[k1 + 1]] if k1 < n or closed else 0
        detour_p = leg_in + onward - legs[k1]
        begin_p = max(begin_p, earliest_p)
        last_p = min(latest_p, latest[k1 + 1] - onward - dwell_p)
        if begin_p > last_p or detour_p > room:
            continue
        rest_p = opening
        if timed:
            rest_p += model.waiting * riders * (begin_p - node[r, EARLIEST])
        if rest_p + model.driving * max(detour_p, least_from[k1]) >= best:
            continue

        # Carry the pickup's delay along the route, and try the drop-off behind each visit.
        clock = begin_p + dwell_p
        ridden = 0  # least time from the pickup's departure to ``clock``
        leg_d = direct
        k2 = k1
        while True:
            if ridden + leg_d > max_ride:
                break
            begin_d = max(clock + leg_d, earliest_d)
            # The pickup can be begun no later than last_p; both only get worse further on.
            if begin_d > latest_d or begin_d - last_p - dwell_p > max_ride:
                break
            if k2 == k1:
                added = leg_in + leg_d + from_d[k2] - legs[k2]
            else:
                added = detour_p + leg_d + from_d[k2] - legs[k2]
            if begin_d + dwell_d + from_d[k2] <= latest[k2 + 1] and added <= room:
                cost = rest_p + model.driving * added
                if timed:
                    cost += model.riding * riders * (begin_d - begin_p)
                if cost < best:
                    if not exact:
                        cost = _priced(
                            model, routes, trial, v, r, 2 * k1, 2 * k2, added, cost, timed, old_cost
                        )
                    if cost < best:
                        best, best_p, best_d = cost, 2 * k1, 2 * k2
            # Further on, the drop-off adds its own detour to the pickup's.
            if k2 == last or rest_p + model.driving * (detour_p + least_from[k2 + 1]) >= best:
                break
            leg = onward if k2 == k1 else legs[k2]
            k2 += 1
            begin_k = max(clock + leg, begin[k2])
            if begin_k > latest[k2]:
                break
            dwell = depart[k2] - begin[k2]
            ridden += leg + dwell
            clock = begin_k + dwell
            leg_d = to_d[k2]
    if best_p < 0:
        return FOREVER, -1, -1
    return best, best_p, best_d


@njit(cache=True)
def _priced(model, routes, trial, v, r, code_p, code_d, added, floor, timed, old_cost):
    """Added cost of one candidate, or FOREVER if it cannot be driven."""
    n, at_p, at_d = write_trial(model, routes, trial, v, r, code_p, code_d)
    if time_trial(model, routes, trial, v, n, at_p, at_d) == 0:
        return FOREVER
    if not timed:
        return floor
    drive = routes.drive[v] + added
    return route_price(model, v, trial.seq, n, trial.begin, trial.at, drive) - old_cost


@njit(cache=True)
def _best_dropoff(model, routes, trial, v, r, most):
    """As `best_in_route`, for a ride aboard: only its drop-off is placed."""
    travel, node = model.travel, model.node
    d = model.ride.shape[0] + r
    n = routes.n[v]
    joined, place = routes.joined[v], routes.place[v]
    begin, depart, latest = routes.begin[v], routes.depart[v], routes.latest[v]
    place_d = node[d, PLACE]
    earliest_d, latest_d, dwell_d = node[d, EARLIEST], node[d, LATEST], node[d, DWELL]
    timed = model.waiting > 0 or model.riding > 0
    room = model.vehicle[v, MAX_DRIVING] - routes.drive[v]
    closed = model.vehicle[v, END_PLACE] >= 0
    opening = model.vehicle[v, USE_COST] if n == 0 else 0
    best, best_d = most, -1
    for k in range(n + 1):
        if model.shares and k < n and joined[k + 1] == 1:
            continue
        if model.shares and k > 0 and place[k] == place_d:
            begin_d = max(begin[k], earliest_d)
            floor = opening
            if begin_d <= latest_d and begin_d <= latest[k] and floor < best:
                cost = _priced(
                    model, routes, trial, v, r, -1, 2 * k + 1, 0, floor, timed, routes.cost[v]
                )
                if cost < best:
                    best, best_d = cost, 2 * k + 1
        # Loads count the rider as aboard to the end: nobody may find the vehicle full before.
        fits = True
        for c in range(model.load.shape[1]):
            if routes.load[v, k, c] > model.capacity[v, c]:
                fits = False
        if not fits:
            break
        leg = travel[place[k], place_d]
        begin_d = max(depart[k] + leg, earliest_d)
        if begin_d > latest_d:
            continue
        if k < n or (closed and n > 0):
            onward = travel[place_d, place[k + 1]]
            added = leg + onward - travel[place[k], place[k + 1]]
            keeps = begin_d + dwell_d + onward <= latest[k + 1]
        elif closed:
            onward = travel[place_d, place[1]]
            added = leg + onward
            keeps = begin_d + dwell_d + onward <= latest[1]
        else:
            added = leg
            keeps = begin_d + dwell_d <= latest[n + 1]
        floor = model.driving * added + opening
        if k == n and not closed:
            floor += model.driving * moved_on(model, place[n], place_d)
        if not keeps or added > room or floor >= best:
            continue
        cost = _priced(model, routes, trial, v, r, -1, 2 * k, added, floor, timed, routes.cost[v])
        if cost < best:
            best, best_d = cost, 2 * k
    if best_d < 0:
        return FOREVER, -1, -1
    return best, -1, best_d


@njit(cache=True)
def put_in(model, routes, trial, v, r, code_p, code_d):
    """Put ride ``r`` into the route as coded; the candidate has been found feasible."""
    n, _, _ = write_trial(model, routes, trial, v, r, code_p, code_d)
    for k in range(1, n + 1):
        routes.seq[v, k] = trial.seq[k]
        routes.joined[v, k] = trial.joined[k]
    routes.n[v] = n
    return renew(model, routes, trial, v)


@njit(cache=True)
def take_out(model, routes, trial, v, taken):
    """Take every ride with ``taken[r]`` set out of the route; the rest stays feasible."""
    rides = model.ride.shape[0]
    w = 0
    pending = 0  # the visit has lost its head: the next of it becomes the head
    for k in range(1, routes.n[v] + 1):
        node = routes.seq[v, k]
        r = node - rides if node >= rides else node
        if routes.joined[v, k] == 0:
            pending = 0
        if taken[r] == 1:
            if routes.joined[v, k] == 0:
                pending = 1
            continue
        w += 1
        routes.seq[v, w] = node
        routes.joined[v, w] = 0 if pending == 1 else routes.joined[v, k]
        pending = 0
    routes.n[v] = w
    return renew(model, routes, trial, v)


@njit(cache=True)
def copy_route(source, target, v):
    """Copy all that is known of one route."""
    n = source.n[v]
    target.n[v] = n
    for k in range(n + 2):
        target.seq[v, k] = source.seq[v, k]
        target.joined[v, k] = source.joined[v, k]
        target.place[v, k] = source.place[v, k]
        target.leg[v, k] = source.leg[v, k]
        target.begin[v, k] = source.begin[v, k]
        target.depart[v, k] = source.depart[v, k]
        target.latest[v, k] = source.latest[v, k]
        for c in range(source.load.shape[2]):
            target.load[v, k, c] = source.load[v, k, c]
    target.drive[v] = source.drive[v]
    target.cost[v] = source.cost[v]
    target.mark[v] = source.mark[v]


@njit(cache=True)
def touch(routes, undo, search, v):
    """Keep the route as it is, before it is changed for the first time in this round."""
    if search.touched[v] == 0:
        search.touched[v] = 1
        last = search.touched.shape[0]
        search.touched_list[search.touched_list[last]] = v
        search.touched_list[last] += 1
        copy_route(routes, undo, v)
