"""Searches that go wrong in every way a worker can; run in its process, hence a module."""

import os
import threading
from dataclasses import replace

from dispatcher.planning.improver.problem import ImproveProblem, ImproveResult


def nothing() -> None:
    """Be ready at once."""


def hang(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    """Never answer."""
    threading.Event().wait()
    return None


def crash(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    """Die at once, as from a fault in compiled code."""
    os._exit(9)


def raise_an_error(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    """Fail like a mistake of ours; closing stderr first keeps the test's output readable."""
    os.close(2)
    raise RuntimeError("no such luck")


def babble(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    """Answer something else."""
    return {"plan": "excellent"}


class Unreadable:
    """Cannot be rebuilt on the other side."""

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return int, ("not a number",)


def answer_unreadably(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    return Unreadable()


def drop_everybody(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    """Claim that empty routes are the cheapest."""
    rows = tuple(
        (i, replace(row, visits=(), rides=()))
        for i, row in zip(problem.row_ids, problem.rows, strict=True)
    )
    return ImproveResult(problem.plan_version, rows, 100, 0)


def odd_seeds_crash(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    """Die when the seed is odd, else swap the two rows' rides."""
    if seed % 2:
        os._exit(9)
    return swap(problem, time_limit_s, seed)


def odd_seeds_hang(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    """Never answer when the seed is odd, else swap the two rows' rides."""
    if seed % 2:
        return hang(problem, time_limit_s, seed)
    return swap(problem, time_limit_s, seed)


def swap(problem: ImproveProblem, time_limit_s: float, seed: int) -> object:
    """Give the first row's visits to the second and the other way round."""
    first, second = problem.rows
    rows = (
        (problem.row_ids[0], replace(first, visits=second.visits, rides=second.rides)),
        (problem.row_ids[1], replace(second, visits=first.visits, rides=first.rides)),
    )
    return ImproveResult(problem.plan_version, rows, 0, 0)


def says_so_and_hangs(question: object) -> object:
    """Busy for ever, as a search in compiled code may be."""
    print("busy", flush=True)
    threading.Event().wait()
    return None
