"""How often Python looks for garbage in cycles.

A dispatcher keeps some hundred thousand objects for hours, nearly none of them in cycles, and a
collector that goes over many of them stops an answer for 10 to 300 ms. A command of its own looks
through all seldom. A process that serves looks by the clock, at little each time: what was new
and is still there after one look is left alone until the next whole one.
"""

import asyncio
import gc
from typing import Final

_YOUNG: Final = 10_000  # objects more than before, until the young ones are looked through
_MIDDLE: Final = 5  # of those, until the middle ones are
_OLD: Final = 500  # of those again, until all are

_EVERY_S: Final = 0.2
_WHOLE_EVERY_S: Final = 3600.0


def collect_seldom() -> None:
    """Set this process's collector to what suits a long-lived state.

    What is there by now stays, and is not looked through again: call it when all is set up.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


async def collect_by_the_clock() -> None:
    """Look for garbage in small looks, until cancelled; then it is as it was before.

    Python counts how many more objects there are than before, so its own look comes when the
    young ones are many: 50,000 under load, 50 ms. Five times a second they are few. A cycle that
    outlives a look is found by the whole one, once an hour.
    """
    loop = asyncio.get_running_loop()
    whole_at = loop.time() + _WHOLE_EVERY_S
    gc.disable()
    try:
        while True:
            gc.freeze()
            await asyncio.sleep(_EVERY_S)
            if loop.time() < whole_at:
                gc.collect(0)
            else:
                gc.unfreeze()
                gc.collect()
                whole_at = loop.time() + _WHOLE_EVERY_S
    finally:
        gc.unfreeze()
        gc.enable()
