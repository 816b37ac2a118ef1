"""The machine's clock may be set while we run; ours never jumps."""

import pytest

from dispatcher.clock import SLEW, WallClock, since_boot_s


class Machine:
    """Two clocks of which one can be set."""

    def __init__(self) -> None:
        self.steady_s = 50.0
        self.ahead_s = 1_000_000.0
        self.clock = WallClock(
            wall=lambda: self.steady_s + self.ahead_s, steady=lambda: self.steady_s
        )
        self.jumps: list[float] = []
        self.clock.on_jump = self.jumps.append

    def passes(self, seconds: int) -> None:
        """A second at a time, as ticks do."""
        for _ in range(seconds):
            self.steady_s += 1.0
            self.clock.now_exact_s()


def test_it_shows_what_the_machine_shows() -> None:
    machine = Machine()
    assert machine.clock.now_s() == 1_000_050
    machine.passes(10)
    machine.ahead_s += 0.4  # a time server's correction
    assert machine.clock.now_exact_s() == pytest.approx(1_000_060.4)
    assert machine.jumps == []


def test_an_hour_forward_does_not_make_everything_due() -> None:
    machine = Machine()
    machine.ahead_s += 3600
    assert machine.clock.now_exact_s() == pytest.approx(1_000_050)
    machine.passes(100)
    # A hundred seconds, and a tenth of them.
    assert machine.clock.now_exact_s() == pytest.approx(1_000_160)
    assert machine.clock.behind_s == pytest.approx(3590)
    assert machine.jumps == [pytest.approx(3600)]
    # Put right again: it goes back the ten seconds that it had followed, slowly.
    machine.ahead_s -= 3600
    machine.passes(50)
    assert machine.clock.now_exact_s() == pytest.approx(1_000_160 + 50 - 5)
    assert machine.jumps == [pytest.approx(3600), pytest.approx(-3600, abs=15)]
    machine.passes(100)
    assert machine.clock.behind_s == pytest.approx(0)


def test_an_hour_back_does_not_stop_time() -> None:
    machine = Machine()
    machine.ahead_s -= 3600
    machine.passes(100)
    assert machine.clock.now_exact_s() == pytest.approx(1_000_140)
    assert machine.jumps == [pytest.approx(-3600)]


def test_a_long_time_without_a_look_is_no_jump() -> None:
    machine = Machine()
    machine.steady_s += 10_000  # stopped, or asleep
    assert machine.clock.now_exact_s() == pytest.approx(1_010_050)
    assert machine.jumps == []


def test_a_jump_is_followed_to_the_end_and_the_next_one_is_told() -> None:
    machine = Machine()
    machine.ahead_s += 20
    machine.passes(round(20 / SLEW))
    assert machine.clock.behind_s == pytest.approx(0, abs=0.01)
    assert machine.jumps == [pytest.approx(20)]
    machine.ahead_s += 20
    machine.passes(1)
    assert machine.jumps == [pytest.approx(20), pytest.approx(20, abs=0.5)]


def test_the_steady_clock_passes() -> None:
    first = since_boot_s()
    assert since_boot_s() >= first
