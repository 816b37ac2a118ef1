"""The service rules as the journal keeps them, so that what was decided under them stays so."""

import json
from dataclasses import fields, is_dataclass
from typing import Any, Final

import structlog
from pydantic import TypeAdapter, ValidationError

from dispatcher.domain.rules import ServiceRules

log = structlog.get_logger(__name__)

_RULES: Final = TypeAdapter(ServiceRules)


def rules_text(rules: ServiceRules) -> str:
    """Canonical JSON: equal rules give equal text."""
    return json.dumps(_RULES.dump_python(rules, mode="json"), sort_keys=True, separators=(",", ":"))


def rules_of(text: str) -> ServiceRules:
    """The rules that were recorded.

    A rule added since has its default, as it had then; one that is gone since is passed over,
    and said so.

    Raises
    ------
    ValueError
        It cannot be read as rules at all.
    """
    written = json.loads(text)
    if not isinstance(written, dict):
        raise ValueError("recorded rules are not a table")
    try:
        return _RULES.validate_python(_known(written, ServiceRules()), strict=False)
    except ValidationError as error:
        raise ValueError(f"recorded rules: {error}") from error


def _known(written: dict[str, Any], rules: Any) -> dict[str, Any]:
    names = {field.name for field in fields(rules)}
    for name in sorted(set(written) - names):
        log.warning("recorded_rule_unknown", rule=name)
    known = {name: value for name, value in written.items() if name in names}
    for name, value in known.items():
        inner = getattr(rules, name)
        if is_dataclass(inner) and isinstance(value, dict):
            known[name] = _known(value, inner)
    return known
