"""The improver finds what is plainly better, keeps every promise and survives its worker."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import improver_workers as workers
import numpy as np
import planning_cases as cases
import pytest

from dispatcher.domain.policy import Objective
from dispatcher.planning.fleet import FleetArrays
from dispatcher.planning.improver import (
    ImproveProblem,
    ImproveResult,
    ImproverProcess,
    NoImprovement,
    NoReason,
    PartSize,
    neighbourhoods,
    routing,
    subproblem,
)
from dispatcher.planning.improver.problem import judged
from dispatcher.planning.insertion import row_begins
from dispatcher.planning.rows import NO_PATH_S, RowPlan, RowRide, RowVisit

Improve = Callable[[ImproveProblem, float, int], ImproveResult | NoImprovement]
SEARCHES = {"routing": routing, "neighbourhoods": neighbourhoods}


@pytest.fixture(params=sorted(SEARCHES))
def improve(request: pytest.FixtureRequest) -> Improve:
    """Each of the searches: they answer alike."""
    search = SEARCHES[request.param]
    search.prepare()
    return search.improve


# Stops along one street, a minute apart.
TRAVEL_S = np.abs(np.subtract.outer(np.arange(9), np.arange(9))).astype(np.int64) * 60
NOW_S = 1000


def a_ride(key: str, **changes: int) -> RowRide:
    ride = RowRide(key, (1, 0), NOW_S, NOW_S + 3000, NOW_S + 6000, 3000, 20)
    return replace(ride, **changes)


def a_row(start: int, *visits: RowVisit, rides: tuple[RowRide, ...] = ()) -> RowPlan:
    aboard = len(rides) - sum(len(visit.boards) for visit in visits)
    return RowPlan(start, NOW_S, (aboard, 0), (4, 1), True, visits, rides)


def crossed() -> ImproveProblem:
    """Two shuttles at the ends of the street, each on its way to the rider at the other end."""
    west = a_row(0, RowVisit(7, ("eva",)), RowVisit(8, (), ("eva",)), rides=(a_ride("eva"),))
    east = a_row(8, RowVisit(1, ("wim",)), RowVisit(0, (), ("wim",)), rides=(a_ride("wim"),))
    return ImproveProblem(5, (3, 4), (west, east), TRAVEL_S, Objective(), NOW_S)


def test_crossed_shuttles_exchange_their_riders(improve: Improve) -> None:
    result = improve(crossed(), 0.1, 1)
    assert isinstance(result, ImproveResult)
    assert result.plan_version == 5
    changed = dict(result.rows)
    assert [visit.boards for visit in changed[3].visits] == [("wim",), ()]
    assert [visit.boards for visit in changed[4].visits] == [("eva",), ()]
    # Each drives 60 + 60 instead of 420 + 60 and picks up 360 s sooner: per shuttle 360 s of
    # driving at 500 and of waiting at 1500.
    assert result.cost_before - result.cost_after == 2 * (360 * 500 + 360 * 1500)


def test_a_bound_ride_keeps_its_shuttle(improve: Improve) -> None:
    bound = replace(crossed(), bound_keys=frozenset({"eva", "wim"}))
    assert improve(bound, 0.1, 1) == NoImprovement(NoReason.NOTHING_CHEAPER)


def test_a_rider_aboard_stays_aboard(improve: Improve) -> None:
    # Eva sits in the western shuttle; only Wim can change over, and the western one takes him
    # on the way at 1: 60 s + 20 s of boarding, then 0 lies behind it.
    west = a_row(0, RowVisit(8, alights=("eva",)), rides=(a_ride("eva"),))
    east = a_row(8, RowVisit(1, ("wim",)), RowVisit(2, (), ("wim",)), rides=(a_ride("wim"),))
    problem = replace(crossed(), rows=(west, east))
    result = improve(problem, 0.1, 1)
    assert isinstance(result, ImproveResult)
    changed = dict(result.rows)
    assert [visit.stop for visit in changed[3].visits] == [1, 2, 8]
    assert changed[4].visits == ()


def test_a_ride_limit_is_kept_by_the_search(improve: Improve) -> None:
    # Serving Ben on the way would make Ana's ride 20 s longer than the direct 420 s; her limit
    # allows 10. Without the limit he rides along.
    def problem(limit_s: int) -> ImproveProblem:
        ana = a_ride("ana", max_ride_s=limit_s)
        row = a_row(
            0,
            RowVisit(1, ("ana",)),
            RowVisit(8, (), ("ana",)),
            RowVisit(4, ("ben",)),
            RowVisit(8, (), ("ben",)),
            rides=(ana, a_ride("ben")),
        )
        return replace(crossed(), row_ids=(3,), rows=(row,))

    assert isinstance(improve(problem(440), 0.1, 1), ImproveResult)
    assert improve(problem(430), 0.1, 1) == NoImprovement(NoReason.NOTHING_CHEAPER)


def test_a_closed_street_is_not_driven_however_dear_the_wait(improve: Improve) -> None:
    closed_s = TRAVEL_S.copy()
    closed_s[0, 1] = NO_PATH_S  # so the western shuttle cannot fetch Wim
    closed_s[8, 7] = NO_PATH_S
    problem = replace(crossed(), travel_s=closed_s)
    assert improve(problem, 0.1, 1) == NoImprovement(NoReason.NOTHING_CHEAPER)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_found_is_feasible_and_keeps_every_ride(improve: Improve, seed: int) -> None:
    rng = random.Random(seed)
    travel_s = cases.random_travel_s(rng, 7)
    rows = []
    for shuttle in range(4):
        row = cases.random_row(rng, 7, NOW_S, travel_s, 4)
        renamed = {ride.key: f"{shuttle}-{ride.key}" for ride in row.rides}
        rows.append(
            replace(
                row,
                rides=tuple(replace(ride, key=renamed[ride.key]) for ride in row.rides),
                visits=tuple(
                    replace(
                        visit,
                        boards=tuple(renamed[key] for key in visit.boards),
                        alights=tuple(renamed[key] for key in visit.alights),
                    )
                    for visit in row.visits
                ),
            )
        )
    objective = cases.random_objective(rng)
    problem = ImproveProblem(1, (0, 1, 2, 3), tuple(rows), travel_s, objective, NOW_S)
    result = improve(problem, 0.1, seed)
    if isinstance(result, NoImprovement):
        assert result.reason == NoReason.NOTHING_CHEAPER, f"seed {seed}"
        return
    assert result.cost_after < result.cost_before, f"seed {seed}"
    fleet = FleetArrays()
    for _, row in result.rows:
        times = row_begins(fleet, fleet.add_row(row), travel_s, NOW_S)
        assert isinstance(times, tuple), f"seed {seed}"


def _swapped() -> ImproveResult:
    answer = workers.swap(crossed(), 0, 0)
    assert isinstance(answer, ImproveResult)
    return answer


def _with_first(row: RowPlan) -> ImproveResult:
    swapped = _swapped()
    return replace(swapped, rows=((3, row), swapped.rows[1]))


FIRST = _swapped().rows[0][1]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="nothing"),
        pytest.param(replace(_swapped(), plan_version=4), id="another plan's version"),
        pytest.param(replace(_swapped(), rows=_swapped().rows[:1]), id="a rider on two shuttles"),
        pytest.param(replace(_swapped(), rows=((9, FIRST),)), id="an unknown row"),
        pytest.param(replace(_swapped(), rows=(("x", None),)), id="no row at all"),
        pytest.param(_with_first(replace(FIRST, start_stop=1)), id="another start"),
        pytest.param(_with_first(replace(FIRST, capacity=(9, 9))), id="more seats"),
        pytest.param(_with_first(replace(FIRST, visits=FIRST.visits[::-1])), id="reversed"),
        pytest.param(_with_first(replace(FIRST, visits=FIRST.visits[:1])), id="not set down"),
        pytest.param(_with_first(replace(FIRST, visits=())), id="not served"),
        pytest.param(
            _with_first(replace(FIRST, rides=(a_ride("wim", dropoff_latest_s=9999),))),
            id="another promise",
        ),
        pytest.param(
            _with_first(replace(FIRST, visits=(replace(FIRST.visits[0], stop=2), FIRST.visits[1]))),
            id="another stop",
        ),
        pytest.param(
            _with_first(
                replace(FIRST, visits=(FIRST.visits[0], replace(FIRST.visits[1], boards=("zoe",))))
            ),
            id="an unknown rider",
        ),
    ],
)
def test_an_answer_that_breaks_the_deal_is_rubbish(answer: object) -> None:
    assert judged(crossed(), answer) == NoImprovement(NoReason.RUBBISH)


def test_an_honest_answer_is_priced_anew() -> None:
    boast = replace(_swapped(), cost_before=10**12, cost_after=-(10**12))
    found = judged(crossed(), boast)
    assert isinstance(found, ImproveResult)
    assert found.cost_before - found.cost_after == 2 * (360 * 500 + 360 * 1500)
    back = replace(crossed(), rows=tuple(row for _, row in _swapped().rows))
    assert judged(back, workers.swap(back, 0, 0)) == NoImprovement(NoReason.NOTHING_CHEAPER)


def test_a_subproblem_takes_what_is_near_the_centre() -> None:
    here = a_row(0, RowVisit(0, ("a",)), RowVisit(1, (), ("a",)), rides=(a_ride("a"),))
    there = a_row(8, RowVisit(8, ("b",)), RowVisit(7, (), ("b",)), rides=(a_ride("b"),))
    near_idle, far_idle = a_row(1), a_row(7)
    problem = replace(crossed(), row_ids=(10, 11, 12, 13), rows=(there, near_idle, here, far_idle))
    assert subproblem(problem, random.Random(0), PartSize(rides=2, rows=40)) is problem
    parts = [
        set(subproblem(problem, random.Random(seed), PartSize(rides=1, rows=40)).row_ids)
        for seed in range(20)
    ]
    # The other end's ride is one too many; the idle neighbour of the centre comes along.
    assert all(part >= {10, 13} or part >= {11, 12} for part in parts)
    assert {frozenset(part & {10, 12}) for part in parts} == {frozenset({10}), frozenset({12})}


async def test_the_process_answers_like_the_search() -> None:
    improver = ImproverProcess()
    try:
        result = await improver.improve(crossed(), 0.1, 1)
        again = await improver.improve(crossed(), 0.1, 1)
    finally:
        await improver.close()
    assert isinstance(result, ImproveResult)
    assert again == result
    assert improver.starts == 1


@pytest.mark.parametrize(
    ("solve", "reason"),
    [
        (workers.hang, NoReason.TIMED_OUT),
        (workers.crash, NoReason.CRASHED),
        (workers.raise_an_error, NoReason.CRASHED),
        (workers.babble, NoReason.RUBBISH),
        (workers.answer_unreadably, NoReason.RUBBISH),
        (workers.drop_everybody, NoReason.RUBBISH),
    ],
)
async def test_a_worker_gone_wrong_is_survived(solve: object, reason: NoReason) -> None:
    # Only the one that hangs needs its deadline; how long the others take to die is their matter.
    grace_s = 0.2 if reason is NoReason.TIMED_OUT else 60.0
    improver = ImproverProcess(solve, grace_s=grace_s, prepare=workers.nothing)
    try:
        found = await improver.improve(crossed(), 0.0, 1)
    finally:
        await improver.close()
    assert found == NoImprovement(reason)


async def test_a_fresh_worker_takes_over_from_a_dead_one() -> None:
    improver = ImproverProcess(workers.odd_seeds_crash, prepare=workers.nothing)
    try:
        assert await improver.improve(crossed(), 0.1, 1) == NoImprovement(NoReason.CRASHED)
        assert isinstance(await improver.improve(crossed(), 0.1, 2), ImproveResult)
        assert improver.starts == 2
    finally:
        await improver.close()


@pytest.mark.parametrize("started", [False, True])
async def test_closing_ends_a_search_under_way(started: bool) -> None:
    improver = ImproverProcess(workers.odd_seeds_hang, grace_s=600, prepare=workers.nothing)
    if started:
        assert isinstance(await improver.improve(crossed(), 1, 2), ImproveResult)
    asking = asyncio.create_task(improver.improve(crossed(), 600, 1))
    await asyncio.sleep(0)  # the question is on its way, to a running worker or a new one
    await improver.close()
    assert await asking == NoImprovement(NoReason.CRASHED)
    with pytest.raises(RuntimeError):
        await improver.improve(crossed(), 0.1, 1)


@pytest.mark.parametrize("started", [False, True])
async def test_cancelling_the_question_ends_the_search_and_the_next_is_answered(
    started: bool,
) -> None:
    improver = ImproverProcess(workers.odd_seeds_hang, grace_s=600, prepare=workers.nothing)
    try:
        if started:
            assert isinstance(await improver.improve(crossed(), 1, 2), ImproveResult)
        asking = asyncio.create_task(improver.improve(crossed(), 600, 1))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert isinstance(await improver.improve(crossed(), 1, 2), ImproveResult)
    finally:
        await improver.close()
