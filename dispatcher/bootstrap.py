"""The only place that chooses concrete parts: it puts a dispatcher together."""

import asyncio
import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from dispatcher.access import Link, link_name
from dispatcher.charging_loop import ChargingLoop
from dispatcher.clock import Clock, WallClock
from dispatcher.config import BrokerAddress, ImproverSettings, Settings
from dispatcher.credentials import mqtt_tls, plan_signer
from dispatcher.domain.decisions import AlertKind
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.shuttles import Capacity
from dispatcher.ending import end_tasks
from dispatcher.engine import Site
from dispatcher.erasing import PlaceEraser
from dispatcher.fleet_border import FleetBorder
from dispatcher.improving import ImproverLoop, Searcher
from dispatcher.journal import Journal, LeaseOfAnother, StaleEpoch
from dispatcher.leadership import Leadership, LeaseTimes
from dispatcher.limits import TokenBucket
from dispatcher.mqtt import AcknowledgingClient, ClientMaker, MqttLink, Subscription
from dispatcher.operators import Explainer, OperatorDesk
from dispatcher.place import has_ended
from dispatcher.planning.charging_process import ChargingProcess
from dispatcher.planning.improver import ImproverProcess, PartSize
from dispatcher.riders.border import RiderBorder, WishLimits
from dispatcher.riders.desk import RiderDesk
from dispatcher.riders.outbox import OutboxSettings, RiderOutbox
from dispatcher.riders.status import StatusWriter
from dispatcher.riders.topics import RiderTopics
from dispatcher.service import Service, ServiceSettings, SteppedDownError
from dispatcher.snapshots import code_version
from dispatcher.store_watch import StoreWatch
from dispatcher.telemetry.decision_log import log_decisions
from dispatcher.telemetry.lag import LoopLag, watch_lag
from dispatcher.telemetry.metrics import Metrics
from dispatcher.telemetry.watchdog import Watchdog, stack_of, watch
from dispatcher.web.assembly import WebApi, build_web
from dispatcher.zone_engine import ZoneEngine
from vehicles.exchange import ConversationRules
from vehicles.fleet import Fleet, FleetRules
from vehicles.link import BrokerAccess, FleetLink, fair_rules
from vehicles.mapping import OrderStyle
from vehicles.topics import parse_topic

# What each search takes on at once: OR-Tools' model grows with the square of its calls.
_PARTS = {
    "neighbourhoods": PartSize(rides=1500, rows=1000),
    "routing": PartSize(rides=120, rows=40),
}

log = structlog.get_logger(__name__)

FLUSH_S: Final = 2.0  # given to the outbox when stopping
# Riders' messages handled at once, more than `service.refuse_above`: what waits for a slow store
# must be seen to be refused. More than these wait at the broker, unacknowledged.
RIDERS_AT_ONCE: Final = 1_000
LARGEST_TOLD_BYTES: Final = 64 * 1024  # a status document of ours that the broker holds


def _watchdog() -> Watchdog:
    """Watches the thread that builds the dispatcher, which is the one that runs it."""
    thread_id = threading.get_ident()
    return Watchdog(lambda: stack_of(thread_id))


@dataclass(slots=True, eq=False)
class Dispatcher:
    """One zone's dispatcher with all its borders, ready to run.

    Whoever adds a border (a web page, say) adds it here: ``service`` takes events in,
    ``desk`` takes riders' messages in, ``operators`` commands; listeners hear of what is decided.
    """

    settings: Settings
    site: Site
    clock: Clock
    journal: Journal
    service: Service
    leadership: Leadership
    desk: RiderDesk
    operators: OperatorDesk
    explainer: Explainer
    outbox: RiderOutbox
    rider_link: MqttLink
    fleet: Fleet
    fleet_border: FleetBorder
    fleet_link: FleetLink
    eraser: PlaceEraser
    improver: ImproverLoop | None
    improver_process: ImproverProcess | None
    charging_process: ChargingProcess | None
    metrics: Metrics
    web: WebApi | None = None
    watches_loop: bool = True
    lag: LoopLag = field(default_factory=LoopLag)
    watchdog: Watchdog = field(default_factory=_watchdog)

    async def run(self) -> None:
        """Serve until ``service.stop`` is called or another dispatcher takes over.

        Stands by first, if another leads. Whenever the lease can no longer be counted on, the
        links are closed, until it can.

        Raises
        ------
        SteppedDownError, DamagedJournal, StoreUnavailable
            As ``Service.run``.
        OSError
            The port of the HTTP API is taken.
        """
        if self.web is not None:
            self.web.server.bind()  # before anything else: a port that is taken is soon known
        deciding = asyncio.create_task(self.service.run())
        keeping = asyncio.create_task(self._keep_lease())
        starting = asyncio.create_task(self._started())
        # Who stands by says so to whoever asks.
        answering = [] if self.web is None else [asyncio.create_task(self.web.run())]
        borders: list[asyncio.Task[None]] = []
        try:
            await _first(deciding, keeping, starting, *answering)
            await _raise_mistakes([keeping, *answering])
            if not deciding.done():
                borders = self._open_borders()
                borders.append(asyncio.create_task(self._stay_linked()))
                await _first(deciding, keeping, *borders, *answering)
                await _raise_mistakes([keeping, *borders, *answering])
            await deciding
            await self._flush()
            await end_tasks(borders)
            await self.leadership.give_back()
        finally:
            await end_tasks([deciding, keeping, starting, *borders, *answering])
            await self.fleet_link.close()
            for process in (self.improver_process, self.charging_process):
                if process is not None:
                    await process.close()

    async def _started(self) -> None:
        await self.service.started.wait()

    async def _keep_lease(self) -> None:
        await self.service.leads.wait()
        try:
            await self.leadership.keep()
        except (StaleEpoch, LeaseOfAnother) as error:
            log.error("stepped_down", reason=str(error))
            raise SteppedDownError(str(error)) from error

    async def _stay_linked(self) -> None:
        """Riders and shuttles have us for as long as we lead."""
        while True:
            links = [
                asyncio.create_task(self.rider_link.run()),
                asyncio.create_task(self.fleet_link.run()),
            ]
            lapse = asyncio.create_task(self.leadership.lapse())
            try:
                await _first(lapse, *links)
                await _raise_mistakes(links)
            finally:
                self.outbox.link_lost()
                await end_tasks([lapse, *links])
            log.error("lease_lapsed", age_s=round(self.leadership.age_s, 1))
            await self.leadership.regain()
            log.info("lease_regained")

    def _open_borders(self) -> list[asyncio.Task[None]]:
        """Only once the state stands: what comes before could not be judged."""
        parts = [
            self.outbox.run(),
            self.fleet_border.run(self.fleet_link),
            self.eraser.run(),
        ]
        if self.watches_loop:
            parts += [watch_lag(self._note_lag), watch(self.watchdog)]
        if self.settings.redis.check_settings:
            parts.append(StoreWatch(self.service, self.journal).run())
        if self.charging_process is not None:
            parts.append(ChargingLoop(self.service, self.charging_process).run())
        if self.improver is not None:
            parts.append(self.improver.run())
        return [asyncio.create_task(part) for part in parts]

    def _note_lag(self, late_s: float) -> None:
        self.metrics.loop_lag_s.observe(late_s)
        self.lag.observe(late_s)

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
    run: str | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    has_ended: Callable[[str], bool] = has_ended,
    new_client: ClientMaker = AcknowledgingClient,
    searcher: Searcher | None = None,
    watches_loop: bool = True,
) -> Dispatcher:
    """Put a dispatcher together; nothing runs yet.

    ``run`` tells it from every other one, drawn if not given; ``has_ended`` as in
    ``Leadership``. ``searcher`` looks for better plans in place of the improver's own process.
    A loop in virtual time is never late: without ``watches_loop`` nobody looks whether it is.
    """
    clock = clock or WallClock()
    metrics = metrics or Metrics()
    engine = ZoneEngine(site)
    engine.warm_up()
    run = run or secrets.token_hex(8)
    owner = settings.service.owner or socket.gethostname()
    leadership = Leadership(
        journal,
        owner=owner,
        run=run,
        times=LeaseTimes(settings.service.lease_s, settings.service.lease_s / 3),
        has_ended=has_ended,
        monotonic=monotonic,
    )
    service = Service(
        engine,
        journal,
        clock,
        ServiceSettings(
            owner=owner,
            run=run,
            epoch_above=settings.service.epoch_above,
            code_version=code_version(),
            inbox=settings.service.inbox,
            refuse_above=settings.service.refuse_above,
            retry_after_s=settings.riders.retry_after_s,
            snapshot_every=settings.service.snapshot_every,
            snapshot_every_s=settings.service.snapshot_every_s,
            keep_days=settings.service.keep_days,
        ),
        leadership=leadership,
        on_append=metrics.on_append,
    )
    if isinstance(clock, WallClock):
        clock.on_jump = lambda by_s: _tell_jump(service, by_s)
    writer = StatusWriter({stop.id: stop for stop in site.zone.stops})
    outbox, desk, rider_link = _rider_border(
        settings,
        site,
        service,
        writer,
        leadership,
        metrics,
        new_trip_id or _new_trip_id,
        monotonic,
        new_client,
    )
    fleet = Fleet(
        _fleet_rules(settings, site),
        report_drop=lambda topic, cause, detail: _log_drop(
            settings.mqtt.interface, topic, cause, detail
        ),
        signer=plan_signer(settings.shuttles.signing_key_file),
    )
    fleet_border = FleetBorder(fleet, service, now=clock.now_exact_s)
    fleet_link = _fleet_link(settings, site, fleet, fleet_border, clock, leadership, new_client)

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
    improver = _improver(settings, service, searcher or process)
    operators, explainer = OperatorDesk(service, site, journal), Explainer(site, journal)
    web = None
    if settings.http.enabled:
        web = build_web(
            settings,
            site,
            service,
            leadership,
            desk,
            operators,
            explainer,
            writer,
            fleet,
            improver,
            metrics,
            journal.trail(),
            monotonic=monotonic,
        )
    return Dispatcher(
        settings=settings,
        site=site,
        clock=clock,
        journal=journal,
        service=service,
        leadership=leadership,
        desk=desk,
        operators=operators,
        explainer=explainer,
        outbox=outbox,
        rider_link=rider_link,
        fleet=fleet,
        fleet_border=fleet_border,
        fleet_link=fleet_link,
        eraser=PlaceEraser(service, journal, kept_s=settings.riders.coordinates_kept_s),
        improver=improver,
        improver_process=process,
        charging_process=(
            ChargingProcess() if any(stop.chargers for stop in site.zone.stops) else None
        ),
        metrics=metrics,
        web=web,
        watches_loop=watches_loop,
    )


def _rider_border(
    settings: Settings,
    site: Site,
    service: Service,
    writer: StatusWriter,
    leadership: Leadership,
    metrics: Metrics,
    new_trip_id: Callable[[], TripId],
    monotonic: Callable[[], float],
    new_client: ClientMaker,
) -> tuple[RiderOutbox, RiderDesk, MqttLink]:
    stops = {stop.id: stop for stop in site.zone.stops}
    topics = RiderTopics(site.zone.id)
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
        client_id=link_name(settings.mqtt.client_id, site.zone.id, Link.RIDERS),
        username=broker.username,
        password=broker.password,
        tls=mqtt_tls(settings.mqtt, Link.RIDERS),
        new_client=new_client,
        session_expiry_s=settings.mqtt.session_expiry_s,
        subscriptions=[
            *(Subscription(topic_filter) for topic_filter in topics.filters()),
            Subscription(
                topics.told(),
                qos=0,
                max_body_bytes=LARGEST_TOLD_BYTES,
                own_too=False,
                required=False,
            ),
        ],
        receive_maximum=RIDERS_AT_ONCE,
        at_once=RIDERS_AT_ONCE,
        lane_of=lambda message: message.topic.rpartition("/")[0],
        on_message=lambda message: desk.on_message(message),
        on_connect=connected,
        on_disconnect=lost,
        on_oversized=lambda topic, size: desk.on_oversized(topic, size),
        on_unreadable=lambda topic, reason: log.info(
            "rider_message_ignored", topic=topic[:200], reason=reason
        ),
        may_send=lambda: leadership.leading,
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


def _fleet_rules(settings: Settings, site: Site) -> FleetRules:
    shuttles = settings.shuttles
    default = Capacity(shuttles.default_seats, shuttles.default_wheelchairs)
    allowed = None if shuttles.allowed is None else frozenset(map(ShuttleId, shuttles.allowed))
    return FleetRules(
        conversation=ConversationRules(
            # Shuttles must count what the engine counts.
            style=OrderStyle(plan_validity_s=site.rules.plan_validity_s),
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
    leadership: Leadership,
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
            mqtt_tls(settings.mqtt, Link.SHUTTLES),
            new_client,
        ),
        client_id=link_name(settings.mqtt.client_id, site.zone.id, Link.SHUTTLES),
        on_events=border.on_events,
        clock=clock.now_exact_s,
        # Where the zone's clock runs fast, its shuttles do, too.
        fair=fair_rules(settings.shuttles.messages_per_s * settings.clock.speed),
        on_connect=lambda session_present: log.info("broker_connected", link="shuttles"),
        on_disconnect=lambda reason, pause_s: _log_broker_awaited(
            "shuttles", broker, reason, pause_s
        ),
        may_send=lambda: leadership.leading,
    )


def _improver_process(settings: ImproverSettings) -> ImproverProcess | None:
    if not settings.enabled:
        return None
    if settings.method == "routing":
        from dispatcher.planning.improver import routing  # OR-Tools takes seconds to load

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


def _tell_jump(service: Service, by_s: float) -> None:
    log.error("clock_jumped", by_s=round(by_s, 1))
    text = (
        f"The machine's clock jumped by {by_s:.0f} s. The dispatcher goes on as before and follows "
        "slowly. Put the clock right; if it is right now, restart the dispatcher."
    )
    service.alert(AlertKind.CLOCK_JUMPED, text)


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
