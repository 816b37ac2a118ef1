"""Each message of a rider is answered once, and whatever was asked is asked once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from rider_fakes import TWO_STOPS, FakeLink
from service_fakes import CountingEngine, FaultyJournal, HandClock, turns, until

from dispatcher.domain.ids import RiderId, TripId
from dispatcher.journal import StoreUnavailable, UnknownOutcome
from dispatcher.limits import TokenBucket
from dispatcher.mqtt import Message
from dispatcher.riders.border import RiderBorder, WishLimits
from dispatcher.riders.desk import MESSAGES_BURST, RiderDesk
from dispatcher.riders.messages import TripRequest
from dispatcher.riders.outbox import OutboxSettings, RiderOutbox
from dispatcher.riders.problems import ProblemCode, ProblemError
from dispatcher.riders.status import StatusWriter
from dispatcher.riders.topics import RiderTopic, RiderTopics
from dispatcher.service import Service, ServiceSettings

ROOT = "ringmaster/v1/z/rider/ana"


class Post:
    """A desk on fakes; it observes itself."""

    def __init__(
        self, burst: int = 100, answer_within_s: float = 60.0, most_waiting: int = 20_000
    ) -> None:
        self.journal = FaultyJournal()
        self.engine = CountingEngine()
        self.clock = HandClock()
        self.link = FakeLink()
        self.answered: list[tuple[RiderTopic, ProblemCode | None]] = []
        self.service = Service(
            self.engine,
            self.journal,
            self.clock,
            ServiceSettings(),
            sleep=lambda seconds: asyncio.sleep(0),
        )
        topics, writer = RiderTopics("z"), StatusWriter(TWO_STOPS)
        settings = OutboxSettings(most_waiting=most_waiting)
        self.outbox = RiderOutbox(self.link, topics, writer, self.clock, settings)
        self.outbox.link_connected()
        self.service.add_listener(self.outbox.on_applied)
        self.trips = 0
        self.desk = RiderDesk(
            self.service,
            RiderBorder(TWO_STOPS, WishLimits()),
            topics,
            writer,
            self.outbox,
            new_trip_id=self._trip_id,
            bucket=TokenBucket(0.5, burst),
            observer=self,
            monotonic=lambda: 0.0,
            answer_within_s=answer_within_s,
        )

    def _trip_id(self) -> TripId:
        self.trips += 1
        return TripId(f"t{self.trips}")

    def message_answered(self, kind: RiderTopic, problem: ProblemCode | None) -> None:
        self.answered.append((kind, problem))

    def request_decided(self, seconds: float) -> None:
        assert seconds == 0.0

    async def send(self, kind: str = "request", body: Any = None, **more: Any) -> None:
        fields = {"id": "q1", "from": "A", "to": "B"} if body is None else body
        payload = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        await self.take(Message(f"{ROOT}/{kind}", payload, **more))

    async def take(self, message: Message) -> None:
        handling = self.desk.on_message(message)
        if handling is not None:
            await handling

    async def documents(self, below: str, number: int) -> list[dict[str, Any]]:
        """The first so many documents sent to this topic of the rider's."""
        topic = f"{ROOT}/{below}"
        await until(lambda: len([s for s in self.link.sent if s.topic == topic]) >= number)
        return [json.loads(s.body) for s in self.link.sent if s.topic == topic]


@asynccontextmanager
async def open_post(post: Post) -> AsyncIterator[Post]:
    tasks = [asyncio.create_task(post.service.run()), asyncio.create_task(post.outbox.run())]
    await post.service.started.wait()
    try:
        yield post
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_request_is_durable_when_its_message_is_done_with() -> None:
    async with open_post(Post()) as post:
        await post.send()
        assert await post.journal.last_position() == 2
        told = await post.documents("trip/t1", 2)
    assert [d["state"] for d in told] == ["requested", "offered"]
    assert post.answered == [(RiderTopic.REQUEST, None)]


async def test_the_same_request_again_gets_its_present_status() -> None:
    async with open_post(Post()) as post:
        await post.send()
        post.clock.at_s += 5
        await post.send()
        told = await post.documents("trip/t1", 3)
        assert await post.journal.last_position() == 2
    assert [d["revision"] for d in told] == [0, 1, 1]
    assert post.engine.steps == 2


async def test_the_same_request_twice_at_once_is_asked_once() -> None:
    async with open_post(Post()) as post:
        message = TripRequest.model_validate({"id": "q1", "from": "A", "to": "B"})
        first, second = await asyncio.gather(
            post.desk.request(RiderId("ana"), message), post.desk.request(RiderId("ana"), message)
        )
    assert first.trip == second.trip == "t1"
    assert await post.journal.last_position() == 2


async def test_another_request_under_the_same_id_is_an_error() -> None:
    async with open_post(Post()) as post:
        await post.send()
        await post.send(body={"id": "q1", "from": "B", "to": "A"})
        (problem,) = await post.documents("error", 1)
        assert await post.journal.last_position() == 2
    assert (problem["code"], problem["request"]) == ("REQUEST_ID_REUSED", "q1")


async def test_an_id_whose_trip_is_forgotten_is_an_error() -> None:
    async with open_post(Post()) as post:
        await post.send()
        post.engine.requests.clear()
        await post.send()
        (problem,) = await post.documents("error", 1)
    assert problem["code"] == "REQUEST_ID_REUSED"


async def test_nonsense_is_answered_and_never_reaches_the_journal() -> None:
    async with open_post(Post()) as post:
        await post.send(body=b"{")
        await post.send("answer", {"trip": "t1"})
        await post.send("cancel", {"trip": "t1", "why": "rain"})
        problems = await post.documents("error", 3)
        assert await post.journal.last_position() == 1
    assert [p["code"] for p in problems] == ["UNREADABLE", "INVALID", "INVALID"]
    assert [p["field"] for p in problems[1:]] == ["accept", "why"]
    assert [code for _, code in post.answered] == [
        ProblemCode.UNREADABLE,
        ProblemCode.INVALID,
        ProblemCode.INVALID,
    ]


async def test_answers_and_cancellations_reach_the_engine() -> None:
    async with open_post(Post()) as post:
        await post.send("answer", {"trip": "t1", "accept": False})
        await post.send("cancel", {"trip": "t1", "reason": "rain"})
        assert await post.journal.last_position() == 3


async def test_a_retained_request_is_ignored() -> None:
    async with open_post(Post()) as post:
        await post.send(retain=True)
        assert await post.journal.last_position() == 1
    assert post.answered == []


async def test_above_the_rate_requests_are_refused_but_resends_answered() -> None:
    async with open_post(Post(burst=1)) as post:
        await post.send()
        await post.send(body={"id": "q2", "from": "A", "to": "B"})
        await post.send()
        (problem,) = await post.documents("error", 1)
        await post.documents("trip/t1", 3)
        assert await post.journal.last_position() == 2
    # Half a request per second: the next one in two seconds.
    assert (problem["code"], problem["request"]) == ("TOO_MANY_REQUESTS", "q2")
    assert problem["retry_after_s"] == 2


async def test_without_the_journal_the_rider_is_told_to_try_again() -> None:
    async with open_post(Post()) as post:
        post.journal.down = StoreUnavailable("no answer")
        await post.send()
        (problem,) = await post.documents("error", 1)
        post.journal.down = None
        await until(lambda: post.service.accepting)
        await post.send()
        await post.documents("trip/t2", 2)
    assert (problem["code"], problem["request"]) == ("NOT_AVAILABLE", "q1")
    assert problem["retry_after_s"] == 5


async def test_while_nobody_knows_whether_it_is_durable_the_rider_is_not_kept_waiting() -> None:
    async with open_post(Post(answer_within_s=0.0)) as post:
        # Written, but the answer is lost and the store gone when it is read again.
        post.journal.fail_next(UnknownOutcome("no answer"), written_first=True)
        read = post.journal.read
        post.journal.read = lambda after=0: _unavailable()
        await post.send()
        (problem,) = await post.documents("error", 1)
        post.journal.read = read
        # It was: the trip's status comes, and the resend is none the worse for it.
        assert [d["revision"] for d in await post.documents("trip/t1", 2)] == [0, 1]
        await post.send()
        assert (await post.documents("trip/t1", 3))[-1]["revision"] == 1
        # Two epochs were begun, and the request was written once.
        assert await post.journal.last_position() == 3
    assert (problem["code"], problem["request"]) == ("NOT_AVAILABLE", "q1")


async def _unavailable() -> AsyncIterator[Any]:
    raise StoreUnavailable("no answer")
    yield


async def test_what_comes_while_stopping_is_left_to_the_next_dispatcher() -> None:
    async with open_post(Post()) as post:
        post.service.stop()
        sending = asyncio.create_task(post.send())
        await until(lambda: not post.service.health.running)
        await turns(50)
        # Not done with, hence not acknowledged; the broker brings it again.
        assert not sending.done()
        assert post.answered == []
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_with_a_full_outbox_new_requests_are_refused_and_others_told() -> None:
    async with open_post(Post(most_waiting=1)) as post:
        await post.send()
        await post.documents("trip/t1", 2)
        post.link.connected = False
        post.outbox.link_lost()
        await post.send("request", {"id": "q2", "from": "A", "to": "B"})
        assert post.outbox.full
        third = TripRequest.model_validate({"id": "q3", "from": "A", "to": "B"})
        with pytest.raises(ProblemError) as caught:
            await post.desk.request(RiderId("ana"), third)
        assert caught.value.problem.code is ProblemCode.TOO_MANY_REQUESTS
        assert caught.value.problem.retry_after_s
        # What was asked before may be asked again, and is told as soon as it can be.
        await post.send("request", {"id": "q2", "from": "A", "to": "B"})
        post.link.connected = True
        post.outbox.link_connected()
        told = await post.documents("trip/t2", 1)
    assert told[-1]["state"] == "offered"
    assert post.outbox.counts.dropped <= 1  # at most a reply to nobody


async def test_a_document_of_another_on_a_trips_topic_is_put_right() -> None:
    async with open_post(Post()) as post:
        await post.send()
        told = (await post.documents("trip/t1", 2))[-1]
        topic = f"{ROOT}/trip/t1"
        post.link.retained[topic] = b"{}"
        await post.take(Message(topic, b"{}", retain=True))
        await until(lambda: post.link.retained[topic] != b"{}")
        assert json.loads(post.link.retained[topic]) == told
    assert told["epoch"] == post.service.health.epoch == 1


async def test_a_burst_is_refused_without_waiting_for_anything() -> None:
    async with open_post(Post(burst=3)) as post:
        for number in range(50):
            body = json.dumps({"id": f"q{number}", "from": "A", "to": "B"}).encode()
            message = Message(f"ringmaster/v1/z/rider/r{number}/request", body)
            handling = post.desk.on_message(message)
            # The first three are asked; the loop has not had a turn when the others are told.
            assert (handling is None) == (number >= 3)
            if handling is not None:
                await handling
            else:
                problem = json.loads(post.link.sent[-1].body)
                assert post.link.sent[-1].topic == f"ringmaster/v1/z/rider/r{number}/error"
                assert problem["code"] == "TOO_MANY_REQUESTS"
                assert problem["retry_after_s"] > 0
                assert problem["request"] == f"q{number}"
        assert await post.journal.last_position() == 4


async def test_what_waits_together_is_written_together() -> None:
    async with open_post(Post()) as post:
        bodies = [{"id": f"q{n}", "from": "A", "to": "B"} for n in range(40)]
        post.journal.batches.clear()
        await asyncio.gather(*(post.send("request", body) for body in bodies))
    # The first begins a batch alone at the latest; what came meanwhile makes the next.
    assert sum(post.journal.batches) == 40
    assert len(post.journal.batches) <= 3


async def test_one_rider_cannot_use_up_what_all_share() -> None:
    async with open_post(Post(burst=1000)) as post:
        for number in range(MESSAGES_BURST + 500):
            await post.send("cancel", {"trip": f"none{number}"})
        written = await post.journal.last_position()
        told = await post.documents("error", 3)
        # Bob is still heard.
        await post.take(
            Message("ringmaster/v1/z/rider/bob/request", b'{"id":"q1","from":"A","to":"B"}')
        )
        assert await post.journal.last_position() == written + 1
        assert await post.documents("error", 3) == told
    # The dispatcher's own first event, and what is allowed at once.
    assert written == 1 + MESSAGES_BURST
    # Told three times, and refused without a word after that.
    assert [problem["code"] for problem in told] == ["TOO_MANY_REQUESTS"] * 3
    assert post.answered.count((RiderTopic.CANCEL, ProblemCode.TOO_MANY_REQUESTS)) == 500


async def test_a_request_that_cannot_be_decided_is_answered() -> None:
    async with open_post(Post()) as post:
        message = TripRequest.model_validate({"id": "q1", "from": "A", "to": "B"})
        with pytest.raises(ProblemError) as caught:
            await post.desk.request(RiderId("crash"), message)
        assert caught.value.problem.code is ProblemCode.NOT_DECIDED
        await post.send()
        await post.documents("trip/t2", 2)


@pytest.mark.parametrize(
    ("topic", "answered"),
    [
        (f"{ROOT}/reply", True),
        (f"{ROOT}/reply/device-1", True),
        (f"{ROOT}/request", False),
        (f"{ROOT}/trip/t1", False),
        (f"{ROOT}/replying", False),
        ("ringmaster/v1/z/rider/bob/reply", False),
        ("uagv/v2/acme/s1/order", False),
        (f"{ROOT}/reply/#", False),
        (f"{ROOT}/reply/a/b/c/d", True),
        (f"{ROOT}/reply" + "/a" * 250, False),
        (f"{ROOT}/reply/\x01", False),
        (f"{ROOT}/reply/", False),
        (f"{ROOT}/reply/{'x' * 65}", False),
    ],
)
async def test_answers_go_only_where_the_rider_may_listen(topic: str, answered: bool) -> None:
    async with open_post(Post()) as post:
        await post.send(response_topic=topic, correlation_data=b"c1")
        await post.send(body=b"{", response_topic=topic, correlation_data=b"c2")
        await post.documents("error", 1)
        await post.documents("trip/t1", 2)
        await turns(50)
        replies = [s for s in post.link.sent if s.topic == topic and s.correlation_data]
        assert len(replies) == (2 if answered else 0)
    if answered:
        assert [reply.correlation_data for reply in replies] == [b"c1", b"c2"]
        assert json.loads(replies[0].body)["state"] == "offered"
        assert json.loads(replies[1].body)["code"] == "UNREADABLE"
