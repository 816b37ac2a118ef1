"""Better plans from outside: handed a snapshot, checked in full when they come back."""

from dispatcher.domain.events import PlanProposed
from dispatcher.engine.turn import Turn


def adopt_if_current(turn: Turn, event: PlanProposed) -> None:
    pass
