"""A browser logs in at the issuer's pages, and only the one that began it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import httpx
import pytest
from issuer_pages import CLIENT, SECRET, IssuerPages, issuer_pages
from joserfc.jwk import KeySet
from pydantic import ValidationError
from service_fakes import until
from web_town import HOST, Town, a_town, build_town

from dispatcher.config_http import AuthSettings
from dispatcher.web.issuer_login import (
    MOST_WAITING,
    ComeBack,
    IssuerClient,
    IssuerLogin,
    IssuerUnavailable,
    LoginRefused,
)
from dispatcher.web.key_sets import FixedKeys
from dispatcher.web.login_routes import ATTEMPT_COOKIE
from dispatcher.web.sessions import COOKIE
from dispatcher.web.tokens import TokenRules, TokenVerifier


@pytest.fixture
def pages() -> Iterator[IssuerPages]:
    with issuer_pages() as pages:
        yield pages


def settings_of(pages: IssuerPages, **more: Any) -> dict[str, Any]:
    return {
        "development": False,
        "issuer": pages.address,
        "keys": f"{pages.address}/keys",
        "login_client": CLIENT,
        "login_secret": SECRET,
        **more,
    }


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *about: Any) -> None:
        return None


def at_the_issuer(url: str) -> str:
    """Where the issuer's page sends the browser that was sent to ``url``."""
    try:
        build_opener(_Stay).open(url, timeout=5)
    except HTTPError as answer:
        return str(answer.headers["Location"])
    raise AssertionError("no redirect")


async def begun(browser: httpx.AsyncClient, to: str = "/ops") -> str:
    """The browser is sent to the issuer; the address there."""
    answer = await browser.get("/v1/login/begin", params={"to": to})
    assert answer.status_code == 303
    return answer.headers["location"]


async def come_back(browser: httpx.AsyncClient, url: str) -> str:
    """It comes from the issuer's page; the page that it is sent on to."""
    parts = urlsplit(at_the_issuer(url))
    assert f"{parts.scheme}://{parts.netloc}" == HOST
    answer = await browser.get(f"{parts.path}?{parts.query}")
    assert answer.status_code == 303
    assert ATTEMPT_COOKIE not in browser.cookies
    return answer.headers["location"]


async def who(town: Town, browser: httpx.AsyncClient) -> dict[str, Any] | None:
    session: dict[str, Any] | None = (await browser.get("/v1/login")).json().get("session")
    return session


async def test_who_logs_in_there_is_logged_in_here(pages: IssuerPages) -> None:
    async with a_town(auth=settings_of(pages)) as town, town.client() as browser:
        login = (await browser.get("/v1/login")).json()
        assert login["at_issuer"]
        assert login["tokens"]
        url = await begun(browser)
        assert await come_back(browser, url) == "/ops"
        session = await who(town, browser)
        assert session is not None
        assert (session["subject"], session["roles"]) == ("hana", ["dispatcher"])
        # The ID token lasts for a minute; who logged in stays for longer.
        assert browser.cookies[COOKIE]
        assert (await browser.get("/v1/shuttles")).status_code == 200
        left_s = next(c for c in browser.cookies.jar if c.name == COOKIE).expires
        assert left_s is not None
        assert left_s - town.web.parts.now() > 7 * 3600
        await browser.delete("/v1/session", headers={"X-Ringmaster-Page": "1"})
        assert (await browser.get("/v1/shuttles")).status_code == 401


async def test_the_session_before_ends_though_the_browser_does_not_show_it(
    pages: IssuerPages,
) -> None:
    async with a_town(auth={**settings_of(pages), "development": True}) as town:
        async with town.client() as browser:
            await browser.post("/v1/session", headers=town.login("operator", "olga"))
            before = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
            url = await begun(browser)
            # A strict cookie does not come along when another site's page leads here.
            del browser.cookies[COOKIE]
            assert await come_back(browser, url) == "/ops"
        assert (await town.call("GET", "/session", before)).status_code == 401


async def test_a_public_client_needs_no_secret(pages: IssuerPages) -> None:
    pages.secret = None
    pages.person = {"sub": "minji"}
    settings = settings_of(pages, login_secret=None)
    async with a_town(auth=settings) as town, town.client() as browser:
        assert await come_back(browser, await begun(browser, "/ride/trips")) == "/ride/trips"
        session = await who(town, browser)
        assert session is not None
        assert session["roles"] == ["rider"]


async def test_the_code_of_another_browser_logs_nobody_in(pages: IssuerPages) -> None:
    async with a_town(auth=settings_of(pages)) as town, town.client() as mine:
        async with town.client() as theirs:
            stolen = at_the_issuer(await begun(theirs))
        parts = urlsplit(stolen)
        # Without an attempt of its own, and with one.
        for _ in range(2):
            answer = await mine.get(f"{parts.path}?{parts.query}")
            assert answer.headers["location"].endswith("#login=refused")
            await begun(mine)
        assert await who(town, mine) is None


@pytest.mark.parametrize(
    ("wrong", "refused"),
    [
        ({"denies": "access_denied"}, []),
        ({"secret": "another"}, ["secret"]),
        ({"changes": {"nonce": "of another login"}}, []),
        ({"changes": {"nonce": None}}, []),
        ({"changes": {"aud": "ringmaster"}}, []),
        ({"changes": {"aud": [CLIENT, "other"]}}, []),
        ({"changes": {"aud": [CLIENT, "other"], "azp": "other"}}, []),
        ({"changes": {"iss": "https://elsewhere.example"}}, []),
        ({"changes": {"exp": 1}}, []),
        ({"person": {"roles": ["admin"]}}, []),
    ],
)
async def test_what_is_not_believed_logs_nobody_in(
    pages: IssuerPages, wrong: dict[str, Any], refused: list[str]
) -> None:
    for name, value in wrong.items():
        setattr(pages, name, value)
    async with a_town(auth=settings_of(pages)) as town, town.client() as browser:
        assert await come_back(browser, await begun(browser)) == "/ops#login=refused"
        assert await who(town, browser) is None
        assert pages.refused == refused


async def test_an_attempt_ends_once_and_in_time(pages: IssuerPages) -> None:
    async with a_town(auth=settings_of(pages)) as town, town.client() as browser:
        url = await begun(browser)
        sealed = browser.cookies[ATTEMPT_COOKIE]
        back = urlsplit(at_the_issuer(url))
        # Altered, and of another dispatcher.
        for wrong in (sealed[:-4] + "AAAA", "x", "e30.e30.e30.e30.e30"):
            browser.cookies.set(ATTEMPT_COOKIE, wrong, domain="127.0.0.1", path="/")
            answer = await browser.get(f"{back.path}?{back.query}")
            assert answer.headers["location"] == "/ride#login=refused"
        login = town.web.parts.issuer_login
        assert login is not None
        assert login.page_after(sealed) == "/ops"
        login._now = lambda: town.web.parts.now() + 601
        assert login.page_after(sealed) is None


async def test_an_attempt_asks_the_issuer_once(pages: IssuerPages) -> None:
    async with a_town(auth=settings_of(pages)) as town, town.client() as browser:
        back = urlsplit(at_the_issuer(await begun(browser)))
        state = parse_qs(back.query)["state"][0]
        sealed = browser.cookies[ATTEMPT_COOKIE]
        for code in ("junk", "other", parse_qs(back.query)["code"][0]):
            browser.cookies.set(ATTEMPT_COOKIE, sealed, domain="127.0.0.1", path="/")
            answer = await browser.get(back.path, params={"code": code, "state": state})
            assert answer.headers["location"] == "/ops#login=refused"
        assert pages.refused == ["code"]
        login = town.web.parts.issuer_login
        assert login is not None
        assert len(login._used) == 1
        # Remembered for as long as it could be shown, and no longer.
        login._now = lambda: town.web.parts.now() + 601
        with pytest.raises(LoginRefused):
            await login.end(sealed, ComeBack(code="x", state=state))
        begun_later = await login.begin(f"{HOST}/v1/login/end", "/ops")
        later = parse_qs(urlsplit(begun_later.url).query)["state"][0]
        with pytest.raises(LoginRefused):
            await login.end(begun_later.sealed, ComeBack(code="x", state=later))
        assert list(login._used) == [later]


async def test_no_more_wait_for_the_issuer_than_it_can_serve_soon() -> None:
    answers = threading.Event()

    def ask(asked: str | Request) -> bytes:
        if isinstance(asked, str):
            ends = {"authorization_endpoint": "https://i/a", "token_endpoint": "https://i/t"}
            return json.dumps({"issuer": "https://i", **ends}).encode()
        assert answers.wait(10)
        return b"{}"

    verifier = TokenVerifier(TokenRules("https://i", "c", ("ES256",)), FixedKeys(KeySet([])))
    login = IssuerLogin(IssuerClient("https://i", "c"), verifier, ask=ask)
    ending = []
    for _ in range(MOST_WAITING + 10):
        attempt = await login.begin(f"{HOST}/v1/login/end", "/ops")
        state = parse_qs(urlsplit(attempt.url).query)["state"][0]
        back = ComeBack(code="x", state=state)
        ending.append(asyncio.create_task(login.end(attempt.sealed, back)))
    try:
        await until(lambda: sum(each.done() for each in ending) == 6)  # four are being answered
    finally:
        answers.set()
    ends = await asyncio.gather(*ending, return_exceptions=True)
    told = [LoginRefused] * (MOST_WAITING + 4) + [IssuerUnavailable] * 6
    assert [type(end) for end in ends] == told


async def test_logins_are_counted_as_what_guests_ask(pages: IssuerPages) -> None:
    rates = {"guests_per_s": 1, "guests_burst": 3}
    async with a_town(auth=settings_of(pages), http=rates) as town, town.client() as browser:
        url = await begun(browser)
        for _ in range(2):
            await begun(browser)
        asked = pages.asked
        assert await begun(browser) == "/ops#login=failed"
        answer = await browser.get("/v1/login/end", params={"code": "c", "state": "s"})
        assert answer.headers["location"] == "/ops#login=failed"
        assert pages.asked == asked
        assert url.startswith(pages.address)


async def test_another_issuers_answer_is_refused(pages: IssuerPages) -> None:
    async with a_town(auth=settings_of(pages)) as town, town.client() as browser:
        back = urlsplit(at_the_issuer(await begun(browser)))
        query = {name: values[0] for name, values in parse_qs(back.query).items()}
        answer = await browser.get(back.path, params={**query, "iss": "https://elsewhere.example"})
        assert answer.headers["location"] == "/ops#login=refused"
        assert await who(town, browser) is None


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"authorization_endpoint": "http://elsewhere.example/authorize"},
        {"token_endpoint": 1},
    ],
)
async def test_an_issuer_that_cannot_be_asked_is_said_to_be_so(
    pages: IssuerPages, document: dict[str, Any]
) -> None:
    pages.document = document
    async with a_town(auth=settings_of(pages)) as town, town.client() as browser:
        assert await begun(browser) == "/ops#login=failed"
        # Nor is it asked at the rate at which people try.
        asked = pages.asked
        assert await begun(browser) == "/ops#login=failed"
        assert pages.asked == asked


@pytest.mark.parametrize(
    "to", ["//elsewhere.example", "https://elsewhere.example", "/v1/zone", "/ops/../x", "/ride\\x"]
)
async def test_nobody_is_sent_elsewhere_afterwards(pages: IssuerPages, to: str) -> None:
    async with a_town(auth=settings_of(pages)) as town, town.client() as browser:
        assert await come_back(browser, await begun(browser, to)) == "/ride"


async def test_a_login_that_has_ended_is_no_hindrance(pages: IssuerPages) -> None:
    async with a_town(auth=settings_of(pages)) as town, town.client() as browser:
        browser.cookies.set(COOKIE, "of-yesterday", domain="127.0.0.1", path="/")
        assert await come_back(browser, await begun(browser)) == "/ops"


async def test_while_another_leads_people_get_a_page(pages: IssuerPages) -> None:
    town = build_town(auth=settings_of(pages))
    async with town.client() as browser:
        for path in ("/v1/login/begin", "/v1/login/end?code=c&state=s"):
            answer = await browser.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"].startswith("text/html")


async def test_without_a_client_there_is_no_such_login() -> None:
    async with a_town() as town, town.client() as browser:
        assert (await browser.get("/v1/login")).json()["at_issuer"] is False
        for path in ("/v1/login/begin", "/v1/login/end"):
            assert (await browser.get(path)).status_code == 404


def test_a_client_needs_an_issuer_that_can_be_asked() -> None:
    for auth in (
        {"login_client": "x"},
        {"login_client": "x", "issuer": "urn:city", "keys": "keys.json"},
        {"login_client": "x", "issuer": "http://city.example", "keys": "keys.json"},
        {
            "login_client": "x",
            "issuer": "https://city.example",
            "keys": "keys.json",
            "login_scope": "email",
        },
    ):
        with pytest.raises(ValidationError, match="login_"):
            AuthSettings.model_validate(auth)
