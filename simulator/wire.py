"""Bytes by topic: what goes over a broker, or over a simulated wire in its place."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WireMessage:
    """One message on its way."""

    topic: str
    body: bytes
    qos: int = 0
    retain: bool = False


Send = Callable[[WireMessage], None]
