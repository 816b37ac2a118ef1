"""What operators see, and what is written down when they look where a rider is."""

from sketched_service import NOON_S
from web_town import SHUTTLE, LostTrail, Town, a_town

from dispatcher.domain.events import ShuttleReported, StreetsClosed
from dispatcher.domain.ids import EdgeId, OperatorId, ShuttleId, StopId
from dispatcher.domain.shuttles import DriveMode, Fault, FaultLevel


async def a_day(town: Town) -> str:
    """Two shuttles and a rider who has a promise; the trip."""
    await town.shuttle_at("P")
    await town.shuttle_at("T", "acme:s2")
    return str((await town.ask(accept="auto"))["trip"])


async def breaks_down(town: Town, shuttle: str) -> None:
    state = town.dispatcher.service.core.state.shuttles[ShuttleId(shuttle)]
    await town.dispatcher.service.submit_event(
        ShuttleReported(
            0,
            ShuttleId(shuttle),
            state.x_m,
            state.y_m,
            80.0,
            False,
            DriveMode.AUTOMATIC,
            False,
            (Fault("motor", FaultLevel.FATAL),),
            (),
        )
    )


async def test_shuttles_are_shown_with_place_load_battery_and_plan() -> None:
    async with a_town() as town:
        trip = await a_day(town)
        answer = await town.call("GET", "/shuttles", town.login("operator"))
        first, second = answer.json()["shuttles"]
        assert first["id"] == SHUTTLE
        assert first["status"] == "driving"
        assert first["battery_pct"] == 90.0
        assert first["capacity"] == {"seats": 6, "wheelchairs": 1}
        assert first["aboard"] == {"seats": 0, "wheelchairs": 0}
        stop = {s["id"]: s for s in (await town.call("GET", "/stops")).json()["stops"]}["P"]
        for axis in ("lat", "lon"):
            assert abs(first["place"][axis] - stop[axis]) < 1e-5
        pickup, dropoff = first["plan"]["visits"]
        assert (pickup["stop"], pickup["boards"]) == ("Q", [trip])
        assert (dropoff["stop"], dropoff["alights"]) == ("S", [trip])
        assert pickup["arrive"] == "2026-09-21T03:01:02Z"  # P to Q takes 62 s
        assert pickup["released"]
        assert second["status"] == "idle"
        assert second["plan"]["visits"] == []
        plan = await town.call("GET", f"/plans/{SHUTTLE}", town.login("operator"))
        assert plan.json() == first["plan"]


async def test_promises_are_shown_with_what_is_left_of_them() -> None:
    async with a_town() as town:
        trip = await a_day(town)
        answer = await town.call("GET", "/promises", town.login("operator"))
        (row,) = answer.json()["promises"]
        assert row["trip"] == trip
        # The window closes 240 s after the planned pickup; 600 s are left at the drop-off.
        assert row["slack_s"] == 240
        assert row["promise"]["pickup"]["id"] == "Q"


async def test_alerts_and_figures_tell_what_has_happened() -> None:
    async with a_town() as town:
        await a_day(town)
        await town.ask("ben", party={"seats": 9})
        await breaks_down(town, SHUTTLE)
        operator = town.login("operator")
        alerts = (await town.call("GET", "/alerts", operator)).json()["alerts"]
        assert {"shuttle_fault"} <= {alert["kind"] for alert in alerts}
        assert [a["number"] for a in alerts] == sorted((a["number"] for a in alerts), reverse=True)
        newest = alerts[0]["number"]
        older = await town.call("GET", f"/alerts?before={newest}", operator)
        assert newest not in [a["number"] for a in older.json()["alerts"]]
        figures = (await town.call("GET", "/figures", operator)).json()
        assert figures["requests"] == 2
        assert figures["refused"] == {"NO_SEAT": 1}
        assert figures["ended"] == {"refused": 1}
        assert sum(figures["trips_now"].values()) == 2
        assert figures["times"]["decisions"] == 2


async def test_closures_are_shown() -> None:
    async with a_town() as town:
        await a_day(town)
        await town.dispatcher.service.submit_event(
            StreetsClosed(0, OperatorId("o"), (EdgeId("A>Z"),), (StopId("R"),))
        )
        answer = await town.call("GET", "/closures", town.login("operator"))
        assert answer.json() == {"edges": ["A>Z"], "stops": ["R"]}


async def test_the_zone_can_be_drawn_from_what_it_says() -> None:
    async with a_town() as town:
        zone = (await town.call("GET", "/zone")).json()
        assert zone["clock"] == {"now": "2026-09-21T03:00:00Z", "speed": 1.0}
        (street,) = zone["streets"]  # both directions are one line
        assert street["id"] == "A>Z"
        assert street["reverse"] == "Z>A"
        assert street["geometry"]["type"] == "LineString"
        assert len(street["geometry"]["coordinates"]) == 2
        assert zone["outline"]["coordinates"][0][0] == zone["outline"]["coordinates"][0][-1]
        assert [stop["id"] for stop in zone["stops"]] == list("PQRSTXD")
        assert town.clock.now_s() == NOON_S


async def test_each_look_at_where_a_rider_is_is_written_down() -> None:
    async with a_town() as town:
        trip = await a_day(town)
        path, dispatcher = f"/trips/{trip}/whereabouts", town.login("dispatcher", "dora")
        answer = await town.call("GET", f"{path}?reason=lost+phone", dispatcher)
        assert answer.json()["origin"] == "Q"
        assert answer.json()["rider"] == "ana"
        await town.call("GET", "/trips/no-such/whereabouts", dispatcher)
        admin = town.login("admin")
        entries = (await town.call("GET", "/audit", admin)).json()["entries"]
        told = [(e["number"], e["principal"], e["subject"], e["reason"]) for e in entries]
        assert told == [(2, "dora", "no-such", ""), (1, "dora", trip, "lost phone")]
        assert (await town.call("GET", "/commands", admin)).json() == {"entries": []}
        # What operators see without being written down has no rider in it.
        for seen in ("/shuttles", "/promises", "/trips", f"/trips/{trip}"):
            assert "ana" not in (await town.call("GET", seen, admin)).text


async def test_the_audit_trail_is_searched_and_paged() -> None:
    async with a_town() as town:
        trip = await a_day(town)
        for name in ("dora", "emil", "dora"):
            login = town.login("dispatcher", name)
            await town.call("GET", f"/trips/{trip}/whereabouts", login)
        hold = {"kind": "hold_shuttle", "shuttle": SHUTTLE}
        body = {"id": "c-1", "command": hold, "reason": "a child on the road"}
        await town.call("POST", "/commands", town.login("dispatcher", "emil"), json=body)
        admin = town.login("admin")

        async def page(asked: str) -> tuple[list[int], int | None]:
            told = (await town.call("GET", f"/audit?{asked}", admin)).json()
            return [entry["number"] for entry in told["entries"]], told.get("before")

        assert await page("limit=3") == ([4, 3, 2], 2)
        assert await page("limit=3&before=2") == ([1], None)
        assert await page("principal=EMI") == ([4, 2], None)
        assert await page("principal=emil&kind=look") == ([2], None)
        assert await page("operation=hold_shuttle") == ([4], None)
        assert await page(f"subject={SHUTTLE}") == ([4], None)
        assert await page(f"subject={trip}&limit=1") == ([3], 3)
        unknown = await town.call("GET", "/audit?kind=glance", admin)
        assert unknown.status_code == 422
        # The last would count, and nobody would know.
        twice = await town.call("GET", "/audit?principal=emil&principal=dora", admin)
        assert (twice.status_code, twice.json()["field"]) == (422, "principal")
        several = await town.call("GET", "/trips?state=aboard&state=accepted", admin)
        assert several.status_code == 200


async def test_what_cannot_be_written_down_is_not_shown() -> None:
    async with a_town() as town:
        trip = await a_day(town)

        town.web.parts.trail = LostTrail()
        for path in (f"/trips/{trip}/whereabouts", "/audit"):
            answer = await town.call("GET", path, town.login("admin"))
            assert answer.status_code == 503
            assert answer.json()["code"] == "NOT_AVAILABLE"
            assert "Q" not in answer.text
