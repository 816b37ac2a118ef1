"""Many seeds over several processes, and what they came to together."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

from simulator.faultsim.history import Violation
from simulator.faultsim.known import KNOWN
from simulator.faultsim.plan import Fault
from simulator.faultsim.run import SeedResult, run_seed, warm_up

FAILED_SEEDS: Final = "failed_seeds.txt"
_SEEDS_PER_PROCESS: Final = 25  # a history leaves memory behind that only its process's end frees

WORKLOAD: Final = (
    "boarded",
    "wheelchair boarded",
    "end completed",
    "end cancelled_by_rider",
    "end no_show",
    "end expired",
    "refused NO_SEAT",
    "street closed",
    "shuttle held",
    "pre-booked",
    "promise kept",
    "promise changed",
    "event PlanProposed",
    "event OfferAnswered",
)
"""What every campaign must have exercised, besides each kind of fault."""


# Those that happen to single messages and commands are counted where they are carried out.
_COUNTED_AS: Final = {
    Fault.MESSAGE_LOST: "message lost",
    Fault.MESSAGE_REPEATED: "message repeated",
    Fault.MESSAGE_LATE: "message late",
    Fault.STORE_ANSWER_LOST: "store answers_lost",
    Fault.STORE_LATE_WRITE: "store came_late",
    Fault.STORE_REFUSES: "store refused",
    Fault.STORE_SLOW: "store slowed",
}


@dataclass(slots=True)
class Campaign:
    """Figures of a run over many seeds."""

    seeds: int = 0
    simulated_h: float = 0.0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    violations: dict[int, tuple[Violation, ...]] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)

    @property
    def unknown(self) -> dict[int, tuple[Violation, ...]]:
        """Seeds with violations that the table of known ones does not explain."""
        found = {
            seed: tuple(v for v in violations if (seed, v.invariant) not in KNOWN)
            for seed, violations in self.violations.items()
        }
        return {seed: violations for seed, violations in sorted(found.items()) if violations}

    @property
    def never(self) -> tuple[str, ...]:
        """Faults and work that did not occur once."""
        return (
            *(fault for fault in Fault if not self.counts[_COUNTED_AS.get(fault, fault)]),
            *(work for work in WORKLOAD if not self.counts[work]),
        )

    def add(self, result: SeedResult) -> None:
        self.seeds += 1
        self.simulated_h += result.simulated_s / 3600.0
        self.cpu_s += result.cpu_s
        self.counts.update(result.counts)
        self.digests[result.seed] = result.digest
        if result.violations:
            self.violations[result.seed] = result.violations

    def figures(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "seeds": self.seeds,
            "simulated_hours": round(self.simulated_h, 1),
            "cpu_s_per_seed": round(self.cpu_s / max(1, self.seeds), 2),
            "wall_s": round(self.wall_s, 1),
            "violations": sum(len(found) for found in self.violations.values()),
            "unknown_violations": sum(len(found) for found in self.unknown.values()),
            "violations_by_invariant": dict(
                sorted(
                    Counter(
                        v.invariant for found in self.violations.values() for v in found
                    ).items()
                )
            ),
            "failing_seeds": [
                {
                    "seed": seed,
                    "replay": replay_command(seed),
                    "violations": [f"{v.at_s} {v.invariant}: {v.text}" for v in found],
                }
                for seed, found in sorted(self.violations.items())
            ],
            "never": list(self.never),
            "counts": dict(sorted(self.counts.items())),
        }


def replay_command(seed: int) -> str:
    return f"ringmaster faults --seed {seed} --trace"


def failed_seeds(path: Path | None = None) -> list[int]:
    """The seeds that ever failed, which are run first. One number per line; ``#`` begins a note."""
    if path is None:
        text = resources.files(__package__).joinpath(FAILED_SEEDS).read_text("utf-8")
    else:
        text = path.read_text("utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [int(line) for line in lines if line]


def run_campaign(
    seeds: Iterable[int],
    *,
    workers: int = 1,
    on_result: Callable[[SeedResult], None] = lambda result: None,
) -> Campaign:
    """Run every seed once; the order of results does not matter to any figure."""
    began_s = time.monotonic()
    todo = list(dict.fromkeys(seeds))
    campaign = Campaign()
    # Loaded before the processes part, so that none of them does it again.
    warm_up()
    for result in _results(todo, workers):
        campaign.add(result)
        campaign.wall_s = time.monotonic() - began_s
        on_result(result)
    return campaign


def _results(seeds: Sequence[int], workers: int) -> Iterable[SeedResult]:
    if workers == 1 and len(seeds) <= _SEEDS_PER_PROCESS:
        yield from map(run_seed, seeds)
        return
    context = multiprocessing.get_context("fork")
    with context.Pool(workers, maxtasksperchild=_SEEDS_PER_PROCESS) as pool:
        yield from pool.imap_unordered(run_seed, seeds)
