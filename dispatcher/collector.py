"""How often Python looks for garbage in cycles.

A dispatcher keeps some hundred thousand objects for hours, nearly none of them in cycles, and a
collector that goes over all of them stops an answer for 10 to 300 ms. So all are looked through
seldom. What is new holds most of the cycles: it is looked through while it is little, for with a
million new objects a look takes 0.3 s.
"""

import gc

_YOUNG = 10_000  # objects more than before, until the young ones are looked through
_MIDDLE = 5  # of those, until the middle ones are
_OLD = 500  # of those again, until all are


def collect_seldom() -> None:
    """Set this process's collector to what suits a long-lived state.

    What is there by now stays, and is not looked through again: call it when all is set up.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
