"""Plans who charges when, again and again, and hands the plan in as an event.

The choice takes its time in a process of its own, which may hang or die without harm: then there
is no new plan, and the next one is asked for as ever. What it decides names times and plugs only,
and the engine checks each session again before it reserves anything.
"""

from typing import Protocol

import structlog

from dispatcher.domain.events import ChargingPlanned
from dispatcher.engine.charging_ask import charging_ask, charging_of, is_news
from dispatcher.engine.state import ServiceState
from dispatcher.planning.charging import ChargingProblem, ChosenCharge
from dispatcher.planning.worker_process import Failure
from dispatcher.repeating import repeat
from dispatcher.service import Service

log = structlog.get_logger(__name__)

PLAN_EVERY_S = 600


class Chooser(Protocol):
    """Where the choice is made: ``ChargingProcess``."""

    async def choose(self, problem: ChargingProblem) -> tuple[ChosenCharge, ...] | Failure: ...


def plan_charging(state: ServiceState, at_s: int) -> ChargingPlanned | None:
    """The plan for a state; None if there is nothing to say that is not planned already.

    It is made here and now, for a simulated day; the dispatcher has a process for it.
    """
    # OR-Tools takes seconds to load, which a dispatcher's start must not wait for.
    from dispatcher.planning.charging_solver import choose_charges

    problem = charging_ask(state)
    if problem is None:
        return None
    event = charging_of(state, choose_charges(problem), at_s)
    return event if is_news(state, event) else None


class ChargingLoop:
    """Plans every ``every_s`` seconds of the zone's clock."""

    def __init__(self, service: Service, chooser: Chooser, *, every_s: int = PLAN_EVERY_S) -> None:
        self._service = service
        self._chooser = chooser
        self._every_s = every_s

    async def run(self) -> None:
        """Plan until cancelled or the service has stopped."""
        await repeat(self._service, self._every_s, "charging", self._plan_once)

    async def _plan_once(self) -> None:
        state = self._service.core.state
        problem = charging_ask(state)  # a picture of the state, taken at once
        if problem is None:
            return
        chosen = await self._chooser.choose(problem)
        if isinstance(chosen, Failure):
            log.warning("charging_not_planned", reason=chosen.lower())
            return
        event = charging_of(self._service.core.state, chosen, self._service.clock.now_s())
        if is_news(self._service.core.state, event):
            await self._service.submit_event(event)
