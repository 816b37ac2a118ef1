"""How far and how long people walk, estimated from the straight line.

There is no footpath network in a zone; paths inside a car-free ring are many and short.
"""

import math

# Walked over straight distance. Between 1.2 and 1.4 in dense street nets
# (O'Sullivan and Morrall 1996, TRR 1538, 19-26, found 1.2 to 1.35 on walks to light rail).
WALK_DETOUR_FACTOR = 1.3

# A little below the 1.2 to 1.4 m/s of healthy adults' means, so that most people keep up.
WALK_SPEED_MPS = 1.2


def walk_m(straight_m: float) -> float:
    """Walked metres for a straight distance in metres."""
    return straight_m * WALK_DETOUR_FACTOR


def walk_s(walked_m: float) -> int:
    """Whole seconds, rounded up, for a walked distance in metres."""
    return math.ceil(walked_m / WALK_SPEED_MPS)
