"""Choices that go wrong in every way a worker can; run in its process, hence a module."""

import os
import threading

from dispatcher.planning.charging import ChargingProblem


def hang(problem: ChargingProblem) -> object:
    """Never answer."""
    threading.Event().wait()
    return None


def crash(problem: ChargingProblem) -> object:
    """Die at once, as from a fault in compiled code."""
    os._exit(9)


def babble(problem: ChargingProblem) -> object:
    """Answer something else."""
    return ("charge", "everybody")
