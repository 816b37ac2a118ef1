"""How a fleet, a request and an answer lie in arrays.

Positions along a route: 0 is the start, ``i + 1`` is visit ``i``. Codes of places to board or
alight: gap ``g`` (behind position ``g``) is ``2g``, joining the visit at position ``g + 1`` is
``2g + 1``, so codes grow along the route.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NO_PATH_S = 10_000_000  # as dispatcher.planning.rows has it; a test compares them
UNLAID_S = -(1 << 41)  # earlier than any departure

# Columns of FleetView.heads, one value a row.
STATE = 0
START_S = 1  # earliest departure from the start
LAID_S = 2  # the departure that the derived lines were laid out for, or UNLAID_S
START_STOP = 3
CAPACITY_SEATS = 4
CAPACITY_PLACES = 5
N_VISITS = 6
N_RIDES = 7
END_S = 8  # latest end of the last visit
DRIVE_LIMIT_S = 9
HEADS = 10

# Values of STATE.
AWAY = 0  # takes nobody
IDLE = 1  # no visits
BROKEN = 2  # cannot keep its own promises
HELD_BACK = 3  # some pickup waits so that a ride does not get too long
PLAIN = 4

# Columns of FleetView.along, by position: 64 bytes, which is what a processor fetches at a time.
# The first four are given, the others derived: times without ride limits, drive so far, and the
# latest begin that leaves all windows from there on in reach (the end of the shift and ride limits
# left aside).
STOP = 0
DWELL = 1
SEATS = 2  # in use when leaving
PLACES = 3
ASAP = 4
LEAVE = 5
DRIVEN = 6
LAST = 7
ALONG = 8

# Columns of FleetView.limits, by position. The last is derived: the begin with ride limits.
EARLIEST = 0
LATEST = 1
PLANNED = 2
LIMITS = 3

# Lines of FleetView.rides, by ride of the row.
RIDE_PICKUP = 0  # visit index; -1: aboard at the start of the row
RIDE_DROPOFF = 1
RIDE_MAX_S = 2  # from departure at the pickup to begin at the drop-off
RIDE_RIDERS = 3  # persons
RIDE_LINES = 4

# Columns of RequestView's choices.
CHOICE_STOP = 0
CHOICE_WALK_S = 1
CHOICE_EARLIEST_S = 2
CHOICE_LATEST_S = 3
CHOICE_SIZE = 4

# Columns of the result of `scan`.
FOUND = 0  # 0 or 1
TOTAL = 1
ROW = 2
NEW_VISITS = 3
PICKUP_CODE = 4
DROPOFF_CODE = 5
PICKUP_CHOICE = 6
DROPOFF_CHOICE = 7
DRIVING = 8
WAITING = 9
RIDING = 10
WALKING = 11
TRIED = 12  # rows looked at more closely than by their floor
RESULT_SIZE = 13


class FleetView(NamedTuple):
    """S rows, P positions and R rides of room; what lies beyond a row's counts is unset.

    What a scan reads of every row lies side by side (`heads`). What it reads of few rows lies
    together for each: `along` for the floors of places to board and alight, `limits` and `rides`
    for candidates.
    """

    heads: NDArray[np.int64]  # [HEADS, S]
    along: NDArray[np.int64]  # [S, P, ALONG]
    limits: NDArray[np.int64]  # [S, P, LIMITS]
    rides: NDArray[np.int64]  # [S, RIDE_LINES, R]


class RequestView(NamedTuple):
    """A request as arrays: K pickup choices, M drop-off choices."""

    pickups: NDArray[np.int64]  # [K, CHOICE_SIZE]
    dropoffs: NDArray[np.int64]  # [M, CHOICE_SIZE]
    max_ride_s: NDArray[np.int64]  # [K, M]
    desired_s: int
    seats: int
    places: int
    riders: int
    dwell_s: int


class Prices(NamedTuple):
    """Milli-cost per second. ``others`` is 1, or 0 to price the new riders' seconds alone."""

    driving: int
    waiting: int
    riding: int
    walking: int
    others: int


class Allowance(NamedTuple):
    """Room granted beyond the rules, for finding out which rule stands in the way."""

    seats: int
    places: int
    shift_s: int
    drive_s: int
