"""Settings in words: listed for the documentation, written as TOML, explained when wrong."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr
from pydantic_core import ErrorDetails

_BOUND_WORDS: Final = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table of settings."""

    name: str
    default: str
    bounds: str
    description: str


def list_settings(section: type[BaseModel], prefix: str = "") -> list[Setting]:
    """Every setting there is below a section, for the documentation."""
    found: list[Setting] = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += list_settings(kind, f"{prefix}{name}.")
            continue
        bounds = [
            f"{word} {getattr(limit, attribute)}"
            for limit in field.metadata
            for attribute, word in _BOUND_WORDS.items()
            if getattr(limit, attribute, None) is not None
        ]
        found.append(
            Setting(
                f"{prefix}{name}",
                _written(field.default),
                " ".join(bounds),
                field.description or "",
            )
        )
    return found


def settings_table(section: type[BaseModel]) -> str:
    """Every setting as a row of a Markdown table."""
    rows = [
        f"| `{setting.name}` | {setting.default} | {setting.bounds} | {setting.description} |"
        for setting in list_settings(section)
    ]
    return "\n".join(
        ("| setting | default | bounds | what |", "| --- | --- | --- | --- |", *rows, "")
    )


def effective_toml(settings: BaseModel) -> str:
    """The settings in force as a TOML file; passwords are left out."""
    lines: list[str] = []
    tables: list[tuple[str, BaseModel]] = [("", settings)]
    while tables:
        table, section = tables.pop(0)
        if table:
            lines += ["", f"[{table}]"]
        for name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, BaseModel):
                tables.append((f"{table}.{name}" if table else name, value))
            elif value is None:
                lines.append(f"# {name} is not set")
            else:
                lines.append(f"{name} = {_written(value)}")
    return "\n".join(lines) + "\n"


def in_words(error: ErrorDetails, root: type[BaseModel]) -> str:
    """One line about a wrong setting: where, why, and what was probably meant."""
    where = ".".join(str(step) for step in error["loc"])
    if error["type"] == "extra_forbidden":
        *above, name = (str(step) for step in error["loc"])
        section = _section_at(root, above)
        known = list(section.model_fields) if section else []
        if close := get_close_matches(name, known, n=1):
            return f"{where}: unknown setting; did you mean {'.'.join([*above, close[0]])}?"
        return f"{where}: unknown setting; known there: {', '.join(known)}"
    what = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (it is {_written(given)})" if isinstance(given, int | float | str) else ""
    return f"{where}: {what}{shown}" if where else what


def _section_at(root: type[BaseModel], path: Sequence[str]) -> type[BaseModel] | None:
    section = root
    for step in path:
        field = section.model_fields.get(step)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        section = kind
    return section


def _written(value: object) -> str:
    """As it stands in a TOML file."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case SecretStr() if "://" in value.get_secret_value():
            return _written(value.get_secret_value())
        case SecretStr():
            return '"***"'
        case list() | tuple():
            return "[" + ", ".join(_written(item) for item in value) + "]"
        case str():
            # A JSON string is a TOML string.
            return json.dumps(_without_password(value), ensure_ascii=False)
        case _:
            return str(value)


def _without_password(text: str) -> str:
    """A URL's password must not stand in logs and terminals."""
    if "://" not in text or "@" not in text:
        return text
    try:
        password = urlsplit(text).password
    except ValueError:
        return "***"
    return text if password is None else text.replace(f":{password}@", ":***@")
