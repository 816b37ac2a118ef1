"""Why a command was not taken in. One that was, but refused, has an outcome instead."""

from enum import StrEnum

from dispatcher.operators.cost import CommandCost


class DeskProblem(StrEnum):
    INVALID = "INVALID"  # an id, the reason or a drawing is not as it should be
    UNKNOWN_PLACE = "UNKNOWN_PLACE"  # a street or stop is not in the zone
    COMMAND_ID_REUSED = "COMMAND_ID_REUSED"
    COST_CHANGED = "COST_CHANGED"  # since it was shown; nothing was done
    TOO_BUSY = "TOO_BUSY"  # too many costs are being worked out
    NOT_AVAILABLE = "NOT_AVAILABLE"  # the journal cannot be written or read just now
    NOT_DECIDED = "NOT_DECIDED"  # a mistake of ours; its event was set aside
    FORGOTTEN = "FORGOTTEN"  # given so long ago that its outcome is not remembered


class CommandError(Exception):
    """Nothing was done that had not been done before; says why, and what to do."""

    def __init__(
        self, problem: DeskProblem, text: str, remedy: str, retry_after_s: int | None = None
    ) -> None:
        super().__init__(text)
        self.problem = problem
        self.text = text
        self.remedy = remedy
        self.retry_after_s = retry_after_s


class CostChangedError(CommandError):
    """What the operator agreed to is not what it would cost now."""

    def __init__(self, cost: CommandCost) -> None:
        super().__init__(
            DeskProblem.COST_CHANGED,
            "Things have changed since the cost was shown: the command would now break promises "
            "that it did not break then.",
            "Look at the new cost and confirm again, or leave it.",
        )
        self.cost = cost
