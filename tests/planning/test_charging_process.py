"""A choice of charging sessions is made elsewhere, in time, and believed only if it fits."""

import subprocess
import sys
from dataclasses import replace

import charging_workers as workers
import pytest
from service_fakes import turns
from test_charging import SLOT_S, a_need, a_problem

from dispatcher.planning.charging import ChosenCharge
from dispatcher.planning.charging_process import ChargingProcess, choose, judge
from dispatcher.planning.charging_solver import choose_charges
from dispatcher.planning.occupancy import PlugUse
from dispatcher.planning.worker_process import Failure, Rubbish, WorkerProcess

PROBLEM = a_problem(a_need("a", 45), a_need("b", 25))


async def test_the_process_chooses_like_the_solver() -> None:
    process = ChargingProcess(within_s=60.0)
    try:
        assert await process.choose(PROBLEM) == choose_charges(PROBLEM)
        assert await process.choose(replace(PROBLEM, needs=())) == ()
    finally:
        await process.close()
    assert (process.starts, process.failures) == (1, 0)


@pytest.mark.parametrize(
    ("work", "failure"),
    [
        (workers.hang, Failure.TIMED_OUT),
        (workers.crash, Failure.CRASHED),
        (workers.babble, Failure.RUBBISH),
    ],
)
async def test_a_choice_gone_wrong_is_a_value_and_the_next_worker_is_fresh(
    work: object, failure: Failure
) -> None:
    process: WorkerProcess[object, object] = WorkerProcess(work, judge, name="charging")  # type: ignore[arg-type]
    # Only the one that hangs needs its deadline.
    within_s = 0.2 if failure is Failure.TIMED_OUT else 60.0
    try:
        assert await process.ask(PROBLEM, within_s) is failure
        assert await process.ask(PROBLEM, within_s) is failure
    finally:
        await process.close()
    assert (process.starts, process.failures) == (2, 2)
    await turns(2)


def test_what_the_solver_chooses_is_believed() -> None:
    for keys in ("a", "ab", "abcde"):
        problem = a_problem(*(a_need(key, 20 + 9 * n) for n, key in enumerate(keys)), plugs=2)
        assert judge(problem, choose(problem)) == choose_charges(problem)


def test_what_does_not_fit_is_rubbish() -> None:
    good = choose_charges(PROBLEM)
    first = good[0]
    taken = replace(
        PROBLEM, chargers=(replace(PROBLEM.chargers[0], taken=(PlugUse(0, 9 * SLOT_S),)),)
    )
    # At the only plug "a" follows "b"; if it came at once, there would be two.
    at_once = tuple(replace(charge, begin_s=0, until_s=2 * SLOT_S) for charge in good)
    for problem, answer in [
        (PROBLEM, list(good)),
        (PROBLEM, None),
        (PROBLEM, (*good, first)),
        (PROBLEM, (replace(first, key="nobody"),)),
        (PROBLEM, (replace(first, stop=8),)),
        (PROBLEM, (replace(first, begin_s=first.begin_s + 1),)),
        (PROBLEM, (replace(first, to_ws=first.to_ws + 1),)),
        (PROBLEM, at_once),
        (taken, good),
        (PROBLEM, ("b", 7)),
    ]:
        with pytest.raises(Rubbish):
            judge(problem, answer)
    assert isinstance(first, ChosenCharge)


def test_asking_does_not_load_the_solver() -> None:
    code = "import dispatcher.planning.charging_process, sys; print('ortools' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
