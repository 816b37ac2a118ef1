"""Says what blocks the event loop while it does: a thread looks at the loop's own from outside.

The loop gives a sign of life several times a second. Where it stays away too long, the
stack of its thread is written to the log, once for each time it is stuck, and again with the
whole duration when it goes on.
"""

import asyncio
import contextlib
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog

log = structlog.get_logger(__name__)

BEYOND_S: Final = 0.25
SIGN_EVERY_S: Final = 0.05
MOST_FRAMES: Final = 12  # the innermost ones, which say what is being done


class Watchdog:
    """Judges signs of life. ``stack`` tells what the loop's thread is doing, as lines.

    Times are seconds on a clock that is never put right.
    """

    def __init__(self, stack: Callable[[], list[str]], beyond_s: float = BEYOND_S) -> None:
        self.stuck = 0
        """How often the loop was stuck since the start."""
        self._stack = stack
        self._beyond_s = beyond_s
        self._alive_s: float | None = None
        self._reported_s: float | None = None  # the sign of life after which it got stuck

    def sign(self, now_s: float) -> None:
        """The loop is alive."""
        last_s, self._alive_s = self._alive_s, now_s
        if self._reported_s is not None and last_s is not None:
            self._reported_s = None
            log.warning("loop_goes_on", blocked_s=round(now_s - last_s, 3))

    def look(self, now_s: float) -> None:
        """From the other thread: log what the loop is doing if it has been away too long."""
        alive_s = self._alive_s
        if alive_s is None or now_s - alive_s <= self._beyond_s or self._reported_s == alive_s:
            return
        stack = self._stack()
        if self._alive_s != alive_s:
            return  # it went on meanwhile, so this is not what blocked it
        self._reported_s = alive_s
        self.stuck += 1
        log.warning("loop_blocked", for_s=round(now_s - alive_s, 3), stack="".join(stack))


@contextlib.asynccontextmanager
async def watched(watchdog: Watchdog) -> AsyncIterator[None]:
    """Have the running loop watched while the block runs."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(SIGN_EVERY_S):
            watchdog.look(time.monotonic())

    async def give_signs() -> None:
        while True:
            watchdog.sign(time.monotonic())
            await asyncio.sleep(SIGN_EVERY_S)

    signs = asyncio.create_task(give_signs())
    thread = threading.Thread(target=look, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signs.cancel()
        ended.set()
        await asyncio.gather(signs, return_exceptions=True)


async def watch(watchdog: Watchdog) -> None:
    """Have the running loop watched until cancelled."""
    async with watched(watchdog):
        await asyncio.get_running_loop().create_future()


def stack_of(thread_id: int) -> list[str]:
    """The innermost frames of a thread, outermost first; empty if it has ended."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - documented, for debuggers
    return [] if frame is None else traceback.format_stack(frame)[-MOST_FRAMES:]
