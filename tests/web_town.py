"""A whole dispatcher in memory, on a street of a few stops, and its API without a network."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from service_fakes import FaultyJournal, HandClock, until
from sketched_service import NOON_S, STOPS, a_street

from dispatcher.bootstrap import Dispatcher, build
from dispatcher.config import Settings
from dispatcher.domain.events import ShuttleJoined
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.journal import (
    MemoryTrail,
    StoreUnavailable,
    TrailEntry,
    TrailFound,
    TrailQuestion,
)
from dispatcher.journal.trail import EVERYTHING
from dispatcher.web.access import ACCESS
from dispatcher.web.api_keys import digest_of
from dispatcher.web.assembly import WebApi
from dispatcher.web.principals import Role

SERVICE_KEY = "rk_of-the-planner"
HOST = "http://127.0.0.1"
SHUTTLE = "acme:s1"
GUEST_ID = "a-guest-id-of-22-letters-or-more"
PLENTY: dict[str, Any] = {
    "caller_per_s": 10_000,
    "caller_burst": 100_000,
    "guests_per_s": 100_000,
    "guests_burst": 1_000_000,
    "address_per_s": 100_000,
    "address_burst": 1_000_000,
    "quotes_per_s": 10_000,
}


class LostTrail(MemoryTrail):
    """An audit trail whose store is gone."""

    async def add(self, entry: TrailEntry) -> int:
        raise StoreUnavailable("gone")

    async def newest(
        self, most: int, *, before: int | None = None, asked: TrailQuestion = EVERYTHING
    ) -> TrailFound:
        raise StoreUnavailable("gone")


@dataclass(eq=False)
class Town:
    """Nobody's clock moves but by the test's hand."""

    dispatcher: Dispatcher
    web: WebApi
    journal: FaultyJournal
    clock: HandClock
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def token(self, role: Role | str, subject: str = "") -> str:
        issuer = self.web.parts.dev_issuer
        assert issuer is not None
        return issuer.token(subject or f"a-{role}", Role(role))

    def login(self, role: Role | str, subject: str = "") -> dict[str, str]:
        """The headers of somebody in this role; without a login for a guest."""
        if role == Role.GUEST:
            return {}
        if role == Role.SERVICE:
            return {"X-API-Key": SERVICE_KEY}
        return {"Authorization": f"Bearer {self.token(role, subject)}"}

    def client(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.web.app, client=("192.0.2.7", 4711))
        return httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers)

    async def call(
        self, method: str, path: str, login: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """One request; a live stream is ended as soon as it is open."""
        async with self.client(login) as client:
            calling = asyncio.create_task(client.request(method, f"/v1{path}", **more))
            hub = self.web.parts.hub
            while not calling.done():
                await asyncio.sleep(0)
                hub.close_all()
            return await calling

    async def ask(self, rider: str = "ana", **fields: Any) -> dict[str, Any]:
        wish = {"id": "q1", "from": "Q", "to": "S", **fields}
        answer = await self.call("POST", "/trips", self.login("rider", rider), json=wish)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def shuttle_at(self, stop: str, shuttle: str = SHUTTLE) -> None:
        place = self.dispatcher.site.zone.stops[STOPS.index(stop)]
        await self.dispatcher.service.submit_event(
            ShuttleJoined(
                0,
                ShuttleId(shuttle),
                Capacity(6, 1),
                place.x_m,
                place.y_m,
                90.0,
                DriveMode.AUTOMATIC,
            )
        )

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def build_town(*, http: dict[str, Any] | None = None, auth: dict[str, Any] | None = None) -> Town:
    """Put together; it stands by until it is run."""
    clock, journal = HandClock(NOON_S), FaultyJournal(monotonic=lambda: 0.0)
    settings = Settings(
        http={"port": 0, **PLENTY, **(http or {})},
        auth={
            "development": True,
            "guests": True,
            "api_keys": [f"planner:service:{digest_of(SERVICE_KEY)}"],
            **(auth or {}),
        },
        improver={"enabled": False},
        riders={"requests_per_s": 10_000, "burst": 100_000},
    )
    numbers = itertools.count(1)
    dispatcher = build(
        settings,
        a_street(),
        journal,
        clock=clock,
        new_trip_id=lambda: TripId(f"t{next(numbers)}"),
        run="a",
        monotonic=lambda: 0.0,
    )
    assert dispatcher.web is not None
    return Town(dispatcher, dispatcher.web, journal, clock)


@asynccontextmanager
async def a_town(**settings: Any) -> AsyncIterator[Town]:
    """One that serves, without any border but the API."""
    town = build_town(**settings)
    dispatcher = town.dispatcher
    town.tasks = [
        asyncio.create_task(dispatcher.service.run()),
        asyncio.create_task(dispatcher._keep_lease()),
        asyncio.create_task(town.web._learn_secret()),
    ]
    try:
        await until(lambda: dispatcher.service.health.running)
        await until(lambda: town.web.parts.links is not None)
        yield town
    finally:
        await town.end()


OPERATIONS = sorted(ACCESS)
