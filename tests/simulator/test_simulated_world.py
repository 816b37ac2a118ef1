"""The virtual clock."""

from simulator.world import Alarm, World


def test_things_happen_in_time_and_ties_in_the_order_they_were_asked_for() -> None:
    world = World(100.0)
    seen: list[tuple[float, str]] = []

    def note(name: str) -> None:
        seen.append((world.now, name))

    world.at(105.0, lambda: note("b"))
    world.at(105.0, lambda: note("c"))
    world.at(101.0, lambda: note("a"))
    world.at(120.0, lambda: note("too late"))
    world.run_until(110.0)
    assert seen == [(101.0, "a"), (105.0, "b"), (105.0, "c")]
    assert world.now == 110.0


def test_what_is_asked_for_in_the_past_happens_now() -> None:
    world = World(100.0)
    seen: list[float] = []
    world.at(102.0, lambda: world.at(50.0, lambda: seen.append(world.now)))
    world.run_until(103.0)
    assert seen == [102.0]


def test_an_alarm_rings_only_at_the_time_it_was_last_set_to() -> None:
    world = World(0.0)
    rung: list[float] = []
    alarm = Alarm(world, lambda: rung.append(world.now))
    alarm.set(5.0)
    alarm.set(3.0)
    alarm.set(7.0)
    world.run_until(10.0)
    assert rung == [7.0]
    alarm.set(12.0)
    alarm.set(None)
    world.run_until(20.0)
    assert rung == [7.0]
