"""Logging in at the issuer's own pages: OpenID Connect's authorization code flow, with PKCE.

The browser is sent to the issuer and comes back with a code, which is exchanged from here for an
ID token (OpenID Connect Core 1.0, section 3.1; RFC 7636). What an attempt has to remember lies in
the browser that began it, sealed with a key of this process, so nobody else can end it. What is
kept here is which have come back, so that each asks the issuer once.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request

import structlog
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from dispatcher.config_http import LOOPBACK
from dispatcher.web.key_sets import fetch_bounded
from dispatcher.web.principals import Principal
from dispatcher.web.tokens import TokenError, TokenVerifier

log = structlog.get_logger(__name__)

ATTEMPT_S: Final = 600  # so long the issuer's pages may take
_ENDPOINTS_FOR_S: Final = 3600.0
_ASK_AGAIN_AFTER_S: Final = 10.0  # where they could not be had
_MOST_ASKING: Final = 4  # at once: threads are needed for other things, too
MOST_WAITING: Final = 20  # for one of these; who comes then is told to try again
_MOST_USED: Final = 20_000  # attempts that are remembered; a city has no more in ten minutes
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_SEAL: Final = {"alg": "dir", "enc": "A256GCM"}


class IssuerUnavailable(Exception):  # noqa: N818 - the name says what happened
    """The issuer does not answer, or not as OpenID Connect has it."""


class LoginRefused(Exception):  # noqa: N818
    """The issuer did not log anybody in, or what came back is not believed."""


@dataclass(frozen=True, slots=True)
class IssuerClient:
    """What the issuer knows this dispatcher by."""

    issuer: str
    client_id: str
    secret: str | None = None
    scope: str = "openid"


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser is sent, and what it keeps meanwhile."""

    url: str
    sealed: str


@dataclass(frozen=True, slots=True)
class ComeBack:
    """What the issuer sent the browser back with; empty where it did not say."""

    code: str = ""
    state: str = ""
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorize: str
    token: str


class IssuerLogin:
    """``verifier`` believes the issuer's ID tokens for this client. ``now`` is UTC seconds.

    ``ask`` blocks and gives what is answered, within bounds; it runs in a thread.
    """

    def __init__(
        self,
        client: IssuerClient,
        verifier: TokenVerifier,
        *,
        now: Callable[[], float] = time.time,
        ask: Callable[[str | Request], bytes] = fetch_bounded,
    ) -> None:
        self._client = client
        self._verifier = verifier
        self._now = now
        self._ask = ask
        self._key = OctKey.generate_key(256)
        self._endpoints: _Endpoints | None = None
        self._found_s = self._tried_s = float("-inf")
        self._looking = asyncio.Lock()
        self._asking = asyncio.Semaphore(_MOST_ASKING)
        self._under_way = 0
        self._used: dict[str, float] = {}  # states, and until when their attempts last

    async def begin(self, redirect_uri: str, to: str, session: str = "") -> Begun:
        """Begin an attempt that ends at ``redirect_uri``; afterwards the page is ``to``.

        ``session`` names the session that the browser has so far.

        Raises
        ------
        IssuerUnavailable
            Where to log in cannot be learnt.
        """
        endpoints = await self._where()
        state, nonce, code_verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = hashlib.sha256(code_verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._client.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        kept = {
            "state": state,
            "nonce": nonce,
            "verifier": code_verifier,
            "redirect_uri": redirect_uri,
            "to": to,
            "session": session,
            "until": self._now() + ATTEMPT_S,
        }
        sealed = jwe.encrypt_compact(_SEAL, json.dumps(kept).encode(), self._key)
        mark = "&" if urlsplit(endpoints.authorize).query else "?"
        return Begun(f"{endpoints.authorize}{mark}{urlencode(asked)}", sealed)

    def page_after(self, sealed: str | None) -> str | None:
        """Where whoever began this attempt wanted to go; None where it is none of ours, or old."""
        kept = self._opened(sealed)
        return None if kept is None else str(kept["to"])

    def session_before(self, sealed: str | None) -> str:
        """The session that the browser had when it began this attempt; empty where it had none."""
        kept = self._opened(sealed)
        return "" if kept is None else str(kept["session"])

    async def end(self, sealed: str | None, back: ComeBack) -> Principal:
        """Who has logged in, by what the issuer sent along.

        Raises
        ------
        LoginRefused
            Nobody has.
        IssuerUnavailable
            The code cannot be exchanged just now; whoever it is has to begin again.
        """
        kept = self._opened(sealed)
        if kept is None or not secrets.compare_digest(
            back.state.encode(), str(kept["state"]).encode()
        ):
            raise LoginRefused("this browser has begun no such login, or long ago")
        self._use(back.state, kept["until"])
        if back.issuer and back.issuer != self._client.issuer:  # RFC 9207
            raise LoginRefused("another issuer has sent it")
        if back.error or not back.code:
            raise LoginRefused(f"the issuer says {back.error[:80]!r}")
        token = await self._exchanged(back.code, kept)
        try:
            return await self._verifier.principal(token, nonce=str(kept["nonce"]))
        except TokenError as error:
            raise LoginRefused(f"the issuer's ID token is not believed: {error}") from error

    def _opened(self, sealed: str | None) -> dict[str, Any] | None:
        if not sealed:
            return None
        try:
            opened = jwe.decrypt_compact(sealed, self._key).plaintext
        except (JoseError, ValueError):
            return None
        kept: dict[str, Any] = json.loads(opened or b"{}")
        return kept if self._now() < kept["until"] else None

    def _use(self, state: str, until_s: float) -> None:
        """Raises ``LoginRefused`` the second time, whatever came of the first."""
        now_s = self._now()
        while self._used:
            oldest = next(iter(self._used))
            if len(self._used) < _MOST_USED and now_s < self._used[oldest]:
                break
            del self._used[oldest]
        if state in self._used:
            raise LoginRefused("this login has come back before")
        self._used[state] = until_s

    async def _exchanged(self, code: str, kept: Mapping[str, Any]) -> str:
        if self._under_way >= _MOST_ASKING + MOST_WAITING:
            raise IssuerUnavailable("too many logins wait for the issuer")
        self._under_way += 1
        try:
            return await self._exchange(code, kept)
        finally:
            self._under_way -= 1

    async def _exchange(self, code: str, kept: Mapping[str, Any]) -> str:
        client = self._client
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": kept["redirect_uri"],
            "client_id": client.client_id,
            "code_verifier": kept["verifier"],
        }
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        if client.secret is not None:
            # Each part is encoded first: RFC 6749, section 2.3.1.
            shown = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(shown.encode()).decode()}"
        url = (await self._where()).token
        request = Request(url, urlencode(fields).encode(), headers, method="POST")
        try:
            async with self._asking:
                answer = json.loads(await asyncio.to_thread(self._ask, request))
        except HTTPError as error:
            if error.code in (400, 401, 403):
                raise LoginRefused(f"the issuer takes no such code ({error.code})") from error
            raise IssuerUnavailable(f"{url}: {error}") from error
        except (OSError, ValueError) as error:
            raise IssuerUnavailable(f"{url}: {error}") from error
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise LoginRefused("the issuer sent no ID token; the scope must have openid in it")
        return token

    async def _where(self) -> _Endpoints:
        """The issuer's addresses, looked up now and then."""
        async with self._looking:
            now_s = time.monotonic()
            is_old = now_s - self._found_s > _ENDPOINTS_FOR_S
            if is_old and now_s - self._tried_s > _ASK_AGAIN_AFTER_S:
                self._tried_s = now_s
                await self._look_up()
            if self._endpoints is None:
                raise IssuerUnavailable(f"{self._client.issuer} could not be asked just now")
            return self._endpoints

    async def _look_up(self) -> None:
        url = self._client.issuer.rstrip("/") + _WELL_KNOWN
        try:
            document = json.loads(await asyncio.to_thread(self._ask, url))
            self._endpoints = _endpoints_of(document, self._client.issuer)
            self._found_s = time.monotonic()
        except (OSError, ValueError, KeyError, TypeError) as error:
            if self._endpoints is None:
                raise IssuerUnavailable(f"{url}: {error!r}") from error
            log.warning("issuer_unavailable", reason=f"{url}: {error!r}"[:300])


def _endpoints_of(document: Mapping[str, Any], issuer: str) -> _Endpoints:
    """Raises ``ValueError`` or ``KeyError`` where it is another issuer's, or not to be trusted."""
    if document["issuer"] != issuer:
        raise ValueError(f"it is of {document['issuer']}, not of {issuer}")
    found = _Endpoints(document["authorization_endpoint"], document["token_endpoint"])
    for url in (found.authorize, found.token):
        parts = urlsplit(str(url))
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError(f"{url} is not an https:// address")
    return found
