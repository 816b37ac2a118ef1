"""Keeping a deadline with kernels that cannot be interrupted: they run in slices."""

from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds that only grow; which ones, wall or CPU, is the caller's choice."""

_SLICE_S = 0.008


class Pace:
    """How many rounds of search fit into a moment, by what the last ones took."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._round_s = 1e-3

    def rounds(self, until_s: float) -> int:
        """For a slice that surely ends by ``until_s``, give or take a few rounds; at least one."""
        left_s = max(0.0, until_s - self._clock())
        return max(1, int(min(_SLICE_S, left_s / 2) / self._round_s))

    def took(self, rounds: int, seconds: float) -> None:
        """Learn from a slice."""
        self._round_s = max(1e-6, 0.7 * self._round_s + 0.3 * seconds / rounds)
