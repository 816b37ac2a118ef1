"""What time a simulated machine believes it is."""

import asyncio
from typing import Final

START_S: Final = 1_789_959_600
"""2026-09-21 12:00 in Seoul, when the loop's time is 0."""
_LONGEST_SLEEP_S: Final = 5.0


class SimClock:
    """A wall clock that can be wrong by ``offset_s``, and be put right again at any time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.offset_s = 0.0
        self._loop = loop

    def now_s(self) -> int:
        return int(self.now_exact_s())

    def now_exact_s(self) -> float:
        return START_S + self._loop.time() + self.offset_s

    async def sleep_until(self, at_s: int) -> None:
        # As the real clock does it: in pieces, so that one put right is soon believed.
        while (left_s := at_s - self.now_exact_s()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left_s, _LONGEST_SLEEP_S))
