"""``ringmaster bench live``: many consoles look at a fleet that moves."""

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from simulator.load.processes import joined, served_fleet
from simulator.load.run import Times, times
from simulator.load.watching import Look, ProcessWatch, share_of_a_core
from simulator.ports import free_port

_OF_ONE_LOGIN: Final = 10  # streams that one login may have
_TIMED: Final = 8  # viewers whose rows are read; reading all would be most of the work here
_SETTLE_S: Final = 3.0
_LINE_BYTES: Final = 2**24


@dataclass(frozen=True, slots=True)
class LivePlan:
    """A dispatcher with shuttles that report, and so many consoles that watch all of it."""

    zone_name: str
    broker_url: str
    store_url: str
    shuttles: int = 500
    state_every_s: float = 1.0
    viewers: int = 200
    for_s: float = 30.0
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Cores are processor seconds a second, of the dispatcher alone.

    ``delay`` is from a report's arrival at the dispatcher to the row's at a viewer. ``snapshot``
    is from asking for the stream to its first event, all viewers coming at once.
    """

    shuttles: int
    viewers: int
    seconds: float
    cores_alone: float
    cores_watched: float
    lag_p99_ms: int | None
    delay: Times
    snapshot: Times
    rows_per_s: float  # of one viewer
    sent_mb_per_s: float  # to all
    streams_open: int  # at the end

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True, eq=False)
class _Viewer:
    timed: bool
    received: int = 0
    snapshot_s: float | None = None
    rows: int = 0
    delays_s: list[float] = field(default_factory=list)
    counts: bool = False
    ended: bool = False

    async def watch(self, port: int, token: str) -> None:
        """Read the stream until cancelled or ended by the server."""
        asked = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LINE_BYTES)
        head = f"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}"
        writer.write(f"{head}\r\n\r\n".encode())
        kind = b""
        try:
            while line := await reader.readline():
                self.received += len(line)
                if line.startswith(b"event: "):
                    kind = line[7:].strip()
                elif line.startswith(b"data: ") and kind == b"snapshot" and not self.snapshot_s:
                    self.snapshot_s = time.monotonic() - asked
                elif self.timed and self.counts and kind == b"places" and line[:6] == b"data: ":
                    self._time(line[6:])
        finally:
            self.ended = True
            writer.close()

    def _time(self, data: bytes) -> None:
        now_s = time.time()
        for row in json.loads(data):
            self.rows += 1
            self.delays_s.append(now_s - row[5])


def run_live(plan: LivePlan, say: Callable[[str], None] = lambda text: None) -> LiveFigures:
    """Start a dispatcher and shuttles, watch, and count.

    Raises
    ------
    LoadError
        The dispatcher or the shuttles do not start.
    """
    with tempfile.TemporaryDirectory(prefix="ringmaster-live-") as temporary:
        folder = plan.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_run(plan, folder, say))


async def _run(plan: LivePlan, folder: Path, say: Callable[[str], None]) -> LiveFigures:
    metrics_port, http_port = free_port(), free_port()
    with served_fleet(
        _settings(plan, metrics_port, http_port),
        folder,
        broker_url=plan.broker_url,
        zone_name=plan.zone_name,
        shuttles=plan.shuttles,
        state_every_s=plan.state_every_s,
    ) as dispatcher:
        watch = ProcessWatch(dispatcher.pid, metrics_port)
        await joined(plan.shuttles, dispatcher, watch, folder, say)
        await asyncio.sleep(_SETTLE_S)
        say(f"nobody watches for {plan.for_s:g} s")
        alone = await _looks(watch, plan.for_s)
        tokens = await asyncio.to_thread(_tokens, http_port, plan.viewers)
        viewers = [_Viewer(timed=number < _TIMED) for number in range(plan.viewers)]
        tasks = [
            asyncio.create_task(viewer.watch(http_port, tokens[number // _OF_ONE_LOGIN]))
            for number, viewer in enumerate(viewers)
        ]
        try:
            await asyncio.sleep(_SETTLE_S)
            say(f"{plan.viewers} consoles watch for {plan.for_s:g} s")
            return await _watched(plan, watch, alone, viewers)
        finally:
            for task in tasks:
                task.cancel()
            with suppress(OSError):
                await asyncio.gather(*tasks, return_exceptions=True)


async def _watched(
    plan: LivePlan, watch: ProcessWatch, alone: list[Look], viewers: list[_Viewer]
) -> LiveFigures:
    before = sum(viewer.received for viewer in viewers)
    for viewer in viewers:
        viewer.counts = True
    looks = await _looks(watch, plan.for_s)
    seconds = looks[-1].at - looks[0].at
    timed = [viewer for viewer in viewers if viewer.timed]
    return LiveFigures(
        shuttles=plan.shuttles,
        viewers=plan.viewers,
        seconds=seconds,
        cores_alone=share_of_a_core(alone),
        cores_watched=share_of_a_core(looks),
        lag_p99_ms=looks[-1].lag_p99_ms,
        delay=times(delay for viewer in timed for delay in viewer.delays_s),
        snapshot=times(viewer.snapshot_s for viewer in viewers),
        rows_per_s=sum(viewer.rows for viewer in timed) / len(timed) / seconds,
        sent_mb_per_s=(sum(viewer.received for viewer in viewers) - before) / seconds / 1e6,
        streams_open=sum(not viewer.ended for viewer in viewers),
    )


async def _looks(watch: ProcessWatch, for_s: float) -> list[Look]:
    first = await watch.look()
    await asyncio.sleep(for_s)
    return [first, await watch.look()]


def _tokens(port: int, viewers: int) -> list[str]:
    """One for every ten viewers."""
    return [_token(port, f"viewer-{n}") for n in range((viewers + 9) // _OF_ONE_LOGIN)]


def _token(port: int, subject: str) -> str:
    request = Request(
        f"http://127.0.0.1:{port}/v1/dev/login",
        json.dumps({"role": "operator", "subject": subject}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["token"])


def _settings(plan: LivePlan, metrics_port: int, http_port: int) -> str:
    # All viewers are at one address, which has a quarter of all connections.
    connections = 4 * (plan.viewers + 50)
    return (
        f'zone = "{plan.zone_name}"\n'
        f'[mqtt]\nurl = "{plan.broker_url}"\n'
        f'[redis]\nurl = "{plan.store_url}"\n'
        f"[metrics]\nport = {metrics_port}\n"
        f"[http]\nport = {http_port}\nstreams = {plan.viewers + 10}\n"
        f"connections = {connections}\naddress_burst = 10000\n"
        "[auth]\ndevelopment = true\n"
        f"[shuttles]\nmost = {max(500, plan.shuttles + 1)}\n"
    )
