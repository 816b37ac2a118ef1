"""Riders over HTTP: the same desk and journal as over MQTT, and every write can be repeated."""

from typing import Any

import httpx
from sketched_service import NOON_S
from web_town import GUEST_ID, Town, a_town

from dispatcher.codec import EventRecord, decode_payload
from dispatcher.domain.events import OfferAnswered, RequestSubmitted, TripCancelled
from dispatcher.journal import StoreUnavailable


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, which is of this kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["code"] == code
    assert told["status"] == status
    assert told["type"].startswith("urn:ringmaster:problem:")
    assert told["detail"]
    assert told["remedy"]
    return told


async def written(town: Town, kind: type) -> int:
    contents = [decode_payload(record.payload) async for record in town.journal.read()]
    return sum(isinstance(c, EventRecord) and isinstance(c.event, kind) for c in contents)


async def test_a_rider_asks_takes_the_offer_and_gives_it_up() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        offered = await town.ask()
        assert offered["state"] == "offered"
        # P to Q takes 62 s; see the sketched street.
        assert offered["offers"][0]["pickup_expected"] == "2026-09-21T03:01:02Z"
        ana, trip = town.login("rider", "ana"), offered["trip"]
        yes = {"id": "a1", "accept": True}
        accepted = await town.call("POST", f"/trips/{trip}/answer", ana, json=yes)
        assert accepted.json()["state"] in ("accepted", "assigned")
        assert accepted.json()["promise"] == offered["offers"][0]["promise"]
        no = {"id": "c1", "reason": "rain"}
        ended = await town.call("POST", f"/trips/{trip}/cancel", ana, json=no)
        assert ended.json()["state"] == "cancelled_by_rider"
        listed = (await town.call("GET", "/trips", ana)).json()["trips"]
        assert [t["trip"] for t in listed] == [trip]


async def test_sent_again_under_its_id_a_write_changes_nothing() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        first = await town.ask()
        assert await town.ask() == first
        ana, trip = town.login("rider", "ana"), first["trip"]
        for path, body in (
            ("answer", {"id": "a1", "accept": True}),
            ("cancel", {"id": "c1"}),
        ):
            answers = [
                await town.call("POST", f"/trips/{trip}/{path}", ana, json=body) for _ in range(3)
            ]
            assert [a.status_code for a in answers] == [200, 200, 200]
            assert answers[2].json()["state"] == answers[0].json()["state"]
        for kind in (RequestSubmitted, OfferAnswered, TripCancelled):
            assert await written(town, kind) == 1, kind


async def test_an_operator_who_rides_can_ask_for_own_trips_alone() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        own = (await town.ask("ana"))["trip"]
        await town.ask("ben")
        ana = town.login("operator", "ana")
        assert len((await town.call("GET", "/trips", ana)).json()["trips"]) == 2
        listed = (await town.call("GET", "/trips?own=true", ana)).json()["trips"]
        assert [trip["trip"] for trip in listed] == [own]
        quoted = await town.call("POST", "/quotes", ana, json={"from": "Q", "to": "S"})
        assert quoted.json()["offers"]


async def test_another_request_under_the_same_id_is_a_problem() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        await town.ask()
        ana = town.login("rider", "ana")
        other = {"id": "q1", "from": "Q", "to": "T"}
        answer = await town.call("POST", "/trips", ana, json=other)
        assert problem(answer, 409, "REQUEST_ID_REUSED")["request"] == "q1"


async def test_anothers_trip_is_not_there() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        trip = (await town.ask("ana"))["trip"]
        ben = town.login("rider", "ben")
        answers = [
            await town.call("GET", f"/trips/{trip}", ben),
            await town.call("GET", f"/trips/{trip}/events", ben),
            await town.call("POST", f"/trips/{trip}/cancel", ben, json={"id": "c"}),
            await town.call("POST", f"/trips/{trip}/answer", ben, json={"id": "a", "accept": True}),
            await town.call("GET", "/trips/no-such-trip", ben),
        ]
        told = [problem(answer, 404, "UNKNOWN_TRIP") for answer in answers]
        assert all(document == told[0] for document in told)  # nothing tells them apart
        assert (await town.call("GET", "/trips", ben)).json() == {"trips": []}
        assert await written(town, TripCancelled) == 0
        assert (await town.call("GET", f"/trips/{trip}", town.login("operator"))).is_success


async def test_a_refusal_carries_what_binds_and_what_would_do() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        told = await town.ask(party={"seats": 9})
        assert told["state"] == "refused"
        assert told["refusal"]["code"] == "NO_SEAT"
        assert told["refusal"]["nearest"]["party"] == {"seats": 6, "wheelchairs": 1}
        wish = {"from": "Q", "to": "S", "party": {"seats": 9}}
        quoted = await town.call("POST", "/quotes", town.login("rider"), json=wish)
        assert quoted.json()["refusal"] == told["refusal"]


async def test_a_quote_is_what_asking_gives_and_nothing_is_written() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        before = town.dispatcher.service.core.position
        wish = {"from": "Q", "to": "S", "alternatives": 2}
        quoted = await town.call("POST", "/quotes", town.login("rider"), json=wish)
        assert town.dispatcher.service.core.position == before
        offered = (await town.ask())["offers"][0]
        for key in ("promise", "pickup_expected", "dropoff_expected", "odds"):
            assert quoted.json()["offers"][0][key] == offered[key]


async def test_what_a_device_gets_wrong_is_named() -> None:
    async with a_town() as town:
        ana = town.login("rider", "ana")
        unknown = {"id": "q", "from": "Q", "to": "Stop R"}
        told = problem(
            await town.call("POST", "/trips", ana, json={**unknown, "to": "RR"}),
            422,
            "STOP_UNKNOWN",
        )
        assert told["field"] == "to"
        spelt = {**unknown, "to": "S", "form": 1}
        told = problem(await town.call("POST", "/trips", ana, json=spelt), 422, "INVALID")
        assert told["field"] == "form"
        told = problem(await town.call("POST", "/trips", ana, json={}), 422, "INVALID")
        assert "missing" in told["detail"]
        for body in (b"{", b'{"id": NaN}', b'{"id": "a", "id": "b"}', b"[]", b"\xff"):
            answer = await town.call(
                "POST", "/trips", ana, content=body, headers={"Content-Type": "application/json"}
            )
            problem(answer, 400, "UNREADABLE")
        plain = await town.call("POST", "/trips", ana, content=b"{}")
        problem(plain, 415, "NOT_JSON")


async def test_while_the_journal_cannot_be_written_the_rider_is_told_to_come_again() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        town.journal.down = StoreUnavailable("gone")
        wish = {"id": "q1", "from": "Q", "to": "S"}
        answer = await town.call("POST", "/trips", town.login("rider"), json=wish)
        told = problem(answer, 503, "NOT_AVAILABLE")
        assert answer.headers["retry-after"] == str(told["retry_after_s"])


async def test_a_guest_asks_and_follows_by_the_link_alone() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        wish = {"id": GUEST_ID, "from": "Q", "to": "S", "accept": "auto"}
        asked = await town.call("POST", "/guest/trips", json=wish)
        link = asked.json()["link"]
        assert (await town.call("POST", "/guest/trips", json=wish)).json()["link"] == link
        seen = await town.call("GET", f"/guest/trips/{link}")
        assert seen.json()["promise"]["pickup"]["id"] == "Q"
        trip, _, mark = link.partition(".")
        for forged in (trip, f"{trip}.{'A' * len(mark)}", f"t99.{mark}", "x"):
            problem(await town.call("GET", f"/guest/trips/{forged}"), 404, "UNKNOWN_TRIP")
        # The id of the trip lets nobody in, whoever they are.
        ana = town.login("rider", "ana")
        problem(await town.call("GET", f"/trips/{trip}", ana), 404, "UNKNOWN_TRIP")
        ended = await town.call("POST", f"/guest/trips/{link}/cancel", json={"id": "c"})
        assert ended.json()["state"] == "cancelled_by_rider"


async def test_links_are_the_same_for_every_dispatcher_of_the_zone() -> None:
    async with a_town() as town, a_town() as other:
        other.web.parts.links = None
        other.web.parts.trail = town.web.parts.trail
        await other.web._learn_secret()
        assert town.web.parts.links is not None
        assert other.web.parts.links is not None
        link = town.web.parts.links.link("t1")
        assert other.web.parts.links.trip_id(link) == "t1"


async def test_where_guests_are_not_let_in_they_are_asked_to_log_in() -> None:
    async with a_town(auth={"guests": False}) as town:
        wish = {"id": GUEST_ID, "from": "Q", "to": "S"}
        problem(await town.call("POST", "/guest/trips", json=wish), 401, "UNAUTHENTICATED")
        del wish["id"]
        problem(await town.call("POST", "/quotes", json=wish), 401, "UNAUTHENTICATED")
        assert (await town.call("GET", "/zone")).is_success


async def test_a_list_of_trips_goes_on_where_it_ended() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        asked = [(await town.ask(id=f"q{number}"))["trip"] for number in range(5)]
        ana = town.login("rider", "ana")
        first = (await town.call("GET", "/trips?limit=3", ana)).json()
        rest = (await town.call("GET", f"/trips?limit=3&after={first['next']}", ana)).json()
        found = [trip["trip"] for trip in (*first["trips"], *rest["trips"])]
        assert found == asked[::-1]
        assert "next" not in rest
        offered = await town.call("GET", "/trips?state=offered&state=refused", ana)
        assert len(offered.json()["trips"]) == 5
        assert town.clock.now_s() == NOON_S


async def test_what_was_asked_from_the_map_can_be_sent_again_after_it_has_ended() -> None:
    """Where exactly the rider was is known no more; the answer that was lost comes all the same."""
    async with a_town() as town:
        stops = {stop["id"]: stop for stop in (await town.call("GET", "/stops")).json()["stops"]}
        place = {"lat": stops["Q"]["lat"] + 0.0004, "lon": stops["Q"]["lon"] + 0.0001}
        first = await town.ask(**{"from": place})  # no shuttle is there
        assert first["state"] == "refused"
        assert await town.ask(**{"from": place}) == first
        elsewhere = {**place, "lat": place["lat"] + 0.03}
        wish = {"id": "q1", "from": elsewhere, "to": "S"}
        answer = await town.call("POST", "/trips", town.login("rider", "ana"), json=wish)
        assert (answer.status_code, answer.json()["code"]) == (409, "REQUEST_ID_REUSED")
