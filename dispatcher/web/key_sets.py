"""The issuer's public keys: from a file, or fetched, bounded and kept for a while."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol
from urllib.request import HTTPRedirectHandler, Request, build_opener

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

log = structlog.get_logger(__name__)

LARGEST_ANSWER_BYTES: Final = 64 * 1024
FETCH_WITHIN_S: Final = 5.0
# Tokens with unknown keys must not make us ask the issuer at the rate at which they come.
_ASK_AGAIN_AFTER_S: Final = 10.0


class KeySetError(Exception):
    """The keys cannot be had, or are none."""


class Keys(Protocol):
    async def key_set(self, *, newer: bool = False) -> KeySet:
        """The issuer's keys; with ``newer`` those that it has just now, for a token of an
        unknown key.

        Raises
        ------
        KeySetError
            There are none.
        """
        ...


class FixedKeys:
    """Keys that do not change while the process runs."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    @classmethod
    def of_file(cls, path: Path) -> "FixedKeys":
        """Raises ``KeySetError`` where the file holds no key set."""
        try:
            return cls(key_set_of(path.read_bytes()))
        except OSError as error:
            raise KeySetError(f"{path}: {error.strerror or error}") from error

    async def key_set(self, *, newer: bool = False) -> KeySet:
        return self._keys


class FetchedKeys:
    """Keys from an address, fetched when they are wanted and kept for ``for_s``.

    Older ones are believed for as long again while they are fetched anew, so nobody who shows a
    token of a known key waits for an issuer that is slow. ``fetch`` blocks and gives what is
    there; it runs in a thread.
    """

    def __init__(
        self,
        url: str,
        *,
        for_s: float,
        fetch: Callable[[str], bytes] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._for_s = for_s
        self._fetch = fetch or fetch_bounded
        self._monotonic = monotonic
        self._keys: KeySet | None = None
        self._fetched_s = float("-inf")
        self._tried_s = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def key_set(self, *, newer: bool = False) -> KeySet:
        if newer or self._age_s() > self._for_s:
            fetching = self._fetch_anew()
            if fetching is not None and (newer or self._are_too_old()):
                # Others wait for it, too: it goes on where this one is given up.
                await asyncio.shield(fetching)
        # Keys that could not be fetched anew are not believed for ever.
        if self._keys is None or self._are_too_old():
            raise KeySetError("the issuer's keys cannot be fetched just now")
        return self._keys

    def _age_s(self) -> float:
        return self._monotonic() - self._fetched_s

    def _are_too_old(self) -> bool:
        return self._age_s() > 2 * self._for_s

    def _fetch_anew(self) -> "asyncio.Task[None] | None":
        """One for all who want it; None where the last was a moment ago."""
        if self._fetching is None or self._fetching.done():
            if self._monotonic() - self._tried_s <= _ASK_AGAIN_AFTER_S:
                return None
            self._tried_s = self._monotonic()
            self._fetching = asyncio.create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        try:
            body = await asyncio.to_thread(self._fetch, self._url)
            self._keys = key_set_of(body)
        except (OSError, ValueError, KeySetError) as error:
            log.warning("keys_not_fetched", reason=str(error)[:200])
        else:
            self._fetched_s = self._monotonic()


def key_set_of(body: bytes) -> KeySet:
    """The public keys in a JWKS document. Raises ``KeySetError`` where there is none."""
    try:
        written = json.loads(body)["keys"]
        # A shared secret in here could be used to make tokens by whoever may read it.
        if not written or any(key["kty"] == "oct" for key in written):
            raise KeySetError("the key set (JWKS) must hold public keys, and nothing else")
        return KeySet.import_key_set({"keys": written})
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise KeySetError(f"not a key set (JWKS): {error}") from error


class _NoRedirects(HTTPRedirectHandler):
    """An issuer's address is what was configured, not what somebody points it to."""

    def redirect_request(self, *about: object) -> None:
        return None


def fetch_bounded(asked: str | Request) -> bytes:
    """What the issuer answers, if it is small and comes soon. Raises OSError or ValueError."""
    opener = build_opener(_NoRedirects)
    if isinstance(asked, str):
        asked = Request(asked, headers={"Accept": "application/json"})
    with opener.open(asked, timeout=FETCH_WITHIN_S) as answer:
        body: bytes = answer.read(LARGEST_ANSWER_BYTES + 1)
    if len(body) > LARGEST_ANSWER_BYTES:
        raise ValueError("the answer is too large")
    return body
