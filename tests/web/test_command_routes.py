"""Commands over HTTP: the cost first, done once, written down, and why a trip is as it is."""

from typing import Any

import httpx
from web_town import SHUTTLE, LostTrail, Town, a_town

from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.journal import TrailKind, TrailQuestion

HOLD = {"kind": "hold_shuttle", "shuttle": SHUTTLE}


async def order(
    town: Town, command: dict[str, Any], command_id: str = "c1", **more: Any
) -> httpx.Response:
    body = {"id": command_id, "command": command, "reason": "a child on the road", **more}
    return await town.call("POST", "/commands", town.login("dispatcher", "dora"), json=body)


async def preview(town: Town, command: dict[str, Any]) -> dict[str, Any]:
    answer = await town.call(
        "POST", "/commands/preview", town.login("dispatcher"), json={"command": command}
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def a_day(town: Town) -> str:
    """Two shuttles, and a rider who has a promise; the trip."""
    await town.shuttle_at("P")
    await town.shuttle_at("T", "acme:s2")
    return str((await town.ask(accept="auto"))["trip"])


def shuttle(town: Town, shuttle_id: str = SHUTTLE) -> Any:
    return town.dispatcher.service.core.state.shuttles[ShuttleId(shuttle_id)]


def trip_state(town: Town, trip: str) -> str:
    return town.dispatcher.service.core.state.trips[TripId(trip)].state.value


async def test_the_cost_is_told_before_anything_is_done() -> None:
    async with a_town() as town:
        trip = await a_day(town)
        cancel = {"kind": "cancel_trip", "trip": trip}
        cost = await preview(town, cancel)
        assert trip_state(town, trip) == "accepted"
        (changed,) = cost["trips"]
        assert (changed["trip"], changed["harm"]) == (trip, "ended")
        assert changed["before"]["promise"]["pickup"] == "Q"
        assert changed["after"]["state"] == "cancelled_by_operator"
        assert cost["expected"]["harmed"]["ended"] == [trip]
        done = await order(town, cancel, expected=cost["expected"])
        assert done.json()["accepted"]
        assert trip_state(town, trip) == "cancelled_by_operator"


async def test_a_held_shuttle_is_told_how_long_it_may_stand() -> None:
    async with a_town() as town:
        await a_day(town)
        cost = await preview(town, HOLD)
        # The window closes 240 s after the planned pickup.
        assert 0 < cost["stands_s"] <= 240
        assert cost["trips"] == []


async def test_a_command_is_done_once_and_answered_alike() -> None:
    async with a_town() as town:
        await a_day(town)
        first = await order(town, HOLD)
        assert (first.status_code, first.json()["accepted"]) == (200, True)
        await order(town, {"kind": "release_shuttle", "shuttle": SHUTTLE}, "c2")
        assert (await order(town, HOLD)).json() == first.json()
        assert not shuttle(town).held
        reused = await order(town, {"kind": "withdraw_shuttle", "shuttle": SHUTTLE})
        assert (reused.status_code, reused.json()["code"]) == (409, "COMMAND_ID_REUSED")


async def test_a_refused_command_is_an_answer_and_no_error() -> None:
    async with a_town() as town:
        await a_day(town)
        answer = await order(town, {"kind": "release_shuttle", "shuttle": SHUTTLE})
        assert answer.status_code == 200
        assert answer.json()["refusal"]["code"] == "ALREADY_SO"
        assert answer.json()["refusal"]["remedy"]


async def test_a_cost_that_has_grown_comes_back_and_nothing_is_done() -> None:
    async with a_town() as town:
        trip = await a_day(town)
        cost = await preview(town, {"kind": "close_streets", "stops": ["R"]})
        assert cost["trips"] == []
        agreed = {"kind": "close_streets", "stops": ["S"]}
        answer = await order(
            town,
            agreed,
            expected={"position": cost["expected"]["position"] - 1, "harmed": {}},
        )
        assert answer.status_code == 409
        problem = answer.json()
        assert problem["code"] == "COST_CHANGED"
        assert [each["trip"] for each in problem["cost"]["trips"]] == [trip]
        assert town.dispatcher.service.core.state.closed_stops == ()
        again = await order(town, agreed, "c2", expected=problem["cost"]["expected"])
        assert again.json()["accepted"]
        assert town.dispatcher.service.core.state.closed_stops == ("S",)


async def test_a_line_drawn_on_the_map_closes_the_street_below_it() -> None:
    async with a_town() as town:
        await a_day(town)
        frame = town.dispatcher.site.streets.frame
        ends = [frame.to_point(1000.0, y_m) for y_m in (-50.0, 50.0)]
        line = [{"lat": end.lat, "lon": end.lon} for end in ends]
        answer = await order(town, {"kind": "close_streets", "line": line})
        assert answer.json()["accepted"]
        assert set(town.dispatcher.service.core.state.closed_edges) == {"A>Z", "Z>A"}
        nowhere = [{"lat": 1.0, "lon": 1.0}, {"lat": 1.1, "lon": 1.0}]
        missed = await order(town, {"kind": "close_streets", "line": nowhere}, "c2")
        assert (missed.status_code, missed.json()["code"]) == (422, "UNKNOWN_PLACE")


async def test_commands_are_listed_with_who_why_and_what_came_of_it() -> None:
    async with a_town() as town:
        trip = await a_day(town)
        await order(town, {"kind": "move_trip", "trip": trip, "shuttle": "acme:s9"})
        await order(town, {"kind": "close_streets", "stops": ["R"]}, "c2")
        await order(town, HOLD, "c3")
        page = (await town.call("GET", "/commands", town.login("operator"))).json()
        told = [
            (row["kind"], row["operator"], row["reason"], row["outcome"]["accepted"])
            for row in page["entries"]
        ]
        why = "a child on the road"
        assert told == [
            ("hold_shuttle", "dora", why, True),
            ("close_streets", "dora", why, True),
            ("move_trip", "dora", why, False),
        ]
        held, closed, moved = page["entries"]
        assert held["shuttle"] == SHUTTLE
        assert closed["stops"] == ["R"]
        assert (moved["trip"], moved["outcome"]["refusal"]["code"]) == (trip, "UNKNOWN_SHUTTLE")
        older = await town.call(
            "GET", f"/commands?limit=1&before={closed['position']}", town.login("operator")
        )
        assert [row["id"] for row in older.json()["entries"]] == ["c1"]


async def test_every_command_is_in_the_audit_trail_or_not_done() -> None:
    async with a_town() as town:
        await a_day(town)
        await order(town, HOLD)
        trail = town.web.parts.trail
        (entry,) = (await trail.newest(10, asked=TrailQuestion(TrailKind.COMMAND))).entries
        assert (entry.principal, entry.operation, entry.subject) == (
            "dora",
            "hold_shuttle",
            SHUTTLE,
        )
        assert (entry.reason, entry.command_id) == ("a child on the road", "c1")

        town.web.parts.trail = LostTrail()
        answer = await order(town, {"kind": "withdraw_shuttle", "shuttle": SHUTTLE}, "c2")
        assert (answer.status_code, answer.json()["code"]) == (503, "NOT_AVAILABLE")
        assert not shuttle(town).withdrawn


async def test_why_names_the_shuttles_and_what_decided_but_not_the_rider() -> None:
    async with a_town() as town:
        trip = await a_day(town)
        refused = (await town.ask("ben", party={"seats": 9}))["trip"]
        operator = town.login("operator")
        why = (await town.call("GET", f"/trips/{trip}/why", operator)).json()
        (search, *_) = why["steps"][0]["searches"]
        assert search["chosen"] == SHUTTLE
        assert search["considered"] == 2
        verdicts = {answer["shuttle_id"]: answer["verdict"] for answer in search["answers"]}
        assert verdicts == {SHUTTLE: "chosen", "acme:s2": "dearer"}
        terms = search["answers"][0]["placement"]["price"]["terms"]
        assert {term["term"] for term in terms} == {"driving", "waiting", "riding", "walking"}
        none = await town.call("GET", f"/trips/{refused}/why?shuttles=1", operator)
        (search, *_) = none.json()["steps"][0]["searches"]
        assert (len(search["answers"]), search["considered"]) == (1, 2)
        assert none.json()["refusal"]["reason"] == "NO_SEAT"
        for text in (str(why), none.text):
            assert "ana" not in text
            assert "ben" not in text
            assert "walk_s" not in text
        unknown = await town.call("GET", "/trips/no-such/why", operator)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "UNKNOWN_TRIP")


async def from_the_map(town: Town, **fields: Any) -> str:
    """A trip asked for from a place of the rider's own, near Q."""
    await town.shuttle_at("P")
    await town.shuttle_at("T", "acme:s2")
    stops = {stop["id"]: stop for stop in (await town.call("GET", "/stops")).json()["stops"]}
    place = {"lat": stops["Q"]["lat"] + 0.0004, "lon": stops["Q"]["lon"] + 0.0001}
    return str((await town.ask(**{"from": place, **fields}))["trip"])


async def test_who_may_not_look_where_riders_are_cannot_work_it_out_from_why() -> None:
    """When the rider could be at each of three stops tells where that is, to the metre."""
    async with a_town() as town:
        trip = await from_the_map(town)
        why = (await town.call("GET", f"/trips/{trip}/why", town.login("operator"))).json()
        assert why["blurred"]
        (search, *_) = why["steps"][0]["searches"]
        assert (search["pickups"], search["dropoffs"]) == ([], [])
        assert all(answer["placement"] is None for answer in search["answers"])
        assert {answer["verdict"] for answer in search["answers"]} <= {"chosen", "dearer", "tied"}
        assert not any(name in str(why) for name in ("earliest_s", "walk", "price"))
        assert (await town.web.parts.trail.newest(9)).entries == ()


async def test_who_looks_why_a_trip_from_the_map_is_as_it_is_is_written_down() -> None:
    async with a_town() as town:
        trip = await from_the_map(town)
        dora = town.login("dispatcher", "dora")
        why = (await town.call("GET", f"/trips/{trip}/why", dora)).json()
        assert not why["blurred"]
        assert why["steps"][0]["searches"][0]["pickups"]
        (look,) = (await town.web.parts.trail.newest(9)).entries
        assert (look.kind, look.operation, look.subject) == (TrailKind.LOOK, "whyTrip", trip)
        # Of stops that everybody knows nothing is to be hidden.
        named = str((await town.ask("ben"))["trip"])
        plain = (await town.call("GET", f"/trips/{named}/why", town.login("operator"))).json()
        assert plain["steps"][0]["searches"][0]["pickups"]
        assert len((await town.web.parts.trail.newest(9)).entries) == 1


async def test_operators_are_not_told_how_far_riders_walk() -> None:
    async with a_town() as town:
        trip = await from_the_map(town, alternatives=3)
        own = (await town.call("GET", f"/trips/{trip}", town.login("rider", "ana"))).json()
        assert own["offers"][0]["walk_to_pickup_m"] > 0
        operator = town.login("operator")
        for path in (f"/trips/{trip}", "/trips", f"/trips/{trip}/why"):
            assert "walk" not in (await town.call("GET", path, operator)).text
        feed = town.web.parts.feed
        told = dict(feed.trip_snapshot(TripId(trip), own=False))
        assert b"walk" not in told["trip"]
        assert b"walk" in dict(feed.trip_snapshot(TripId(trip)))["trip"]
        assert feed.trip_topics(TripId(trip), own=False) != feed.trip_topics(TripId(trip))


async def test_the_way_ahead_follows_the_streets_to_the_last_stop() -> None:
    async with a_town() as town:
        await a_day(town)
        path = await town.call("GET", f"/plans/{SHUTTLE}/path", town.login("operator"))
        stops = {stop["id"]: stop for stop in (await town.call("GET", "/stops")).json()["stops"]}
        first, last = path.json()["coordinates"][0], path.json()["coordinates"][-1]
        assert abs(first[0] - stops["P"]["lon"]) < 1e-5
        assert abs(last[0] - stops["S"]["lon"]) < 1e-5


async def test_a_large_closure_can_be_confirmed() -> None:
    async with a_town() as town:
        await a_day(town)
        harmed = {"ended": [f"trip-number-{number:06d}" for number in range(1_900)]}
        answer = await order(
            town,
            {"kind": "close_streets", "stops": ["R"]},
            expected={"position": 1, "harmed": harmed},
        )
        assert answer.status_code == 200, answer.text
