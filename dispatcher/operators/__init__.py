"""The operators' border: commands with a reason, what they cost, and what was ordered so far."""

from dispatcher.operators.audit import AuditEntry, AuditPage
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
from dispatcher.operators.cost import CommandCost, Expected, Harm, TripCost
from dispatcher.operators.desk import OperatorDesk
from dispatcher.operators.problems import CommandError, CostChangedError, DeskProblem
from dispatcher.operators.why import Explainer

__all__ = [
    "AuditEntry",
    "AuditPage",
    "CancelTrip",
    "CloseStreets",
    "Command",
    "CommandCost",
    "CommandError",
    "CostChangedError",
    "DeskProblem",
    "Expected",
    "Explainer",
    "Harm",
    "HoldShuttle",
    "MoveTrip",
    "OpenStreets",
    "OperatorDesk",
    "ReleaseShuttle",
    "ReturnShuttle",
    "SendShuttle",
    "TripCost",
    "WithdrawShuttle",
]
