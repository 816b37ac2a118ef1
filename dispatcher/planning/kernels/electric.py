# mypy: disallow-untyped-defs=False
# The readable twin carries the types: dispatcher.planning.electric_twin.
"""Compiled timing, pricing and charging of one electric shuttle's route.

A route is cut where the shuttle is empty. A *fragment* is a stretch of visits from one empty
moment to the next. Three facts make a fragment as cheap to reason about as one visit [1]_, [2]_:

- Riders' limits act within it alone, so it can be kept, or not, whatever stands around it.
- Begun at ``tau``, it is over at the earliest at ``max(tau + duration, earliest_end)``, and it can
  be begun until ``latest_begin``.
- The riders' least excess ride time is the same for every begin until then: what a shuttle must
  wait within a fragment, it need not wait later than with the fewest aboard, and beginning later
  only moves waiting to where nobody is aboard.

So a route costs the same however it is timed, and what is left to decide is where to charge and
how long. Between two fragments the charge that can be reached by a time grows by the rate of the
stations until the battery is full, which is one straight line. Every station gives the same rate,
so later stations only lengthen that line: a `label` (cost, first time, last time, charge at the
first time) says all there is to say of what stands behind it.

Costs are whole numbers: ``travel_price`` per tick driven, ``excess_price`` per tick of excess.
Charge is counted so that a tick driven takes ``drain`` and a tick at a station gives ``rate``.

References
----------
.. [1] Su, Dupin, Parragh and Puchinger (2022), arXiv:2206.13496.
.. [2] Su, Puchinger and Dupin (2022), arXiv:2212.04167.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels import njit

NEVER = 1 << 60

# Columns of a fragment.
FIRST = 0  # its first and last node
LAST = 1
DURATION = 2  # from the begin at the first to the begin at the last, without waiting
EARLIEST_END = 3  # of the begin at the last
LATEST_BEGIN = 4
TRAVEL = 5
EXCESS = 6  # riders' least, in ticks
FROM = 7  # positions in the route
TO = 8
FRAGMENT_COLUMNS = 9

# What is known of a route.
LENGTH = 0
FRAGMENTS = 1
COST = 2
DRIVEN = 3  # travel up to the last visit, without stations
RIDDEN = 4  # riders' excess, in ticks
DESTINATION = 5  # index
CHARGES = 6
ROUTE_COLUMNS = 7

# Columns of a label, behind a fragment (or at the origin).
L_COST = 0
L_FIRST = 1
L_LAST = 2
L_CHARGE = 3  # at the first time
L_USED = 4  # visits of each station, four bits each
L_PARENT = 5
L_VIA = 6  # station before the fragment, -1 for none
L_DESTINATION = 7
LABEL_COLUMNS = 8
MOST_LABELS = 96  # a gap; more are dropped, the dearest first
FEW_LABELS = 8


class Task(NamedTuple):
    """What does not change. Nodes: pickups, drop-offs, then all other places.

    Rider ``r`` boards at node ``r`` and alights at node ``riders + r``.
    """

    travel: NDArray[np.int64]  # [nodes, nodes]
    earliest: NDArray[np.int64]  # [nodes], of the begin of service
    latest: NDArray[np.int64]
    service: NDArray[np.int64]
    load: NDArray[np.int64]  # [nodes], what boards
    direct: NDArray[np.int64]  # [riders]
    max_ride: NDArray[np.int64]  # [riders]
    origin: NDArray[np.int64]  # [shuttles], nodes
    capacity: NDArray[np.int64]  # [shuttles]
    charge: NDArray[np.int64]  # [shuttles], at the start
    battery: NDArray[np.int64]  # [shuttles], most it holds
    reserve: NDArray[np.int64]  # [shuttles], least at the end
    group: NDArray[np.int64]  # [shuttles], the first shuttle that is just like it
    destination: NDArray[np.int64]  # [destinations], nodes
    destination_limit: NDArray[np.int64]  # [destinations], routes that may end there
    station: NDArray[np.int64]  # [stations], nodes
    station_limit: NDArray[np.int64]  # [stations], visits of all shuttles together
    rate: int
    drain: int
    travel_price: int
    excess_price: int


class Bench(NamedTuple):
    """Room to work in."""

    sequence: NDArray[np.int64]  # [2 * riders + 2]
    place: NDArray[np.int64]  # [riders], position of a pickup in the sequence
    clock: NDArray[np.int64]  # [2 * riders + 2], path from the first begin
    told: NDArray[np.int64]  # [FRAGMENT_COLUMNS], what `judge_fragment` found
    chain: NDArray[np.int64]  # [riders + 2, FRAGMENT_COLUMNS], a route's fragments
    ahead: NDArray[np.int64]  # [riders + 3], travel still to come
    detour: NDArray[np.int64]  # [riders + 3], least extra cost of a station from here on
    due: NDArray[np.int64]  # [riders + 3], latest begin of a fragment
    labels: NDArray[np.int64]  # [(riders + 3) * MOST_LABELS, LABEL_COLUMNS]
    kept: NDArray[np.int64]  # [riders + 3], labels of each gap
    tail: NDArray[np.int64]  # [edges], of the network for `least_ride`
    head: NDArray[np.int64]
    length: NDArray[np.int64]
    flow: NDArray[np.int64]
    far: NDArray[np.int64]  # [2 * riders + 3]
    came: NDArray[np.int64]
    open: NDArray[np.int64]
    via: NDArray[np.int64]  # [riders + 3], station before each fragment and before the end
    spare: NDArray[np.int64]  # as ``via``
    candidates: NDArray[np.int64]  # [MOST_CANDIDATES, CANDIDATE_COLUMNS], see electric_routes
    station_left: NDArray[np.int64]  # [stations]
    destination_left: NDArray[np.int64]  # [destinations]
    slot: NDArray[np.int64]  # [MOST_SLOTS], see electric_routes.settle_destinations
    cheapest: NDArray[np.int64]  # [shuttles + 1, 2**MOST_SLOTS]
    chosen: NDArray[np.int64]
    touched: NDArray[np.int64]  # [shuttles], 1 while a route is being changed


@njit(cache=True)
def least_ride(task, bench, count):
    """Least sum of begins at drop-offs minus begins at pickups in ``bench.sequence``, or -1.

    -1 if no schedule keeps windows and ride limits. Dual of a flow: each rider sends one unit
    from the pickup along rules of the form "begin of v at least begin of u plus length", which
    together must reach the drop-offs; the longest such flow equals the least sum. Units are
    routed one by one along longest paths of what is left of the network.
    """
    riders = task.direct.shape[0]
    source = count
    edges = 0
    tail, head, length, flow = bench.tail, bench.head, bench.length, bench.flow
    for at in range(count):
        node = bench.sequence[at]
        tail[edges], head[edges], length[edges] = source, at, task.earliest[node]
        edges += 1
        tail[edges], head[edges], length[edges] = at, source, -task.latest[node]
        edges += 1
        if at + 1 < count:
            after = bench.sequence[at + 1]
            tail[edges], head[edges] = at, at + 1
            length[edges] = task.service[node] + task.travel[node, after]
            edges += 1
        if node >= riders:
            rider = node - riders
            boards = bench.place[rider]
            tail[edges], head[edges] = at, boards
            length[edges] = -(task.service[rider] + task.max_ride[rider])
            edges += 1
    far, came, open_ = bench.far, bench.came, bench.open
    # A cycle of positive length contradicts itself: the rules cannot all be kept.
    for at in range(count + 1):
        far[at] = 0
    for _ in range(count + 2):
        moved = False
        for edge in range(edges):
            reach = far[tail[edge]] + length[edge]
            if reach > far[head[edge]]:
                far[head[edge]] = reach
                moved = True
        if not moved:
            break
    else:
        return -1
    waiting = 0
    for at in range(count):
        pickup = bench.sequence[at] < riders
        open_[at] = 1 if pickup else -1
        waiting += 1 if pickup else 0
    open_[source] = 0
    for edge in range(edges):
        flow[edge] = 0
    total = 0
    for _ in range(waiting):
        for at in range(count + 1):
            far[at] = 0 if open_[at] == 1 else -NEVER
            came[at] = -1
        moved = True
        while moved:
            moved = False
            for edge in range(edges):
                a, b = tail[edge], head[edge]
                if far[a] > -NEVER and far[a] + length[edge] > far[b]:
                    far[b] = far[a] + length[edge]
                    came[b] = edge
                    moved = True
                if flow[edge] > 0 and far[b] > -NEVER and far[b] - length[edge] > far[a]:
                    far[a] = far[b] - length[edge]
                    came[a] = edges + edge
                    moved = True
        best = -1
        for at in range(count):
            if open_[at] == -1 and (best < 0 or far[at] > far[best]):
                best = at
        total += far[best]
        open_[best] = 0
        at = best
        while came[at] >= 0:
            edge = came[at]
            if edge < edges:
                flow[edge] += 1
                at = tail[edge]
            else:
                flow[edge - edges] -= 1
                at = head[edge - edges]
        open_[at] = 0
    return total


@njit(cache=True)
def judge_fragment(task, bench, count, capacity, most_excess):
    """Whether the first ``count`` nodes of ``bench.sequence`` can be one fragment.

    Writes its columns to ``bench.told``. A fragment whose riders' excess is surely beyond
    ``most_excess`` may be refused, too.
    """
    riders = task.direct.shape[0]
    sequence, place, clock, told = bench.sequence, bench.place, bench.clock, bench.told
    node = sequence[0]
    load = task.load[node]
    if load > capacity:
        return False
    place[node] = 0
    clock[0] = 0
    duration = 0
    travel = 0
    excess = 0
    end = task.earliest[node]
    latest = task.latest[node]
    for at in range(1, count):
        after = sequence[at]
        leg = task.travel[node, after]
        travel += leg
        step = task.service[node] + leg
        duration += step
        end += step
        if end > task.latest[after]:
            return False
        end = max(end, task.earliest[after])
        latest = min(latest, task.latest[after] - duration)
        load += task.load[after]
        if load > capacity:
            return False
        clock[at] = duration
        if after < riders:
            place[after] = at
        else:
            rider = after - riders
            ride = duration - clock[place[rider]] - task.service[rider]
            if ride > task.max_ride[rider]:
                return False
            excess += ride - task.direct[rider]
        node = after
    # What must be waited within, however late it begins, is waited with somebody aboard.
    wait = end - duration - latest
    if wait > 0:
        if excess + wait > most_excess:
            return False
        ride = least_ride(task, bench, count)
        if ride < 0:
            return False
        excess = ride
        for at in range(count):
            if sequence[at] < riders:
                rider = sequence[at]
                excess -= task.service[rider] + task.direct[rider]
    told[FIRST] = sequence[0]
    told[LAST] = node
    told[DURATION] = duration
    told[EARLIEST_END] = end
    told[LATEST_BEGIN] = latest
    told[TRAVEL] = travel
    told[EXCESS] = excess
    return excess <= most_excess


@njit(cache=True)
def _push(task, bench, width, layer, cost, first, last, charge, used, parent, via, destination):
    """Keep a label unless one that is no worse in anything is there; drop those it is better than.

    Of more than ``width`` the dearest is dropped. With less than `MOST_LABELS`, which stations
    are used up makes no difference.

    A label is no worse if it costs and uses no more and can have as much charge at any time of
    the other's: on straight lines of one slope, compare both ends.
    """
    labels = bench.labels
    start = layer * MOST_LABELS
    count = bench.kept[layer]
    stations = task.station.shape[0]
    full = charge + task.rate * (last - first)
    write = start
    for at in range(start, start + count):
        other_first = labels[at, L_FIRST]
        other_last = labels[at, L_LAST]
        other_charge = labels[at, L_CHARGE]
        other_full = other_charge + task.rate * (other_last - other_first)
        other_used = labels[at, L_USED]
        fewer = True  # the other uses no more than this one
        more = True
        if other_used != used and width == MOST_LABELS:
            for s in range(stations):
                mine = (used >> (4 * s)) & 15
                its = (other_used >> (4 * s)) & 15
                if its > mine:
                    fewer = False
                elif its < mine:
                    more = False
        if fewer and labels[at, L_COST] <= cost and other_first <= first:
            reach = other_charge + task.rate * (min(first, other_last) - other_first)
            if (
                reach >= charge
                and (
                    other_full
                    if other_last <= last
                    else other_charge + task.rate * (last - other_first)
                )
                >= full
            ):
                return
        worse = False
        if more and cost <= labels[at, L_COST] and first <= other_first:
            reach = charge + task.rate * (min(other_first, last) - first)
            worse = (
                reach >= other_charge
                and (full if last <= other_last else charge + task.rate * (other_last - first))
                >= other_full
            )
        if not worse:
            if write != at:
                for column in range(LABEL_COLUMNS):
                    labels[write, column] = labels[at, column]
            write += 1
    count = write - start
    if count == width:
        dearest = start
        for at in range(start, start + count):
            if labels[at, L_COST] > labels[dearest, L_COST]:
                dearest = at
        if labels[dearest, L_COST] <= cost:
            return
        write = dearest
        count -= 1
    labels[write, L_COST] = cost
    labels[write, L_FIRST] = first
    labels[write, L_LAST] = last
    labels[write, L_CHARGE] = charge
    labels[write, L_USED] = used
    labels[write, L_PARENT] = parent
    labels[write, L_VIA] = via
    labels[write, L_DESTINATION] = destination
    bench.kept[layer] = count + 1


@njit(cache=True)
def plan_charging(task, bench, shuttle, fragments, station_left, destination_left, most, width):
    """Cheapest way to keep the battery alive along ``bench.chain``, or ``NEVER``.

    Costs count the travel beyond that between the fragments: to and from stations, and to the
    destination. Only plans cheaper than ``most`` are looked for. ``bench.via`` then names the
    station before each fragment and before the end; the last entry is the destination. The
    cheapest is surely found with ``width`` `MOST_LABELS`, and mostly with a few.
    """
    chain, labels, kept, ahead = bench.chain, bench.labels, bench.kept, bench.ahead
    stations = task.station.shape[0]
    destinations = task.destination.shape[0]
    rate, drain = task.rate, task.drain
    battery, reserve = task.battery[shuttle], task.reserve[shuttle]
    # Travel still to come behind fragment g - 1, without stations.
    nearest = NEVER
    for d in range(destinations):
        if destination_left[d] > 0:
            nearest = min(nearest, task.travel[chain[fragments - 1, LAST], task.destination[d]])
    if nearest == NEVER:
        return NEVER
    origin = task.origin[shuttle]
    ahead[fragments] = nearest
    bench.due[fragments] = NEVER
    bench.detour[fragments] = NEVER
    tail = chain[fragments - 1, LAST]
    for s in range(stations):
        if station_left[s] > 0:
            stop = task.station[s]
            for d in range(destinations):
                if destination_left[d] > 0:
                    there = task.destination[d]
                    way = task.travel[tail, stop] + task.travel[stop, there] - nearest
                    bench.detour[fragments] = min(bench.detour[fragments], way)
    due = NEVER
    for d in range(destinations):
        if destination_left[d] > 0:
            there = task.destination[d]
            late = task.latest[there] - task.travel[tail, there] - task.service[tail]
            due = late if due == NEVER else max(due, late)
    for g in range(fragments - 1, -1, -1):
        before = origin if g == 0 else chain[g - 1, LAST]
        leg = task.travel[before, chain[g, FIRST]]
        ahead[g] = ahead[g + 1] + chain[g, TRAVEL] + leg
        if chain[g, EARLIEST_END] > due:
            return NEVER
        bench.due[g] = min(chain[g, LATEST_BEGIN], due - chain[g, DURATION])
        due = bench.due[g] - leg - task.service[before]
        bench.detour[g] = bench.detour[g + 1]
        # Behind the last visit even a full battery must do to the end.
        for s in range(stations if drain * ahead[g] + reserve <= battery else 0):
            if station_left[s] > 0:
                stop = task.station[s]
                way = task.travel[before, stop] + task.travel[stop, chain[g, FIRST]] - leg
                bench.detour[g] = min(bench.detour[g], way)
    for layer in range(fragments + 2):
        kept[layer] = 0
    begin = task.earliest[origin]
    _push(task, bench, width, 0, 0, begin, begin, task.charge[shuttle], 0, -1, -1, -1)
    for g in range(fragments + 1):
        last_gap = g == fragments
        here = origin if g == 0 else chain[g - 1, LAST]
        service = task.service[here]
        for at in range(g * MOST_LABELS, g * MOST_LABELS + kept[g]):
            cost = labels[at, L_COST]
            if cost + task.travel_price * nearest >= most:
                continue
            first = labels[at, L_FIRST] + service
            last = labels[at, L_LAST] + service
            charge = labels[at, L_CHARGE]
            used = labels[at, L_USED]
            suffices = charge >= drain * ahead[g] + reserve
            if not suffices and charge + rate * (last - first) < drain * ahead[g] + reserve:
                # The best this label can still have will not do without another visit.
                if bench.detour[g] == NEVER or (
                    cost + task.travel_price * (nearest + bench.detour[g]) >= most
                ):
                    continue
                visit_left = False
                for s in range(stations):
                    if station_left[s] > (used >> (4 * s)) & 15:
                        visit_left = True
                if not visit_left:
                    continue
            for target in range(destinations if last_gap else 1):
                if last_gap:
                    if destination_left[target] <= 0:
                        continue
                    there = task.destination[target]
                else:
                    there = chain[g, FIRST]
                leg = task.travel[here, there]
                for s in range(-1, 0 if suffices else stations):
                    if s < 0:
                        new_first, new_last = first + leg, last + leg
                        new_charge = charge - drain * leg
                        added = task.travel_price * leg if last_gap else 0
                        new_used = used
                    else:
                        if station_left[s] <= (used >> (4 * s)) & 15:
                            continue
                        stop = task.station[s]
                        out, back = task.travel[here, stop], task.travel[stop, there]
                        new_first = first + out
                        new_charge = charge - drain * out
                        if new_charge < 0:
                            # It waits with a station behind it: charge there a little longer.
                            short = (-new_charge + rate - 1) // rate
                            if short > last - first:
                                continue
                            new_first += short
                            new_charge += rate * short
                        if new_first > task.latest[stop]:
                            continue
                        new_last = new_first + (battery - new_charge) // rate
                        new_first += back
                        new_last += back
                        new_charge -= drain * back
                        added = task.travel_price * (out + back - (0 if last_gap else leg))
                        new_used = used + (1 << (4 * s))
                    total = cost + added
                    if total + (0 if last_gap else task.travel_price * nearest) >= most:
                        continue
                    least = reserve if last_gap else drain * chain[g, TRAVEL]
                    if new_charge < least:
                        short = (least - new_charge + rate - 1) // rate
                        if short > new_last - new_first:
                            continue
                        new_first += short
                        new_charge += rate * short
                    if last_gap:
                        if new_first > task.latest[there]:
                            continue
                        new_last = min(new_last, task.latest[there])
                    else:
                        # Through the fragment: begun in time, over at its earliest end or later.
                        if new_first > bench.due[g]:
                            continue
                        new_last = min(new_last, bench.due[g])
                        new_first += chain[g, DURATION]
                        new_last += chain[g, DURATION]
                        end = chain[g, EARLIEST_END]
                        if new_first < end:
                            new_charge += rate * (min(new_last, end) - new_first)
                            new_first = end
                            new_last = max(new_last, end)
                        new_charge -= drain * chain[g, TRAVEL]
                    if last_gap:
                        if total >= most:
                            continue
                        most = total
                        kept[g + 1] = 0
                    _push(
                        task,
                        bench,
                        width,
                        g + 1,
                        total,
                        new_first,
                        new_last,
                        new_charge,
                        new_used,
                        at,
                        s,
                        target if last_gap else -1,
                    )
    if kept[fragments + 1] == 0:
        return NEVER
    at = (fragments + 1) * MOST_LABELS
    bench.via[fragments + 1] = labels[at, L_DESTINATION]
    total = labels[at, L_COST]
    for g in range(fragments, -1, -1):
        bench.via[g] = labels[at, L_VIA]
        at = labels[at, L_PARENT]
    return total
