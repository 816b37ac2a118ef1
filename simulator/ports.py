"""Ports for servers that are started for a while, and perhaps more than once."""

import contextlib
import secrets
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_PORTS: Final = range(20_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on, from those that the system gives to no outgoing connection.

    A server is away from its port before it starts and while it is down, and must get it then.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
