"""``ringmaster serve``: zones, each from its first health answer to its last snapshot."""

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from contextvars import copy_context
from typing import Final

import structlog
from structlog.contextvars import bind_contextvars

from dispatcher.bootstrap import Dispatcher, build
from dispatcher.clock import Clock, ScaledClock, WallClock
from dispatcher.collector import collect_by_the_clock
from dispatcher.config import ClockSettings, Settings
from dispatcher.credentials import check_credentials
from dispatcher.engine import Site
from dispatcher.journal import StoreAwaited, connect_journal
from dispatcher.loop_faults import log_loop_faults
from dispatcher.readings import add_readings, health_report
from dispatcher.streets import Streets
from dispatcher.streets.zones import load_zone
from dispatcher.telemetry.metrics import Metrics
from dispatcher.telemetry.probe_server import ProbeServer

log = structlog.get_logger(__name__)

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class SameZoneError(ValueError):
    """Two settings would have one process serve the same zone, or tell of two at one address."""


async def serve_until_stopped(*settings: Settings) -> None:
    """Serve a zone for each of the settings until a signal asks to stop.

    Each waits for its store, takes its zone over and serves it; they share nothing but the
    process. When one ends, so do the others, in order: who starts the process again starts all.

    Raises
    ------
    SameZoneError
        The settings get into each other's way.
    ZoneFileError
        A zone cannot be read.
    CredentialError, SigningKeyError
        A certificate or key cannot be used.
    UnsuitableSettings
        A store could lose events.
    SteppedDownError, DamagedJournal, StoreUnavailable
        As ``Service.run``.
    OSError
        A port for metrics and health is taken.
    """
    servings = _servings(settings)
    loop = asyncio.get_running_loop()
    log_loop_faults(loop)
    tasks = [_started(serving) for serving in servings]
    collecting = asyncio.create_task(collect_by_the_clock(), name="collector")

    def stop_all() -> None:
        for serving, task in zip(servings, tasks, strict=True):
            serving.stop(task)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop_all)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        stop_all()
        await asyncio.wait(tasks)
        for serving, task in zip(servings, tasks, strict=True):
            if task.cancelled():
                log.info("stopped_before_serving", zone=serving.zone_id)
            else:
                task.result()
    finally:
        for task in (*tasks, collecting):
            task.cancel()
        await asyncio.gather(*tasks, collecting, return_exceptions=True)
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _servings(settings: Sequence[Settings]) -> "list[_Serving]":
    servings = []
    for one in settings:
        check_credentials(one)
        zone = load_zone(one.zone)
        site = Site(zone, Streets.of(zone), one.service_rules)
        servings.append(_Serving(one, site, zone_clock(one.clock)))
    for zone_id, count in Counter(serving.zone_id for serving in servings).items():
        if count > 1:
            raise SameZoneError(f"zone {zone_id} is named by {count} of the settings")
    listening = Counter(
        (part, one.host, one.port)
        for each in settings
        for part, one in (("metrics", each.metrics), ("http", each.http))
        if one.enabled and one.port
    )
    for (part, host, port), count in listening.items():
        if count > 1:
            raise SameZoneError(f"{count} zones have {host}:{port}: give each its {part}.port")
    return servings


def _started(serving: "_Serving") -> asyncio.Task[None]:
    """A task whose log lines, and those of all that it starts, name the zone."""
    context = copy_context()
    context.run(bind_contextvars, zone=serving.zone_id)
    return asyncio.create_task(serving.run(), context=context)


def zone_clock(settings: ClockSettings) -> Clock:
    """The clock that the settings ask for."""
    if settings.start_s is None or settings.anchor_s is None:
        return WallClock()
    return ScaledClock.anchored(settings.speed, settings.start_s, settings.anchor_s)


class _Serving:
    """A dispatcher that may still be waiting for its store."""

    def __init__(self, settings: Settings, site: Site, clock: Clock) -> None:
        self.asked_to_stop = False
        self._settings = settings
        self._site = site
        self._clock = clock
        self._metrics = Metrics()
        self._dispatcher: Dispatcher | None = None

    @property
    def zone_id(self) -> str:
        return self._site.zone.id

    def stop(self, task: asyncio.Task[None]) -> None:
        """End in order where there is something to put in order, else at once."""
        self.asked_to_stop = True
        if self._dispatcher is not None and self._dispatcher.service.health.running:
            self._dispatcher.service.stop()
        else:
            task.cancel()

    async def run(self) -> None:
        probes = ProbeServer(
            self._settings.metrics.host,
            self._settings.metrics.port,
            {
                "/metrics": self._metrics.answer,
                "/healthz": lambda: health_report(self._site, self._dispatcher).answer(),
            },
        )
        try:
            if self._settings.metrics.enabled:
                await probes.start()
                log.info("probes", host=self._settings.metrics.host, port=probes.port)
            await self._serve()
        finally:
            await probes.close()

    async def _serve(self) -> None:
        journal = await connect_journal(
            self._settings.redis.url.get_secret_value(),
            self._site.zone.id,
            ca_file=self._settings.redis.ca_file,
            sentinels=self._settings.redis.sentinels,
            check_settings=self._settings.redis.check_settings,
            on_wait=_log_store_awaited,
        )
        try:
            dispatcher = build(
                self._settings, self._site, journal, clock=self._clock, metrics=self._metrics
            )
            add_readings(self._metrics, dispatcher)
            self._dispatcher = dispatcher
            await dispatcher.run()
            log.info("stopped", event_number=dispatcher.service.core.position)
        finally:
            await journal.aclose()


def _log_store_awaited(awaited: StoreAwaited) -> None:
    log.warning(
        "store_awaited", attempt=awaited.attempt, pause_s=awaited.pause_s, reason=awaited.reason
    )
