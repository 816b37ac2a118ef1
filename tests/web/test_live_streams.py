"""Live streams: a snapshot first, then what changes; the newest only for who is slow."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from service_fakes import until
from web_town import GUEST_ID, SHUTTLE, Town, a_town

from dispatcher.domain.events import ShuttleReported
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.shuttles import DriveMode
from dispatcher.web.live import MOST_OF_ONE, MOST_WAITING, LiveHub, LiveResponse
from dispatcher.web.live_feed import TOLD_AFTER_END_S
from dispatcher.web.problems import WebProblem
from dispatcher.web.rider_routes import follow


class Reader:
    """A client of one stream, that reads only when the test lets it."""

    def __init__(self, response: Any) -> None:
        assert isinstance(response, LiveResponse)
        self.response = response
        self.stream = response.stream
        self._body: AsyncIterator[Any] = aiter(response.body_iterator)

    async def read(self) -> list[tuple[str, Any]]:
        """The events of the next piece: their kind, and what they say."""
        found = []
        piece = bytes(await anext(self._body)).decode()
        for event in piece.split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in event.splitlines())
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"])))
        return found or await self.read()

    async def ended(self) -> bool:
        try:
            await self.read()
        except StopAsyncIteration:
            return True
        return False


def follows_zone(town: Town, owner: str = "o") -> Reader:
    parts = town.web.parts
    return Reader(parts.hub.open(owner, None, parts.feed.zone_snapshot))


def follows_trip(town: Town, trip: str) -> Reader:
    return Reader(follow(town.web.parts, TripId(trip), "r", float("inf")))


async def moves(town: Town, x_m: float, shuttle: str = SHUTTLE) -> None:
    await town.dispatcher.service.submit_event(
        ShuttleReported(
            0, ShuttleId(shuttle), x_m, 0.0, 80.0, False, DriveMode.AUTOMATIC, False, (), (), 100.0
        )
    )


async def test_an_operator_sees_everything_and_then_what_changes() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        trip = (await town.ask(accept="auto"))["trip"]
        operator = follows_zone(town)
        ((kind, snapshot),) = await operator.read()
        assert kind == "snapshot"
        assert [shuttle["id"] for shuttle in snapshot["shuttles"]] == [SHUTTLE]
        assert [t["trip"] for t in snapshot["trips"]] == [trip]
        assert snapshot["clock"]["speed"] == 1.0
        assert snapshot["closures"] == {"edges": [], "stops": []}
        town.web.parts.feed.look()
        assert [kind for kind, _ in await operator.read()] == ["shuttle", "places"]
        await moves(town, 300.0)
        town.web.parts.feed.look()
        # Who only moves is not told of as a whole.
        ((kind, ((shuttle, *_, battery_pct, arrival_s),)),) = await operator.read()
        assert (kind, shuttle, battery_pct) == ("places", SHUTTLE, 80.0)
        assert arrival_s is not None
        ana = town.login("rider", "ana")
        await town.call("POST", f"/trips/{trip}/cancel", ana, json={"id": "c"})
        # That call has ended every stream, as the helper does; a new one begins anew.
        assert await operator.ended()


async def test_a_rider_hears_of_the_own_trip_and_its_shuttle_alone() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        await town.shuttle_at("T", "acme:s2")
        mine = (await town.ask("ana", accept="auto"))["trip"]
        await town.ask("ben", accept="auto", **{"from": "R", "to": "T"})
        rider = follows_trip(town, mine)
        events = dict(await rider.read())
        assert events["trip"]["trip"] == mine
        # Nothing of the plan, the load or the other riders.
        state = town.dispatcher.service.core.state
        shown = town.web.parts.feed.shuttle_shown(TripId(mine))
        if shown is not None:
            assert events["place"].keys() <= {"shuttle", "place", "stops_before"}
        for x_m in (250.0, 260.0):
            await moves(town, x_m)
            await moves(town, 2000.0 + x_m, "acme:s2")
            town.web.parts.feed.look()
        await town.dispatcher.desk.cancel(
            state.trips[TripId(mine)].request.rider_id, _cancelling(mine)
        )
        told = await rider.read()
        assert {kind for kind, _ in told} <= {"trip", "place"}
        trips = [event for kind, event in told if kind == "trip"]
        assert [t["trip"] for t in trips] == [mine]
        assert trips[0]["state"] == "cancelled_by_rider"
        assert all(e["shuttle"] == SHUTTLE for kind, e in told if kind == "place")


def _cancelling(trip: str) -> Any:
    from dispatcher.riders.messages import TripCancel

    return TripCancel(trip=trip)


async def test_where_the_shuttle_is_shows_only_once_it_is_on_its_way() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        later = {"depart_at": "2026-09-21T13:00:00+09:00"}
        trip = TripId((await town.ask(accept="auto", when=later))["trip"])
        assert town.web.parts.feed.trip_topics(trip) == [("trip", trip)]
        soon = TripId((await town.ask(id="q2", accept="auto"))["trip"])
        state = town.dispatcher.service.core.state.trips[soon]
        shown = ("place", soon) in town.web.parts.feed.trip_topics(soon)
        assert shown == (state.state.value in ("assigned", "boarding", "aboard"))


async def test_who_is_slow_gets_the_newest_of_each_and_holds_up_little() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        fast, slow = follows_zone(town), follows_zone(town)
        for reader in (fast, slow):
            await reader.read()
        for number in range(50):
            await moves(town, 200.0 + number)
            town.web.parts.feed.look()
            await fast.read()
        assert [kind for kind, _ in slow.stream._waiting] == ["shuttle", "places"]
        assert slow.stream.replaced == 49
        _, (_, ((_, lat, lon, *_),)) = await slow.read()
        shuttle = town.dispatcher.service.core.state.shuttles[ShuttleId(SHUTTLE)]
        assert shuttle.x_m == 249.0
        await moves(town, 249.0)
        town.web.parts.feed.look()
        place = town.web.parts.fleet_view.place(shuttle, None)
        assert (lat, lon) == (place.lat, place.lon)


async def test_who_was_slow_hears_of_all_that_moved_meanwhile() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        await town.shuttle_at("T", "acme:s2")
        slow = follows_zone(town)
        await slow.read()
        town.web.parts.feed.look()
        await slow.read()
        await moves(town, 300.0)
        town.web.parts.feed.look()
        await moves(town, 2300.0, "acme:s2")
        town.web.parts.feed.look()  # in this look only the second has moved
        ((kind, rows),) = await slow.read()
        assert (kind, [row[0] for row in rows]) == ("places", [SHUTTLE, "acme:s2"])


async def test_where_too_much_waits_a_fresh_snapshot_takes_its_place() -> None:
    hub = LiveHub(5, now=lambda: 0.0, clock=lambda: b"{}")
    taken = 0

    def snapshot() -> list[tuple[str, bytes]]:
        nonlocal taken
        taken += 1
        return [("snapshot", b'"all"')]

    reader = Reader(hub.open("o", None, snapshot))
    await reader.read()
    for number in range(MOST_WAITING + 1):
        (stream,) = hub.readers().of_all
        stream.put(("trip", str(number)), b"{}")
    assert hub.waiting == 0
    assert await reader.read() == [("snapshot", "all")]
    assert taken == 2


async def test_a_client_that_leaves_leaves_nothing_behind() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        hub = town.web.parts.hub
        answer = asyncio.create_task(_called(town, "/v1/live"))
        await until(lambda: len(hub) == 1)
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)
        assert len(hub) == 0
        town.web.parts.feed.look()
        assert town.web.parts.feed._shown == {}


async def _called(town: Town, path: str) -> None:
    async with town.client(town.login("operator")) as client:
        await client.get(path)


async def test_streams_are_bounded_over_all_and_of_one() -> None:
    hub = LiveHub(MOST_OF_ONE + 1, now=lambda: 0.0, clock=lambda: b"{}")

    def refused(owner: str) -> bool:
        try:
            hub.open(owner, None, list)
        except WebProblem as problem:
            return problem.document.code == "TOO_MANY_STREAMS"
        return False

    assert [refused("ana") for _ in range(MOST_OF_ONE + 1)] == [False] * MOST_OF_ONE + [True]
    assert [refused("ben"), refused("eve")] == [False, True]
    hub.leave(next(iter(hub._streams)))
    assert not refused("eve")


async def test_whatever_guests_and_riders_do_streams_are_left_for_operators() -> None:
    hub = LiveHub(40, now=lambda: 0.0, clock=lambda: b"{}")

    def opened(owner: str, source: str = "", *, all_of_it: bool = False) -> int:
        """How many streams each of 40 such callers gets, all together."""
        before = len(hub)
        for number in range(40):
            with contextlib.suppress(WebProblem):
                hub.open(f"{owner}{number}", None if all_of_it else list, list, source=source)
        return len(hub) - before

    assert opened("a", "192.0.2.1") == 10  # a quarter for guests of one place
    assert opened("b", "192.0.2.2") == 10
    assert opened("c", "192.0.2.3") == 0  # half of all are guests' now
    assert opened("rider") == 10  # three quarters follow trips
    assert opened("operator", all_of_it=True) == 10
    # What operators use of the rest comes out of it.
    hub.leave(next(iter(hub._streams)))
    assert opened("operator", all_of_it=True) == 1
    assert opened("a", "192.0.2.1") == 0


async def test_a_trips_stream_ends_a_minute_after_the_trip() -> None:
    async with a_town() as town:
        hub = town.web.parts.hub
        hub._heartbeat_s = 0.0
        await town.shuttle_at("P")
        trip = (await town.ask("ana", accept="auto"))["trip"]
        rider, operator = follows_trip(town, trip), follows_zone(town)
        await town.dispatcher.desk.cancel(
            town.dispatcher.service.core.state.trips[TripId(trip)].request.rider_id,
            _cancelling(trip),
        )
        for reader in (rider, operator):
            await reader.read()
        town.clock.at_s += TOLD_AFTER_END_S - 1
        assert [kind for kind, _ in await rider.read()] == ["clock"]
        town.clock.at_s += 1
        assert bytes(await anext(rider._body)) == b"retry: 60000\n\n"
        assert await rider.ended()
        assert not await operator.ended()


async def test_a_trip_that_was_refused_long_ago_is_told_and_not_followed() -> None:
    async with a_town() as town:
        refused = await town.ask("ana")  # there is no shuttle
        assert refused["state"] == "refused"
        town.clock.at_s += TOLD_AFTER_END_S
        rider = follows_trip(town, refused["trip"])
        assert dict(await rider.read())["trip"]["state"] == "refused"
        assert await rider.ended()


async def test_a_stream_ends_with_the_login_it_was_opened_by() -> None:
    now_s = [0.0]
    hub = LiveHub(5, now=lambda: now_s[0], clock=lambda: b"{}", heartbeat_s=0.0)
    reader = Reader(hub.open("o", None, lambda: [("snapshot", b"1")], expires_s=10.0))
    await reader.read()
    assert await reader.read() == [("clock", {})]  # a heartbeat, when nothing happens
    now_s[0] = 10.0
    assert await reader.ended()


async def test_a_guest_follows_by_the_link_and_the_same_snapshot_comes_again() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        wish = {"id": GUEST_ID, "from": "Q", "to": "S", "accept": "auto"}
        link = (await town.call("POST", "/guest/trips", json=wish)).json()["link"]
        hub = town.web.parts.hub
        for last in ({}, {"Last-Event-ID": "7"}):
            async with town.client(last) as client:
                calling = asyncio.create_task(client.get(f"/v1/guest/trips/{link}/events"))
                await until(lambda: len(hub) == 1)
                await until(lambda: not next(iter(hub._streams))._stale)
                hub.close_all()
                answer = await calling
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert '"state":"' in answer.text
            assert answer.text.count("event: trip") == 1
