"""The journal over TLS, with a real redis-server: who it talks to is made sure of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import RedisServer

from dispatcher.authority import BROKER, CA, Authority, Lifetime
from dispatcher.journal import Entry, StoredJournal, StoreUnavailable

pytestmark = pytest.mark.broker


class SecuredRedis(RedisServer):
    """One that speaks TLS only, with a certificate for the given host."""

    def __init__(self, directory: Path, host: str) -> None:
        super().__init__(directory, {"tls-auth-clients": "no"})
        authority = Authority.create(directory / "certs")
        authority.issue_broker((host,), Lifetime.of_days(1))
        self.ca_file = str(directory / "certs" / f"{CA}.crt")
        for setting, name in (
            ("tls-ca-cert-file", f"{CA}.crt"),
            ("tls-cert-file", f"{BROKER}.crt"),
            ("tls-key-file", f"{BROKER}.key"),
        ):
            self.settings[setting] = str(directory / "certs" / name)

    @property
    def url(self) -> str:
        return f"rediss://{self.host}:{self.port}/0"

    def command(self) -> list[str]:
        command = super().command()
        port = command.index("--port")
        return [*command[:port], "--port", "0", "--tls-port", str(self.port), *command[port + 2 :]]

    def is_ready(self) -> bool:
        log = self.directory / "server.log"
        return log.exists() and "Ready to accept connections" in log.read_text()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredRedis]:
    server = SecuredRedis(tmp_path_factory.mktemp("secured"), RedisServer.host)
    server.start()
    yield server
    server.kill()


async def refused(url: str, ca_file: str | None) -> str:
    """How the store is found to be out of reach."""
    journal = StoredJournal(url, "zone", ca_file=ca_file)
    try:
        with pytest.raises(StoreUnavailable) as caught:
            await journal.last_position()
    finally:
        await journal.aclose()
    return str(caught.value)


async def test_events_are_written_and_read_over_tls(secured: SecuredRedis) -> None:
    journal = StoredJournal(secured.url, "zone", ca_file=secured.ca_file)
    await journal.check_settings()
    assert await journal.begin_epoch("test") == 1
    await journal.append([Entry(b'{"a":1}')], epoch=1, expected_position=0)
    assert [record.payload async for record in journal.read()] == [b'{"a":1}']
    await journal.aclose()


async def test_a_store_of_an_unknown_authority_is_told_nothing(
    secured: SecuredRedis, tmp_path: Path
) -> None:
    Authority.create(tmp_path)
    assert "CERTIFICATE_VERIFY_FAILED" in await refused(secured.url, str(tmp_path / f"{CA}.crt"))
    assert "CERTIFICATE_VERIFY_FAILED" in await refused(secured.url, None)


async def test_a_store_of_another_name_is_told_nothing(tmp_path: Path) -> None:
    server = SecuredRedis(tmp_path / "other", "store.example")
    server.start()
    try:
        said = await refused(server.url, server.ca_file)
    finally:
        server.kill()
    assert "certificate is not valid for" in said


async def test_who_speaks_without_tls_is_not_served(secured: SecuredRedis) -> None:
    plain = secured.url.replace("rediss:", "redis:")
    journal = StoredJournal(plain, "zone")
    with pytest.raises(StoreUnavailable):
        await journal.last_position()
    await journal.aclose()
