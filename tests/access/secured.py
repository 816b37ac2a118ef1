"""A real broker set up by `ringmaster certs` and `ringmaster broker-config`, and clients of it."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
from servers import LOOPBACK, OwnMosquitto
from typer.testing import CliRunner

from dispatcher.authority import Authority, Lifetime
from dispatcher.cli import app
from dispatcher.credentials import TlsFiles, client_context

ZONES = ("north", "south")
SHUTTLES = ("acme:s01", "acme:s02")
RIDERS = ("ana", "ben")
UNLISTED = "acme:s99"  # has a certificate, and no rules
WITNESS = "witness"  # of the tests alone: may read and write everything

LINKS = ("riders", "shuttles")

FILES = {
    **{f"ringmaster-{z}-{link}": f"ringmaster-{z}-{link}" for z in ZONES for link in LINKS},
    "rider-gateway": "rider-gateway",
    **{name: f"shuttles/{name.replace(':', '/')}" for name in (*SHUTTLES, UNLISTED)},
    **{name: f"riders/{name}" for name in RIDERS},
    WITNESS: WITNESS,
}


def ringmaster(*arguments: str | Path) -> str:
    """Run a command, which must succeed."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return result.output


class Secured:
    """``certs`` has everybody's certificates; ``server`` is the broker."""

    host = "localhost"

    def __init__(self, directory: Path) -> None:
        self.certs = directory / "certs"
        self.server = OwnMosquitto(directory / "mosquitto")
        self.port = self.server.port
        zones = [word for zone in ZONES for word in ("--zone", zone)]
        shuttles = [word for name in SHUTTLES for word in ("--shuttle", name)]
        riders = [word for name in RIDERS for word in ("--rider", name)]
        ringmaster("certs", "--out", self.certs, *zones, *shuttles, *riders)
        self.configure()
        # After that: a shuttle that the access rules do not know, and the witness.
        ringmaster("certs", "--out", self.certs, *zones, "--shuttle", UNLISTED)
        Authority.open(self.certs).issue_client(WITNESS, WITNESS, Lifetime.of_days(1))

    def configure(self) -> None:
        zones = [word for zone in ZONES for word in ("--zone", zone)]
        where = ["--out", self.server.directory, "--certs", self.certs]
        ringmaster("broker-config", *where, "--port", str(self.port), "--bind", LOOPBACK, *zones)
        with (self.server.directory / "acl").open("a") as acl:
            acl.write(f"\nuser {WITNESS}\ntopic readwrite #\ntopic read $SYS/#\n")

    def tls(self, name: str) -> ssl.SSLContext:
        files = self.certs / FILES[name]
        return client_context(
            TlsFiles(self.certs / "ca.crt", Path(f"{files}.crt"), Path(f"{files}.key"))
        )

    def client(self, name: str, client_id: str | None = None, **options: Any) -> aiomqtt.Client:
        options.setdefault("tls_context", self.tls(name) if name else None)
        return aiomqtt.Client(
            self.host,
            self.port,
            identifier=client_id,
            protocol=options.pop("protocol", aiomqtt.ProtocolVersion.V5),
            timeout=10,
            **options,
        )


def attempt(
    secured: Secured,
    context: ssl.SSLContext | None,
    *,
    will_topic: str | None = None,
    publish_topic: str | None = None,
    payload: str = "",
) -> paho.Client:
    """Connect, and publish if let in; returns when the broker has answered or hung up."""
    answered: list[object] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "acme:s01", protocol=paho.MQTTv5)
    client.on_connect = lambda *about: answered.append(about)
    client.on_publish = client.on_connect
    if context is not None:
        client.tls_set_context(context)
    if will_topic is not None:
        client.will_set(will_topic, payload, qos=1)
    with contextlib.suppress(OSError):
        client.connect(secured.host, secured.port)
        _loop_until(client, answered, 1)
        if publish_topic is not None:
            client.publish(publish_topic, payload, qos=1)
            _loop_until(client, answered, 2)
    return client


def _loop_until(client: paho.Client, answered: list[object], count: int) -> None:
    while len(answered) < count and client.loop() == paho.MQTT_ERR_SUCCESS:
        pass


@contextlib.contextmanager
def secured_broker(directory: Path) -> Iterator[Secured]:
    secured = Secured(directory)
    secured.server.start()
    try:
        yield secured
    finally:
        secured.server.kill()


class Listener:
    """A connected client and what was delivered to it."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client

    async def heard(self) -> list[aiomqtt.Message]:
        """Everything that the broker had for this client by now.

        Its answer to one more question comes behind what it had sent before.
        """
        await self.client.subscribe("$nothing/at/all")
        count = len(self.client.messages)
        return [await anext(self.client.messages) for _ in range(count)]


@contextlib.asynccontextmanager
async def listening(
    secured: Secured, name: str, *filters: str, client_id: str | None = None, **options: Any
) -> AsyncIterator[Listener]:
    async with secured.client(name, client_id, **options) as client:
        for topic_filter in filters:
            await client.subscribe(topic_filter, qos=1)
        yield Listener(client)
