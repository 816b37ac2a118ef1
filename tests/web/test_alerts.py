"""Alerts that end by themselves: a stop with more shuttles than berths, until it has no more."""

from typing import Any

from test_live_streams import follows_zone
from web_town import SHUTTLE, Town, a_town

from dispatcher.domain.events import (
    RiderBoarded,
    ShuttleJoined,
    ShuttleReported,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.engine.state import ReleasedVisit
from dispatcher.web.alerts import AlertBook

BY_HAND = ("acme:m1", "acme:m2")


async def a_crowd(town: Town) -> str:
    """At R, with two berths, stand two that are driven by hand, and one arrives for a trip."""
    await town.shuttle_at("Q")
    trip = str((await town.ask(accept="auto", **{"from": "R", "to": "T"}))["trip"])
    (place,) = [stop for stop in town.dispatcher.site.zone.stops if stop.id == "R"]
    for name in BY_HAND:
        await town.dispatcher.service.submit_event(
            ShuttleJoined(
                0, ShuttleId(name), Capacity(6, 1), place.x_m, place.y_m, 80.0, DriveMode.MANUAL
            )
        )
    visit = released(town).visit.id
    await town.dispatcher.service.submit_event(VisitArrived(0, ShuttleId(SHUTTLE), visit))
    return trip


def released(town: Town) -> ReleasedVisit:
    found = town.dispatcher.service.core.state.shuttles[ShuttleId(SHUTTLE)].released
    assert found is not None
    return found


async def leaves(town: Town, trip: str) -> None:
    visit = released(town).visit.id
    for event in (
        RiderBoarded(0, ShuttleId(SHUTTLE), visit, TripId(trip)),
        VisitCompleted(0, ShuttleId(SHUTTLE), visit),
    ):
        await town.dispatcher.service.submit_event(event)


async def told(town: Town) -> dict[str, Any]:
    answer = await town.call("GET", "/alerts", town.login("operator"))
    (alert,) = [a for a in answer.json()["alerts"] if a["kind"] == "stop_crowded"]
    return dict(alert)


async def test_the_alert_of_a_crowded_stop_ends_when_one_leaves() -> None:
    async with a_town() as town:
        trip = await a_crowd(town)
        alert = await told(town)
        assert (alert["stop"], alert["shuttle"], alert["over"]) == ("R", SHUTTLE, False)
        await leaves(town, trip)
        assert await told(town) == {**alert, "over": True}
        # Those that are told by other signs say nothing of it.
        every = await town.call("GET", "/alerts", town.login("operator"))
        others = [a for a in every.json()["alerts"] if a["kind"] != "stop_crowded"]
        assert all("over" not in a and "stop" not in a for a in others)


async def test_consoles_hear_that_it_is_over() -> None:
    async with a_town() as town:
        trip = await a_crowd(town)
        console = follows_zone(town)
        ((_, snapshot),) = await console.read()
        (alert,) = snapshot["alerts"]
        assert alert["over"] is False
        town.web.parts.feed.look()
        assert "alert" not in [kind for kind, _ in await console.read()]
        await leaves(town, trip)
        town.web.parts.feed.look()
        assert {**alert, "over": True} in [
            told for kind, told in await console.read() if kind == "alert"
        ]


async def test_who_is_driven_away_by_hand_crowds_no_more() -> None:
    async with a_town() as town:
        await a_crowd(town)
        alert = await told(town)
        (place,) = [stop for stop in town.dispatcher.site.zone.stops if stop.id == "R"]
        for away_m, over in ((10.0, False), (20.0, True)):
            moved = ShuttleReported(
                at_s=0,
                shuttle_id=ShuttleId(BY_HAND[0]),
                x_m=place.x_m + away_m,
                y_m=place.y_m,
                battery_pct=80.0,
                charging=False,
                mode=DriveMode.MANUAL,
                paused=False,
                faults=(),
                aboard=(),
            )
            await town.dispatcher.service.submit_event(moved)
            assert await told(town) == {**alert, "over": over}


async def test_a_crowd_that_comes_again_is_told_again() -> None:
    async with a_town() as town:
        trip = await a_crowd(town)
        await leaves(town, trip)
        book: AlertBook = town.web.parts.alerts
        assert [a.over for a in book.newest(5) if a.stop] == [True]
        # Two at T by hand, and the same shuttle arrives there.
        (place,) = [stop for stop in town.dispatcher.site.zone.stops if stop.id == "T"]
        for name in ("acme:m3", "acme:m4"):
            await town.dispatcher.service.submit_event(
                ShuttleJoined(
                    0, ShuttleId(name), Capacity(6, 1), place.x_m, place.y_m, 80.0, DriveMode.MANUAL
                )
            )
        visit = released(town).visit.id
        await town.dispatcher.service.submit_event(VisitArrived(0, ShuttleId(SHUTTLE), visit))
        assert [(a.stop, a.over) for a in book.newest(5) if a.stop] == [("T", False), ("R", True)]
