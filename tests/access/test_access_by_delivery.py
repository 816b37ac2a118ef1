"""Every MQTT identity and every class of topics, judged by what is delivered.

A broker's answers prove nothing: mosquitto acknowledges what it then drops, and grants
subscriptions to which it delivers nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import aiomqtt
import pytest
from secured import FILES, RIDERS, SHUTTLES, UNLISTED, WITNESS, ZONES, Secured, attempt, listening
from secured import secured_broker as secured_broker_in

from dispatcher.access import TOLD_TO_RIDERS
from dispatcher.riders.topics import RiderTopic
from vehicles.topics import Topic

pytestmark = pytest.mark.broker

RIDERS_LINK, SHUTTLES_LINK, GATEWAY = "riders link", "shuttles link", "rider gateway"
OWN_SHUTTLE, OWN_RIDER = "the shuttle itself", "the rider itself"


@dataclass(frozen=True)
class Row:
    """Who may write a class of topics, and who may read it."""

    write: set[str]
    read: set[str]


FROM_SHUTTLE = Row(write={OWN_SHUTTLE}, read={SHUTTLES_LINK})
TO_SHUTTLE = Row(write={SHUTTLES_LINK}, read={OWN_SHUTTLE})
FROM_RIDER = Row(write={OWN_RIDER, GATEWAY}, read={RIDERS_LINK})
TO_RIDER = Row(write={RIDERS_LINK}, read={OWN_RIDER, GATEWAY})
NOBODY = Row(write=set(), read=set())

SHUTTLE_ROWS = {
    "state": FROM_SHUTTLE,
    "connection": FROM_SHUTTLE,
    "factsheet": FROM_SHUTTLE,
    "visualization": FROM_SHUTTLE,
    "order": TO_SHUTTLE,
    "instantActions": TO_SHUTTLE,
}
RIDER_ROWS = {
    "request": FROM_RIDER,
    "answer": FROM_RIDER,
    "cancel": FROM_RIDER,
    # The dispatcher looks for documents that one before it left there.
    "trip/+": Row(write={RIDERS_LINK}, read={OWN_RIDER, GATEWAY, RIDERS_LINK}),
    "error": TO_RIDER,
    "reply/#": TO_RIDER,
}
ELSEWHERE = (
    "elsewhere",
    "uagv/v2/acme/s01",
    "uagv/v2/acme/s01/unknown",
    "uagv/v2/acme/s01/state/more",
    "uagv/v3/acme/s01/state",
    "other/v2/acme/s01/order",
    "ringmaster/v1/north/other",
    "ringmaster/v2/north/rider/ana/request",
    "ringmaster/v1/north/rider/ana",
    "ringmaster/v1/north/rider/ana/request/more",
    "ringmaster/v1/north/rider/ana/trip",
    "ringmaster/v1/north/rider/ana/trip/t1/more",
)
IDENTITIES = tuple(name for name in FILES if name != WITNESS)
# Riders' topics of names that are no riders', too: having a name must not give those.
NAMES = (*RIDERS, "acme:s01", UNLISTED, "rider-gateway", "ringmaster-north-riders")


@dataclass(frozen=True)
class Place:
    """A topic, of which class it is, and whose."""

    topic: str
    row: Row
    owner: str = ""
    zone: str = ""


def places() -> Iterator[Place]:
    for owner in (*SHUTTLES, UNLISTED):
        for kind, row in SHUTTLE_ROWS.items():
            yield Place(f"uagv/v2/{owner.replace(':', '/')}/{kind}", row, owner)
    for zone in (*ZONES, "west"):
        for owner in NAMES:
            for kind, row in RIDER_ROWS.items():
                leaf = kind.replace("+", "t1").replace("#", "a/b")
                yield Place(f"ringmaster/v1/{zone}/rider/{owner}/{leaf}", row, owner, zone)
    for topic in ELSEWHERE:
        yield Place(topic, NOBODY)


PLACES = {place.topic: place for place in places()}


def parts_of(identity: str, place: Place) -> set[str]:
    """What the identity is to this topic."""
    is_riders = place.zone in ZONES
    if identity.startswith("ringmaster-"):
        _, zone, link = identity.split("-")
        if link == "shuttles":
            return set() if place.zone else {SHUTTLES_LINK}
        return {RIDERS_LINK} if place.zone == zone and place.owner != identity else set()
    if identity == "rider-gateway":
        return {GATEWAY} if is_riders and place.owner != identity else set()
    if place.owner != identity:
        return set()
    if identity in SHUTTLES:
        return set() if place.zone else {OWN_SHUTTLE}
    # Who is not listed is a rider of that name, and a name with a colon is none that counts.
    return {OWN_RIDER} if is_riders else set()


def allowed(access: str) -> set[tuple[str, str]]:
    """The pairs of identity and topic for which something must be delivered."""
    return {
        (identity, topic)
        for identity in IDENTITIES
        for topic, place in PLACES.items()
        if parts_of(identity, place) & getattr(place.row, access)
    }


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_broker_in(tmp_path_factory.mktemp("secured")) as secured:
        yield secured


def test_every_class_of_topics_has_a_row() -> None:
    assert set(SHUTTLE_ROWS) == {topic.value for topic in Topic}
    assert set(RIDER_ROWS) == {topic.value for topic in RiderTopic} | set(TOLD_TO_RIDERS)


def test_every_identity_may_do_something_and_nobody_everything() -> None:
    cells = len(IDENTITIES) * len(PLACES)
    assert cells == 10 * (3 * 6 + 3 * 6 * 6 + 12)
    for access in ("write", "read"):
        pairs = allowed(access)
        assert {identity for identity, _ in pairs} == set(IDENTITIES)
        assert len(pairs) < cells / 10


@pytest.mark.parametrize(
    ("protocol", "retain"),
    [
        (aiomqtt.ProtocolVersion.V5, False),
        (aiomqtt.ProtocolVersion.V311, True),
    ],
)
async def test_what_is_published_arrives_from_who_may_write(
    secured: Secured, protocol: aiomqtt.ProtocolVersion, retain: bool
) -> None:
    async with listening(secured, WITNESS, "#") as witness:
        for identity in IDENTITIES:
            async with secured.client(identity, identity, protocol=protocol) as client:
                for topic in PLACES:
                    await client.publish(topic, identity, qos=1, retain=retain)
        arrived = [(str(m.payload, "utf-8"), str(m.topic)) for m in await witness.heard()]
        for topic in PLACES if retain else ():
            await witness.client.publish(topic, b"", qos=1, retain=True)
    assert sorted(arrived) == sorted(allowed("write"))


async def test_last_wills_arrive_from_who_may_write(secured: Secured) -> None:
    # The others differ from these in zone or owner only.
    of_others = (
        "/south/",
        "/west/",
        "/s99/",
        "/ben/",
        f"/{UNLISTED}/",
        "/ringmaster-north-riders/",
    )
    topics = [topic for topic in PLACES if not any(part in topic for part in of_others)]
    async with listening(secured, WITNESS, "#") as witness:
        for identity in IDENTITIES:
            # Each takes over from the one before, whose will the broker publishes then.
            clients = [
                attempt(secured, secured.tls(identity), will_topic=topic, payload=identity)
                for topic in topics
            ]
            async with secured.client(identity):
                pass
            for client in clients:
                client._sock_close()
        arrived = [(str(m.payload, "utf-8"), str(m.topic)) for m in await witness.heard()]
    expected = {(identity, topic) for identity, topic in allowed("write") if topic in topics}
    assert sorted(arrived) == sorted(expected)


FILTERS = {
    "everything": ["#"],
    "each": list(PLACES),
    "levels": ["+", "+/+/+/+/+", "+/v1/+/rider/+/+", "+/+/+/+/+/+/+", "ringmaster/#", "uagv/#"],
    "shared": ["$share/group/#"],
}


@pytest.mark.parametrize(
    ("filters", "retained"),
    # What is retained is never sent to groups.
    [(name, kept) for name in FILTERS for kept in (False, True) if not (kept and name == "shared")],
)
async def test_what_is_published_is_delivered_to_who_may_read(
    secured: Secured, filters: str, retained: bool
) -> None:
    delivered: set[tuple[str, str]] = set()
    async with secured.client(WITNESS) as witness:
        for topic in PLACES if retained else ():
            await witness.publish(topic, b"kept", qos=1, retain=True)
        for identity in IDENTITIES:
            async with listening(secured, identity, *FILTERS[filters]) as listener:
                for topic in () if retained else PLACES:
                    await witness.publish(topic, b"said", qos=1)
                delivered |= {(identity, str(m.topic)) for m in await listener.heard()}
        for topic in PLACES if retained else ():
            await witness.publish(topic, b"", qos=1, retain=True)
    assert delivered == allowed("read")


async def test_the_brokers_own_figures_are_for_nobody(secured: Secured) -> None:
    for identity in IDENTITIES:
        async with listening(secured, identity, "$SYS/#") as listener:
            assert await listener.heard() == []
    async with listening(secured, WITNESS, "$SYS/#") as witness:
        assert await witness.heard()  # there are some
