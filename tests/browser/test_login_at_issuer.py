"""The pages send who logs in to the issuer and go on when the browser comes back.

What the dispatcher does with what the issuer says is tested in tests/web/test_issuer_login.py;
here the issuer is whatever the test answers.
"""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from browser.conftest import Browser, violations


def at_issuer(page: Any, *said: str, role: str, guests: bool = False) -> None:
    """Each time the browser comes back with the next of ``said``; "" is a login. With "stays" it
    does not come back.
    """
    ways = {"guests": guests, "tokens": True, "development": False, "at_issuer": True}
    answers = iter(said)

    def login(route: Any) -> None:
        told = route.fetch().json()
        route.fulfill(json={**ways, "session": told.get("session")})

    def begin(route: Any) -> None:
        to = parse_qs(urlsplit(route.request.url).query)["to"][0]
        answer = next(answers)
        if not answer:
            page.request.post(
                "/v1/dev/login",
                data={"role": role, "subject": "hana"},
                headers={"X-Ringmaster-Page": "1"},
            )
        end = f"{to}#login={answer}" if answer else to
        if answer == "stays":
            route.fulfill(body="<!doctype html><h1>Who are you?</h1>", content_type="text/html")
            return
        # A redirect that is not fetched cannot be given; a page that leaves at once comes near.
        body = f"<!doctype html><script>location.replace({end!r})</script>"
        route.fulfill(body=body, content_type="text/html")

    page.route("**/v1/login", login)
    page.route("**/v1/login/begin?*", begin)


@pytest.mark.parametrize(("language", "phone"), [("en", False), ("ko", True)])
def test_a_rider_finds_what_was_filled_in_again(
    browser: Browser, language: str, phone: bool
) -> None:
    page = browser.open("/", language=language, phone=phone)
    at_issuer(page, "refused", "failed", "", role="rider")
    page.goto("/ride/stop/S031")
    page.locator("#at-issuer").wait_for()
    assert violations(page) == []
    for _ in range(2):
        page.locator("#at-issuer").click()
        page.locator(".notice[role=status]").wait_for()
        page.wait_for_url(re.compile(r"/ride/stop/S031$"))  # what was said is said once
        assert violations(page) == []
    page.locator("#at-issuer").click()
    page.locator("#account .who", has_text="hana").wait_for()
    page.locator("#field-from").wait_for()
    assert page.locator("#field-from").input_value()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_a_wish_outlives_the_way_to_the_issuer(browser: Browser) -> None:
    page = browser.open("/")
    at_issuer(page, "", role="rider", guests=True)
    page.goto("/ride")
    for field, stop in (("From", "S031"), ("To", "S042")):
        page.get_by_role("combobox", name=field).fill(stop)
        page.keyboard.press("Enter")
    page.get_by_label("Seats", exact=True).fill("3")
    ends = [page.locator(f"#field-{end}").input_value() for end in ("from", "to")]
    assert all(ends)
    page.locator("#log_in").click()
    page.locator("#at-issuer").click()
    page.locator("#account .who", has_text="hana").wait_for()
    assert [page.locator(f"#field-{end}").input_value() for end in ("from", "to")] == ends
    assert page.get_by_label("Seats", exact=True).input_value() == "3"
    page.get_by_role("button", name="Show offers").click()
    page.locator("#take-0").wait_for()
    page.reload()
    assert not page.locator("#field-from").input_value()  # found once


def test_who_gives_up_at_the_issuer_sees_what_is_opened_next(browser: Browser) -> None:
    page = browser.open("/")
    at_issuer(page, "stays", "stays", role="rider", guests=True)
    for opened in ("/t/no-such-link", "/ride/stop/S042"):
        page.goto("/ride")
        page.get_by_role("combobox", name="From").fill("S031")
        page.keyboard.press("Enter")
        page.locator("#log_in").click()
        page.locator("#at-issuer").click()
        page.get_by_role("heading", name="Who are you?").wait_for()
        page.goto(opened)
        if opened.startswith("/t/"):
            page.get_by_text("This link leads to no trip.").wait_for()
        else:
            page.locator("#field-from").wait_for()
            stops = page.request.get("/v1/stops").json()["stops"]
            (stop,) = [stop for stop in stops if stop["id"] == "S042"]
            assert page.locator("#field-from").input_value() == stop["names"]["en"]
        page.goto("/ride")
        page.locator("#field-from").wait_for()
        assert page.locator("#field-from").input_value() == ""


def test_from_a_guests_trip_one_comes_back_to_the_form(browser: Browser) -> None:
    page = browser.open("/")
    at_issuer(page, "", role="rider", guests=True)
    page.goto("/t/no-such-link")
    page.get_by_text("This link leads to no trip.").wait_for()
    page.locator("#log_in").click()
    page.locator("#at-issuer").click()
    page.locator("#account .who", has_text="hana").wait_for()
    page.wait_for_url(re.compile(r"/ride$"))
    # Whoever logs out leaves nothing of what was filled in.
    page.evaluate("() => sessionStorage.setItem('ringmaster.wish', '{}')")
    page.locator("#log_out").click()
    page.locator("#log_in").wait_for()
    assert page.evaluate("() => sessionStorage.getItem('ringmaster.wish')") is None


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ko", True)])
def test_an_operator_logs_in_there(browser: Browser, language: str, dark: bool) -> None:
    page = browser.open("/", language=language, dark=dark)
    at_issuer(page, "refused", "", role="operator")
    page.goto("/ops")
    page.locator("#at-issuer").wait_for()
    assert violations(page) == []
    page.locator("#at-issuer").click()
    page.wait_for_function("() => document.querySelector('#login-wrong')?.textContent")
    assert violations(page) == []
    page.locator("#login summary").click()
    page.locator("#token").wait_for()
    assert violations(page) == []
    page.locator("#at-issuer").click()
    page.locator("#login").wait_for(state="hidden")
