"""Why a trip of the running service was decided so, as a recorded journal tells it."""

import json

import pytest
from operator_post import OperatorPost, open_post

from dispatcher.domain.ids import OperatorId, ShuttleId, TripId
from dispatcher.domain.trips import Party
from dispatcher.engine import state_digest
from dispatcher.engine.witness import Purpose
from dispatcher.explaining import (
    ExplanationError,
    UnknownTripError,
)
from dispatcher.journal import MemoryJournal
from dispatcher.operators import MoveTrip

OLGA = OperatorId("olga")


async def test_a_live_trip_is_explained_with_all_that_was_weighed() -> None:
    async with open_post() as post:
        await post.shuttle("P")
        await post.shuttle("T")
        trip = await post.trip("Q", "S")
        await post.order(MoveTrip(trip, ShuttleId("s2")), reason="s1 is to go home")
        digest, position = state_digest(post.service.core.state), post.service.core.position
        why = await post.explainer.trip(trip)
        assert json.loads(json.dumps(why)) == why
        search = why["steps"][0]["searches"][0]
        assert search["chosen"] == "s1"
        assert [answer["shuttle_id"] for answer in search["answers"]] == ["s1", "s2"]
        terms = [term["term"] for term in search["answers"][1]["placement"]["price"]["terms"]]
        assert terms == ["driving", "waiting", "riding", "walking"]
        moved = why["steps"][-1]
        assert moved["cause"] == "olga moved this trip to shuttle s2 (s1 is to go home)."
        assert (moved["before"]["shuttle_id"], moved["after"]["shuttle_id"]) == ("s1", "s2")
        assert moved["command"]["refusal"] is None
        assert moved["searches"][0]["purpose"] == Purpose.MOVE
        # Nothing of it was asked of the service.
        assert state_digest(post.service.core.state) == digest
        assert post.service.core.position == position


async def test_a_refusal_is_explained_with_the_constraint_that_bound() -> None:
    async with open_post() as post:
        await post.shuttle("P")
        trip = await post.trip("Q", "S", party=Party(7))
        why = await post.explainer.trip(trip)
        assert why["refusal"]["reason"] == "NO_SEAT"
        (answer,) = why["steps"][0]["searches"][0]["answers"]
        assert (answer["verdict"], answer["binding"]) == ("impossible", "NO_SEAT")


async def test_only_the_part_of_the_journal_since_a_snapshot_is_decided_again() -> None:
    post = OperatorPost(kept=2)
    async with open_post(post):
        await post.shuttle("P")
        for _ in range(4):
            await post.trip("Q", "S")
        trip = await post.trip("R", "T")
        newest = await post.journal.snapshot_before(10_000)
        assert newest is not None
        why = await post.explainer.trip(trip)
        assert 1 < why["checked"]["replayed_from"] <= post.service.core.position
        assert why["request"]["trip_id"] == trip
        # It does not matter how much of the journal before is kept.
        base = await post.journal.snapshot_before(why["steps"][0]["position"])
        assert base is not None
        await post.journal.discard_before(2)
        assert await post.explainer.trip(trip) == why


async def test_what_is_out_of_reach_is_said_plainly() -> None:
    async with open_post() as post:
        await post.shuttle("P")
        first = await post.trip("Q", "S")
        with pytest.raises(UnknownTripError, match="no trip t99 was asked for"):
            await post.explainer.trip(TripId("t99"))
        for _ in range(4):  # the snapshots before it are dropped, and so are its records
            await post.trip("Q", "S")
            await post.journal.save_snapshot(*(await a_snapshot(post)))
        oldest = post.service.core.position - 2
        await post.journal.discard_before(min(oldest, (await oldest_snapshot(post.journal))))
        with pytest.raises(ExplanationError):
            await post.explainer.trip(first)


async def a_snapshot(post: OperatorPost) -> tuple[int, bytes, str, str]:
    from dispatcher.snapshots import Picture

    picture = Picture(post.service.core, set())
    payload, digest = await picture.written()
    return picture.position, payload, digest, ""


async def oldest_snapshot(journal: MemoryJournal) -> int:
    found, position = 0, 10_000
    while (snapshot := await journal.snapshot_before(position)) is not None:
        found = position = snapshot.position
    return found
