"""Who is let in at all, and that a name's connection, session and topics stay its own."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from secured import WITNESS, Secured, attempt, listening
from secured import secured_broker as secured_broker_in
from servers import OwnMosquitto

from dispatcher.authority import Authority, Lifetime
from dispatcher.credentials import CredentialError, TlsFiles, client_context

pytestmark = pytest.mark.broker

LINK = "ringmaster-north-shuttles"
ORDER = "uagv/v2/acme/s01/order"
STATE = "uagv/v2/acme/s01/state"
REQUEST = "ringmaster/v1/north/rider/ana/request"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_broker_in(tmp_path_factory.mktemp("secured")) as secured:
        yield secured


def context_of(ca: Path, files: Path) -> ssl.SSLContext:
    """As a thief would make one, who does not look whether a certificate has expired."""
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(f"{files}.crt", f"{files}.key")
    return context


def days_ago(begins: int, ends: int) -> Lifetime:
    now = datetime.now(UTC)
    return Lifetime(now - timedelta(days=begins), now - timedelta(days=ends))


def shake_hands(context: ssl.SSLContext, host: str, port: int) -> None:
    with (
        socket.create_connection((host, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host),
    ):
        pass


async def is_let_in(secured: Secured, context: ssl.SSLContext | None) -> bool:
    """Whether a client gets as far as having its own message delivered to a witness."""
    async with listening(secured, WITNESS, STATE) as witness:
        attempt(secured, context, publish_topic=STATE)._sock_close()
        return bool(await witness.heard())


async def test_only_valid_certificates_of_the_authority_let_in(
    secured: Secured, tmp_path: Path
) -> None:
    ca = secured.certs / "ca.crt"
    other = Authority.create(tmp_path / "other")
    other.issue_client("s01", "acme:s01", Lifetime.of_days(1))
    ours = Authority.open(secured.certs)
    ours.issue_client("expired", "acme:s01", days_ago(2, 1))
    ours.issue_client("early", "acme:s01", days_ago(-1, -2))
    nobody = ssl.create_default_context(cafile=ca)
    assert await is_let_in(secured, secured.tls("acme:s01"))
    assert not await is_let_in(secured, None)
    assert not await is_let_in(secured, nobody)
    assert not await is_let_in(secured, context_of(ca, tmp_path / "other" / "s01"))
    assert not await is_let_in(secured, context_of(ca, secured.certs / "expired"))
    assert not await is_let_in(secured, context_of(ca, secured.certs / "early"))
    # Another shuttle is let in, as itself: what it says in this one's name goes nowhere.
    assert not await is_let_in(secured, secured.tls("acme:s02"))


async def test_a_user_name_with_a_certificate_counts_for_nothing(secured: Secured) -> None:
    async with listening(secured, WITNESS, "#") as witness:
        claims = {"username": "acme:s01", "password": "x"}
        with contextlib.suppress(aiomqtt.MqttError):
            async with secured.client("acme:s02", "acme:s01", **claims) as thief:
                await thief.publish(STATE, b"{}", qos=1)
        assert await witness.heard() == []


async def test_nobody_takes_anothers_connection_by_its_client_id(secured: Secured) -> None:
    async with (
        listening(secured, "acme:s01", ORDER, client_id="acme:s01") as shuttle,
        listening(secured, LINK, "uagv/v2/+/+/state", client_id=LINK) as link,
        listening(secured, "acme:s02", ORDER, client_id="acme:s01") as thief,
        listening(secured, "ana", "#", client_id=LINK) as other_thief,
    ):
        await link.client.publish(ORDER, b"{}", qos=1)
        await shuttle.client.publish(STATE, b"{}", qos=1)
        assert [str(m.topic) for m in await shuttle.heard()] == [ORDER]
        assert [str(m.topic) for m in await link.heard()] == [STATE]
        assert await thief.heard() == []
        assert await other_thief.heard() == []


async def test_nobody_takes_the_session_that_the_broker_keeps_for_another(
    secured: Secured,
) -> None:
    riders = "ringmaster-north-riders"

    def keep() -> dict[str, object]:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        return {"clean_start": False, "properties": properties}

    async with secured.client(riders, riders, **keep()) as dispatcher:
        await dispatcher.subscribe("ringmaster/v1/north/rider/+/request", qos=1)
    async with secured.client("ana") as ana:
        await ana.publish(REQUEST, b"{}", qos=1)
    async with listening(secured, "ben", client_id=riders, **keep()) as thief:
        assert await thief.heard() == []
    # The dispatcher that stands by has the same name, and so the session.
    async with secured.client(riders, "called-otherwise", **keep()) as successor:
        async with asyncio.timeout(10):
            message = await anext(successor.messages)
        assert str(message.topic) == REQUEST


def test_a_client_does_not_talk_to_a_broker_that_is_another(
    secured: Secured, tmp_path: Path
) -> None:
    # A shuttle's own certificate, which the authority has signed, is no broker's.
    false = OwnMosquitto(tmp_path / "false")
    files = secured.certs / "shuttles/acme/s02"
    (false.directory / "mosquitto.conf").write_text(
        f"listener {false.port} 127.0.0.1\nallow_anonymous true\n"
        f"certfile {files}.crt\nkeyfile {files}.key\n"
    )
    false.start()
    try:
        with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
            shake_hands(secured.tls("acme:s01"), "localhost", false.port)
    finally:
        false.kill()
    # The right broker, under a name that its certificate does not have.
    with pytest.raises(ssl.SSLCertVerificationError, match="127"):
        shake_hands(secured.tls("acme:s01"), "127.0.0.1", secured.port)
    shake_hands(secured.tls("acme:s01"), "localhost", secured.port)


async def test_a_shuttle_taken_off_the_list_may_do_nothing_more(tmp_path: Path) -> None:
    with secured_broker_in(tmp_path) as secured:
        async with listening(secured, "acme:s01", ORDER) as shuttle:
            (secured.certs / "shuttles/acme/s01.crt").rename(tmp_path / "taken.crt")
            secured.configure()
            async with listening(secured, WITNESS, STATE) as witness:
                secured.server.reload()
                # The broker reads its rules between two messages, some time after the signal.
                async with asyncio.timeout(10):
                    while True:
                        with contextlib.suppress(aiomqtt.MqttError):
                            await shuttle.client.publish(STATE, b"{}", qos=1)
                        if not await witness.heard():
                            break
                await witness.client.publish(ORDER, b"{}", qos=1)
            with contextlib.suppress(aiomqtt.MqttError):
                assert await shuttle.heard() == []


def test_files_that_cannot_be_used_are_named(secured: Secured, tmp_path: Path) -> None:
    certs = secured.certs
    ours = Authority.open(certs)
    ours.issue_client("expired", "acme:s01", days_ago(2, 1))
    ca, gateway = certs / "ca.crt", certs / "rider-gateway.crt"
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no PEM")
    for files, words in (
        (TlsFiles(tmp_path / "none.crt"), r"none\.crt: No such file"),
        (TlsFiles(rubbish), r"rubbish\.pem: no certificate in PEM"),
        (TlsFiles(ca, rubbish, rubbish), r"rubbish\.pem: no certificate in PEM"),
        (TlsFiles(ca, gateway, tmp_path / "none.key"), r"none\.key: No such file"),
        (TlsFiles(ca, gateway, rubbish), r"rubbish\.pem: not the key of .*rider-gateway\.crt"),
        (TlsFiles(ca, gateway, certs / "broker.key"), r"broker\.key: not the key of"),
        (TlsFiles(ca, certs / "expired.crt", certs / "expired.key"), r"expired\.crt: expired at"),
    ):
        with pytest.raises(CredentialError, match=words):
            client_context(files)
