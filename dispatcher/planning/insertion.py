"""The cheapest place for a request in the whole fleet, answered at once.

A typed wrapper around the compiled scan; `dispatcher.planning.twin` is its readable definition.
"""

import functools
from collections.abc import Iterable

import numpy as np

from dispatcher.domain.policy import Objective
from dispatcher.planning.diagnosis import diagnose
from dispatcher.planning.fleet import FleetArrays, Ints
from dispatcher.planning.kernels import lines, timing
from dispatcher.planning.kernels.lines import Allowance, Prices
from dispatcher.planning.kernels.scan import room_needed, scan
from dispatcher.planning.request import (
    DropoffChoice,
    Insertion,
    InsertionRequest,
    NoInsertion,
    PickupChoice,
    Position,
)
from dispatcher.planning.rows import FOREVER_S, RowPlan
from dispatcher.planning.schedule import Constraint, Cost, Infeasible, TravelTimes
from dispatcher.planning.travel import travel_view

_NOBODY = np.empty(0, dtype=np.int64)
_position = functools.cache(Position.from_code)

STRICT = Allowance(seats=0, places=0, shift_s=0, drive_s=0)

_CONSTRAINT_BY_CODE = {
    timing.CAPACITY: Constraint.CAPACITY,
    timing.NO_PATH: Constraint.NO_PATH,
    timing.RANGE: Constraint.RANGE,
    timing.WINDOW: Constraint.WINDOW,
    timing.SHIFT_END: Constraint.SHIFT_END,
    timing.RIDE_TIME: Constraint.RIDE_TIME,
}


def find_insertion(
    fleet: FleetArrays,
    request: InsertionRequest,
    travel_s: TravelTimes,
    prices: Prices,
    now_s: int,
    allowance: Allowance = STRICT,
    rows: tuple[int, int] | None = None,
    forbid: tuple[int, ...] = (),
    prunes: bool = True,
) -> Insertion | None:
    """The cheapest feasible insertion over the available rows not forbidden, or None.

    The travel times should keep the triangle inequality; without it an answer is still feasible
    but may miss the cheapest. They should be read-only as well (`travel.travel_view` says why).
    A row that cannot keep its own promises takes nobody. ``rows`` are the first row to try and
    the one behind the last, if not all. Without ``prunes`` the same is found by looking at all.
    """
    travel = travel_view(travel_s)
    view = fleet.view_on(travel)
    room = np.empty(room_needed(view, len(request.pickups)), dtype=np.int64)
    best = np.empty(lines.RESULT_SIZE, dtype=np.int64)
    begin_s = np.empty(view.along.shape[1] + 1, dtype=np.int64)
    scan(
        view.heads,
        view.along,
        view.limits,
        view.rides,
        room,
        rows or (0, len(fleet)),
        np.array(forbid, dtype=np.int64) if forbid else _NOBODY,
        _asked(request, prices, allowance),
        travel.travel_s,
        travel.back_s,
        now_s,
        prunes,
        best,
        begin_s,
    )
    return _insertion(fleet, best.tolist(), begin_s) if best[lines.FOUND] else None


def best_insertion(
    fleet: FleetArrays,
    request: InsertionRequest,
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
    forbid: Iterable[int] = (),
) -> Insertion | NoInsertion:
    """The cheapest feasible insertion over all available rows not forbidden, or why there is none.

    Equal costs are settled by row, then fewer new visits, then the earlier pickup position, the
    earlier drop-off position, and the order of the choices.
    """
    return _answer(fleet, request, travel_s, objective, now_s, (0, len(fleet)), tuple(forbid))


def insertions_per_shuttle(
    fleet: FleetArrays,
    request: InsertionRequest,
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
) -> tuple[Insertion | NoInsertion, ...]:
    """What each row could do for the request, by row: for explanations and alternatives."""
    return tuple(
        _answer(fleet, request, travel_s, objective, now_s, (row, row + 1))
        for row in range(len(fleet))
    )


def row_begins(
    fleet: FleetArrays, row: int, travel_s: TravelTimes, now_s: int
) -> tuple[int, ...] | Infeasible:
    """Begin of every visit of a row: the compiled counterpart of `schedule.schedule`."""
    assert 0 <= row < len(fleet)
    view = fleet.view()
    room = np.empty((timing.SCHEDULE_ROOM + 1, view.along.shape[1]), dtype=np.int64)
    start_s = max(fleet.plan(row).start_s, now_s)
    code, visit = timing.schedule_row(
        view, row, travel_view(travel_s).travel_s, start_s, room[0], room[1:]
    )
    if code != timing.FEASIBLE:
        return Infeasible(_CONSTRAINT_BY_CODE[code], visit)
    return tuple(room[0, : len(fleet.plan(row).visits)].tolist())


def _answer(
    fleet: FleetArrays,
    request: InsertionRequest,
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
    rows: tuple[int, int],
    forbid: tuple[int, ...] = (),
) -> Insertion | NoInsertion:
    prices = Prices(
        objective.driving, objective.waiting, objective.riding, objective.walking, others=1
    )
    found = find_insertion(fleet, request, travel_s, prices, now_s, STRICT, rows, forbid)
    if found is not None:
        return found

    def find_relaxed(
        asked: InsertionRequest, prices: Prices, allowance: Allowance
    ) -> Insertion | None:
        return find_insertion(fleet, asked, travel_s, prices, now_s, allowance, rows, forbid)

    available = [row for row in range(*rows) if row not in forbid and fleet.plan(row).available]

    def anyone_on_time() -> bool:
        return any(
            not isinstance(row_begins(fleet, row, travel_s, now_s), Infeasible) for row in available
        )

    return diagnose(request, bool(available), anyone_on_time, find_relaxed)


def _asked(request: InsertionRequest, prices: Prices, allowance: Allowance) -> Ints:
    """The request as one line of numbers; `kernels.scan.read_asked` is the way back."""
    asked = [
        len(request.pickups),
        len(request.dropoffs),
        request.desired_s,
        *request.load,
        request.riders,
        request.dwell_s,
        *prices,
        *allowance,
    ]
    # Nothing in service comes near FOREVER_S; larger bounds could overflow in sums.
    for pickup in request.pickups:
        latest_s = min(pickup.latest_s, FOREVER_S)
        asked += (pickup.stop, pickup.walk_s, pickup.earliest_s, latest_s)
    for dropoff in request.dropoffs:
        asked += (dropoff.stop, dropoff.walk_s, 0, min(dropoff.latest_s, FOREVER_S))
    for limits_s in request.max_ride_s:
        asked += [min(limit_s, FOREVER_S) for limit_s in limits_s]
    return np.array(asked, dtype=np.int64)


def _insertion(fleet: FleetArrays, best: list[int], begin_s: Ints) -> Insertion:
    pickup = _position(best[lines.PICKUP_CODE])
    dropoff = _position(best[lines.DROPOFF_CODE])
    n = len(fleet.plan(best[lines.ROW]).visits) + best[lines.NEW_VISITS]
    return Insertion(
        row=best[lines.ROW],
        pickup_choice=best[lines.PICKUP_CHOICE],
        dropoff_choice=best[lines.DROPOFF_CHOICE],
        pickup=pickup,
        dropoff=dropoff,
        begin_s=tuple(begin_s[:n].tolist()),
        pickup_visit=pickup.visit,
        dropoff_visit=dropoff.visit + (0 if pickup.joins else 1),
        cost=Cost(
            driving=best[lines.DRIVING],
            waiting=best[lines.WAITING],
            riding=best[lines.RIDING],
            walking=best[lines.WALKING],
        ),
    )


def warm_up() -> None:
    """Compile the kernels, or load them from numba's cache, before the first rider asks.

    Compiling takes some 15 s, once per machine and version.
    """
    request = InsertionRequest(
        pickups=(PickupChoice(0, 0, 0, 0),),
        dropoffs=(DropoffChoice(1, 0, 0),),
        max_ride_s=((0,),),
        desired_s=0,
        load=(1, 0),
        dwell_s=0,
    )
    fleet = FleetArrays()
    fleet.add_row(RowPlan(0, 0, (0, 0), (1, 0), True, (), ()))
    travel_s = np.zeros((2, 2), dtype=np.int64)
    best_insertion(fleet, request, travel_s, Objective(), 0)
    row_begins(fleet, 0, travel_s, 0)
