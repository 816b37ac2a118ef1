"""From bytes to a message, or to a problem that names the field and what to do."""

import json
import math
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dispatcher.riders.messages import ID_PATTERN
from dispatcher.riders.problems import Problem, ProblemCode, ProblemError

LARGEST_BODY_BYTES: Final = 8 * 1024
_LARGEST_EXACT: Final = 2**53
DEEPEST_NESTING: Final = 4  # the deepest that any message needs is 2

M = TypeVar("M", bound=BaseModel)


def read_message(kind: type[M], body: bytes) -> M:
    """The message in ``body``.

    Raises
    ------
    ProblemError
        Too large, not JSON, or not this kind of message. Its problem names the request if
        that could be read, so that a device can tell which of its messages failed.
    """
    fields = read_object(body)
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise ProblemError(field_problem(error.errors()[0], fields)) from error


def too_large(size: int) -> Problem:
    """A body of so many bytes is not read at all."""
    return Problem(
        code=ProblemCode.TOO_LARGE,
        text=f"The message has {size} bytes.",
        remedy=f"Send at most {LARGEST_BODY_BYTES} bytes.",
    )


def read_object(
    body: bytes, *, by_schema: bool = False, most_bytes: int = LARGEST_BODY_BYTES
) -> dict[str, Any]:
    """The JSON object in ``body``; raises ``ProblemError`` as `read_message`.

    ``by_schema`` takes 2.0 for the whole number that JSON Schema says it is.
    """
    if len(body) > most_bytes:
        raise ProblemError(too_large(len(body)))
    try:
        # Not pydantic's own parser, which lets repeated keys, NaN and 1e999 pass.
        fields = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_no_constant,
            parse_float=_whole_or_finite if by_schema else _finite,
        )
        # Half of a surrogate pair is a text that could never be sent on.
        json.dumps(fields, ensure_ascii=False).encode()
    except RecursionError as error:
        raise _unreadable("it is nested too deeply") from error
    except ValueError as error:  # also UnicodeError and JSONDecodeError
        raise _unreadable(_first_sentence(error)) from error
    if not isinstance(fields, dict):
        raise _unreadable("it is not an object")
    if _is_deeper(fields, DEEPEST_NESTING):
        raise _unreadable("it is nested too deeply")
    return fields


def _unreadable(why: str) -> ProblemError:
    return ProblemError(
        Problem(
            code=ProblemCode.UNREADABLE,
            text=f"The message is not readable JSON: {why}.",
            remedy="Send one JSON object in UTF-8, each key once, numbers finite.",
        )
    )


def _first_sentence(error: ValueError) -> str:
    if isinstance(error, UnicodeError):
        return "it is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} at character {error.pos}"
    return str(error).split(";", 1)[0][:100]


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:40]!r} is repeated")
        found[key] = value
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is not a finite number")
    return value


def _whole_or_finite(text: str) -> float | int:
    value = _finite(text)
    return int(value) if value.is_integer() and abs(value) < _LARGEST_EXACT else value


def _is_deeper(value: object, levels: int) -> bool:
    """Whether more than so many levels are nested; looks no deeper than that.

    The parser gets deeper on a stack than a function of ours would.
    """
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inside)


def field_problem(error: ErrorDetails, fields: dict[str, Any]) -> Problem:
    # In a location pydantic mixes keys with the names of the alternatives it tried.
    where: list[str] = []
    inside: Any = fields
    for step in error["loc"][:-1]:
        if isinstance(inside, dict) and step in inside:
            where.append(str(step)[:40])
            inside = inside[str(step)]
    for step in error["loc"][-1:]:
        if isinstance(inside, dict) and (step in inside or error["type"] == "missing"):
            where.append(str(step)[:40])
    field = ".".join(where) or None
    named = f"The field {field}" if field else "The message"
    match error["type"]:
        case "missing":
            text, remedy = f"{named} is missing.", "Add it."
        case "extra_forbidden":
            text, remedy = f"{named} is unknown.", "Remove it or correct its spelling."
        case "model_type" | "model_attributes_type":
            text, remedy = f"{named} is not an object.", "Correct it and send the message again."
        case "string_pattern_mismatch":
            text = f"{named} is not an id."
            remedy = "Use 1 to 64 letters, digits and _ . : -"
        case _:
            what = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
            text, remedy = f"{named}: {what}.", "Correct it and send the message again."
    return Problem(
        code=ProblemCode.INVALID,
        text=text,
        remedy=remedy,
        field=field,
        request=_id_of(fields.get("id")),
        trip=_id_of(fields.get("trip")),
    )


def _id_of(value: object) -> str | None:
    return value if isinstance(value, str) and ID_PATTERN.fullmatch(value) else None
