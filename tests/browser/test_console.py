"""The operator's console in a browser, on a simulated city: watch, ask why, order, close."""

import json
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest
from browser.conftest import Browser, has_count, violations

WORDS = {
    "en": {
        "kept": "No promise is broken.",
        "done": "Done",
        "held": "Held",
        "closed": "Closed",
        "late": "Trip t-1: Your trip is delayed; see the new times. (cause: Delay)",
    },
    "ko": {
        "kept": "깨지는 약속이 없습니다.",
        "done": "실행됨",
        "held": "정지됨",
        "closed": "폐쇄",
        "late": "이동 t-1: 이동이 늦어집니다. 새 시각을 확인해 주세요. (원인: 지연)",
    },
}


def enter(page: Any, role: str = "dispatcher") -> None:
    page.locator(f"input[value={role}]").check()
    page.locator("#login button[type=submit]").click()
    page.locator("#panel-shuttles tbody tr").first.wait_for()


def a_booked_trip(page: Any, origin: Any = "S031") -> str:
    """Booked for later, so that no shuttle is on its way yet."""
    now = datetime.fromisoformat(page.request.get("/v1/zone").json()["clock"]["now"])
    wish = {
        "id": secrets.token_urlsafe(18),
        "from": origin,
        "to": "S042",
        "when": {"depart_at": (now + timedelta(hours=2)).isoformat()},
        "accept": "auto",
    }
    answer = page.request.post(
        "/v1/guest/trips", data=wish, headers={"X-Ringmaster-Page": "1"}
    ).json()
    assert answer.get("trip", {}).get("state") == "accepted", answer
    return str(answer["trip"]["trip"])


def choose_trip(page: Any, trip: str) -> None:
    page.locator("#tab-trips").click()
    page.locator("#panel-trips input[type=search]").fill(trip)
    row = page.locator("#panel-trips tbody tr", has_text=trip[:6])
    row.locator(".choose").click()
    page.locator("#details h2", has_text=trip[:6]).wait_for()


def confirm(page: Any, reason: str) -> None:
    """As the dialog asks: a reason, and only once the cost is there."""
    page.locator(".cost-rest").wait_for()
    page.locator("#order-reason").fill(reason)
    page.locator("#order-confirm").click()
    page.locator("dialog").wait_for(state="detached")


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ko", True)])
def test_an_operator_sees_the_cost_and_orders(browser: Browser, language: str, dark: bool) -> None:
    words = WORDS[language]
    page = browser.open("/ops", language=language, dark=dark)
    page.locator("#login button[type=submit]").wait_for()
    assert violations(page) == []
    enter(page)
    assert violations(page) == []
    # Hold a shuttle, by keyboard alone.
    row = page.locator("#panel-shuttles .choose").nth(1)
    shuttle = row.inner_text()
    row.focus()
    page.keyboard.press("Enter")
    page.locator("#do-hold_shuttle").focus()
    page.keyboard.press("Enter")
    page.locator(".cost-rest").wait_for()
    assert violations(page) == []
    page.keyboard.press("Enter")  # without a reason
    assert page.locator("#order-reason").get_attribute("aria-invalid") == "true"
    page.keyboard.type("a child on the road")
    page.keyboard.press("Enter")
    page.locator("dialog").wait_for(state="detached")
    page.locator("#details .badge", has_text=words["held"]).wait_for()
    # Move a booked trip: the cost says that its promise is kept.
    trip = a_booked_trip(page)
    choose_trip(page, trip)
    before = page.locator("#details .facts button[id^=to-shuttle]").inner_text()
    page.locator("#do-move_trip").click()
    page.locator(".notice", has_text=words["kept"]).wait_for()
    confirm(page, "a wheelchair is to follow")
    page.wait_for_function(
        "was => document.querySelector('#details button[id^=to-shuttle]')?.innerText !== was",
        arg=before,
    )
    # Why it had been given to that one: every shuttle, and the cost by term.
    page.locator("#do-why").click()
    page.locator(".why-table").wait_for()
    has_count(page.locator(".terms tbody tr"), 5)
    assert before in page.locator(".why-table tr.chosen").inner_text()
    story = page.locator(".story").inner_text()
    assert "a wheelchair is to follow" in story
    if language == "ko":
        whole = page.locator("dialog.why").inner_text()
        # Names and ids, and what an operator gave as a reason, are as they are.
        rest = re.sub(r"이동 \S+|dispatcher-console|“a wheelchair is to follow”", "", whole)
        assert re.findall("[a-z]{2,}", rest) == []
    assert violations(page) == []
    page.locator("#why-close").click()
    # What was ordered, by whom and why.
    page.locator("#tab-commands").click()
    log = page.locator("#panel-commands tbody tr").first
    log.get_by_text("a wheelchair is to follow").wait_for()
    assert words["done"] in log.inner_text()
    assert violations(page) == []
    page.locator("#tab-lanes").click()
    page.locator(".lanes svg .visit").first.wait_for()
    assert violations(page) == []
    page.locator("#lanes-table").click()
    page.locator("#panel-lanes tbody tr").first.wait_for()
    assert violations(page) == []
    # Let the shuttle go again, for the other tests.
    page.locator("#tab-shuttles").click()
    page.locator("#panel-shuttles .choose", has_text=re.compile(f"^{shuttle}$")).click()
    page.locator("#do-release_shuttle").click()
    confirm(page, "the road is free")


def test_streets_are_closed_by_name_by_click_and_by_drawing(browser: Browser) -> None:
    page = browser.open("/ops")
    enter(page)
    page.locator("#do-close_streets").click()
    page.locator("#close-search").fill("S090")
    page.locator("#found-0").click()
    chosen = page.locator(".places li")
    has_count(chosen, 1)
    # A street or stop by a click; where there is none, a little further.
    page.get_by_role("button", name="Whole zone").click()
    box = page.locator(".map canvas.maplibregl-canvas").bounding_box()
    middle = box["y"] + box["height"] / 2
    for step in range(20):
        page.mouse.click(box["x"] + box["width"] * (0.3 + 0.02 * step), middle)
        if chosen.count() == 2:
            break
    has_count(chosen, 2)
    # A line of single clicks, right across the map.
    page.locator("#close-draw").click()
    for part in (0.45, 0.5):
        page.mouse.click(box["x"] + box["width"] * part, middle)
    page.get_by_text("Streets under the line").wait_for()
    assert violations(page) == []
    page.locator("#close-next").click()
    page.locator(".cost-rest").wait_for()
    assert violations(page) == []
    confirm(page, "road works")
    closed = page.request.get("/v1/closures").json()
    assert "S090" in closed["stops"]
    assert closed["edges"]
    # Open all of it again: what is closed is named in the log, too.
    body = {
        "id": secrets.token_urlsafe(9),
        "command": {"kind": "open_streets", "stops": closed["stops"], "edges": closed["edges"]},
        "reason": "done",
    }
    opened = page.request.post("/v1/commands", data=body, headers={"X-Ringmaster-Page": "1"})
    assert opened.json()["accepted"]


def test_who_may_only_look_is_offered_no_orders(browser: Browser) -> None:
    page = browser.open("/ops", phone=True)
    enter(page, "operator")
    page.locator("#panel-shuttles .choose").first.click()
    page.locator("#details h2").wait_for()
    has_count(page.locator("#details .actions"), 0)
    assert violations(page) == []


def test_a_refused_order_says_why_and_what_to_do(browser: Browser) -> None:
    page = browser.open("/ops", language="ko")
    enter(page)
    page.locator("#panel-shuttles .choose").first.click()
    refusal = {
        "code": "STOP_FULL",
        "text": "Stop S031 has 2 berths, and none is left.",
        "remedy": "Send a shuttle away from there first, or name another stop.",
    }
    cost = {"at": "2026-03-02T08:00:00+09:00", "refusal": refusal, "trips": [], "shuttles": []}
    page.route("**/v1/commands/preview", lambda route: route.fulfill(json=cost))
    page.locator("#do-hold_shuttle").click()
    notice = page.locator("dialog .notice.bad")
    notice.wait_for()
    stops = page.request.get("/v1/stops").json()["stops"]
    (name,) = [stop["names"]["ko"] for stop in stops if stop["id"] == "S031"]
    assert f"{name} 정류장의 정차면 2개가 모두 찼습니다." in notice.inner_text()
    assert "다른 정류장을 고르세요" in notice.inner_text()
    has_count(notice.locator("[lang]"), 0)
    assert page.locator("#order-confirm").get_attribute("aria-disabled") == "true"
    assert violations(page) == []


def test_why_keeps_from_who_only_watches_where_a_rider_is(browser: Browser) -> None:
    page = browser.open("/ops")
    enter(page, "operator")
    stops = page.request.get("/v1/stops").json()["stops"]
    (stop,) = [stop for stop in stops if stop["id"] == "S031"]
    trip = a_booked_trip(page, {"lat": stop["lat"] + 0.0005, "lon": stop["lon"]})
    choose_trip(page, trip)
    page.locator("#do-why").click()
    page.locator("dialog .notice", has_text="from a place on the map").wait_for()
    has_count(page.locator(".why-table thead th"), 2)
    has_count(page.locator(".why-table tr.chosen td"), 1)
    has_count(page.locator(".terms"), 0)
    assert violations(page) == []


@pytest.mark.parametrize(("language", "dark"), [("en", True), ("ko", False)])
def test_alerts_say_what_to_do_and_when_they_are_over(
    browser: Browser, language: str, dark: bool
) -> None:
    page = browser.open("/ops", language=language, dark=dark)
    page.route("**/v1/live", lambda route: route.fulfill(**a_bad_moment(page)))
    enter(page)
    alerts = page.locator(".alert")
    alerts.first.wait_for()
    told = alerts.evaluate_all("all => all.map(each => each.className)")
    # The silent shuttle, the broken promise, the low battery and a crowded stop hold; the fault is
    # over, and so, as was told after the snapshot, is the crowd at another stop.
    assert sorted(told) == ["alert"] * 2 + ["alert grave"] * 2 + ["alert over"] * 2
    assert page.locator("#alerts-count").inner_text() == "4"
    has_count(page.locator(".alert .todo"), 4)
    names = {
        stop["id"]: stop["names"][language]
        for stop in page.request.get("/v1/stops").json()["stops"]
    }
    has_count(page.locator(".alert.over", has_text=names["S042"]), 1)
    has_count(page.locator(".alert:not(.over)", has_text=names["S031"]), 1)
    more = page.locator(".alert details")
    more.evaluate_all("all => all.forEach(each => (each.open = true))")
    has_count(more.locator("p[lang]"), 0)  # all is known, so in the page's language
    has_count(more.get_by_text(WORDS[language]["late"]), 1)
    has_count(more.get_by_text(re.compile(re.escape(names["S031"]))), 1)
    assert violations(page) == []
    page.locator(".alert.over .button").first.click()
    page.locator(".alert.over .button").first.click()
    has_count(alerts, 4)
    page.locator(".alert.grave .link").first.click()
    page.locator("#details h2").wait_for()
    assert violations(page) == []


def a_bad_moment(page: Any) -> dict[str, Any]:
    """The city as it is, but that two shuttles and a trip are in trouble."""
    shuttles = page.request.get("/v1/shuttles").json()["shuttles"]
    clock = page.request.get("/v1/zone").json()["clock"]
    now = datetime.fromisoformat(clock["now"])
    for shuttle in shuttles:
        shuttle.update(silent=False, status="driving", battery_pct=80.0, charging=False)
    silent, low, well = shuttles[:3]
    silent.update(silent=True, status="offline")
    low.update(battery_pct=9.0)
    past = (now - timedelta(minutes=9)).isoformat()
    promise = {
        "pickup": "S031",
        "dropoff": "S042",
        "window": {"opens": past, "closes": (now + timedelta(hours=8)).isoformat()},
        "dropoff_latest": (now + timedelta(hours=9)).isoformat(),
        "party": {"seats": 2, "wheelchairs": 0},
    }
    trip = {"trip": "t-1", "state": "accepted", "revision": 3, "asked": past, "promise": promise}
    trip |= {"shuttle": well["id"], "breach": "delay"}
    crowd = {"at": past, "kind": "stop_crowded", "shuttle": well["id"], "over": False}
    crowded = f"{well['id']}, {low['id']} are at stop {{}}, where there are 1 berths."
    ended = {**crowd, "number": 5, "stop": "S042", "text": crowded.format("S042")}
    late = "Trip t-1: Your trip is delayed; see the new times. (delay)"
    motor = f"{well['id']} cannot drive on: motor"
    unheard = f"{silent['id']} has not been heard; its plan runs out."
    alerts = [
        ended,
        {**crowd, "number": 4, "stop": "S031", "text": crowded.format("S031")},
        {"number": 3, "at": past, "kind": "promise_breached", "text": late, "trip": "t-1"},
        {"number": 2, "at": past, "kind": "shuttle_fault", "text": motor, "shuttle": well["id"]},
        {"number": 1, "at": past, "kind": "shuttle_silent", "text": unheard}
        | {"shuttle": silent["id"]},
    ]
    snapshot = {"clock": clock, "shuttles": shuttles, "trips": [trip], "alerts": alerts}
    snapshot["closures"] = {"edges": [], "stops": []}
    body = f"event: snapshot\ndata: {json.dumps(snapshot)}\n\n"
    body += f"event: alert\ndata: {json.dumps({**ended, 'over': True})}\n\n"
    return {"status": 200, "content_type": "text/event-stream", "body": body}
