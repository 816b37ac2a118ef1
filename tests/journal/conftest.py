"""The journals that must all behave the same."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from servers import RedisServer

from dispatcher.embedded import EmbeddedStore
from dispatcher.journal import Journal, MemoryJournal, StoredJournal

KEYS_KEPT = 4
"""Small, so that a test can outgrow it."""


@pytest.fixture(params=["memory", "embedded", pytest.param("redis", marks=pytest.mark.broker)])
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Journal]:
    """An empty journal of each kind, in epoch 1, that remembers four request keys."""
    made: Journal
    if request.param == "memory":
        made = MemoryJournal(request_keys_kept=KEYS_KEPT)
    else:
        store: EmbeddedStore | RedisServer = request.getfixturevalue(
            "shared_embedded_store" if request.param == "embedded" else "redis_server"
        )
        made = StoredJournal(store.url, f"zone-{uuid4()}", request_keys_kept=KEYS_KEPT)
    assert await made.begin_epoch("test") == 1
    yield made
    await made.aclose()
