"""Continuous improvement of unreleased visits, outside the engine and under a deadline."""

from dispatcher.planning.improver.problem import (
    ImproveProblem,
    ImproveResult,
    NoImprovement,
    NoReason,
)
from dispatcher.planning.improver.process import ImproverProcess
from dispatcher.planning.improver.subproblem import PartSize, subproblem

__all__ = [
    "ImproveProblem",
    "ImproveResult",
    "ImproverProcess",
    "NoImprovement",
    "NoReason",
    "PartSize",
    "subproblem",
]
