"""Whole histories: the same again from the same seed, and a planted mistake is seen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.faultsim.campaign import Campaign, failed_seeds, replay_command
from simulator.faultsim.history import Violation
from simulator.faultsim.mistakes import MISTAKES
from simulator.faultsim.plan import FOR_GOOD_S, Emphasis, Fault, FaultPlan, draw_plan
from simulator.faultsim.planted import caught_by, find_mistake, planted
from simulator.faultsim.run import run_seed, warm_up

ROOT = Path(__file__).parents[2]
_DIGESTS = """
import json, sys
from simulator.faultsim.plan import draw_plan
from simulator.faultsim.run import run_seed, warm_up
warm_up()
plans = [draw_plan(int(seed)).shortened(500.0, 50.0) for seed in sys.argv[1:]]
print(json.dumps([run_seed(plan.seed, plan=plan).digest for plan in plans]))
"""


def a_calm_plan(seed: int) -> FaultPlan:
    """Nothing goes wrong."""
    return draw_plan(seed, frozenset())


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm_up()


def test_a_seed_gives_the_same_history_in_another_process_with_another_hash_seed() -> None:
    seeds = ["18", "19"]
    plans = [draw_plan(int(seed)).shortened(500.0, 50.0) for seed in seeds]
    assert all(plan.strikes for plan in plans)
    here = [run_seed(plan.seed, plan=plan).digest for plan in plans]
    there = subprocess.run(
        [sys.executable, "-c", _DIGESTS, *seeds],
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(there.stdout) == here
    assert here[0] != here[1]


def test_without_faults_everything_holds_and_the_workload_is_exercised() -> None:
    result = run_seed(1, plan=a_calm_plan(1))
    assert result.violations == ()
    for what in ("boarded", "wheelchair boarded", "end completed", "promise kept", "street closed"):
        assert result.counts[what] > 0, what
    assert result.counts["promise broken, nobody could tell"] == 0
    assert not any(result.counts[fault] for fault in Fault)


@pytest.mark.parametrize(
    ("name", "invariant"),
    [
        ("acknowledged_before_written", "acknowledged_not_durable"),
        ("wrong_riders_topic", "wrong_rider"),
    ],
)
def test_a_planted_mistake_is_seen_without_any_fault(name: str, invariant: str) -> None:
    with planted(find_mistake(name)):
        found = run_seed(1, plan=a_calm_plan(1))
    assert invariant in {violation.invariant for violation in found.violations}


@pytest.mark.parametrize(
    ("name", "first", "invariant"),
    [
        ("any_echo", 3, "everyone_gets_off"),
        ("any_revision", 1, "revision_rises"),
        ("boardings_unseen", 1, "ended_aboard"),
        ("confirms_everything", 2, "assigned_not_taken"),
        ("moved_at_once", 13, "trip_on_one_shuttle"),
        ("no_dedup", 1, "request_twice"),
    ],
)
def test_a_planted_mistake_is_seen_in_the_histories_that_it_draws(
    name: str, first: int, invariant: str
) -> None:
    """The first seed shows it; where other code has another history there, one soon after."""
    found = caught_by(find_mistake(name), range(first, first + 5))
    assert found.invariant == invariant, found


def test_planting_leaves_the_code_as_it_was() -> None:
    for mistake in MISTAKES:
        with planted(mistake):
            pass
    assert run_seed(1, plan=a_calm_plan(1)).violations == ()


def test_every_mistake_has_a_name_of_its_own() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 25


def test_plans_differ_by_seed_and_draw_every_fault() -> None:
    plans = [draw_plan(seed) for seed in range(60)]
    assert draw_plan(7) == plans[7]
    assert frozenset().union(*(plan.faults for plan in plans)) == frozenset(Fault)
    assert any(not plan.faults for plan in plans)
    for plan in plans:
        assert all(s.at_s + s.lasts_s <= plan.hostile_s for s in plan.strikes)


def test_a_history_can_have_more_of_what_a_mistake_needs() -> None:
    only = frozenset({Fault.SHUTTLE_SILENT, Fault.MESSAGE_LOST})
    emphasis = Emphasis(only, often=5.0, rate=0.3, riders={"no_show": 0.4}, never_answer=0.5)
    plain, plan = draw_plan(3, only), draw_plan(3, emphasis=emphasis)
    assert plan.faults == only
    assert len(plan.strikes) > 2 * len(plain.strikes)
    assert plan.rates[Fault.MESSAGE_LOST] == 0.3
    assert (plan.shares.no_show, plan.never_answer) == (0.4, 0.5)
    assert draw_plan(3, emphasis=Emphasis(only)) == plain
    for_good = draw_plan(3, emphasis=Emphasis(only, often=5.0, for_good=True)).shortened(700, 1400)
    assert for_good.strikes
    assert all(s.at_s <= 700 and s.lasts_s == FOR_GOOD_S for s in for_good.strikes)


def test_figures_name_the_command_that_replays_a_failure() -> None:
    campaign = Campaign(seeds=1)
    campaign.violations[41] = (Violation("one_end", 3.0, "trip t ended as a and b"),)
    figures = campaign.figures()
    assert figures["failing_seeds"] == [
        {
            "seed": 41,
            "replay": "ringmaster faults --seed 41 --trace",
            "violations": ["3.0 one_end: trip t ended as a and b"],
        }
    ]
    assert Fault.LINK_CUT in figures["never"]
    assert replay_command(41) in figures["failing_seeds"][0]["replay"]


def test_seeds_that_failed_are_read_with_their_notes(tmp_path: Path) -> None:
    file = tmp_path / "failed.txt"
    file.write_text("# seeds\n12\n\n13  # a rider was forgotten\n", "utf-8")
    assert failed_seeds(file) == [12, 13]
    assert all(isinstance(seed, int) for seed in failed_seeds())
