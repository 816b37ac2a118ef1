"""A static instance solved by several processes."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from dispatcher.planning.instances import read_instance
from dispatcher.planning.instances.instance import Family, Instance
from dispatcher.planning.static_solve import StaticSolution, prepare, solve_static


def solve_with_workers(
    path: Path,
    instance: Instance,
    *,
    time_limit_s: float,
    seed: int,
    workers: int,
    min_end_battery: float,
) -> StaticSolution | None:
    """The best solution of ``workers`` processes, which share what they find.

    Electric fleets are searched independently, with seeds ``seed``, ``seed + 1``, ... The time
    limit counts from the call, loading included.

    Raises
    ------
    InstanceError
        The instance has rules that the search does not know.
    """
    called_s = time.monotonic()
    # Compiled once, for all processes. The first time ever that takes a minute; a search is
    # still owed half of its time then. From the second time on it is loaded in a moment.
    prepare(instance)
    deadline_s = max(called_s + time_limit_s, time.monotonic() + time_limit_s / 2)
    if workers == 1 or instance.family is not Family.EADARP:
        return _search(instance, deadline_s, seed, min_end_battery, workers)
    # A fresh interpreter each: a fork would share the kernels' threads and locks.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        tasks = [
            pool.submit(_read_and_search, path, deadline_s, seed + i, min_end_battery)
            for i in range(workers)
        ]
        found = [solution for task in tasks if (solution := task.result()) is not None]
    return min(found, key=lambda solution: solution.key(instance), default=None)


def _read_and_search(
    path: Path, deadline_s: float, seed: int, min_end_battery: float
) -> StaticSolution | None:
    return _search(read_instance(path), deadline_s, seed, min_end_battery)


def _search(
    instance: Instance, deadline_s: float, seed: int, min_end_battery: float, workers: int = 1
) -> StaticSolution | None:
    # The machine's monotonic clock is the same for all processes.
    return solve_static(
        instance,
        time_limit_s=deadline_s - time.monotonic(),
        seed=seed,
        clock=time.monotonic,
        min_end_battery=min_end_battery,
        workers=workers,
    )
