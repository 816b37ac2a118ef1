"""The processes of a load: a dispatcher and its shuttles, started, awaited, ended in order."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Final

from simulator.load.watching import ProcessWatch

_COMMAND: Final = "import sys; sys.argv[0] = 'ringmaster'; from dispatcher.cli import main; main()"
_JOIN_WITHIN_S: Final = 180.0
_END_WITHIN_S: Final = 20.0


class LoadError(Exception):
    """The benchmark cannot be run; the text says what to change."""


@contextmanager
def served_fleet(
    settings: str,
    folder: Path,
    *,
    broker_url: str,
    zone_name: str,
    shuttles: int,
    state_every_s: float,
) -> Iterator[Popen[bytes]]:
    """A dispatcher under these settings, and shuttles at its broker; logs go to the folder."""
    file = folder / "serve.toml"
    file.write_text(settings)
    fleet = ["shuttles", "--broker", broker_url, "--zone", zone_name]
    fleet += ["--shuttles", str(shuttles), "--state-every", f"{state_every_s:g}"]
    with (
        _process(["serve", "--config", str(file)], folder / "serve.log") as dispatcher,
        _process(fleet, folder / "shuttles.log"),
    ):
        yield dispatcher


async def joined(
    shuttles: int,
    dispatcher: Popen[bytes],
    watch: ProcessWatch,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Until the dispatcher knows every shuttle."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _JOIN_WITHIN_S
    say(f"waiting for {shuttles} shuttles")
    while True:
        if dispatcher.poll() is not None:
            raise LoadError(f"the dispatcher has ended: {_last_line(folder / 'serve.log')}")
        heard = (await watch.look()).shuttles or 0
        if heard >= shuttles:
            return
        if loop.time() > deadline:
            raise LoadError(
                f"after {_JOIN_WITHIN_S:g} s only {heard} of {shuttles} shuttles are known; "
                f"see {folder / 'serve.log'} and shuttles.log (--keep names the folder)"
            )
        await asyncio.sleep(0.5)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


@contextmanager
def _process(arguments: list[str], log: Path) -> Iterator[Popen[bytes]]:
    """A command of ours, ended in order."""
    with log.open("ab") as out:
        started = Popen([sys.executable, "-c", _COMMAND, *arguments], stdout=out, stderr=out)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGTERM)
            try:
                started.wait(_END_WITHIN_S)
            except TimeoutExpired:
                started.kill()
        started.wait()
