"""What the journal gives when it is decided again, beside what the living said at the time."""

from collections.abc import Mapping, Sequence

from dispatcher.codec import EventRecord, SetAsideRecord, ZoneRecord, decode_payload
from dispatcher.core import DispatchCore, Ground
from dispatcher.engine import Site
from dispatcher.zone_engine import ZoneEngine
from simulator.faultsim.watch import Watch


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
