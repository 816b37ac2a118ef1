"""The cheapest place for a request in the whole fleet, answered at once.

A typed wrapper around the compiled scan; `dispatcher.planning.twin` is its readable definition.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.policy import Objective
from dispatcher.planning.diagnosis import diagnose
from dispatcher.planning.fleet import FleetArrays, FleetView, Ints
from dispatcher.planning.kernels import scan as kernel
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

STRICT = kernel.Allowance(seats=0, places=0, shift_s=0, drive_s=0)

_CONSTRAINT_BY_CODE = {
    kernel.CAPACITY: Constraint.CAPACITY,
    kernel.NO_PATH: Constraint.NO_PATH,
    kernel.RANGE: Constraint.RANGE,
    kernel.WINDOW: Constraint.WINDOW,
    kernel.SHIFT_END: Constraint.SHIFT_END,
    kernel.RIDE_TIME: Constraint.RIDE_TIME,
}


def find_insertion(
    fleet: FleetArrays,
    considered: NDArray[np.bool_],
    request: InsertionRequest,
    travel_s: TravelTimes,
    prices: kernel.Prices,
    now_s: int,
    allowance: kernel.Allowance = STRICT,
) -> Insertion | None:
    """The cheapest feasible insertion over the considered rows that are available, or None.

    The travel times should keep the triangle inequality; without it an answer is still feasible
    but may miss the cheapest. A row that cannot keep its own promises takes nobody.
    """
    view = fleet.view()
    best = np.empty(kernel.RESULT_SIZE, dtype=np.int64)
    begin_s = np.empty(view.visit_stop.shape[1] + 2, dtype=np.int64)
    kernel.scan(
        view,
        considered,
        len(fleet),
        _request_view(request),
        _checked(travel_s),
        prices,
        allowance,
        now_s,
        best,
        begin_s,
    )
    return _insertion(view, best.tolist(), begin_s) if best[kernel.FOUND] else None


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
    considered = np.ones(len(fleet), dtype=np.bool_)
    considered[list(forbid)] = False
    return _answer(fleet, considered, request, travel_s, objective, now_s)


def insertions_per_shuttle(
    fleet: FleetArrays,
    request: InsertionRequest,
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
) -> tuple[Insertion | NoInsertion, ...]:
    """What each row could do for the request, by row: for explanations and alternatives."""
    answers = []
    for row in range(len(fleet)):
        alone = np.zeros(len(fleet), dtype=np.bool_)
        alone[row] = True
        answers.append(_answer(fleet, alone, request, travel_s, objective, now_s))
    return tuple(answers)


def row_begins(
    fleet: FleetArrays, row: int, travel_s: TravelTimes, now_s: int
) -> tuple[int, ...] | Infeasible:
    """Begin of every visit of a row: the compiled counterpart of `schedule.schedule`."""
    assert 0 <= row < len(fleet)
    view = fleet.view()
    leg_s, begin_s, pushed_s = np.empty((3, view.visit_stop.shape[1]), dtype=np.int64)
    code, visit = kernel.schedule_row(
        view, row, _checked(travel_s), now_s, leg_s, begin_s, pushed_s
    )
    if code != kernel.FEASIBLE:
        return Infeasible(_CONSTRAINT_BY_CODE[code], visit)
    return tuple(begin_s[: view.n_visits[row]].tolist())


def _answer(
    fleet: FleetArrays,
    considered: NDArray[np.bool_],
    request: InsertionRequest,
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
) -> Insertion | NoInsertion:
    prices = kernel.Prices(
        objective.driving, objective.waiting, objective.riding, objective.walking, others=1
    )
    found = find_insertion(fleet, considered, request, travel_s, prices, now_s)
    if found is not None:
        return found

    def find_relaxed(
        asked: InsertionRequest, prices: kernel.Prices, allowance: kernel.Allowance
    ) -> Insertion | None:
        return find_insertion(fleet, considered, asked, travel_s, prices, now_s, allowance)

    rows = np.flatnonzero(considered & fleet.view().available[: len(fleet)]).tolist()

    def anyone_on_time() -> bool:
        return any(not isinstance(row_begins(fleet, i, travel_s, now_s), Infeasible) for i in rows)

    return diagnose(request, bool(rows), anyone_on_time, find_relaxed)


def _request_view(request: InsertionRequest) -> kernel.RequestView:
    def ints(values: Iterable[int]) -> Ints:
        # Nothing in service comes near FOREVER_S; larger bounds could overflow in sums.
        return np.array([min(value, FOREVER_S) for value in values], dtype=np.int64)

    pickups, dropoffs = request.pickups, request.dropoffs
    flat_max_ride_s = ints(limit for row in request.max_ride_s for limit in row)
    return kernel.RequestView(
        pickup_stop=ints(choice.stop for choice in pickups),
        pickup_walk_s=ints(choice.walk_s for choice in pickups),
        pickup_earliest_s=ints(choice.earliest_s for choice in pickups),
        pickup_latest_s=ints(choice.latest_s for choice in pickups),
        dropoff_stop=ints(choice.stop for choice in dropoffs),
        dropoff_walk_s=ints(choice.walk_s for choice in dropoffs),
        dropoff_latest_s=ints(choice.latest_s for choice in dropoffs),
        max_ride_s=flat_max_ride_s.reshape(len(pickups), len(dropoffs)),
        desired_s=request.desired_s,
        seats=request.load[0],
        places=request.load[1],
        riders=request.riders,
        dwell_s=request.dwell_s,
    )


def _checked(travel_s: TravelTimes) -> TravelTimes:
    assert travel_s.dtype == np.int64, "travel times are int64 seconds"
    assert travel_s.ndim == 2
    assert travel_s.shape[0] == travel_s.shape[1]
    # Read-only arrays are a type of their own to the compiler: one kind means one compilation.
    sealed_s = np.ascontiguousarray(travel_s).view()
    sealed_s.flags.writeable = False
    return sealed_s


def _insertion(view: FleetView, best: list[int], begin_s: Ints) -> Insertion:
    pickup = Position.from_code(best[kernel.PICKUP_CODE])
    dropoff = Position.from_code(best[kernel.DROPOFF_CODE])
    n = int(view.n_visits[best[kernel.ROW]]) + best[kernel.NEW_VISITS]
    return Insertion(
        row=best[kernel.ROW],
        pickup_choice=best[kernel.PICKUP_CHOICE],
        dropoff_choice=best[kernel.DROPOFF_CHOICE],
        pickup=pickup,
        dropoff=dropoff,
        begin_s=tuple(begin_s[:n].tolist()),
        pickup_visit=pickup.visit,
        dropoff_visit=dropoff.visit + (0 if pickup.joins else 1),
        cost=Cost(
            driving=best[kernel.DRIVING],
            waiting=best[kernel.WAITING],
            riding=best[kernel.RIDING],
            walking=best[kernel.WALKING],
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
