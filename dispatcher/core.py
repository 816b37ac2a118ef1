"""The deciding part of the service: events in, decisions out, no I/O and no clock.

The live service, a replay and a simulated day all decide through this one class.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatcher.codec import NO_DECISIONS, decision_digest
from dispatcher.domain.decisions import Decision
from dispatcher.domain.events import Event
from dispatcher.domain.ids import RequestId, RiderId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.trips import Offer, Refusal, RideRequest, TripStatus
from dispatcher.engine.state import ServiceState


class Engine(Protocol):
    """The engine's pure functions, bound to one site."""

    def stops_digest(self) -> str:
        """Tells apart zones whose stops differ; a state counts on their order."""
        ...

    def zone_digest(self) -> str:
        """Tells apart zones in whose streets or hours it would be decided otherwise."""
        ...

    def rules(self) -> str:
        """The rules decided under, as ``recorded_rules`` writes them; empty if there are none."""
        ...

    def under(self, rules: str) -> "Engine":
        """The same zone's engine under recorded rules; ValueError where they cannot be read."""
        ...

    def new_state(self) -> ServiceState: ...

    def step(
        self, state: ServiceState, event: Event
    ) -> tuple[ServiceState, tuple[Decision, ...]]: ...

    def next_due_s(self, state: ServiceState) -> int | None:
        """When the state next wants a ``ClockTicked``."""
        ...

    def dump_state(self, state: ServiceState) -> bytes: ...

    def picture(self, state: ServiceState) -> Iterator[bytes]:
        """A dump of the state as it is now, for ``load_state``, in slices to be asked for later."""
        ...

    def load_state(self, payload: bytes) -> ServiceState: ...

    def state_digest(self, state: ServiceState) -> str: ...

    def find_request(
        self, state: ServiceState, rider_id: RiderId, request_id: RequestId
    ) -> tuple[RideRequest, TripStatus] | None:
        """What was asked under this id and what has become of it, while remembered."""
        ...

    def quote(
        self, state: ServiceState, request: RideRequest, now_s: int
    ) -> tuple[Offer, ...] | Refusal:
        """What would be offered now; the state stays as it is."""
        ...

    def list_statuses(self, state: ServiceState) -> Sequence[TripStatus]:
        """Every trip that the state remembers."""
        ...

    def list_plans(self, state: ServiceState) -> Sequence[ShuttlePlan]:
        """The plan in force of every shuttle that has one."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """One journal position and what was decided there.

    ``event`` is None at positions that hold no event or one that was set aside.
    """

    position: int
    event: Event | None
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the journal says it was decided under: rules, and a digest of the zone."""

    rules: str
    zone: str


class DispatchCore:
    """The state after some journal position, and the digest of all decisions up to there.

    ``ground`` is None where the journal does not say what it was decided under: then it is
    what the engine has.
    """

    def __init__(
        self,
        engine: Engine,
        state: ServiceState | None = None,
        *,
        position: int = 0,
        digest: str = NO_DECISIONS,
        last_at_s: int = 0,
        ground: Ground | None = None,
    ) -> None:
        self.engine = engine
        self.state = engine.new_state() if state is None else state
        self.position = position
        self.digest = digest
        self.last_at_s = last_at_s
        self.ground = ground

    def stamp_s(self, now_s: int) -> int:
        """The time to stamp an event with: the clock's, but never before the last one."""
        return max(now_s, self.last_at_s)

    def apply(self, event: Event) -> Applied:
        """Decide on the event at the next position.

        Whatever the engine raises is a mistake of ours and comes through; the core must
        then be thrown away, for its state may be half changed.
        """
        self.state, decisions = self.engine.step(self.state, event)
        self.last_at_s = event.at_s
        return self._moved_on(event, decisions)

    def move_to(self, ground: Ground) -> Applied:
        """Decide from here on under other rules: the same trips and plans, judged by those.

        Raises
        ------
        ValueError
            The rules cannot be read.
        """
        if ground.rules != self.engine.rules():
            former, self.engine = self.engine, self.engine.under(ground.rules)
            self.state = self.engine.load_state(former.dump_state(self.state))
        self.ground = ground
        return self.skip()

    def skip(self) -> Applied:
        """Pass over a position that changes nothing."""
        return self._moved_on(None, ())

    def _moved_on(self, event: Event | None, decisions: tuple[Decision, ...]) -> Applied:
        self.position += 1
        self.digest = decision_digest(self.digest, self.position, decisions)
        return Applied(self.position, event, decisions)
