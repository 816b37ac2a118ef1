"""What stands around the routes: bounds, headers, cookies, and who serves at all."""

import asyncio
import re
from typing import Any
from urllib.parse import quote

import pytest
from service_fakes import until
from starlette.types import Message
from test_rider_routes import problem
from web_town import GUEST_ID, SHUTTLE, a_town, build_town

from dispatcher.web.callers import OWN_PAGE_HEADER, SUBJECT_HEADER
from dispatcher.web.edges import SECURITY_HEADERS, BoundedBody
from dispatcher.web.page import PAGE_POLICY

JSON = {"Content-Type": "application/json"}


async def test_who_stands_by_says_so_whatever_is_asked() -> None:
    town = build_town()
    for path in ("/zone", "/trips", "/nothing-here"):
        answer = await town.call("GET", path, town.login("rider"))
        told = problem(answer, 503, "STANDING_BY")
        assert answer.headers["retry-after"] == str(told["retry_after_s"])


@pytest.mark.parametrize(
    "path",
    ["/", "/ride", "/ride/stop/Q", "/ride/stops", "/ride/trips", "/ride/trip/t1", "/t/a.b", "/ops"],
)
async def test_people_are_told_by_a_page_that_tries_again(path: str) -> None:
    town = build_town()
    async with town.client({"Accept-Language": "ko"}) as client:
        answer = await client.get(path)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == PAGE_POLICY
        assert '<html lang="ko">' in answer.text
        assert "서비스를 전환하는 중입니다" in answer.text
        assert "being taken over" in (await client.get(f"{path}?lang=en")).text
        # The page is of files that are there meanwhile; one of them tries again.
        addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text)
        assert any(address.endswith("/waiting.js") for address in addresses)
        for address in addresses:
            assert (await client.get(address)).status_code == 200, address
        # A program that writes there is told as everywhere.
        problem(await client.post(path), 503, "STANDING_BY")


@pytest.mark.parametrize("path", ["/v1/stops/Q/qr.svg", "/v1/openapi.json", "/nothing-here"])
async def test_programs_are_told_by_a_problem_wherever_there_is_no_page(path: str) -> None:
    async with build_town().client({"Accept": "text/html"}) as client:
        problem(await client.get(path), 503, "STANDING_BY")


async def test_whose_lease_has_lapsed_says_nothing_of_the_zone() -> None:
    async with a_town() as town:
        assert (await town.call("GET", "/stops")).is_success
        leadership = town.dispatcher.leadership
        leadership._monotonic = lambda: 1_000.0  # long after it was renewed
        problem(await town.call("GET", "/stops"), 503, "LEASE_LAPSED")
        leadership._monotonic = lambda: 0.0
        assert (await town.call("GET", "/stops")).is_success


async def test_who_has_stopped_or_makes_the_state_anew_says_so() -> None:
    async with a_town() as town:
        trip = (await town.ask())["trip"]
        town.dispatcher.service.health.reloading = True
        ana = town.login("rider", "ana")
        # Not that there is no such trip.
        problem(await town.call("GET", f"/trips/{trip}", ana), 503, "NOT_STARTED")
        town.dispatcher.service.health.reloading = False
        town.dispatcher.service.stop()
        await until(lambda: not town.dispatcher.service.health.running)
        problem(await town.call("GET", f"/trips/{trip}", ana), 503, "NOT_STARTED")


async def test_every_answer_carries_the_security_headers() -> None:
    async with a_town() as town:
        answers = [
            await town.call("GET", "/zone"),
            await town.call("GET", "/nothing-here"),
            await town.call("GET", "/trips"),
            await town.call("POST", "/trips", content=b"x" * 9000, headers=JSON),
            await town.call("GET", "/zone", {"Host": "elsewhere.example"}),
        ]
        assert [a.status_code for a in answers] == [200, 404, 401, 413, 403]
        for answer in answers:
            for name, value in SECURITY_HEADERS.items():
                assert answer.headers[name] == value
            assert "access-control-allow-origin" not in answer.headers
        assert answers[0].headers["cache-control"] == "no-store"
        assert "unsafe-inline" not in answers[0].headers["content-security-policy"]


async def test_other_sites_may_read_only_where_the_settings_name_them() -> None:
    async with a_town(http={"origins": ["https://city.example"]}) as town:
        allowed = await town.call("GET", "/stops", {"Origin": "https://city.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://city.example"
        other = await town.call("GET", "/stops", {"Origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in other.headers
        assert "access-control-allow-credentials" not in allowed.headers


async def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    async with a_town() as town:
        ana = {**town.login("rider"), **JSON}
        told = await town.call("POST", "/trips", ana, content=b" " * 8193)
        problem(told, 413, "TOO_LARGE")

        pieces = 0

        async def endless() -> Any:
            nonlocal pieces
            while pieces < 1_000:
                pieces += 1
                yield b" " * 1000

        problem(await town.call("POST", "/trips", ana, content=endless()), 413, "TOO_LARGE")
        assert pieces == 9
        problem(await town.call("POST", "/trips", ana, content=b" " * 8192), 400, "UNREADABLE")


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sent: list[Message] = []

    async def never() -> Message:
        return await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        sent.append(message)

    async def unreached(*about: object) -> None:
        raise AssertionError("the app must not hear of it")

    scope = {"type": "http", "path": "/", "headers": [(b"content-length", b"10")]}
    await BoundedBody(unreached, within_s=0.0)(scope, never, send)
    assert sent[0]["status"] == 408


async def test_a_page_logs_in_with_a_token_and_goes_on_with_its_cookie() -> None:
    async with a_town() as town, town.client() as page:
        begun = await page.post("/v1/session", headers=town.login("rider", "ana"))
        assert begun.json()["subject"] == "ana"
        cookie = begun.headers["set-cookie"].lower()
        for part in ("httponly", "samesite=strict", "path=/", "max-age=900"):
            assert part in cookie
        assert (await page.get("/v1/session")).json()["roles"] == ["rider"]
        wish = {"id": "q1", "from": "Q", "to": "S"}
        problem(await page.post("/v1/trips", json=wish), 403, "CROSS_SITE")
        for headers in (
            {"Origin": "https://elsewhere.example"},
            {"Origin": "https://elsewhere.example", OWN_PAGE_HEADER: "1"},
            {"Origin": "null"},
        ):
            answer = await page.post("/v1/trips", json=wish, headers=headers)
            problem(answer, 403, "CROSS_SITE")
        for headers in ({"Origin": "http://127.0.0.1"}, {OWN_PAGE_HEADER: "1"}):
            assert (await page.post("/v1/trips", json=wish, headers=headers)).is_success
        ended = await page.delete("/v1/session", headers={OWN_PAGE_HEADER: "1"})
        assert ended.status_code == 204
        secret = begun.cookies["ringmaster_session"]
        again = await page.get("/v1/trips", headers={"Cookie": f"ringmaster_session={secret}"})
        problem(again, 401, "UNAUTHENTICATED")


async def test_a_page_does_not_write_in_the_name_of_whom_it_does_not_show() -> None:
    async with a_town() as town, town.client() as page:
        await page.post("/v1/session", headers=town.login("rider", "민지/1"))
        wish = {"from": "Q", "to": "S"}
        for believed, status in (("민지/1", 200), ("ana", 409), ("", 409), ("%FF", 409)):
            headers = {OWN_PAGE_HEADER: "1", SUBJECT_HEADER: quote(believed, safe="")}
            answer = await page.post("/v1/quotes", json=wish, headers=headers)
            assert answer.status_code == status, believed
            if status == 409:
                problem(answer, 409, "LOGIN_CHANGED")
                assert (await page.delete("/v1/session", headers=headers)).status_code == 409
                # Whoever looks is told who it is.
                seen = await page.get("/v1/login", headers=headers)
                assert seen.json()["session"]["subject"] == "민지/1"
        # A token says by itself who is meant.
        other = {**town.login("rider", "ana"), SUBJECT_HEADER: "ben"}
        assert (await page.post("/v1/quotes", json=wish, headers=other)).is_success


@pytest.mark.parametrize(
    ("auth", "ways"),
    [
        ({}, {"guests": True, "tokens": False, "at_issuer": False, "development": True}),
        (
            {
                "guests": False,
                "development": False,
                "issuer": "https://login.example",
                "keys": "https://login.example/keys",
            },
            {"guests": False, "tokens": True, "at_issuer": False, "development": False},
        ),
    ],
    ids=["development", "production"],
)
async def test_a_page_learns_how_one_may_log_in_before_anybody_has(
    auth: dict[str, Any], ways: dict[str, bool]
) -> None:
    async with a_town(auth=auth) as town:
        assert (await town.call("GET", "/login")).json() == ways


async def test_a_page_learns_who_is_logged_in() -> None:
    async with a_town() as town, town.client() as page:
        begun = await page.post("/v1/session", headers=town.login("rider", "ana"))
        told = (await page.get("/v1/login")).json()
        lasts_s = [told["session"].pop("lasts_s"), begun.json()["lasts_s"]]
        assert all(880 < each <= 900 for each in lasts_s)
        assert told["session"] == {
            name: value for name, value in begun.json().items() if name != "lasts_s"
        }
        assert told["session"]["roles"] == ["rider"]


async def test_a_cookie_does_not_lengthen_itself() -> None:
    async with a_town() as town, town.client() as page:
        begun = await page.post("/v1/session", headers=town.login("rider", "ana"))
        again = await page.post("/v1/session", headers={OWN_PAGE_HEADER: "1"})
        assert again.json()["expires"] == begun.json()["expires"]
        assert "set-cookie" not in again.headers


async def test_in_development_anybody_becomes_anybody_from_this_machine() -> None:
    async with a_town() as town:
        login = {"role": "admin", "subject": "dora"}
        answer = await town.call("POST", "/dev/login", json=login)
        token = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert (await town.call("GET", "/audit", token)).is_success
        assert "ringmaster_session=" in answer.headers["set-cookie"]
        for headers in (
            {"Origin": "https://elsewhere.example"},  # another page in the same browser
            {"Host": "rebound.example"},  # a name that leads here
        ):
            answer = await town.call("POST", "/dev/login", headers, json=login)
            problem(answer, 403, "CROSS_SITE")
            assert "set-cookie" not in answer.headers


async def test_without_development_nobody_logs_in_like_that() -> None:
    async with a_town(auth={"development": False}) as town:
        problem(await town.call("POST", "/dev/login", json={"role": "admin"}), 404, "NOT_FOUND")
        assert town.web.parts.dev_issuer is None
        assert (await town.call("GET", "/zone", {"Host": "zone.example"})).is_success


@pytest.mark.parametrize(
    ("http", "calls"),
    [
        ({"caller_per_s": 1, "caller_burst": 3}, [("rider", "ana")] * 5),
        ({"caller_per_s": 1, "caller_burst": 3}, [("shuttle", SHUTTLE)] * 5),
        ({"address_per_s": 1, "address_burst": 3}, [("rider", f"r{n}") for n in range(5)]),
    ],
    ids=["rider", "shuttle", "address"],
)
async def test_who_asks_too_much_is_told_when_to_come_again(
    http: dict[str, Any], calls: list[tuple[str, str]]
) -> None:
    async with a_town(http=http) as town:
        answers = [
            await town.call("GET", "/session", town.login(role, subject)) for role, subject in calls
        ]
        assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
        problem(answers[3], 429, "TOO_MANY_REQUESTS")
        assert answers[3].headers["retry-after"] == "1"


async def test_guests_at_one_address_are_one_caller() -> None:
    async with a_town(http={"guests_per_s": 1, "guests_burst": 2}) as town:
        wish = {"from": "Q", "to": "S"}
        answers = [await town.call("POST", "/quotes", json=wish) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert (await town.call("GET", "/zone")).is_success  # needs no login: not counted there


async def test_each_guests_link_is_a_caller_of_its_own() -> None:
    async with a_town(http={"caller_per_s": 1, "caller_burst": 2, "guests_burst": 5}) as town:
        links = []
        for number in range(2):
            wish = {"id": f"{GUEST_ID}{number}", "from": "Q", "to": "S"}
            links.append((await town.call("POST", "/guest/trips", json=wish)).json()["link"])
        hasty = [await town.call("GET", f"/guest/trips/{links[0]}") for _ in range(4)]
        assert [a.status_code for a in hasty] == [200, 200, 429, 429]
        problem(hasty[2], 429, "TOO_MANY_REQUESTS")
        assert (await town.call("GET", f"/guest/trips/{links[1]}")).is_success
        # Trying links out makes nobody somebody: two of the five went for the trips.
        tried = [await town.call("GET", f"/guest/trips/{links[0]}{n}") for n in range(4)]
        assert [a.status_code for a in tried] == [404, 404, 404, 429]


async def test_one_callers_haste_costs_no_other() -> None:
    async with a_town(http={"caller_per_s": 1, "caller_burst": 1}) as town:
        for _ in range(3):
            await town.call("GET", "/session", town.login("rider", "ana"))
        assert (await town.call("GET", "/session", town.login("rider", "ben"))).is_success


async def test_searches_are_bounded_over_all() -> None:
    async with a_town(http={"quotes_per_s": 0.2}) as town:
        wish = {"from": "Q", "to": "S"}
        first = await town.call("POST", "/quotes", town.login("rider", "ana"), json=wish)
        assert first.is_success
        answer = await town.call("POST", "/quotes", town.login("rider", "ben"), json=wish)
        problem(answer, 429, "TOO_MANY_REQUESTS")


async def test_answers_are_counted_by_operation_and_status() -> None:
    async with a_town() as town:
        for path in ("/trips/x", "/trips/y", "/session", "/nothing-here"):
            await town.call("GET", path, town.login("rider"))
        registry = town.web.parts.metrics.registry
        counted = {
            (sample.labels["operation"], sample.labels["status"]): sample.value
            for metric in registry.collect()
            for sample in metric.samples
            if sample.name == "ringmaster_http_requests_total"
        }
        assert counted == {("getTrip", "404"): 2, ("getSession", "200"): 1, ("none", "404"): 1}


async def test_a_mistake_of_ours_tells_nothing_of_itself() -> None:
    async with a_town() as town:
        town.web.parts.figures = "a secret"  # type: ignore[assignment] - a mistake of ours
        answer = await town.call("GET", "/figures", town.login("operator"))
        problem(answer, 500, "FAILED")
        assert "secret" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
