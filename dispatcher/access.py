"""Who may do what over MQTT: the one table, and mosquitto's files made from it. Pure.

A certificate's name is its holder's user name and client id at the broker. The names of one
kind of client cannot be those of another: a shuttle's has a colon, a rider's has none, and the
few others are listed by name.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dispatcher.riders.topics import ROOT, RiderTopic
from vehicles.topics import FROM_VEHICLE, TO_VEHICLE, VehicleName, topic_filter, topic_of

RIDER_GATEWAY: Final = "rider-gateway"
MOST_NAME: Final = 64  # characters of a certificate's common name
MADE_BY: Final = "# Made by `ringmaster broker-config`; it writes over what is changed here."
_LEVEL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")  # no file or option by chance
TOLD_TO_RIDERS: Final = ("trip/+", "error", "reply/#")  # below a rider's topics


class Access(StrEnum):
    """In mosquitto's words; what is not allowed is denied, ``DENY`` also what a pattern allows."""

    READ = "read"
    WRITE = "write"
    DENY = "deny"


class Link(StrEnum):
    """The dispatcher's two connections for one zone; each has a name of its own."""

    RIDERS = "riders"
    SHUTTLES = "shuttles"


@dataclass(frozen=True, slots=True)
class Rule:
    access: Access
    topic_filter: str


@dataclass(frozen=True, slots=True)
class Served:
    """What one broker serves. ``client_id`` is the dispatcher's ``mqtt.client_id``."""

    zones: tuple[str, ...]
    shuttles: tuple[VehicleName, ...]
    client_id: str = "ringmaster"
    interface: str = "uagv"


def link_name(client_id: str, zone: str, link: Link) -> str:
    """The name of one of the dispatcher's links, also of those that stand by."""
    return f"{client_id}-{zone}-{link}"


def shuttle_name(vehicle: VehicleName) -> str:
    """A shuttle's name at the broker: its id, as everywhere else. ``ValueError`` for a bad one."""
    for level in (vehicle.manufacturer, vehicle.serial_number):
        if not _LEVEL.fullmatch(level):
            raise ValueError(
                f"shuttle {vehicle.shuttle_id!r}: use letters, digits and _ . : - in names"
            )
    return checked_name(vehicle.shuttle_id)


def checked_name(name: str) -> str:
    """The name, if a certificate and an access rule can carry it; else ``ValueError``."""
    if not _LEVEL.fullmatch(name):
        raise ValueError(f"{name!r}: use letters, digits and _ . : - in names")
    if len(name) > MOST_NAME:
        raise ValueError(f"{name!r} is longer than the {MOST_NAME} letters a certificate takes")
    return name


def rider_rules(zones: Iterable[str], rider: str) -> Iterator[Rule]:
    """What a rider may do, below the topics of that rider alone."""
    for zone in zones:
        root = f"{ROOT}/{zone}/rider/{rider}"
        yield from (Rule(Access.WRITE, f"{root}/{kind}") for kind in RiderTopic)
        yield from (Rule(Access.READ, f"{root}/{told}") for told in TOLD_TO_RIDERS)


def named_rules(served: Served) -> dict[str, tuple[Rule, ...]]:
    """The rules of everyone who is no rider, by name. None of them is a rider as well."""
    zones = served.zones
    rules: dict[str, tuple[Rule, ...]] = {
        RIDER_GATEWAY: (*_no_rider(RIDER_GATEWAY), *rider_rules(zones, "+"))
    }
    for zone in zones:
        name = link_name(served.client_id, zone, Link.RIDERS)
        rules[name] = (*_no_rider(name), *_riders_link(zone))
        name = link_name(served.client_id, zone, Link.SHUTTLES)
        rules[name] = (Rule(Access.DENY, f"{ROOT}/#"), *_shuttles_link(served.interface))
    for vehicle in served.shuttles:
        rules[shuttle_name(vehicle)] = (
            Rule(Access.DENY, f"{ROOT}/#"),
            *_shuttle(served.interface, vehicle),
        )
    return rules


def acl_text(served: Served) -> str:
    """mosquitto's ``acl_file``. The rules for riders hold for every name; the rest for one each."""
    lines = [MADE_BY, "", "# Riders: each below the topics of its own name (%u)."]
    lines += [f"pattern {r.access} {r.topic_filter}" for r in rider_rules(served.zones, "%u")]
    for name, rules in named_rules(served).items():
        lines += ["", f"user {name}"]
        lines += [f"topic {rule.access} {rule.topic_filter}" for rule in rules]
    return "\n".join(lines) + "\n"


def config_text(*, port: int, bind: str, files: str, data: str) -> str:
    """``mosquitto.conf``. ``files`` and ``data`` are folders as mosquitto finds them."""
    return _CONFIG.format(
        made_by=MADE_BY, listener=f"{port} {bind}".strip(), files=files, data=data
    )


def _no_rider(name: str) -> Sequence[Rule]:
    return (Rule(Access.DENY, f"{ROOT}/+/rider/{name}/#"),)


def _riders_link(zone: str) -> Iterator[Rule]:
    root = f"{ROOT}/{zone}/rider/+"
    yield from (Rule(Access.READ, f"{root}/{kind}") for kind in RiderTopic)
    # What it told itself, and whoever led before it: old documents are replaced.
    yield Rule(Access.READ, f"{root}/trip/+")
    yield from (Rule(Access.WRITE, f"{root}/{told}") for told in TOLD_TO_RIDERS)


def _shuttles_link(interface: str) -> Iterator[Rule]:
    yield from (Rule(Access.READ, topic_filter(interface, topic)) for topic in FROM_VEHICLE)
    yield from (Rule(Access.WRITE, topic_filter(interface, topic)) for topic in TO_VEHICLE)


def _shuttle(interface: str, vehicle: VehicleName) -> Iterator[Rule]:
    yield from (Rule(Access.WRITE, topic_of(interface, vehicle, t)) for t in FROM_VEHICLE)
    yield from (Rule(Access.READ, topic_of(interface, vehicle, t)) for t in TO_VEHICLE)


_CONFIG: Final = """\
{made_by}
listener {listener}

# Nobody comes in without a certificate of this authority, and the name in it is the user name
# and the client id, whatever the client calls itself: nobody can take another's connection,
# session or topics.
cafile {files}/ca.crt
certfile {files}/broker.crt
keyfile {files}/broker.key
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {files}/acl

# Small messages must not wait for others to fill a packet.
set_tcp_nodelay true

persistence true
persistence_location {data}/
autosave_interval 60
persistent_client_expiration 1d

# Bounds on what one client may hold up; see deploy/mosquitto.conf.
max_inflight_messages 1000
max_queued_messages 10000
max_packet_size 262144
"""
