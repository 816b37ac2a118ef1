"""``ringmaster faults``: seeds of trouble, and whether every promise of the code held."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulator.cli_options import JsonOption, progress_bar

if TYPE_CHECKING:
    from simulator.faultsim.run import SeedResult

EXIT_VIOLATED = 1


def faults(
    seeds: Annotated[
        int, typer.Option(min=1, help="How many seeds, besides those that failed.")
    ] = 20,
    seed: Annotated[int | None, typer.Option(help="Only this one.")] = None,
    first: Annotated[
        int | None, typer.Option(help="Begin at this seed; if not given, other code has others.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes at a time.")] = 2,
    failed: Annotated[bool, typer.Option(help="Also run the seeds that ever failed.")] = True,
    planted: Annotated[
        bool, typer.Option(help="Plant mistakes, one at a time, and say which seeds show them.")
    ] = False,
    as_json: JsonOption = False,
    trace: Annotated[
        bool, typer.Option(help="With --seed: print everything that happens.")
    ] = False,
) -> None:
    """Run the real dispatcher through faults drawn from seeds, in virtual time."""
    from rich.console import Console

    from dispatcher.snapshots import code_version
    from simulator.faultsim.campaign import failed_seeds, run_campaign
    from simulator.faultsim.run import run_seed, warm_up

    if planted:
        _find_planted(workers, first or 1, as_json)
        return
    if seed is not None:
        warm_up()
        result = run_seed(seed, keep_trace=trace)
        for line in result.lines:
            print(line)
        _tell_seed(result, as_json)
        if result.violations:
            raise typer.Exit(EXIT_VIOLATED)
        return
    # The same code gets the same seeds, so that what fails can be run again; other code, others.
    begin = int(code_version(), 16) % 1_000_000_000 if first is None else first
    todo = [*(failed_seeds() if failed else ()), *range(begin, begin + seeds)]
    bar = progress_bar(Console(stderr=True))
    with bar:
        task = bar.add_task("faults", total=len(todo))
        campaign = run_campaign(todo, workers=workers, on_result=lambda result: bar.advance(task))
    figures = campaign.figures()
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        _tell(figures)
    if campaign.unknown:
        raise typer.Exit(EXIT_VIOLATED)


def _find_planted(workers: int, first: int, as_json: bool) -> None:
    """One line for each mistake, and a failure if one went unseen."""
    from simulator.faultsim.mistakes import MISTAKES
    from simulator.faultsim.planted import MOST_SEEDS, Caught, find_all

    def say(caught: Caught) -> None:
        if as_json:
            return
        how = "NOT SEEN" if caught.invariant is None else f"{caught.invariant}: {caught.text}"
        print(f"{caught.mistake}: {caught.seeds} seeds, {how}", flush=True)

    seeds = range(first, first + MOST_SEEDS)
    found = find_all(MISTAKES, seeds, workers=workers, on_caught=say)
    unseen = [caught.mistake for caught in found if caught.invariant is None]
    if as_json:
        print(
            json.dumps(
                {
                    "planted": len(found),
                    "caught": len(found) - len(unseen),
                    "unseen": unseen,
                    "seeds_needed": {c.mistake: c.seeds for c in found if c.invariant},
                    "caught_by": {c.mistake: c.invariant for c in found if c.invariant},
                }
            )
        )
    else:
        print(f"{len(found) - len(unseen)} of {len(found)} planted mistakes were seen")
    if unseen:
        raise typer.Exit(EXIT_VIOLATED)


def _tell_seed(result: "SeedResult", as_json: bool) -> None:
    violations = [f"{v.at_s} {v.invariant}: {v.text}" for v in result.violations]
    if as_json:
        print(
            json.dumps(
                {
                    "seed": result.seed,
                    "digest": result.digest,
                    "simulated_s": result.simulated_s,
                    "cpu_s": round(result.cpu_s, 2),
                    "violations": violations,
                    "counts": dict(sorted(result.counts.items())),
                },
                ensure_ascii=False,
            )
        )
        return
    print(f"seed {result.seed}: {len(violations)} violations, digest {result.digest}")
    for line in violations:
        print(f"  {line}")


def _tell(figures: dict[str, Any]) -> None:
    print(
        f"{figures['seeds']} seeds, {figures['simulated_hours']} simulated hours, "
        f"{figures['cpu_s_per_seed']} CPU seconds a seed: {figures['violations']} violations"
    )
    for failing in figures["failing_seeds"]:
        print(failing["replay"])
        for line in failing["violations"]:
            print(f"  {line}")
    if figures["never"]:
        print(f"never seen: {', '.join(figures['never'])}")
