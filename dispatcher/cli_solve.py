"""``ringmaster solve``: a static instance of the literature, solved and written down."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli_exits import EXIT_DIFFERENT, EXIT_SETTINGS, fail


def solve(
    instance: Annotated[
        Path,
        typer.Argument(help="Cordeau, Li and Lim, Malheiros or E-ADARP, told apart by content."),
    ],
    out: Annotated[Path, typer.Option(help="JSON file to write.")],
    time_limit: Annotated[float, typer.Option(min=0.1, max=86_400, help="Seconds.")] = 30.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of all chance.")] = 1,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes that search side by side.")
    ] = 1,
    min_end_battery: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Share to be left at the end; electric fleets."),
    ] = 0.1,
) -> None:
    """Solve a static instance and write its routes as the file numbers its nodes.

    The answer has been judged by the independent checker before it is written. Ends with 1 if no
    complete solution was found.
    """
    begun_s = time.monotonic()
    from dispatcher.planning.instances import InstanceError, read_instance
    from dispatcher.planning.static_checker import judge
    from dispatcher.planning.static_workers import solve_with_workers

    if not out.parent.is_dir():
        fail(f"--out: {out.parent} is no folder", EXIT_SETTINGS)
    try:
        asked = read_instance(instance)
        # Starting Python is the caller's time, too.
        left_s = max(0.05, time_limit - (time.monotonic() - begun_s))
        found = solve_with_workers(
            instance,
            asked,
            time_limit_s=left_s,
            seed=seed,
            workers=workers,
            min_end_battery=min_end_battery,
        )
    except InstanceError as error:
        fail(str(error), EXIT_SETTINGS)
    if found is None:
        fail(f"no complete solution of {asked.name} in {time_limit:g} s", EXIT_DIFFERENT)
    verdict = judge(instance, found.routes, min_end_battery=min_end_battery)
    assert verdict.accepted, verdict.broken
    answer = {
        "routes": found.routes,
        "cost": verdict.cost,
        "vehicles": verdict.vehicles,
        "instance": asked.name,
        "family": asked.family,
        "found_after_s": round(found.after_s, 3),
        "time_limit_s": time_limit,
        "seed": seed,
        "workers": workers,
    }
    if asked.stations:
        answer["min_end_battery"] = min_end_battery
    try:
        out.write_text(json.dumps(answer) + "\n", "utf-8")
    except OSError as error:
        fail(f"--out: {out}: {error.strerror}", EXIT_SETTINGS)
    typer.echo(
        f"{asked.name}: cost {verdict.cost:.4f}, {verdict.vehicles} vehicles,"
        f" found after {found.after_s:.1f} s, accepted by the checker"
    )
