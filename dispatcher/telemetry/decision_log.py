"""One log line for each thing decided that somebody may ask about later."""

import structlog

from dispatcher.core import Applied
from dispatcher.domain.decisions import (
    Decision,
    OperatorAlerted,
    OperatorAnswered,
    PlanPublished,
    RiderAnswered,
    ShuttleCommanded,
    TripChanged,
)

log = structlog.get_logger(__name__)


def log_decisions(applied: Applied) -> None:
    """Listener: write down what was decided. Rider ids stay out of the log."""
    bound = log.bind(event_number=applied.position, cause=type(applied.event).__name__)
    for decision in applied.decisions:
        _log_one(bound, decision)


def _log_one(bound: structlog.typing.FilteringBoundLogger, decision: Decision) -> None:
    match decision:
        case TripChanged(status):
            refusal = status.refusal.reason if status.refusal else None
            breach = status.breach.cause if status.breach else None
            bound.info(
                "trip_changed",
                trip=status.trip_id,
                state=status.state,
                shuttle=status.shuttle_id,
                refusal=refusal,
                breach=breach,
            )
        case PlanPublished(plan):
            bound.info(
                "plan_published",
                shuttle=plan.shuttle_id,
                revision=plan.revision,
                visits=len(plan.visits),
                released=plan.released,
            )
        case ShuttleCommanded(shuttle_id, command, reason):
            bound.info("shuttle_commanded", shuttle=shuttle_id, command=command, reason=reason)
        case OperatorAlerted(kind, text, shuttle_id, trip_id):
            bound.warning(
                "operator_alerted", alert=kind, text=text, shuttle=shuttle_id, trip=trip_id
            )
        case OperatorAnswered(outcome):
            bound.info(
                "operator_answered",
                operator=outcome.operator_id,
                command=outcome.command_id,
                problem=None if outcome.refusal is None else outcome.refusal.problem,
            )
        case RiderAnswered():
            bound.info("rider_answered", trip=decision.trip_id, problem=decision.problem)
