"""Every queue of the dispatcher: how much waits in it, and how much may.

docs/operations.md has the same in words, with what happens when a queue is full.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dispatcher import bootstrap, fair_intake, fleet_border, mqtt
from dispatcher.riders import outbox
from dispatcher.telemetry.metrics import Reading
from dispatcher.web import live
from vehicles import durable_first, link

if TYPE_CHECKING:
    from dispatcher.bootstrap import Dispatcher


@dataclass(frozen=True, slots=True)
class Queue:
    """``name`` is the metric's label; ``bounded_by`` the setting or constant, as it is called.

    ``held_in`` says which attributes of which modules hold what waits.
    """

    name: str
    size: Callable[["Dispatcher"], int]
    bound: Callable[["Dispatcher"], int]
    bounded_by: str
    held_in: tuple[str, ...]


def _most_shuttles(d: "Dispatcher") -> int:
    return d.settings.shuttles.most


def _trips(d: "Dispatcher") -> int:
    return len(d.service.core.state.trips) + outbox.OutboxSettings().most_waiting


_FAIR = fair_intake.FairRules()

QUEUES: Final = (
    Queue(
        "inbox",
        lambda d: d.service.waiting,
        lambda d: d.settings.service.inbox,
        "service.inbox",
        ("dispatcher.service:_backlog", "dispatcher.backlog:_waiting"),
    ),
    Queue(
        "handed_in",
        lambda d: d.service.unsettled,
        lambda d: bootstrap.RIDERS_AT_ONCE + 2 * _most_shuttles(d) + 2,
        "RIDERS_AT_ONCE + 2 x shuttles.most + 2",
        ("dispatcher.service:_unsettled",),
    ),
    Queue(
        "rider_link",
        lambda d: d.rider_link.unacknowledged,
        lambda d: bootstrap.RIDERS_AT_ONCE,
        "RIDERS_AT_ONCE",
        ("dispatcher.mqtt:_lanes", "dispatcher.mqtt_messages:_open"),
    ),
    Queue(
        "rider_link_qos0",
        lambda d: d.rider_link.waiting,
        lambda d: mqtt.QOS0_WAITING + bootstrap.RIDERS_AT_ONCE,
        "QOS0_WAITING + RIDERS_AT_ONCE",
        ("dispatcher.mqtt:_intake", "dispatcher.mqtt:_inbox", "dispatcher.queues:_waiting"),
    ),
    Queue(
        "rider_outbox",
        lambda d: len(d.outbox),
        _trips,
        "OutboxSettings.most_waiting + trips known",
        ("dispatcher.riders.outbox:_documents", "dispatcher.riders.outbox:_ready"),
    ),
    Queue(
        "told_again",
        lambda d: d.outbox.telling_again,
        _trips,
        "trips known",
        ("dispatcher.riders.told:_again",),
    ),
    Queue(
        "ends",
        lambda d: d.outbox.ends_waiting,
        _trips,
        "trips known",
        ("dispatcher.riders.outbox:_ends",),
    ),
    Queue(
        "rider_publishes",
        lambda d: d.rider_link.publishing,
        lambda d: mqtt.PUBLISHES_WAITING,
        "PUBLISHES_WAITING",
        ("dispatcher.mqtt_client:_unconfirmed",),
    ),
    Queue(
        "shuttle_link",
        lambda d: d.fleet_link.unacknowledged,
        lambda d: link.AT_ONCE,
        "AT_ONCE",
        ("dispatcher.mqtt_messages:_open",),
    ),
    Queue(
        "shuttle_intake",
        lambda d: d.fleet_link.waiting,
        lambda d: (_FAIR.most_waiting + len(link.NEWEST_ONLY)) * _FAIR.most_senders,
        "FairRules.most_waiting + 3, of each of FairRules.most_senders",
        (
            "vehicles.link:_intake",
            "dispatcher.fair_intake:_queues",
            "dispatcher.fair_intake:_ready",
            "dispatcher.fair_intake:waiting",
        ),
    ),
    Queue(
        "shuttle_events",
        lambda d: d.fleet_link.undurable,
        _most_shuttles,
        "shuttles.most",
        ("vehicles.durable_first:_undurable",),
    ),
    Queue(
        "shuttle_held_back",
        lambda d: d.fleet_link.held_back,
        lambda d: durable_first.MOST_HELD_BACK * _most_shuttles(d),
        "MOST_HELD_BACK x shuttles.most",
        ("vehicles.durable_first:_held_back",),
    ),
    Queue(
        "shuttle_outbox",
        lambda d: len(d.fleet_border),
        lambda d: fleet_border.MOST_WAITING,
        "MOST_WAITING",
        ("dispatcher.fleet_border:_waiting",),
    ),
    Queue(
        "shuttle_publishes",
        lambda d: d.fleet_link.publishing,
        lambda d: mqtt.PUBLISHES_WAITING,
        "PUBLISHES_WAITING",
        ("dispatcher.mqtt_client:_unconfirmed",),
    ),
    Queue(
        "live_streams",
        lambda d: 0 if d.web is None else d.web.parts.hub.waiting,
        lambda d: live.MOST_WAITING * d.settings.http.streams,
        "MOST_WAITING x http.streams",
        ("dispatcher.web.live:_waiting",),
    ),
)


def queue_readings(dispatcher: "Dispatcher") -> list[Reading]:
    """How much waits where, and how much may."""

    def sizes() -> dict[str, float]:
        return {queue.name: queue.size(dispatcher) for queue in QUEUES}

    def bounds() -> dict[str, float]:
        return {queue.name: queue.bound(dispatcher) for queue in QUEUES}

    return [
        Reading("waiting", "What waits, by queue", sizes, "queue"),
        Reading("waiting_bound", "How much may wait, by queue", bounds, "queue"),
    ]
