"""What the fault proxy does to a connection, seen from both of its ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from simulator.chaos.proxy import LOOPBACK, FaultProxy, Way

# Long enough for loopback, whatever else the machine does; only what never comes waits for it.
SOON_S = 0.2
MOST_S = 10.0


@dataclass
class EchoServer:
    """Answers each line with itself, and keeps what it got."""

    got: list[bytes] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.got.append(line)
                writer.write(line)
        except OSError:
            pass
        finally:
            self.ended.set()
            writer.close()


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def say(self, line: bytes) -> None:
        self.writer.write(line)

    async def hear(self) -> bytes:
        async with asyncio.timeout(MOST_S):
            return await self.reader.readline()

    async def hears_nothing(self) -> bool:
        try:
            async with asyncio.timeout(SOON_S):
                return not await self.reader.readline()
        except TimeoutError:
            return True


@asynccontextmanager
async def a_proxy() -> AsyncIterator[
    tuple[FaultProxy, EchoServer, Callable[[], Awaitable[Client]]]
]:
    echo = EchoServer()
    server = await asyncio.start_server(echo.serve, LOOPBACK, 0)
    clients: list[Client] = []
    async with FaultProxy(server.sockets[0].getsockname()[1]) as proxy:

        async def connect() -> Client:
            client = Client(*await asyncio.open_connection(LOOPBACK, proxy.port))
            clients.append(client)
            return client

        yield proxy, echo, connect
        for client in clients:
            client.writer.close()
    server.close()


async def test_bytes_pass_in_both_directions_and_in_order() -> None:
    async with a_proxy() as (proxy, echo, connect):
        client = await connect()
        for number in range(100):
            client.say(b"%d\n" % number)
        assert [await client.hear() for _ in range(100)] == [b"%d\n" % n for n in range(100)]
        assert (proxy.open, proxy.accepted) == (1, 1)
        assert len(echo.got) == 100


async def test_a_cut_resets_both_ends() -> None:
    async with a_proxy() as (proxy, echo, connect):
        client = await connect()
        client.say(b"1\n")
        await client.hear()
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            await client.hear()
        async with asyncio.timeout(MOST_S):
            await echo.ended.wait()
        again = await connect()
        again.say(b"2\n")
        assert await again.hear() == b"2\n"


async def test_answers_that_stall_come_when_healed_and_requests_arrive_meanwhile() -> None:
    async with a_proxy() as (proxy, echo, connect):
        client = await connect()
        client.say(b"1\n")
        await client.hear()
        proxy.stall(Way.TO_CLIENT)
        client.say(b"2\n")
        assert await client.hears_nothing()
        assert echo.got == [b"1\n", b"2\n"]
        proxy.heal()
        assert await client.hear() == b"2\n"


async def test_requests_that_stall_do_not_arrive() -> None:
    async with a_proxy() as (proxy, echo, connect):
        client = await connect()
        client.say(b"1\n")
        await client.hear()
        proxy.stall(Way.TO_SERVER)
        client.say(b"2\n")
        assert await client.hears_nothing()
        assert echo.got == [b"1\n"]
        proxy.heal()
        assert await client.hear() == b"2\n"


async def test_a_cut_while_stalled_loses_what_was_held_up() -> None:
    async with a_proxy() as (proxy, echo, connect):
        client = await connect()
        client.say(b"1\n")
        await client.hear()
        proxy.stall(Way.TO_SERVER)
        client.say(b"2\n")
        assert await client.hears_nothing()
        proxy.cut()
        proxy.heal()
        async with asyncio.timeout(MOST_S):
            await echo.ended.wait()
        assert echo.got == [b"1\n"]


async def test_refused_clients_are_reset_and_others_go_on() -> None:
    async with a_proxy() as (proxy, _, connect):
        client = await connect()
        client.say(b"1\n")
        await client.hear()
        proxy.refuse()
        refused = await connect()
        with pytest.raises(ConnectionResetError):
            await refused.hear()
        client.say(b"2\n")
        assert await client.hear() == b"2\n"
        assert proxy.refused == 1


async def test_delay_and_throttle_take_the_time_they_say() -> None:
    async with a_proxy() as (proxy, _, connect):
        clock = asyncio.get_running_loop().time
        client = await connect()
        proxy.delay(0.1)
        begins_s = clock()
        client.say(b"1\n")
        await client.hear()
        # There and back.
        assert clock() - begins_s >= 0.2
        proxy.heal()
        proxy.throttle(1000.0)
        begins_s = clock()
        client.say(b"x" * 99 + b"\n")
        await client.hear()
        # 100 bytes at 1,000 a second, there and back.
        assert clock() - begins_s >= 0.2


async def test_without_a_server_the_client_is_reset() -> None:
    async with a_proxy() as (proxy, echo, connect):
        server = await asyncio.start_server(echo.serve, LOOPBACK, 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        proxy.target(port)
        client = await connect()
        with pytest.raises(ConnectionResetError):
            await client.hear()
