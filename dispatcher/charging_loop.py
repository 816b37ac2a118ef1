"""Plans who charges when, again and again, and hands the plan in as an event.

The choice takes its time in a thread of its own; what it decides names times and plugs only, and
the engine checks each session again before it reserves anything.
"""

import asyncio

from dispatcher.domain.events import ChargingPlanned
from dispatcher.engine.charging_ask import charging_ask, charging_of, is_news
from dispatcher.engine.state import ServiceState
from dispatcher.planning.charging_solver import choose_charges
from dispatcher.repeating import repeat
from dispatcher.service import Service

PLAN_EVERY_S = 600


def plan_charging(state: ServiceState, at_s: int) -> ChargingPlanned | None:
    """The plan for a state; None if there is nothing to say that is not planned already."""
    problem = charging_ask(state)
    if problem is None:
        return None
    event = charging_of(state, choose_charges(problem), at_s)
    return event if is_news(state, event) else None


class ChargingLoop:
    """Plans every ``every_s`` seconds of the zone's clock."""

    def __init__(self, service: Service, *, every_s: int = PLAN_EVERY_S) -> None:
        self._service = service
        self._every_s = every_s

    async def run(self) -> None:
        """Plan until cancelled or the service has stopped."""
        await repeat(self._service, self._every_s, "charging", self._plan_once)

    async def _plan_once(self) -> None:
        state = self._service.core.state
        problem = charging_ask(state)  # a picture of the state, taken at once
        if problem is None:
            return
        chosen = await asyncio.to_thread(choose_charges, problem)
        event = charging_of(self._service.core.state, chosen, self._service.clock.now_s())
        if is_news(self._service.core.state, event):
            await self._service.submit_event(event)
