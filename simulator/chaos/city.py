"""All that runs in a trial: servers, proxies and processes of ours, and how to hurt them."""

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dispatcher.domain.zone import Zone
from simulator.chaos.checker import RIDERS, SHUTTLES
from simulator.chaos.processes import (
    ChaosError,
    Child,
    Exit,
    Kept,
    find_servers,
    mosquitto,
    ringmaster,
)
from simulator.chaos.proxy import LOOPBACK, FaultProxy, Way
from simulator.chaos.schedule import Fault, NetworkFault
from simulator.chaos.store import PowerLoss, Store
from simulator.ports import free_port

EXIT_REPLACED: Final = (
    3  # another dispatcher had taken over meanwhile; the supervisor starts it again
)

DISPATCHERS: Final = ("a", "b")
_READY_S: Final = 300.0  # a machine's first start compiles for two minutes
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class CityPlan:
    """``speed`` is zone seconds in a real one; the zone's clock shows ``start_s`` at ``anchor_s``.

    ``zone_name`` is how commands are told of the zone.
    """

    zone: Zone
    zone_name: str
    folder: Path
    seed: int
    speed: float
    shuttles: int
    riders_per_hour: float
    start_s: int
    anchor_s: float

    def zone_s(self, real_s: float) -> float:
        return self.start_s + (real_s - self.anchor_s) * self.speed


class City:
    """Made whole by entering it; leaving it ends every process."""

    def __init__(self, plan: CityPlan) -> None:
        programs = find_servers("mosquitto", "redis-server")
        self.plan = plan
        self.exits: list[Exit] = []
        self.done: Counter[Fault] = Counter()
        self.power_losses: list[PowerLoss] = []
        self.broker = mosquitto(programs["mosquitto"], plan.folder / "mosquitto")
        self.store = Store(programs["redis-server"], plan.folder / "redis")
        self._rng = random.Random(f"chaos/{plan.seed}/city")
        self._to_broker = {
            name: FaultProxy(self.broker.port, self._rng)
            for name in (*DISPATCHERS, "shuttles", "riders")
        }
        self._to_store = {name: FaultProxy(self.store.port, self._rng) for name in DISPATCHERS}
        self._ports = {name: free_port() for name in DISPATCHERS}
        self.dispatchers: dict[str, Kept] = {}
        self.shuttles: Kept
        self.riders: Child
        self._stack = AsyncExitStack()

    @property
    def shuttle_record(self) -> Path:
        return self.plan.folder / SHUTTLES

    @property
    def rider_record(self) -> Path:
        return self.plan.folder / RIDERS

    @property
    def serving(self) -> list[str]:
        """Dispatchers that are kept running."""
        return [name for name, kept in self.dispatchers.items() if kept.is_kept]

    async def __aenter__(self) -> "City":
        for proxy in (*self._to_broker.values(), *self._to_store.values()):
            await self._stack.enter_async_context(proxy)
        for server in (self.broker, self.store):
            await server.start()
            self._stack.push_async_callback(server.kill)
        for name in DISPATCHERS:
            self.dispatchers[name] = self._kept(
                ringmaster(name, self._serve(name), self._log(name))
            )
        self.shuttles = self._kept(ringmaster("shuttles", self._drive(), self._log("shuttles")))
        return self

    async def __aexit__(self, *about: object) -> None:
        for kept in (*self.dispatchers.values(), self.shuttles):
            with contextlib.suppress(ProcessLookupError):
                kept.child.resume()
                await kept.stop()
        await self._stack.aclose()

    async def open(self) -> None:
        """Start the first dispatcher and the shuttles; returns when riders can ask."""
        await self.dispatchers[DISPATCHERS[0]].start()
        if not await self.is_ready(_READY_S):
            said = self._log(DISPATCHERS[0]).read_text(errors="replace")[-2000:]
            raise ChaosError(f"the dispatcher was not ready within {_READY_S:g} s:\n{said}")
        await self.shuttles.start()

    async def let_riders_ask(self, for_s: float) -> None:
        """Start the riders; nobody new asks after ``for_s`` real seconds."""
        arguments = ["riders", *self._common("riders"), "--for", f"{for_s:.0f}s", "--now-only"]
        arguments += ["--riders-per-hour", str(self.plan.riders_per_hour)]
        arguments += ["--record", str(self.rider_record), "--name", f"c{self.plan.seed}x"]
        self.riders = ringmaster("riders", arguments, self._log("riders"))
        await self.riders.start()
        self._stack.push_async_callback(self.riders.kill)

    async def leader(self) -> str | None:
        """Which dispatcher says that it leads, if any does."""
        for name in self.serving:
            if await self._role(name) == "leader":
                return name
        return None

    async def is_ready(self, limit_s: float) -> bool:
        """Wait until some dispatcher would answer riders; false if none would in time."""
        deadline_s = time.monotonic() + limit_s
        while not [True for name in self.serving if (await self._health(name)).get("ok")]:
            if time.monotonic() > deadline_s:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    async def abort_dispatchers(self) -> str:
        """End those who serve so that their logs tell where they were; answers how they were."""
        healths = {name: await self._health(name) for name in self.serving}
        for name in healths:
            await self.dispatchers[name].abort()
        problems = {name: health.get("problems", "no answer") for name, health in healths.items()}
        return json.dumps(problems)

    async def stand_by(self) -> None:
        """From now on a second dispatcher is there; returns when it stands by."""
        for kept in self.dispatchers.values():
            if not kept.is_kept:
                await kept.start()
        deadline_s = time.monotonic() + 30.0
        while time.monotonic() < deadline_s:
            roles = [await self._role(name) for name in DISPATCHERS]
            if sorted(roles) == ["leader", "standby"]:
                return
            await asyncio.sleep(_POLL_S)

    # Faults. Each returns when it is over; recovery comes after.

    async def kill_leader(self) -> str:
        """Kill -9 who leads, or who would; its supervisor starts it again at once."""
        name = await self.leader() or self._rng.choice(self.serving)
        self.done[Fault.DISPATCHER_KILL] += 1
        await self.dispatchers[name].kill()
        return name

    async def pause_leader(self, lasts_s: float) -> None:
        name = await self.leader() or self._rng.choice(self.serving)
        self.done[Fault.DISPATCHER_PAUSE] += 1
        await _pause(self.dispatchers[name].child, lasts_s)

    async def strike(self, fault: Fault, lasts_s: float, *, rewrite: bool = False) -> None:
        """Let one fault of servers or of simulated clients happen."""
        self.done[fault] += 1
        match fault:
            case Fault.STORE_KILL | Fault.BROKER_KILL:
                server = self.store if fault is Fault.STORE_KILL else self.broker
                await server.kill()
                await asyncio.sleep(lasts_s)
                await server.start()
            case Fault.POWER_LOSS:
                proxies = list(self._to_store.values())
                self.power_losses.append(
                    await self.store.lose_power(proxies, self._rng, rewrite=rewrite)
                )
            case Fault.STORE_PAUSE:
                await _pause(self.store, lasts_s)
            case Fault.BROKER_PAUSE:
                await _pause(self.broker, lasts_s)
            case Fault.SHUTTLES_KILL:
                await self.shuttles.kill()
            case Fault.SHUTTLES_PAUSE:
                await _pause(self.shuttles.child, lasts_s)
            case Fault.RIDERS_PAUSE:
                await _pause(self.riders, lasts_s)
            case _:
                raise AssertionError(f"{fault} is struck elsewhere")

    async def disturb(self, fault: NetworkFault) -> None:
        """Let one fault of the network happen; it is healed when this returns."""
        self.done[fault.fault] += 1
        proxies = self._proxies(fault.link)
        for proxy in proxies:
            match fault.fault:
                case Fault.CUT:
                    proxy.cut()
                case Fault.DELAY:
                    proxy.delay(fault.strength, fault.strength)
                case Fault.STALL:
                    proxy.stall(Way.TO_SERVER if fault.to_server else Way.TO_CLIENT)
                case Fault.HALF_OPEN:
                    proxy.stall()
                case Fault.THROTTLE:
                    proxy.throttle(fault.strength)
                case Fault.REFUSE:
                    proxy.refuse()
                    proxy.cut()
                case _:
                    raise AssertionError(f"{fault.fault} is no fault of the network")
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            for proxy in proxies:
                proxy.heal()

    def _proxies(self, link: str) -> list[FaultProxy]:
        client, _, server = link.partition("-")
        proxies = self._to_store if server == "store" else self._to_broker
        return [proxies[name] for name in (DISPATCHERS if client == "dispatcher" else (client,))]

    def _kept(self, child: Child) -> Kept:
        return Kept(child, self.exits.append)

    def _log(self, name: str) -> Path:
        return self.plan.folder / f"{name}.log"

    def _serve(self, name: str) -> list[str]:
        plan, speed = self.plan, self.plan.speed
        settings = plan.folder / f"{name}.toml"
        sections: dict[str, dict[str, str | int | float]] = {
            "mqtt": {"url": f"mqtt://{LOOPBACK}:{self._to_broker[name].port}"},
            "redis": {"url": f"redis://{LOOPBACK}:{self._to_store[name].port}/0"},
            "metrics": {"port": self._ports[name]},
            "http": {"enabled": False},
            "service": {"owner": name},
            "clock": {"speed": speed, "start_s": plan.start_s, "anchor_s": plan.anchor_s},
            # Faults last for so many real seconds, and what they make late is the zone's time.
            "shuttles": {"silent_after_s": min(600, max(45, round(6 * speed)))},
            "rules": {
                "offer_ttl_s": min(600, max(30, round(5 * speed))),
                "plan_validity_s": min(3600, max(60, round(15 * speed))),
                # Longer than anything here lasts: nobody is to be given up.
                "abandon_after_s": max(1800, round(180 * speed)),
                "forget_after_s": 30 * 24 * 3600,
            },
            # All that was told stays there until it is judged.
            "riders": {"clear_after_s": 30 * 24 * 3600, "requests_per_s": 1000.0, "burst": 1000},
            # As often as in real time, for one machine has all the processes.
            "improver": {"every_s": max(10, round(5 * speed)), "time_limit_s": 0.3},
            "logs": {"format": "json"},
        }
        lines = [f"zone = {json.dumps(plan.zone_name)}"]
        for section, values in sections.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        settings.write_text("\n".join(lines) + "\n")
        return ["serve", "--config", str(settings)]

    def _drive(self) -> list[str]:
        memory = [
            "--memory",
            str(self.plan.folder / "memory"),
            "--record",
            str(self.shuttle_record),
        ]
        return [
            "shuttles",
            *self._common("shuttles"),
            "--shuttles",
            str(self.plan.shuttles),
            *memory,
        ]

    def _common(self, name: str) -> list[str]:
        plan = self.plan
        return [
            *("--broker", f"mqtt://{LOOPBACK}:{self._to_broker[name].port}"),
            *("--zone", plan.zone_name, "--seed", str(plan.seed), "--speed", str(plan.speed)),
            *("--clock-start", str(plan.start_s), "--clock-anchor", str(plan.anchor_s)),
        ]

    async def _role(self, name: str) -> str:
        """What a dispatcher says it is; empty if it does not answer, or has yet to find out."""
        return ((await self._health(name)).get("leadership") or {}).get("role", "")

    async def _health(self, name: str) -> dict[str, dict[str, str]]:
        """What a dispatcher says of itself; empty if it does not answer."""
        with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(1.0):
                reader, writer = await asyncio.open_connection(LOOPBACK, self._ports[name])
                writer.write(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                answer = await reader.read()
                writer.close()
                found: dict[str, dict[str, str]] = json.loads(answer.partition(b"\r\n\r\n")[2])
                return found
        return {}


async def _pause(child: Child, lasts_s: float) -> None:
    child.pause()
    try:
        await asyncio.sleep(lasts_s)
    finally:
        child.resume()
