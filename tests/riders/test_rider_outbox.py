"""The outbox tells every rider the newest, whatever the broker does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rider_fakes import TWO_STOPS, FakeLink
from service_fakes import HandClock, a_request, turns, until

from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.domain.events import EpochBegan
from dispatcher.domain.ids import RequestId, RiderId, TripId
from dispatcher.domain.trips import TripState, TripStatus
from dispatcher.riders.outbox import MOST_REFUSALS, OutboxSettings, RiderOutbox
from dispatcher.riders.problems import Problem, ProblemCode
from dispatcher.riders.status import StatusWriter
from dispatcher.riders.topics import RiderTopics

TOPIC = "ringmaster/v1/z/rider/ana/trip/t1"


def a_status(
    revision: int, state: TripState = TripState.OFFERED, trip: str = "t1", at_s: int = 1_000
) -> TripStatus:
    return TripStatus(TripId(trip), RiderId("ana"), RequestId("q"), state, revision, at_s)


class Desk:
    def __init__(self, **settings: int) -> None:
        self.link = FakeLink()
        self.clock = HandClock()
        self.pauses: list[float] = []
        self.outbox = RiderOutbox(
            self.link,
            RiderTopics("z"),
            StatusWriter(TWO_STOPS),
            self.clock,
            OutboxSettings(**settings),
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def connect(self) -> None:
        self.link.connected = True
        self.outbox.link_connected()

    def lose(self) -> None:
        self.link.connected = False
        self.outbox.link_lost()

    async def all_sent(self) -> None:
        await until(lambda: len(self.outbox) == 0)

    def revisions(self, topic: str = TOPIC) -> list[int]:
        return [json.loads(s.body)["revision"] for s in self.link.sent if s.topic == topic]


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Desk]:
    task = asyncio.create_task(desk.outbox.run())
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_while_the_broker_is_there_every_status_is_sent_in_order() -> None:
    async with running(Desk()) as desk:
        desk.connect()
        for revision in (1, 2, 3):
            desk.outbox.tell(a_status(revision))
        await desk.all_sent()
    assert desk.revisions() == [1, 2, 3]
    assert json.loads(desk.link.retained[TOPIC])["revision"] == 3


async def test_while_it_is_away_only_the_newest_is_kept() -> None:
    async with running(Desk()) as desk:
        desk.lose()
        for revision in (1, 2, 3):
            desk.outbox.tell(a_status(revision))
        desk.outbox.tell(a_status(1, trip="t2"))
        await turns(20)
        assert desk.link.attempts == 0
        desk.connect()
        await desk.all_sent()
    assert desk.revisions() == [3]
    assert desk.outbox.counts.sent == 2
    assert desk.outbox.counts.replaced == 2


async def test_a_status_cut_off_on_its_way_is_sent_again() -> None:
    async with running(Desk()) as desk:
        desk.connect()
        desk.outbox.tell(a_status(1))
        await until(lambda: desk.link.attempts == 1)
        desk.lose()
        await until(lambda: len(desk.pauses) == 1)
        desk.outbox.tell(a_status(2))
        await turns(20)
        desk.connect()
        await desk.all_sent()
    assert desk.revisions() == [2]


async def test_a_refused_topic_does_not_hold_up_the_others() -> None:
    async with running(Desk()) as desk:
        desk.connect()
        desk.link.refuses.add(TOPIC)
        desk.outbox.tell(a_status(1))
        desk.outbox.tell(a_status(1, trip="t2"))
        await desk.all_sent()
    assert desk.revisions("ringmaster/v1/z/rider/ana/trip/t2") == [1]
    assert desk.outbox.counts.dropped == 1
    assert desk.link.attempts == MOST_REFUSALS + 1
    # 0.2 doubles up to the bound of 5.
    assert desk.pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0, 5.0]


async def test_what_was_taken_in_is_told_though_the_outbox_is_full() -> None:
    async with running(Desk(most_waiting=2)) as desk:
        desk.lose()
        for trip in ("t1", "t2"):
            assert not desk.outbox.full
            desk.outbox.tell(a_status(1, trip=trip))
        # Now nothing new should be begun. An accepted trip is told all the same.
        assert desk.outbox.full
        desk.outbox.tell(a_status(1, trip="t3"))
        desk.connect()
        await desk.all_sent()
        assert not desk.outbox.full
    assert sorted(desk.link.retained) == [TOPIC, f"{TOPIC[:-2]}t2", f"{TOPIC[:-2]}t3"]
    assert desk.outbox.counts.dropped == 0


async def test_a_lost_connection_never_drops_a_status() -> None:
    async with running(Desk()) as desk:
        # Connected, as far as anyone knows, and every publish is cut off.
        desk.connect()
        desk.link.connected = False
        desk.outbox.tell(a_status(5, TripState.COMPLETED))
        await until(lambda: desk.link.attempts > 3 * MOST_REFUSALS)
        desk.link.connected = True
        await desk.all_sent()
    assert desk.revisions() == [5]
    assert desk.outbox.counts.dropped == 0


async def test_whenever_the_broker_comes_back_all_is_told_again_newest_first() -> None:
    async with running(Desk()) as desk:
        desk.connect()
        desk.outbox.tell(a_status(2, trip="t1", at_s=1_000))
        desk.outbox.tell(a_status(1, trip="t2", at_s=1_010))
        desk.outbox.tell(a_status(7, TripState.COMPLETED, trip="t3", at_s=1_005))
        await desk.all_sent()
        # The broker is killed and comes back without a memory.
        desk.lose()
        desk.link.retained.clear()
        desk.link.sent.clear()
        desk.connect()
        await until(lambda: len(desk.link.retained) == 3)
    assert [s.topic[-2:] for s in desk.link.sent] == ["t2", "t3", "t1"]
    assert desk.outbox.counts.again == 3


async def test_what_is_told_again_never_follows_something_newer() -> None:
    async with running(Desk()) as desk:
        desk.connect()
        for trip in range(30):
            desk.outbox.tell(a_status(1, trip=f"t{trip}"))
        await desk.all_sent()
        desk.lose()
        desk.connect()
        # While the telling again is under way, all of them change.
        await turns(3)
        for trip in range(30):
            desk.outbox.tell(a_status(2, trip=f"t{trip}"))
        await until(lambda: desk.outbox.telling_again == 0 and len(desk.outbox) == 0)
    bodies = desk.link.retained.values()
    assert [json.loads(body)["revision"] for body in bodies] == [2] * 30


async def test_an_end_is_cleared_after_a_while() -> None:
    async with running(Desk(clear_after_s=600)) as desk:
        desk.connect()
        desk.outbox.tell(a_status(5, TripState.COMPLETED, at_s=1_000))
        desk.outbox.tell(a_status(1, trip="t2", at_s=1_000))
        await desk.all_sent()
        assert TOPIC in desk.link.retained
        await until(lambda: desk.clock.sleepers == 1)
        await desk.clock.move_to(1_599)
        await turns(20)
        assert TOPIC in desk.link.retained
        await desk.clock.move_to(1_600)
        await until(lambda: TOPIC not in desk.link.retained)
    assert len(desk.link.retained) == 1


async def test_an_end_told_again_and_again_is_cleared_once() -> None:
    async with running(Desk(clear_after_s=600)) as desk:
        desk.connect()
        for _ in range(50):
            desk.outbox.tell(a_status(5, TripState.COMPLETED, at_s=1_000))
        await desk.all_sent()
        await until(lambda: desk.clock.sleepers == 1)
        await desk.clock.move_to(1_600)
        await until(lambda: TOPIC not in desk.link.retained)
        # A device that asks after that is answered, and its document is cleared again too.
        desk.outbox.tell(a_status(5, TripState.COMPLETED, at_s=1_000))
        await until(lambda: desk.link.sent[-1].body == b"" and len(desk.outbox) == 0)
    # Two clearings, for one each time.
    assert [s.body for s in desk.link.sent].count(b"") == 2


async def test_after_a_restart_an_end_is_told_before_it_is_cleared() -> None:
    desk = Desk(clear_after_s=600)
    # t1 ended at 300 and was journaled; then the dispatcher was away until 1,000. Whether its
    # rider was ever told is not known. t3 ended at 700 and is to be cleared at 1,300.
    desk.outbox.restore(
        [
            a_status(4, trip="t2", at_s=1_000),
            a_status(5, TripState.COMPLETED, at_s=300),
            a_status(6, TripState.NO_SHOW, trip="t3", at_s=700),
        ]
    )
    assert desk.link.attempts == 0
    async with running(desk):
        desk.connect()
        await until(lambda: len(desk.link.retained) == 3)
        assert desk.revisions() == [5]
        await until(lambda: desk.clock.sleepers == 1)
        await desk.clock.move_to(1_300)
        await until(lambda: len(desk.link.retained) == 2)
        assert TOPIC in desk.link.retained
        await until(lambda: desk.clock.sleepers == 1)
        # As long as any other end, counted from when it was told.
        await desk.clock.move_to(1_600)
        await until(lambda: len(desk.link.retained) == 1)
    assert list(desk.link.retained) == ["ringmaster/v1/z/rider/ana/trip/t2"]


async def test_a_late_document_of_a_superseded_dispatcher_does_not_stay() -> None:
    async with running(Desk()) as desk:
        desk.outbox.on_applied(Applied(1, EpochBegan(900, 2), ()))
        desk.connect()
        desk.outbox.tell(a_status(3))
        await desk.all_sent()
        told = desk.link.retained[TOPIC]
        # The former dispatcher, of epoch 1, flushes what it had; so does a broker that goes back.
        late = StatusWriter(TWO_STOPS, epoch=1).document(a_status(9)).to_json()
        older = StatusWriter(TWO_STOPS, epoch=2).document(a_status(2)).to_json()
        for body in (late, older, b"", b"[1]", b"\xff", b'{"revision": true}'):
            desk.link.retained[TOPIC] = body
            desk.outbox.heard(TOPIC, body)
            await until(lambda: desk.link.retained[TOPIC] == told)
        assert desk.outbox.counts.corrected == 6
        # What was told itself, or by a dispatcher that came after us, is left alone.
        sent = desk.link.attempts
        desk.outbox.heard(TOPIC, told)
        desk.outbox.heard(TOPIC, StatusWriter(TWO_STOPS, epoch=3).document(a_status(1)).to_json())
        await turns(20)
        assert desk.link.attempts == sent


async def test_a_document_that_was_cleared_does_not_come_back() -> None:
    async with running(Desk()) as desk:
        desk.connect()
        other = f"{TOPIC[:-2]}t9"
        writer = StatusWriter(TWO_STOPS)
        desk.link.retained[TOPIC] = writer.document(a_status(3, TripState.EXPIRED)).to_json()
        desk.link.retained[other] = writer.document(a_status(3, trip="t9")).to_json()
        for topic, body in list(desk.link.retained.items()):
            desk.outbox.heard(topic, body)
        await until(lambda: TOPIC not in desk.link.retained)
        await turns(20)
    # An open trip that nobody knows is not ours to take away.
    assert list(desk.link.retained) == [other]


async def test_a_request_is_said_to_be_received_before_it_is_answered() -> None:
    async with running(Desk()) as desk:
        desk.connect()
        decisions = (TripChanged(a_status(1)), TripChanged(a_status(7, trip="t0")))
        desk.outbox.on_applied(Applied(4, a_request(1, at_s=1_000), decisions))
        await desk.all_sent()
    documents = [json.loads(s.body) for s in desk.link.sent if s.topic == TOPIC]
    assert [d["state"] for d in documents] == ["requested", "offered"]
    assert [d["revision"] for d in documents] == [0, 1]
    assert desk.revisions("ringmaster/v1/z/rider/ana/trip/t0") == [7]


async def test_problems_are_sent_once_and_not_retained() -> None:
    problem = Problem(code=ProblemCode.UNKNOWN_TRIP, text="No such trip.", remedy="Look again.")
    async with running(Desk()) as desk:
        desk.lose()
        desk.outbox.tell_problem(RiderId("ana"), problem)
        await until(lambda: desk.outbox.counts.dropped == 1)
        desk.connect()
        desk.outbox.tell_problem(RiderId("ana"), problem)
        await until(lambda: desk.outbox.counts.sent == 1)
    (sent,) = desk.link.sent
    assert (sent.topic, sent.retain) == ("ringmaster/v1/z/rider/ana/error", False)
    assert json.loads(sent.body)["code"] == "UNKNOWN_TRIP"
