"""The catalogues: one for each language, with the same keys, and every key that a page uses."""

import re

import pytest

from dispatcher.domain.trips import BreachCause, OfferKind, RefusalReason, TripState
from dispatcher.operators import CloseStreets
from dispatcher.web.access import ACCESS
from dispatcher.web.command_routes import subject_of
from dispatcher.web.command_views import KINDS
from dispatcher.web.static_files import ROOT, static_files
from dispatcher.web.words import LANGUAGES, catalogue

ENGLISH = catalogue("en")
SCRIPTS = {
    name: file.content.decode()
    for name, file in static_files().files.items()
    if name.endswith(".js")
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things_with_the_same_gaps(language: str) -> None:
    texts = catalogue(language)
    assert list(texts) == list(ENGLISH)
    for key, text in texts.items():
        assert text.strip(), key
        # A language may leave the number out of a form that says it by itself.
        assert gaps(text) == gaps(ENGLISH[key]), key


def gaps(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_key_that_is_used_is_there() -> None:
    used: dict[str, str] = {}
    for path in ROOT.rglob("*.html"):
        for key in re.findall(r"\{\{([a-z0-9_.]+)\}\}", path.read_text(encoding="utf-8")):
            used[key] = path.name
    for name, script in SCRIPTS.items():
        for key in re.findall(r'\bt\("([^"]+)"', script):
            used[key] = name
        for key in re.findall(r'\btn\("([^"]+)"', script):
            used[f"{key}.one"] = used[f"{key}.other"] = name
        for key in re.findall(
            r'"((?:trip\.change|said|problem|ask|ride|refusal)\.[\w.]+)"', script
        ):
            if not re.search(rf'\btn\("{re.escape(key)}"', script):
                used[key] = name
    assert used
    assert {key: name for key, name in used.items() if key not in ENGLISH} == {}


def test_every_key_is_used() -> None:
    everything = "\n".join(
        [*SCRIPTS.values(), *(path.read_text(encoding="utf-8") for path in ROOT.rglob("*.html"))]
    )
    made = [re.escape(prefix) for prefix in re.findall(r"`([a-z_]+\.[a-z_.]*)\$\{", everything)]
    for key in ENGLISH:
        plain = re.sub(r"\.(one|other)$", "", key)
        if plain in everything or any(re.match(prefix, key) for prefix in made):
            continue
        # The titles of pages are named where these are put together.
        assert re.fullmatch(r"\w+\.title", key), f"nothing says {key}"


@pytest.mark.parametrize(
    "keys",
    [
        [f"trip.heading.{state}" for state in TripState],
        [f"refusal.{reason}" for reason in RefusalReason],
        [f"trip.cause.{cause}" for cause in BreachCause],
        [f"offers.kind.{kind}" for kind in OfferKind],
    ],
)
def test_whatever_the_dispatcher_tells_has_words(keys: list[str]) -> None:
    assert [key for key in keys if key not in ENGLISH] == []


def test_what_is_in_the_audit_trail_has_words() -> None:
    script = SCRIPTS["ops/audit.js"]
    orders, looks = (
        re.findall(r'"(\w+)"', listed)
        for listed in re.findall(r"const (?:ORDERS|LOOKS) = \[(.*?)\]", script, re.DOTALL)
    )
    assert sorted(orders) == sorted(KINDS.values())
    routes = "\n".join(path.read_text("utf-8") for path in sorted(ROOT.parent.glob("*_routes.py")))
    assert looks == re.findall(r'TrailKind\.LOOK,\s*"(\w+)"', routes)
    keys = [f"ops.do.{kind}" for kind in orders] + [f"ops.looked.{look}" for look in looks]
    keys += [f"ops.role.{role}" for role in ACCESS["previewCommand"]]
    assert [key for key in keys if key not in ENGLISH] == []
    assert f'"{subject_of(CloseStreets())}"' in script
