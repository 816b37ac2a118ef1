"""What a running dispatcher shows of itself: numbers for metrics, and a health report."""

from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING

from dispatcher.demand_readings import demand_health
from dispatcher.engine import Site
from dispatcher.leadership import Role
from dispatcher.promise_readings import promise_health, promise_readings
from dispatcher.queue_readings import queue_readings
from dispatcher.shuttle_status import shuttle_status
from dispatcher.telemetry.health import (
    BrokerHealth,
    HealthReport,
    ImproverReport,
    JournalHealth,
    LeaderHealth,
    LoopHealth,
    ShuttleHealth,
)
from dispatcher.telemetry.metrics import Metrics, Reading

if TYPE_CHECKING:
    from dispatcher.bootstrap import Dispatcher


def add_readings(metrics: Metrics, dispatcher: "Dispatcher") -> None:
    """Show sizes and states on the metrics page."""
    service, outbox, link = dispatcher.service, dispatcher.outbox, dispatcher.rider_link
    fleet, fleet_link = dispatcher.fleet, dispatcher.fleet_link
    leadership = dispatcher.leadership

    def trips() -> dict[str, float]:
        return dict(Counter(str(trip.state) for trip in service.core.state.trips.values()))

    def shuttles() -> dict[str, float]:
        all_shuttles = service.core.state.shuttles.values()
        return dict(Counter(str(shuttle_status(shuttle)) for shuttle in all_shuttles))

    def drops() -> dict[str, float]:
        return {
            **fleet.drops,
            "rider_outbox": outbox.counts.dropped,
            "rider_oversized": link.counts.oversized,
            "rider_unreadable": link.counts.unreadable,
            "rider_qos0": link.dropped,
            "shuttle_replaced": fleet_link.replaced,
            "shuttle_senders": fleet_link.dropped,
            "shuttle_publishes": fleet_link.publishes_failed,
        }

    def connected() -> dict[str, float]:
        return {"riders": link.connected, "shuttles": fleet_link.connected}

    def received() -> dict[str, float]:
        return {"riders": link.counts.received, "shuttles": fleet_link.received}

    def one(number: float) -> dict[str, float]:
        return {"": number}

    metrics.readings += [
        Reading("trips_known", "Trips remembered, by state", trips, "state"),
        Reading("shuttles", "Shuttles, by status", shuttles, "status"),
        *queue_readings(dispatcher),
        Reading("messages_received", "Over MQTT", received, "link", total=True),
        Reading("drops", "Messages dropped, by cause", drops, "cause", total=True),
        Reading("broker_connected", "Links to the broker", connected, "link"),
        Reading("journal_position", "Last event decided", lambda: one(service.core.position)),
        Reading("epoch", "Of this dispatcher", lambda: one(service.health.epoch)),
        Reading(
            "store_faults",
            "Why it could lose events",
            lambda: one(len(service.health.store_faults)),
        ),
        Reading("leading", "Whether this dispatcher leads", lambda: one(leadership.leading)),
        Reading("lease_age_seconds", "Since it was renewed", lambda: one(leadership.age_s)),
        Reading(
            "events_set_aside", "That failed twice", lambda: one(len(service.health.set_aside))
        ),
        Reading(
            "store_reachable", "The journal's store", lambda: one(service.health.store_reachable)
        ),
    ]
    web = dispatcher.web
    if web is not None:
        hub = web.parts.hub
        metrics.readings.append(Reading("http_streams", "Live streams", lambda: one(len(hub))))
    lag, watchdog = dispatcher.lag, dispatcher.watchdog
    metrics.readings += [
        Reading("loop_lag_p99_seconds", "Over the last minute", lambda: one(lag.p99_s)),
        Reading("loop_lag_max_seconds", "Over the last minute", lambda: one(lag.max_s)),
        Reading("loop_blocked", "Times it was stuck", lambda: one(watchdog.stuck), total=True),
    ]
    metrics.readings += promise_readings(lambda: service.core.state)
    improver, process = dispatcher.improver, dispatcher.improver_process
    if improver is not None and process is not None:
        metrics.readings += [
            Reading("improver_asked", "Questions", lambda: one(improver.health.asked), total=True),
            Reading(
                "improver_proposed", "Answers", lambda: one(improver.health.improved), total=True
            ),
            Reading("improver_starts", "Processes", lambda: one(process.starts), total=True),
        ]
    charging = dispatcher.charging_process
    if charging is not None:
        metrics.readings += [
            Reading("charging_starts", "Processes", lambda: one(charging.starts), total=True),
            Reading(
                "charging_failures", "Without a choice", lambda: one(charging.failures), total=True
            ),
        ]
    metrics.readings += [
        Reading("told_again", "Statuses", lambda: one(outbox.counts.again), total=True),
        Reading("told_corrected", "Statuses", lambda: one(outbox.counts.corrected), total=True),
    ]


def health_report(site: Site, dispatcher: "Dispatcher | None") -> HealthReport:
    """How it is right now; without a dispatcher the store is still awaited."""
    if dispatcher is None:
        return HealthReport(
            ok=False,
            problems=("the store is awaited",),
            zone=site.zone.id,
            version=version("ringmaster"),
            inbox=0,
            broker=BrokerHealth(riders_connected=False, shuttles_connected=False),
            journal=JournalHealth(
                reachable=False,
                position=0,
                epoch=0,
                last_snapshot=0,
                set_aside=(),
                replay_differs_at=None,
            ),
            shuttles=ShuttleHealth(heard=0, silent=0),
            improver=ImproverReport(enabled=False, asked=0, improved=0, last="not started"),
        )
    service, improver = dispatcher.service, dispatcher.improver
    health = service.health
    shuttles = service.core.state.shuttles.values()
    silent = sum(shuttle.silent for shuttle in shuttles)
    problems = _problems(dispatcher)
    return HealthReport(
        ok=not problems,
        problems=problems,
        zone=site.zone.id,
        version=version("ringmaster"),
        inbox=service.waiting,
        broker=BrokerHealth(
            riders_connected=dispatcher.rider_link.connected,
            shuttles_connected=dispatcher.fleet_link.connected,
        ),
        journal=JournalHealth(
            reachable=health.store_reachable,
            position=service.core.position,
            epoch=health.epoch,
            last_snapshot=health.last_snapshot,
            set_aside=tuple(sorted(health.set_aside)),
            replay_differs_at=(
                (health.difference.first, health.difference.last) if health.difference else None
            ),
        ),
        leadership=_leader_health(dispatcher),
        shuttles=ShuttleHealth(heard=len(shuttles) - silent, silent=silent),
        improver=ImproverReport(
            enabled=improver is not None,
            asked=improver.health.asked if improver else 0,
            improved=improver.health.improved if improver else 0,
            last=improver.health.last if improver else "switched off",
        ),
        loop=LoopHealth(
            lag_p99_ms=round(1000 * dispatcher.lag.p99_s),
            lag_max_ms=round(1000 * dispatcher.lag.max_s),
            blocked=dispatcher.watchdog.stuck,
        ),
        promises=promise_health(service.core.state),
        demand=demand_health(service.core.state),
    )


def _leader_health(dispatcher: "Dispatcher") -> LeaderHealth:
    leadership, service = dispatcher.leadership, dispatcher.service
    return LeaderHealth(
        role=leadership.role,
        leader=leadership.leader,
        epoch=service.health.epoch,
        lease_age_s=round(leadership.age_s, 1),
        followed_to=service.followed_to,
    )


def _problems(dispatcher: "Dispatcher") -> tuple[str, ...]:
    """Why a rider who asks now would not be answered, or shuttles not told."""
    service = dispatcher.service
    found: list[str] = []
    role = dispatcher.leadership.role
    if role is Role.STANDBY and not service.ending:
        return (f"standing by for {dispatcher.leadership.leader or 'the store'}",)
    if role is Role.LAPSED:
        found.append("the lease cannot be renewed")
    if not service.health.running:
        found.append("the dispatcher is starting or has ended")
    elif not service.health.store_reachable:
        found.append("the store does not answer")
    elif service.health.store_faults:
        found += service.health.store_faults
    elif not service.accepting:
        found.append("too much is waiting to be decided")
    if dispatcher.outbox.full:
        found.append("too many riders wait for word of their trips")
    if not dispatcher.rider_link.connected:
        found.append("the broker is not connected for riders")
    if not dispatcher.fleet_link.connected:
        found.append("the broker is not connected for shuttles")
    return tuple(found)
