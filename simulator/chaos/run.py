"""One trial from its first process to its verdict."""

import asyncio
import contextlib
import json
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from dispatcher.domain.zone import Zone
from simulator.chaos.checker import REST, Verdict, Violation, judge, read_histories
from simulator.chaos.city import DISPATCHERS, EXIT_REPLACED, City, CityPlan
from simulator.chaos.observer import FleetWatch, StreamWatch, retained
from simulator.chaos.schedule import Fault, Step, draw_schedule

GOALS_S: Final = {
    "dispatcher killed, decides again": 3.0,
    "leader killed, stand-by decides": 8.0,
    "leader stopped, stand-by decides": 8.0,
    "broker restarted, all shuttles right": 15.0,
}
_RESTART, _KILLED, _STOPPED, _BROKER = GOALS_S
_QUIET_S: Final = 90.0  # of a run of ten minutes; of a short one the half
_MOST_QUIET_S: Final = 300.0
_GIVEN_UP_S: Final = 60.0  # a recovery that takes longer counts as so long, and is a violation
_SILENT_S: Final = 60.0
_STILL_S: Final = 1.5  # without a new order; idle shuttles are still moved at times
_STEADY_S: Final = 5.0  # before the first fault
_AFTERMATH_S: Final = 12.0  # so long after a fault nobody counts on word in time


@dataclass(frozen=True, slots=True)
class ChaosPlan:
    zone: Zone
    zone_name: str
    folder: Path
    minutes: float
    seed: int
    standby: bool = True
    speed: float = 20.0
    shuttles: int = 8
    riders_per_hour: float = 150.0

    @property
    def hostile_s(self) -> float:
        whole_s = 60.0 * self.minutes
        return max(whole_s - _QUIET_S, whole_s / 2)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Measured times of one kind of recovery, in real seconds."""

    times_s: tuple[float, ...]
    goal_s: float

    def as_dict(self) -> dict[str, float | int | None]:
        times = self.times_s
        return {
            "times": len(times),
            "p50_s": round(statistics.median(times), 2) if times else None,
            "max_s": round(max(times), 2) if times else None,
            "goal_s": self.goal_s,
        }


@dataclass(frozen=True, slots=True)
class ChaosResult:
    seed: int
    wall_s: float
    faults: Counter[Fault]
    recoveries: dict[str, Recovery]
    verdict: Verdict
    torn_ends: int
    bytes_lost: int
    second_starts: int  # of the store, after a power cut while its file was written anew

    @property
    def violations(self) -> tuple[Violation, ...]:
        return self.verdict.violations

    def as_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "wall_s": round(self.wall_s, 1),
            "faults": {str(fault): self.faults[fault] for fault in Fault},
            "torn_ends": self.torn_ends,
            "bytes_lost": self.bytes_lost,
            "second_starts": self.second_starts,
            "recoveries": {name: found.as_dict() for name, found in self.recoveries.items()},
            "violations": len(self.violations),
            "violated": [f"{v.invariant}: {v.text}" for v in self.violations],
            "counts": dict(self.verdict.counts),
        }


@dataclass(slots=True)
class _Course:
    """What the run itself found out: times of recovery, troubles, and mistakes."""

    times_s: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in GOALS_S})
    troubles: list[tuple[float, float]] = field(default_factory=list)  # real seconds
    violations: list[Violation] = field(default_factory=list)


async def run_chaos(plan: ChaosPlan, say: Callable[[str], None] = lambda text: None) -> ChaosResult:
    """Run it all and judge it.

    Raises
    ------
    ChaosError
        A server is not installed, or something does not start.
    """
    began_s = time.time()
    city_plan = CityPlan(
        plan.zone,
        plan.zone_name,
        plan.folder,
        plan.seed,
        plan.speed,
        plan.shuttles,
        plan.riders_per_hour,
        start_s=_morning_s(plan.zone),
        anchor_s=began_s,
    )
    steps = draw_schedule(plan.seed, plan.minutes, standby=plan.standby)
    course = _Course()
    async with City(city_plan) as city, _watching(city) as (stream, fleet):
        say("starting; a machine's first start compiles for up to two minutes")
        await city.open()
        await city.let_riders_ask(_STEADY_S + plan.hostile_s)
        await asyncio.sleep(_STEADY_S)
        for number, step in enumerate(steps, 1):
            also = "" if step.also is None else f" with {step.also}"
            over = (
                "" if step.network is None else f" during {step.network.fault} {step.network.link}"
            )
            say(f"{number}/{len(steps)} {step.fault}{also}{over}")
            await _live_through(city, step, stream, fleet, course)
        say("quiet: everything has to finish")
        await _finish(city, fleet, course)
        say("judging")
        await _write_rest(city, stream, fleet, course)
    verdict = judge(read_histories(plan.folder))
    course.violations += _ended_by_mistake(city)
    return ChaosResult(
        seed=plan.seed,
        wall_s=time.time() - began_s,
        faults=city.done,
        recoveries={
            name: Recovery(tuple(times), GOALS_S[name]) for name, times in course.times_s.items()
        },
        verdict=Verdict((*course.violations, *verdict.violations), verdict.counts),
        torn_ends=sum(loss.torn for loss in city.power_losses),
        bytes_lost=sum(loss.written - loss.loaded for loss in city.power_losses),
        second_starts=city.store.second_starts,
    )


async def _live_through(
    city: City, step: Step, stream: StreamWatch, fleet: FleetWatch, course: _Course
) -> None:
    if step.standby and len(city.serving) < len(DISPATCHERS):
        await city.stand_by()
    if step.measured:
        await _until_ready(city, course)
        await asyncio.sleep(0.2)
    begins_s = time.time()
    async with asyncio.TaskGroup() as tasks:
        if step.network is not None:
            tasks.create_task(city.disturb(step.network))
        if step.network is None or step.network.fault is not step.fault:
            tasks.create_task(_strike(city, step, stream, fleet, course))
        if step.also is not None:
            tasks.create_task(_strike_server(city, step.also, step.lasts_s, stream))
    course.troubles.append((begins_s, time.time() + _AFTERMATH_S))
    await asyncio.sleep(step.then_s)


async def _until_ready(city: City, course: _Course) -> None:
    """Whatever was done before, with nothing broken any more somebody serves again."""
    if not await city.is_ready(_GIVEN_UP_S):
        text = f"nobody serves {_GIVEN_UP_S:g} s after the last fault"
        how = await city.abort_dispatchers()
        course.violations.append(Violation("serves_again", f"{text}: {how}"))
        await city.is_ready(_GIVEN_UP_S)


async def _strike(
    city: City, step: Step, stream: StreamWatch, fleet: FleetWatch, course: _Course
) -> None:
    epoch, at_s = stream.epoch, time.time()
    match step.fault:
        case Fault.DISPATCHER_KILL:
            await city.kill_leader()
            at_s = time.time()
            if step.measured:
                name = _KILLED if step.standby else _RESTART
                await _measure(name, stream.decided_after(epoch), at_s, course)
        case Fault.DISPATCHER_PAUSE if step.measured:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(city.pause_leader(step.lasts_s))
                await _measure(_STOPPED, stream.decided_after(epoch), at_s, course)
        case Fault.DISPATCHER_PAUSE:
            await city.pause_leader(step.lasts_s)
        case _:
            await _strike_server(city, step.fault, step.lasts_s, stream, rewrite=step.rewrite)
            if step.measured:
                at_s = time.time()
                await _measure(_BROKER, fleet.all_right_after(at_s), at_s, course)


async def _strike_server(
    city: City, fault: Fault, lasts_s: float, stream: StreamWatch, *, rewrite: bool = False
) -> None:
    if fault is Fault.POWER_LOSS:
        # What is read directly counts as told; nothing may be read that is then lost.
        async with stream.pausing:
            await city.strike(fault, lasts_s, rewrite=rewrite)
    else:
        await city.strike(fault, lasts_s)


async def _measure(name: str, recovered: Any, since_s: float, course: _Course) -> None:
    try:
        async with asyncio.timeout(_GIVEN_UP_S):
            at_s = await recovered
        course.times_s[name].append(max(0.0, at_s - since_s))
    except TimeoutError:
        course.times_s[name].append(_GIVEN_UP_S)
        course.violations.append(Violation("recovers", f"{name}: not within {_GIVEN_UP_S:g} s"))


async def _finish(city: City, fleet: FleetWatch, course: _Course) -> None:
    """Nothing is broken any more: every trip ends, and every shuttle has its newest plan."""
    await _until_ready(city, course)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_MOST_QUIET_S):
            await _riders_done(city, course)
    # Some may have given up asking, for a phone does not ask for ever. The others' trips should
    # have ended; whether they have is judged with all else.
    await city.riders.kill()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GIVEN_UP_S):
            await fleet.settled(_STILL_S)
    # What they say from here on would be about a dispatcher that is stopped.
    fleet.end()
    await city.shuttles.stop()


async def _riders_done(city: City, course: _Course) -> None:
    """Return once all have ended, or nobody has sent or got anything for a minute."""
    ended = asyncio.create_task(city.riders.ended())
    size = -1
    while not ended.done() and size != (size := city.rider_record.stat().st_size):
        await asyncio.wait({ended}, timeout=_SILENT_S)
    if not ended.done():
        ended.cancel()
    elif (code := ended.result()) != 0:
        course.violations.append(Violation("riders_live", f"riders ended with {code}"))


async def _write_rest(city: City, stream: StreamWatch, fleet: FleetWatch, course: _Course) -> None:
    """Put beside the clients' records what servers hold at the end, and what was read meanwhile."""
    plan = city.plan
    async with stream.pausing:
        entries, seen = await stream.all_entries(), stream.seen
    rest = {
        "stream": [(entry.position, entry.epoch, entry.payload) for entry in entries],
        "seen": [(entry.position, entry.epoch, entry.payload) for entry in seen],
        "retained": await retained(
            city.broker.port, f"ringmaster/v1/{plan.zone.id}/rider/+/trip/+"
        ),
        "last_orders": fleet.last_orders,
        "troubles": sorted((plan.zone_s(a), plan.zone_s(b)) for a, b in course.troubles),
    }
    (plan.folder / REST).write_text(json.dumps(rest, ensure_ascii=False))


def _ended_by_mistake(city: City) -> list[Violation]:
    return [
        Violation("process_lives", f"{gone.name} ended with {gone.code}")
        for gone in city.exits
        if not gone.asked and gone.code != EXIT_REPLACED
    ]


@asynccontextmanager
async def _watching(city: City) -> AsyncIterator[tuple[StreamWatch, FleetWatch]]:
    stream = StreamWatch(city.store, f"ringmaster:{{{city.plan.zone.id}}}:journal")
    fleet = FleetWatch(city.broker.port)
    watching = [asyncio.create_task(stream.run()), asyncio.create_task(fleet.run())]
    try:
        yield stream, fleet
    finally:
        for task in watching:
            task.cancel()
        for ended in await asyncio.gather(*watching, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


def _morning_s(zone: Zone) -> int:
    """An hour after the service opens, today: at twenty times real time it stays open."""
    today = datetime.now(ZoneInfo(zone.timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((today + timedelta(seconds=zone.opens_s + 3600)).timestamp())
