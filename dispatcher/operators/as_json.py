"""What the desk says as plain values for JSON: times in UTC seconds, ids as text."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.ids import TripId
from dispatcher.operators.audit import AuditEntry, AuditPage
from dispatcher.operators.cost import CommandCost, Expected, Harm
from dispatcher.operators.problems import CommandError, CostChangedError, DeskProblem

_COST: Final = TypeAdapter(CommandCost)
_OUTCOME: Final = TypeAdapter(CommandOutcome)
_ENTRY: Final = TypeAdapter(AuditEntry)
_HARMED: Final = TypeAdapter(list[tuple[TripId, Harm]])


def cost_fields(cost: CommandCost) -> dict[str, Any]:
    """A cost, with how much later each trip would be, and what to give back when confirming."""
    fields: dict[str, Any] = _COST.dump_python(cost, mode="json")
    for trip, written in zip(cost.trips, fields["trips"], strict=True):
        written["pickup_later_s"] = trip.pickup_later_s
        written["dropoff_later_s"] = trip.dropoff_later_s
        written["moves"] = trip.moves
    expected = cost.expected
    harmed = sorted([trip_id, harm.value] for trip_id, harm in expected.harmed)
    fields["expected"] = {"position": expected.position, "harmed": harmed}
    return fields


def expected_of(fields: Mapping[str, Any]) -> Expected:
    """What was agreed to, as ``cost_fields`` wrote it.

    Raises
    ------
    CommandError
        It is not that.
    """
    match fields:
        case {"position": int(position), "harmed": list(harmed), **rest} if not rest:
            try:
                return Expected(position, frozenset(_HARMED.validate_python(harmed)))
            except ValidationError:
                pass
    raise CommandError(
        DeskProblem.INVALID,
        "What was agreed to is not what a cost said.",
        "Give back the cost's expected, unchanged.",
    )


def outcome_fields(outcome: CommandOutcome) -> dict[str, Any]:
    fields: dict[str, Any] = _OUTCOME.dump_python(outcome, mode="json")
    return {**fields, "accepted": outcome.accepted}


def entry_fields(entry: AuditEntry) -> dict[str, Any]:
    """One command of the audit; its event says by name what was ordered."""
    fields: dict[str, Any] = _ENTRY.dump_python(entry, mode="json")
    fields["event"] = {"type": type(entry.event).__name__, **fields["event"]}
    if entry.outcome is not None:
        fields["outcome"] = outcome_fields(entry.outcome)
    return fields


def page_fields(page: AuditPage) -> dict[str, Any]:
    return {"entries": [entry_fields(entry) for entry in page.entries], "before": page.before}


def problem_fields(error: CommandError) -> dict[str, Any]:
    """A command that was not taken in; a cost that has changed comes with it."""
    fields: dict[str, Any] = {
        "code": error.problem.value,
        "text": error.text,
        "remedy": error.remedy,
    }
    if error.retry_after_s is not None:
        fields["retry_after_s"] = error.retry_after_s
    if isinstance(error, CostChangedError):
        fields["cost"] = cost_fields(error.cost)
    return fields
