"""The rider's page in a browser, on a simulated city: order, follow, arrive, and all else."""

import re
import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest
from browser.conftest import Browser, has_count, violations

from dispatcher.web.page import PAGE_POLICY, written
from dispatcher.web.pages import WAITING

WORDS = {
    "en": {"from": "From", "to": "To", "offers": "Show offers", "arrived": "You have arrived"},
    "ko": {"from": "출발", "to": "도착", "offers": "이동편 찾기", "arrived": "도착했습니다"},
}


def choose(page: Any, label: str, typed: str) -> None:
    field = page.get_by_role("combobox", name=label)
    field.fill(typed)
    field.press("Enter")


def ask(page: Any, language: str, origin: str | None, destination: str) -> None:
    words = WORDS[language]
    if origin is not None:
        choose(page, words["from"], origin)
    choose(page, words["to"], destination)
    page.get_by_role("button", name=words["offers"]).click()


def take_the_first(page: Any) -> None:
    page.locator("#take-0").click()
    page.wait_for_url(re.compile("/t/"))
    page.locator("#trip-heading").wait_for()


@pytest.mark.parametrize(("language", "phone", "dark"), [("en", False, False), ("ko", True, True)])
def test_a_guest_orders_follows_and_arrives(
    browser: Browser, language: str, phone: bool, dark: bool
) -> None:
    page = browser.open("/ride", language=language, phone=phone, dark=dark)
    page.locator("#field-from").wait_for()
    assert violations(page) == []
    ask(page, language, "S031", "S042")
    page.locator(".offer").first.wait_for()
    assert violations(page) == []
    take_the_first(page)
    # The shuttle's number, where to stand, and the promise.
    assert re.fullmatch(r"\d+", page.locator(".ticket .shuttle strong").inner_text())
    assert "S031" in page.locator(".stand").inner_text()
    has_count(page.locator(".promise dd"), 2)
    assert violations(page) == []
    # Whoever has the link follows the same trip, without anything else.
    other = browser.open(page.url, language=language)
    other.locator("#trip-heading").wait_for()
    page.get_by_role("heading", name=WORDS[language]["arrived"], exact=True).wait_for()
    other.get_by_role("heading", name=WORDS[language]["arrived"], exact=True).wait_for()
    assert violations(page) == []
    has_count(page.locator(".steps .done"), 7)


def logged_in(page: Any, rider: str) -> None:
    page.locator("#log_in").click()
    page.locator(f"#as-{rider}").click()
    page.locator("#account .who", has_text=rider).wait_for()


@pytest.mark.parametrize(
    ("language", "phone", "dark", "rider"),
    [("en", False, False, "minji"), ("ko", True, True, "junho")],
)
def test_a_rider_logs_in_orders_follows_and_cancels(
    browser: Browser, language: str, phone: bool, dark: bool, rider: str
) -> None:
    page = browser.open("/ride", language=language, phone=phone, dark=dark)
    # What was filled in is still there after the login.
    choose(page, WORDS[language]["from"], "S031")
    page.locator("#log_in").click()
    page.locator(f"#as-{rider}").wait_for()
    assert violations(page) == []
    page.locator(f"#as-{rider}").click()
    page.locator("#account .who", has_text=rider).wait_for()
    ask(page, language, None, "S042")
    page.locator("#take-0").click()
    page.wait_for_url(re.compile("/ride/trip/"))
    page.locator("#trip-heading").wait_for()
    assert violations(page) == []
    has_count(page.locator("#share"), 0)  # there is no link to share
    trip = page.url.rpartition("/")[2]
    page.get_by_role("heading", name=WORDS[language]["arrived"], exact=True).wait_for()
    # Two more, to be cancelled in the list and where it is followed.
    second, third = (a_trip_for_later(page, number) for number in range(2))
    page.locator("#trips").click()
    page.locator(f"[aria-labelledby=recent] #follow-{trip}").wait_for()
    page.locator(f"#cancel-{second}").click()
    page.locator("#cancel-yes").click()
    page.locator(f"#cancel-{second}").wait_for(state="detached")
    page.locator(f"[aria-labelledby=recent] #follow-{second}").wait_for()
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    # The form leads to what is under way.
    page.locator("#again").click()
    page.locator(f"a[href='/ride/trip/{third}']").click()
    page.locator("#cancel").click()
    page.locator("#cancel-yes").click()
    page.locator("#again").wait_for()
    page.locator("#trips").click()
    page.locator(f"#follow-{trip}").click()
    page.wait_for_url(re.compile(f"/ride/trip/{trip}"))
    page.get_by_role("heading", name=WORDS[language]["arrived"], exact=True).wait_for()
    page.locator("#log_out").click()
    page.locator("#log_in").wait_for()
    page.locator("#field-from").wait_for()
    # Nobody sees them any more, and whoever is not logged in is asked to.
    assert page.request.get("/v1/trips").status == 401
    page.goto(f"/ride/trip/{trip}")
    page.locator(f"#as-{rider}").wait_for()
    # Another rider has no such trip.
    page.locator("#as-sora").click()
    page.get_by_role("alert").wait_for()
    assert violations(page) == []


def a_trip_for_later(page: Any, number: int) -> str:
    """Of who is logged in; no shuttle is on its way yet."""
    now = datetime.fromisoformat(page.request.get("/v1/zone").json()["clock"]["now"])
    wish = {
        "id": secrets.token_urlsafe(18),
        "from": "S012",
        "to": "S091",
        "when": {"depart_at": (now + timedelta(hours=3 + number)).isoformat()},
        "accept": "auto",
    }
    answer = page.request.post("/v1/trips", data=wish, headers={"X-Ringmaster-Page": "1"}).json()
    assert answer.get("state") in ("accepted", "assigned"), answer
    return str(answer["trip"])


def test_where_guests_may_not_order_the_page_asks_for_a_token(browser: Browser) -> None:
    page = browser.open("/", phone=True)
    # As a city's dispatcher says it.
    ways = {"guests": False, "tokens": True, "development": False}
    page.route("**/v1/login", lambda route: route.fulfill(json=ways))
    page.goto("/ride/stop/S031")
    page.locator("#token").wait_for()
    assert violations(page) == []
    page.locator("#token").fill("not-a-token")
    page.keyboard.press("Enter")
    page.get_by_text("This token is not believed.").wait_for()
    assert violations(page) == []

    def token(role: str) -> str:
        """Without the cookie that comes with it."""
        other = browser.open("/")
        login = {"role": role, "subject": f"a-{role}"}
        headers = {"X-Ringmaster-Page": "1"}
        return str(other.request.post("/v1/dev/login", data=login, headers=headers).json()["token"])

    page.locator("#token").fill(token("operator"))
    page.keyboard.press("Enter")
    page.get_by_text("The login of a-operator is not a rider's.").wait_for()
    page.locator("#token").fill(token("rider"))
    page.keyboard.press("Enter")
    # Where the code at the stop led to.
    page.locator("#field-from").wait_for()
    assert page.locator("#field-from").input_value()
    ask(page, "en", None, "S042")
    page.locator("#take-0").wait_for()
    # The session goes; the token, which the page has in its memory, makes another.
    page.context.clear_cookies()
    page.locator("#take-0").click()
    page.wait_for_url(re.compile("/ride/trip/"))
    page.locator("#cancel").click()
    page.locator("#cancel-yes").click()
    page.locator("#again").wait_for()
    # Opened anew the page has only the cookie; when that goes, a login is asked for.
    page.context.clear_cookies()
    page.reload()
    page.locator("#token").wait_for()


def test_a_login_that_ends_while_asking_is_asked_for_again(browser: Browser) -> None:
    page = browser.open("/ride")
    page.locator("#log_in").click()
    page.locator("#as-sora").click()
    page.locator("#account .who").wait_for()
    page.reload()  # the token is forgotten, the cookie is there
    page.locator("#account .who").wait_for()
    ask(page, "en", "S031", "S042")
    page.locator("#take-0").wait_for()
    page.context.clear_cookies()
    page.locator("#take-0").click()
    page.get_by_text("Your login has ended.").wait_for()
    assert violations(page) == []
    # Nothing was ordered as a guest behind the rider's back; now the rider may choose to.
    page.locator("#as-guest").click()
    assert page.locator("#field-from").input_value()
    page.locator("button[type=submit]").click()
    take_the_first(page)


def test_pages_of_one_browser_have_one_login(browser: Browser) -> None:
    page = browser.open("/ride")
    logged_in(page, "minji")
    other = page.context.new_page()
    other.goto("/ride")
    other.locator("#account .who", has_text="minji").wait_for()
    other.locator("#log_out").click()
    page.locator("#log_in").wait_for()
    logged_in(page, "junho")
    other.reload()
    other.locator("#account .who", has_text="junho").wait_for()


def test_a_trip_is_cancelled_by_keyboard_alone(browser: Browser) -> None:
    page = browser.open("/ride/stop/S012", phone=True)
    assert page.locator("#field-from").input_value() == "Bodeum-ro & Hapgang Sunhwan-ro 1"
    to = page.locator("#field-to")
    to.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator("#field-to-list [role=option]").nth(1)
    assert to.get_attribute("aria-activedescendant") == second.get_attribute("id")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.type("S091")
    page.keyboard.press("Enter")
    page.locator("button[type=submit]").focus()
    page.keyboard.press("Enter")
    page.locator("#take-0").wait_for()
    page.locator("#take-0").focus()
    page.keyboard.press("Enter")
    page.locator("#cancel").wait_for()
    page.locator("#cancel").focus()
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    assert violations(page) == []
    page.locator("#cancel-yes").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="You have cancelled this trip").wait_for()
    assert "cancelled" in page.locator("#announced").inner_text()
    assert violations(page) == []


def test_what_is_missing_is_said_at_once_and_by_field(browser: Browser) -> None:
    page = browser.open("/ride")
    page.get_by_role("button", name="Show offers").click()
    summary = page.locator("#wrong")
    assert page.evaluate("() => document.activeElement.id") == "wrong"
    has_count(summary.get_by_role("link"), 2)
    assert violations(page) == []
    summary.get_by_role("link").first.click()
    assert page.evaluate("() => document.activeElement.id") == "field-from"
    assert page.locator("#field-from").get_attribute("aria-invalid") == "true"


def test_a_refusal_names_what_binds_and_offers_what_would_work(browser: Browser) -> None:
    page = browser.open("/ride")
    page.get_by_label("Seats", exact=True).fill("19")
    ask(page, "en", "S031", "S042")
    page.get_by_text("No shuttle has that many free seats in time.").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Ride with 10 seats at a time").click()
    page.locator(".offer").first.wait_for()


def test_a_link_that_leads_nowhere_says_so(browser: Browser) -> None:
    page = browser.open("/t/no-such-link")
    page.get_by_text("This link leads to no trip.").wait_for()
    assert violations(page) == []
    page.get_by_role("link", name="Order another trip").click()
    page.locator("#field-from").wait_for()


def a_guests_trip(page: Any, accept: str) -> str:
    """The link of a trip for later, so that nothing changes meanwhile."""
    now = datetime.fromisoformat(page.request.get("/v1/zone").json()["clock"]["now"])
    wish = {
        "id": secrets.token_urlsafe(18),
        "from": "S031",
        "to": "S042",
        "when": {"depart_at": (now + timedelta(hours=4)).isoformat()},
        "accept": accept,
    }
    answer = page.request.post(
        "/v1/guest/trips", data=wish, headers={"X-Ringmaster-Page": "1"}
    ).json()
    states = ("offered",) if accept == "ask" else ("accepted", "assigned")
    assert answer["trip"]["state"] in states, answer
    return str(answer["link"])


class HeldAnswers:
    """Answers of these addresses come only when they are let."""

    def __init__(self, page: Any, path: str) -> None:
        self._page, self._path = page, path
        self._held: list[Any] = []
        page.route(path, lambda route: self._held.append(route))

    def let(self) -> None:
        while not self._held:
            self._page.wait_for_timeout(20)
        with self._page.expect_response(self._path) as answer:
            self._held.pop().continue_()
        assert answer.value.ok
        self._page.unroute(self._path)
        self._page.evaluate("() => new Promise((done) => setTimeout(done, 200))")


def leave_for_the_form(page: Any) -> None:
    page.evaluate(
        "() => { history.pushState({}, '', '/ride'); dispatchEvent(new Event('popstate')); }"
    )
    page.locator("form.ask").wait_for()


@pytest.mark.parametrize("accept", ["ask", "auto"])
def test_an_answer_that_comes_late_leaves_another_view_alone(browser: Browser, accept: str) -> None:
    page = browser.open("/ride")
    page.locator("form.ask").wait_for()
    title = page.title()
    held = HeldAnswers(page, "**/v1/guest/trips/*")
    page.goto(f"/t/{a_guests_trip(page, accept)}")
    page.locator(".trip").wait_for()
    leave_for_the_form(page)
    held.let()
    assert page.locator("form.ask").is_visible()
    assert page.title() == title


def test_a_cancellation_that_is_answered_late_leaves_another_view_alone(browser: Browser) -> None:
    page = browser.open("/ride")
    title = page.title()
    page.goto(f"/t/{a_guests_trip(page, 'auto')}")
    held = HeldAnswers(page, "**/v1/guest/trips/*/cancel")
    page.locator("#cancel").click()
    page.locator("#cancel-yes").click()
    leave_for_the_form(page)
    assert page.locator("a[href^='/t/']").count() == 1  # it is under way, as far as is known
    held.let()
    assert page.locator("form.ask").is_visible()
    assert page.title() == title
    page.reload()
    page.locator("form.ask").wait_for()
    assert page.locator("a[href^='/t/']").count() == 0


def test_stops_are_chosen_on_the_map(browser: Browser) -> None:
    page = browser.open("/ride")
    page.locator(".map[data-drawn]").wait_for()
    stops = page.request.get("/v1/stops").json()["stops"]
    assert len(stops) > 2
    # Anywhere in reach of a stop; the map shows the whole zone, so the middle is full of them.
    box = page.locator(".map").bounding_box()
    spots = [(x / 10, y / 10) for x in range(3, 8) for y in range(3, 8)]
    for right, down in 4 * spots:  # it moves to what was chosen first, and may be in motion
        page.mouse.click(box["x"] + box["width"] * right, box["y"] + box["height"] * down)
        if page.locator("#field-from").input_value() and page.locator("#field-to").input_value():
            break
    names = {stop["names"]["en"] for stop in stops}
    assert page.locator("#field-from").input_value() in names
    assert page.locator("#field-to").input_value() in names


def test_everything_works_without_a_map(chromium_without_webgl: Any, city: str) -> None:
    opened = Browser(chromium_without_webgl, city)
    page = opened.open("/ride", phone=True)
    page.get_by_text("The map cannot be drawn here.").wait_for()
    assert violations(page) == []
    ask(page, "en", "S031", "S042")
    page.locator("#take-0").wait_for()
    take_the_first(page)
    opened.close()


@pytest.mark.parametrize(("path", "language"), [("/", "en"), ("/ride/stops", "ko")])
def test_the_other_pages_are_for_everybody_too(browser: Browser, path: str, language: str) -> None:
    page = browser.open(path, language=language, phone=True, dark=language == "ko")
    assert page.evaluate("() => document.documentElement.lang") == language
    assert violations(page) == []


def test_a_lost_connection_is_said_and_found_again(browser: Browser) -> None:
    page = browser.open("/ride/stop/S031")
    ask(page, "en", None, "S095")
    page.locator("#take-0").wait_for()
    page.route("**/events", lambda route: route.abort())
    take_the_first(page)
    lost = page.get_by_text("Connection lost; trying again.")
    lost.wait_for()
    assert violations(page) == []
    page.unroute("**/events")
    lost.wait_for(state="hidden")
    # The browser itself notes a connection that could not be made.
    browser.wrongs = [wrong for wrong in browser.wrongs if "ERR_FAILED" not in wrong]


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ko", True)])
def test_while_another_takes_over_the_page_says_so_and_comes_by_itself(
    browser: Browser, language: str, dark: bool
) -> None:
    page = browser.open("/", language=language, phone=True, dark=dark)
    headers = {"Retry-After": "1", "Content-Security-Policy": PAGE_POLICY}
    page.route(
        "**/ride/stop/S031",
        lambda route: route.fulfill(
            status=503,
            headers=headers,
            body=written(WAITING, language),
            content_type="text/html; charset=utf-8",
        ),
    )
    page.goto("/ride/stop/S031")
    page.locator("#again").wait_for()
    assert violations(page) == []
    page.unroute("**/ride/stop/S031")
    page.locator("#field-from").wait_for()
    assert page.locator("#field-from").input_value()
    browser.wrongs = [wrong for wrong in browser.wrongs if "status of 503" not in wrong]


def test_the_zones_time_is_shown_wherever_the_reader_is(browser: Browser) -> None:
    page = browser.open("/ride")
    page.locator("#field-from").wait_for()
    # 30 March 2031: clocks go forward in Berlin at 02:00, and never in Seoul.
    shown = page.evaluate(
        """async () => {
          const scripts = document.querySelector("script[type=module]").src;
          const { ZoneTime } = await import(new URL("../shared/time.js", scripts));
          const at = (zone, date, time) =>
            new ZoneTime(zone, { now: "2031-03-29T00:00:00Z", speed: 1 }).instant(date, time);
          return [
            at("Asia/Seoul", "2031-03-30", "08:05"),
            at("Europe/Berlin", "2031-03-30", "01:30"),
            at("Europe/Berlin", "2031-03-30", "03:30"),
            new ZoneTime("Asia/Seoul", { now: "2031-03-29T23:30:00Z", speed: 1 })
              .fields("2031-03-29T23:05:00Z"),
          ];
        }"""
    )
    assert shown == [
        "2031-03-29T23:05:00.000Z",
        "2031-03-30T00:30:00.000Z",
        "2031-03-30T01:30:00.000Z",
        {"date": "2031-03-30", "time": "08:05"},
    ]


def a_broken_trip(stops: dict[str, Any]) -> dict[str, Any]:
    """As the API tells it: shuttle 12 came instead of another, later than was promised."""

    def promise(opens: str, closes: str, latest: str) -> dict[str, Any]:
        return {
            "pickup": stops["S031"],
            "dropoff": stops["S042"],
            "window": {"opens": opens, "closes": closes},
            "dropoff_latest": latest,
            "party": {"seats": 2, "wheelchairs": 1},
        }

    before = promise("2031-03-01T23:05:00Z", "2031-03-01T23:10:00Z", "2031-03-01T23:20:00Z")
    after = promise("2031-03-01T23:12:00Z", "2031-03-01T23:18:00Z", "2031-03-01T23:30:00Z")
    return {
        "version": 1,
        "trip": "t1",
        "request": "q1",
        "state": "assigned",
        "revision": 7,
        "epoch": 1,
        "at": "2031-03-01T23:04:00Z",
        "offers": [],
        "promise": after,
        "shuttle": "acme:s012",
        "pickup_expected": "2031-03-01T23:13:00Z",
        "dropoff_expected": "2031-03-01T23:19:00Z",
        "reason": "Your shuttle broke down. Another shuttle takes you, as promised.",
        "breach": {
            "known": "2031-03-01T23:04:00Z",
            "cause": "shuttle_fault",
            "text": "Your shuttle broke down.",
            "promise": before,
        },
    }


def test_a_broken_promise_is_told_with_its_cause_and_with_what_holds_now(browser: Browser) -> None:
    page = browser.open("/", language="ko", phone=True)
    stops = {stop["id"]: stop for stop in page.request.get("/v1/stops").json()["stops"]}
    page.route("**/v1/guest/trips/a-link", lambda route: route.fulfill(json=a_broken_trip(stops)))
    page.route("**/events", lambda route: route.fulfill(body="", content_type="text/event-stream"))
    page.goto("/t/a-link")
    told = page.get_by_role("alert")
    told.wait_for()
    assert "셔틀에 고장이 났습니다." in told.inner_text()
    assert "8:05" in told.inner_text()  # the window that was promised before
    assert "8:12" in page.locator(".promise").inner_text()
    assert page.locator(".promise p").inner_text() == "좌석 2, 휠체어 자리 1"
    assert page.locator(".ticket .shuttle strong").inner_text() == "12"
    # It comes another day: a time says more than minutes, and the shuttle is not on its way yet.
    assert "8:13" in page.locator(".coming .when").inner_text()
    assert page.locator(".steps .now").inner_text().startswith("예약")
    # Both sentences of the dispatcher's, in the reader's language.
    changes = page.locator(".changes").inner_text()
    assert "셔틀이 고장 났습니다. 다른 셔틀이 약속대로 모십니다." in changes
    assert violations(page) == []
