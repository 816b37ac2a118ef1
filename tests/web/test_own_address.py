"""Cookies are kept from the unencrypted and from neighbours, and only our own pages write."""

from http.cookies import SimpleCookie

import httpx
import pytest
from issuer_pages import issuer_pages
from starlette.requests import Request
from test_issuer_login import at_the_issuer, settings_of
from test_rider_routes import problem
from web_town import Town, a_town

from dispatcher.web.callers import OWN_PAGE_HEADER
from dispatcher.web.login_routes import ATTEMPT_COOKIE
from dispatcher.web.own_address import OwnAddress
from dispatcher.web.sessions import COOKIE

PLAIN, SECURE = "http://127.0.0.1", "https://127.0.0.1"
PREFIXED = f"__Host-{COOKIE}"


def page_at(town: Town, address: str) -> httpx.AsyncClient:
    """Keeps no cookies by itself: what a proxy makes of an address, no client here knows."""
    transport = httpx.ASGITransport(town.web.app, client=("192.0.2.7", 4711))
    return httpx.AsyncClient(transport=transport, base_url=address)


@pytest.mark.parametrize(
    ("address", "public_url", "name"),
    [
        (PLAIN, "", COOKIE),
        (PLAIN, "http://city.example", COOKIE),
        (SECURE, "", PREFIXED),
        (PLAIN, "https://city.example", PREFIXED),  # behind a proxy that does not say so
    ],
)
async def test_where_there_is_tls_a_cookie_is_bound_to_it(
    address: str, public_url: str, name: str
) -> None:
    async with a_town(http={"public_url": public_url}) as town, page_at(town, address) as page:
        begun = await page.post("/v1/session", headers=town.login("rider", "ana"))
        (morsel,) = SimpleCookie(begun.headers["set-cookie"]).values()
        secure = name == PREFIXED
        assert (morsel.key, bool(morsel["secure"]), morsel["path"]) == (name, secure, "/")
        assert not morsel["domain"]
        page.cookies.clear()
        shown = {"Cookie": f"{name}={morsel.value}"}
        assert (await page.get("/v1/session", headers=shown)).is_success
        # A neighbour can set the plain name; over TLS it says nothing.
        other = {"Cookie": f"{COOKIE if secure else PREFIXED}={morsel.value}"}
        assert (await page.get("/v1/session", headers=other)).status_code == 401
        ended = await page.delete("/v1/session", headers={**shown, OWN_PAGE_HEADER: "1"})
        gone = await page.get("/v1/session", headers=shown)
        assert gone.status_code == 401
        for answer in (ended, gone):
            # A browser takes it back only as it was given.
            assert answer.headers["set-cookie"].startswith(f"{name}=; Path=/; Max-Age=0")
            assert answer.headers["set-cookie"].endswith("; Secure") == secure


async def test_an_attempt_to_log_in_is_bound_to_it_too() -> None:
    with issuer_pages() as pages:
        url = {"public_url": "https://127.0.0.1"}
        async with a_town(auth=settings_of(pages), http=url) as town, page_at(town, PLAIN) as page:
            begun = await page.get("/v1/login/begin", params={"to": "/ops"})
            (morsel,) = SimpleCookie(begun.headers["set-cookie"]).values()
            assert morsel.key == f"__Host-{ATTEMPT_COOKIE}"
            assert morsel["secure"]
            back = httpx.URL(at_the_issuer(begun.headers["location"]))
            assert str(back).startswith("https://127.0.0.1/v1/login/end?")
            page.cookies.clear()
            shown = {"Cookie": f"{morsel.key}={morsel.value}"}
            ended = await page.get(f"/v1/login/end?{back.query.decode()}", headers=shown)
            assert ended.headers["location"] == "/ops"
            given = ended.headers.get_list("set-cookie")
            assert [cookie.partition("=")[0] for cookie in given] == [
                PREFIXED,
                f"__Host-{ATTEMPT_COOKIE}",
            ]
            assert all("Secure" in cookie for cookie in given)


@pytest.mark.parametrize(
    ("asked", "public_url", "origin", "is_ours"),
    [
        ("http://127.0.0.1:8080", "", "http://127.0.0.1:8080", True),
        ("http://127.0.0.1:8080", "", "http://127.0.0.1:8081", False),
        ("http://city.example", "", "https://city.example", False),
        ("https://city.example", "", "http://city.example", False),
        ("https://city.example", "", "https://city.example", True),
        # Behind a proxy that does not say that it speaks TLS, and one that keeps the name back.
        ("http://city.example", "https://City.example:443/", "https://city.example", True),
        ("http://city.example", "https://city.example", "http://city.example", False),
        ("http://10.0.0.5:8080", "https://city.example", "https://city.example", True),
        ("http://10.0.0.5:8080", "https://city.example", "http://10.0.0.5:8080", True),
        ("http://10.0.0.5:8080", "https://city.example", "http://city.example", False),
        ("http://city.example", "", "null", False),
        ("http://city.example", "", "", False),
        ("http://city.example", "", "http://[", False),
        ("http://city.example", "", "ftp://city.example", False),
    ],
)
def test_a_page_is_ours_by_scheme_host_and_port(
    asked: str, public_url: str, origin: str, is_ours: bool
) -> None:
    scheme, _, host = asked.partition("://")
    scope = {
        "type": "http",
        "scheme": scheme,
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", host.encode())],
        "server": ("127.0.0.1", 8080),
    }
    assert OwnAddress(public_url).is_own_page(origin, Request(scope)) == is_ours


async def test_the_same_host_without_tls_may_not_write() -> None:
    async with a_town(http={"public_url": SECURE}) as town, page_at(town, PLAIN) as page:
        begun = await page.post("/v1/session", headers=town.login("rider", "ana"))
        (morsel,) = SimpleCookie(begun.headers["set-cookie"]).values()
        page.cookies.clear()
        wish = {"from": "Q", "to": "S"}
        shown = {"Cookie": f"{morsel.key}={morsel.value}"}
        wrong = await page.post("/v1/quotes", json=wish, headers={**shown, "Origin": PLAIN})
        problem(wrong, 403, "CROSS_SITE")
        right = await page.post("/v1/quotes", json=wish, headers={**shown, "Origin": SECURE})
        assert right.is_success
