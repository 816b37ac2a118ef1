"""How late the event loop runs: everything the dispatcher does waits at least so long."""

import asyncio
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 1.0


async def watch_lag(observe: Callable[[float], None], every_s: float = EVERY_S) -> None:
    """Report the lateness of a timer once in a while, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every_s
        await asyncio.sleep(every_s)
        observe(max(0.0, loop.time() - due))
