"""Waiting for a store that does not answer: longer each time, and never without saying so."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from dispatcher.journal import StoreUnavailable, UnknownOutcome

log = structlog.get_logger(__name__)

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0

T = TypeVar("T")


class StorePatience:
    """``note`` hears whether the store answers; ``sleep`` waits between attempts."""

    def __init__(
        self, note: Callable[[bool], None], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self.ends = False  # set when stopping: then waiting for the store ends
        self._note = note
        self._sleep = sleep
        self._pause_s = FIRST_PAUSE_S

    async def reaching(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until the store answers; only for calls that may be repeated."""
        while True:
            try:
                answer = await call()
            except (StoreUnavailable, UnknownOutcome) as error:
                await self.pause(error)
            else:
                self.answered()
                return answer

    async def pause(self, error: Exception) -> None:
        """Wait before the next attempt; raises the error instead where patience ends."""
        self._note(False)
        if self.ends:
            raise error
        log.warning("store_awaited", reason=str(error), pause_s=self._pause_s)
        await self._sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def answered(self) -> None:
        """The next wait begins small again."""
        self._note(True)
        if self._pause_s > FIRST_PAUSE_S:
            log.info("store_answers_again")
        self._pause_s = FIRST_PAUSE_S
