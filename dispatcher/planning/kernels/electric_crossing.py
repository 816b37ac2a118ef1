# mypy: disallow-untyped-defs=False
"""Whole fragments exchanged between two electric shuttles, as `crossing` does for others."""

from dispatcher.planning.kernels import njit
from dispatcher.planning.kernels.electric import DESTINATION, FRAGMENTS, LENGTH, TO
from dispatcher.planning.kernels.electric_routes import below, build_route, roll


@njit(cache=True, inline="always")
def _cut(routes, shuttle, gap):
    """Visits before the ``gap``-th moment at which the shuttle is empty."""
    return 0 if gap == 0 else routes.chain[shuttle, gap - 1, TO] + 1


@njit(cache=True)
def _joint(task, routes, v, a, b, w, c, d):
    """What shuttle ``v`` drives more with visits c to d of ``w`` in place of its own a to b.

    Ends are exclusive; drives within the stretches, and charging, are left out.
    """
    before = task.origin[v] if a == 0 else routes.visits[v, a - 1]
    if b < routes.info[v, LENGTH]:
        after = routes.visits[v, b]
    else:
        after = task.destination[routes.info[v, DESTINATION]]
    if a < b:
        old = task.travel[before, routes.visits[v, a]] + task.travel[routes.visits[v, b - 1], after]
    else:
        old = task.travel[before, after]
    if c < d:
        new = task.travel[before, routes.visits[w, c]] + task.travel[routes.visits[w, d - 1], after]
    else:
        new = task.travel[before, after]
    return new - old


@njit(cache=True)
def _late(task, routes, v, a, w, c, d):
    """Whether visits c to d of shuttle ``w`` cannot follow the first ``a`` of ``v`` in time."""
    if c == d:
        return False
    if a == 0:
        before = task.origin[v]
        leave = task.earliest[before] + task.service[before]
    else:
        before = routes.visits[v, a - 1]
        leave = routes.soonest[v, a - 1] + task.service[before]
    return leave + task.travel[before, routes.visits[w, c]] > routes.latest[w, c]


@njit(cache=True)
def _lay(task, bench, routes, plan, v, a, b, w, c, d):
    """Give ``v`` the visits c to d of ``w`` for its own a to b; 0 if it cannot be driven."""
    riders = task.direct.shape[0]
    n = a
    for at in range(c, d):
        node = plan.visits[w, at]
        routes.visits[v, n] = node
        routes.shuttle_of[node if node < riders else node - riders] = v
        n += 1
    for at in range(b, plan.info[v, LENGTH]):
        routes.visits[v, n] = plan.visits[v, at]
        n += 1
    # What it uses of stations is read from the fragments as they were: only the length changes.
    routes.info[v, LENGTH] = n
    return build_route(task, bench, routes, v, -1)


@njit(cache=True)
def exchange(task, bench, routes, plan, hunt, most):
    """Exchange two stretches of fragments, one of which may be empty, between two shuttles.

    One is drawn of those that add less than ``most`` of travel and are not late at once. Returns
    0 if there is none, or it cannot be driven. ``plan`` is what ``routes`` were before.
    """
    riders = task.direct.shape[0]
    dice = hunt.dice
    seed = below(dice, riders)
    v, w = routes.shuttle_of[seed], -1
    if v < 0:
        return 0
    for _ in range(8):
        x, y = below(dice, riders), below(dice, riders)
        other = routes.shuttle_of[hunt.near[seed, min(x, y)]]
        if other >= 0 and other != v:
            w = other
            break
    if w < 0:
        return 0
    cuts_v, cuts_w = routes.info[v, FRAGMENTS] + 1, routes.info[w, FRAGMENTS] + 1
    only_ends = roll(dice) & 1
    met = 0
    a, b, c, d = 0, 0, 0, 0
    for x in range(cuts_v):
        from_v = _cut(routes, v, x)
        for y in range(cuts_w):
            from_w = _cut(routes, w, y)
            for i in range(cuts_v - 1 if only_ends else x, cuts_v):
                to_v = _cut(routes, v, i)
                for j in range(cuts_w - 1 if only_ends else y, cuts_w):
                    to_w = _cut(routes, w, j)
                    if x == i and y == j:
                        continue
                    drive = _joint(task, routes, v, from_v, to_v, w, from_w, to_w)
                    drive += _joint(task, routes, w, from_w, to_w, v, from_v, to_v)
                    if task.travel_price * drive >= most:
                        continue
                    if _late(task, routes, v, from_v, w, from_w, to_w) or _late(
                        task, routes, w, from_w, v, from_v, to_v
                    ):
                        continue
                    met += 1
                    if below(dice, met) == 0:
                        a, b, c, d = from_v, to_v, from_w, to_w
    if met == 0:
        return 0
    bench.touched[v] = 1
    bench.touched[w] = 1
    if not _lay(task, bench, routes, plan, v, a, b, w, c, d):
        return 0
    return 1 if _lay(task, bench, routes, plan, w, c, d, v, a, b) else 0
