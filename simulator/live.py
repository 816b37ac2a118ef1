"""``ringmaster run``: the whole product on one machine, in real or accelerated time.

Broker, store, dispatcher, simulated shuttles and riders, over real MQTT and a real journal. At
the end the figures of ``simulator.figures``, taken at that instant.
"""

import asyncio
import contextlib
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from dispatcher.bootstrap import Dispatcher, build
from dispatcher.clock import ScaledClock
from dispatcher.codec import EventRecord, decode_payload
from dispatcher.config import (
    ClockSettings,
    ImproverSettings,
    MetricsSettings,
    MqttSettings,
    RedisSettings,
    RiderSettings,
    Settings,
    ShuttleSettings,
)
from dispatcher.config_http import AuthSettings, HttpSettings
from dispatcher.domain.zone import Zone
from dispatcher.embedded import embedded_broker, embedded_store
from dispatcher.engine import Site
from dispatcher.journal import (
    Journal,
    StoreAwaited,
    StoreUnavailable,
    connect_journal,
    export_journal,
)
from dispatcher.replay import replay
from dispatcher.streets import Streets
from dispatcher.telemetry.metrics import Metrics
from dispatcher.zone_engine import ZoneEngine
from simulator.concourse import Concourse
from simulator.day import local_time_s
from simulator.demand import Demand
from simulator.figures import ConfirmWatch, CrowdWatch, Figures, RunFacts, figures_of
from simulator.live_parts import RiderLink, ShuttleLinks, every
from simulator.separate import broker_access
from simulator.vehicle import FleetPlan
from simulator.visitors import Visitors

START_HOUR = 8.0
_PATIENT_ATTEMPTS = 3  # at the store before anything is said: 0.6 s
_SILENT_WAIT_S = 3.0  # for the broker before anything is said
_JOIN_WAIT_S = 15.0  # real seconds until riders come, whether or not all shuttles are there


@dataclass(frozen=True, slots=True)
class LivePlan:
    """What is run. ``for_s`` is real seconds; None: until stopped."""

    zone: Zone
    speed: float = 20.0
    shuttles: int = 12
    riders_per_hour: float = 200.0  # of the zone's time
    for_s: float | None = None
    seed: int = 1
    broker_url: str | None = None  # None: an embedded one
    store_url: str | None = None
    improve: bool = True
    journal_out: Path | None = None
    http_port: int | None = 0  # of the API, in development; 0: any free one; None: without it


@dataclass(slots=True)
class LiveRun:
    """A run under way, for whoever shows it."""

    plan: LivePlan
    clock: ScaledClock
    dispatcher: Dispatcher
    riders: RiderLink
    shuttles: ShuttleLinks
    concourse: Concourse
    metrics: "TimedMetrics"
    confirms: ConfirmWatch
    crowds: CrowdWatch
    began: float  # on the monotonic clock, when riders began to come

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.began


@dataclass(slots=True, eq=False)
class TimedMetrics(Metrics):
    """The metrics, which also keep every decision time for exact percentiles."""

    decide_s: list[float] = field(default_factory=list)

    def request_decided(self, seconds: float) -> None:
        Metrics.request_decided(self, seconds)
        self.decide_s.append(seconds)


def run_live(
    plan: LivePlan,
    *,
    show: Callable[[LiveRun], None] = lambda run: None,
    show_every_s: float = 0.5,
    say: Callable[[str], None] = lambda text: None,
) -> Figures:
    """Run until the time is up or the process is told to stop, and count.

    ``say`` hears what is waited for.

    Raises
    ------
    StoreUnavailable
        Told to stop while the given store was still awaited.
    EmbeddedServerError
        No broker or store is given and the embedded ones are not installed or do not start.
    """
    with _servers(plan) as (broker_url, store_url):
        return asyncio.run(_run(plan, broker_url, store_url, show, show_every_s, say))


@contextlib.contextmanager
def _servers(plan: LivePlan) -> Iterator[tuple[str, str]]:
    with ExitStack() as stack:
        broker_url, store_url = plan.broker_url, plan.store_url
        if broker_url is None:
            broker = stack.enter_context(embedded_broker())
            broker_url = f"mqtt://{broker.host}:{broker.port}"
        if store_url is None:
            store_url = stack.enter_context(embedded_store()).url
        yield broker_url, store_url


async def _run(
    plan: LivePlan,
    broker_url: str,
    store_url: str,
    show: Callable[[LiveRun], None],
    show_every_s: float,
    say: Callable[[str], None],
) -> Figures:
    began = time.monotonic()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    rules = Settings().service_rules
    # As with silence: in a faster time a pause of the machine must not cost a plan its validity.
    patient_s = max(rules.plan_validity_s, _patient_s(plan) + rules.validity_margin_s)
    rules = replace(rules, plan_validity_s=patient_s)
    site = Site(plan.zone, Streets.of(plan.zone), rules)
    journal = await reached_journal(store_url, plan.zone.id, stop, say)
    try:
        # Before the clock runs: on a machine's first run this compiles for a while.
        await asyncio.to_thread(ZoneEngine(site).warm_up)
        clock = ScaledClock(plan.speed, await _start_s(plan.zone, journal))
        run = _put_together(plan, site, journal, clock, broker_url)
        _say_where(run.dispatcher, say)
        figures = await _serve(run, stop, show, show_every_s, say)
        result = await _replayed(run, journal)
        if plan.journal_out is not None:
            await export_journal(journal, plan.journal_out, zone=plan.zone.id)
    finally:
        await journal.aclose()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return replace(
        figures,
        replay_identical=result,
        journal_events=run.dispatcher.service.core.position,
        wall_s=round(time.monotonic() - began, 1),
        peak_rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
    )


def _say_where(dispatcher: Dispatcher, say: Callable[[str], None]) -> None:
    """The API's address, which is known once the port is taken. Raises OSError where it is."""
    if dispatcher.web is None:
        return
    server = dispatcher.web.server
    server.bind()
    say(f"Open {server.url} to order a trip in it and to follow it.")
    say(f"The API is at {server.url}/v1; POST /v1/dev/login gives a token for any role.")


def _put_together(
    plan: LivePlan, site: Site, journal: Journal, clock: ScaledClock, broker_url: str
) -> LiveRun:
    metrics = TimedMetrics()
    settings = _settings(plan, broker_url, clock)
    dispatcher = build(settings, site, journal, clock=clock, metrics=metrics)
    confirms = ConfirmWatch(time.perf_counter)
    dispatcher.service.add_listener(confirms.on_applied)
    crowds = CrowdWatch()
    dispatcher.service.add_listener(crowds.on_applied)
    broker = broker_access(broker_url)
    concourse = Concourse()
    # Riders and shuttles of an earlier run may still be remembered by a given broker and store.
    name = "r" if plan.store_url is None else f"r{int(clock.now_s())}x"
    demand = Demand.of(plan.zone, plan.seed, riders_per_hour=plan.riders_per_hour, name=name)
    visitors = Visitors(concourse, {stop.id: stop for stop in plan.zone.stops}, demand.is_own)
    dispatcher.service.add_listener(visitors.on_applied)
    riders = RiderLink(
        demand, concourse, broker, clock, speed=plan.speed, client_id="ringmaster-sim-riders"
    )
    fleet = FleetPlan(plan.shuttles, battery_pct=(55.0, 100.0), spread=True)
    shuttles = ShuttleLinks(
        plan.zone, fleet, concourse, broker, clock, speed=plan.speed, seed=plan.seed
    )
    concourse.arrived = shuttles.arrived
    return LiveRun(
        plan,
        clock,
        dispatcher,
        riders,
        shuttles,
        concourse,
        metrics,
        confirms,
        crowds,
        time.monotonic(),
    )


def _settings(plan: LivePlan, broker_url: str, clock: ScaledClock) -> Settings:
    return Settings(
        mqtt=MqttSettings(url=broker_url),
        redis=RedisSettings(),
        riders=RiderSettings(requests_per_s=1000.0, burst=10_000),
        shuttles=ShuttleSettings(silent_after_s=_patient_s(plan), max_clock_error_s=3600),
        improver=ImproverSettings(
            enabled=plan.improve,
            every_s=max(10, round(2.0 * plan.speed)),
            # What is found too late in the zone's time finds shuttles that have driven on.
            time_limit_s=min(3.0, max(0.2, 5.0 / plan.speed)),
        ),
        metrics=MetricsSettings(enabled=False),
        clock=ClockSettings(speed=plan.speed, start_s=clock.now_s(), anchor_s=time.time()),
        http=HttpSettings(enabled=plan.http_port is not None, port=plan.http_port or 0),
        auth=AuthSettings(development=True, guests=True),
    )


def _patient_s(plan: LivePlan) -> int:
    """A pause of the machine is longer in a faster time; it must not look like lost contact."""
    return min(600, max(45, round(6.0 * plan.speed)))


async def reached_journal(
    store_url: str, zone_id: str, stop: asyncio.Event, say: Callable[[str], None]
) -> Journal:
    """The journal in a store that may come later than we do."""

    def waiting(awaited: StoreAwaited) -> None:
        if awaited.attempt == _PATIENT_ATTEMPTS:
            say(f"Waiting: {awaited.reason}")

    connecting = asyncio.create_task(connect_journal(store_url, zone_id, on_wait=waiting))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([connecting, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if connecting.done():
        return connecting.result()
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    raise StoreUnavailable("stopped while the store was awaited")


async def _serve(
    run: LiveRun,
    stop: asyncio.Event,
    show: Callable[[LiveRun], None],
    show_every_s: float,
    say: Callable[[str], None],
) -> Figures:
    """Everything at once, until the time is up, somebody stops it, or a part fails."""
    parts = [
        asyncio.create_task(run.dispatcher.run()),
        asyncio.create_task(run.riders.run()),
        asyncio.create_task(run.shuttles.run()),
    ]
    looks = [
        asyncio.create_task(every(5.0 / run.plan.speed, run.shuttles.note_road)),
        asyncio.create_task(every(show_every_s, lambda: show(run))),
    ]
    stopping = asyncio.create_task(stop.wait())
    try:
        await _until_joined(run, [*parts, stopping], say)
        run.began = time.monotonic()
        start_s = run.clock.now_exact_s()
        run.riders.start()
        await asyncio.wait(
            [*parts, stopping], timeout=run.plan.for_s, return_when=asyncio.FIRST_COMPLETED
        )
        for part in parts:
            if part.done():
                part.result()  # a part never ends by itself: this raises its mistake
        run.riders.crowd.stop_asking()
        show(run)
        return _figures(run, start_s)
    finally:
        for task in (*looks, stopping, parts[1], parts[2]):
            task.cancel()
        await asyncio.gather(*looks, stopping, parts[1], parts[2], return_exceptions=True)
        run.dispatcher.service.stop()
        await asyncio.gather(parts[0], return_exceptions=True)


async def _until_joined(
    run: LiveRun,
    tasks: list[asyncio.Task[None] | asyncio.Task[bool]],
    say: Callable[[str], None],
) -> None:
    """Until all shuttles are known and riders are connected, or it has taken too long."""
    deadline = time.monotonic() + _JOIN_WAIT_S
    speak_at = time.monotonic() + _SILENT_WAIT_S
    while time.monotonic() < deadline and not any(task.done() for task in tasks):
        joined = len(run.dispatcher.service.core.state.shuttles)
        if joined >= run.plan.shuttles and run.riders.connected.is_set():
            return
        if time.monotonic() >= speak_at and not run.riders.connected.is_set():
            say("Waiting for the broker; is it running at the address given?")
            speak_at = deadline
        await asyncio.sleep(0.05)


def _figures(run: LiveRun, start_s: float) -> Figures:
    run.shuttles.note_road()
    facts = RunFacts(
        shuttles=run.plan.shuttles,
        simulated_s=run.clock.now_exact_s() - start_s,
        wall_s=0.0,
        peak_rss_mb=0.0,
        decide_s=run.metrics.decide_s,
        confirm_s=run.confirms.took_s,
        journal_events=0,
        replay_identical=False,
        road=run.shuttles.road,
        energy=run.shuttles.energy,
        forecast=run.dispatcher.service.core.state.forecast.score.figures(),
        stops_crowded=run.crowds.seen,
    )
    return figures_of(run.riders.crowd.logs, run.dispatcher.site.streets, facts)


async def _replayed(run: LiveRun, journal: Journal) -> bool:
    """Whether the journal, decided again in a fresh state, gives every decision again."""
    core = run.dispatcher.service.core
    records = [record async for record in journal.read()]
    engine = ZoneEngine(run.dispatcher.site)
    result = await asyncio.to_thread(replay, engine, records, final_digest=core.digest)
    return result.same and result.events == core.position


async def _start_s(zone: Zone, journal: Journal) -> int:
    """08:00 of the zone's today, or when the journal ends if that is later."""
    start_s = int(local_time_s(zone, datetime.now(UTC), START_HOUR))
    last = await journal.last_position()
    # The last event may have marks of a clean stop behind it.
    async for record in journal.read(max(0, last - 8)):
        payload = decode_payload(record.payload)
        if isinstance(payload, EventRecord):
            start_s = max(start_s, payload.event.at_s + 1)
    return start_s
