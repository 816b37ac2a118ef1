"""Which faults a run has, and that the seed alone decides it."""

from collections import Counter

import pytest

from simulator.chaos.schedule import Fault, Step, draw_schedule


def counted(steps: tuple[Step, ...]) -> Counter[Fault]:
    faults: Counter[Fault] = Counter()
    for step in steps:
        if step.network is None or step.network.fault is not step.fault:
            faults[step.fault] += 1
        if step.also is not None:
            faults[step.also] += 1
        if step.network is not None:
            faults[step.network.fault] += 1
    return faults


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("standby", [True, False])
def test_ten_minutes_hold_what_was_promised(seed: int, standby: bool) -> None:
    faults = counted(draw_schedule(seed, 10.0, standby=standby))
    assert faults[Fault.DISPATCHER_KILL] >= 30
    assert faults[Fault.STORE_KILL] >= 15
    assert faults[Fault.BROKER_KILL] >= 15
    assert faults[Fault.POWER_LOSS] >= 20
    assert set(faults) == set(Fault)


@pytest.mark.parametrize("seed", range(50))
def test_the_shortest_run_has_each_kind_of_kill(seed: int) -> None:
    faults = counted(draw_schedule(seed, 0.5, standby=True))
    for kind in (Fault.DISPATCHER_KILL, Fault.STORE_KILL, Fault.BROKER_KILL, Fault.POWER_LOSS):
        assert faults[kind] >= 1


def test_the_seed_decides_it() -> None:
    assert draw_schedule(7, 3.0, standby=True) == draw_schedule(7, 3.0, standby=True)
    assert draw_schedule(7, 3.0, standby=True) != draw_schedule(8, 3.0, standby=True)


def test_nothing_lies_over_a_step_that_is_measured() -> None:
    for step in draw_schedule(3, 10.0, standby=True):
        if step.measured:
            assert (step.network, step.also) == (None, None)


def test_a_stopped_dispatcher_is_measured_only_with_one_that_can_take_over() -> None:
    for standby in (True, False):
        stops = [
            step
            for step in draw_schedule(3, 10.0, standby=standby)
            if step.fault is Fault.DISPATCHER_PAUSE
        ]
        assert stops
        assert all((step.measured, step.standby) == (standby, standby) for step in stops)
