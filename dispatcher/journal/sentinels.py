"""Connections to whichever store Sentinel says is the master now."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import ConnectionPool, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

SENTINEL_PORT = 26379


def address_of(sentinel: str) -> tuple[str, int]:
    """Host and port of ``host``, ``host:port`` or ``[IPv6]:port``. Raises ``ValueError``."""
    parts = urlsplit(f"//{sentinel}")
    if not parts.hostname or sentinel != parts.netloc or parts.username is not None:
        raise ValueError(f"{sentinel!r} must be host:port of a Sentinel")
    return parts.hostname, parts.port or SENTINEL_PORT


def sentinel_pool(
    url: str, sentinels: Sequence[str], *, timeout_s: float, **options: Any
) -> ConnectionPool:
    """Like ``ConnectionPool.from_url``; the URL's host is the master's name, its port unused.

    Each new connection asks the Sentinels, the first that answers within ``timeout_s``. One to a
    former master breaks: when that dies, when it refuses writes as a replica, or when Sentinel
    has its clients thrown out.
    """
    told: dict[str, Any] = dict(parse_url(url))
    name = told.pop("host")
    told.pop("port", None)
    told["ssl"] = told.pop("connection_class", None) is SSLConnection
    asking = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
    }
    known = Sentinel(  # type: ignore[no-untyped-call]
        [address_of(sentinel) for sentinel in sentinels], sentinel_kwargs=asking
    )
    return _Pool(name, known, **told, **options)  # type: ignore[no-untyped-call]


class _Pool(SentinelConnectionPool):
    """Closes its connections to the Sentinels, too."""

    async def aclose(self) -> None:
        await super().aclose()
        for sentinel in self.sentinel_manager.sentinels:
            await sentinel.aclose()
