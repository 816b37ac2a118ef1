"""A journal in a store with a replica: Sentinel promotes it, and the journal follows."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from servers import RealServer, RedisServer, require_binary

from dispatcher.config import RedisSettings
from dispatcher.journal import (
    Entry,
    StoreAwaited,
    StoredJournal,
    StoreUnavailable,
    UnknownOutcome,
    connect_journal,
)
from dispatcher.journal.sentinels import address_of

MOST_S = 30.0
MASTER_URL = "redis://ringmaster/0"


class SentinelServer(RealServer):
    """Watches one master and gives it up after half a second."""

    def __init__(self, directory: Path, master: RedisServer) -> None:
        self._binary = require_binary("redis-server")
        super().__init__(directory)
        (directory / "sentinel.conf").write_text(
            f"port {self.port}\nbind {self.host}\ndir {directory}\n"
            f"sentinel monitor ringmaster {master.host} {master.port} 1\n"
            "sentinel down-after-milliseconds ringmaster 500\n"
        )

    def command(self) -> list[str]:
        return [self._binary, str(self.directory / "sentinel.conf"), "--sentinel"]


class Trio:
    """A master, its replica, and the Sentinel that watches them."""

    def __init__(self, directory: Path) -> None:
        self.master = RedisServer(directory / "master", {"repl-diskless-sync-delay": "0"})
        following = {"replicaof": f"{self.master.host} {self.master.port}"}
        self.replica = RedisServer(directory / "replica", following)
        self.sentinel = SentinelServer(directory / "sentinel", self.master)
        self.servers = (self.master, self.replica, self.sentinel)

    @property
    def sentinels(self) -> tuple[str, ...]:
        # The first is not there.
        return ("127.0.0.1:1", f"127.0.0.1:{self.sentinel.port}")

    async def is_linked(self) -> bool:
        with Redis(port=self.sentinel.port) as sentinel, Redis(port=self.replica.port) as replica:
            known = sentinel.sentinel_slaves("ringmaster")
            return bool(known) and replica.info("replication")["master_link_status"] == "up"


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    trio = Trio(tmp_path)
    for server in trio.servers:
        server.start()
    yield trio
    for server in trio.servers:
        server.kill()


@pytest.mark.broker
async def test_a_journal_goes_on_with_the_promoted_replica(trio: Trio) -> None:
    async with asyncio.timeout(MOST_S):
        while not await trio.is_linked():  # noqa: ASYNC110 - servers tell nobody
            await asyncio.sleep(0.02)
        journal = await connect_journal(MASTER_URL, "z", sentinels=trio.sentinels)
        epoch = await journal.begin_epoch("first", run="r")
        await journal.append([Entry(b"1", "one")], epoch=epoch, expected_position=0, run="r")
        with Redis(port=trio.master.port) as master:
            master.wait(1, 0)  # the replica has it
        trio.master.kill()
        epoch = await begin_again(journal)
        appended = await journal.append(
            [Entry(b"1", "one"), Entry(b"2", "two")], epoch=epoch, expected_position=1, run="r"
        )
        assert (appended.positions, appended.fresh) == ((1, 2), (False, True))
        assert await journal.store_faults() == ()
        await journal.aclose()
    with Redis(port=trio.replica.port) as replica:
        assert replica.xlen("ringmaster:{z}:journal") == 2


async def begin_again(journal: StoredJournal) -> int:
    """As the service does after an unknown outcome, until a store takes it."""
    while True:
        try:
            return await journal.begin_epoch("first", run="r", renew=True)
        except (StoreUnavailable, UnknownOutcome):
            await asyncio.sleep(0.05)


async def test_without_any_sentinel_the_store_is_awaited() -> None:
    waits: list[StoreAwaited] = []

    async def sleep(pause_s: float) -> None:
        if len(waits) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await connect_journal(
            MASTER_URL, "z", sentinels=("127.0.0.1:1",), on_wait=waits.append, sleep=sleep
        )
    assert "ringmaster" in waits[0].reason


def test_addresses_of_sentinels_are_checked() -> None:
    assert address_of("10.0.0.1:26380") == ("10.0.0.1", 26380)
    assert address_of("sentinel-1") == ("sentinel-1", 26379)
    for wrong in ("", ":26379", "a:b", "redis://a:1", "a:1/0", "me@a:1"):
        with pytest.raises(ValueError, match=r"Sentinel|sentinels|port|Port"):
            RedisSettings(sentinels=(wrong,))
