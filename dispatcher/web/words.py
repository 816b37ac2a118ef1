"""The pages' words: one catalogue for each language, used here and in the pages themselves."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from dispatcher.web.static_files import ROOT

LANGUAGES: Final = ("en", "ko")
COOKIE: Final = "ringmaster_language"
_RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*"
)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Texts by key."""
    path = ROOT / "shared" / "i18n" / f"{language}.json"
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


def chosen_language(asked: str | None, kept: str | None, accepted: str) -> str:
    """Which language a page speaks: as asked, else as last asked, else as the browser accepts."""
    for language in (asked, kept):
        if language in LANGUAGES:
            return language
    return _accepted(accepted)


def _accepted(header: str) -> str:
    best, weight = LANGUAGES[0], 0.0
    for part in header[:500].split(","):
        found = _RANGE.fullmatch(part)
        if found is None or found[1].lower() not in LANGUAGES:
            continue
        its = float(found[2]) if found[2] else 1.0
        if its > weight:
            best, weight = found[1].lower(), its
    return best
