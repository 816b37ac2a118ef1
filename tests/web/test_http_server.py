"""The server on a real socket: it starts and ends with the dispatcher, and waits for nobody."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from service_fakes import until
from web_town import Town, a_town, build_town

from dispatcher.config import Settings
from dispatcher.config_http import HttpSettings
from dispatcher.web import server as server_module
from dispatcher.web.server import HttpServer

PATIENCE_S = 20.0  # a bound, not a wait


@asynccontextmanager
async def listening(town: Town) -> AsyncIterator[str]:
    """The API on a free port of this machine, until the block ends."""
    town.web.server.bind()
    running = asyncio.create_task(town.web.run())
    try:
        yield town.web.server.url
    finally:
        running.cancel()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(running, return_exceptions=True)


async def test_it_answers_on_its_port_and_is_gone_when_it_ends() -> None:
    async with a_town() as town:
        async with listening(town) as url, httpx.AsyncClient(base_url=url) as client:
            answer = await client.get("/v1/zone")
            assert answer.is_success
            assert "server" not in answer.headers
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(base_url=url) as client:
                await client.get("/v1/zone")


async def test_one_after_the_other_can_use_the_same_port() -> None:
    port = 0
    for _ in range(4):
        async with a_town(http={"port": port}) as town, listening(town) as url:
            port = town.web.server.port
            async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(base_url=url) as client:
                assert (await client.get("/v1/stops")).is_success


async def test_an_answer_goes_out_whole_without_waiting_for_the_client() -> None:
    async with a_town() as town, listening(town) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/v1/stops")).is_success
        (held,) = town.web.server._server.server_state.connections
        accepted = held.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_who_stands_by_answers_from_the_start() -> None:
    town = build_town()
    async with listening(town) as url, httpx.AsyncClient(base_url=url) as client:
        answer = await client.get("/v1/zone")
        assert (answer.status_code, answer.json()["code"]) == (503, "STANDING_BY")


async def test_a_stream_over_the_wire_ends_with_the_server_and_nothing_is_left() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        async with listening(town) as url, asyncio.timeout(PATIENCE_S):
            client = httpx.AsyncClient(base_url=url, headers=town.login("operator"))
            async with client, client.stream("GET", "/v1/live", timeout=None) as answer:
                lines = answer.aiter_lines()
                first = [await anext(lines) for _ in range(6)]
                assert "event: snapshot" in first
                assert len(town.web.parts.hub) == 1
            # The client has left without a word.
            while len(town.web.parts.hub):  # noqa: ASYNC110 - its end is what is waited for
                await asyncio.sleep(0)
            again = httpx.AsyncClient(base_url=url, headers=town.login("operator"))
            async with again, again.stream("GET", "/v1/live", timeout=None) as answer:
                ending = asyncio.create_task(town.web.server.close())
                town.web.parts.hub.close()
                async for _ in answer.aiter_bytes():
                    pass
                await ending


async def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = HttpServer(build_town().web.app, HttpSettings(port=port))
        with pytest.raises(OSError, match=r"http\.port"):
            server.bind()


async def test_a_head_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "HEAD_WITHIN_S", 0.0)
    async with a_town() as town, listening(town) as url, asyncio.timeout(PATIENCE_S):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1/zone HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        assert await reader.read() == b""
        writer.close()


async def test_a_head_that_is_too_long_is_refused() -> None:
    async with a_town() as town:
        answer = await town.call("GET", "/zone", {"X-Long": "x" * 40_000})
        assert (answer.status_code, answer.json()["code"]) == (431, "HEAD_TOO_LARGE")


@dataclass
class Caller:
    """A connection from an address of this machine."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def asks(self, raw: str = "GET /v1/stops HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") -> str:
        """The head and body of the answer."""
        self.writer.write(raw.encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head)
        assert length is not None
        return head + (await self.reader.readexactly(int(length[1]))).decode()

    async def is_sent_away(self) -> bool:
        try:
            return await self.reader.read() == b""
        except ConnectionResetError:
            return True


async def connected(town: Town, address: str) -> Caller:
    """Taken in, or sent away, when this returns."""
    connections = town.web.server._server.server_state.connections
    known = len(connections)
    where = ("127.0.0.1", town.web.server.port)
    caller = Caller(*await asyncio.open_connection(*where, local_addr=(address, 0)))
    await until(lambda: len(connections) > known or caller.reader.at_eof())
    return caller


@asynccontextmanager
async def calling(town: Town, *addresses: str) -> AsyncIterator[list[Caller]]:
    """One after the other, in this order."""
    async with asyncio.timeout(PATIENCE_S):
        callers = [await connected(town, address) for address in addresses]
        yield callers
    for caller in callers:
        caller.writer.close()


A, B, C, D, E = (f"127.0.0.{number}" for number in range(2, 7))


def told(answer: str, status: int, code: str) -> None:
    """It is a problem document of this kind, with the headers that every answer has."""
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'self'")
    document = json.loads(body)
    assert (document["status"], document["code"]) == (status, code)
    assert headers.get("retry-after") == (str(document["retry_after_s"]) if status == 503 else None)


async def test_one_address_has_a_quarter_of_all_connections_and_others_are_served() -> None:
    async with (
        a_town(http={"connections": 12}) as town,
        listening(town),
        calling(town, A, A, A, A, B) as (first, *_, above, other),
    ):
        assert await above.is_sent_away()
        for caller in (first, other):
            assert (await caller.asks()).startswith("HTTP/1.1 200 ")
        # Where one of them leaves there is room for another.
        first.writer.close()
        await until(lambda: len(town.web.server._server.server_state.connections) == 3)
        async with calling(town, A) as (again,):
            assert (await again.asks()).startswith("HTTP/1.1 200 ")


async def test_where_there_are_too_many_over_all_those_before_are_served_on() -> None:
    async with (
        a_town(http={"connections": 12}) as town,
        listening(town),
        calling(town, *(A, B, C, D) * 3, E) as (first, *_, above),
    ):
        told(await above.asks(), 503, "TOO_BUSY")
        assert await above.is_sent_away()
        assert (await first.asks()).startswith("HTTP/1.1 200 ")


async def test_all_behind_a_proxy_are_not_taken_for_one() -> None:
    http = {"connections": 12, "proxies": ["127.0.0.2"]}
    async with a_town(http=http) as town, listening(town), calling(town, *[A] * 10) as callers:
        for caller in callers:
            assert (await caller.asks()).startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "unreadable",
    ["nonsense\r\n\r\n", f"GET /{'x' * 40_000} HTTP/1.1\r\n", "GET / HTTP/1.1\r\n\r\n"],
)
async def test_what_is_not_http_is_refused_with_a_problem(unreadable: str) -> None:
    async with a_town() as town, listening(town), calling(town, A) as (caller,):
        told(await caller.asks(unreadable), 400, "UNREADABLE")
        assert await caller.is_sent_away()


def test_the_api_is_on_where_nothing_else_is_said_and_on_this_machine_only() -> None:
    http = Settings().http
    assert http.enabled
    assert (http.host, http.port) == ("127.0.0.1", 8080)
    auth = Settings().auth
    assert not auth.guests
    assert not auth.development
    assert auth.issuer is None
