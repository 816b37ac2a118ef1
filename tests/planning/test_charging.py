"""Charging plans small enough to see that nothing better could be done."""

import random
from dataclasses import replace

from dispatcher.planning.charging import (
    ChargeNeed,
    ChargerSite,
    ChargingProblem,
    ChosenCharge,
)
from dispatcher.planning.charging_solver import choose_charges
from dispatcher.planning.occupancy import PlugUse, most_at_once

PERCENT = 1000  # watt-seconds, in these problems
SLOT_S = 600


def a_need(key: str, level_pct: int, *, free_s: int = 0, drain_pct_per_slot: int = 2) -> ChargeNeed:
    drain_w = drain_pct_per_slot * PERCENT // SLOT_S
    return ChargeNeed(key, level_pct * PERCENT, drain_w, free_s, (0,))


def a_problem(
    *needs: ChargeNeed,
    demand: tuple[int, ...] = (1,) * 12,
    plugs: int = 1,
    taken: tuple[PlugUse, ...] = (),
    keep_pct: int = 0,
) -> ChargingProblem:
    # A slot at the plug gives 20 %.
    charger = ChargerSite(7, plugs, 20 * PERCENT // SLOT_S + 1, taken)
    return ChargingProblem(
        now_s=0,
        slot_s=SLOT_S,
        demand=demand,
        chargers=(charger,),
        needs=needs,
        out=len(needs),
        keep_pct=keep_pct,
        full_ws=100 * PERCENT,
        target_ws=90 * PERCENT,
        low_ws=35 * PERCENT,
    )


def begins(chosen: tuple[ChosenCharge, ...]) -> dict[str, int]:
    return {charge.key: charge.begin_s // SLOT_S for charge in chosen}


def test_an_empty_battery_is_charged_at_once_and_a_full_one_not_at_all() -> None:
    chosen = choose_charges(a_problem(a_need("empty", 20), a_need("full", 89)))
    assert begins(chosen) == {"empty": 0}
    # Three slots of 20.4 % each; the nine percent that are missing then are not worth a fourth.
    assert chosen[0].until_s == 3 * SLOT_S
    assert chosen[0].to_ws == 20 * PERCENT + 3 * SLOT_S * 34


def test_who_has_less_comes_first_at_the_only_plug() -> None:
    first, second = choose_charges(a_problem(a_need("a", 45), a_need("b", 25)))
    assert (first.key, first.begin_s) == ("b", 0)
    assert (second.key, second.begin_s) == ("a", first.until_s)


def test_charging_waits_for_the_trough_if_the_battery_lasts() -> None:
    demand = (10, 10, 10, 10, 1, 1, 1, 1, 10, 10, 10, 10)
    assert begins(choose_charges(a_problem(a_need("a", 60), demand=demand))) == {"a": 4}
    # With 20 % it cannot wait.
    assert begins(choose_charges(a_problem(a_need("a", 20), demand=demand))) == {"a": 0}


def test_a_plug_that_is_taken_is_waited_for() -> None:
    taken = (PlugUse(0, 3 * SLOT_S),)
    assert begins(choose_charges(a_problem(a_need("a", 30), taken=taken))) == {"a": 3}
    assert choose_charges(a_problem(a_need("a", 30), plugs=0)) == ()


def test_a_charge_leaves_its_plug_in_time_for_the_next_even_if_it_begins_late() -> None:
    problem = replace(a_problem(a_need("a", 45), a_need("b", 25)), slack_s=200)
    first, second = choose_charges(problem)
    assert first.until_s + 200 <= second.begin_s
    assert (first.until_s + 200) % SLOT_S == 0


def test_nobody_charges_before_being_free() -> None:
    chosen = choose_charges(a_problem(a_need("a", 30, free_s=2 * SLOT_S + 1)))
    assert begins(chosen) == {"a": 3}


def test_at_the_peak_enough_of_the_fleet_stays_out() -> None:
    needs = [a_need(f"s{n}", 50) for n in range(4)]
    demand = (10, 10, 10, 10, 1, 1, 1, 1, 1, 1, 1, 1)
    chosen = choose_charges(a_problem(*needs, demand=demand, plugs=4, keep_pct=75))
    at_peak = [c for c in chosen if c.begin_s < 4 * SLOT_S]
    # Three of four are to be out: one may charge at the peak.
    assert most_at_once([PlugUse(c.begin_s, c.until_s) for c in at_peak], 0, 4 * SLOT_S) <= 1
    assert len(chosen) == 4


def test_no_plan_overbooks_plugs_and_the_same_question_has_the_same_answer() -> None:
    for seed in range(8):
        rng = random.Random(seed)
        needs = [a_need(f"s{n}", rng.randint(5, 95)) for n in range(12)]
        plugs = rng.randint(1, 3)
        problem = a_problem(*needs, plugs=plugs, demand=tuple(rng.randint(1, 9) for _ in range(18)))
        chosen = choose_charges(problem)
        uses = [PlugUse(c.begin_s, c.until_s) for c in chosen]
        assert most_at_once(uses, 0, 18 * SLOT_S) <= plugs, f"seed {seed}"
        assert len({c.key for c in chosen}) == len(chosen), f"seed {seed}"
        assert choose_charges(problem) == chosen, f"seed {seed}"
