"""Operators' commands as clients send them."""

from typing import Annotated, Literal

from pydantic import Field

from dispatcher.domain.ids import EdgeId, ShuttleId, StopId, TripId
from dispatcher.domain.zone import Point
from dispatcher.operators import (
    CancelTrip,
    CloseStreets,
    Command,
    HoldShuttle,
    MoveTrip,
    OpenStreets,
    ReleaseShuttle,
    ReturnShuttle,
    SendShuttle,
    WithdrawShuttle,
)
from dispatcher.operators.border import LONGEST_REASON, MOST_POINTS
from dispatcher.riders.messages import Id, Message, PointPlace
from dispatcher.streets import Drawing
from dispatcher.web.command_views import ExpectedCost

MOST_NAMED = 1_000

ShuttleName = Annotated[
    str, Field(min_length=1, max_length=200, description="manufacturer:serial number")
]
PlaceNames = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=MOST_NAMED)
]


class HoldShuttleOrder(Message):
    """Stop where it is safe to, and stay there until released."""

    kind: Literal["hold_shuttle"]
    shuttle: ShuttleName

    def as_command(self) -> Command:
        return HoldShuttle(ShuttleId(self.shuttle))


class ReleaseShuttleOrder(Message):
    """Drive on. It stays out of service if it is."""

    kind: Literal["release_shuttle"]
    shuttle: ShuttleName

    def as_command(self) -> Command:
        return ReleaseShuttle(ShuttleId(self.shuttle))


class WithdrawShuttleOrder(Message):
    """Out of service: no new riders, those waiting go to others, those aboard are set down."""

    kind: Literal["withdraw_shuttle"]
    shuttle: ShuttleName

    def as_command(self) -> Command:
        return WithdrawShuttle(ShuttleId(self.shuttle))


class ReturnShuttleOrder(Message):
    """Back in service."""

    kind: Literal["return_shuttle"]
    shuttle: ShuttleName

    def as_command(self) -> Command:
        return ReturnShuttle(ShuttleId(self.shuttle))


class CancelTripOrder(Message):
    """Before its riders are aboard. They are shown the reason."""

    kind: Literal["cancel_trip"]
    trip: Id

    def as_command(self) -> Command:
        return CancelTrip(TripId(self.trip))


class MoveTripOrder(Message):
    """To the shuttle named, or to any other than now; with every promise kept."""

    kind: Literal["move_trip"]
    trip: Id
    shuttle: ShuttleName | None = None

    def as_command(self) -> Command:
        return MoveTrip(
            TripId(self.trip), None if self.shuttle is None else ShuttleId(self.shuttle)
        )


class SendShuttleOrder(Message):
    """With nothing else to do, stand at this stop until there are riders."""

    kind: Literal["send_shuttle"]
    shuttle: ShuttleName
    stop: Id

    def as_command(self) -> Command:
        return SendShuttle(ShuttleId(self.shuttle), StopId(self.stop))


class PlacesOrder(Message):
    """Streets and stops: named, crossed by a line, or inside an area."""

    edges: PlaceNames = Field(default=[], description="Of streets; each direction by itself.")
    stops: PlaceNames = Field(default=[])
    line: list[PointPlace] | None = Field(
        default=None,
        min_length=2,
        max_length=MOST_POINTS,
        description="Drawn across streets.",
    )
    area: list[PointPlace] | None = Field(
        default=None,
        min_length=3,
        max_length=MOST_POINTS,
        description="An outline: streets that it touches, and stops inside it. Instead of a line.",
    )

    def places(self) -> tuple[tuple[EdgeId, ...], tuple[StopId, ...], Drawing | None]:
        drawn = self.line if self.area is None else self.area
        return (
            tuple(EdgeId(edge) for edge in self.edges),
            tuple(StopId(stop) for stop in self.stops),
            None
            if drawn is None
            else Drawing(
                tuple(Point(point.lat, point.lon) for point in drawn),
                is_area=self.area is not None,
            ),
        )


class CloseStreetsOrder(PlacesOrder):
    """Riders whose trip it changes are shown the reason."""

    kind: Literal["close_streets"]

    def as_command(self) -> Command:
        return CloseStreets(*self.places())


class OpenStreetsOrder(PlacesOrder):
    """Open what is named, and of what is drawn all that is closed."""

    kind: Literal["open_streets"]

    def as_command(self) -> Command:
        return OpenStreets(*self.places())


CommandOrder = Annotated[
    HoldShuttleOrder
    | ReleaseShuttleOrder
    | WithdrawShuttleOrder
    | ReturnShuttleOrder
    | CancelTripOrder
    | MoveTripOrder
    | SendShuttleOrder
    | CloseStreetsOrder
    | OpenStreetsOrder,
    Field(discriminator="kind"),
]


class CommandPreview(Message):
    """What would this cost? Nothing is written or done."""

    command: CommandOrder


class CommandSubmission(Message):
    """Do it. Sent again under its id it is answered as the first time, and done once."""

    id: Id
    command: CommandOrder
    reason: str = Field(
        min_length=1, max_length=LONGEST_REASON, description="On one line; kept for ever."
    )
    expected: ExpectedCost | None = Field(
        default=None,
        description="What the preview said. Where the command would now break other promises, "
        "nothing is done, and the problem COST_CHANGED has the new cost.",
    )
