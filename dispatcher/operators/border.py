"""From a command to the event that the journal gets; what makes no sense is stopped here."""

from collections.abc import Callable
from typing import Final, assert_never

from dispatcher.domain.events import (
    OperatorEvent,
    ShuttleHeld,
    ShuttleReleased,
    ShuttleReturned,
    ShuttleSent,
    ShuttleWithdrawn,
    StreetsClosed,
    StreetsOpened,
    TripCancelled,
    TripMoved,
)
from dispatcher.domain.ids import CommandId, EdgeId, OperatorId, StopId
from dispatcher.operators.commands import (
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
from dispatcher.operators.problems import CommandError, DeskProblem
from dispatcher.riders.messages import ID_PATTERN
from dispatcher.streets import Drawing, Streets

LONGEST_REASON: Final = 200
MOST_POINTS: Final = 500

Build = Callable[[int], OperatorEvent]
"""Makes the event from its stamp."""


def event_builder(
    streets: Streets,
    operator_id: OperatorId,
    command_id: CommandId,
    command: Command,
    reason: str,
) -> Build:
    """How the command's event is made, once it has its stamp.

    Raises
    ------
    CommandError
        An id, the reason or a place makes no sense.
    """
    _check_id("operator", operator_id)
    _check_id("command", command_id)
    reason = _checked_reason(reason)
    by, last = operator_id, (reason, command_id)
    match command:
        case HoldShuttle(shuttle):
            return lambda at_s: ShuttleHeld(at_s, by, shuttle, *last)
        case ReleaseShuttle(shuttle):
            return lambda at_s: ShuttleReleased(at_s, by, shuttle, *last, returns=False)
        case WithdrawShuttle(shuttle):
            return lambda at_s: ShuttleWithdrawn(at_s, by, shuttle, *last)
        case ReturnShuttle(shuttle):
            return lambda at_s: ShuttleReturned(at_s, by, shuttle, *last)
        case CancelTrip(trip):
            return lambda at_s: TripCancelled(at_s, trip, None, by, *last)
        case MoveTrip(trip, to):
            return lambda at_s: TripMoved(at_s, by, trip, to, *last)
        case SendShuttle(shuttle, stop):
            return lambda at_s: ShuttleSent(at_s, by, shuttle, stop, *last)
        case CloseStreets(named_edges, named_stops, drawn):
            edges, stops = _places(streets, named_edges, named_stops, drawn)
            return lambda at_s: StreetsClosed(at_s, by, edges, stops, *last)
        case OpenStreets(named_edges, named_stops, drawn):
            edges, stops = _places(streets, named_edges, named_stops, drawn)
            return lambda at_s: StreetsOpened(at_s, by, edges, stops, *last)
        case _:
            assert_never(command)


def _check_id(whose: str, given: str) -> None:
    if not ID_PATTERN.fullmatch(given):
        raise CommandError(
            DeskProblem.INVALID,
            f"The {whose} id is not 1 to 64 letters, digits and _ . : -",
            "Make ids of these, such as a UUID.",
        )


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise CommandError(
            DeskProblem.INVALID,
            "A command needs a reason.",
            f"Say why in 1 to {LONGEST_REASON} characters on one line; it is kept for ever.",
        )
    return reason


def _places(
    streets: Streets,
    edges: tuple[EdgeId, ...],
    stops: tuple[StopId, ...],
    drawn: Drawing | None,
) -> tuple[tuple[EdgeId, ...], tuple[StopId, ...]]:
    """All streets and stops meant, each once, in the order named and then drawn."""
    unknown = [edge for edge in edges if edge not in streets.edge_index]
    unknown_stops = [stop for stop in stops if stop not in streets.stop_index]
    if unknown or unknown_stops:
        names = ", ".join([*unknown, *unknown_stops][:5])
        raise CommandError(
            DeskProblem.UNKNOWN_PLACE, f"Not in this zone: {names}.", "Name the zone's own."
        )
    if drawn is not None:
        _check_drawing(drawn)
        try:
            edges += streets.edges_across(drawn)
            stops += streets.stops_within(drawn)
        except ValueError as error:
            raise CommandError(
                DeskProblem.INVALID, f"What was drawn cannot be used: {error}.", "Draw it again."
            ) from error
    if not edges and not stops:
        raise CommandError(
            DeskProblem.UNKNOWN_PLACE,
            "No street is crossed and no stop is inside.",
            "Draw the line across the street, or name a street or stop.",
        )
    return tuple(dict.fromkeys(edges)), tuple(dict.fromkeys(stops))


def _check_drawing(drawn: Drawing) -> None:
    least = 3 if drawn.is_area else 2
    on_earth = all(abs(point.lat) <= 90 and abs(point.lon) <= 180 for point in drawn.points)
    if not least <= len(drawn.points) <= MOST_POINTS or not on_earth:
        raise CommandError(
            DeskProblem.INVALID,
            f"A drawing has {least} to {MOST_POINTS} points, in degrees of WGS84.",
            "Draw it again, with fewer points if there were too many.",
        )
