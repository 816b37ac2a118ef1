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
from dispatcher.web.sessions import COOKIE, MOST_OF_ONE, MOST_SESSIONS, Sessions

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


def test_one_riders_logins_end_that_riders_own_alone() -> None:
    ended: list[str] = []
    sessions = Sessions(900, now=lambda: 0.0, on_end=ended.append)
    other, _ = sessions.begin(somebody("ben"))
    own = [sessions.begin(somebody("ana")) for _ in range(MOST_SESSIONS + 1)]
    assert sessions.find(other) is not None
    assert [sessions.find(secret) is not None for secret, _ in own[-MOST_OF_ONE - 1 :]] == [
        False,
        *[True] * MOST_OF_ONE,
    ]
    assert ended == [session.session for _, session in own[:-MOST_OF_ONE]]


def test_riders_do_not_end_the_sessions_of_who_serves_them() -> None:
    sessions = Sessions(900, now=lambda: 0.0)
    staff = [
        sessions.begin(somebody(role, role))[0]
        for role in (Role.OPERATOR, Role.DISPATCHER, Role.ADMIN)
    ]
    both = Principal("olga", frozenset({Role.OPERATOR, Role.RIDER}), Means.TOKEN)
    staff.append(sessions.begin(both)[0])
    for number in range(MOST_SESSIONS + 1):
        sessions.begin(somebody(str(number)))
    assert None not in map(sessions.find, staff)
    assert len(sessions) == MOST_SESSIONS + len(staff)


def test_a_session_that_is_renewed_is_the_same_one() -> None:
    ended: list[str] = []
    now_s = [0.0]
    sessions = Sessions(900, now=lambda: now_s[0], on_end=ended.append)
    secret, begun = sessions.begin(somebody("ana"))
    now_s[0] = 800.0
    again, renewed = sessions.begin(somebody("ana"), shown=secret)
    assert (again, renewed.session, renewed.expires_s) == (secret, begun.session, 1700.0)
    # What lasts longer is not made shorter.
    assert sessions.begin(somebody("ana"), shown=secret, lasts_s=60)[1].expires_s == 1700.0
    assert (len(sessions), ended) == (1, [])
    # With other roles it is another, and what was opened with the old ones ends.
    changed, _ = sessions.begin(somebody("ana", Role.OPERATOR), shown=secret)
    assert sessions.find(secret) is None
    assert sessions.find(changed) is not None
    assert ended == [begun.session]
    # One that has ended, or never was, is not begun by showing it.
    now_s[0] = 2000.0
    assert sessions.begin(somebody("ana", Role.OPERATOR), shown=changed)[0] != changed
    assert sessions.begin(somebody("ana"), shown="chosen")[0] != "chosen"


async def test_a_page_renews_its_session_and_its_stream_goes_on() -> None:
    async with a_town() as town, town.client() as page:
        login = town.login("operator")
        await page.post("/v1/session", headers=login)
        secret, hub = page.cookies[COOKIE], town.web.parts.hub
        stream = asyncio.create_task(page.get("/v1/live"))
        await until(lambda: len(hub) == 1)
        for _ in range(3):
            await page.post("/v1/session", headers=login)
        assert page.cookies[COOKIE] == secret
        assert len(town.web.parts.callers.sessions) == 1
        assert len(hub) == 1
        hub.close_all()
        await stream
