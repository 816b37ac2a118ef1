"""Fixtures shared by all tests: servers, started once per test process when first asked for."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from servers import Mosquitto, RedisServer

from dispatcher.embedded import EmbeddedBroker, EmbeddedStore, embedded_broker, embedded_store


@pytest.fixture(autouse=True)
def _restored_logs() -> Iterator[None]:
    # A command sends the process's log lines where it writes, which ends with it.
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        logging.basicConfig(force=True)


@pytest.fixture(scope="session")
def shared_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    yield server
    server.kill()


@pytest.fixture
def mosquitto(shared_mosquitto: Mosquitto) -> Mosquitto:
    """A running mosquitto; topics and client ids are shared with other tests."""
    shared_mosquitto.ensure_running()
    return shared_mosquitto


@pytest.fixture(scope="session")
def shared_redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis_server(shared_redis_server: RedisServer) -> RedisServer:
    """A running redis-server with the right settings; use a zone name of the test's own."""
    shared_redis_server.ensure_running()
    return shared_redis_server


@pytest.fixture(scope="session")
def shared_embedded_broker() -> Iterator[EmbeddedBroker]:
    with embedded_broker() as broker:
        yield broker


@pytest.fixture(scope="session")
def shared_embedded_store() -> Iterator[EmbeddedStore]:
    with embedded_store() as store:
        yield store
