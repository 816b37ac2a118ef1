"""What goes into and comes out of a conversation with a vehicle."""

from dataclasses import dataclass, field

from dispatcher.domain.events import Event
from dispatcher.domain.shuttles import Capacity
from vehicles.mapping import OrderStyle
from vehicles.messages import Factsheet, WireModel
from vehicles.reporting import Condition, ReportRules
from vehicles.topics import Topic


@dataclass(frozen=True, slots=True)
class ConversationRules:
    """How a vehicle is talked to. A vehicle may keep silent for 30 s by the standard."""

    style: OrderStyle = field(default_factory=OrderStyle)
    report: ReportRules = field(default_factory=ReportRules)
    silent_after_s: float = 45.0
    max_clock_error_s: float = 600.0  # a state stamped further from our time is dropped
    factsheet_wait_s: float = 10.0
    default_capacity: Capacity | None = None  # of vehicles without a usable factsheet


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for the vehicle.

    It is repeated until a state shows that it arrived, so the broker need not keep it: a
    queued order that arrives late would only be refused.
    """

    topic: Topic
    message: WireModel
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    events: tuple[Event, ...] = ()
    messages: tuple[Outgoing, ...] = ()


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest known about a vehicle, for display. Positions in the zone's local frame."""

    heard_s: float
    x_m: float
    y_m: float
    theta: float
    driving: bool
    condition: Condition | None
    doors: str | None
    order_id: str
    revision: int
    in_flight: int | None  # revision sent and not echoed
    silent: bool


def capacity_of(factsheet: Factsheet) -> Capacity | None:
    """Places by kind from the names of the load positions; None if it names none of ours."""
    specification = factsheet.load_specification
    places = () if specification is None else specification.load_positions or ()
    seats = sum(1 for place in places if place.startswith("seat"))
    wheelchairs = sum(1 for place in places if place.startswith("wheelchair"))
    return Capacity(seats, wheelchairs) if seats or wheelchairs else None
