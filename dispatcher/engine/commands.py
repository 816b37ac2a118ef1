"""What operators order: judged, carried out or refused, and answered once.

An event without a command id is of a journal from before commands were answered, or of a scenario:
it is carried out all the same, where that can be.
"""

import hashlib
from dataclasses import replace
from typing import Final, assert_never

from dispatcher.domain.commands import CommandOutcome, CommandProblem, CommandRefusal
from dispatcher.domain.decisions import OperatorAnswered
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
from dispatcher.domain.ids import CommandId, OperatorId, ShuttleId, TripId
from dispatcher.domain.trips import ENDS, TripState
from dispatcher.engine import answers, closures, fleet
from dispatcher.engine.idle import station
from dispatcher.engine.moving import move_trip
from dispatcher.engine.routes import is_stuck
from dispatcher.engine.state import CommandRecord, ServiceState, Shuttle
from dispatcher.engine.turn import Turn

COMMANDS_KEPT: Final = 2_000
"""Outcomes remembered, the newest: weeks of a busy control room. The journal has them all."""

_NOTHING_TO_DO: Final = "There is nothing to do."


def carry_out(turn: Turn, event: OperatorEvent) -> None:
    """Do what was ordered, or nothing; answer with which it was.

    A command given again is answered as the first time and changes nothing.
    """
    if event.command_id is None or event.operator_id is None:
        _act(turn, event)
        return
    known = find_command(turn.state, event.operator_id, event.command_id)
    if known is None:
        refusal = _act(turn, event)
        outcome = CommandOutcome(event.command_id, event.operator_id, turn.now_s, refusal)
        _remember(turn.state, CommandRecord(ordered(event), outcome))
    elif known.ordered == ordered(event):
        outcome = known.outcome
    else:
        outcome = replace(known.outcome, at_s=turn.now_s, refusal=id_reused())
    turn.decisions.append(OperatorAnswered(outcome))


def find_command(
    state: ServiceState, operator_id: OperatorId, command_id: CommandId
) -> CommandRecord | None:
    """What was decided on a command, while it is remembered."""
    return state.commands.get(f"{operator_id}/{command_id}")


def ordered(event: OperatorEvent) -> str:
    """Tells apart what commands say, whenever they are given: 16 hexadecimal digits."""
    return hashlib.sha256(repr(replace(event, at_s=0)).encode()).hexdigest()[:16]


def id_reused() -> CommandRefusal:
    return CommandRefusal(
        CommandProblem.COMMAND_ID_REUSED,
        "This command id was used for another command.",
        "Make a new id for a new command.",
    )


def _remember(state: ServiceState, record: CommandRecord) -> None:
    outcome = record.outcome
    state.commands[f"{outcome.operator_id}/{outcome.command_id}"] = record
    while len(state.commands) > COMMANDS_KEPT:
        del state.commands[next(iter(state.commands))]


def _act(turn: Turn, event: OperatorEvent) -> CommandRefusal | None:
    match event:
        case TripCancelled():
            refusal = _not_to_cancel(turn.state, event.trip_id)
            answers.cancel(turn, event)
            return refusal
        case TripMoved():
            return move_trip(turn, event)
        case StreetsClosed():
            refusal = _nothing_of_the_zone(turn.state, event)
            closures.close_streets(turn, event)
            return refusal
        case StreetsOpened():
            refusal = _nothing_closed(turn.state, event)
            closures.open_streets(turn, event)
            return refusal
        case _:
            return _act_on_shuttle(turn, event)


def _act_on_shuttle(
    turn: Turn,
    event: ShuttleHeld | ShuttleReleased | ShuttleWithdrawn | ShuttleReturned | ShuttleSent,
) -> CommandRefusal | None:
    shuttle = turn.state.shuttles.get(event.shuttle_id)
    if shuttle is None:
        return _unknown_shuttle(event.shuttle_id)
    match event:
        case ShuttleHeld():
            if shuttle.held:
                return _already(f"{shuttle.id} is held already.")
            fleet.hold(turn, event)
        case ShuttleReleased():
            refusal = _not_to_release(turn.state, shuttle, event)
            fleet.release(turn, event)
            return refusal
        case ShuttleWithdrawn():
            if shuttle.withdrawn:
                return _already(f"{shuttle.id} is out of service already.")
            fleet.withdraw(turn, event)
        case ShuttleReturned():
            if not shuttle.withdrawn:
                return _already(f"{shuttle.id} is in service.")
            fleet.take_back(turn, event)
        case ShuttleSent():
            return station(turn, shuttle, event.stop_id)
        case _:
            assert_never(event)
    return None


def _not_to_cancel(state: ServiceState, trip_id: TripId) -> CommandRefusal | None:
    trip = state.trips.get(trip_id)
    if trip is None:
        return CommandRefusal(
            CommandProblem.UNKNOWN_TRIP,
            f"There is no trip {trip_id}.",
            "Look its id up; trips that have ended are forgotten after a while.",
        )
    if trip.state in ENDS:
        return CommandRefusal(
            CommandProblem.TRIP_ENDED, f"The trip is {trip.state}.", _NOTHING_TO_DO
        )
    if trip.state is TripState.ABOARD:
        return CommandRefusal(
            CommandProblem.RIDERS_ABOARD,
            f"Its riders are aboard {trip.shuttle_id}.",
            "They are set down at their stop; nobody is put out on the way.",
        )
    return None


def _not_to_release(
    state: ServiceState, shuttle: Shuttle, event: ShuttleReleased
) -> CommandRefusal | None:
    if shuttle.held or is_stuck(state, shuttle) or (event.returns and shuttle.withdrawn):
        return None
    return _already(f"{shuttle.id} is not held.")


def _nothing_of_the_zone(state: ServiceState, event: StreetsClosed) -> CommandRefusal | None:
    streets = state.site.streets
    known = [edge for edge in event.edges if edge in streets.edge_index]
    if known or any(stop in streets.stop_index for stop in event.stops):
        return None
    return CommandRefusal(
        CommandProblem.UNKNOWN_PLACE,
        "None of these streets and stops is in the zone.",
        "Draw or name some of this zone's.",
    )


def _nothing_closed(state: ServiceState, event: StreetsOpened) -> CommandRefusal | None:
    closed = any(edge in state.closed_edges for edge in event.edges)
    if closed or any(stop in state.closed_stops for stop in event.stops):
        return None
    return _already("None of these streets and stops is closed.")


def _unknown_shuttle(shuttle_id: ShuttleId) -> CommandRefusal:
    return CommandRefusal(
        CommandProblem.UNKNOWN_SHUTTLE,
        f"There is no shuttle {shuttle_id}.",
        "Name one that has joined the zone.",
    )


def _already(text: str) -> CommandRefusal:
    return CommandRefusal(CommandProblem.ALREADY_SO, text, _NOTHING_TO_DO)
