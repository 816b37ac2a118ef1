"""Every role at every operation, on what is its own, another's and unknown: made from OpenAPI."""

from typing import Any

import pytest
from fastapi import APIRouter
from web_town import GUEST_ID, SHUTTLE, Town, a_town

from dispatcher.web.access import ACCESS, LOGINS, PAGES, UnguardedRouteError, roles_for
from dispatcher.web.app import bare_app, check_guarded
from dispatcher.web.guarded_route import GuardedRoute
from dispatcher.web.openapi import describe
from dispatcher.web.principals import Role

DOCUMENT = describe(bare_app())
OPERATIONS = {
    operation["operationId"]: (method.upper(), path.removeprefix("/v1"), operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
_WISH = {"from": "Q", "to": "S"}
BODIES: dict[str, dict[str, Any]] = {
    "quoteTrip": _WISH,
    "requestTrip": {"id": "q2", **_WISH},
    "requestGuestTrip": {"id": GUEST_ID, **_WISH},
    "answerOffer": {"id": "a1", "accept": False},
    "answerGuestOffer": {"id": "a1", "accept": False},
    "cancelTrip": {"id": "c1"},
    "cancelGuestTrip": {"id": "c1"},
    "previewCommand": {"command": {"kind": "hold_shuttle", "shuttle": SHUTTLE}},
    "submitCommand": {
        "id": "c1",
        "command": {"kind": "hold_shuttle", "shuttle": SHUTTLE},
        "reason": "a child on the road",
    },
}
OWN, OTHERS, UNKNOWN = "own", "another's", "unknown"
# Who sees what belongs to others: the parameter that names it, by operation.
SEES_ALL = {Role.OPERATOR, Role.DISPATCHER, Role.ADMIN}
SEES_ALL_SHUTTLES = SEES_ALL | {Role.SERVICE}


async def path_of(town: Town, path: str, whose: str) -> str:
    """The path with the trip, link or shuttle filled in."""
    own = await town.ask("me", id="own")
    others = await town.ask("ben", id="others")
    links = town.web.parts.links
    assert links is not None
    trip = {OWN: own["trip"], OTHERS: others["trip"], UNKNOWN: "no-such-trip"}[whose]
    link = {OWN: links.link(own["trip"]), OTHERS: f"{others['trip']}.x", UNKNOWN: "x"}[whose]
    shuttle = {OWN: SHUTTLE, OTHERS: "acme:s2", UNKNOWN: "acme:s9"}[whose]
    stop = {OWN: "Q", OTHERS: "R", UNKNOWN: "no-such-stop"}[whose]
    return path.format(trip=trip, link=link, shuttle=shuttle, stop=stop)


def expected(operation: str, path: str, role: Role, whose: str) -> set[int]:
    roles = ACCESS[operation]
    if roles and role not in roles:
        return {401} if role is Role.GUEST else {403}
    if "{" not in path or (whose == OWN and "{link}" in path):
        return {200, 204, 503}  # 503: a live stream that is closed at once
    if "{stop}" in path:  # stops are everybody's
        return {404} if whose == UNKNOWN else {200}
    if whose == UNKNOWN or "{link}" in path:
        return {404}
    if "{shuttle}" in path:
        return {200} if role in SEES_ALL_SHUTTLES or whose == OWN else {404}
    return {200} if role in SEES_ALL or whose == OWN else {404}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
async def test_each_role_may_do_what_the_table_says(operation: str) -> None:
    method, path, described = OPERATIONS[operation]
    assert ("requestBody" in described) == (operation in BODIES), "add a body to BODIES"
    for role in Role:
        for whose in (OWN, OTHERS, UNKNOWN) if "{" in path else (OWN,):
            async with a_town() as town:
                for stop, shuttle in (("P", SHUTTLE), ("T", "acme:s2")):
                    await town.shuttle_at(stop, shuttle)
                login = town.login(role, SHUTTLE if role is Role.SHUTTLE else "me")
                body = BODIES.get(operation)
                answer = await town.call(method, await path_of(town, path, whose), login, json=body)
                wanted = expected(operation, path, role, whose)
                assert answer.status_code in wanted, (role, whose, answer.text)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
async def test_a_login_that_is_not_believed_opens_nothing(operation: str) -> None:
    method, path, _ = OPERATIONS[operation]
    path = path.format(trip="t1", link="l", shuttle="s", stop="Q")
    async with a_town() as town:
        token = town.token("admin")
        for headers in (
            {"Authorization": f"Bearer {token[:-4]}AAAA"},
            {"Authorization": f"Basic {token}"},
            {"Authorization": "Bearer "},
            {"X-API-Key": "rk_guessed"},
            {"Cookie": "ringmaster_session=guessed"},
        ):
            answer = await town.call(method, path, headers, json=BODIES.get(operation))
            # Not even what everybody may see: whoever shows something false is told so.
            assert answer.status_code == 401, (headers, answer.text)


def test_the_table_has_a_row_for_every_operation_and_no_other() -> None:
    in_development = {route.operation_id for route in bare_app(development=True).routes}
    assert in_development == ACCESS.keys()
    assert OPERATIONS.keys() == ACCESS.keys() - PAGES - LOGINS - {"devLogin"}


def test_a_route_without_a_row_is_not_served() -> None:
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(UnguardedRouteError, match="sellEverything"):

        @router.post("/v1/sell", operation_id="sellEverything")
        async def sell() -> None: ...

    with pytest.raises(UnguardedRouteError):
        roles_for("getTrip", {})


def test_a_route_that_does_not_ask_the_table_stops_the_start() -> None:
    app = bare_app()

    @app.get("/v1/open", operation_id="getZone")
    async def let_everybody_in() -> None: ...

    with pytest.raises(UnguardedRouteError, match="lets everybody in"):
        check_guarded(app)
