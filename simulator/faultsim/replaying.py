"""What the journal gives when it is decided again, beside what the living said and did then."""

from collections.abc import Mapping, Sequence
from typing import Final

from dispatcher.codec import EventRecord, SetAsideRecord, ZoneRecord, decode_payload
from dispatcher.core import DispatchCore, Ground
from dispatcher.domain.events import RequestSubmitted
from dispatcher.domain.zone import Point
from dispatcher.engine import Site
from dispatcher.zone_engine import ZoneEngine
from simulator.faultsim.dispatcher_node import PLACES_KEPT_S
from simulator.faultsim.watch import Watch

CLOCK_AHEAD_S: Final = 10  # a dispatcher's clock that follows one that was wrong, by a tenth
_ROUNDED_S: Final = 1
ERASED_WITHIN_S: Final = 300
"""From then on, in the quiet phase: a look a minute, a snapshot made before."""


def check_replay(
    site: Site,
    payloads: Sequence[bytes],
    digests: Mapping[int, str],
    live: DispatchCore | None,
    watch: Watch,
) -> DispatchCore:
    """Decide everything again from zero, in a state of its own.

    ``digests`` are those that living dispatchers had at some positions, restarts from snapshots
    included; ``live`` is the core of the last one.
    """
    engine = ZoneEngine(site)
    core = DispatchCore(engine)
    records = [decode_payload(payload) for payload in payloads]
    aside = {record.position for record in records if isinstance(record, SetAsideRecord)}
    for position, record in enumerate(records, start=1):
        if isinstance(record, EventRecord) and position not in aside:
            core.apply(record.event)
        elif isinstance(record, ZoneRecord):
            core.move_to(Ground(record.rules, record.zone))
        else:
            core.skip()
        told = digests.get(position)
        if told is not None and told != core.digest:
            watch.violate(
                "replay_equals_live", f"other decisions than the living's by record {position}", "r"
            )
            break
    if live is not None and (live.position, live.digest) == (core.position, core.digest):
        if engine.state_digest(live.state) != engine.state_digest(core.state):
            watch.violate("replay_equals_live", "the same decisions, but another state")
    elif live is not None:
        watch.violate(
            "replay_equals_live", f"the journal ends at {core.position}, the living {live.position}"
        )
    return core


def check_places(
    payloads: Sequence[bytes],
    core: DispatchCore,
    erased_s: Mapping[int, float],
    now_s: float,
    watch: Watch,
    *,
    clocks_jump: bool,
) -> None:
    """Each rider's place was erased once its time had come, and none before.

    ``core`` stands at the end of the journal and remembers when each trip ended; ``erased_s`` is
    when the store forgot the whole of a record.
    """
    early_s = CLOCK_AHEAD_S if clocks_jump else _ROUNDED_S
    for position, payload in enumerate(payloads, start=1):
        record = decode_payload(payload)
        if not isinstance(record, EventRecord) or not isinstance(record.event, RequestSubmitted):
            continue
        request = record.event.request
        if not isinstance(request.origin, Point) and not isinstance(request.destination, Point):
            continue
        trip = core.state.trips.get(request.trip_id)
        ended_s = None if trip is None else trip.ended_s
        gone_s = erased_s.get(position)
        due_s = None if ended_s is None else ended_s + PLACES_KEPT_S
        if gone_s is not None and (due_s is None or gone_s < due_s - early_s):
            watch.violate("place_erased_early", f"{request.trip_id} at {gone_s}, due {due_s}")
        if gone_s is None and due_s is not None and due_s + ERASED_WITHIN_S < now_s:
            watch.violate("place_not_erased", f"{request.trip_id}, due {due_s}, at {now_s}")
