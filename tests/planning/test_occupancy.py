"""Places taken over time: berths of a stop, plugs of a charger."""

import random

from dispatcher.planning.berths import Standing
from dispatcher.planning.occupancy import PlugUse, Taken, most_at_once, soonest_free_s
from dispatcher.planning.rows import FOREVER_S


def test_counting_at_the_edges() -> None:
    held = [Standing(0, 0, 10), Standing(0, 10, 20), Standing(0, 5, 15)]
    assert most_at_once(held, 0, 20) == 2
    assert most_at_once(held, 0, 5) == 1
    assert most_at_once(held, 20, 30) == 0
    assert soonest_free_s(held, 1, 0, 5) == 20
    assert soonest_free_s(held, 2, 0, 5) == 0
    assert soonest_free_s(held, 2, 3, 5) == 15
    assert soonest_free_s([Standing(0, 0, FOREVER_S)], 1, 3, 5) is None


def test_a_plug_is_taken_until_just_before_its_end() -> None:
    uses = [PlugUse(0, 100), PlugUse(50, 150), PlugUse(100, 200)]
    assert most_at_once(uses, 0, 50) == 1
    assert most_at_once(uses, 0, 51) == 2
    assert most_at_once(uses, 99, 101) == 2
    assert most_at_once(uses, 150, 200) == 1
    assert most_at_once(uses, 200, 300) == 0


def test_the_soonest_free_plug() -> None:
    uses = [PlugUse(0, 100), PlugUse(120, 200)]
    assert soonest_free_s(uses, 1, 0, 20) == 100
    assert soonest_free_s(uses, 1, 0, 21) == 200
    assert soonest_free_s(uses, 2, 0, 500) == 0
    assert soonest_free_s(uses, 0, 0, 1) is None


def test_reserving_the_soonest_plug_never_overfills_a_charger() -> None:
    for seed in range(100):
        rng = random.Random(seed)
        plugs, uses = rng.randint(1, 4), list[PlugUse]()
        for _ in range(30):
            for_s = rng.randint(1, 50)
            at_s = soonest_free_s(uses, plugs, rng.randint(0, 100), for_s)
            assert at_s is not None
            uses.append(PlugUse(at_s, at_s + for_s))
        for second in range(1000):
            taken = sum(1 for use in uses if use.from_s <= second < use.to_s)
            assert taken <= plugs, f"seed {seed}"


def test_the_sweep_agrees_with_trying_every_moment() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        taken: list[Taken] = []
        for _ in range(rng.randint(0, 12)):
            from_s = rng.randint(-5, 40)
            taken.append(PlugUse(from_s, from_s + rng.randint(0, 15)))

        def at_once(from_s: int, to_s: int, taken: list[Taken] = taken) -> int:
            seconds = range(from_s, to_s)
            return max(
                (sum(1 for t in taken if t.from_s <= s < t.to_s) for s in seconds), default=0
            )

        from_s, for_s, places = rng.randint(0, 30), rng.randint(1, 9), rng.randint(1, 4)
        assert most_at_once(taken, from_s, from_s + for_s) == at_once(from_s, from_s + for_s)
        soonest = next(s for s in range(from_s, 100) if at_once(s, s + for_s) < places)
        assert soonest_free_s(taken, places, from_s, for_s) == soonest, f"seed {seed}"
