"""One event being worked on: what it touched, and what is to be said about it."""

from dataclasses import dataclass, field

from dispatcher.domain.decisions import (
    AlertKind,
    Decision,
    OperatorAlerted,
    ShuttleCommand,
    ShuttleCommanded,
)
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.trips import BreachCause
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.engine.witness import Witness


@dataclass(slots=True)
class Turn:
    """Collects a step's effects, so that each shuttle and each rider hears once, at its end."""

    state: ServiceState
    now_s: int
    before_s: int = 0  # when the last event was; 0 before the first
    cause: BreachCause = BreachCause.DELAY  # why promises would break in this turn
    cause_text: str = ""
    decisions: list[Decision] = field(default_factory=list)
    touched: dict[ShuttleId, None] = field(default_factory=dict)
    stale: dict[ShuttleId, None] = field(default_factory=dict)  # touched since last scheduled
    moved: dict[ShuttleId, None] = field(default_factory=dict)  # touched at all, in order
    told: dict[TripId, str | None] = field(default_factory=dict)
    witness: Witness | None = None

    def touch(self, shuttle: Shuttle) -> None:
        """Its route changed or may have: schedule, release and publish it at the turn's end."""
        self.touched[shuttle.id] = None
        self.stale[shuttle.id] = None
        self.moved[shuttle.id] = None

    def tell(self, trip_id: TripId, reason: str | None = None) -> None:
        """Send the rider the trip's status at the turn's end, with what changed and why."""
        if reason is not None or trip_id not in self.told:
            self.told[trip_id] = reason

    def alert(
        self,
        kind: AlertKind,
        text: str,
        shuttle_id: ShuttleId | None = None,
        trip_id: TripId | None = None,
    ) -> None:
        self.decisions.append(OperatorAlerted(kind, text, shuttle_id, trip_id))

    def command(self, shuttle: Shuttle, command: ShuttleCommand, reason: str) -> None:
        self.decisions.append(ShuttleCommanded(shuttle.id, command, reason))
