"""One search of a static instance in a process of its own, for measuring.

``python -m dispatcher.planning.static_run FILE CPU_S SEED END_BATTERY`` writes every better
solution as one line of JSON, and stops after so many CPU seconds of search. Loading and compiling
come before the clock starts.
"""

import json
import sys
import time
from pathlib import Path

from dispatcher.planning.instances import read_instance
from dispatcher.planning.static_solve import StaticSolution, prepare, solve_static


def main(path: Path, cpu_s: float, seed: int, min_end_battery: float) -> None:
    """Search, and report."""
    instance = read_instance(path)
    prepare(instance)

    def report(found: StaticSolution) -> None:
        line = {"cpu_s": found.after_s, "cost": found.cost, "routes": found.routes}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    solve_static(
        instance,
        time_limit_s=cpu_s,
        seed=seed,
        clock=time.process_time,
        on_better=report,
        min_end_battery=min_end_battery,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
