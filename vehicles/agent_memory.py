"""What the on-board agent must not forget over a restart."""

from pydantic import BaseModel, ConfigDict

from dispatcher.domain.ids import TripId
from dispatcher.domain.trips import Party
from vehicles.messages import (
    ENDED,
    Action,
    ActionState,
    Edge,
    Node,
    RiderEvent,
    VehicleError,
)

MOST_ENDED_ACTIONS = 64
MOST_INSTANTS = 32
MOST_EVENTS = 128  # not acknowledged; of more the oldest are forgotten, and the gap shows


class Passenger(BaseModel):
    """A party aboard."""

    model_config = ConfigDict(frozen=True)

    trip_id: str
    seats: int
    wheelchairs: int


class AgentMemory(BaseModel):
    """The order as far as it is not done, and who is aboard.

    ``nodes`` and ``edges`` lie ahead, released or not; ``here`` is the node whose actions
    are under way. ``base_end`` is where an update must begin. ``cancelling`` waits for open
    actions to end: the id of a cancelOrder action, or another name where none asked for it.
    """

    model_config = ConfigDict(frozen=True)

    order_id: str = ""
    order_update_id: int = 0
    order_sent_s: float = 0.0  # its timestamp: an older order or cancellation is a late one
    epoch: int = 0
    plan_validity_s: float = 60.0
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    here: Node | None = None
    reached_here_s: float = 0.0
    last_node_id: str = ""
    last_node_sequence_id: int = 0
    base_end: tuple[str, int] = ("", 0)
    action_states: tuple[ActionState, ...] = ()
    instant_states: tuple[ActionState, ...] = ()
    instant_sent_s: tuple[float, ...] = ()  # when those were sent, by the dispatcher's clock
    instants_forgotten_s: float = 0.0  # and when the newest was that is forgotten
    aboard: tuple[Passenger, ...] = ()
    paused: bool = False
    charge_to_pct: float | None = None
    cancelling: str | None = None
    refusals: tuple[VehicleError, ...] = ()
    # Whether this order's validity counts from the dispatcher's word; see ``agent_word``.
    on_word: bool = False
    word_s: float | None = None  # when the state was sent, by our clock, that the word answers
    word_sent_s: float | None = None  # when the word was sent, by the dispatcher's clock
    contact_lost_s: float | None = None
    stepping_in: tuple[str, ...] = ()  # board actions whose party was on the step
    series: str = ""
    events_made: int = 0
    events: tuple[RiderEvent, ...] = ()  # not acknowledged

    @property
    def is_active(self) -> bool:
        """Whether an order is executed or waits for its continuation."""
        return bool(self.nodes) or self.here is not None

    def status_of(self, action_id: str) -> ActionState | None:
        return next((a for a in self.action_states if a.action_id == action_id), None)

    def is_open(self, action: Action) -> bool:
        state = self.status_of(action.action_id)
        return state is None or state.action_status not in ENDED

    def carries(self, trip_id: TripId) -> bool:
        return any(passenger.trip_id == trip_id for passenger in self.aboard)


def forget_old(states: tuple[ActionState, ...], most_ended: int) -> tuple[ActionState, ...]:
    """All open actions and the newest ended ones."""
    ended = [state for state in states if state.action_status in ENDED]
    forgotten = {state.action_id for state in ended[: max(0, len(ended) - most_ended)]}
    return tuple(state for state in states if state.action_id not in forgotten)


def passenger_of(trip_id: TripId, party: Party) -> Passenger:
    return Passenger(trip_id=trip_id, seats=party.seats, wheelchairs=party.wheelchairs)
