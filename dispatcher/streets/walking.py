"""How far and how long people walk, estimated from the straight line.

There is no footpath network in a zone; paths inside a car-free ring are many and short.
"""

import math

# Walked over straight distance; assumed. Around a square grid it is 4 / pi = 1.27 on average over
# all directions, and at most 1.41.
WALK_DETOUR_FACTOR = 1.3

# Assumed, a brisk adult's pace taken down a little so that most people keep up.
WALK_SPEED_MPS = 1.2


def walk_m(straight_m: float) -> float:
    """Walked metres for a straight distance in metres."""
    return straight_m * WALK_DETOUR_FACTOR


def walk_s(walked_m: float) -> int:
    """Whole seconds, rounded up, for a walked distance in metres."""
    return math.ceil(walked_m / WALK_SPEED_MPS)
