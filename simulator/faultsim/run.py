"""One seed, from its plan to its verdict."""

import gc
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from dispatcher.planning.improver.neighbourhoods import prepare
from dispatcher.zone_engine import ZoneEngine
from simulator.faultsim.city import City
from simulator.faultsim.district import the_site
from simulator.faultsim.history import Counts, Trace, Violation
from simulator.faultsim.loop import SimLoop, SpinningError, StalledError, run_in_loop
from simulator.faultsim.plan import Fault, FaultPlan, draw_plan


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What came of one seed."""

    seed: int
    digest: str  # of the trace: the same for the same seed and code
    simulated_s: float
    cpu_s: float
    events: int  # of the trace
    violations: tuple[Violation, ...]
    counts: Counter[str]
    lines: tuple[str, ...] = field(default=(), repr=False)


def warm_up() -> None:
    """Load what is compiled, so that no seed pays for it."""
    ZoneEngine(the_site()).warm_up()
    prepare()


def run_seed(
    seed: int,
    *,
    only: frozenset[Fault] | None = None,
    keep_trace: bool = False,
    plan: FaultPlan | None = None,
) -> SeedResult:
    """Live through a seed. ``only`` leaves out all other faults."""
    began_s = time.process_time()
    plan = plan or draw_plan(seed, only)
    with _quiet_logs():
        loop = SimLoop()
        # Reconnections draw their jitter from the process's stream of chance.
        random.seed(seed)
        gc.disable()
        try:
            trace = Trace(loop.time, keep_trace)
            city = City(loop, plan, Counts(), trace)
            try:
                run_in_loop(loop, city.live())
            except (SpinningError, StalledError) as error:
                city.watch.violate("time_goes_on", f"{type(error).__name__}: {error.__doc__}")
            return SeedResult(
                seed=seed,
                digest=trace.digest(),
                simulated_s=plan.hostile_s + plan.quiet_s,
                cpu_s=time.process_time() - began_s,
                events=trace.events,
                violations=tuple(city.watch.violations),
                counts=city.counts.seen.copy(),  # burying the living counts, too
                lines=tuple(trace.lines or ()),
            )
        finally:
            loop.bury()
            gc.enable()


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """A history logs tens of thousands of lines; the trace says more."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
