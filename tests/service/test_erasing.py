"""Where exactly riders were is erased a while after their trips, and nothing that is needed is."""

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from operator_post import OperatorPost, open_post
from sketched_service import STOPS

from dispatcher.codec import EventRecord, decode_payload
from dispatcher.domain.events import RequestSubmitted, TripCancelled
from dispatcher.domain.ids import RequestId, RiderId, StopId, TripId
from dispatcher.domain.trips import Party, Place, RideRequest, TimeWish, TripState
from dispatcher.domain.zone import Point
from dispatcher.erasing import CLEAR_FILE_EVERY_S, PlaceEraser
from dispatcher.explaining import ExplanationError
from dispatcher.journal import ErasedRecord, Record, Snapshot, StoreUnavailable
from dispatcher.recovery import recover
from dispatcher.replay import replay
from dispatcher.snapshots import code_version
from dispatcher.zone_engine import ZoneEngine

DAY_S = 24 * 3600


class Town:
    """A dispatcher on a street, with an eraser that looks when told to."""

    def __init__(self, post: OperatorPost) -> None:
        self.post = post
        self.eraser = PlaceEraser(post.service, post.journal, kept_s=DAY_S)

    def near(self, stop: str) -> Point:
        at = self.post.site.zone.stops[STOPS.index(stop)].point
        return Point(at.lat + 0.000123, at.lon + 0.000321)

    async def ask(
        self, name: str, origin: Place | str, to: Place | str, in_s: int = 1200
    ) -> TripId:
        request = RideRequest(
            RequestId(f"q-{name}"),
            RiderId(f"r-{name}"),
            TripId(name),
            origin if isinstance(origin, Point) else StopId(origin),
            to if isinstance(to, Point) else StopId(to),
            TimeWish.DEPART_AT,
            self.post.clock.at_s + in_s,
            Party(),
            400,
            auto_accept=True,
        )
        await self.post.tell(RequestSubmitted(0, request))
        return request.trip_id

    async def cancel(self, trip: TripId) -> None:
        await self.post.tell(TripCancelled(0, trip, RiderId(f"r-{trip}")))

    async def later(self, by_s: int) -> None:
        await self.post.clock.move_to(self.post.clock.at_s + by_s)

    async def ended(self, name: str, origin: Place | str) -> TripId:
        """A trip that was asked for and given up, as the eraser has noticed."""
        trip = await self.ask(name, origin, "S")
        await self.cancel(trip)
        await self.swept()
        return trip

    async def a_day_later(self) -> None:
        await self.later(DAY_S)
        await self.swept()

    async def swept(self) -> None:
        """Erased, if anything is due; a first look may only have a snapshot made."""
        await self.eraser.sweep()
        if self.post.service._saving is not None:
            await self.post.service._saving
        await self.eraser.sweep()

    async def records(self) -> list[Record]:
        return [record async for record in self.post.journal.read()]

    async def origins(self) -> dict[str, Place]:
        """Of each trip, as the journal has it now."""
        found: dict[str, Place] = {}
        for record in await self.records():
            payload = decode_payload(record.payload)
            if isinstance(payload, EventRecord) and isinstance(payload.event, RequestSubmitted):
                found[payload.event.request.trip_id] = payload.event.request.origin
        return found


def state_in(snapshot: Snapshot) -> bytes:
    return zlib.decompress(snapshot.payload.partition(b"\n")[2])


@asynccontextmanager
async def open_town(kept: int = 1_000) -> AsyncIterator[Town]:
    async with open_post(OperatorPost(kept=kept)) as post:
        await post.shuttle("P")
        yield Town(post)


async def test_a_day_after_its_end_only_a_coarse_place_is_left() -> None:
    async with open_town() as town:
        exact = town.near("Q")
        trip = await town.ask("t1", exact, town.near("S"))
        await town.cancel(trip)
        await town.swept()
        await town.later(DAY_S - 1)
        await town.swept()
        assert (await town.origins())[trip] == exact
        await town.later(1)
        await town.swept()
        left = (await town.origins())[trip]
        assert isinstance(left, Point)
        assert (left.lat, left.lon) == (round(exact.lat, 2), round(exact.lon, 2))
        erased = [record.position for record in await town.records() if record.erased]
        assert len(erased) == 1


async def test_a_trip_still_to_be_ridden_keeps_its_place() -> None:
    async with open_town() as town:
        later = await town.ask("t1", town.near("Q"), "S", in_s=DAY_S - 3600)
        assert town.post.now_of(later).state is TripState.ACCEPTED
        over = await town.ended("t2", town.near("Q"))
        await town.a_day_later()
        origins = await town.origins()
        assert origins[later] == town.near("Q")
        assert origins[over] != town.near("Q")


async def test_who_names_stops_has_nothing_erased() -> None:
    async with open_town() as town:
        await town.ended("t1", "Q")
        await town.a_day_later()
        assert not any(record.erased for record in await town.records())


async def test_a_refused_trip_is_over_at_once() -> None:
    async with open_town() as town:
        far = Point(town.near("Q").lat + 1, town.near("Q").lon)
        trip = await town.ask("t1", far, "S")
        assert town.post.now_of(trip).state is TripState.REFUSED
        await town.swept()
        await town.a_day_later()
        assert (await town.origins())[trip] != far


async def test_the_state_forgets_at_the_end_of_the_trip() -> None:
    async with open_town() as town:
        exact = town.near("Q")
        trip = await town.ask("t1", exact, "S")
        assert town.post.now_of(trip).request.origin == exact
        await town.cancel(trip)
        left = town.post.now_of(trip).request.origin
        assert isinstance(left, Point)
        assert left.lat == round(exact.lat, 2)


async def test_no_kept_snapshot_knows_of_an_erased_place() -> None:
    async with open_town() as town:
        exact = town.near("Q")
        trip = await town.ask("t1", exact, "S")
        await town.post.service._save_snapshot()  # while the trip is under way
        digits = str(exact.lat).encode()
        snapshot = await town.post.journal.newest_snapshot()
        assert snapshot is not None
        assert digits in state_in(snapshot)
        await town.cancel(trip)
        await town.swept()
        await town.a_day_later()
        position = await town.post.journal.last_position()
        kept = []
        while (snapshot := await town.post.journal.snapshot_before(position + 1)) is not None:
            kept.append(snapshot)
            position = snapshot.position - 1
        assert kept
        assert not any(digits in state_in(snapshot) for snapshot in kept)


async def test_nothing_is_erased_that_a_restart_would_have_to_decide_again() -> None:
    async with open_town() as town:
        trip = await town.ended("t1", town.near("Q"))
        await town.later(DAY_S)
        taken = town.post.journal.save_snapshot

        async def refused(*about: object) -> None:
            raise StoreUnavailable("full")

        town.post.journal.save_snapshot = refused
        await town.swept()
        assert (await town.origins())[trip] == town.near("Q")
        town.post.journal.save_snapshot = taken
        await town.swept()
        assert (await town.origins())[trip] != town.near("Q")


async def test_a_restart_goes_on_from_what_is_whole() -> None:
    async with open_town() as town:
        await town.ended("t1", town.near("Q"))
        await town.a_day_later()
        await town.ask("t2", town.near("R"), "S")
        digest, position = town.post.service.core.digest, town.post.service.core.position
        for version in (code_version(), "another"):
            engine = ZoneEngine(town.post.site)
            found = (await recover(engine, town.post.journal, version)).result()
            assert (found.core.digest, found.core.position) == (digest, position)
            assert found.from_position > 0


async def test_what_is_erased_is_neither_replayed_nor_explained_but_said() -> None:
    async with open_town() as town:
        over = await town.ended("t1", town.near("Q"))
        await town.a_day_later()
        records = await town.records()
        with pytest.raises(ErasedRecord, match="has been erased"):
            replay(ZoneEngine(town.post.site), records)
        base = await town.post.journal.newest_snapshot()
        assert base is not None
        rest = [record for record in records if record.position > base.position]
        assert replay(ZoneEngine(town.post.site), rest, base=base).same
        with pytest.raises(ExplanationError):
            await town.post.explainer.trip(over)
        later = await town.ask("t2", town.near("R"), "S")
        assert (await town.post.explainer.trip(later))["request"]["trip_id"] == later


async def test_a_trip_that_nobody_remembers_is_over_from_now_on() -> None:
    async with open_town() as town:
        trip = await town.ask("t1", town.near("Q"), "S")
        await town.cancel(trip)
        await town.later(8 * 3600)  # the state has forgotten it meanwhile
        await town.ask("t2", "Q", "S")
        assert trip not in town.post.service.core.state.trips
        await town.swept()
        await town.later(DAY_S - 1)
        await town.swept()
        assert (await town.origins())[trip] == town.near("Q")
        await town.later(1)
        await town.swept()
        assert (await town.origins())[trip] != town.near("Q")


async def test_a_store_that_is_away_is_tried_again() -> None:
    async with open_town() as town:
        trip = await town.ended("t1", town.near("Q"))
        await town.later(DAY_S)
        erasures = town.post.journal.erasures()
        erase = erasures.erase

        async def away(*about: object) -> None:
            raise StoreUnavailable("gone")

        erasures.erase = away
        await town.swept()
        erasures.erase = erase
        assert (await town.origins())[trip] == town.near("Q")
        await town.swept()
        assert (await town.origins())[trip] != town.near("Q")


async def test_the_stores_file_is_cleared_once_an_hour_at_most() -> None:
    async with open_town() as town:
        begins_s = town.post.clock.at_s
        cleared: list[int] = []

        async def clear() -> None:
            cleared.append(town.post.clock.at_s - begins_s)

        town.post.journal.erasures().clear_file = clear
        for trip in ("t1", "t2"):
            await town.ended(trip, town.near("Q"))
            await town.later(1_500)
        assert cleared == []
        await town.later(CLEAR_FILE_EVERY_S)  # the process before may have left something
        await town.swept()
        assert cleared == [CLEAR_FILE_EVERY_S + 3_000]
        for _ in range(120):
            await town.later(DAY_S // 60)
            await town.swept()
        # At the first erasure, and an hour later for what was erased meanwhile.
        first = [at_s for at_s in cleared if at_s >= DAY_S]
        assert len(first) == 2
        assert first[1] - first[0] >= CLEAR_FILE_EVERY_S
