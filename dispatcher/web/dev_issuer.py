"""An issuer inside the dispatcher, for development: it gives anybody any role.

Its key is made when the process starts and never leaves it. The settings allow it on a loopback
address only.
"""

import secrets
import time
from collections.abc import Callable
from typing import Final

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from dispatcher.web.key_sets import FixedKeys
from dispatcher.web.principals import Role
from dispatcher.web.tokens import TokenRules, TokenVerifier

ISSUER: Final = "urn:ringmaster:development"
_ALGORITHM: Final = "ES256"
LASTS_S: Final = 12 * 3600


class DevIssuer:
    """Makes tokens. ``now`` is the machine's UTC seconds."""

    def __init__(self, audience: str, *, now: Callable[[], float] = time.time) -> None:
        self._audience = audience
        self._now = now
        self._key = ECKey.generate_key("P-256", parameters={"kid": secrets.token_hex(8)})

    def token(self, subject: str, role: Role, *, lasts_s: int = LASTS_S) -> str:
        now_s = int(self._now())
        claims = {
            "iss": ISSUER,
            "aud": self._audience,
            "sub": subject,
            "iat": now_s,
            "exp": now_s + lasts_s,
            "roles": [role.value],
        }
        header = {"alg": _ALGORITHM, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[_ALGORITHM])

    def verifier(self) -> TokenVerifier:
        """Believes these tokens."""
        rules = TokenRules(ISSUER, self._audience, (_ALGORITHM,), rider_by_default=False)
        return TokenVerifier(rules, FixedKeys(KeySet([self._key])), now=self._now)
