"""The simulated broker, through the real link: sessions, retained messages, deaths."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from dispatcher.mqtt import Message, MqttLink, PublishFailed, Subscription, Will
from simulator.faultsim.broker import SimBroker, topic_matches
from simulator.faultsim.client import SimNetwork
from simulator.faultsim.loop import Outside, SimLoop, SimProcess, run_in_loop


class Rig:
    def __init__(self) -> None:
        random.seed(1)
        self.loop = SimLoop()
        self.outside = Outside(self.loop)
        self.broker = SimBroker(self.outside, random.Random(1))


class Party:
    """A process with one link; ``heard`` is what reached its handler."""

    def __init__(
        self,
        rig: Rig,
        name: str,
        *filters: str,
        keeps: bool = True,
        will: Will | None = None,
        own_too: bool = True,
    ) -> None:
        self.heard: list[Message] = []
        self.sessions: list[bool] = []
        self.handles = asyncio.Event()
        self.handles.set()
        self.process = SimProcess(rig.loop, name)
        network = SimNetwork(rig.broker, self.process)
        self.process.on_death = network.process_died
        self.link = MqttLink(
            "sim",
            1883,
            client_id=name,
            subscriptions=[Subscription(found, own_too=own_too) for found in filters],
            on_message=self._take,
            on_connect=self.sessions.append,
            session_expiry_s=3600 if keeps else 0,
            will=will,
            new_client=network.new_client,
        )
        self.process.spawn(self.link.run())

    async def _take(self, message: Message) -> None:
        await self.handles.wait()
        self.heard.append(message)

    def bodies(self) -> list[bytes]:
        return [message.payload for message in self.heard]


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.loop.bury()


def test_a_message_reaches_its_subscribers_in_order(rig: Rig) -> None:
    async def world() -> None:
        ana, ben = Party(rig, "ana", "a/+"), Party(rig, "ben")
        await asyncio.sleep(1.0)
        for body in (b"1", b"2", b"3"):
            await ben.link.publish("a/x", body)
        await ben.link.publish("b/x", b"other")
        await asyncio.sleep(1.0)
        assert ana.bodies() == [b"1", b"2", b"3"]

    run_in_loop(rig.loop, world())


def test_what_one_published_oneself_comes_only_where_it_is_retained(rig: Rig) -> None:
    async def world() -> None:
        ana, ben = Party(rig, "ana", "a/+", own_too=False), Party(rig, "ben")
        await asyncio.sleep(1.0)
        await ana.link.publish("a/x", b"1", retain=True)
        await ben.link.publish("a/y", b"2")
        await asyncio.sleep(1.0)
        assert ana.bodies() == [b"2"]
        rig.broker.cut("ana")
        await asyncio.sleep(5.0)
        # mosquitto, too, hands out what is retained whoever published it.
        assert ana.bodies() == [b"2", b"1"]

    run_in_loop(rig.loop, world())


def test_what_was_not_acknowledged_comes_again_to_the_next_process(rig: Rig) -> None:
    async def world() -> None:
        first, ben = Party(rig, "ana", "a/+"), Party(rig, "ben")
        first.handles.clear()
        await asyncio.sleep(1.0)
        await ben.link.publish("a/x", b"1")
        await asyncio.sleep(1.0)
        first.process.kill()
        await ben.link.publish("a/x", b"2")
        second = Party(rig, "ana", "a/+")
        await asyncio.sleep(1.0)
        assert second.sessions == [True]
        assert second.bodies() == [b"1", b"2"]

    run_in_loop(rig.loop, world())


def test_a_broker_with_amnesia_knows_no_session_and_retains_nothing(rig: Rig) -> None:
    async def world() -> None:
        ana, ben = Party(rig, "ana", "a/+"), Party(rig, "ben")
        await asyncio.sleep(1.0)
        await ben.link.publish("a/x", b"1", retain=True)
        await asyncio.sleep(1.0)
        rig.broker.stop()
        with pytest.raises(PublishFailed):
            await ben.link.publish("a/x", b"2")
        rig.broker.start(forgets=True)
        await asyncio.sleep(30.0)
        assert ana.sessions == [False, False]
        assert ana.bodies() == [b"1"]
        assert rig.broker.retained == {}

    run_in_loop(rig.loop, world())


def test_a_restart_comes_back_with_what_was_saved_last(rig: Rig) -> None:
    async def world() -> None:
        ana, ben = Party(rig, "ana", "a/+"), Party(rig, "ben")
        await asyncio.sleep(1.0)
        await ben.link.publish("a/x", b"1", retain=True)
        rig.broker.save()
        await ben.link.publish("a/y", b"2", retain=True)
        rig.broker.stop()
        rig.broker.start(forgets=False)
        await asyncio.sleep(30.0)
        assert ana.sessions == [False, True]
        assert set(rig.broker.retained) == {"a/x"}

    run_in_loop(rig.loop, world())


def test_a_half_open_connection_is_noticed_by_the_keep_alive(rig: Rig) -> None:
    will = Will("gone/ana", b"broken", retain=True)

    async def world() -> None:
        ana, ben = Party(rig, "ana", "a/+", keeps=False, will=will), Party(rig, "ben", "gone/+")
        await asyncio.sleep(1.0)
        rig.broker.half_open("ana", 40.0)
        await asyncio.sleep(14.9)
        assert ana.link.connected
        assert ben.bodies() == []
        # 15 to 22.5 s, plus the way of the will.
        await asyncio.sleep(8.0)
        assert not ana.link.connected
        assert ben.bodies() == [b"broken"]
        await asyncio.sleep(60.0)
        assert ana.link.connected

    run_in_loop(rig.loop, world())


def test_a_second_holder_of_a_name_throws_the_first_out(rig: Rig) -> None:
    async def world() -> None:
        first = Party(rig, "ana", "a/+")
        await asyncio.sleep(1.0)
        first.process.pause()
        second = Party(rig, "ana", "a/+")
        await asyncio.sleep(1.0)
        assert second.link.connected
        assert rig.broker.counts.takeovers == 1

    run_in_loop(rig.loop, world())


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matches"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a/b/c", True),
        ("a/b", "a/b", True),
        ("a/b/c", "a/b", False),
    ],
)
def test_filters(topic_filter: str, topic: str, matches: bool) -> None:
    assert topic_matches(topic_filter, topic) is matches
