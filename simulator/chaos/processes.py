"""Processes that can be killed, stopped and started again, and what keeps one of them running."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.chaos.proxy import LOOPBACK
from simulator.ports import free_port

START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 15.0
_POLL_S: Final = 0.02
_RINGMASTER: Final = "from dispatcher.cli import main; main()"
_PR_SET_PDEATHSIG: Final = 1


class ChaosError(Exception):
    """The trial cannot be made; the text says what to do."""


def find_servers(*names: str) -> dict[str, str]:
    """Paths of server programs. Raises ``ChaosError`` where one is not installed."""
    # Debian puts daemons where an ordinary user's PATH does not look.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = {name: shutil.which(name, path=path) for name in names}
    if missing := [name for name, where in found.items() if where is None]:
        packages = " ".join(dict.fromkeys(_PACKAGES[name] for name in missing))
        raise ChaosError(
            f"not installed: {', '.join(missing)}. On Debian: apt-get install {packages}"
        )
    return {name: where for name, where in found.items() if where is not None}


_PACKAGES: Final = {
    "mosquitto": "mosquitto",
    "redis-server": "redis-server",
    "redis-sentinel": "redis-sentinel",
}


class Child:
    """One process of ours, that ends with us however we end."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = tuple(command)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdout=out,
                stderr=out,
                preexec_fn=_die_with_parent,
                # So that one that hangs says where, when it is made to.
                env={**os.environ, "PYTHONFAULTHANDLER": "1"},
            )

    async def ended(self) -> int:
        """Its exit code once it has ended; negative for a signal's number."""
        assert self._process is not None
        return await self._process.wait()

    async def kill(self) -> None:
        """End it as a power cut would, as far as a process can see."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Let it end in order; by force, if it does not."""
        self.resume()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._end(signal.SIGTERM)
                return
        await self.kill()

    async def abort(self) -> None:
        """End it so that its log has the stacks of its threads."""
        await self._end(signal.SIGABRT)

    def pause(self) -> None:
        """It stands still, with its connections open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    async def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._signal(how)
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


class Server(Child):
    """A broker or a store on a port that stays its own over restarts."""

    def __init__(self, name: str, command: Sequence[str], log: Path, port: int) -> None:
        super().__init__(name, command, log)
        self.port = port

    async def start(self) -> None:
        """Returns when it answers. Raises ``ChaosError`` if it does not."""
        await super().start()
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not await self.answers():
            if not self.is_running or time.monotonic() > deadline_s:
                said = self.log.read_text(errors="replace")[-2000:]
                raise ChaosError(f"{self.name} did not start:\n{said}")
            await asyncio.sleep(_POLL_S)

    async def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            async with asyncio.timeout(1.0):
                _, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True


def mosquitto(program: str, folder: Path) -> Server:
    """As deploy/mosquitto.conf has it, but for where it listens and what it keeps where."""
    port = free_port()
    folder.mkdir(parents=True)
    lines = (
        f"listener {port} {LOOPBACK}",
        "allow_anonymous true",
        "set_tcp_nodelay true",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 60",
        "max_inflight_messages 1000",
        "max_queued_messages 10000",
        "max_packet_size 262144",
        # Started by root it would become a user who cannot write to the folder.
        *(("user root",) if os.geteuid() == 0 else ()),
    )
    settings = folder / "mosquitto.conf"
    settings.write_text("\n".join(lines) + "\n")
    return Server("mosquitto", [program, "-c", str(settings)], folder / "log", port)


def ringmaster(name: str, arguments: Sequence[str], log: Path) -> Child:
    """One of our own commands, with the code that runs here."""
    return Child(name, [sys.executable, "-c", _RINGMASTER, *arguments], log)


@dataclass(frozen=True, slots=True)
class Exit:
    """A process ended. ``at_s`` is real seconds; ``asked`` whether we made it."""

    name: str
    code: int
    at_s: float
    asked: bool


class Kept:
    """A process that its supervisor starts again at once whenever it ends."""

    def __init__(self, child: Child, on_exit: Callable[[Exit], None]) -> None:
        self.child = child
        self._on_exit = on_exit
        self._asked = False
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.child.start()
        self._keeping = asyncio.create_task(self._keep())

    async def kill(self) -> None:
        """Kill it; it is started again at once."""
        self._asked = True
        await self.child.kill()

    async def abort(self) -> None:
        """As ``kill``, with the stacks of its threads in its log."""
        self._asked = True
        await self.child.abort()

    async def stop(self) -> None:
        """End it in order, and for good."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self._keeping = None
        await self.child.stop()

    @property
    def is_kept(self) -> bool:
        return self._keeping is not None

    async def _keep(self) -> None:
        while True:
            code = await self.child.ended()
            self._on_exit(Exit(self.child.name, code, time.time(), self._asked))
            self._asked = False
            await self.child.start()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
