"""Rows that can no longer keep their promises: what breaks, by how much, and how to go on.

A promise is hard for all planning, so a row that is late already would take nobody and could not
be improved. The breach is named first, for the rider and the record; then the promise is restated
as what can still be kept.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from dispatcher.planning.edits import restate_ride
from dispatcher.planning.rows import FOREVER_S, RowPlan, bounds, spans
from dispatcher.planning.schedule import Infeasible, Schedule, TravelTimes, schedule


class Promise(StrEnum):
    """The part of a promise that breaks."""

    PICKUP = "PICKUP"
    DROPOFF = "DROPOFF"
    RIDE_TIME = "RIDE_TIME"


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that the row, as it stands, will break."""

    key: str
    promise: Promise
    late_s: int  # beyond the promise


@dataclass(frozen=True, slots=True)
class Loosened:
    """A row with its promises restated so that it is feasible, and what was given up."""

    plan: RowPlan
    breaches: tuple[Breach, ...]


def loosen(plan: RowPlan, travel_s: TravelTimes, now_s: int) -> Loosened | Infeasible:
    """Restate the promises a row cannot keep as late as it will be, and no later.

    Capacity, closed streets and the battery's range cannot be loosened: those are returned as
    they are. Own
    bounds of visits and the end of shift give way without a breach of anybody's promise.
    """
    if isinstance(schedule(plan, travel_s, now_s), Schedule):
        return Loosened(plan, ())
    lax = replace(
        plan,
        end_s=FOREVER_S,
        visits=tuple(replace(visit, latest_s=FOREVER_S) for visit in plan.visits),
        rides=tuple(
            replace(
                ride,
                pickup_latest_s=FOREVER_S,
                dropoff_latest_s=FOREVER_S,
                max_ride_s=FOREVER_S,
            )
            for ride in plan.rides
        ),
    )
    times = schedule(lax, travel_s, now_s)
    if isinstance(times, Infeasible):
        return times
    breaches = []
    loosened = replace(
        plan,
        end_s=max(plan.end_s, times.depart_s[-1]),
        visits=tuple(
            replace(visit, latest_s=max(visit.latest_s, times.begin_s[i]))
            for i, visit in enumerate(plan.visits)
        ),
    )
    dwells_s = [visit.dwell_s for visit in bounds(plan)]
    for span in spans(plan):
        ride, dropped_s = span.ride, times.begin_s[span.dropoff]
        pickup_latest_s, max_ride_s = ride.pickup_latest_s, ride.max_ride_s
        if span.pickup >= 0:
            boarded_s = times.begin_s[span.pickup]
            pickup_latest_s = max(pickup_latest_s, boarded_s)
            max_ride_s = max(max_ride_s, dropped_s - boarded_s - dwells_s[span.pickup])
        dropoff_latest_s = max(ride.dropoff_latest_s, dropped_s)
        for promise, promised_s, kept_s in (
            (Promise.PICKUP, ride.pickup_latest_s, pickup_latest_s),
            (Promise.DROPOFF, ride.dropoff_latest_s, dropoff_latest_s),
            (Promise.RIDE_TIME, ride.max_ride_s, max_ride_s),
        ):
            if kept_s > promised_s:
                breaches.append(Breach(ride.key, promise, kept_s - promised_s))
        loosened = restate_ride(
            loosened,
            replace(
                ride,
                pickup_latest_s=pickup_latest_s,
                dropoff_latest_s=dropoff_latest_s,
                max_ride_s=max_ride_s,
            ),
        )
    return Loosened(loosened, tuple(breaches))
