"""How late the event loop runs: everything the dispatcher does waits at least so long."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 0.1
KEPT: Final = 600
"""Latenesses looked back on: a minute of them."""


class LoopLag:
    """The latenesses of a regular timer over the last minute, in seconds."""

    def __init__(self, kept: int = KEPT) -> None:
        self._recent: deque[float] = deque(maxlen=kept)

    def observe(self, late_s: float) -> None:
        self._recent.append(late_s)

    @property
    def p99_s(self) -> float:
        """No more than one in a hundred was later."""
        ordered = sorted(self._recent)
        return ordered[len(ordered) - 1 - len(ordered) // 100] if ordered else 0.0

    @property
    def max_s(self) -> float:
        return max(self._recent, default=0.0)


async def watch_lag(observe: Callable[[float], None], every_s: float = EVERY_S) -> None:
    """Report the lateness of a timer again and again, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every_s
        await asyncio.sleep(every_s)
        observe(max(0.0, loop.time() - due))
