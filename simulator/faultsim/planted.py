"""Mistakes planted on purpose, one at a time: the simulator must find each of them.

Each is a change of one named function, made from outside while a history runs; no code of the
product knows of it. ``caught_by`` runs seeds until one shows a violation that it does not show
without the mistake.
"""

import importlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from simulator.faultsim.mistakes import MISTAKES, Mistake
from simulator.faultsim.plan import FaultPlan, draw_plan
from simulator.faultsim.run import run_seed, warm_up

MOST_SEEDS: Final = 100
HOSTILE_S: Final = 700.0  # shows most mistakes, at a smaller price
SHARE: Final = 0.4  # of the kinds of fault, in every seed
QUIET_S: Final = 1400.0  # a trip booked 1,100 s ahead ends within it


@dataclass(frozen=True, slots=True)
class Caught:
    """``seeds`` is how many it took; ``invariant`` is None if it went unseen."""

    mistake: str
    seeds: int
    seed: int | None
    invariant: str | None
    text: str = ""


@contextmanager
def planted(mistake: Mistake) -> Iterator[None]:
    """The mistake is in the code within this context.

    Raises
    ------
    AttributeError
        There is no such function any more: the mistake must follow the code.
    """
    changed: list[tuple[Any, str, Any]] = []
    try:
        for where in mistake.where:
            owner, name = _find(where)
            # From the class's own dictionary, for a static method must stay one.
            before = vars(owner)[name]
            changed.append((owner, name, before))
            setattr(owner, name, mistake.made(before))
        yield
    finally:
        for owner, name, before in changed:
            setattr(owner, name, before)


def caught_by(mistake: Mistake, seeds: Sequence[int]) -> Caught:
    """Run seeds until one gives the mistake away."""
    for count, seed in enumerate(seeds, start=1):
        plan = plan_for(mistake, seed)
        with planted(mistake):
            found = run_seed(seed, plan=plan)
        shown = [v for v in found.violations if mistake.shown_by in (None, v.invariant)]
        if not shown:
            continue
        sound = {violation.invariant for violation in run_seed(seed, plan=plan).violations}
        for violation in shown:
            if violation.invariant not in sound:
                return Caught(mistake.name, count, seed, violation.invariant, violation.text)
    return Caught(mistake.name, len(seeds), None, None)


def plan_for(mistake: Mistake, seed: int) -> FaultPlan:
    """The history of a seed in which this mistake is looked for."""
    plan = draw_plan(seed, share=SHARE, emphasis=mistake.history)
    return plan.shortened(HOSTILE_S, QUIET_S)


def _find(where: str) -> tuple[Any, str]:
    module, _, path = where.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    return owner, name


def find_all(
    mistakes: Sequence[Mistake],
    seeds: Sequence[int],
    *,
    workers: int = 1,
    on_caught: Callable[[Caught], None] = lambda caught: None,
) -> list[Caught]:
    """Each mistake on its own, ``workers`` at a time, in the order given."""
    warm_up()
    context = multiprocessing.get_context("fork")
    found = []
    with context.Pool(workers, maxtasksperchild=1) as pool:
        for caught in pool.imap(partial(_caught_by_name, seeds), [m.name for m in mistakes]):
            found.append(caught)
            on_caught(caught)
    return found


def _caught_by_name(seeds: Sequence[int], name: str) -> Caught:
    return caught_by(find_mistake(name), seeds)


def find_mistake(name: str) -> Mistake:
    """Raises ``KeyError`` where there is none of this name."""
    return {mistake.name: mistake for mistake in MISTAKES}[name]
