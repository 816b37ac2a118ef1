"""Pages say who is logged in as it is, also when something goes wrong."""

from typing import Any

import pytest
from browser.conftest import Browser, violations

TROUBLE = {
    "type": "urn:ringmaster:problem:too-many-requests",
    "title": "Too many requests",
    "status": 429,
    "code": "TOO_MANY_REQUESTS",
    "detail": "Too many requests are coming in.",
    "remedy": "Send it again.",
}


def logging_out_fails(page: Any) -> None:
    def answer(route: Any) -> None:
        if route.request.method == "DELETE":
            route.fulfill(status=429, json=TROUBLE, content_type="application/problem+json")
        else:
            route.continue_()

    page.route("**/v1/session", answer)


def logged_in(page: Any, rider: str) -> None:
    page.locator("#log_in").click()
    page.locator(f"#as-{rider}").click()
    page.locator("#account .who", has_text=rider).wait_for()


@pytest.mark.parametrize(
    ("language", "phone", "said"),
    [("en", False, "you may still be logged in"), ("ko", True, "아직 로그인되어 있을 수 있습니다")],
)
def test_a_rider_is_told_where_logging_out_did_not_work(
    browser: Browser, language: str, phone: bool, said: str
) -> None:
    page = browser.open("/ride", language=language, phone=phone, dark=phone)
    logged_in(page, "minji")
    logging_out_fails(page)
    page.locator("#log_out").click()
    page.locator("#not-left[role=alert]", has_text=said).wait_for()
    assert "minji" in page.locator("#account .who").inner_text()
    assert page.request.get("/v1/session").json()["subject"] == "minji"
    assert violations(page) == []
    page.unroute("**/v1/session")
    page.locator("#log_out").click()
    page.locator("#log_in").wait_for()
    assert page.locator("#not-left").count() == 0
    assert page.request.get("/v1/session").status == 401


def test_who_may_not_ride_and_cannot_be_logged_out_can_try_again(browser: Browser) -> None:
    page = browser.open("/")
    ways = {"guests": False, "tokens": True, "at_issuer": False, "development": False}
    page.route("**/v1/login", lambda route: route.fulfill(json=ways))
    login = {"role": "operator", "subject": "olga"}
    answer = page.request.post("/v1/dev/login", data=login, headers={"X-Ringmaster-Page": "1"})
    page.goto("/ride")
    logging_out_fails(page)
    page.locator("#token").fill(answer.json()["token"])
    page.keyboard.press("Enter")
    page.locator("#not-left").wait_for()
    assert "olga" in page.locator("#account .who").inner_text()
    assert page.locator("#trips").count() == 0
    page.unroute("**/v1/session")
    page.locator("#log_out").click()
    page.locator("#not-left").wait_for(state="detached")
    assert page.request.get("/v1/session").status == 401


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ko", True)])
def test_an_operator_is_told_where_logging_out_did_not_work(
    browser: Browser, language: str, dark: bool
) -> None:
    page = browser.open("/ops", language=language, dark=dark)
    page.locator("#login button[type=submit]").click()
    page.locator("#log-out").wait_for()
    logging_out_fails(page)
    page.locator("#log-out").click()
    page.locator("dialog[open] #not-left").wait_for()
    assert violations(page) == []
    page.locator("#log-out-again").click()
    page.locator("dialog[open] #not-left").wait_for()
    assert page.request.get("/v1/session").ok
    page.unroute("**/v1/session")
    page.locator("#log-out-again").click()
    page.locator("#login button[type=submit]").wait_for()
    assert page.request.get("/v1/session").status == 401


def logs_in_unheard(page: Any, rider: str) -> None:
    """As after the issuer's redirect: the cookie is another's by now, and no page was told."""
    login = {"role": "rider", "subject": rider}
    page.request.post("/v1/dev/login", data=login, headers={"X-Ringmaster-Page": "1"})


def test_a_login_at_the_issuer_is_known_to_all_pages(browser: Browser) -> None:
    page = browser.open("/ride")
    logged_in(page, "minji")
    other = page.context.new_page()
    logs_in_unheard(page, "junho")
    other.goto("/ride")
    other.locator("#account .who", has_text="junho").wait_for()
    page.locator("#account .who", has_text="junho").wait_for()


def test_a_page_that_has_not_heard_of_a_login_orders_nothing(browser: Browser) -> None:
    page = browser.open("/ride/stop/S031")
    logged_in(page, "minji")
    page.get_by_role("combobox", name="To").fill("S042")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Show offers").click()
    page.locator("#take-0").wait_for()
    logs_in_unheard(page, "sora-2")
    page.locator("#take-0").click()
    page.locator("#account .who", has_text="sora-2").wait_for()
    assert page.request.get("/v1/trips").json()["trips"] == []


# The device's clock is two hours fast, and what the page waits for is noted.
FAST_CLOCK = """
    const rightly = Date.now.bind(Date);
    Date.now = () => rightly() + 7_200_000;
    const later = setTimeout;
    window.waits = [];
    window.setTimeout = (act, ms, ...more) => {
      window.waits.push(ms);
      return later(act, ms, ...more);
    };
"""


def test_a_device_whose_clock_is_fast_stays_logged_in_as_long_as_any(browser: Browser) -> None:
    page = browser.open("/")
    page.add_init_script(FAST_CLOCK)
    page.goto("/ride")
    logged_in(page, "minji")
    # 15 minutes; with the token it is renewed a minute before, without it ends then.
    for least_ms, most_ms in ((800_000, 840_000), (860_000, 900_000)):
        waits = page.evaluate("() => window.waits")
        assert least_ms < max(waits) <= most_ms, waits
        assert 5_000 not in waits
        page.reload()
        page.locator("#account .who", has_text="minji").wait_for()
