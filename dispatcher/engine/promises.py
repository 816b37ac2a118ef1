"""What is promised around planned times: a pickup window and a latest drop-off, both calibrated.

The window closes where past pickups say that so many in a hundred come before (`learning`), and
never sooner than planning needs to fit other riders in. Planning stays inside of it by the guard,
so it never breaks a promise itself; only the world can.
"""

from dispatcher.domain.quotes import Quote
from dispatcher.domain.trips import Party, Promise
from dispatcher.engine.learning import arrival_slack_s, window_after_s
from dispatcher.engine.state import ServiceState
from dispatcher.engine.wishes import promised_guard_s


def promise_around(
    state: ServiceState,
    party: Party,
    stops: tuple[int, int],
    bounds_s: tuple[int, int],
    planned_s: tuple[int, int],
    quote: Quote,
) -> Promise:
    """The two-sided promise around planned times.

    ``bounds_s`` are the earliest pickup and the latest drop-off (guarded) that were asked for.
    """
    rules, zone = state.site.rules, state.site.zone
    (earliest_s, dropoff_bound_s), (pickup_s, dropoff_s) = bounds_s, planned_s
    return Promise(
        pickup_stop=zone.stops[stops[0]].id,
        dropoff_stop=zone.stops[stops[1]].id,
        pickup_earliest_s=max(earliest_s, pickup_s - rules.window_before_s),
        pickup_latest_s=pickup_s + window_after_s(state, quote, pickup_s),
        dropoff_latest_s=min(
            dropoff_s + arrival_slack_s(state, quote, dropoff_s),
            max(dropoff_bound_s, dropoff_s) + promised_guard_s(state),
        ),
        party=party,
    )
