"""Nothing new is said to a shuttle before what it told is durable; others do not wait for that."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from service_fakes import turns, until
from test_fleet import a_joined_fleet
from vehicle_cases import SHUTTLE, T0, VEHICLE, a_plan

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import Event, ShuttleFellSilent
from dispatcher.domain.ids import ShuttleId
from vehicles.durable_first import HELD_UP_S, DurableFirst
from vehicles.exchange import Outgoing
from vehicles.fleet import Fleet, FleetOutput, Sending
from vehicles.messages import Acknowledged, InstantActions, moment_of
from vehicles.topics import DEFAULT_INTERFACE, Topic, topic_of

OTHER = ShuttleId("ringmaster:s02")


class Shore:
    """A store that answers when told to, and what was sent to shuttles."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked: list[Sequence[Event]] = []
        self.sent: list[str] = []
        self.first = DurableFirst(self._on_events, self._publish)

    async def _on_events(self, events: Sequence[Event]) -> None:
        self.asked.append(events)
        await self.answers.wait()

    async def _publish(self, sending: Sending) -> None:
        self.sent.append(sending.topic.split("/", 3)[3])

    async def take(self, output: FleetOutput) -> None:
        self.first.begin(output)
        await self.first.send(output.sendings)


@asynccontextmanager
async def running(shore: Shore) -> AsyncIterator[Shore]:
    task = asyncio.create_task(shore.first.run())
    try:
        yield shore
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def told(shuttle_id: ShuttleId) -> FleetOutput:
    return FleetOutput((ShuttleFellSilent(int(T0), shuttle_id, int(T0)),))


def ordered() -> tuple[Fleet, FleetOutput]:
    fleet = a_joined_fleet()
    return fleet, fleet.publish(a_plan("v1 B 10", released=1), T0 + 1)


async def test_a_new_message_waits_for_the_shuttles_events() -> None:
    async with running(Shore()) as shore:
        _, output = ordered()
        shore.first.begin(told(SHUTTLE))
        await shore.take(output)
        assert shore.sent == []
        assert (len(shore.first), shore.first.held_back) == (1, 1)
        shore.answers.set()
        await until(lambda: shore.sent == ["s01/order"])
        assert (len(shore.first), shore.first.held_back) == (0, 0)


async def test_other_shuttles_do_not_wait() -> None:
    async with running(Shore()) as shore:
        _, output = ordered()
        shore.first.begin(told(OTHER))
        await shore.take(output)
        assert shore.sent == ["s01/order"]


async def test_a_store_outage_stops_no_repetition_and_no_pause() -> None:
    async with running(Shore()) as shore:
        fleet, output = ordered()
        await shore.take(output)
        shore.first.begin(told(SHUTTLE))
        # The same order, due again after 2 s, was durable long before.
        await shore.take(fleet.tick(T0 + 3))
        assert shore.sent == ["s01/order"] * 2
        await shore.take(fleet.command(SHUTTLE, ShuttleCommand.PAUSE, 7, T0 + 4))
        assert shore.sent[2:] == ["s01/instantActions"]
        # What sets it moving again is new, and waits.
        await shore.take(fleet.command(SHUTTLE, ShuttleCommand.RESUME, 8, T0 + 5))
        for s in range(6, 60):
            await shore.take(fleet.tick(T0 + s))
        # Sent at 1, 3, 8, 13, ... 58: every five seconds.
        assert shore.sent.count("s01/order") == 2 + 11
        assert shore.sent.count("s01/instantActions") == 1
        assert shore.first.held_back == 1
        shore.answers.set()
        await until(lambda: shore.first.held_back == 0)
        assert shore.sent.count("s01/instantActions") == 2


def a_word() -> FleetOutput:
    """What answers a state between orders: no action, but the vehicle's events are had."""
    word = InstantActions(
        header_id=1,
        timestamp=moment_of(T0),
        manufacturer=VEHICLE.manufacturer,
        serial_number=VEHICLE.serial_number,
        actions=(),
        acknowledged=Acknowledged(series="a", number=5),
    )
    topic = topic_of(DEFAULT_INTERFACE, VEHICLE, Topic.INSTANT_ACTIONS)
    return FleetOutput(sendings=(Sending(topic, Outgoing(Topic.INSTANT_ACTIONS, word)),))


async def test_a_vehicle_keeps_its_events_until_they_are_durable() -> None:
    async with running(Shore()) as shore:
        shore.first.begin(told(SHUTTLE))
        await shore.take(a_word())
        assert shore.sent == []
        shore.answers.set()
        await until(lambda: shore.sent == ["s01/instantActions"])


async def test_events_are_handed_in_in_order() -> None:
    async with running(Shore()) as shore:
        outputs = [told(ShuttleId(f"ringmaster:s{n:02}")) for n in range(20)]
        for output in outputs:
            shore.first.begin(output)
        await turns(3)
        assert shore.asked == [output.events for output in outputs]


async def test_with_several_steps_under_way_all_must_be_durable() -> None:
    async with running(Shore()) as shore:
        _, output = ordered()
        first = shore.first.begin(told(SHUTTLE))
        await turns(2)
        assert first is not None
        shore.answers.set()
        shore.answers = asyncio.Event()  # for those who ask from now on
        shore.first.begin(told(SHUTTLE))
        await first
        await shore.take(output)
        assert shore.sent == []
        await turns(3)
        shore.answers.set()
        await until(lambda: shore.sent == ["s01/order"])


async def test_a_silence_is_not_the_shuttles_own_while_the_store_does_not_answer() -> None:
    async with running(Shore()) as shore:
        now = asyncio.get_running_loop().time()
        assert not shore.first.is_held_up(now + 100)
        shore.first.begin(told(SHUTTLE))
        assert not shore.first.is_held_up(now + HELD_UP_S - 0.5)
        assert shore.first.is_held_up(now + HELD_UP_S + 0.5)
        shore.answers.set()
        await until(lambda: len(shore.first) == 0)
        await turns(2)
        assert not shore.first.is_held_up(now + 100)


async def test_events_under_way_outlive_the_link_and_the_next_one_goes_on_from_there() -> None:
    shore = Shore()
    _, output = ordered()
    async with running(shore):
        shore.first.begin(told(SHUTTLE))
        await shore.take(output)
        await turns(2)
    async with running(shore):
        assert (len(shore.first), shore.sent) == (1, [])
        shore.answers.set()
        await until(lambda: shore.sent == ["s01/order"])
        assert len(shore.first) == 0


async def test_closed_it_gives_up_what_is_under_way() -> None:
    shore = Shore()
    task = shore.first.begin(told(SHUTTLE))
    await turns(2)
    await shore.first.close()
    assert task is not None
    assert task.cancelled()


async def test_a_mistake_in_handing_in_ends_the_link() -> None:
    async def fails(events: Sequence[Event]) -> None:
        raise LookupError("no store")

    async def nowhere(sending: Sending) -> None:
        raise AssertionError

    first = DurableFirst(fails, nowhere)
    first.begin(told(SHUTTLE))
    with pytest.raises(LookupError, match="no store"):
        await first.run()
