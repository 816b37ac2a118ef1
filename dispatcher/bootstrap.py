"""The only place that chooses concrete parts: it puts a dispatcher together."""

import asyncio
import contextlib
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from dispatcher.charging_loop import ChargingLoop
from dispatcher.clock import Clock, WallClock
from dispatcher.config import BrokerAddress, ImproverSettings, Settings
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.shuttles import Capacity
from dispatcher.engine import Site
from dispatcher.fleet_border import FleetBorder
from dispatcher.improving import ImproverLoop, Searcher
from dispatcher.journal import Journal
from dispatcher.limits import TokenBucket
from dispatcher.mqtt import ClientMaker, MqttLink, Subscription
from dispatcher.mqtt_client import AcknowledgingClient
from dispatcher.planning.improver import ImproverProcess, PartSize, routing
from dispatcher.riders.border import RiderBorder, WishLimits
from dispatcher.riders.desk import RiderDesk
from dispatcher.riders.outbox import OutboxSettings, RiderOutbox
from dispatcher.riders.status import StatusWriter
from dispatcher.riders.topics import RiderTopics
from dispatcher.service import Service, ServiceSettings
from dispatcher.snapshots import code_version
from dispatcher.telemetry.decision_log import log_decisions
from dispatcher.telemetry.lag import watch_lag
from dispatcher.telemetry.metrics import Metrics
from dispatcher.zone_engine import ZoneEngine
from vehicles.exchange import ConversationRules
from vehicles.fleet import Fleet, FleetRules
from vehicles.link import BrokerAccess, FleetLink
from vehicles.topics import parse_topic

# What each search takes on at once: OR-Tools' model grows with the square of its calls.
_PARTS = {
    "neighbourhoods": PartSize(rides=1500, rows=1000),
    "routing": PartSize(rides=120, rows=40),
}

log = structlog.get_logger(__name__)

FLUSH_S: Final = 2.0  # given to the outbox when stopping


@dataclass(slots=True, eq=False)
class Dispatcher:
    """One zone's dispatcher with all its borders, ready to run.

    Whoever adds a border (a web page, say) adds it here: ``service`` takes events in,
    ``desk`` takes riders' messages in, listeners hear of what is decided.
    """

    settings: Settings
    site: Site
    clock: Clock
    journal: Journal
    service: Service
    desk: RiderDesk
    outbox: RiderOutbox
    rider_link: MqttLink
    fleet: Fleet
    fleet_border: FleetBorder
    fleet_link: FleetLink
    improver: ImproverLoop | None
    improver_process: ImproverProcess | None
    metrics: Metrics

    async def run(self) -> None:
        """Serve until ``service.stop`` is called or another dispatcher takes over.

        Raises
        ------
        SteppedDownError, DamagedJournal, StoreUnavailable
            As ``Service.run``.
        """
        deciding = asyncio.create_task(self.service.run())
        starting = asyncio.create_task(self._started())
        borders: list[asyncio.Task[None]] = []
        try:
            await _first(deciding, starting)
            if not deciding.done():
                borders = self._open_borders()
                await _first(deciding, *borders)
                await _raise_mistakes(borders)
            await deciding
            await self._flush()
        finally:
            for task in (deciding, starting, *borders):
                task.cancel()
            await asyncio.gather(deciding, starting, *borders, return_exceptions=True)
            if self.improver_process is not None:
                await self.improver_process.close()

    async def _started(self) -> None:
        await self.service.started.wait()

    def _open_borders(self) -> list[asyncio.Task[None]]:
        """Only once the state stands: what comes before could not be judged."""
        parts = [
            self.outbox.run(),
            self.rider_link.run(),
            self.fleet_border.run(self.fleet_link),
            self.fleet_link.run(),
            watch_lag(self.metrics.loop_lag_s.observe),
        ]
        if any(stop.chargers for stop in self.site.zone.stops):
            parts.append(ChargingLoop(self.service).run())
        if self.improver is not None:
            parts.append(self.improver.run())
        return [asyncio.create_task(part) for part in parts]

    async def _flush(self) -> None:
        """Let riders hear the last decisions, if the broker is there to take them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self.outbox.empty()


def build(
    settings: Settings,
    site: Site,
    journal: Journal,
    *,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    new_trip_id: Callable[[], TripId] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    new_client: ClientMaker = AcknowledgingClient,
    searcher: Searcher | None = None,
) -> Dispatcher:
    """Put a dispatcher together; nothing runs yet.

    ``searcher`` looks for better plans in place of the improver's own process.
    """
    clock = clock or WallClock()
    metrics = metrics or Metrics()
    engine = ZoneEngine(site)
    engine.warm_up()
    service = Service(
        engine,
        journal,
        clock,
        ServiceSettings(
            owner=settings.service.owner or socket.gethostname(),
            code_version=code_version(),
            inbox=settings.service.inbox,
            refuse_above=settings.service.refuse_above,
            retry_after_s=settings.riders.retry_after_s,
            snapshot_every=settings.service.snapshot_every,
        ),
        on_append=metrics.on_append,
    )
    outbox, desk, rider_link = _rider_border(
        settings, site, service, metrics, new_trip_id or _new_trip_id, monotonic, new_client
    )
    fleet = Fleet(
        _fleet_rules(settings),
        report_drop=lambda topic, cause, detail: _log_drop(
            settings.mqtt.interface, topic, cause, detail
        ),
    )
    fleet_border = FleetBorder(fleet, service, now=clock.now_exact_s)
    fleet_link = _fleet_link(settings, site, fleet, fleet_border, clock, new_client)

    service.add_starter(lambda core, tail: outbox.restore(service.engine.list_statuses(core.state)))
    service.add_starter(fleet_border.resume)
    for listener in (
        log_decisions,
        metrics.on_applied,
        outbox.on_applied,
        fleet_border.on_applied,
    ):
        service.add_listener(listener)
    process = None if searcher else _improver_process(settings.improver)
    return Dispatcher(
        settings=settings,
        site=site,
        clock=clock,
        journal=journal,
        service=service,
        desk=desk,
        outbox=outbox,
        rider_link=rider_link,
        fleet=fleet,
        fleet_border=fleet_border,
        fleet_link=fleet_link,
        improver=_improver(settings, service, searcher or process),
        improver_process=process,
        metrics=metrics,
    )


def _rider_border(
    settings: Settings,
    site: Site,
    service: Service,
    metrics: Metrics,
    new_trip_id: Callable[[], TripId],
    monotonic: Callable[[], float],
    new_client: ClientMaker,
) -> tuple[RiderOutbox, RiderDesk, MqttLink]:
    stops = {stop.id: stop for stop in site.zone.stops}
    topics, writer = RiderTopics(site.zone.id), StatusWriter(stops)
    broker = settings.mqtt.address()

    def lost(reason: str, pause_s: float) -> None:
        outbox.link_lost()
        _log_broker_awaited("riders", broker, reason, pause_s)

    def connected(session_present: bool) -> None:
        outbox.link_connected()
        log.info("broker_connected", link="riders", session_present=session_present)

    link = MqttLink(
        broker.host,
        broker.port,
        client_id=f"{settings.mqtt.client_id}-{site.zone.id}-riders",
        username=broker.username,
        password=broker.password,
        tls=ssl.create_default_context() if broker.tls else None,
        new_client=new_client,
        session_expiry_s=settings.mqtt.session_expiry_s,
        subscriptions=[Subscription(topic_filter) for topic_filter in topics.filters()],
        on_message=lambda message: desk.on_message(message),
        on_connect=connected,
        on_disconnect=lost,
        on_oversized=lambda topic, size: desk.on_oversized(topic, size),
        on_unreadable=lambda topic, reason: log.info(
            "rider_message_ignored", topic=topic[:200], reason=reason
        ),
    )
    outbox = RiderOutbox(
        link,
        topics,
        writer,
        service.clock,
        OutboxSettings(clear_after_s=settings.riders.clear_after_s),
    )
    desk = RiderDesk(
        service,
        RiderBorder(stops, WishLimits(settings.riders.wish_past_s, settings.riders.wish_ahead_s)),
        topics,
        writer,
        outbox,
        new_trip_id=new_trip_id,
        bucket=TokenBucket(settings.riders.requests_per_s, settings.riders.burst),
        observer=metrics,
        monotonic=monotonic,
    )
    return outbox, desk, link


def _fleet_rules(settings: Settings) -> FleetRules:
    shuttles = settings.shuttles
    default = Capacity(shuttles.default_seats, shuttles.default_wheelchairs)
    allowed = None if shuttles.allowed is None else frozenset(map(ShuttleId, shuttles.allowed))
    return FleetRules(
        conversation=ConversationRules(
            silent_after_s=shuttles.silent_after_s,
            max_clock_error_s=shuttles.max_clock_error_s,
            default_capacity=default if default.seats or default.wheelchairs else None,
        ),
        interface=settings.mqtt.interface,
        allowed=allowed,
        most_shuttles=shuttles.most,
    )


def _fleet_link(
    settings: Settings,
    site: Site,
    fleet: Fleet,
    border: FleetBorder,
    clock: Clock,
    new_client: ClientMaker,
) -> FleetLink:
    broker = settings.mqtt.address()
    return FleetLink(
        fleet,
        BrokerAccess(
            broker.host,
            broker.port,
            broker.username,
            broker.password,
            ssl.create_default_context() if broker.tls else None,
            new_client,
        ),
        client_id=f"{settings.mqtt.client_id}-{site.zone.id}-shuttles",
        on_events=border.on_events,
        clock=clock.now_exact_s,
        on_connect=lambda session_present: log.info("broker_connected", link="shuttles"),
        on_disconnect=lambda reason, pause_s: _log_broker_awaited(
            "shuttles", broker, reason, pause_s
        ),
    )


def _improver_process(settings: ImproverSettings) -> ImproverProcess | None:
    if not settings.enabled:
        return None
    if settings.method == "routing":
        return ImproverProcess(routing.improve, prepare=routing.prepare)
    return ImproverProcess()


def _improver(
    settings: Settings, service: Service, process: Searcher | None
) -> ImproverLoop | None:
    if process is None:
        return None
    return ImproverLoop(
        service,
        process,
        every_s=settings.improver.every_s,
        time_limit_s=settings.improver.time_limit_s,
        part=_PARTS[settings.improver.method],
    )


def _new_trip_id() -> TripId:
    # 72 random bits: no two trips of a zone will ever share an id.
    return TripId(secrets.token_urlsafe(9))


def _log_broker_awaited(link: str, broker: BrokerAddress, reason: str, pause_s: float) -> None:
    log.warning(
        "broker_awaited",
        link=link,
        broker=f"{broker.host}:{broker.port}",
        reason=reason,
        pause_s=round(pause_s, 2),
    )


def _log_drop(interface: str, topic: str, cause: str, detail: str) -> None:
    found = parse_topic(interface, topic)
    log.info(
        "shuttle_message_dropped",
        shuttle=found[0].shuttle_id if found else None,
        topic=topic[:200],
        reason=cause,
        detail=detail,
    )


async def _first(*tasks: asyncio.Task[None]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _raise_mistakes(tasks: list[asyncio.Task[None]]) -> None:
    """A border that ended by itself has failed; its error ends the dispatcher."""
    for task in tasks:
        if task.done():
            await task
