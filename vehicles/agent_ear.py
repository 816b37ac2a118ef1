"""What the on-board agent hears: bodies by topic, checked, read and handed on. No I/O."""

from pydantic import ValidationError

from vehicles.agent import OnboardAgent
from vehicles.exchange import Outgoing
from vehicles.messages import InstantActions, Order, parse
from vehicles.signing import PlanKeys, UntrustedError
from vehicles.topics import Topic, topic_of


class AgentEar:
    """Listens for one agent. With ``keys`` only what one of them has signed is read at all."""

    def __init__(
        self, agent: OnboardAgent, interface: str, *, keys: PlanKeys | None = None
    ) -> None:
        self._agent = agent
        self._interface = interface
        self._keys = keys
        agent.obeys_signed_only = keys is not None

    def hear(self, topic: Topic, body: bytes, now: float) -> list[Outgoing]:
        """Take up one message that came on one of the vehicle's own topics."""
        agent = self._agent
        try:
            if self._keys is not None:
                own = topic_of(self._interface, agent.settings.vehicle, topic)
                self._keys.check(own, body)
            if topic is Topic.ORDER:
                return agent.on_order(parse(Order, body), now)
            return agent.on_instant_actions(parse(InstantActions, body), now)
        except UntrustedError as problem:
            return agent.on_untrusted(problem, now)
        except ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            return agent.on_malformed_order(f"{field}: {first['msg']}", now)
