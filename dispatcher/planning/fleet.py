"""The fleet's rows as plain arrays for the kernels, derived row by row from `RowPlan`."""

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels import lines
from dispatcher.planning.kernels.lines import FleetView
from dispatcher.planning.rows import FOREVER_S, RowPlan, bounds, spans
from dispatcher.planning.travel import TravelView

Ints = NDArray[np.int64]

# Columns that are not derived from others.
_GIVEN_ALONG = 4
_GIVEN_LIMITS = 2

_FETCH_BYTES = 64


class FleetArrays:
    """Owns the arrays and the rows they were derived from. Rows are numbered from 0.

    Room grows by doubling; a row is rewritten in tens of microseconds. What a scan derives from a
    row and the drive times is kept in the arrays until either changes.
    """

    def __init__(self) -> None:
        self._plans: list[RowPlan] = []
        self._view = _empty_view(rows=16, positions=16, rides=16)
        self._travel: TravelView | None = None

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

    def view_on(self, travel: TravelView) -> FleetView:
        """The arrays, ready for a scan with these drive times."""
        if travel is not self._travel:
            self._view.heads[lines.LAID_S] = lines.UNLAID_S
            self._travel = travel
        return self._view

    def copy(self) -> "FleetArrays":
        """The same rows in arrays of their own; what was derived is kept."""
        made = FleetArrays()
        made._plans = list(self._plans)
        rows, positions, _ = self._view.along.shape
        made._view = _empty_view(rows, positions, self._view.rides.shape[2])
        for mine, theirs in zip(self._view, made._view, strict=True):
            theirs[...] = mine
        made._travel = self._travel
        return made

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
        self._make_room(row + 1, len(visits) + 1, len(rides))
        heads, along, limits, ends = self._view
        state = lines.PLAIN if visits else lines.IDLE  # what it really is shows when laid out
        heads[:, row] = (
            state if plan.available else lines.AWAY,
            plan.start_s,
            lines.UNLAID_S,
            plan.start_stop,
            *plan.capacity,
            len(visits),
            len(rides),
            plan.end_s,
            plan.drive_limit_s,
        )
        seats, places = plan.start_load
        stands = [(plan.start_stop, 0, seats, places)]
        bound_s = [(0, FOREVER_S)]
        for visit in visits:
            seats += visit.load_change[0]
            places += visit.load_change[1]
            stands.append((visit.stop, visit.dwell_s, seats, places))
            bound_s.append((visit.earliest_s, visit.latest_s))
        along[row, : len(stands), :_GIVEN_ALONG] = stands
        limits[row, : len(stands), :_GIVEN_LIMITS] = bound_s
        if rides:
            ends[row, :, : len(rides)] = np.array(
                [
                    (
                        span.pickup,
                        span.dropoff,
                        min(span.ride.max_ride_s, FOREVER_S),
                        span.ride.riders,
                    )
                    for span in rides
                ],
                dtype=np.int64,
            ).T

    def _make_room(self, rows: int, positions: int, rides: int) -> None:
        old = self._view
        room = (old.along.shape[0], old.along.shape[1], old.rides.shape[2])
        wanted = (
            _doubled(room[0], rows),
            _doubled(room[1], positions),
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


def _empty_view(rows: int, positions: int, rides: int) -> FleetView:
    return FleetView(
        heads=np.zeros((lines.HEADS, rows), dtype=np.int64),
        along=_aligned(rows, positions, lines.ALONG),
        limits=np.zeros((rows, positions, lines.LIMITS), dtype=np.int64),
        rides=np.zeros((rows, lines.RIDE_LINES, rides), dtype=np.int64),
    )


def _aligned(rows: int, positions: int, columns: int) -> Ints:
    """Zeros of which each position begins where the processor's fetches do."""
    size = rows * positions * columns
    spare = _FETCH_BYTES // 8
    room = np.zeros(size + spare, dtype=np.int64)
    skip = -room.ctypes.data % _FETCH_BYTES // 8
    return room[skip : skip + size].reshape(rows, positions, columns)
