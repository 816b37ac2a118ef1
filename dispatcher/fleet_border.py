"""Between the service and the shuttles' link: what shuttles tell goes in, what is decided goes out.

The service decides in one place and must not wait for a broker; the link waits for the
service before it acknowledges. A queue in between keeps the two from waiting for each other.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from dispatcher.core import Applied, DispatchCore
from dispatcher.domain.decisions import PlanPublished, ShuttleCommand, ShuttleCommanded
from dispatcher.domain.events import EpochBegan, Event
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.intake import NotTakenError
from dispatcher.queues import LatestByKey
from dispatcher.service import Service
from vehicles.fleet import Fleet

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 5_000
# One revokes the other, so that of both only the newest may go out.
_MOVING: Final = frozenset({ShuttleCommand.PAUSE, ShuttleCommand.RESUME})

Outgoing = tuple[PlanPublished | ShuttleCommanded, int]


class PlanSender(Protocol):
    """The part of ``FleetLink`` that sends."""

    async def publish(self, plan: ShuttlePlan, number: int = 0) -> None: ...

    async def command(
        self, shuttle_id: ShuttleId, command: ShuttleCommand, number: int, reason: str = ""
    ) -> None: ...


class FleetBorder:
    """Carries events and decisions between a fleet's link and the service.

    ``now`` is seconds since the epoch on the zone's clock.
    """

    def __init__(self, fleet: Fleet, service: Service, *, now: Callable[[], float]) -> None:
        self.fleet = fleet
        self._service = service
        self._now = now
        # Of each plan and each kind of command only the newest counts.
        self._waiting: LatestByKey[tuple[ShuttleId, str], Outgoing] = LatestByKey(MOST_WAITING)

    def __len__(self) -> int:
        """Plans and commands that wait for the link."""
        return len(self._waiting)

    def resume(self, core: DispatchCore, tail: Sequence[Applied]) -> None:
        """Starter: take up every conversation where the state has it."""
        self.fleet.begin_epoch(core.state.epoch)
        self.fleet.hearing.is_lost = core.state.deaf_since_s is not None
        for shuttle in core.state.shuttles.values():
            self.fleet.resume(
                shuttle.id,
                self._now(),
                capacity=shuttle.capacity,
                plan=shuttle.published,
                given_up=shuttle.given_up,
                confirmed=shuttle.confirmed_revision or None,
                aboard=_aboard(core.state, shuttle),
                last_heard_s=shuttle.last_heard_s,
                silent=shuttle.silent,
                last_event=shuttle.last_event,
                number=core.position,
            )
        for applied in tail:
            for decision in applied.decisions:
                if isinstance(decision, ShuttleCommanded):
                    self._put(decision, applied.position)
        for shuttle in core.state.shuttles.values():
            # It may have been out of reach ever since, and the command is older than the tail.
            if shuttle.held and not shuttle.paused:
                held = ShuttleCommanded(shuttle.id, ShuttleCommand.PAUSE, "held by the operator")
                self._put(held, core.position)
            elif shuttle.paused and not shuttle.held:
                free = ShuttleCommanded(shuttle.id, ShuttleCommand.RESUME, "nobody holds it")
                self._put(free, core.position)

    def on_applied(self, applied: Applied) -> None:
        """Listener: have the plans and commands sent that were decided."""
        if isinstance(applied.event, EpochBegan):
            self.fleet.begin_epoch(applied.event.epoch)
        for decision in applied.decisions:
            if isinstance(decision, PlanPublished | ShuttleCommanded):
                self._put(decision, applied.position)

    async def on_events(self, events: Sequence[Event]) -> None:
        """What shuttles told. Returns when it is durable."""
        try:
            await self._service.submit_all(events)
        except NotTakenError as error:
            # The process is ending. Without an answer the shuttle's message stays
            # unacknowledged, and comes again to whoever serves the zone next.
            log.info("shuttle_events_left", events=len(events), reason=str(error))
            await asyncio.get_running_loop().create_future()

    async def run(self, link: PlanSender) -> None:
        """Send until cancelled."""
        while True:
            _, (decision, number) = await self._waiting.get()
            match decision:
                case PlanPublished(plan):
                    await link.publish(plan, number)
                case ShuttleCommanded(shuttle_id, command, reason):
                    await link.command(shuttle_id, command, number, reason)

    def _put(self, decision: PlanPublished | ShuttleCommanded, position: int) -> None:
        # Numbered by the event, so that a vehicle recognises a repeated command.
        match decision:
            case PlanPublished(plan):
                self._waiting.put((plan.shuttle_id, "plan"), (decision, position))
            case ShuttleCommanded(shuttle_id, command):
                kind = "pause or resume" if command in _MOVING else command
                self._waiting.put((shuttle_id, kind), (decision, position))


def _aboard(state: ServiceState, shuttle: Shuttle) -> tuple[TripId, ...]:
    return tuple(state.bookings[booking_id].trip_id for booking_id in shuttle.aboard)
