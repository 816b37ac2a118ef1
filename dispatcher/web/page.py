"""Pages: an HTML body filled into one layout, in the reader's language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from fastapi import Request, Response

from dispatcher.web.static_files import ROOT, static_files
from dispatcher.web.words import COOKIE, LANGUAGES, catalogue, chosen_language

_SLOT: Final = re.compile(r"\{\{(@?)([a-z0-9_.]+)\}\}")
_A_YEAR_S: Final = 31_536_000
# Scripts, styles and pictures are ours alone; none stand in a page's text. The map's own
# pictures are in its style sheet, and it makes others in memory.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """``title`` is a key of the catalogue; paths are below ``static``."""

    title: str
    body: str
    styles: tuple[str, ...] = ()
    module: str | None = None
    with_map: bool = False


def page_answer(
    request: Request,
    page: Page,
    asked: str | None,
    *,
    more: str = "",
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """The page in the language that was asked for. ``more`` is HTML for its slot of that name.

    A language that is asked for is kept in a cookie; nothing else is.
    """
    kept, accepted = request.cookies.get(COOKIE), request.headers.get("accept-language", "")
    language = chosen_language(asked, kept, accepted)
    answer = Response(
        written(page, language).replace("{{@more}}", more),
        status,
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": PAGE_POLICY,
            "Cache-Control": "no-cache",
            "Vary": "Accept-Language, Cookie",
            **headers,
        },
    )
    if asked in LANGUAGES:
        answer.set_cookie(COOKIE, language, max_age=_A_YEAR_S, path="/", samesite="lax")
    return answer


@cache
def written(page: Page, language: str) -> str:
    """The page's HTML. Raises ``KeyError`` where the catalogue lacks a text of it."""
    prefix, words = static_files().prefix, catalogue(language)
    styles = ("shared/base.css", *page.styles)
    if page.with_map:
        styles = ("vendor/maplibre/maplibre-gl.css", *styles)
    links = [f'<link rel="stylesheet" href="{prefix}/{style}">' for style in styles]
    if page.module is not None:
        links.append(f'<script type="module" src="{prefix}/{page.module}"></script>')
    (other,) = (name for name in LANGUAGES if name != language)
    slots = {
        "language": language,
        "other_language": other,
        "static": prefix,
        "title": escape(words[page.title]),
        "links": "\n".join(links),
        "more": "{{@more}}",
    }

    def fill(found: re.Match[str]) -> str:
        return slots[found[2]] if found[1] else escape(words[found[2]])

    layout = (ROOT / "shared" / "layout.html").read_text(encoding="utf-8")
    body = (ROOT / page.body).read_text(encoding="utf-8")
    return _SLOT.sub(fill, layout.replace("{{@body}}", body))
