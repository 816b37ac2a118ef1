"""From a signed token (JWT) to a principal. What is not certain is refused."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet

from dispatcher.web.key_sets import Keys, KeySetError
from dispatcher.web.principals import Means, Principal, Role

LARGEST_TOKEN: Final = 8_000
LONGEST_SUBJECT: Final = 200
# A guest is who shows nothing; a token never makes one.
_ROLES: Final = {role.value: role for role in Role if role is not Role.GUEST}


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Whose tokens are believed.

    ``party`` is the client that must have asked for a token (``azp``) which says who did, or which
    is made for several: of ID tokens (OpenID Connect Core 1.0, section 3.1.3.7).
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    roles_claim: str = "roles"
    rider_by_default: bool = True
    leeway_s: int = 30
    party: str | None = None


class TokenError(Exception):
    """The token is not believed; the text says why, without repeating it."""


class TokenVerifier:
    """Believes the tokens of one issuer. ``now`` is the machine's UTC seconds."""

    def __init__(
        self, rules: TokenRules, keys: Keys, *, now: Callable[[], float] = time.time
    ) -> None:
        self._rules = rules
        self._keys = keys
        self._now = now

    async def principal(self, token: str, *, nonce: str | None = None) -> Principal:
        """Who it is that shows this token; with ``nonce`` only one that was asked for with it.

        Raises
        ------
        TokenError
            It is not believed.
        """
        claims = await self._claims(token)
        expires_s = self._check(claims)
        if nonce is not None and claims.get("nonce") != nonce:
            raise TokenError("it was made for another login")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT:
            raise TokenError("it names no subject")
        return Principal(subject, self._roles(claims), Means.TOKEN, expires_s)

    async def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > LARGEST_TOKEN:
            raise TokenError("it is too long")
        try:
            keys = await self._keys.key_set()
            if self._is_of_unknown_key(token, keys):
                # The issuer may have a new one.
                keys = await self._keys.key_set(newer=True)
            return self._decoded(token, keys)
        except KeySetError as error:
            raise TokenError(str(error)) from error
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise TokenError("its signature is not one of the issuer's") from error

    def _is_of_unknown_key(self, token: str, keys: KeySet) -> bool:
        """Whether it names a key that is not there. Raises ``JoseError`` or ``ValueError`` where
        it is no token at all; for such, and any of another kind, nobody has to be asked.
        """
        header = jws.extract_compact(token.encode()).protected
        if not isinstance(header, dict) or header.get("alg") not in self._rules.algorithms:
            return False
        kid = header.get("kid")
        return isinstance(kid, str) and all(key.kid != kid for key in keys)

    def _decoded(self, token: str, keys: KeySet) -> Mapping[str, Any]:
        with warnings.catch_warnings():
            # EdDSA is an old name for Ed25519, and allowed only where the settings say so.
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.decode(token, keys, algorithms=self._rules.algorithms).claims

    def _check(self, claims: Mapping[str, Any]) -> float:
        """Raises ``TokenError`` unless it is of the issuer, for us, and in its time."""
        rules, now_s = self._rules, self._now()
        if claims.get("iss") != rules.issuer:
            raise TokenError("it is another issuer's")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if rules.audience not in audiences:
            raise TokenError("it is made for somebody else")
        must_say_who = "azp" in claims or len(audiences) > 1
        if rules.party is not None and must_say_who and claims.get("azp") != rules.party:
            raise TokenError("somebody else has asked for it")
        expires_s = _moment(claims, "exp")
        if expires_s is None:
            raise TokenError("it never expires")
        if now_s >= expires_s + rules.leeway_s:
            raise TokenError("it has expired")
        begins_s = _moment(claims, "nbf")
        if begins_s is not None and now_s < begins_s - rules.leeway_s:
            raise TokenError("it does not hold yet")
        return expires_s + rules.leeway_s

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        found: Any = claims
        for step in self._rules.roles_claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        named = found.split() if isinstance(found, str) else found
        if named is None and self._rules.rider_by_default:
            return frozenset({Role.RIDER})
        if not isinstance(named, list):
            return frozenset()
        # Roles of other programs stand there, too.
        return frozenset(_ROLES[name] for name in named if isinstance(name, str) and name in _ROLES)


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise TokenError(f"its {name} is not a time")
    return float(value)
