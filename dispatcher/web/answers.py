"""How documents are answered, and which problems every operation can answer with."""

from typing import Any, Final

from fastapi import Response
from pydantic import BaseModel

from dispatcher.web.problems import PROBLEM_TYPE, ProblemDocument

_TEXTS: Final = {
    400: "What was sent is not readable: not HTTP, or a body that is not JSON.",
    401: "No login, or one that is not believed.",
    403: "This login may not do that.",
    404: "There is no such thing, or it is another's.",
    409: "It cannot be done as things stand.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A field is missing, unknown or out of bounds.",
    429: "Too many requests.",
    500: "A mistake of the dispatcher's.",
    503: "This dispatcher does not serve the zone just now.",
}


# Unknown parameters are refused, too.
_OF_ALL: Final = (400, 422, 429, 500, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's ``responses``: these and those that every operation has."""
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {
        status: {"description": _TEXTS[status], "content": content}
        for status in sorted({*statuses, *_OF_ALL})
    }


def document(body: BaseModel) -> Response:
    """Without what is not known; times and whereabouts must not be kept by anybody between."""
    return json_answer(body.model_dump_json(exclude_none=True).encode())


def json_answer(body: bytes, **headers: str) -> Response:
    return Response(
        body, headers={"Cache-Control": "no-store", **headers}, media_type="application/json"
    )


PROBLEM_SCHEMA: Final = ProblemDocument
