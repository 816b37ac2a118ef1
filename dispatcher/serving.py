"""``ringmaster serve``: one zone, from the first health answer to the last snapshot."""

import asyncio
import signal
from typing import Final

import structlog

from dispatcher.bootstrap import Dispatcher, build
from dispatcher.clock import Clock, ScaledClock, WallClock
from dispatcher.config import ClockSettings, Settings
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


async def serve_until_stopped(settings: Settings) -> None:
    """Wait for the store, take the zone over, and serve until a signal asks to stop.

    Raises
    ------
    ZoneFileError
        The zone cannot be read.
    UnsuitableSettings
        The store could lose events.
    SteppedDownError, DamagedJournal, StoreUnavailable
        As ``Service.run``.
    OSError
        The port for metrics and health is taken.
    """
    zone = load_zone(settings.zone)
    site = Site(zone, Streets.of(zone), settings.service_rules)
    serving = _Serving(settings, site, zone_clock(settings.clock))
    loop = asyncio.get_running_loop()
    log_loop_faults(loop)
    task = asyncio.create_task(serving.run())
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, serving.stop, task)
    try:
        await task
    except asyncio.CancelledError:
        if not serving.asked_to_stop:
            raise
        log.info("stopped_before_serving")
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


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
