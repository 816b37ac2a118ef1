"""What a run looks like while it runs: a live table on a terminal, plain lines elsewhere."""

import math
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dispatcher.domain.trips import TripState
from dispatcher.engine.state import Shuttle
from dispatcher.shuttle_status import shuttle_status
from simulator.figures import Figures
from simulator.live import LiveRun
from simulator.report import in_words

_LINE_EVERY_S = 5.0
_MOST_ROWS = 24


class LiveTable:
    """A context in which ``show`` may be called with the run as it stands."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._next_line_s = 0.0

    def __enter__(self) -> "LiveTable":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, run: LiveRun) -> None:
        if self._live is not None:
            self._live.update(_picture(run), refresh=True)
        elif time.monotonic() >= self._next_line_s:
            self._next_line_s = time.monotonic() + _LINE_EVERY_S
            self._console.print(_headline(run).plain, soft_wrap=True, highlight=False)


def figures_table(figures: Figures) -> Table:
    """All figures, one per line."""
    table = Table(title="Figures", show_header=False)
    for name, value in figures.as_dict().items():
        table.add_row(name, in_words(value))
    return table


def _picture(run: LiveRun) -> RenderableType:
    parts: list[RenderableType] = [_headline(run), _shuttle_table(run)]
    if run.plan.for_s is not None:
        parts.append(ProgressBar(run.plan.for_s, min(run.elapsed_s, run.plan.for_s)))
    return Group(*parts)


def _headline(run: LiveRun) -> Text:
    logs = run.riders.crowd.logs
    local = datetime.fromtimestamp(run.clock.now_s(), UTC).astimezone(
        ZoneInfo(run.plan.zone.timezone)
    )
    broken = sum(1 for log in logs if log.breaches)
    promised = sum(1 for log in logs if log.accepted is not None)
    completed = sum(1 for log in logs if log.state is TripState.COMPLETED)
    refused = sum(1 for log in logs if log.state is TripState.REFUSED)
    took_ms = [1000.0 * s for s in run.metrics.decide_s] or [0.0]
    p50_ms, p99_ms = np.percentile(took_ms, [50, 99])
    return Text(
        f"{run.plan.zone.id} {local:%H:%M:%S} x{run.plan.speed:g}  "
        f"requests {len(logs)}, refused {refused}, completed {completed}  "
        f"riders waiting {run.concourse.waiting()}, aboard {run.concourse.aboard()}  "
        f"promises {promised}, broken {broken}  "
        f"decisions p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms"
    )


def _shuttle_table(run: LiveRun) -> Table:
    table = Table("shuttle", "does", "aboard", "battery", "next stop", "in", "visits")
    state = run.dispatcher.service.core.state
    shuttles = sorted(state.shuttles.values(), key=lambda shuttle: shuttle.id)
    for shuttle in shuttles[:_MOST_ROWS]:
        stop, arrives = _next_stop(run, shuttle)
        aboard = sum(
            party.seats + party.wheelchairs
            for party in (state.bookings[b].promise.party for b in shuttle.aboard)
        )
        table.add_row(
            shuttle.id.partition(":")[2],
            shuttle_status(shuttle).value,
            f"{aboard}/{shuttle.capacity.seats + shuttle.capacity.wheelchairs}",
            f"{shuttle.battery_pct:.0f} %",
            stop,
            arrives,
            str(len(shuttle.row.visits) + (shuttle.released is not None)),
        )
    if len(shuttles) > _MOST_ROWS:
        table.caption = f"and {len(shuttles) - _MOST_ROWS} more"
    return table


def _next_stop(run: LiveRun, shuttle: Shuttle) -> tuple[str, str]:
    released = shuttle.released
    if released is None:
        return "", ""
    stop = run.plan.zone.stops[released.stop]
    name = stop.names.get("en") or stop.id
    if released.arrived_s is not None:
        return name, "there"
    minutes = max(0.0, released.eta_s - run.clock.now_exact_s()) / 60.0
    return name, f"{math.ceil(minutes)} min"
