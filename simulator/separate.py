"""Simulated shuttles and riders as processes of their own, against a given broker.

Then shuttles do not know who stands at a stop: nearly everybody is there when the doors open.
Riders learn from their trip's status that they have boarded.
"""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog

from dispatcher.clock import Clock, ScaledClock, WallClock
from dispatcher.domain.trips import ENDS
from dispatcher.streets.zones import load_zone
from simulator.concourse import Concourse, Strangers
from simulator.demand import Demand, DemandShares
from simulator.live_parts import RiderLink, ShuttleLinks
from simulator.vehicle import FleetPlan
from simulator.wire_record import WireRecord
from vehicles.link import BrokerAccess

log = structlog.get_logger(__name__)

# The speed, and what the zone's clock (UTC seconds) showed at which moment of the real one.
ZoneTime = tuple[float, int | None, float | None]


class SeparateError(Exception):
    """The command cannot do what it was asked; the text says what to change."""


def run_shuttles(
    broker_url: str,
    zone_name: str,
    shuttles: int,
    *,
    seed: int,
    interface: str,
    time: ZoneTime,
    memory_dir: Path | None = None,
    record_file: Path | None = None,
) -> None:
    """Drive until told to stop. With ``memory_dir`` a fleet that was killed goes on from there."""
    clock = zone_clock(time)
    broker = broker_access(broker_url)
    zone = load_zone(zone_name)
    plan = FleetPlan(shuttles, battery_pct=(55.0, 100.0), spread=True, interface=interface)

    async def main(record: WireRecord | None) -> None:
        links = ShuttleLinks(
            zone,
            plan,
            Strangers(seed),
            broker,
            clock,
            speed=time[0],
            seed=seed,
            memory_dir=memory_dir,
            record=record,
        )

        async def drive() -> None:
            telling = asyncio.create_task(_tell_connected(links, shuttles, broker))
            try:
                await links.run()
            finally:
                telling.cancel()

        await _until_stopped(drive)

    with _recording(record_file) as record:
        asyncio.run(main(record))


def run_riders(
    broker_url: str,
    zone_name: str,
    riders_per_hour: float,
    *,
    requests: int | None,
    for_s: float | None,
    seed: int,
    name: str,
    now_only: bool = False,
    time: ZoneTime,
    record_file: Path | None = None,
) -> dict[str, int]:
    """Ask for trips; with a limit, until all are over. Answers how many ended in which way."""
    clock = zone_clock(time)
    broker = broker_access(broker_url)
    zone = load_zone(zone_name)
    # Another run's riders may still be remembered under their ids.
    name = name or f"r{clock.now_s() % 10_000_000}x"
    shares = DemandShares(depart_at=0.0, arrive_by=0.0) if now_only else DemandShares()
    demand = Demand.of(zone, seed, riders_per_hour=riders_per_hour, shares=shares, name=name)

    async def main(record: WireRecord | None) -> dict[str, int]:
        link = RiderLink(
            demand,
            Concourse(),
            broker,
            clock,
            speed=time[0],
            client_id=f"ringmaster-sim-{name}",
            record=record,
        )

        async def ask() -> None:
            carrying = asyncio.create_task(link.run())
            try:
                await asyncio.wait(
                    [carrying, asyncio.create_task(_ask(link, requests, for_s))],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if carrying.done():
                    carrying.result()
            finally:
                carrying.cancel()
                await asyncio.gather(carrying, return_exceptions=True)

        await _until_stopped(ask)
        return _counts(link)

    with _recording(record_file) as record:
        return asyncio.run(main(record))


def zone_clock(time_of_zone: ZoneTime) -> Clock:
    """The clock that every process of an accelerated zone shares; the wall's at speed 1."""
    speed, start_s, anchor_s = time_of_zone
    if speed == 1.0 and start_s is None:
        return WallClock()
    if start_s is None or anchor_s is None:
        raise SeparateError(
            "another speed than 1 needs --clock-start and --clock-anchor, the same as the "
            "dispatcher's"
        )
    return ScaledClock.anchored(speed, start_s, anchor_s)


def broker_access(url: str) -> BrokerAccess:
    """Where a broker is, from ``mqtt://[user:password@]host[:port]``."""
    problem = f"{url!r} is not a broker's address; write mqtt://host:port"
    try:
        parts = urlsplit(url)
        port = parts.port or 1883
    except ValueError as error:
        raise SeparateError(problem) from error
    if parts.scheme != "mqtt" or not parts.hostname:
        raise SeparateError(problem)
    return BrokerAccess(parts.hostname, port, _plain(parts.username), _plain(parts.password))


def _recording(path: Path | None) -> contextlib.AbstractContextManager[WireRecord | None]:
    return contextlib.nullcontext() if path is None else WireRecord(path)


def _plain(part: str | None) -> str | None:
    return unquote(part) if part else None


async def _tell_connected(links: ShuttleLinks, shuttles: int, broker: BrokerAccess) -> None:
    """Log how many shuttles have the broker, whenever that has changed; looks every 2 s."""
    told = -1
    while True:
        await asyncio.sleep(2.0)
        if (connected := links.connected()) != told:
            told = connected
            write = log.info if connected == shuttles else log.warning
            address = f"{broker.host}:{broker.port}"
            write("shuttles_connected", connected=connected, shuttles=shuttles, broker=address)


async def _ask(link: RiderLink, requests: int | None, for_s: float | None) -> None:
    """Let riders come, and return when none is left; never, if they do not stop coming."""
    await link.connected.wait()
    link.start(requests)
    if for_s is not None:
        await asyncio.sleep(for_s)
        link.crowd.stop_asking()
    # Trips end in many places and nobody waits for this one: a look now and then is enough.
    while not _all_done(link, requests, for_s):  # noqa: ASYNC110
        await asyncio.sleep(0.2)


def _all_done(link: RiderLink, requests: int | None, for_s: float | None) -> bool:
    if requests is None and for_s is None:
        return False
    asked = len(link.crowd.logs)
    everybody_came = for_s is not None or (requests is not None and asked >= requests)
    return everybody_came and not link.crowd.riders


def _counts(link: RiderLink) -> dict[str, int]:
    states = Counter(
        log.problem or ("in_progress" if log.state not in ENDS else str(log.state))
        for log in link.crowd.logs
    )
    broken = sum(1 for log in link.crowd.logs if log.breaches)
    return {
        "requests": len(link.crowd.logs),
        **dict(sorted(states.items())),
        "promises_broken": broken,
    }


async def _until_stopped(work: Callable[[], Awaitable[None]]) -> None:
    """Work until done, or until SIGINT or SIGTERM."""
    task = asyncio.ensure_future(work())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
