"""One dispatcher leads a zone; others stand by and take over when it is gone.

The lease is for liveness only: who holds it acts, who does not waits. That two never write is
the epoch's doing, whatever clocks and leases say.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from dispatcher.journal import (
    Journal,
    LeaseOfAnother,
    StoreUnavailable,
    UnknownOutcome,
)
from dispatcher.place import has_ended, here

log = structlog.get_logger(__name__)

LASTS_S: Final = 6.0
RENEW_EVERY_S: Final = 2.0
ASK_EVERY_S: Final = (
    0.5  # by who stands by; with the lease's length the longest time without leader
)


class Role(StrEnum):
    STANDBY = "standby"
    LEADER = "leader"
    LAPSED = "lapsed"  # was the leader, could not renew the lease, and does nothing meanwhile


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """In seconds."""

    lasts_s: float = LASTS_S
    renew_every_s: float = RENEW_EVERY_S
    ask_every_s: float = ASK_EVERY_S


class Leadership:
    """This run's hold on the zone.

    ``monotonic`` and ``sleep`` are seconds of a clock that nobody can set; ``has_ended`` knows
    of some places that whoever ran there does so no longer.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        owner: str,
        run: str,
        times: LeaseTimes | None = None,
        has_ended: Callable[[str], bool] = has_ended,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.leader = ""  # whom this one stands by for, as far as known
        self._journal = journal
        self._owner = owner
        self._run = run
        self._times = times or LeaseTimes()
        self._has_ended = has_ended
        self._monotonic = monotonic
        self._sleep = sleep
        self._held = False  # since it was won, until it is given back
        self._renewed_s = 0.0
        self._regained = asyncio.Event()

    @property
    def leading(self) -> bool:
        """Whether this run may act: send, and take messages in. Ends by itself."""
        return self._held and self.age_s < self._times.lasts_s

    @property
    def role(self) -> Role:
        if not self._held:
            return Role.STANDBY
        return Role.LEADER if self.leading else Role.LAPSED

    @property
    def age_s(self) -> float:
        """Seconds since the lease was last known to be ours in full; 0 while standing by."""
        return self._monotonic() - self._renewed_s if self._held else 0.0

    async def win(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Return once the lease is ours; until then call ``meanwhile`` between attempts."""
        while not await self._attempt(leading=False):
            await meanwhile()
            await self._sleep(self._times.ask_every_s)

    async def keep(self) -> None:
        """Renew the lease until cancelled.

        Raises
        ------
        StaleEpoch, LeaseOfAnother
            Another dispatcher has taken over.
        """
        while True:
            pause_s = self._times.renew_every_s
            if not await self._attempt(leading=True):
                # Unlike who stands by, it has little time.
                pause_s = min(pause_s, self._times.ask_every_s)
            await self._sleep(pause_s)

    async def lapse(self) -> None:
        """Return once this run may no longer act."""
        while self.leading:
            await self._sleep(self._times.lasts_s - self.age_s)

    async def regain(self) -> None:
        """Return once it may act again."""
        while not self.leading:
            self._regained.clear()
            await self._regained.wait()

    async def give_back(self) -> None:
        """Let who stands by take over at once. Without the store it has to wait."""
        self._held = False
        try:
            await self._journal.release_lease(self._run)
        except (StoreUnavailable, UnknownOutcome) as error:
            log.info("lease_not_given_back", reason=str(error))

    async def _attempt(self, *, leading: bool) -> bool:
        # Counted from before it was asked for: the store counts from later on.
        asked_s = self._monotonic()
        try:
            async with asyncio.timeout(self._times.renew_every_s):
                answer = await self._journal.hold_lease(
                    self._owner,
                    run=self._run,
                    lasts_s=self._times.lasts_s,
                    place=here(),
                    leading=leading,
                )
                if not answer.held and not leading and self._has_ended(answer.place):
                    log.warning("lease_of_one_that_ended", leader=answer.owner)
                    await self._journal.release_lease(answer.run)
                    return await self._attempt(leading=False)
        except (StoreUnavailable, UnknownOutcome, TimeoutError) as error:
            log.warning("lease_not_answered", reason=str(error) or "no answer in time")
            return False
        if not answer.held:
            if leading:
                raise LeaseOfAnother(answer.owner, answer.left_s)
            if self.leader != answer.owner:
                self.leader = answer.owner
                log.info("standing_by", leader=answer.owner, lease_left_s=answer.left_s)
            return False
        self._held, self._renewed_s, self.leader = True, asked_s, self._owner
        self._regained.set()
        return True
