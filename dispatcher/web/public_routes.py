"""What everybody may see, and logging in."""

import math
import secrets
from typing import Any

from fastapi import APIRouter, Request, Response

from dispatcher.riders.status import instant
from dispatcher.web.answers import document, json_answer, problems
from dispatcher.web.callers import check_same_site
from dispatcher.web.guarded_route import Caller, GuardedRoute, Parts
from dispatcher.web.principals import Means, Principal, Role
from dispatcher.web.problems import not_found
from dispatcher.web.schemas import DevLogin, DevToken, LoginView, SessionView, StopList
from dispatcher.web.sessions import COOKIE
from dispatcher.web.zone_view import ZoneDocument

router = APIRouter(route_class=GuardedRoute)
dev_router = APIRouter(route_class=GuardedRoute)


@router.get(
    "/v1/openapi.json",
    operation_id="getOpenapi",
    summary="This API, for machines",
    tags=["zone"],
    responses=problems(),
)
async def get_openapi(request: Request) -> dict[str, Any]:
    described: dict[str, Any] = request.app.openapi()
    return described


@router.get(
    "/v1/zone",
    operation_id="getZone",
    summary="Outline, streets, stops and clock: all that a map needs",
    tags=["zone"],
    response_model=ZoneDocument,
    responses=problems(),
)
async def get_zone(parts: Parts) -> Response:
    return json_answer(parts.zone_view.to_json())


@router.get(
    "/v1/stops",
    operation_id="listStops",
    summary="Where riders may board",
    tags=["zone"],
    response_model=StopList,
    responses=problems(),
)
async def list_stops(parts: Parts) -> Response:
    return document(StopList(stops=parts.zone_view.stops))


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
            session=None if caller.means is Means.NONE else SessionView.of(caller),
            guests=auth.guests,
            tokens=auth.issuer is not None,
            development=parts.dev_issuer is not None,
        )
    )


@router.post(
    "/v1/session",
    operation_id="beginSession",
    summary="Exchange a token for a cookie, for a page's live stream",
    tags=["login"],
    response_model=SessionView,
    responses=problems(401, 403),
)
async def begin_session(request: Request, parts: Parts, caller: Caller) -> Response:
    # A cookie would make itself last for ever.
    if caller.means is Means.COOKIE:
        return document(SessionView.of(caller))
    return _with_cookie(request, parts, caller)


@router.get(
    "/v1/session",
    operation_id="getSession",
    summary="Who is logged in",
    tags=["login"],
    response_model=SessionView,
    responses=problems(401, 403),
)
async def get_session(caller: Caller) -> Response:
    return document(SessionView.of(caller))


@router.delete(
    "/v1/session",
    operation_id="endSession",
    summary="Log out: the cookie is worth nothing any more",
    tags=["login"],
    status_code=204,
    responses=problems(401, 403),
)
async def end_session(request: Request, parts: Parts) -> Response:
    secret = request.cookies.get(COOKIE)
    if secret is not None:
        parts.callers.sessions.end(secret)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


@dev_router.post(
    "/v1/dev/login",
    operation_id="devLogin",
    summary="Become anybody; in development only",
    tags=["login"],
    response_model=DevToken,
    responses=problems(401, 403, 404),
    include_in_schema=False,
)
async def dev_login(login: DevLogin, request: Request, parts: Parts) -> Response:
    issuer = parts.dev_issuer
    if issuer is None:
        raise not_found("page")
    if "origin" in request.headers:
        # Some other page in the same browser must not make itself an administrator.
        check_same_site(request.headers)
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


def _with_cookie(request: Request, parts: Parts, principal: Principal) -> Response:
    secret, session = parts.callers.sessions.begin(principal)
    answer = document(SessionView.of(session))
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=max(0, math.ceil(session.expires_s - parts.now())),
        path="/",
        httponly=True,
        samesite="strict",
        # On a loopback address there may be no TLS.
        secure=request.url.scheme == "https",
    )
    return answer
