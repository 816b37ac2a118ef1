"""The API of the whole dispatcher, with a real broker and a real store behind it."""

import asyncio

import httpx
import pytest
from test_serving import (
    PATIENCE_S,
    Town,
    a_rider,
    a_shuttle,
    comes_true,
    healthy,
    serving,
    two_stops,
)
from test_serving import town as town

from dispatcher.bootstrap import Dispatcher
from dispatcher.web.principals import Role

pytestmark = pytest.mark.broker

GUEST_ID = "a-guest-id-of-22-letters-or-more"


def client_of(dispatcher: Dispatcher, role: Role, subject: str) -> httpx.AsyncClient:
    assert dispatcher.web is not None
    issuer = dispatcher.web.parts.dev_issuer
    assert issuer is not None
    return httpx.AsyncClient(
        base_url=dispatcher.web.server.url,
        headers={"Authorization": f"Bearer {issuer.token(subject, role)}"},
        timeout=PATIENCE_S,
        verify=False,  # no TLS here, and certificates take a while to read
    )


def guest_of(dispatcher: Dispatcher) -> httpx.AsyncClient:
    assert dispatcher.web is not None
    return httpx.AsyncClient(base_url=dispatcher.web.server.url, timeout=PATIENCE_S, verify=False)


async def test_a_rider_is_the_same_over_http_and_mqtt(town: Town) -> None:
    async with serving(town) as dispatcher, a_rider(town, "ana") as ana:
        await a_shuttle(dispatcher)
        async with client_of(dispatcher, Role.RIDER, f"{town.name}-ana") as web:
            asked = (await web.post("/v1/trips", json={"id": "q1", **two_stops()})).json()
            offered, _ = await ana.hear("trip/", state="offered")
            assert offered == asked
            # Sent again by the other way it is the same request.
            await ana.say("request", id="q1", **two_stops())
            again, _ = await ana.hear("trip/", state="offered")
            assert again["trip"] == asked["trip"]
            await ana.say("answer", trip=asked["trip"], accept=True)
            await ana.hear("trip/", state="accepted")
            seen = (await web.get(f"/v1/trips/{asked['trip']}")).json()
            assert seen["promise"] == asked["offers"][0]["promise"]
            await web.post(f"/v1/trips/{asked['trip']}/cancel", json={"id": "c1"})
            ended, _ = await ana.hear("trip/", state="cancelled_by_rider")
            assert ended["trip"] == asked["trip"]


async def test_links_and_repeats_hold_over_a_crash(town: Town) -> None:
    wish = {"id": GUEST_ID, "accept": "auto", **two_stops()}
    cancel = {"id": "c1"}
    town.settings = town.settings.model_copy(
        update={"auth": town.settings.auth.model_copy(update={"guests": True})}
    )
    async with serving(town, crash=True) as dispatcher:
        await a_shuttle(dispatcher)
        assert dispatcher.web is not None
        async with httpx.AsyncClient(base_url=dispatcher.web.server.url) as guest:
            asked = (await guest.post("/v1/guest/trips", json=wish)).json()
            path = f"/v1/guest/trips/{asked['link']}"
            assert (await guest.post(f"{path}/cancel", json=cancel)).is_success
    async with serving(town) as again, guest_of(again) as guest:
        assert (await guest.get(path)).json()["state"] == "cancelled_by_rider"
        repeated = await guest.post(f"{path}/cancel", json=cancel)
        assert repeated.json()["state"] == "cancelled_by_rider"
        assert (await guest.post("/v1/guest/trips", json=wish)).json()["link"] == asked["link"]


async def test_who_stands_by_says_so_until_it_leads(town: Town) -> None:
    async with serving(town) as first:
        second = await town.dispatcher(elsewhere=True)
        task = asyncio.create_task(second.run())
        try:
            assert second.web is not None
            second.web.server.bind()
            async with (
                client_of(second, Role.RIDER, "ana") as web,
                asyncio.timeout(PATIENCE_S),
            ):
                answer = await web.get("/v1/trips")
                assert (answer.status_code, answer.json()["code"]) == (503, "STANDING_BY")
                first.service.stop()
                await comes_true(lambda: second.service.health.running)
                await healthy(second)
                assert (await web.get("/v1/trips")).json() == {"trips": []}
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await second.journal.aclose()


async def test_a_dispatcher_that_stops_ends_its_streams_and_leaves_its_port(town: Town) -> None:
    async with serving(town) as dispatcher:
        assert dispatcher.web is not None
        url = dispatcher.web.server.url
        stack = client_of(dispatcher, Role.OPERATOR, "o")
        async with stack as web, web.stream("GET", "/v1/live") as live:
            lines = live.aiter_lines()
            while await anext(lines) != "event: snapshot":
                pass
            dispatcher.service.stop()
            async with asyncio.timeout(PATIENCE_S):
                async for _ in lines:
                    pass
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(base_url=url) as late:
            await late.get("/v1/zone")
