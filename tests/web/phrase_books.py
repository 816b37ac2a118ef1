"""The pages' phrase books: the dispatcher's sentences, and their keys in the catalogues."""

import re

from dispatcher.web.static_files import static_files

RIDERS = "shared/said.js"
OPERATORS = "ops/told.js"


def phrases(script: str) -> dict[str, str]:
    """Of a page's phrase book: keys by sentences."""
    written = static_files().files[script].content.decode()
    return dict(re.findall(r'^  "([^"]+)": "([^"]+)"', written, re.MULTILINE))


def phrase_of(sentence: str, keys: dict[str, str]) -> str | None:
    return next((each for each in keys if pattern_of(each).fullmatch(sentence)), None)


def pattern_of(english: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(english)))
