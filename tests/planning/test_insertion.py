"""Where a request goes, and why it goes nowhere, worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from dispatcher.domain.policy import Objective
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.insertion import best_insertion, insertions_per_shuttle
from dispatcher.planning.kernels import lines
from dispatcher.planning.request import (
    Binding,
    DropoffChoice,
    Insertion,
    InsertionRequest,
    NoInsertion,
    PickupChoice,
    Position,
)
from dispatcher.planning.rows import FOREVER_S, NO_PATH_S, RowPlan, RowRide, RowVisit
from dispatcher.planning.schedule import Cost

# Stops along one street, a minute apart.
A, B, C, D, E = range(5)
TRAVEL_S = np.abs(np.subtract.outer(np.arange(5), np.arange(5))).astype(np.int64) * 60
PRICES = Objective(driving=1, waiting=10, riding=5, walking=20)
NOW_S = 1000


def a_shuttle(
    stop: int,
    *visits: RowVisit,
    rides: tuple[RowRide, ...] = (),
    capacity: tuple[int, int] = (4, 0),
    start_load: tuple[int, int] = (0, 0),
    end_s: int = FOREVER_S,
    available: bool = True,
) -> RowPlan:
    return RowPlan(stop, NOW_S, start_load, capacity, available, visits, rides, end_s)


def a_fleet(*plans: RowPlan) -> FleetArrays:
    fleet = FleetArrays()
    for plan in plans:
        fleet.add_row(plan)
    return fleet


def a_request(
    pickup: int,
    dropoff: int,
    max_wait_s: int = 600,
    max_ride_s: int = 600,
    load: tuple[int, int] = (1, 0),
) -> InsertionRequest:
    return InsertionRequest(
        pickups=(PickupChoice(pickup, 0, NOW_S, NOW_S + max_wait_s),),
        dropoffs=(DropoffChoice(dropoff, 0, NOW_S + max_wait_s + max_ride_s),),
        max_ride_s=((max_ride_s,),),
        desired_s=NOW_S,
        load=load,
        dwell_s=20,
    )


def ana(max_ride_s: int = 1000, load: tuple[int, int] = (1, 0)) -> RowRide:
    return RowRide("ana", load, NOW_S, NOW_S + 900, NOW_S + 2000, max_ride_s, 20)


def test_the_nearer_shuttle_comes() -> None:
    found = best_insertion(
        a_fleet(a_shuttle(A), a_shuttle(D)), a_request(C, E), TRAVEL_S, PRICES, NOW_S
    )
    assert isinstance(found, Insertion)
    assert found.row == 1
    # D to C 60 s; board 1060 to 1080; C to E 120 s: alight at 1200.
    assert found.begin_s == (1060, 1200)
    # 180 s driven at 1; 60 s waited at 10; 140 s aboard at 5.
    assert found.cost == Cost(driving=180, waiting=600, riding=700, walking=0)


def test_a_rider_on_the_way_is_picked_up_at_the_visits_already_planned() -> None:
    on_the_way = a_shuttle(
        A, RowVisit(B, boards=("ana",)), RowVisit(D, alights=("ana",)), rides=(ana(),)
    )
    found = best_insertion(a_fleet(on_the_way), a_request(B, D), TRAVEL_S, PRICES, NOW_S)
    assert isinstance(found, Insertion)
    assert (found.pickup, found.dropoff) == (Position(0, joins=True), Position(1, joins=True))
    # Nothing is driven and nobody is delayed: begin at B 1060, at D 1060 + 20 + 120 = 1200.
    assert found.begin_s == (1060, 1200)
    assert found.cost == Cost(driving=0, waiting=600, riding=700, walking=0)


def test_a_rider_aboard_is_not_carried_past_the_promise() -> None:
    # Ana must be at C by 1130 and the direct drive from A takes until 1120; boarding someone at B
    # on the way would take 20 s, so the pickup comes after her drop-off: C 1120..1140, B 1200.
    plan = a_shuttle(
        A,
        RowVisit(C, alights=("ana",)),
        rides=(replace(ana(), dropoff_latest_s=1130),),
        start_load=(1, 0),
    )
    found = best_insertion(a_fleet(plan), a_request(B, D), TRAVEL_S, PRICES, NOW_S)
    assert isinstance(found, Insertion)
    assert (found.pickup, found.dropoff) == (Position(1, joins=False), Position(1, joins=False))
    assert found.begin_s == (1120, 1200, 1340)


def test_riders_delayed_by_a_detour_are_paid_for() -> None:
    plan = a_shuttle(A, RowVisit(E, alights=("ana",)), rides=(ana(),), start_load=(1, 0))
    found = best_insertion(a_fleet(plan), a_request(B, C), TRAVEL_S, Objective(1, 10, 5, 0), NOW_S)
    assert isinstance(found, Insertion)
    assert (found.pickup_visit, found.dropoff_visit) == (0, 1)
    # On the way: no driving added. The rider waits 60 s and is aboard 80 s; two dwells of 20 s
    # keep Ana aboard 40 s longer.
    assert found.cost == Cost(driving=0, waiting=600, riding=5 * (80 + 40), walking=0)


def test_a_shorter_walk_may_be_worth_a_longer_drive() -> None:
    request = replace(
        a_request(A, E),
        pickups=(PickupChoice(A, 0, NOW_S, NOW_S + 600), PickupChoice(B, 50, NOW_S, NOW_S + 600)),
        max_ride_s=((600,), (600,)),
    )
    fleet = a_fleet(a_shuttle(B))
    dear_walk = best_insertion(fleet, request, TRAVEL_S, PRICES, NOW_S)
    cheap_walk = best_insertion(fleet, request, TRAVEL_S, Objective(1, 10, 5, 1), NOW_S)
    assert isinstance(dear_walk, Insertion)
    assert isinstance(cheap_walk, Insertion)
    # Walking to B costs 50 s and saves 60 s wait, 60 s ride and 120 s drive: 600 + 300 + 120 =
    # 1020 against 50 * 20 = 1000. It pays either way, by 20 or by 970.
    assert (dear_walk.pickup_choice, cheap_walk.pickup_choice) == (1, 1)
    dearer = best_insertion(fleet, request, TRAVEL_S, Objective(1, 10, 5, 21), NOW_S)
    assert isinstance(dearer, Insertion)
    assert dearer.pickup_choice == 0  # 50 * 21 = 1050 > 1020


def test_equal_costs_are_settled_by_row() -> None:
    fleet = a_fleet(a_shuttle(D), a_shuttle(B), a_shuttle(B))
    found = best_insertion(fleet, a_request(C, C - 2), TRAVEL_S, PRICES, NOW_S)
    assert isinstance(found, Insertion)
    assert found.row == 0
    found = best_insertion(fleet, a_request(C, A), TRAVEL_S, PRICES, NOW_S, forbid=(0,))
    assert isinstance(found, Insertion)
    assert found.row == 1


def test_a_separate_call_is_kept_where_joining_would_hold_others_up() -> None:
    # Ana alights at B at 1060. The new rider is at B from 1400 on. Waiting with Ana aboard until
    # 1400 would cost her 340 s * 5; a second call costs her nothing.
    plan = a_shuttle(A, RowVisit(B, alights=("ana",)), rides=(ana(),), start_load=(1, 0))
    request = replace(a_request(B, C), pickups=(PickupChoice(B, 0, 1400, 1600),), desired_s=1400)
    found = best_insertion(a_fleet(plan), request, TRAVEL_S, PRICES, NOW_S)
    assert isinstance(found, Insertion)
    assert found.pickup == Position(1, joins=False)
    assert found.begin_s == (1060, 1400, 1480)


def _full(kind: int) -> RowPlan:
    """At A with Ana aboard for E, all places of a kind taken."""
    load = (4, 0) if kind == 0 else (0, 1)
    return a_shuttle(
        A,
        RowVisit(E, alights=("ana",)),
        rides=(ana(load=load),),
        start_load=load,
        capacity=(4, 1),
    )


@pytest.mark.parametrize(
    ("fleet", "request_", "expected"),
    [
        pytest.param(
            (a_shuttle(A, available=False),),
            a_request(B, C),
            NoInsertion(Binding.FLEET_DOWN),
            id="no shuttle in service",
        ),
        pytest.param(
            # Ana was to be at E by 1239 and will be there at 1240.
            (
                a_shuttle(
                    A,
                    RowVisit(E, alights=("ana",)),
                    rides=(replace(ana(), dropoff_latest_s=1239),),
                    start_load=(1, 0),
                ),
            ),
            a_request(B, C),
            NoInsertion(Binding.FLEET_DOWN),
            id="the only shuttle is behind its promises",
        ),
        pytest.param(
            # E at 1240, leaves 1260, back at B 1440: 440 s of waiting are more than 300.
            (_full(0),),
            a_request(B, C, max_wait_s=300),
            NoInsertion(Binding.NO_SEAT, nearest_pickup_s=1440),
            id="no seat in time",
        ),
        pytest.param(
            (_full(1),),
            a_request(B, C, max_wait_s=300, load=(0, 1)),
            NoInsertion(Binding.NO_WHEELCHAIR_PLACE, nearest_pickup_s=1440),
            id="no wheelchair place in time",
        ),
        pytest.param(
            (a_shuttle(A, capacity=(4, 0)),),
            a_request(E, C, max_wait_s=100, load=(0, 1)),
            NoInsertion(Binding.NO_WHEELCHAIR_PLACE),
            id="no wheelchair place at all, and too far as well",
        ),
        pytest.param(
            # A to E takes 240 s.
            (a_shuttle(A),),
            a_request(E, D, max_wait_s=239),
            NoInsertion(Binding.WAIT_TOO_LONG, nearest_pickup_s=1240),
            id="too far away",
        ),
        pytest.param(
            # B to E takes 180 s from the departure, 200 s with the boarding.
            (a_shuttle(B),),
            a_request(B, E, max_ride_s=179),
            NoInsertion(Binding.RIDE_TOO_LONG, nearest_ride_s=200),
            id="ride limit below the drive",
        ),
        pytest.param(
            # At B 1060..1080, at C 1140..1160.
            (a_shuttle(A, end_s=1159),),
            a_request(B, C),
            NoInsertion(Binding.OUTSIDE_HOURS),
            id="shift ends before",
        ),
        pytest.param(
            # A to B to C is 120 s of driving.
            (replace(a_shuttle(A), drive_limit_s=119),),
            a_request(B, C),
            NoInsertion(Binding.NO_RANGE),
            id="the battery does not last",
        ),
    ],
)
def test_a_refusal_names_what_stands_in_the_way(
    fleet: tuple[RowPlan, ...], request_: InsertionRequest, expected: NoInsertion
) -> None:
    found = best_insertion(a_fleet(*fleet), request_, TRAVEL_S, PRICES, NOW_S)
    assert isinstance(found, NoInsertion)
    assert found.binding == expected.binding
    assert found.nearest_pickup_s == expected.nearest_pickup_s
    if expected.binding == Binding.RIDE_TOO_LONG:
        assert found.nearest_ride_s == expected.nearest_ride_s


def test_a_stop_behind_closed_streets_has_no_path() -> None:
    closed_s = TRAVEL_S.copy()
    closed_s[:, E] = NO_PATH_S
    closed_s[E, E] = 0
    found = best_insertion(a_fleet(a_shuttle(A)), a_request(B, E), closed_s, PRICES, NOW_S)
    assert isinstance(found, NoInsertion)
    assert found.binding == Binding.NO_PATH


def test_each_shuttle_answers_for_itself() -> None:
    fleet = a_fleet(a_shuttle(B), a_shuttle(A, available=False), a_shuttle(E))
    answers = insertions_per_shuttle(
        fleet, a_request(B, C, max_wait_s=100), TRAVEL_S, PRICES, NOW_S
    )
    assert isinstance(answers[0], Insertion)
    assert answers[0].row == 0
    assert answers[1] == NoInsertion(Binding.FLEET_DOWN)
    assert isinstance(answers[2], NoInsertion)
    assert answers[2].binding == Binding.WAIT_TOO_LONG
    assert answers[2].nearest_pickup_s == NOW_S + 180


def test_kernel_and_rows_agree_on_what_no_path_means() -> None:
    assert lines.NO_PATH_S == NO_PATH_S


def test_read_only_travel_times_give_the_same_answer() -> None:
    sealed_s = TRAVEL_S.copy()
    sealed_s.flags.writeable = False
    fleet = a_fleet(a_shuttle(A))
    found = best_insertion(fleet, a_request(B, C), sealed_s, PRICES, NOW_S)
    assert found == best_insertion(fleet, a_request(B, C), TRAVEL_S, PRICES, NOW_S)
