"""What shuttles tell is durable before it is acknowledged; what is decided reaches the link."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from service_fakes import CountingEngine, FaultyJournal, HandClock, turns, until

from dispatcher.core import Applied, DispatchCore
from dispatcher.domain.decisions import PlanPublished, ShuttleCommand, ShuttleCommanded
from dispatcher.domain.events import ClockTicked, EpochBegan, ShuttleFellSilent
from dispatcher.domain.ids import BookingId, NodeId, ShuttleId, TripId
from dispatcher.domain.plans import ShuttlePlan, StartNode
from dispatcher.domain.shuttles import Capacity
from dispatcher.fleet_border import FleetBorder
from dispatcher.service import Service
from vehicles.fleet import Fleet, FleetRules

S1 = ShuttleId("acme:s1")


def a_plan(revision: int, shuttle_id: ShuttleId = S1) -> ShuttlePlan:
    start = StartNode(NodeId("n"), 0.0, 0.0, 0)
    return ShuttlePlan(shuttle_id, "o1", revision, 1, 1_000, start, (), 0, ())


class Sender:
    """A link that notes what it is given, once it is let to."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.open = asyncio.Event()

    async def publish(self, plan: ShuttlePlan, number: int = 0) -> None:
        await self.open.wait()
        self.sent.append((plan.shuttle_id, plan.revision))

    async def command(
        self, shuttle_id: ShuttleId, command: ShuttleCommand, number: int, reason: str = ""
    ) -> None:
        await self.open.wait()
        self.sent.append((shuttle_id, command, number, reason))


class Gate:
    def __init__(self) -> None:
        engine: Any = CountingEngine()
        self.journal = FaultyJournal()
        self.service = Service(engine, self.journal, HandClock())
        self.fleet = Fleet(FleetRules())
        self.border = FleetBorder(self.fleet, self.service, now=lambda: 1_000.0)
        self.sender = Sender()


@asynccontextmanager
async def sending(gate: Gate) -> AsyncIterator[Gate]:
    task = asyncio.create_task(gate.border.run(gate.sender))
    try:
        yield gate
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_events_are_durable_when_the_link_may_go_on() -> None:
    gate = Gate()
    running = asyncio.create_task(gate.service.run())
    await gate.service.started.wait()
    events = [ShuttleFellSilent(5, S1, 4), ShuttleFellSilent(6, ShuttleId("acme:s2"), 4)]
    await gate.border.on_events(events)
    assert await gate.journal.last_position() == 3
    gate.service.stop()
    await running


async def test_events_that_come_too_late_stay_unanswered() -> None:
    gate = Gate()
    gate.service.stop()
    handing_in = asyncio.create_task(gate.border.on_events([ShuttleFellSilent(5, S1, 4)]))
    await turns(50)
    assert not handing_in.done()
    handing_in.cancel()
    await asyncio.gather(handing_in, return_exceptions=True)


async def test_the_newest_plan_and_every_kind_of_command_reach_the_link() -> None:
    async with sending(Gate()) as gate:
        pause = ShuttleCommanded(S1, ShuttleCommand.PAUSE, "held")
        request = ShuttleCommanded(S1, ShuttleCommand.STATE_REQUEST)
        gate.border.on_applied(Applied(7, None, (PlanPublished(a_plan(1)),)))
        await turns(5)  # the first plan is being sent
        gate.border.on_applied(Applied(8, None, (PlanPublished(a_plan(2)), pause)))
        gate.border.on_applied(Applied(9, None, (PlanPublished(a_plan(3)), request)))
        gate.sender.open.set()
        await until(lambda: len(gate.sender.sent) == 4)
    assert gate.sender.sent == [
        (S1, 1),
        (S1, 3),
        (S1, ShuttleCommand.PAUSE, 8, "held"),
        (S1, ShuttleCommand.STATE_REQUEST, 9, ""),
    ]
    assert len(gate.border) == 0


async def test_at_a_start_conversations_are_taken_up_and_commands_told_again() -> None:
    gate = Gate()
    shuttle = SimpleNamespace(
        id=S1,
        capacity=Capacity(8, 1),
        published=a_plan(4),
        given_up=a_plan(1),
        last_heard_s=990,
        silent=False,
        last_event=None,
        confirmed_revision=3,
        aboard=[BookingId("b1")],
        held=False,
        paused=False,
    )
    state: Any = SimpleNamespace(
        epoch=1,
        deaf_since_s=980,
        shuttles={S1: shuttle},
        bookings={"b1": SimpleNamespace(trip_id=TripId("t1"))},
    )
    engine: Any = CountingEngine()
    tail = [
        Applied(11, ClockTicked(990), (ShuttleCommanded(S1, ShuttleCommand.PAUSE),)),
        Applied(12, ClockTicked(991), (PlanPublished(a_plan(2)),)),
    ]
    gate.border.resume(DispatchCore(engine, state), tail)
    assert gate.fleet.hearing.is_lost
    # An older plan is no news to a conversation that has been taken up with a newer one.
    assert gate.fleet.publish(a_plan(4), 1_000.0).sendings == ()
    assert gate.fleet.publish(a_plan(5), 1_000.0).sendings != ()
    async with sending(gate):
        gate.sender.open.set()
        await until(lambda: len(gate.sender.sent) == 1)
    assert gate.sender.sent == [(S1, ShuttleCommand.PAUSE, 11, "")]


async def test_of_pause_and_resume_only_the_newest_goes_out() -> None:
    async with sending(Gate()) as gate:
        for number, command in enumerate(
            (ShuttleCommand.PAUSE, ShuttleCommand.RESUME, ShuttleCommand.PAUSE), start=7
        ):
            gate.border.on_applied(Applied(number, None, (ShuttleCommanded(S1, command),)))
        gate.sender.open.set()
        await until(lambda: len(gate.border) == 0)
        await turns(5)
    # Were the older one sent last, the shuttle would drive although it is held.
    assert gate.sender.sent == [(S1, ShuttleCommand.PAUSE, 9, "")]


async def test_a_held_shuttle_that_did_not_pause_is_told_again_at_a_start() -> None:
    gate = Gate()
    shuttles = {
        shuttle_id: SimpleNamespace(
            id=shuttle_id,
            capacity=Capacity(8, 1),
            published=None,
            given_up=None,
            last_heard_s=990,
            silent=False,
            last_event=None,
            confirmed_revision=0,
            aboard=[],
            held=True,
            paused=paused,
        )
        for shuttle_id, paused in ((S1, False), (ShuttleId("acme:s2"), True))
    }
    state: Any = SimpleNamespace(epoch=1, deaf_since_s=None, shuttles=shuttles, bookings={})
    engine: Any = CountingEngine()
    gate.border.resume(DispatchCore(engine, state, position=900), [])
    async with sending(gate):
        gate.sender.open.set()
        await until(lambda: len(gate.sender.sent) == 1)
        await turns(5)
    assert gate.sender.sent == [(S1, ShuttleCommand.PAUSE, 900, "held by the operator")]


async def test_a_shuttle_left_paused_is_told_to_go_on_at_a_start() -> None:
    gate = Gate()
    shuttle = SimpleNamespace(
        id=S1,
        capacity=Capacity(8, 1),
        published=None,
        given_up=None,
        last_heard_s=990,
        silent=False,
        last_event=None,
        confirmed_revision=0,
        aboard=[],
        held=False,
        paused=True,
    )
    state: Any = SimpleNamespace(epoch=1, deaf_since_s=None, shuttles={S1: shuttle}, bookings={})
    engine: Any = CountingEngine()
    gate.border.resume(DispatchCore(engine, state, position=900), [])
    async with sending(gate):
        gate.sender.open.set()
        await until(lambda: len(gate.sender.sent) == 1)
    # The word that was to end the pause may have been lost with its dispatcher.
    assert gate.sender.sent == [(S1, ShuttleCommand.RESUME, 900, "nobody holds it")]


async def test_what_is_said_after_a_takeover_carries_its_epoch() -> None:
    gate = Gate()
    gate.border.on_applied(Applied(3, EpochBegan(1_000, 4), ()))
    assert gate.fleet.epoch == 4
