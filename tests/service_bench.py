"""A service to be tried out: its engine counts, and its clock, store and pauses are in hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from service_fakes import CountingEngine, FaultyJournal, HandClock, a_request

from dispatcher.codec import (
    JournalPayload,
    SealRecord,
    decode_payload,
)
from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.intake import Receipt
from dispatcher.service import Service, ServiceSettings


class Bench:
    """A service on fakes, with all it told."""

    def __init__(
        self,
        journal: FaultyJournal | None = None,
        engine: CountingEngine | None = None,
        **settings: Any,
    ) -> None:
        self.journal = journal or FaultyJournal()
        self.engine = engine or CountingEngine()
        self.clock = HandClock()
        self.pauses: list[float] = []
        self.on_pause: Callable[[], Awaitable[None]] | None = None
        self.service = Service(
            self.engine,
            self.journal,
            self.clock,
            ServiceSettings(**{"code_version": "v1", **settings}),
            sleep=self._sleep,
        )
        self.told: list[Applied] = []
        self.service.add_listener(self._hear)

    def _hear(self, applied: Applied) -> None:
        # The marks that the loop itself sets decide nothing.
        if applied.event is not None or applied.decisions:
            self.told.append(applied)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.on_pause is not None:
            await self.on_pause()
        await asyncio.sleep(0)

    async def ask(self, number: int, rider: str = "ana", **options: Any) -> Receipt:
        return await self.service.submit(
            lambda at_s: a_request(number, rider, at_s),
            dedup_key=f"{rider}/q{number}",
            refusable=True,
            **options,
        )

    def told_positions(self) -> list[int]:
        return [applied.position for applied in self.told]

    async def payloads(self) -> list[JournalPayload]:
        """All but the mark of a clean stop."""
        payloads = [decode_payload(record.payload) async for record in self.journal.read()]
        return [payload for payload in payloads if not isinstance(payload, SealRecord)]


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    task = asyncio.create_task(bench.service.run())
    started = asyncio.create_task(bench.service.started.wait())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    try:
        yield bench
        bench.service.stop()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def state_of(receipt: Receipt) -> int:
    """How many requests the engine had counted when it answered this one."""
    assert receipt.applied is not None
    (decision,) = receipt.applied.decisions
    assert isinstance(decision, TripChanged)
    return decision.status.revision
