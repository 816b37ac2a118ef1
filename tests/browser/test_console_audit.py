"""The audit trail in the console: who ordered what, and who looked where a rider is."""

import json
import secrets
from typing import Any

import pytest
from browser.conftest import Browser, has_count, violations
from browser.test_console import a_booked_trip, enter

LOOKS = 30  # more than a page has
WORDS = {
    "en": {
        "look": "Look at a rider's place",
        "hold": "Hold",
        "role": "Admin",
        "none": "No entry fits.",
        "empty": "Nothing has been written down yet.",
        "failed": "The audit trail could not be read.",
    },
    "ko": {
        "look": "승객 위치 조회",
        "hold": "정지",
        "role": "관리자",
        "none": "조건에 맞는 기록이 없습니다.",
        "empty": "아직 기록이 없습니다.",
        "failed": "감사 기록을 불러오지 못했습니다.",
    },
}
ROW = "#panel-audit tbody tr"
# As the page should show an instant, whatever the machine's own time zone.
ZONE_TIME = """([at, zone]) => new Intl.DateTimeFormat(document.documentElement.lang, {
  year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone,
}).format(new Date(at))"""


def hold_and_release(page: Any) -> str:
    """Something that was ordered; the shuttle."""
    shuttle = page.request.get("/v1/shuttles").json()["shuttles"][-1]["id"]
    for kind in ("hold_shuttle", "release_shuttle"):
        command = {"kind": kind, "shuttle": shuttle}
        body = {"id": secrets.token_urlsafe(9), "command": command, "reason": f"of {kind}"}
        answer = page.request.post("/v1/commands", data=body, headers={"X-Ringmaster-Page": "1"})
        assert answer.ok, answer.text()
    return str(shuttle)


@pytest.mark.parametrize(("language", "dark"), [("en", True), ("ko", False)])
def test_an_admin_reads_who_did_what(browser: Browser, language: str, dark: bool) -> None:
    words = WORDS[language]
    page = browser.open("/ops", language=language, dark=dark)
    enter(page, "admin")
    trip = a_booked_trip(page)
    for number in range(LOOKS):
        page.request.get(f"/v1/trips/{trip}/whereabouts?reason=a+lost+phone+{number}")
    shuttle = hold_and_release(page)
    # By keyboard: it is the last tab, so the one before the first.
    page.locator("#tab-shuttles").focus()
    page.keyboard.press("ArrowLeft")
    rows = page.locator(ROW)
    has_count(rows, 25)
    assert page.locator("#tab-audit").get_attribute("aria-selected") == "true"
    assert "of release_shuttle" in rows.nth(0).inner_text()
    held = rows.nth(1).inner_text()
    for part in ("admin-console", words["role"], words["hold"], "of hold_shuttle"):
        assert part in held
    assert words["look"] in rows.nth(2).inner_text()
    assert f"a lost phone {LOOKS - 1}" in rows.nth(2).inner_text()
    newest = page.request.get("/v1/audit?limit=1").json()["entries"][0]
    zone = page.request.get("/v1/zone").json()["timezone"]
    shown = page.evaluate(ZONE_TIME, [newest["at"], zone])
    assert rows.nth(0).locator("time").inner_text() == shown
    assert violations(page) == []
    # Further back and again to the newest, by keyboard.
    page.locator("#audit-older").focus()
    page.keyboard.press("Enter")
    row_numbered(page, newest["number"] - 25)
    page.locator("#audit-newer").focus()
    page.keyboard.press("Enter")
    row_numbered(page, newest["number"])
    assert page.locator("#audit-newer").get_attribute("aria-disabled") == "true"
    # By who, what was done, and about what.
    page.locator("#audit-operation").select_option("getWhereabouts")
    has_count(rows.filter(has_text=words["look"]), 25)
    fill(page, "principal", "ADMIN-con")
    fill(page, "subject", trip[:9])
    page.locator("#audit-older").click()
    has_count(rows, LOOKS - 25)
    assert page.locator("#audit-older").get_attribute("aria-disabled") == "true"
    page.locator("#audit-operation").select_option("hold_shuttle")
    fill(page, "subject", shuttle)
    has_count(rows.filter(has_text=words["look"]), 0)
    assert "of hold_shuttle" in rows.nth(0).inner_text()
    # What it was about is chosen with a key.
    rows.nth(0).locator("button").focus()
    page.keyboard.press("Enter")
    page.locator("#details .facts", has_text=shuttle).wait_for()
    # Nothing fits; all of it again.
    fill(page, "principal", "nobody of that name")
    page.locator(".audit-told", has_text=words["none"]).wait_for()
    has_count(rows, 0)
    assert violations(page) == []
    page.locator("#audit-all").click()
    row_numbered(page, newest["number"])
    assert page.evaluate("document.activeElement.id") == "audit-principal"


def fill(page: Any, field: str, text: str) -> None:
    """Type into a filter, and wait until what fits has come."""
    with page.expect_response(lambda answer: f"{field}=" in answer.url):
        page.locator(f"#audit-{field}").fill(text)
    page.locator("#panel-audit [aria-busy=false]").wait_for()


def row_numbered(page: Any, number: int) -> None:
    """The first row is this one, if not at once then soon."""
    told = page.locator(ROW).nth(0).locator("td.number")
    told.get_by_text(str(number), exact=True).wait_for()


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ko", True)])
def test_that_there_is_nothing_or_no_answer_is_said(
    browser: Browser, language: str, dark: bool
) -> None:
    words = WORDS[language]
    page = browser.open("/ops", language=language, dark=dark)
    enter(page, "admin")
    told = page.locator(".audit-told")
    page.route("**/v1/audit?*", lambda route: route.fulfill(json={"entries": []}))
    page.locator("#tab-audit").click()
    told.get_by_text(words["empty"]).wait_for()
    assert violations(page) == []
    page.unroute("**/v1/audit?*")
    problem = {"status": 503, "code": "TOO_BUSY", "detail": "The store is gone.", "title": "-"}
    page.route(
        "**/v1/audit?*",
        lambda route: route.fulfill(
            status=503, body=json.dumps(problem), content_type="application/problem+json"
        ),
    )
    page.locator("#audit-operation").select_option("move_trip")
    alert = told.locator("[role=alert]")
    alert.get_by_text(words["failed"]).wait_for()
    assert "The store" not in alert.inner_text()  # in the page's language, not the server's
    assert violations(page) == []
    page.unroute("**/v1/audit?*")
    page.locator("#audit-operation").select_option("")
    has_count(alert, 0)
    browser.wrongs[:] = [wrong for wrong in browser.wrongs if "status of 503" not in wrong]


def test_the_trail_is_no_tab_for_who_may_not_read_it(browser: Browser) -> None:
    page = browser.open("/ops", phone=True)
    enter(page, "dispatcher")
    has_count(page.locator("#tab-commands"), 1)
    has_count(page.locator("#tab-audit"), 0)
    assert page.request.get("/v1/audit").status == 403
