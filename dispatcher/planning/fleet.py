"""The fleet's rows as plain arrays for the kernels, derived row by row from `RowPlan`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.rows import FOREVER_S, RowPlan, bounds, spans

Ints = NDArray[np.int64]


class FleetView(NamedTuple):
    """Arrays of S rows, V visits and R rides of room; what lies beyond the counts is unset."""

    start_stop: Ints  # [S]
    start_s: Ints  # [S], earliest departure from start_stop
    start_load: Ints  # [S, 2], seats and wheelchair places in use when leaving start_stop
    capacity: Ints  # [S, 2]
    available: NDArray[np.bool_]  # [S]
    end_s: Ints  # [S], latest end of the last visit
    drive_limit_s: Ints  # [S], most seconds of driving
    n_visits: Ints  # [S]
    visit_stop: Ints  # [S, V]
    earliest_s: Ints  # [S, V], bounds on the begin of service
    latest_s: Ints  # [S, V]
    dwell_s: Ints  # [S, V]
    load_change: Ints  # [S, V, 2], boarding minus alighting
    n_rides: Ints  # [S]
    ride_pickup: Ints  # [S, R], visit index; -1: aboard at the start of the row
    ride_dropoff: Ints  # [S, R]
    ride_max_s: Ints  # [S, R], from departure at the pickup to begin at the drop-off
    ride_riders: Ints  # [S, R], persons


class FleetArrays:
    """Owns the arrays and the rows they were derived from. Rows are numbered from 0.

    Room grows by doubling; a row is rewritten in tens of microseconds.
    """

    def __init__(self) -> None:
        self._plans: list[RowPlan] = []
        self._view = _empty_view(rows=16, visits=16, rides=16)

    def __len__(self) -> int:
        return len(self._plans)

    @property
    def plans(self) -> tuple[RowPlan, ...]:
        """The rows as they were set, in order."""
        return tuple(self._plans)

    def plan(self, row: int) -> RowPlan:
        """The row as it was set. IndexError if there is no such row."""
        return self._plans[row]

    def view(self) -> FleetView:
        """The arrays, of which the first ``len(self)`` rows are set. Stale after growth."""
        return self._view

    def add_row(self, plan: RowPlan) -> int:
        """Append a row and return its number."""
        row = len(self._plans)
        self._plans.append(plan)
        self._write(row, plan)
        return row

    def set_row(self, row: int, plan: RowPlan) -> None:
        """Replace a row. IndexError if there is no such row."""
        self._plans[row] = plan
        self._write(row, plan)

    def _write(self, row: int, plan: RowPlan) -> None:
        visits, rides = bounds(plan), spans(plan)
        self._make_room(row + 1, len(visits), len(rides))
        view = self._view
        view.start_stop[row] = plan.start_stop
        view.start_s[row] = plan.start_s
        view.start_load[row] = plan.start_load
        view.capacity[row] = plan.capacity
        view.available[row] = plan.available
        view.end_s[row] = plan.end_s
        view.drive_limit_s[row] = plan.drive_limit_s
        n = view.n_visits[row] = len(visits)
        if n:
            view.visit_stop[row, :n] = [visit.stop for visit in visits]
            view.earliest_s[row, :n] = [visit.earliest_s for visit in visits]
            view.latest_s[row, :n] = [visit.latest_s for visit in visits]
            view.dwell_s[row, :n] = [visit.dwell_s for visit in visits]
            view.load_change[row, :n] = [visit.load_change for visit in visits]
        r = view.n_rides[row] = len(rides)
        if r:
            view.ride_pickup[row, :r] = [span.pickup for span in rides]
            view.ride_dropoff[row, :r] = [span.dropoff for span in rides]
            view.ride_max_s[row, :r] = [min(span.ride.max_ride_s, FOREVER_S) for span in rides]
            view.ride_riders[row, :r] = [span.ride.riders for span in rides]

    def _make_room(self, rows: int, visits: int, rides: int) -> None:
        old = self._view
        room = (len(old.start_stop), old.visit_stop.shape[1], old.ride_pickup.shape[1])
        wanted = (
            _doubled(room[0], rows),
            _doubled(room[1], visits),
            _doubled(room[2], rides),
        )
        if wanted == room:
            return
        self._view = _empty_view(*wanted)
        for before, after in zip(old, self._view, strict=True):
            after[tuple(slice(0, length) for length in before.shape)] = before


def _doubled(room: int, wanted: int) -> int:
    while room < wanted:
        room *= 2
    return room


def _empty_view(rows: int, visits: int, rides: int) -> FleetView:
    def ints(*shape: int) -> Ints:
        return np.zeros(shape, dtype=np.int64)

    return FleetView(
        start_stop=ints(rows),
        start_s=ints(rows),
        start_load=ints(rows, 2),
        capacity=ints(rows, 2),
        available=np.zeros(rows, dtype=np.bool_),
        end_s=ints(rows),
        drive_limit_s=ints(rows),
        n_visits=ints(rows),
        visit_stop=ints(rows, visits),
        earliest_s=ints(rows, visits),
        latest_s=ints(rows, visits),
        dwell_s=ints(rows, visits),
        load_change=ints(rows, visits, 2),
        n_rides=ints(rows),
        ride_pickup=ints(rows, rides),
        ride_dropoff=ints(rows, rides),
        ride_max_s=ints(rows, rides),
        ride_riders=ints(rows, rides),
    )
