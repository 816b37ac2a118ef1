"""Simulated shuttles and riders as processes of their own, against a given broker.

Then shuttles do not know who stands at a stop: nearly everybody is there when the doors open.
Riders learn from their trip's status that they have boarded.
"""

import asyncio
import contextlib
import signal
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog

from dispatcher.access import RIDER_GATEWAY
from dispatcher.authority import CA, PLAN_KEYS_DIR, shuttle_files
from dispatcher.clock import Clock, ScaledClock, WallClock
from dispatcher.credentials import CredentialError, TlsFiles, client_context
from dispatcher.domain.trips import ENDS
from dispatcher.streets.zones import load_zone
from simulator.concourse import Concourse, Strangers
from simulator.demand import Demand, DemandShares
from simulator.live_parts import RiderLink, ShuttleLinks, ShuttleTrust
from simulator.vehicle import MANUFACTURER, FleetPlan, serial_number
from simulator.wire_record import WireRecord
from vehicles.link import BrokerAccess
from vehicles.signing import PlanKeys, SigningKeyError
from vehicles.topics import VehicleName

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
    state_every_s: float = 10.0,
    memory_dir: Path | None = None,
    certs_dir: Path | None = None,
    record_file: Path | None = None,
) -> None:
    """Drive until told to stop. With ``memory_dir`` a fleet that was killed goes on from there.

    With ``certs_dir`` each proves its name with a certificate from there, and obeys only plans that
    are signed with one of the keys there.
    """
    clock = zone_clock(time)
    broker = broker_access(broker_url, has_certs=certs_dir is not None)
    trust = None if certs_dir is None else shuttle_trust(certs_dir, shuttles)
    zone = load_zone(zone_name)
    plan = FleetPlan(
        shuttles,
        battery_pct=(55.0, 100.0),
        spread=True,
        state_interval_s=state_every_s,
        interface=interface,
    )

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
            trust=trust,
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
    certs_dir: Path | None = None,
    record_file: Path | None = None,
) -> dict[str, int]:
    """Ask for trips; with a limit, until all are over. Answers how many ended in which way.

    With ``certs_dir`` all ask as the rider gateway, which may speak for any rider.
    """
    clock = zone_clock(time)
    broker = broker_access(broker_url, has_certs=certs_dir is not None)
    if certs_dir is not None:
        broker = replace(broker, tls=gateway_tls(certs_dir))
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


def broker_access(url: str, *, has_certs: bool = False) -> BrokerAccess:
    """Where a broker is, from ``mqtt://[user:password@]host[:port]``, or ``mqtts://…``."""
    problem = f"{url!r} is not a broker's address; write mqtt://host:port or mqtts://host:port"
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "mqtts"
        port = parts.port or (8883 if is_safe else 1883)
    except ValueError as error:
        raise SeparateError(problem) from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise SeparateError(problem)
    if has_certs and not is_safe:
        raise SeparateError(f"certificates need an mqtts:// address, and {url!r} is none")
    tls = client_context(TlsFiles()) if is_safe else None
    return BrokerAccess(parts.hostname, port, _plain(parts.username), _plain(parts.password), tls)


def shuttle_trust(certs_dir: Path, shuttles: int) -> ShuttleTrust:
    """The certificates and keys of the first so many simulated shuttles. ``SeparateError``."""
    vehicles = [VehicleName(MANUFACTURER, serial_number(number)) for number in range(shuttles)]
    try:
        return ShuttleTrust(
            tls={vehicle: _tls(certs_dir, shuttle_files(vehicle)) for vehicle in vehicles},
            keys=PlanKeys.load(certs_dir / PLAN_KEYS_DIR),
        )
    except (CredentialError, SigningKeyError) as error:
        raise SeparateError(f"{error}; see ringmaster certs --shuttles {shuttles}") from error


def gateway_tls(certs_dir: Path) -> ssl.SSLContext:
    """Raises ``SeparateError`` if the rider gateway's certificate cannot be used."""
    try:
        return _tls(certs_dir, RIDER_GATEWAY)
    except CredentialError as error:
        raise SeparateError(f"{error}; see ringmaster certs") from error


def _tls(certs_dir: Path, files: str) -> ssl.SSLContext:
    return client_context(
        TlsFiles(certs_dir / f"{CA}.crt", certs_dir / f"{files}.crt", certs_dir / f"{files}.key")
    )


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
