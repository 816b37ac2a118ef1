"""How many acknowledged writes a fail-over of the store loses: master, replica and Sentinel.

Redis answers before its replica has a write. What is lost when the master is gone is what it had
answered and not yet handed on. The link between the two has a delay of its own here, as between
two machines, for on loopback there would be hardly anything to lose.
"""

import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from simulator.chaos.processes import ChaosError, Server, find_servers
from simulator.chaos.proxy import LOOPBACK, FaultProxy
from simulator.chaos.store import Store
from simulator.ports import free_port

MASTER: Final = "ringmaster"
STREAM: Final = "writes"
DOWN_AFTER_S: Final = 0.5  # without an answer so long, Sentinel gives the master up
LINK_S: Final = 0.005  # to the replica and back takes twice that
_GIVEN_UP_S: Final = 30.0
_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Protection:
    """What the store or the writer does against loss."""

    name: str
    min_replicas: int = 0
    waits: bool = False


PROTECTIONS: Final = (
    Protection("nothing"),
    Protection("min-replicas-to-write 1", min_replicas=1),
    Protection("min-replicas-to-write 1 and WAIT 1", min_replicas=1, waits=True),
)


@dataclass(frozen=True, slots=True)
class FailoverTrial:
    """One fail-over. ``away_s``: from the kill to the first write that the new master took."""

    acknowledged: int
    lost: int
    away_s: float


@dataclass(frozen=True, slots=True)
class FailoverFigures:
    protection: str
    trials: tuple[FailoverTrial, ...]

    def as_dict(self) -> dict[str, Any]:
        lost = [trial.lost for trial in self.trials]
        away_s = [trial.away_s for trial in self.trials]
        return {
            "protection": self.protection,
            "trials": len(lost),
            "acknowledged": sum(trial.acknowledged for trial in self.trials),
            "lost": sum(lost),
            "lost_p50": statistics.median(lost),
            "lost_most": max(lost),
            "trials_with_loss": sum(n > 0 for n in lost),
            "away_p50_s": round(statistics.median(away_s), 2),
            "away_max_s": round(max(away_s), 2),
        }


async def run_failovers(
    folder: Path, trials: int, seed: int, say: Callable[[str], None] = lambda text: None
) -> list[FailoverFigures]:
    """So many fail-overs under each protection.

    Raises
    ------
    ChaosError
        A server is not installed, does not start, or nobody is promoted.
    """
    program = find_servers("redis-server")["redis-server"]
    rng = random.Random(f"failover/{seed}")
    figures: list[FailoverFigures] = []
    for protection in PROTECTIONS:
        done = []
        for number in range(trials):
            say(f"{protection.name}: {number + 1}/{trials}")
            where = folder / f"{len(figures)}-{number}"
            where.mkdir(parents=True)
            done.append(await _one_trial(program, where, protection, rng))
        figures.append(FailoverFigures(protection.name, tuple(done)))
    return figures


async def _one_trial(
    program: str, folder: Path, protection: Protection, rng: random.Random
) -> FailoverTrial:
    async with AsyncExitStack() as stack:
        master = Store(
            program,
            folder / "master",
            None,
            *("--min-replicas-to-write", str(protection.min_replicas)),
            *("--min-replicas-max-lag", "1", "--repl-diskless-sync-delay", "0"),
            name="master",
        )
        link = await stack.enter_async_context(FaultProxy(master.port, rng))
        # The replica must be able to lead alone: it has none of its own.
        replica = Store(
            program,
            folder / "replica",
            None,
            *("--replicaof", f"{LOOPBACK} {link.port}", "--repl-diskless-sync-delay", "0"),
            name="replica",
        )
        sentinel = _sentinel(program, folder, master.port)
        for server in (master, replica, sentinel):
            await server.start()
            stack.push_async_callback(server.kill)
        await _until_linked(master, sentinel)
        link.delay(LINK_S, LINK_S)
        writer = _Writer(sentinel.port, master.port, protection)
        writing = asyncio.create_task(writer.run())
        try:
            await asyncio.sleep(rng.uniform(0.5, 1.0))
            # With the machine goes what it had sent and nobody had got.
            link.stall()
            await master.kill()
            killed_s = time.monotonic()
            link.cut()
            async with asyncio.timeout(_GIVEN_UP_S):
                await writer.went_on.wait()
            went_on_s = time.monotonic()
        except TimeoutError as error:
            raise ChaosError(f"nobody was promoted; see {sentinel.log}") from error
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        async with replica.client() as client:
            entries: Any = await client.xrange(STREAM)
            there = {fields[b"n"] for _, fields in entries}
    return FailoverTrial(
        acknowledged=len(writer.acknowledged),
        lost=sum(b"%d" % n not in there for n in writer.acknowledged),
        away_s=went_on_s - killed_s,
    )


class _Writer:
    """Writes one number after another, as fast as it is answered, wherever the master is."""

    def __init__(self, sentinel_port: int, master_port: int, protection: Protection) -> None:
        self.acknowledged: list[int] = []  # by the first master
        self.went_on = asyncio.Event()  # another one has taken a write
        self._master_port = master_port
        self._waits = protection.waits
        short: dict[str, Any] = {
            "socket_timeout": 1.0,
            "socket_connect_timeout": 1.0,
            "retry": Retry(NoBackoff(), 0),
        }
        manager = Sentinel(  # type: ignore[no-untyped-call]
            [(LOOPBACK, sentinel_port)], sentinel_kwargs=short
        )
        patient: dict[str, Any] = {**short, "socket_timeout": 2 * _WAIT_S}
        # One connection: WAIT asks about what was written over its own.
        self._pool: Any = SentinelConnectionPool(  # type: ignore[no-untyped-call]
            MASTER, manager, max_connections=1, **patient
        )

    async def run(self) -> None:
        """Write until cancelled."""
        client = Redis(connection_pool=self._pool)
        n = 0
        try:
            while not self.went_on.is_set():
                n += 1
                try:
                    await client.xadd(STREAM, {"n": n})
                    if self._pool.master_address[1] != self._master_port:
                        self.went_on.set()
                    elif not self._waits or await client.wait(1, round(1000 * _WAIT_S)) >= 1:
                        self.acknowledged.append(n)
                except (RedisError, OSError):
                    await asyncio.sleep(0.02)
        finally:
            await self._pool.aclose()


def _sentinel(program: str, folder: Path, master_port: int) -> Server:
    port = free_port()
    settings = folder / "sentinel.conf"
    settings.write_text(
        f"port {port}\nbind {LOOPBACK}\ndir {folder}\n"
        f"sentinel monitor {MASTER} {LOOPBACK} {master_port} 1\n"
        f"sentinel down-after-milliseconds {MASTER} {round(1000 * DOWN_AFTER_S)}\n"
        f"sentinel failover-timeout {MASTER} 5000\n"
    )
    command = [program, str(settings), "--sentinel"]
    return Server("sentinel", command, folder / "sentinel.log", port)


async def _until_linked(master: Store, sentinel: Server) -> None:
    """The replica gets what is written, and Sentinel knows of it.

    A replica that has just joined is called online, and gets nothing until it has first reported.
    """
    deadline_s = time.monotonic() + _GIVEN_UP_S
    asked: Any = Redis(host=LOOPBACK, port=sentinel.port)
    async with master.client() as client, asked as asking:
        while time.monotonic() < deadline_s:
            # Without a replica that it trusts, the master may refuse.
            with contextlib.suppress(RedisError):
                await client.set("linked", 1)
                known = await asking.execute_command("SENTINEL", "REPLICAS", MASTER)
                if await client.wait(1, 1000) >= 1 and known:
                    return
            await asyncio.sleep(0.05)
    raise ChaosError(f"the replica did not come up; see {master.log.parent}")
