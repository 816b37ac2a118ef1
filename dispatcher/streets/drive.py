"""How a shuttle drives: what standing still costs on top of the cruise along the streets."""

from __future__ import annotations

import math
from dataclasses import dataclass


def whole_ms(time_s: float) -> int:
    """Seconds as whole milliseconds, rounded up, but not for the last bit of a float."""
    return math.ceil(time_s * 1000.0 - 1e-6)


@dataclass(frozen=True, slots=True)
class DriveModel:
    """Gentle driving, for riders who may stand or sit in a wheelchair.

    An edge is driven at its own speed ``v``. Accelerating from a stand to ``v`` takes ``v / a``
    over ``v**2 / (2 a)`` metres, which at ``v`` would have taken ``v / (2 a)``: the start costs
    ``v / (2 a)`` more than cruising, and braking at ``d`` costs ``v / (2 d)`` more. With
    ``pull_out_s`` for the doors' interlock and the gap in traffic,

        ``leg_overhead_s = pull_out_s + v_first / (2 a) + v_last / (2 d)``

    On legs too short to reach ``v`` this is a little too long, never too short.
    """

    acceleration_mps2: float = 1.0
    deceleration_mps2: float = 1.0
    pull_out_s: float = 2.0
    turn_around_s: float = 12.0  # turning back at a dead end, on top of the cruise

    def __post_init__(self) -> None:
        positive = (self.acceleration_mps2, self.deceleration_mps2)
        if not all(math.isfinite(value) and value > 0.0 for value in positive):
            raise ValueError("acceleration and deceleration must be above zero")
        lasting = (self.pull_out_s, self.turn_around_s)
        if not all(math.isfinite(value) and value >= 0.0 for value in lasting):
            raise ValueError("pull-out and turn-around times must not be negative")

    def start_ms(self, speed_mps: float) -> int:
        """From a stand to ``speed_mps``, beyond the cruise, in milliseconds; at least 1."""
        lost_s = self.pull_out_s + speed_mps / (2.0 * self.acceleration_mps2)
        return max(1, whole_ms(lost_s))

    def brake_ms(self, speed_mps: float) -> int:
        """From ``speed_mps`` to a stand, beyond the cruise, in milliseconds."""
        return whole_ms(speed_mps / (2.0 * self.deceleration_mps2))

    def turn_around_ms(self) -> int:
        return whole_ms(self.turn_around_s)
