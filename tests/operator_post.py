"""An operators' desk over the real engine, on one street, with a journal in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import TypeVar

from service_fakes import FaultyJournal, HandClock
from sketched_service import NOON_S, STOPS, a_street

from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.events import Event, RequestSubmitted, ShuttleJoined
from dispatcher.domain.ids import (
    CommandId,
    OperatorId,
    RequestId,
    RiderId,
    ShuttleId,
    StopId,
    TripId,
)
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.domain.trips import Party, RideRequest, TimeWish
from dispatcher.engine.state import TripRecord
from dispatcher.operators import Command, Expected, Explainer, OperatorDesk
from dispatcher.service import Service, ServiceSettings
from dispatcher.zone_engine import ZoneEngine

OLGA = OperatorId("olga")
T = TypeVar("T")


async def at_once(work: Callable[[], T]) -> T:
    """In place of a thread."""
    return work()


class OperatorPost:
    """``service`` decides on a journal that other runs can take over."""

    def __init__(
        self, journal: FaultyJournal | None = None, kept: int = 1_000, refuse_above: int = 500
    ) -> None:
        self.site = a_street()
        self.journal = journal or FaultyJournal()
        self.clock = HandClock(NOON_S)
        self.service = Service(
            ZoneEngine(self.site),
            self.journal,
            self.clock,
            ServiceSettings(snapshot_every=kept, refuse_above=refuse_above),
            sleep=lambda seconds: asyncio.sleep(0),
        )
        self.desk = OperatorDesk(self.service, self.site, self.journal, aside=at_once)
        self.explainer = Explainer(self.site, self.journal, aside=at_once)
        self._numbers = count(1)

    async def tell(self, event: Event) -> None:
        await self.service.submit(lambda at_s: replace(event, at_s=at_s))

    async def shuttle(self, at: str, capacity: Capacity | None = None) -> ShuttleId:
        stop = self.site.zone.stops[STOPS.index(at)]
        shuttle_id = ShuttleId(f"s{len(self.service.core.state.shuttles) + 1}")
        places = capacity or Capacity(6, 1)
        joined = ShuttleJoined(0, shuttle_id, places, stop.x_m, stop.y_m, 80.0, DriveMode.AUTOMATIC)
        await self.tell(joined)
        return shuttle_id

    async def trip(
        self, origin: str, destination: str, *, in_s: int = 1200, party: Party | None = None
    ) -> TripId:
        number = next(self._numbers)
        asked = RideRequest(
            RequestId(f"q{number}"),
            RiderId(f"r{number}"),
            TripId(f"t{number}"),
            StopId(origin),
            StopId(destination),
            TimeWish.DEPART_AT,
            self.clock.at_s + in_s,
            party or Party(),
            100,
            auto_accept=True,
        )
        await self.tell(RequestSubmitted(0, asked))
        return asked.trip_id

    def now_of(self, trip_id: TripId) -> TripRecord:
        return self.service.core.state.trips[trip_id]

    async def order(
        self,
        command: Command,
        command_id: str | None = None,
        reason: str = "because",
        expected: Expected | None = None,
    ) -> CommandOutcome:
        given = CommandId(command_id or f"n{next(self._numbers)}")
        return await self.desk.submit(OLGA, given, command, reason, expected=expected)


@asynccontextmanager
async def open_post(post: OperatorPost | None = None) -> AsyncIterator[OperatorPost]:
    post = post or OperatorPost()
    running = asyncio.create_task(post.service.run())
    started = asyncio.create_task(post.service.started.wait())
    await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield post
        post.service.stop()
        await running
    finally:
        running.cancel()
        started.cancel()
        await asyncio.gather(running, started, return_exceptions=True)
