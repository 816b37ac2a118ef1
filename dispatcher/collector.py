"""How often Python looks for garbage in cycles.

A dispatcher keeps some hundred thousand objects for hours, nearly none of them in cycles, and a
collector that goes over all of them stops an answer for 10 to 15 ms. Fewer and later looks take
p99 of an answer at 1,000 shuttles from 6.3 to 4.9 ms (`ringmaster bench speed --whole`).
"""

import gc

_YOUNG = 50_000  # objects more than before, until the young ones are looked through
_MIDDLE = 20  # of those, until the middle ones are
_OLD = 50  # of those again, until all are


def collect_seldom() -> None:
    """Set this process's collector to what suits a long-lived state."""
    gc.freeze()  # what has been imported stays
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
