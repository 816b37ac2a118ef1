"""Whether a sequence of nodes can be driven in time: difference constraints, solved exactly."""

from math import inf

from dispatcher.planning.static_checker.rules import TOLERANCE, Car, Rules


def timing_fault(rules: Rules, car: Car, route: list[int], destination: int) -> str | None:
    """Why no schedule exists for the route, or ``None``.

    Every rule bounds one begin from below by another: drives and service, a ride's limit (a late
    drop-off delays its pickup), the route's limit (a late return delays the departure). The least
    schedule is the longest path from the windows' openings; it exists unless a cycle of rules
    asks for more than itself, which shows after as many rounds as there are begins.
    """
    stops = [car.origin, *route, destination]
    # The depot's own service, if any, does not count.
    service = [0.0, *(rules.tasks[node].service for node in route), 0.0]
    begin = [rules.tasks[node].earliest for node in stops]
    at = {node: i for i, node in enumerate(stops) if 0 < i <= len(route)}
    back = [
        (at[p], at[rules.partner[p]], service[at[p]] + rules.longest_ride.get(p, inf))
        for p in route
        if p in rules.partner
    ]
    back = [bound for bound in back if bound[2] < inf]
    if car.longest_route < inf:
        back.append((0, len(stops) - 1, car.longest_route))
    for _ in range(len(stops) + 1):
        for i in range(len(stops) - 1):
            ready = begin[i] + service[i] + rules.leg(stops[i], stops[i + 1])
            begin[i + 1] = max(begin[i + 1], ready)
        for i, node in enumerate(stops):
            if begin[i] > rules.tasks[node].latest + TOLERANCE:
                return f"node {node} begins at {begin[i]:.6f}, after its window"
        moved = False
        for early, late, longest in back:
            least = begin[late] - longest - TOLERANCE
            if least > begin[early] + 1e-12:
                begin[early] = least
                moved = True
        if not moved:
            return None
    return "a ride or the route cannot be kept within its limit"
