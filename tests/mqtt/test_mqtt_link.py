"""The MQTT link against a real mosquitto and the embedded broker."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from mqtt_links import PATIENCE_S, Seen, running_link
from servers import Mosquitto
from service_fakes import turns

from dispatcher.fair_intake import FairIntake, FairRules
from dispatcher.mqtt import Intake, Message, MqttLink, Subscription, Will
from dispatcher.mqtt_client import MqttVersion, PublishFailed
from dispatcher.mqtt_messages import AckWindow


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=pytest.mark.broker)])
def broker(request: pytest.FixtureRequest) -> Any:
    if request.param == "embedded":
        return request.getfixturevalue("shared_embedded_broker")
    return request.getfixturevalue("mosquitto")


@pytest.fixture
def own_mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path / "mosquitto")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def root() -> str:
    """A topic nobody else uses."""
    return f"test/{uuid4()}"


def cut(link: MqttLink) -> None:
    """Break the connection without a word, as a tunnel does."""
    assert link._client is not None
    link._client._client.socket().shutdown(socket.SHUT_RDWR)


async def test_messages_arrive_in_order(broker: Any, root: str) -> None:
    async with running_link(broker, f"{root}/#") as receiver, running_link(broker) as sender:
        for n in range(300):
            await sender.link.publish(f"{root}/{n % 3}", b"%d" % n)
        await receiver.seen.until(300)
        assert receiver.seen.payloads == [b"%d" % n for n in range(300)]
        assert receiver.link.counts.received == 300
        assert sender.link.counts.published == 300


async def test_a_request_carries_where_to_answer(broker: Any, root: str) -> None:
    async with running_link(broker, root) as receiver, running_link(broker) as sender:
        await sender.link.publish(
            root, b"{}", response_topic=f"{root}/answer", correlation_data=b"\x01c"
        )
        (message,) = await receiver.seen.until(1)
        assert message == Message(root, b"{}", 1, False, f"{root}/answer", b"\x01c")


async def test_what_was_not_handled_comes_again(broker: Any, root: str) -> None:
    client_id = f"dispatcher-{uuid4()}"
    reached = asyncio.Event()

    async def handle_all_but_the_second(message: Message) -> None:
        if message.payload == b"2":
            reached.set()
            await asyncio.Event().wait()  # as if the journal never answered

    async with running_link(broker) as sender:
        async with running_link(
            broker, root, client_id=client_id, on_message=handle_all_but_the_second
        ):
            for payload in (b"1", b"2", b"3"):
                await sender.link.publish(root, payload)
            async with asyncio.timeout(PATIENCE_S):
                await reached.wait()
        # Sent while we are away.
        await sender.link.publish(root, b"4")
        async with running_link(broker, root, client_id=client_id) as again:
            assert again.sessions_present == [True]
            await sender.link.publish(root, b"5")
            while b"5" not in again.seen.payloads:
                await again.seen.until(len(again.seen.messages) + 1)
            came = again.seen.payloads
    # The embedded broker forgets single acknowledgements, so 1 may come again, too.
    assert [p for p in came if p != b"1"] == [b"2", b"3", b"4", b"5"]


@pytest.mark.broker
async def test_what_was_handled_does_not_come_again(mosquitto: Mosquitto, root: str) -> None:
    client_id = f"dispatcher-{uuid4()}"
    async with running_link(mosquitto) as sender:
        async with running_link(mosquitto, root, client_id=client_id) as first:
            await sender.link.publish(root, b"1")
            await first.seen.until(1)
            # A second one makes sure that the first was acknowledged, one after the other.
            await sender.link.publish(root, b"2")
            await first.seen.until(2)
        async with running_link(mosquitto, root, client_id=client_id) as again:
            await sender.link.publish(root, b"3")
            await again.seen.until(1)
            assert b"1" not in again.seen.payloads
            assert again.seen.payloads[-1] == b"3"


async def test_a_session_of_no_duration_keeps_nothing(broker: Any, root: str) -> None:
    client_id = f"rider-{uuid4()}"
    async with running_link(broker) as sender:
        async with running_link(broker, root, client_id=client_id, session_expiry_s=0):
            pass
        await sender.link.publish(root, b"missed")
        async with running_link(broker, root, client_id=client_id, session_expiry_s=0) as again:
            assert again.sessions_present == [False]
            await sender.link.publish(root, b"seen")
            await again.seen.until(1)
            assert again.seen.payloads == [b"seen"]


@pytest.mark.broker
async def test_the_link_outlives_a_killed_broker(own_mosquitto: Mosquitto, root: str) -> None:
    async with running_link(own_mosquitto, root) as link:
        await link.link.publish(root, b"before")
        await link.seen.until(1)
        own_mosquitto.kill()
        await link.until(lambda: not link.link.connected)
        with pytest.raises(PublishFailed, match="not connected"):
            await link.link.publish(root, b"meanwhile")
        own_mosquitto.start()
        await link.until(lambda: link.link.connected)
        await link.link.publish(root, b"after")
        while b"after" not in link.seen.payloads:
            await link.seen.until(len(link.seen.messages) + 1)
        # "before" may come again: its acknowledgement may have died with the broker.
        assert [p for p in link.seen.payloads if p != b"before"] == [b"after"]
        assert link.link.counts.connections == 2
        assert link.link.counts.publishes_failed == 1


@pytest.mark.broker
async def test_a_start_before_the_broker_waits_with_growing_pauses(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path / "mosquitto")
    async with running_link(server, "a", connected=False, jitter=lambda: 1.0) as link:
        await link.until(lambda: len(link.disconnections) >= 8)
        pauses = [pause_s for _, pause_s in link.disconnections[:8]]
        # Doubling from 0.2 s up to the bound of 4 s.
        assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0, 4.0]
        assert "refused" in link.disconnections[0][0]
        server.start()
        await link.until(lambda: link.link.connected)
    server.kill()


async def test_pauses_are_jittered_between_half_and_whole(tmp_path: Path) -> None:
    nowhere = type("Nowhere", (), {"host": "127.0.0.1", "port": 1})
    async with running_link(nowhere, connected=False, jitter=lambda: 0.0) as link:
        await link.until(lambda: len(link.disconnections) >= 2)
        assert [pause_s for _, pause_s in link.disconnections[:2]] == [0.1, 0.2]


async def test_a_broken_connection_publishes_the_will(broker: Any, root: str) -> None:
    will = Will(f"{root}/connection", b"gone", retain=True)
    async with running_link(broker, f"{root}/#") as watcher:
        async with running_link(broker, will=will) as shuttle:
            cut(shuttle.link)
            await watcher.seen.until(1)
        assert watcher.seen.payloads == [b"gone"]
        async with running_link(broker, f"{root}/#") as late:
            (message,) = await late.seen.until(1)
            assert (message.payload, message.retain) == (b"gone", True)


async def test_two_under_one_name_take_turns_and_can_be_stopped(broker: Any, root: str) -> None:
    # The broker breaks one connection for the other, again and again, at every stage of
    # connecting; neither link may get stuck, nor survive its cancellation.
    name = f"twin-{uuid4()}"
    async with (
        running_link(broker, root, client_id=name, connected=False) as one,
        running_link(broker, root, client_id=name, connected=False) as two,
    ):
        await one.until(lambda: one.link.counts.connections >= 5)
        await two.until(lambda: two.link.counts.connections >= 5)
    assert one.task.cancelled()
    assert two.task.cancelled()
    async with running_link(broker, root) as other:
        await other.link.publish(root, b"still there")
        await other.seen.until(1)


@pytest.mark.broker
async def test_a_broker_that_does_not_answer_is_left_and_tried_again(
    own_mosquitto: Mosquitto, root: str
) -> None:
    async with running_link(own_mosquitto, root) as link:
        own_mosquitto.pause()
        cut(link.link)
        # Now the connection is accepted by the system, but nobody greets.
        await link.until(lambda: len(link.disconnections) == 1)
        own_mosquitto.resume()
        await link.until(lambda: link.link.connected)
        assert link.sessions_present == [False, True]


async def test_leaving_in_order_publishes_no_will(broker: Any, root: str) -> None:
    async with running_link(broker, f"{root}/#") as watcher:
        async with running_link(broker, will=Will(f"{root}/will", b"gone")) as shuttle:
            await shuttle.link.publish(f"{root}/last", b"bye")
        async with running_link(broker) as other:
            await other.link.publish(f"{root}/other", b"x")
        await watcher.seen.until(2)
        assert watcher.seen.payloads == [b"bye", b"x"]


async def test_a_retained_status_is_there_for_latecomers(broker: Any, root: str) -> None:
    async with running_link(broker) as sender:
        await sender.link.publish(f"{root}/trip/1", b"offered", retain=True)
        await sender.link.publish(f"{root}/trip/1", b"accepted", retain=True)
        async with running_link(broker, f"{root}/trip/+") as late:
            (message,) = await late.seen.until(1)
            assert (message.payload, message.retain) == (b"accepted", True)
            # An empty body takes it away; one still listening hears of that.
            await sender.link.publish(f"{root}/trip/1", b"", retain=True)
            await late.seen.until(2)
        async with running_link(broker, f"{root}/#") as later:
            await sender.link.publish(f"{root}/marker", b"m")
            await later.seen.until(1)
            assert later.seen.payloads == [b"m"]


async def test_both_versions_talk_to_each_other(broker: Any, root: str) -> None:
    v311 = {"version": MqttVersion.V311, "port": getattr(broker, "port_v311", broker.port)}
    async with (
        running_link(broker, f"{root}/to5") as new,
        running_link(broker, f"{root}/to311", **v311) as old,
    ):
        # The embedded broker drops an MQTT 3.1.1 receiver at a message with properties.
        properties = {"correlation_data": b"c"} if isinstance(broker, Mosquitto) else {}
        await new.link.publish(f"{root}/to311", b"hello", **properties)
        await old.link.publish(f"{root}/to5", b"back", correlation_data=b"ignored")
        await old.seen.until(1)
        await new.seen.until(1)
        assert old.seen.messages == [Message(f"{root}/to311", b"hello")]
        assert new.seen.messages == [Message(f"{root}/to5", b"back")]


async def test_a_311_session_is_resumed_too(broker: Any, root: str) -> None:
    v311 = {"version": MqttVersion.V311, "port": getattr(broker, "port_v311", broker.port)}
    client_id = f"old-{uuid4()}"
    async with running_link(broker) as sender:
        async with running_link(broker, root, client_id=client_id, **v311):
            pass
        await sender.link.publish(root, b"while away")
        async with running_link(broker, root, client_id=client_id, **v311) as again:
            await again.seen.until(1)
            assert again.seen.payloads == [b"while away"]


async def test_an_oversized_body_is_refused_and_counted(broker: Any, root: str) -> None:
    filters = (Subscription(f"{root}/map", max_body_bytes=100), Subscription(f"{root}/#"))
    async with (
        running_link(broker) as sender,
        running_link(broker, *filters) as receiver,
    ):
        await sender.link.publish(f"{root}/map", b"x" * 100)
        await sender.link.publish(f"{root}/map", b"x" * 101)
        await sender.link.publish(f"{root}/other", b"y" * 8192)
        await sender.link.publish(f"{root}/other", b"y" * 8193)
        await sender.link.publish(f"{root}/other", b"end")
        while b"end" not in receiver.seen.payloads:
            await receiver.seen.until(len(receiver.seen.messages) + 1)
        # Overlapping subscriptions may each deliver a copy, so compare without them.
        assert {len(p) for p in receiver.seen.payloads} == {100, 8192, 3}
        assert set(receiver.oversized) == {(f"{root}/map", 101), (f"{root}/other", 8193)}
        assert receiver.link.counts.oversized == len(receiver.oversized)


async def test_properties_that_make_no_sense_to_us_do_not_end_the_connection(
    broker: Any, root: str
) -> None:
    refused: list[str] = []
    async with (
        running_link(broker) as sender,
        running_link(
            broker, f"{root}/#", on_unreadable=lambda topic, reason: refused.append(topic)
        ) as receiver,
    ):
        # The standard lets U+FEFF stand in a string, and mosquitto does; paho does not.
        await sender.link.publish(f"{root}/odd", b"1", response_topic="\ufeff")
        await sender.link.publish(f"{root}/plain", b"2")
        await receiver.seen.until(1)
        assert receiver.seen.payloads == [b"2"]
        assert refused == [f"{root}/odd"]
        assert receiver.link.counts.unreadable == 1
        assert receiver.disconnections == []
        # Acknowledged, or it would come again.
        cut(receiver.link)
        await receiver.until(lambda: len(receiver.sessions_present) == 2)
        await sender.link.publish(f"{root}/plain", b"3")
        await receiver.seen.until(2)
        assert refused == [f"{root}/odd"]


async def test_a_handlers_mistake_ends_the_link(broker: Any, root: str) -> None:
    async def stumble(message: Message) -> None:
        raise LookupError(message.topic)

    async with (
        running_link(broker) as sender,
        running_link(broker, root, on_message=stumble) as link,
    ):
        await sender.link.publish(root, b"1")
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(link.task, PATIENCE_S)
        assert caught.group_contains(LookupError, match=root)


async def test_unacknowledged_messages_are_bounded(broker: Any, root: str) -> None:
    held = asyncio.Event()
    handled = Seen()

    async def hold(message: Message) -> None:
        await held.wait()
        await handled.add(message)

    async with (
        running_link(broker) as sender,
        running_link(broker, root, on_message=hold, receive_maximum=5) as receiver,
    ):
        for n in range(150):
            await sender.link.publish(root, b"%d" % n)
        # The embedded broker keeps to its own bound of 100 instead of ours.
        bound = 5 if isinstance(broker, Mosquitto) else 100
        assert receiver.link.counts.received <= bound
        held.set()
        await handled.until(150)
        assert handled.payloads == [b"%d" % n for n in range(150)]


async def test_senders_do_not_wait_for_each_other(broker: Any, root: str) -> None:
    held = asyncio.Event()
    handled = Seen()

    async def hold_ana(message: Message) -> None:
        if message.topic.endswith("/ana"):
            await held.wait()
        await handled.add(message)

    async with (
        running_link(broker) as sender,
        running_link(
            broker,
            f"{root}/+",
            on_message=hold_ana,
            receive_maximum=50,
            at_once=50,
            lane_of=lambda message: message.topic,
        ) as receiver,
    ):
        for n in range(11):
            await sender.link.publish(f"{root}/{'ana' if n % 2 else 'bob'}", b"%d" % n)
        await handled.until(6)
        assert handled.payloads == [b"0", b"2", b"4", b"6", b"8", b"10"]
        # Acknowledged in order: what came after the first of ana's is still the broker's.
        assert receiver.link.unacknowledged == 10
        held.set()
        await handled.until(11)
        assert handled.payloads[6:] == [b"1", b"3", b"5", b"7", b"9"]
    assert receiver.link.unacknowledged == 0


async def test_no_more_than_agreed_are_handled_at_once(broker: Any, root: str) -> None:
    working = most = 0
    handled = Seen()
    all_busy = asyncio.Event()

    async def work(message: Message) -> None:
        nonlocal working, most
        working += 1
        most = max(most, working)
        if working == 3:
            all_busy.set()
        await all_busy.wait()
        # Whoever could begin beside these three would begin now.
        for _ in range(5):
            await asyncio.sleep(0)
        working -= 1
        await handled.add(message)

    async with (
        running_link(broker) as sender,
        running_link(
            broker, f"{root}/+", on_message=work, at_once=3, lane_of=lambda message: message.topic
        ),
    ):
        await asyncio.gather(*(sender.link.publish(f"{root}/{n}", b"") for n in range(40)))
        await handled.until(40)
    assert most == 3


async def test_with_several_at_once_what_was_not_handled_comes_again(
    broker: Any, root: str
) -> None:
    client_id = f"dispatcher-{uuid4()}"
    begun = Seen()

    async def never_done(message: Message) -> None:
        await begun.add(message)
        await asyncio.Event().wait()

    lanes = {"at_once": 10, "lane_of": lambda message: message.topic}
    async with running_link(broker) as sender:
        async with running_link(
            broker, f"{root}/+", client_id=client_id, on_message=never_done, **lanes
        ) as first:
            for n in range(6):
                await sender.link.publish(f"{root}/{n % 3}", b"%d" % n)
            await begun.until(3)  # one of each lane
            cut(first.link)
            await first.until(lambda: len(first.sessions_present) == 2)
        async with running_link(broker, f"{root}/+", client_id=client_id, **lanes) as again:
            await again.seen.until(6)
            assert sorted(again.seen.payloads) == [b"%d" % n for n in range(6)]


class NeverConnected:
    async def __aenter__(self) -> None:
        await asyncio.Event().wait()

    async def __aexit__(self, *error: object) -> None: ...

    def end(self, reason: str) -> None: ...


@pytest.mark.parametrize("intake", [None, FairIntake(FairRules())], ids=["in order", "fair"])
async def test_run_again_it_handles_what_an_earlier_run_had_begun(intake: Intake | None) -> None:
    nowhere = type("Nowhere", (), {"host": "127.0.0.1", "port": 1})
    begun = Seen()

    async def never_done(message: Message) -> None:
        await begun.add(message)
        await asyncio.Event().wait()

    options: dict[str, Any] = {
        "at_once": 3,
        "lane_of": lambda message: message.topic.rpartition("/")[0],
        "on_message": never_done,
        "intake": intake,
        "new_client": lambda *where, **how: NeverConnected(),
    }
    async with running_link(nowhere, connected=False, **options) as running:
        link = running.link
        for times in (1, 2, 3):
            await turns(3)
            window = AckWindow(lambda mid, qos: None)
            link._standing.set()
            link._take_in(window.came(Message("t/a", b""), 1))
            link._take_in(window.came(Message("t/b", b""), 2))
            link._take_in(window.came(Message("u/a", b""), 3))
            await begun.until(2 * times)  # one of each lane; the third waits
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)
            running.task = asyncio.create_task(link.run())


async def test_who_may_not_send_does_not_answer_either() -> None:
    nowhere = type("Nowhere", (), {"host": "127.0.0.1", "port": 1})
    async with running_link(nowhere, connected=False, may_send=lambda: False) as running:
        running.link._client = cast(Any, object())
        with pytest.raises(PublishFailed, match="not the leader"):
            running.link.post("t", b"")
        with pytest.raises(PublishFailed, match="not the leader"):
            await running.link.publish("t", b"")
        running.link._client = None


async def test_a_link_cancelled_before_a_handler_began_leaves_nothing_behind() -> None:
    nowhere = type("Nowhere", (), {"host": "127.0.0.1", "port": 1})
    begun: list[Message] = []

    async def handle(message: Message) -> None:
        begun.append(message)

    def cancel_first(message: Message) -> Awaitable[None]:
        running.task.cancel()
        return handle(message)

    lanes: dict[str, Any] = {
        "at_once": 2,
        "lane_of": lambda message: message.topic,
        "new_client": lambda *where, **how: NeverConnected(),
    }
    async with running_link(nowhere, connected=False, on_message=cancel_first, **lanes) as running:
        await turns(2)
        window = AckWindow(lambda mid, qos: None)
        running.link._standing.set()
        running.link._take_in(window.came(Message("t", b""), 1))
        await asyncio.gather(running.task, return_exceptions=True)
    assert begun == []
    gc.collect()  # a coroutine that nobody awaited would be warned of, and fail the test


@pytest.mark.broker
async def test_a_subscription_that_is_not_required_may_be_refused(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path / "mosquitto", acl="topic readwrite allowed/#\n")
    server.start()
    forbidden = Subscription("forbidden/+", required=False)
    async with running_link(server, "allowed/#", forbidden) as link:
        await link.link.publish("allowed/x", b"1")
        await link.seen.until(1)
    server.kill()


@pytest.mark.broker
async def test_a_watcher_of_its_own_topics_hears_only_others(
    mosquitto: Mosquitto, root: str
) -> None:
    own = Subscription(f"{root}/+", own_too=False)
    async with running_link(mosquitto, own) as one, running_link(mosquitto) as other:
        await one.link.publish(f"{root}/mine", b"1")
        await other.link.publish(f"{root}/theirs", b"2")
        await one.seen.until(1)
        assert one.seen.payloads == [b"2"]


@pytest.mark.broker
async def test_a_refused_publish_raises(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path / "mosquitto", acl="topic readwrite allowed/#\n")
    server.start()
    async with running_link(server, "allowed/#") as link:
        with pytest.raises(PublishFailed, match="Not authorized"):
            await link.link.publish("forbidden/x", b"1")
        await link.link.publish("allowed/x", b"2")
        await link.seen.until(1)
        assert link.seen.payloads == [b"2"]
    server.kill()


@pytest.mark.broker
async def test_publishes_waiting_when_the_broker_dies_fail(own_mosquitto: Mosquitto) -> None:
    async with running_link(own_mosquitto) as link:
        publishing = [asyncio.create_task(link.link.publish("t", b"x")) for _ in range(50)]
        await asyncio.sleep(0)  # all are sent or queued, none can have been confirmed
        own_mosquitto.kill()
        outcomes = await asyncio.gather(*publishing, return_exceptions=True)
        # Up to 20 are in flight and may have been confirmed before the end; the rest cannot.
        failed = [o for o in outcomes if isinstance(o, PublishFailed)]
        assert len(failed) >= 30
        assert {f.reason for f in failed} == {"connection lost"}


async def test_a_full_outbox_fails_at_once(broker: Any, root: str) -> None:
    async with running_link(broker, outbox=3) as link:
        outcomes = await asyncio.gather(
            *(link.link.publish(root, b"x") for _ in range(5)), return_exceptions=True
        )
        reasons = [o.reason if isinstance(o, PublishFailed) else "sent" for o in outcomes]
        assert reasons == ["sent"] * 3 + ["3 publishes wait already"] * 2


@pytest.mark.broker
async def test_a_publish_that_is_not_confirmed_in_time_fails(own_mosquitto: Mosquitto) -> None:
    async with running_link(own_mosquitto, publish_timeout_s=0.05) as link:
        own_mosquitto.pause()
        with pytest.raises(PublishFailed, match="not confirmed in"):
            await link.link.publish("t", b"x")
