"""What survives when the store is killed, stopped, cut off or misconfigured."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from servers import RedisServer, free_port

from dispatcher.embedded import embedded_store
from dispatcher.journal import (
    Entry,
    Record,
    StoreAwaited,
    StoredJournal,
    StoreUnavailable,
    UnexpectedPosition,
    UnknownOutcome,
    UnsuitableSettings,
    connect_journal,
)
from dispatcher.journal.store_checks import REQUIRED_SETTINGS, read_info, store_faults

A = Entry(b'{"a":1}')


@pytest.fixture
def own_redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


class Appending:
    """Appends one entry after another until the store is gone; knows what was acknowledged."""

    def __init__(self, journal: StoredJournal, epoch: int) -> None:
        self.acknowledged: list[int] = []
        self.well_under_way = asyncio.Event()
        self.task = asyncio.create_task(self._run(journal, epoch))

    async def _run(self, journal: StoredJournal, epoch: int) -> None:
        position = 0
        while True:
            n = position + 1
            entry = Entry(b'{"n":%d}' % n, f"rider/{n}")
            try:
                await journal.append([entry], epoch=epoch, expected_position=position)
            except (UnknownOutcome, StoreUnavailable):
                return
            position = n
            self.acknowledged.append(position)
            if position == 100:
                self.well_under_way.set()


async def assert_all_there(url: str, zone: str, acknowledged: list[int]) -> None:
    """Everything acknowledged is there, and at most the one whose answer was lost besides."""
    journal = await connect_journal(url, zone)
    records = [record async for record in journal.read()]
    positions = [record.position for record in records]
    assert positions[: len(acknowledged)] == acknowledged
    assert len(positions) - len(acknowledged) in (0, 1)
    assert records[-1].payload == b'{"n":%d}' % len(positions)
    # Keys and epoch survived with them.
    epoch = await journal.begin_epoch("successor")
    assert epoch == 2
    again = await journal.append(
        [Entry(b"{}", "rider/1")], epoch=epoch, expected_position=len(positions)
    )
    assert again.positions == (1,)
    assert again.fresh == (False,)
    await journal.aclose()


@pytest.mark.broker
async def test_everything_acknowledged_survives_a_kill(own_redis_server: RedisServer) -> None:
    journal = StoredJournal(own_redis_server.url, "z")
    appending = Appending(journal, await journal.begin_epoch("first"))
    await appending.well_under_way.wait()
    own_redis_server.kill()
    await appending.task
    await journal.aclose()
    own_redis_server.start()
    await assert_all_there(own_redis_server.url, "z", appending.acknowledged)


async def test_everything_acknowledged_survives_a_kill_of_the_embedded_store(
    tmp_path: Path,
) -> None:
    with embedded_store(tmp_path) as store:
        journal = StoredJournal(store.url, "z")
        appending = Appending(journal, await journal.begin_epoch("first"))
        await appending.well_under_way.wait()
        with Redis(host=store.host, port=store.port) as redis:
            server_pid = redis.info("server")["process_id"]
        os.kill(server_pid, signal.SIGKILL)
        await appending.task
        await journal.aclose()
    with embedded_store(tmp_path) as store:
        await assert_all_there(store.url, "z", appending.acknowledged)


@pytest.mark.broker
async def test_a_journal_goes_on_after_its_store_restarts(own_redis_server: RedisServer) -> None:
    journal = StoredJournal(own_redis_server.url, "z")
    epoch = await journal.begin_epoch("first")
    await journal.append([A], epoch=epoch, expected_position=0)
    own_redis_server.stop()
    with pytest.raises(StoreUnavailable):
        await journal.last_position()
    # The store is known to be gone, nothing was sent: this was certainly not written.
    with pytest.raises(StoreUnavailable):
        await journal.append([A], epoch=epoch, expected_position=1)
    own_redis_server.start()
    assert (await journal.append([A], epoch=epoch, expected_position=1)).positions == (2,)
    await journal.aclose()


async def append_one(server: RedisServer, n: int) -> None:
    """Append entry ``n`` at position ``n`` as a dispatcher that has just been started."""
    journal = await connect_journal(server.url, "z")
    epoch = await journal.begin_epoch("d")
    entry = Entry(b'{"n":%d}' % n, f"rider/{n}")
    await journal.append([entry], epoch=epoch, expected_position=n - 1)
    await journal.aclose()


@pytest.mark.broker
async def test_what_is_acknowledged_after_a_torn_start_survives_the_next(
    own_redis_server: RedisServer,
) -> None:
    await append_one(own_redis_server, 1)
    journal = await connect_journal(own_redis_server.url, "z")
    epoch = await journal.begin_epoch("d")
    await journal.append([Entry(b"never acknowledged", "k")], epoch=epoch, expected_position=1)
    await journal.aclose()
    own_redis_server.kill()
    # The power fails within the transaction: its first command is on the disk, its last is not.
    (file,) = (own_redis_server.directory / "appendonlydir").glob("*.incr.aof")
    content = file.read_bytes()
    file.write_bytes(content[: content.index(b"never acknowledged") + 40])
    own_redis_server.start()
    await append_one(own_redis_server, 2)
    own_redis_server.kill()
    own_redis_server.start()
    journal = await connect_journal(own_redis_server.url, "z")
    records = [record.payload async for record in journal.read()]
    await journal.aclose()
    assert records == [b'{"n":1}', b'{"n":2}']


@pytest.mark.broker
async def test_the_file_is_written_anew_once_for_each_start(own_redis_server: RedisServer) -> None:
    def rewrites() -> int:
        with Redis(port=own_redis_server.port) as redis:
            return int(redis.info("persistence")["aof_rewrites"])

    await append_one(own_redis_server, 1)
    await append_one(own_redis_server, 2)
    assert rewrites() == 1
    own_redis_server.restart()
    journal = await connect_journal(own_redis_server.url, "z")
    await asyncio.gather(*(journal.last_position() for _ in range(8)))
    await journal.aclose()
    assert rewrites() == 1
    await (await connect_journal(own_redis_server.url, "z", check_settings=False)).aclose()
    assert rewrites() == 1


@pytest.mark.broker
async def test_a_store_that_may_not_be_asked_to_is_said_so(own_redis_server: RedisServer) -> None:
    with Redis(port=own_redis_server.port) as redis:
        redis.execute_command("ACL SETUSER limited on >pw ~* +@all -bgrewriteaof")
    url = f"redis://limited:pw@127.0.0.1:{own_redis_server.port}"
    with pytest.raises(UnsuitableSettings, match="allow INFO and BGREWRITEAOF"):
        await connect_journal(url, "z")


class LosesTheAnswer:
    """Stands between client and store, passes everything on, and can cut before an answer."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.port = free_port()
        self.cut_next_answer = asyncio.Event()
        self.commands_with_xadd = 0

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._relay, "127.0.0.1", self.port)

    async def _relay(
        self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter
    ) -> None:
        server_in, server_out = await asyncio.open_connection(self._server.host, self._server.port)
        upstream = asyncio.create_task(self._forward(client_in, server_out))
        while answer := await server_in.read(65536):
            if self.cut_next_answer.is_set():
                self.cut_next_answer.clear()
                break
            client_out.write(answer)
        upstream.cancel()
        server_out.close()
        client_out.close()

    async def _forward(
        self, client_in: asyncio.StreamReader, server_out: asyncio.StreamWriter
    ) -> None:
        while command := await client_in.read(65536):
            self.commands_with_xadd += b"XADD" in command
            server_out.write(command)
        server_out.close()


@pytest.mark.broker
async def test_an_epoch_is_above_the_journals_even_where_its_own_record_is_lost(
    own_redis_server: RedisServer,
) -> None:
    journal = StoredJournal(own_redis_server.url, "z")
    for _ in range(3):
        epoch = await journal.begin_epoch("first")
    await journal.append([A], epoch=epoch, expected_position=0)
    with Redis(port=own_redis_server.port) as redis:
        redis.delete("ringmaster:{z}:epoch")
    assert await journal.begin_epoch("successor") == 4
    await journal.aclose()


@pytest.mark.broker
async def test_a_lost_answer_is_an_unknown_outcome_and_is_not_sent_again(
    redis_server: RedisServer,
) -> None:
    between = LosesTheAnswer(redis_server)
    async with await between.serve():
        journal = StoredJournal(f"redis://127.0.0.1:{between.port}", "lost-answer")
        epoch = await journal.begin_epoch("first")
        between.cut_next_answer.set()
        with pytest.raises(UnknownOutcome):
            await journal.append([A], epoch=epoch, expected_position=0)
        assert between.commands_with_xadd == 1
        # It had been written; one who does not read again is stopped.
        with pytest.raises(UnexpectedPosition):
            await journal.append([A], epoch=epoch, expected_position=0)
        assert [r async for r in journal.read()] == [Record(1, epoch, A.payload)]
        await journal.aclose()


@pytest.mark.broker
async def test_a_cancelled_append_does_not_confuse_the_next_answer(
    redis_server: RedisServer,
) -> None:
    journal = StoredJournal(redis_server.url, "cancelled")
    epoch = await journal.begin_epoch("first")
    append = asyncio.create_task(journal.append([A], epoch=epoch, expected_position=0))
    for _ in range(3):  # far enough to have sent, not far enough to have read
        await asyncio.sleep(0)
    append.cancel()
    await asyncio.gather(append, return_exceptions=True)
    # An old answer in the connection would be a list, not a number.
    assert await journal.last_position() in (0, 1)
    assert await journal.begin_epoch("second") == epoch + 1
    await journal.aclose()


@pytest.mark.broker
async def test_a_full_store_refuses_and_writes_nothing(own_redis_server: RedisServer) -> None:
    journal = StoredJournal(own_redis_server.url, "z")
    epoch = await journal.begin_epoch("first")
    await journal.append([A], epoch=epoch, expected_position=0)
    with Redis(port=own_redis_server.port) as redis:
        redis.config_set("maxmemory", 1)
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            await journal.append([A, A], epoch=epoch, expected_position=1)
        redis.config_set("maxmemory", 0)
    assert await journal.last_position() == 1
    await journal.aclose()


@pytest.mark.broker
async def test_settings_that_could_lose_events_are_named(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, {"appendfsync": "everysec", "maxmemory-policy": "allkeys-lru"})
    server.start()
    with pytest.raises(UnsuitableSettings) as caught:
        await connect_journal(server.url, "z")
    assert "appendfsync always; maxmemory-policy noeviction" in str(caught.value)
    assert "appendfsync is everysec" in str(caught.value)
    await (await connect_journal(server.url, "z", check_settings=False)).aclose()
    server.kill()


@pytest.mark.broker
async def test_what_becomes_wrong_while_serving_is_found(own_redis_server: RedisServer) -> None:
    journal = await connect_journal(own_redis_server.url, "z")
    assert await journal.store_faults() == ()
    with Redis(port=own_redis_server.port) as redis:
        redis.config_set("appendfsync", "no")
        (fault,) = await journal.store_faults()
        assert "appendfsync is no" in fault
        assert "set in its configuration: appendfsync always" in fault
        redis.config_set("appendfsync", "always")
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] * 21 // 20)
        (fault,) = await journal.store_faults()
        assert "% of maxmemory" in fault
        redis.config_set("maxmemory", 0)
        redis.replicaof("127.0.0.1", 1)
        (fault,) = await journal.store_faults()
        assert "set redis.url to its master" in fault
    await journal.aclose()


def test_a_file_that_could_not_be_written_is_found() -> None:
    info = read_info("# Persistence\r\naof_last_write_status:err\r\nrole:master\r\n")
    (fault,) = store_faults(REQUIRED_SETTINGS, info)
    assert "append-only file" in fault
    assert store_faults(REQUIRED_SETTINGS, {}) == ()


@pytest.mark.broker
async def test_a_reconnection_is_noticed(own_redis_server: RedisServer) -> None:
    journal = await connect_journal(own_redis_server.url, "z")
    noticing = asyncio.create_task(journal.reconnection())
    await journal.last_position()
    assert not noticing.done()
    own_redis_server.stop()
    with pytest.raises(StoreUnavailable):
        await journal.last_position()
    assert not noticing.done()
    own_redis_server.start()
    await journal.last_position()
    await asyncio.wait_for(noticing, 5)
    await journal.aclose()


@pytest.mark.broker
async def test_settings_that_may_not_be_read_are_said_so(own_redis_server: RedisServer) -> None:
    with Redis(port=own_redis_server.port) as redis:
        redis.execute_command("ACL SETUSER limited on >pw ~* +@all -config")
    url = f"redis://limited:pw@127.0.0.1:{own_redis_server.port}"
    with pytest.raises(UnsuitableSettings, match="allow CONFIG GET"):
        await connect_journal(url, "z")


@pytest.mark.broker
async def test_a_start_before_the_store_waits_with_growing_pauses(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    waits: list[StoreAwaited] = []

    async def pass_time(pause_s: float) -> None:
        if len(waits) == 7:
            server.start()

    journal = await connect_journal(server.url, "z", on_wait=waits.append, sleep=pass_time)
    # Doubling from 0.2 s up to the bound of 5 s.
    assert [w.pause_s for w in waits] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert [w.attempt for w in waits] == [1, 2, 3, 4, 5, 6, 7]
    assert "cannot be reached" in waits[0].reason
    assert await journal.last_position() == 0
    await journal.aclose()
    server.kill()
