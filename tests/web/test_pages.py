"""Pages, their files and the stops' codes, as a browser gets them."""

import gzip
import re

import httpx
import pytest
from web_town import Town, a_town

from dispatcher.web.page import PAGE_POLICY
from dispatcher.web.static_files import static_files
from dispatcher.web.words import chosen_language

PAGES = (
    "/",
    "/ride",
    "/ride/stop/Q",
    "/ride/stops",
    "/ride/trips",
    "/ride/trip/t1",
    "/t/some-link",
    "/ops",
)


async def get(town: Town, path: str, **headers: str) -> httpx.Response:
    async with town.client(headers) as client:
        return await client.get(path)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_runs_nothing_but_its_own_files(path: str) -> None:
    async with a_town() as town:
        page = await get(town, path)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"] == PAGE_POLICY
        assert "unsafe" not in PAGE_POLICY
        assert page.headers["cache-control"] == "no-cache"
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", page.text)
        for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
            answer = await get(town, address)
            assert answer.status_code == 200, address
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_page_opens_with_a_login_that_has_ended() -> None:
    async with a_town() as town:
        gone = {"Cookie": "ringmaster_session=long-gone"}
        assert (await get(town, "/ride", **gone)).status_code == 200
        # The API says so once, and takes the cookie back.
        told = await get(town, "/v1/zone", **gone)
        assert told.status_code == 401
        assert "ringmaster_session=; Path=/; Max-Age=0" in told.headers["set-cookie"]


async def test_every_module_names_only_files_that_are_there() -> None:
    files = static_files().files
    for name, file in files.items():
        if not name.endswith(".js"):
            continue
        for relative in re.findall(r'from "(\.[^"]+)"', file.content.decode()):
            parts = name.split("/")[:-1]
            for step in relative.split("/"):
                if step == "..":
                    parts.pop()
                elif step != ".":
                    parts.append(step)
            assert "/".join(parts) in files, f"{name} imports {relative}"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("ride/ride.js", "text/javascript; charset=utf-8"),
        ("vendor/maplibre/maplibre-gl.mjs", "text/javascript; charset=utf-8"),
        ("shared/base.css", "text/css; charset=utf-8"),
        ("shared/i18n/ko.json", "application/json"),
        ("vendor/maplibre/LICENSE.txt", "text/plain; charset=utf-8"),
    ],
)
async def test_files_have_types_and_may_be_packed(path: str, media_type: str) -> None:
    files = static_files()
    async with a_town() as town:
        address = f"{files.prefix}/{path}"
        plain = await get(town, address, **{"Accept-Encoding": "identity"})
        assert plain.headers["content-type"] == media_type
        assert plain.content == files.files[path].content
        assert "content-encoding" not in plain.headers
        packed = await get(town, address, **{"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content  # unpacked by the client
        assert gzip.decompress(files.files[path].packed) == plain.content


async def test_files_of_an_older_page_are_not_kept() -> None:
    async with a_town() as town:
        answer = await get(town, "/static/0123456789abcdef/ride/ride.js")
        assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["ride/page.html", "../page.py", "%2e%2e/page.py", "nothing.js"])
async def test_nothing_else_is_served(path: str) -> None:
    async with a_town() as town:
        assert (await get(town, f"{static_files().prefix}/{path}")).status_code == 404


async def test_a_page_speaks_as_asked_and_stays_with_it() -> None:
    async with a_town() as town, town.client({"Accept-Language": "ko-KR,ko;q=0.9"}) as client:
        assert '<html lang="ko">' in (await client.get("/")).text
        assert '<html lang="en">' in (await client.get("/?lang=en")).text
        assert '<html lang="en">' in (await client.get("/ride")).text
        assert "셔틀" in (await client.get("/ride?lang=ko")).text


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "chosen"),
    [
        (None, None, "", "en"),
        (None, None, "ko", "ko"),
        (None, None, "fr, ko;q=0.3, en;q=0.2", "ko"),
        (None, None, "en-GB, ko", "en"),
        (None, None, "ko;q=0", "en"),
        (None, None, ";;q=x,,", "en"),
        (None, "ko", "en", "ko"),
        ("en", "ko", "ko", "en"),
        ("xx", "yy", "ko", "ko"),
    ],
)
def test_which_language(asked: str | None, kept: str | None, accepted: str, chosen: str) -> None:
    assert chosen_language(asked, kept, accepted) == chosen


async def test_a_stops_code_is_a_picture_of_its_address() -> None:
    async with a_town() as town:
        code = await get(town, "/v1/stops/Q/qr.svg")
        assert code.headers["content-type"] == "image/svg+xml"
        assert code.text.startswith("<svg xmlns=")
        other = await get(town, "/v1/stops/R/qr.svg")
        assert other.text != code.text
        assert (await get(town, "/v1/stops/nowhere/qr.svg")).status_code == 404
        signs = (await get(town, "/ride/stops")).text
        riders = [stop for stop in town.dispatcher.site.zone.stops if stop.kind != "depot"]
        assert signs.count("<svg") == len(riders) + 1  # and the one in the bar
        assert 'href="http://127.0.0.1/ride/stop/Q"' in signs


async def test_codes_lead_to_the_address_that_riders_know() -> None:
    async with a_town(http={"public_url": "https://ride.example"}) as town:
        assert 'href="https://ride.example/ride/stop/Q"' in (await get(town, "/ride/stops")).text
