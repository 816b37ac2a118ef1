"""The choice of charging sessions in a process of its own, judged before it is believed."""

from collections import Counter
from typing import Final

from dispatcher.planning.charging import (
    ChargingProblem,
    ChosenCharge,
    charge_of,
    options_of,
    taken_plugs,
)
from dispatcher.planning.worker_process import Failure, Rubbish, WorkerProcess

WITHIN_S: Final = 20.0
"""CP-SAT's fixed amount of work takes a second or two; a busy machine several times as long."""


def choose(problem: ChargingProblem) -> object:
    """Runs in the worker, which alone loads OR-Tools: that takes seconds, and may crash."""
    from dispatcher.planning.charging_solver import choose_charges

    return choose_charges(problem)


def judge(problem: ChargingProblem, answer: object) -> tuple[ChosenCharge, ...]:
    """Sessions that the problem has, one of a shuttle, at plugs that are free.

    Raises
    ------
    Rubbish
        The answer is anything else.
    """
    if not isinstance(answer, tuple):
        raise Rubbish
    options = {charge_of(problem, option): option for option in options_of(problem)}
    used: Counter[tuple[int, int]] = Counter()
    keys: set[str] = set()
    for charge in answer:
        option = options.get(charge) if isinstance(charge, ChosenCharge) else None
        if option is None or charge.key in keys:
            raise Rubbish
        keys.add(charge.key)
        used.update(
            (option.charger, slot) for slot in range(option.slot, option.slot + option.slots)
        )
    for (number, slot), plugs in used.items():
        charger = problem.chargers[number]
        if plugs > charger.plugs - taken_plugs(problem, charger, slot):
            raise Rubbish
    return answer


class ChargingProcess:
    """Chooses within ``WITHIN_S``, or not at all."""

    def __init__(self, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._worker: WorkerProcess[ChargingProblem, tuple[ChosenCharge, ...]] = WorkerProcess(
            choose, judge, name="charging"
        )

    @property
    def starts(self) -> int:
        """Workers started; beyond the first, each replaced a lost one."""
        return self._worker.starts

    @property
    def failures(self) -> int:
        """Choices that never came, or were rubbish."""
        return self._worker.failures

    async def choose(self, problem: ChargingProblem) -> tuple[ChosenCharge, ...] | Failure:
        """The sessions that are worth most together."""
        return await self._worker.ask(problem, self._within_s)

    async def close(self) -> None:
        """End the worker."""
        await self._worker.close()
