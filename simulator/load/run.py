"""``ringmaster bench load``: processes, phases and figures."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from dispatcher.domain.zone import Zone
from simulator.load.asking import Asked, OpenLoopRiders, was_put_off
from simulator.load.flooding import flood
from simulator.load.processes import joined, served_fleet
from simulator.load.watching import (
    Look,
    ProcessWatch,
    growth_pct_per_hour,
    messages_per_s,
    share_of_a_core,
)
from simulator.ports import free_port
from simulator.separate import broker_access

_LOOK_EVERY_S: Final = 5.0
_SETTLE_S: Final = 5.0  # after the last request, for its answer
_AGAIN_WITHIN_S: Final = 2.0  # steps in which service after a burst is looked at
_IS_NORMAL_S: Final = 0.1
_LATE_IN_NORMAL: Final = 0.05  # of the requests of one step


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How much, and how long. A phase of 0 s is left out."""

    zone: Zone
    zone_name: str
    broker_url: str
    store_url: str
    shuttles: int = 200
    state_every_s: float = 1.0
    requests_per_s: float = 20.0
    warm_up_s: float = 120.0
    steady_s: float = 600.0
    burst_s: float = 60.0
    burst_times: float = 10.0
    after_burst_s: float = 30.0
    flood_s: float = 30.0
    flood_per_s: float = 1000.0
    seed: int = 1
    keep: Path | None = None
    """Folder for settings and logs; a temporary one, if not given."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds. ``n`` is how many there were; the rest is None without any."""

    n: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class PhaseFigures:
    """What became of the requests of one phase, and what the dispatcher took meanwhile.

    ``durable`` is the first word that the request is written down, ``promise`` the acceptance or
    refusal, ``plan`` the moment at which the shuttle was sent a plan with the trip, ``put_off`` the
    refusal with a time to ask again. All from when the request was due.
    """

    phase: str
    seconds: float
    requests: int
    outcomes: dict[str, int]
    unanswered: int
    durable: Times
    promise: Times
    plan: Times
    put_off: Times
    put_off_without_a_time: int
    shuttle_messages_per_s: float | None
    cores: float
    lag_p99_ms: float | None
    lag_max_ms: float | None
    rss_mb: float
    growth_pct_per_hour: float | None


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """``normal_again_s`` is how long after the burst answers were late or refused, None without."""

    shuttles: int
    state_every_s: float
    requests_per_s: float
    phases: list[PhaseFigures]
    normal_again_s: float | None
    flood_sent: int
    accepted_and_lost: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def run_load(plan: LoadPlan, say: Callable[[str], None] = lambda text: None) -> LoadFigures:
    """Start a dispatcher and shuttles, ask, and count.

    Raises
    ------
    LoadError
        The dispatcher or the shuttles do not start.
    """
    with tempfile.TemporaryDirectory(prefix="ringmaster-load-") as temporary:
        folder = plan.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_run(plan, folder, say))


async def _run(plan: LoadPlan, folder: Path, say: Callable[[str], None]) -> LoadFigures:
    port = free_port()
    with served_fleet(
        _settings(plan, port),
        folder,
        broker_url=plan.broker_url,
        zone_name=plan.zone_name,
        shuttles=plan.shuttles,
        state_every_s=plan.state_every_s,
    ) as dispatcher:
        watch = ProcessWatch(dispatcher.pid, port)
        await joined(plan.shuttles, dispatcher, watch, folder, say)
        riders = OpenLoopRiders(plan.zone, broker_access(plan.broker_url), plan.seed)
        carrying = asyncio.create_task(riders.run())
        looking = asyncio.create_task(watch.run(_LOOK_EVERY_S))
        try:
            return await _phases(plan, riders, watch, say)
        finally:
            for task in (carrying, looking):
                task.cancel()
            await asyncio.gather(carrying, looking, return_exceptions=True)


async def _phases(
    plan: LoadPlan, riders: OpenLoopRiders, watch: ProcessWatch, say: Callable[[str], None]
) -> LoadFigures:
    asked_in: list[tuple[str, float, list[Asked], list[Look]]] = []
    again_s: float | None = None
    sent = 0

    async def phase(name: str, per_s: float, for_s: float) -> list[Asked]:
        if for_s <= 0:
            return []
        say(f"{name}: {per_s:g} requests a second for {for_s:g} s")
        began = asyncio.get_running_loop().time()
        watch.looks.append(await watch.look())
        asked = await riders.ask(per_s, for_s) if per_s > 0 else await _nobody_asks(for_s)
        watch.looks.append(await watch.look())
        asked_in.append((name, for_s, asked, watch.since(began)))
        return asked

    await phase("warm-up", plan.requests_per_s, plan.warm_up_s)
    await phase("steady", plan.requests_per_s, plan.steady_s)
    if plan.burst_s > 0:
        await phase("burst", plan.requests_per_s * plan.burst_times, plan.burst_s)
        over = asyncio.get_running_loop().time()
        after = await phase("after the burst", plan.requests_per_s, plan.after_burst_s)
        again_s = normal_again_s(after, over)
    if plan.flood_s > 0:
        flooding = asyncio.create_task(
            flood(broker_access(plan.broker_url), plan.flood_per_s, plan.flood_s)
        )
        await phase("one shuttle floods", plan.requests_per_s, plan.flood_s)
        sent = await flooding
    await asyncio.sleep(_SETTLE_S)
    return LoadFigures(
        shuttles=plan.shuttles,
        state_every_s=plan.state_every_s,
        requests_per_s=plan.requests_per_s,
        phases=[_figures(*phase) for phase in asked_in],
        normal_again_s=again_s,
        flood_sent=sent,
        accepted_and_lost=sum(map(_is_lost, riders.asked.values())),
    )


def _is_lost(asked: Asked) -> bool:
    """Accepted, and then heard of no more: in no shuttle's plan, and at no end."""
    return asked.outcome == "accepted" and asked.planned_s is None and not asked.ended


async def _nobody_asks(for_s: float) -> list[Asked]:
    await asyncio.sleep(for_s)
    return []


def _figures(name: str, seconds: float, asked: Sequence[Asked], looks: list[Look]) -> PhaseFigures:
    lags = [look.lag_p99_ms for look in looks if look.lag_p99_ms is not None]
    most = [look.lag_max_ms for look in looks if look.lag_max_ms is not None]
    put_off = [one for one in asked if was_put_off(one)]
    return PhaseFigures(
        phase=name,
        seconds=seconds,
        requests=len(asked),
        outcomes=dict(Counter(one.outcome for one in asked if one.outcome)),
        unanswered=sum(1 for one in asked if one.answered_s is None),
        durable=times(one.received_s for one in asked),
        promise=times(one.answered_s for one in asked if not was_put_off(one)),
        plan=times(one.planned_s for one in asked),
        put_off=times(one.answered_s for one in put_off),
        put_off_without_a_time=sum(1 for one in put_off if not one.retry_after_s),
        shuttle_messages_per_s=messages_per_s(looks),
        cores=share_of_a_core(looks),
        # Each is over the minute before, so the later ones are of this phase alone.
        lag_p99_ms=float(sorted(lags)[len(lags) // 2]) if lags else None,
        lag_max_ms=float(max(most)) if most else None,
        rss_mb=looks[-1].rss_mb,
        growth_pct_per_hour=growth_pct_per_hour(looks) if len(looks) > 2 else None,
    )


def times(seconds: Iterable[float | None]) -> Times:
    """Percentiles of what came, in milliseconds; the largest of so many or fewer."""
    ordered = sorted(1000.0 * each for each in seconds if each is not None)

    def percentile(percent: int) -> float | None:
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else None

    return Times(len(ordered), percentile(50), percentile(95), percentile(99), percentile(100))


def normal_again_s(after: Sequence[Asked], over: float) -> float:
    """From when service is as usual, in seconds after the burst, in steps of 2 s.

    A step is not as usual where a request was put off, or where more than one in twenty was
    written down later than 0.1 s after it was due.
    """
    steps: dict[int, list[Asked]] = {}
    for one in after:
        steps.setdefault(int((one.due - over) / _AGAIN_WITHIN_S), []).append(one)
    unusual = [step for step, asked in steps.items() if not _is_as_usual(asked)]
    return (max(unusual) + 1) * _AGAIN_WITHIN_S if unusual else 0.0


def _is_as_usual(asked: Sequence[Asked]) -> bool:
    late = sum(1 for one in asked if one.received_s is None or one.received_s > _IS_NORMAL_S)
    return not any(map(was_put_off, asked)) and late <= _LATE_IN_NORMAL * len(asked)


def _settings(plan: LoadPlan, port: int) -> str:
    # Ended trips are forgotten soon, so that memory can be seen to stay as it is.
    return (
        f'zone = "{plan.zone_name}"\n'
        f'[mqtt]\nurl = "{plan.broker_url}"\n'
        f'[redis]\nurl = "{plan.store_url}"\n'
        f"[metrics]\nport = {port}\n[http]\nenabled = false\n"
        f"[shuttles]\nmost = {max(500, plan.shuttles + 1)}\n"
        f"[riders]\nrequests_per_s = {max(1.0, 1.5 * plan.requests_per_s):g}\nclear_after_s = 60\n"
        "[rules]\nforget_after_s = 60\n"
    )
