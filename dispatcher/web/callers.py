"""From what comes with a request to who asks. Whatever is shown must hold, or nothing is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import structlog
from starlette.requests import Request

from dispatcher.web.api_keys import ApiKeys
from dispatcher.web.own_address import OwnAddress
from dispatcher.web.principals import GUEST, NOBODY, Means, Principal, Role
from dispatcher.web.problems import WebCode, WebProblem, web_problem
from dispatcher.web.sessions import COOKIE, Sessions
from dispatcher.web.tokens import TokenError, TokenVerifier

log = structlog.get_logger(__name__)

API_KEY_HEADER: Final = "X-API-Key"
# Another site's page cannot set it without being asked for leave, which nobody gives.
OWN_PAGE_HEADER: Final = "X-Ringmaster-Page"
# Whom a page believes to be logged in, percent-encoded; all pages of a browser share one cookie.
SUBJECT_HEADER: Final = "X-Ringmaster-Subject"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Callers:
    """Knows who asks. Without a verifier no token is believed."""

    verifiers: tuple[TokenVerifier, ...]
    api_keys: ApiKeys
    sessions: Sessions
    guests: bool
    address: OwnAddress

    async def principal(self, request: Request) -> Principal:
        """Who asks; `GUEST` or `NOBODY` where nothing is shown.

        Raises
        ------
        WebProblem
            What is shown is not believed, or it is a cookie sent along by another site or by a page
            that takes it for somebody else's.
        """
        authorization = request.headers.get("authorization")
        if authorization is not None:
            return await self._by_token(authorization)
        api_key = request.headers.get(API_KEY_HEADER)
        if api_key is not None:
            holder = self.api_keys.find(api_key)
            if holder is None:
                raise _not_believed("the API key is not known")
            return holder
        secret = self.address.cookie(COOKIE, request)
        if secret is not None:
            session = self.sessions.find(secret)
            if session is None:
                # The browser lets go of it, so that a page can go on without a login.
                ended = {"Set-Cookie": self.address.cookie_taken_back(COOKIE, request)}
                raise _not_believed("the session has ended", ended)
            if request.method not in _SAFE_METHODS:
                self.check_same_site(request)
                _check_subject(request.headers, session)
            return session
        return GUEST if self.guests else NOBODY

    def check_same_site(self, request: Request) -> None:
        """A write with a cookie has to come from a page of ours. Raises ``WebProblem``."""
        origin = request.headers.get("origin")
        if origin is None:
            if OWN_PAGE_HEADER in request.headers:
                return
        elif self.address.is_own_page(origin, request):
            return
        raise web_problem(
            WebCode.CROSS_SITE,
            "A write with a cookie has to come from a page of this address.",
            f"Send the header {OWN_PAGE_HEADER}: 1, or a token instead of the cookie. Behind a"
            " proxy, http.public_url has to be the address that browsers know.",
        )

    async def _by_token(self, authorization: str) -> Principal:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _not_believed("only bearer tokens are")
        reason = "no issuer is set up here"
        for verifier in self.verifiers:
            try:
                return await verifier.principal(token.strip())
            except TokenError as error:
                reason = str(error)
        raise _not_believed(reason)


def admit(principal: Principal, roles: frozenset[Role]) -> None:
    """Raises ``WebProblem`` unless one of the roles is there; no roles: everybody is let in."""
    if not roles or not roles.isdisjoint(principal.roles):
        return
    if principal.means is Means.NONE:
        raise web_problem(
            WebCode.UNAUTHENTICATED,
            "This needs a login.",
            "Send a token: Authorization: Bearer …",
        )
    raise web_problem(
        WebCode.FORBIDDEN,
        "This login may not do that.",
        "Use a login with one of the roles " + ", ".join(sorted(roles - {Role.GUEST})) + ".",
    )


def _check_subject(headers: Mapping[str, str], session: Principal) -> None:
    believed = headers.get(SUBJECT_HEADER)
    if believed is not None and unquote(believed) != session.id:
        raise web_problem(
            WebCode.LOGIN_CHANGED,
            "This browser is logged in as somebody else by now.",
            "Look who is logged in (GET /v1/login), and send it again only if that is meant.",
        )


def _not_believed(why: str, headers: Mapping[str, str] | None = None) -> WebProblem:
    log.info("caller_not_believed", reason=why)
    return web_problem(
        WebCode.UNAUTHENTICATED,
        f"The login is not believed: {why}.",
        "Get a new one and try again.",
        headers=headers,
    )
