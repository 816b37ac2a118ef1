"""Logging in and out: with a token, at the issuer's pages, or in development as anybody."""

import math
import re
import secrets
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from dispatcher.riders.status import instant
from dispatcher.web.answers import document, problems
from dispatcher.web.guarded_route import Caller, GuardedRoute, Parts, address_of
from dispatcher.web.issuer_login import ATTEMPT_S, ComeBack, IssuerUnavailable, LoginRefused
from dispatcher.web.principals import GUEST, Means, Principal, Role
from dispatcher.web.problems import WebProblem, not_found
from dispatcher.web.schemas import DevLogin, DevToken, LoginView, SessionView
from dispatcher.web.sessions import COOKIE, name_of

log = structlog.get_logger(__name__)

router = APIRouter(route_class=GuardedRoute)
dev_router = APIRouter(route_class=GuardedRoute)

ATTEMPT_COOKIE: Final = "ringmaster_login"
_END_PATH: Final = "/v1/login/end"
_PAGE: Final = re.compile(r"/(ride|ops)(/[A-Za-z0-9_-]{1,64}){0,3}")
_FIRST_PAGE: Final = "/ride"


@router.get(
    "/v1/login",
    operation_id="getLogin",
    summary="Who is logged in, if anybody, and how one may",
    tags=["login"],
    response_model=LoginView,
    responses=problems(401),
)
async def get_login(parts: Parts, caller: Caller) -> Response:
    auth = parts.settings.auth
    return document(
        LoginView(
            session=None if caller.means is Means.NONE else SessionView.of(caller, parts.now()),
            guests=auth.guests,
            tokens=auth.issuer is not None,
            at_issuer=parts.issuer_login is not None,
            development=parts.dev_issuer is not None,
        )
    )


@router.get(
    "/v1/login/begin",
    operation_id="beginLogin",
    summary="Send a browser to the issuer's pages",
    include_in_schema=False,
)
async def begin_login(
    request: Request, parts: Parts, to: Annotated[str, Query(max_length=200)] = _FIRST_PAGE
) -> Response:
    login = parts.issuer_login
    if login is None:
        raise not_found("page")
    if not _PAGE.fullmatch(to):
        to = _FIRST_PAGE
    if _is_too_much(request, parts):
        return _back_to(f"{to}#login=failed")
    base = parts.settings.http.public_url or str(request.base_url)
    try:
        begun = await login.begin(base.rstrip("/") + _END_PATH, to, _session_of(request, parts))
    except IssuerUnavailable as error:
        log.warning("issuer_unavailable", reason=str(error)[:300])
        return _back_to(f"{to}#login=failed")
    answer = _back_to(begun.url)
    # Strict would keep it from coming back with the browser that the issuer sends here.
    parts.callers.address.set_cookie(
        answer, ATTEMPT_COOKIE, begun.sealed, request, lasts_s=ATTEMPT_S, samesite="lax"
    )
    return answer


@router.get(
    "/v1/login/end",
    operation_id="endLogin",
    summary="A browser comes back from the issuer's pages",
    include_in_schema=False,
)
async def end_login(
    request: Request,
    parts: Parts,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    login = parts.issuer_login
    if login is None:
        raise not_found("page")
    sealed = parts.callers.address.cookie(ATTEMPT_COOKIE, request)
    to = login.page_after(sealed) or _FIRST_PAGE
    if _is_too_much(request, parts):
        return _back_to(f"{to}#login=failed")
    try:
        principal = await login.end(
            sealed, ComeBack(code=code, state=state, error=error, issuer=iss)
        )
    except LoginRefused as refused:
        log.info("login_refused", reason=str(refused))
        answer = _back_to(f"{to}#login=refused")
    except IssuerUnavailable as unavailable:
        log.warning("issuer_unavailable", reason=str(unavailable)[:300])
        answer = _back_to(f"{to}#login=failed")
    else:
        # The browser does not send its own session along with what another site leads it to.
        parts.callers.sessions.end(login.session_before(sealed))
        parts.callers.sessions.end(_session_of(request, parts))
        secret, session = parts.callers.sessions.begin(
            principal, lasts_s=parts.settings.auth.login_s
        )
        answer = _back_to(to)
        _set_cookie(answer, request, parts, secret, session)
    gone = parts.callers.address.cookie_taken_back(ATTEMPT_COOKIE, request)
    answer.headers.append("Set-Cookie", gone)
    return answer


@router.post(
    "/v1/session",
    operation_id="beginSession",
    summary="Exchange a token for a cookie, for a page's live stream",
    tags=["login"],
    response_model=SessionView,
    responses=problems(401, 403, 409),
)
async def begin_session(request: Request, parts: Parts, caller: Caller) -> Response:
    # A cookie would make itself last for ever.
    if caller.means is Means.COOKIE:
        return document(SessionView.of(caller, parts.now()))
    return _with_cookie(request, parts, caller)


@router.get(
    "/v1/session",
    operation_id="getSession",
    summary="Who is logged in",
    tags=["login"],
    response_model=SessionView,
    responses=problems(401, 403),
)
async def get_session(parts: Parts, caller: Caller) -> Response:
    return document(SessionView.of(caller, parts.now()))


@router.delete(
    "/v1/session",
    operation_id="endSession",
    summary="Log out: the cookie is worth nothing any more",
    tags=["login"],
    status_code=204,
    responses=problems(401, 403, 409),
)
async def end_session(request: Request, parts: Parts) -> Response:
    parts.callers.sessions.end(_session_of(request, parts))
    gone = parts.callers.address.cookie_taken_back(COOKIE, request)
    return Response(status_code=204, headers={"Set-Cookie": gone})


@dev_router.post(
    "/v1/dev/login",
    operation_id="devLogin",
    summary="Become anybody; in development only",
    tags=["login"],
    response_model=DevToken,
    responses=problems(401, 403, 404, 409),
    include_in_schema=False,
)
async def dev_login(login: DevLogin, request: Request, parts: Parts) -> Response:
    issuer = parts.dev_issuer
    if issuer is None:
        raise not_found("page")
    if "origin" in request.headers:
        # Some other page in the same browser must not make itself an administrator.
        parts.callers.check_same_site(request)
    role = Role(login.role)
    subject = login.subject or f"{role}-{secrets.token_hex(4)}"
    token = issuer.token(subject, role)
    (verifier, *_) = parts.callers.verifiers
    principal = await verifier.principal(token)
    expires = instant(int(principal.expires_s))
    told = DevToken(token=token, subject=subject, role=role, expires=expires)
    answer = _with_cookie(request, parts, principal)
    answer.body = told.model_dump_json().encode()
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def _is_too_much(request: Request, parts: Parts) -> bool:
    """Logins are counted as what guests ask. A person is told by the page, not by a problem."""
    try:
        parts.rates.take_caller(GUEST, address_of(request), None)
    except WebProblem:
        return True
    return False


def _back_to(url: str) -> Response:
    return RedirectResponse(url, status_code=303)


def _session_of(request: Request, parts: Parts) -> str:
    """The name of the session that the browser shows; empty where it shows none."""
    secret = parts.callers.address.cookie(COOKIE, request)
    return "" if secret is None else name_of(secret)


def _with_cookie(request: Request, parts: Parts, principal: Principal) -> Response:
    # A browser has one session. The one before must not outlast the cookie that showed it.
    shown = parts.callers.address.cookie(COOKIE, request)
    secret, session = parts.callers.sessions.begin(principal, shown=shown)
    answer = document(SessionView.of(session, parts.now()))
    _set_cookie(answer, request, parts, secret, session)
    return answer


def _set_cookie(
    answer: Response, request: Request, parts: Parts, secret: str, session: Principal
) -> None:
    lasts_s = max(0, math.ceil(session.expires_s - parts.now()))
    parts.callers.address.set_cookie(answer, COOKIE, secret, request, lasts_s=lasts_s)
