"""A private Redis that can lose its power: what was not acknowledged may be gone, or half there."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from simulator.chaos.processes import ChaosError, Server
from simulator.chaos.proxy import LOOPBACK, FaultProxy, Way
from simulator.ports import free_port

_UNDER_WAY_S: Final = 1.0  # for a write to come that nobody is told of
_POLL_S: Final = 0.01
_LOOKS: Final = 100


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """What a power cut left of the append-only file, in bytes of its newest part."""

    acknowledged: int  # everything that anybody was told of lies before
    written: int
    left: int
    loaded: int  # what the restarted server kept; a torn end is cut off

    @property
    def torn(self) -> bool:
        """Whether the file ended within a write."""
        return self.loaded < self.left


class Store(Server):
    """A Redis set as production has to set it."""

    def __init__(
        self,
        program: str,
        folder: Path,
        port: int | None = None,
        *options: str,
        name: str = "redis",
    ) -> None:
        self.second_starts = 0
        self._folder = folder
        folder.mkdir(parents=True)
        port = port or free_port()
        command = [program, "--bind", LOOPBACK, "--port", str(port), "--dir", str(folder)]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        command += ["--maxmemory-policy", "noeviction", "--aof-load-truncated", "yes"]
        super().__init__(name, [*command, *options], folder / "log", port)

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def client(self, timeout_s: float = 2.0) -> Redis:
        return Redis(
            host=LOOPBACK,
            port=self.port,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
        )

    async def answers(self) -> bool:
        """Whether it answers, its file loaded."""
        try:
            async with self.client(1.0) as client:
                return bool(await client.ping())
        except (RedisError, OSError):
            return False

    def newest_part(self) -> Path:
        """The file that is appended to now."""
        folder = self._folder / "appendonlydir"
        names = [
            line.split()[1]
            for line in (folder / "appendonly.aof.manifest").read_text().splitlines()
            if line.split()[-1] == "i"
        ]
        return folder / names[-1]

    def _newest_part_and_size(self) -> tuple[Path, int]:
        """A rewrite that ends meanwhile removes the part that was the newest just before."""
        for _ in range(_LOOKS):
            part = self.newest_part()
            with contextlib.suppress(FileNotFoundError):
                return part, part.stat().st_size
        raise ChaosError(f"{self.name} does not write {part}, which it says it does")

    async def start(self) -> None:
        """Returns when it answers. Raises ``ChaosError`` if it does not.

        If the power fails while the file is written anew, Redis cuts its torn part and ends; any
        supervisor starts it once more.
        """
        try:
            await super().start()
        except ChaosError:
            if self.is_running:
                raise
            self.second_starts += 1
            await super().start()

    async def lose_power(
        self, proxies: list[FaultProxy], rng: random.Random, *, rewrite: bool = False
    ) -> PowerLoss:
        """Lose what was not acknowledged, up to a random byte, and start again.

        All who write must do so through ``proxies``. ``appendfsync always`` syncs before it
        answers; so whatever had been answered before the answers were held up is on the disk,
        and of what follows any part may be. Who reads directly must not do so meanwhile: it
        would see what is then lost.

        Raises
        ------
        ChaosError
            The server does not load what is left.
        """
        if rewrite:
            with contextlib.suppress(RedisError, OSError):
                async with self.client() as client:
                    await client.bgrewriteaof()
        for proxy in proxies:
            proxy.stall(Way.TO_CLIENT)
        file, acknowledged = self._newest_part_and_size()

        def has_grown() -> bool:
            return self._newest_part_and_size() != (file, acknowledged)

        if not await _comes(has_grown, _UNDER_WAY_S):
            await self._write_unanswered(rng)
            await _comes(has_grown, _UNDER_WAY_S)
        await self.kill()
        newest = self.newest_part()
        if newest != file:
            # A rewrite has begun another part meanwhile; nothing in it was acknowledged.
            file, acknowledged = newest, 0
        written = file.stat().st_size
        left = rng.randint(acknowledged, written)
        with file.open("r+b") as content:
            content.truncate(left)
        for proxy in proxies:
            proxy.cut()
            proxy.heal()
            proxy.refuse()  # until it is seen what was loaded
        await self.start()
        loaded = file.stat().st_size
        for proxy in proxies:
            proxy.heal()
        return PowerLoss(acknowledged, written, left, loaded)

    async def _write_unanswered(self, rng: random.Random) -> None:
        """Something of ours, should nobody else be writing."""
        with contextlib.suppress(RedisError, OSError):
            async with self.client() as client:
                await client.set("chaos:unanswered", rng.randbytes(200))


async def _comes(what: Callable[[], bool], limit_s: float) -> bool:
    deadline_s = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(_POLL_S)
    return True
