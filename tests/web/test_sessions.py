"""A page's session ends with its login, and with it whatever the page was still told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from service_fakes import until
from web_town import Town, a_town

from dispatcher.web.callers import OWN_PAGE_HEADER
from dispatcher.web.principals import Means, Principal, Role
from dispatcher.web.sessions import COOKIE, MOST_SESSIONS, Sessions

OWN_PAGE = {OWN_PAGE_HEADER: "1"}


def somebody(name: str, role: Role = Role.RIDER) -> Principal:
    return Principal(name, frozenset({role}), Means.TOKEN)


@asynccontextmanager
async def following(town: Town, page: httpx.AsyncClient, path: str) -> AsyncIterator[None]:
    """A stream of this page's, which has to end within the context."""
    hub = town.web.parts.hub
    before = len(hub)
    stream = asyncio.create_task(page.get(f"/v1{path}"))
    try:
        await until(lambda: len(hub) == before + 1)
        yield
        await until(lambda: len(hub) == before)
        assert (await stream).is_success
    finally:
        stream.cancel()
        await asyncio.gather(stream, return_exceptions=True)


async def test_who_logs_out_hears_of_nothing_any_more() -> None:
    async with a_town() as town, town.client() as page, town.client() as other:
        await page.post("/v1/session", headers=town.login("operator"))
        await other.post("/v1/session", headers=town.login("operator"))
        still = asyncio.create_task(other.get("/v1/live"))
        await until(lambda: len(town.web.parts.hub) == 1)
        async with following(town, page, "/live"):
            await page.delete("/v1/session", headers=OWN_PAGE)
        assert not still.done()  # of the same person, in another browser
        still.cancel()


async def test_a_trip_is_followed_for_as_long_as_the_login_lasts() -> None:
    async with a_town() as town, town.client() as page:
        await town.shuttle_at("P")
        trip = (await town.ask("ana", accept="auto"))["trip"]
        await page.post("/v1/session", headers=town.login("rider", "ana"))
        async with following(town, page, f"/trips/{trip}/events"):
            await page.delete("/v1/session", headers=OWN_PAGE)


@pytest.mark.parametrize("way", ["token", "development"])
async def test_who_logs_in_as_another_ends_the_session_before(way: str) -> None:
    async with a_town() as town, town.client() as page:
        await page.post("/v1/session", headers=town.login("operator", "olga"))
        before = page.cookies[COOKIE]
        async with following(town, page, "/live"):
            if way == "token":
                await page.post("/v1/session", headers=town.login("operator", "otto"))
            else:
                login = {"role": "operator", "subject": "otto"}
                await page.post("/v1/dev/login", json=login, headers=OWN_PAGE)
        assert page.cookies[COOKIE] != before
        assert (await page.get("/v1/session")).json()["subject"] == "otto"
        async with town.client({"Cookie": f"{COOKIE}={before}"}) as kept:
            assert (await kept.get("/v1/session")).status_code == 401


def test_whoever_is_put_out_is_told_of() -> None:
    ended: list[str] = []
    now_s = [0.0]
    sessions = Sessions(900, now=lambda: now_s[0], on_end=ended.append)
    _, first = sessions.begin(somebody("0"))
    for number in range(1, MOST_SESSIONS + 1):
        secret, last = sessions.begin(somebody(str(number)))
    assert ended == [first.session]
    assert len(sessions) == MOST_SESSIONS
    now_s[0] = 900.0
    assert sessions.find(secret) is None
    assert ended == [first.session, last.session]
