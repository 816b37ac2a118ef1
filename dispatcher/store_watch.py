"""Looks every minute, and after every reconnection, whether the store can still be relied on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from dispatcher.journal import Journal, StoreUnavailable, UnknownOutcome, UnsuitableSettings
from dispatcher.service import Service

log = structlog.get_logger(__name__)

EVERY_S: Final = 60.0


class StoreWatch:
    """Tells the service what is wrong with the store, and when that is over."""

    def __init__(
        self,
        service: Service,
        journal: Journal,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._service = service
        self._journal = journal
        self._sleep = sleep

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            # Heeded before looking: a connection made while looking asks for another look.
            reconnection = asyncio.ensure_future(self._journal.reconnection())
            await self._look()
            pause = asyncio.ensure_future(self._sleep(EVERY_S))
            try:
                await asyncio.wait({reconnection, pause}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                reconnection.cancel()
                pause.cancel()
                # Not awaited one by one: our own end may be asked for just now, and must be heard.
                await asyncio.wait({reconnection, pause})

    async def _look(self) -> None:
        try:
            faults = await self._journal.store_faults()
        except UnsuitableSettings as error:
            faults = (str(error),)
        except (StoreUnavailable, UnknownOutcome) as error:
            # That it is away is seen elsewhere, by everybody.
            log.info("store_not_checked", reason=str(error))
            return
        self._service.note_store_faults(faults)
