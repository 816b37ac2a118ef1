"""The checker accepts a sound plan, and each of its rules has a plan that breaks only that."""

import ast
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import planning_cases as cases
import pytest

from dispatcher.planning import checker
from dispatcher.planning.checker import (
    Broken,
    CheckedRide,
    CheckedRoute,
    CheckedVisit,
    check_plan,
    check_route,
)
from dispatcher.planning.rows import FOREVER_S, RowPlan, bounds
from dispatcher.planning.schedule import Schedule, TravelTimes, schedule

A, B, C, D = range(4)
TRAVEL_S = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) * 60

ANA = CheckedRide("ana", (1, 0), 1000, 1200, 1400, 300, aboard=False, pickup_stop=B, dropoff_stop=D)
BEN = CheckedRide("ben", (1, 1), 0, 2000, 1300, 500, aboard=True, boarded_s=900, dropoff_stop=C)
SOUND = CheckedRoute(
    shuttle="s1",
    start_stop=A,
    start_s=1000,
    capacity=(2, 1),
    visits=(
        # B 1060 to 1080, C 1140 to 1200 (Ben's ramp), D 1260 to 1280.
        CheckedVisit(B, 1060, 1060, 1080, boards=("ana",), dwell_s=20),
        CheckedVisit(C, 1140, 1140, 1200, alights=("ben",), dwell_s=60),
        CheckedVisit(D, 1260, 1260, 1280, (), ("ana",), earliest_s=1200, latest_s=1300, dwell_s=20),
    ),
    rides=(ANA, BEN),
    end_s=1280,
    released_before=(CheckedVisit(B, 1050, 1050, 1070, boards=("ana",), dwell_s=20),),
)

Change = Callable[[CheckedRoute], CheckedRoute]


def visit(i: int, **changes: object) -> Change:
    def change(route: CheckedRoute) -> CheckedRoute:
        visits = list(route.visits)
        visits[i] = replace(visits[i], **changes)
        return replace(route, visits=tuple(visits))

    return change


def ride(i: int, **changes: object) -> Change:
    def change(route: CheckedRoute) -> CheckedRoute:
        rides = list(route.rides)
        rides[i] = replace(rides[i], **changes)
        return replace(route, rides=tuple(rides))

    return change


def whole(**changes: object) -> Change:
    return lambda route: replace(route, **changes)


def test_a_sound_route_is_accepted() -> None:
    assert check_plan([SOUND], TRAVEL_S, must_serve=("ana", "ben")) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (visit(1, arrive_s=1139), Broken.TRAVEL),
        (whole(start_s=1001), Broken.TRAVEL),
        (visit(0, begin_s=1059), Broken.BEGIN),
        (visit(2, earliest_s=1261), Broken.WINDOW),
        (visit(2, latest_s=1259), Broken.WINDOW),
        (ride(0, pickup_earliest_s=1061), Broken.PICKUP_WINDOW),
        (ride(0, pickup_latest_s=1059), Broken.PICKUP_WINDOW),
        (ride(0, dropoff_latest_s=1259), Broken.DROPOFF_PROMISE),
        (ride(1, dropoff_latest_s=1139), Broken.DROPOFF_PROMISE),
        (visit(1, dwell_s=61), Broken.DWELL),
        (whole(capacity=(1, 1)), Broken.CAPACITY),
        (whole(capacity=(2, 0)), Broken.CAPACITY),
        (visit(1, boards=("ben",), alights=("ben",)), Broken.TWICE),
        (visit(1, alights=("ben", "zoe")), Broken.UNKNOWN_RIDE),
        (visit(2, alights=()), Broken.NOT_SET_DOWN),
        (visit(1, alights=()), Broken.NOT_SET_DOWN),
        (ride(0, max_ride_s=179), Broken.RIDE_TIME),  # 1080 to 1260
        (ride(1, max_ride_s=239), Broken.RIDE_TIME),  # 900 to 1140
        (ride(0, pickup_stop=C), Broken.WRONG_STOP),
        (ride(0, dropoff_stop=C), Broken.WRONG_STOP),
        (whole(end_s=1279), Broken.SHIFT_END),
        (whole(drive_limit_s=179), Broken.RANGE),  # three legs of 60 s
        (whole(released_before=SOUND.visits[1:2]), Broken.RELEASED_CHANGED),
        (
            whole(released_before=(*SOUND.visits, CheckedVisit(A, 1400, 1400, 1400))),
            Broken.RELEASED_CHANGED,
        ),
    ],
)
def test_a_route_that_breaks_one_rule_is_told_so(change: Change, kind: Broken) -> None:
    assert {found.kind for found in check_route(change(SOUND), TRAVEL_S)} == {kind}


def test_a_waiting_party_that_only_alights_breaks_pairing() -> None:
    changed = replace(visit(0, boards=())(SOUND), released_before=())
    kinds = {found.kind for found in check_route(changed, TRAVEL_S)}
    assert kinds == {Broken.NOT_BOARDED, Broken.ORDER}


def test_a_party_that_alights_before_it_boards_breaks_the_order() -> None:
    swapped = replace(
        SOUND,
        visits=(
            replace(SOUND.visits[0], boards=(), alights=("ana",)),
            SOUND.visits[1],
            replace(SOUND.visits[2], boards=("ana",), alights=()),
        ),
        rides=(replace(ANA, pickup_stop=None, dropoff_stop=None, pickup_latest_s=1300), BEN),
        released_before=(),
    )
    assert [found.kind for found in check_route(swapped, TRAVEL_S)] == [Broken.ORDER]


def test_a_party_is_on_one_shuttle_only() -> None:
    other = replace(SOUND, shuttle="s2", rides=(ANA,), visits=(SOUND.visits[0], SOUND.visits[2]))
    assert [(found.kind, found.ride) for found in check_plan([SOUND, other], TRAVEL_S)] == [
        (Broken.TWO_SHUTTLES, "ana")
    ]


def test_a_promise_without_a_shuttle_is_missed() -> None:
    found = check_plan([SOUND], TRAVEL_S, must_serve=("ana", "zoe"))
    assert [(one.kind, one.ride) for one in found] == [(Broken.NOT_BOARDED, "zoe")]


def test_the_checker_shares_no_code_with_the_planner() -> None:
    tree = ast.parse(Path(checker.__file__).read_text(encoding="utf-8"))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            modules.add(node.module)
        elif isinstance(node, ast.Import):
            modules.update(name.name for name in node.names)
    assert modules <= {"collections", "collections.abc", "dataclasses", "enum", "typing"}


@pytest.mark.parametrize("seed", range(60))
def test_every_schedule_is_accepted_and_no_visit_can_begin_sooner(seed: int) -> None:
    rng = random.Random(seed)
    travel_s = cases.random_travel_s(rng, 6)
    plan = cases.random_row(rng, 6, 10_000, travel_s, 5)
    route = claimed(plan, travel_s, 10_000)
    assert check_route(route, travel_s) == [], f"seed {seed}"
    for i, planned in enumerate(route.visits):
        sooner = visit(i, begin_s=planned.begin_s - 1, depart_s=planned.depart_s - 1)(route)
        assert check_route(sooner, travel_s), f"seed {seed}"


def claimed(plan: RowPlan, travel_s: TravelTimes, now_s: int) -> CheckedRoute:
    """A scheduled row as the checker sees it."""
    times = schedule(plan, travel_s, now_s)
    assert isinstance(times, Schedule)
    boarding = {key for one in plan.visits for key in one.boards}
    return CheckedRoute(
        shuttle="s1",
        start_stop=plan.start_stop,
        start_s=max(plan.start_s, now_s),
        capacity=plan.capacity,
        visits=tuple(
            CheckedVisit(
                one.stop,
                times.arrive_s[i],
                times.begin_s[i],
                times.depart_s[i],
                one.boards,
                one.alights,
                dwell_s=bound.dwell_s,
            )
            for i, (one, bound) in enumerate(zip(plan.visits, bounds(plan), strict=True))
        ),
        rides=tuple(
            CheckedRide(
                one.key,
                one.load,
                one.pickup_earliest_s,
                one.pickup_latest_s,
                one.dropoff_latest_s,
                one.max_ride_s,
                aboard=one.key not in boarding,
            )
            for one in plan.rides
        ),
        end_s=None if plan.end_s == FOREVER_S else plan.end_s,
    )


# A to B, C and D: three drives of 60 s at 10 W, and 100 s of standing at 1 W, are 1,900 Ws.
BATTERY = checker.CheckedBattery(
    level_ws=2000, full_ws=2500, least_ws=100, driving_w=10, standing_w=1
)


def test_a_battery_must_keep_what_is_to_be_left_in_it() -> None:
    # When it comes to D the last 20 s of standing are still to come: 2,000 - 1,880 = 120 Ws.
    assert check_route(replace(SOUND, battery=BATTERY), TRAVEL_S) == []
    (found,) = check_route(replace(SOUND, battery=replace(BATTERY, least_ws=121)), TRAVEL_S)
    assert (found.kind, found.visit) == (Broken.BATTERY, 2)
    # Charging at C, 60 s at 5 W instead of standing there, adds 360 Ws.
    charged = visit(1, charger_w=5)(replace(SOUND, battery=replace(BATTERY, least_ws=480)))
    assert check_route(charged, TRAVEL_S) == []


def test_a_battery_is_not_judged_beyond_a_pause_in_which_it_can_charge() -> None:
    poor = replace(BATTERY, least_ws=1500)
    late = visit(2, begin_s=1290, depart_s=1310)(replace(SOUND, battery=poor, end_s=None))
    assert Broken.BATTERY in [found.kind for found in check_route(late, TRAVEL_S)]
    # From A to B it takes 600 Ws; the pause of 30 s comes before D.
    paused = replace(late, battery=replace(poor, least_ws=700, gap_s=30))
    assert check_route(paused, TRAVEL_S) == []


def test_a_charger_has_no_more_shuttles_than_plugs() -> None:
    one, two, three = (
        checker.CheckedCharge(name, A, from_s, from_s + 100)
        for name, from_s in (("s1", 0), ("s2", 50), ("s3", 100))
    )
    assert checker.check_plugs([one, two, three], {A: 2}) == []
    (found,) = checker.check_plugs([one, two], {A: 1})
    assert (found.kind, found.shuttle) == (Broken.PLUG, "s2")
    assert [f.shuttle for f in checker.check_plugs([one, three], {A: 1})] == []
    assert [f.shuttle for f in checker.check_plugs([one], {})] == ["s1"]
