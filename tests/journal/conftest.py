"""The journals that must all behave the same."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
from servers import RedisServer

from dispatcher.embedded import EmbeddedStore
from dispatcher.journal import Journal, MemoryJournal, StoredJournal

KEYS_KEPT = 4
"""Small, so that a test can outgrow it."""


class HandTime:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def memory_time() -> HandTime:
    """The clock of a journal in memory."""
    return HandTime()


@pytest.fixture(params=["memory", "embedded", pytest.param("redis", marks=pytest.mark.broker)])
async def journal(request: pytest.FixtureRequest, memory_time: HandTime) -> AsyncIterator[Journal]:
    """An empty journal of each kind, in epoch 1, that remembers four request keys."""
    made: Journal
    if request.param == "memory":
        made = MemoryJournal(request_keys_kept=KEYS_KEPT, monotonic=memory_time)
    else:
        store: EmbeddedStore | RedisServer = request.getfixturevalue(
            "shared_embedded_store" if request.param == "embedded" else "redis_server"
        )
        made = StoredJournal(store.url, f"zone-{uuid4()}", request_keys_kept=KEYS_KEPT)
    assert await made.begin_epoch("test") == 1
    yield made
    await made.aclose()


@pytest.fixture
def lease_runs_out(journal: Journal, memory_time: HandTime) -> Callable[[], Awaitable[None]]:
    """Lets a lease of six seconds come to its end, by the store's clock."""

    async def runs_out() -> None:
        if isinstance(journal, StoredJournal):
            # What the store itself does when the time has come, which no test waits for.
            assert 0 < await journal._call("PTTL", journal._lease) <= 6_000
            await journal._call("PEXPIRE", journal._lease, 0)
        memory_time.now_s += 6.0

    return runs_out
