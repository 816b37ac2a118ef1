"""Keys of other programs. Only their digests are known here."""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Final

from dispatcher.web.principals import Means, Principal, Role

LARGEST_KEY: Final = 200


class ApiKeys:
    """``written`` are the settings' lines, ``name:role:sha256``."""

    def __init__(self, written: Iterable[str]) -> None:
        self._holders: dict[str, Principal] = {}
        for line in written:
            name, role, digest = line.split(":")
            holder = Principal(f"key:{name}", frozenset({Role(role)}), Means.API_KEY)
            self._holders[digest] = holder

    def find(self, key: str) -> Principal | None:
        """Whose key this is. Digests are looked up, so time tells nothing of the keys."""
        if len(key) > LARGEST_KEY:
            return None
        return self._holders.get(digest_of(key))


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    """192 random bits, so that its plain digest can stand in a file."""
    return "rk_" + secrets.token_urlsafe(24)
