"""Operators' commands of a recorded journal, each with what came of it then."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter

from dispatcher.core import Applied
from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.decisions import OperatorAnswered
from dispatcher.domain.events import Event, OperatorEvent
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.engine import ServiceState, Site
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.happenings_in_words import ordered_in_words
from dispatcher.explaining.recorded import watch_records
from dispatcher.explaining.spoken import Clock
from dispatcher.journal import Record, Snapshot
from dispatcher.planning.request import Insertion, InsertionRequest, NoInsertion
from dispatcher.planning.rows import RowPlan


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """One command, and whom it was about. Before commands had ids there were no outcomes."""

    position: int
    event: OperatorEvent
    text: str
    outcome: CommandOutcome | None
    shuttles: tuple[ShuttleId, ...]  # the one ordered, or those that had the trip and have it now
    trip_id: TripId | None

    def is_about(self, name: str) -> bool:
        """A shuttle's or a trip's id."""
        return name in (*self.shuttles, self.trip_id)


_ADAPTER: Final = TypeAdapter(RecordedCommand)


@dataclass(slots=True)
class CommandStory:
    """Collects the commands while a journal is decided again."""

    commands: list[RecordedCommand] = field(default_factory=list)
    ended: bool = False  # it has no end but the journal's
    _before: tuple[ShuttleId, ...] = ()

    def before(self, event: Event, state: ServiceState) -> None:
        self._before = _shuttles_of(event, state)

    def after(self, applied: Applied, state: ServiceState) -> None:
        event = applied.event
        if not isinstance(event, OperatorEvent) or event.operator_id is None:
            return
        outcomes = [d.outcome for d in applied.decisions if isinstance(d, OperatorAnswered)]
        self.commands.append(
            RecordedCommand(
                applied.position,
                event,
                ordered_in_words(event),
                outcomes[0] if outcomes else None,
                tuple(dict.fromkeys((*self._before, *_shuttles_of(event, state)))),
                getattr(event, "trip_id", None),
            )
        )

    def searched(
        self,
        state: ServiceState,
        trip_id: TripId,
        purpose: Purpose,
        asked: InsertionRequest,
        forbid: tuple[ShuttleId, ...],
        found: Insertion | NoInsertion,
    ) -> None:
        """Nothing of this is kept."""

    def settled(
        self,
        state: ServiceState,
        trip_id: TripId,
        answer: tuple[ShuttleId, Insertion] | NoInsertion,
    ) -> None:
        """Nor of this."""

    def improving(
        self, state: ServiceState, shuttle_ids: tuple[ShuttleId, ...], rows: tuple[RowPlan, ...]
    ) -> None:
        """Nor of this."""


def recorded_commands(
    site: Site,
    records: Sequence[Record],
    about: str | None = None,
    base: Snapshot | None = None,
) -> tuple[RecordedCommand, ...]:
    """All commands of a journal, or those about one shuttle or trip; raises as explaining does."""
    story, _ = watch_records(site, records, CommandStory, base)
    return tuple(c for c in story.commands if about is None or c.is_about(about))


def commands_text(commands: Sequence[RecordedCommand], timezone: str) -> str:
    """One line a command, and one more where it was refused."""
    lines = []
    for command in commands:
        at_s = command.event.at_s
        clock = Clock(timezone, at_s)
        lines.append(f"{clock.day()} {clock.at(at_s)}  {command.text} (event {command.position})")
        outcome = command.outcome
        if outcome is not None and outcome.refusal is not None:
            refusal = outcome.refusal
            lines.append(f"{'':10}Refused ({refusal.problem}): {refusal.text}")
    return "".join(f"{line}\n" for line in lines) or "No commands.\n"


def commands_json(commands: Sequence[RecordedCommand]) -> str:
    """All of it; each event with the name of its kind, times in UTC seconds."""
    written = []
    for command in commands:
        fields = _ADAPTER.dump_python(command, mode="json")
        fields["event"] = {"type": type(command.event).__name__, **fields["event"]}
        written.append(fields)
    return json.dumps(written, ensure_ascii=False, indent=2)


def _shuttles_of(event: Event, state: ServiceState) -> tuple[ShuttleId, ...]:
    shuttle_id = getattr(event, "shuttle_id", None)
    if shuttle_id is None and isinstance(event, OperatorEvent):
        trip = state.trips.get(getattr(event, "trip_id", TripId("")))
        shuttle_id = None if trip is None else trip.shuttle_id
    return () if shuttle_id is None else (shuttle_id,)
