"""The OpenAPI document: made from the routes, with who may do what from the table of access."""

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dispatcher.web.access import ACCESS
from dispatcher.web.callers import API_KEY_HEADER
from dispatcher.web.principals import Role
from dispatcher.web.problems import ProblemDocument
from dispatcher.web.sessions import COOKIE

_ABOUT: Final = """\
Trips for riders, and the zone for operators. Every write carries an id that the client made, and
sending it again under that id is harmless. What cannot be done is answered with a problem document
(RFC 9457) whose `code` is stable. How to use all this is in docs/http-api.md.
"""
_SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "key": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"Over https:// it is called __Host-{COOKIE}.",
    },
}
# FastAPI's own words for what is answered with a problem document here.
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _described(app)
    return app.openapi_schema


def openapi_text() -> str:
    """As it is committed: of a dispatcher that is not in development."""
    from dispatcher.web.app import bare_app

    return json.dumps(describe(bare_app()), indent=1, ensure_ascii=False) + "\n"


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _NOT_OURS:
        schemas.pop(name, None)
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemDocument"] = problem
    document["components"]["securitySchemes"] = _SCHEMES
    for path in document["paths"].values():
        for operation in path.values():
            roles = ACCESS[operation["operationId"]]
            operation["security"] = _security(roles)
            operation["x-roles"] = sorted(roles)
    return document


def _security(roles: frozenset[Role]) -> list[dict[str, list[str]]]:
    if not roles:
        return []
    ways: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    return [{}, *ways] if Role.GUEST in roles else ways
