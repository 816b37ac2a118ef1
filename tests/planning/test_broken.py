"""A row that is late says for whom and by how much, and can be planned again."""

from dataclasses import replace

import numpy as np

from dispatcher.planning.broken import Breach, Loosened, Promise, loosen
from dispatcher.planning.rows import NO_PATH_S, RowPlan, RowRide, RowVisit
from dispatcher.planning.schedule import Constraint, Infeasible, Schedule, schedule

TRAVEL_S = np.array([[0, 60, 160], [60, 0, 100], [160, 100, 0]], dtype=np.int64)
ANA = RowRide("ana", (1, 0), 0, 1100, 1300, 120, 20)
ROW = RowPlan(
    start_stop=0,
    start_s=1000,
    start_load=(0, 0),
    capacity=(4, 0),
    available=True,
    visits=(RowVisit(1, boards=("ana",)), RowVisit(2, alights=("ana",))),
    rides=(ANA,),
    end_s=1250,
)


def test_a_row_on_time_is_left_alone() -> None:
    assert loosen(ROW, TRAVEL_S, 1000) == Loosened(ROW, ())


def test_a_late_row_breaks_the_pickup_and_can_go_on() -> None:
    # Leaving at 1050 instead of 1000: B at 1110 (promised 1100), C at 1230, left at 1250.
    late = loosen(ROW, TRAVEL_S, 1050)
    assert isinstance(late, Loosened)
    assert late.breaches == (Breach("ana", Promise.PICKUP, 10),)
    assert late.plan.rides == (replace(ANA, pickup_latest_s=1110),)
    times = schedule(late.plan, TRAVEL_S, 1050)
    assert isinstance(times, Schedule)
    assert times.begin_s == (1110, 1230)


def test_a_slower_street_breaks_the_ride_the_drop_off_and_the_shift() -> None:
    slow_s = TRAVEL_S.copy()
    slow_s[1, 2] = 250
    # C at 1080 + 250 = 1330: 30 s late, 130 s over the ride limit, and off at 1350.
    late = loosen(ROW, slow_s, 1000)
    assert isinstance(late, Loosened)
    assert late.breaches == (
        Breach("ana", Promise.DROPOFF, 30),
        Breach("ana", Promise.RIDE_TIME, 130),
    )
    assert late.plan.end_s == 1350
    assert isinstance(schedule(late.plan, slow_s, 1000), Schedule)


def test_a_closed_street_cannot_be_loosened() -> None:
    closed_s = TRAVEL_S.copy()
    closed_s[1, 2] = NO_PATH_S
    assert loosen(ROW, closed_s, 1000) == Infeasible(Constraint.NO_PATH, 1)
