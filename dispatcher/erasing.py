"""Riders' places on the map are erased a while after their trips have ended.

Only the request says where exactly a rider was; of it a coarse place stays. The state forgets at
the trip's end, the journal and the snapshots here (docs/decisions/0023).
"""

from typing import Final

import structlog

from dispatcher.domain.ids import TripId
from dispatcher.journal import Erasure, Journal, StoreUnavailable, Undated, UnknownOutcome
from dispatcher.repeating import repeat
from dispatcher.service import Service

log = structlog.get_logger(__name__)

EVERY_S: Final = 60
CLEAR_FILE_EVERY_S: Final = 3_600
"""Writing its file anew costs the store some work, so it is asked for once an hour at most."""
MOST_AT_ONCE: Final = 1_000


class PlaceEraser:
    """Erases what is due, ``kept_s`` after a trip. Times are the zone's, UTC seconds."""

    def __init__(self, service: Service, journal: Journal, *, kept_s: int) -> None:
        self._service = service
        self._journal = journal
        self._kept_s = kept_s
        # What was erased by the process before may still be in the store's file.
        self._file_to_clear = True
        self._clear_from_s = service.clock.now_s() + CLEAR_FILE_EVERY_S
        self._has_erased = False

    async def run(self) -> None:
        """Look every minute of the zone's clock, until cancelled or the service has stopped."""
        await repeat(self._service, EVERY_S, "erasing", self.sweep)

    async def sweep(self) -> None:
        """Note which trips have ended, erase what is due; a store that is away is no trouble."""
        try:
            await self._date()
            while await self._erase():
                pass
            await self._clear_file()
        except (StoreUnavailable, UnknownOutcome) as error:
            log.info("places_not_erased", reason=str(error))

    async def _date(self) -> None:
        erasures, service = self._journal.erasures(), self._service
        waiting = await erasures.undated()
        if service.health.reloading or not service.health.running:
            return  # there is no state to be asked
        core = service.core
        dated: list[tuple[Undated, Erasure]] = []
        for undated in waiting:
            if undated.position > core.position:
                break  # written, and not decided yet
            # One that the state does not know any more, or never did, has ended by now.
            trip = core.state.trips.get(TripId(undated.subject))
            ended_s: int | None = service.clock.now_s() if trip is None else trip.ended_s
            if ended_s is None:
                continue
            erasure = Erasure(undated.position, ended_s + self._kept_s, over_at=core.position)
            dated.append((undated, erasure))
        for begin in range(0, len(dated), MOST_AT_ONCE):
            await erasures.date(dated[begin : begin + MOST_AT_ONCE])

    async def _erase(self) -> bool:
        """Erase a bounded number; answers whether there may be more."""
        erasures = self._journal.erasures()
        due = await erasures.due(self._service.clock.now_s(), MOST_AT_ONCE)
        if not due:
            return False
        over_at = max(erasure.over_at for erasure in due)
        if self._service.health.last_snapshot < over_at:
            # A restart may still have to decide these again. Soon it will not.
            self._service.begin_snapshot()
            return False
        # First the snapshots that know of these trips as being under way, or nothing of them.
        await self._journal.discard_snapshots_before(over_at)
        await erasures.erase(due)
        self._file_to_clear = True
        if not self._has_erased:
            self._has_erased = True
            self._clear_from_s = self._service.clock.now_s()
        log.info("places_erased", trips=len(due))
        return len(due) == MOST_AT_ONCE

    async def _clear_file(self) -> None:
        now_s = self._service.clock.now_s()
        if self._file_to_clear and now_s >= self._clear_from_s:
            self._file_to_clear = False
            self._clear_from_s = now_s + CLEAR_FILE_EVERY_S
            await self._journal.erasures().clear_file()
