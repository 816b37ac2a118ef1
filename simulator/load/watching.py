"""What a process takes, read from outside: processor time, memory, and its own page of figures."""

import asyncio
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE_TIMEOUT_S: Final = 2.0
_FROM_SHUTTLES: Final = re.compile(
    rb'^ringmaster_messages_received_total\{link="shuttles"\} (\S+)$', re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Look:
    """``at`` is on the event loop's clock.

    Lags are over the minute before, ``from_shuttles`` their messages since it began. What the
    process did not say is None.
    """

    at: float
    cpu_s: float
    rss_mb: float
    lag_p99_ms: int | None
    lag_max_ms: int | None
    shuttles: int | None
    from_shuttles: int | None


@dataclass(slots=True)
class ProcessWatch:
    """Looks at a process on this machine again and again, on Linux."""

    pid: int
    metrics_port: int
    looks: list[Look] = field(default_factory=list)

    async def run(self, every_s: float) -> None:
        """Look until cancelled."""
        while True:
            self.looks.append(await self.look())
            await asyncio.sleep(every_s)

    async def look(self) -> Look:
        """How it stands now. ``ProcessLookupError`` where it has ended."""
        health = await asyncio.to_thread(self._health)
        metrics = await asyncio.to_thread(self._page, "metrics")
        received = _FROM_SHUTTLES.search(metrics)
        loop = health.get("loop") or {}
        return Look(
            at=asyncio.get_running_loop().time(),
            cpu_s=self._cpu_s(),
            rss_mb=self._rss_mb(),
            lag_p99_ms=loop.get("lag_p99_ms"),
            lag_max_ms=loop.get("lag_max_ms"),
            shuttles=health.get("shuttles", {}).get("heard"),
            from_shuttles=None if received is None else int(float(received[1])),
        )

    def since(self, at: float) -> list[Look]:
        return [look for look in self.looks if look.at >= at]

    def _cpu_s(self) -> float:
        # The name in brackets may hold anything; the fields after it are counted.
        fields = self._file("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def _rss_mb(self) -> float:
        return int(self._file("statm").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _file(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.pid}/{name}").read_text()
        except FileNotFoundError as error:
            raise ProcessLookupError(f"process {self.pid} has ended") from error

    def _health(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._page("healthz") or b"{}")
        return found

    def _page(self, name: str) -> bytes:
        """What it shows; nothing, where it does not answer."""
        try:
            with urlopen(
                f"http://127.0.0.1:{self.metrics_port}/{name}", timeout=_PAGE_TIMEOUT_S
            ) as page:
                told: bytes = page.read()
        except HTTPError as error:  # it is not well, and says why
            told = error.read()
        except (URLError, TimeoutError, ConnectionError):
            return b""
        return told


def share_of_a_core(looks: list[Look]) -> float:
    """Processor time for each second that passed. Two looks at least."""
    first, last = looks[0], looks[-1]
    return (last.cpu_s - first.cpu_s) / (last.at - first.at)


def messages_per_s(looks: list[Look]) -> float | None:
    """How many of shuttles it took in each second; None where it did not say."""
    first, last = looks[0], looks[-1]
    if first.from_shuttles is None or last.from_shuttles is None:
        return None
    return (last.from_shuttles - first.from_shuttles) / (last.at - first.at)


def growth_pct_per_hour(looks: list[Look]) -> float:
    """How fast its memory grows, by the least squares' line through all looks."""
    mean_at = sum(look.at for look in looks) / len(looks)
    mean_mb = sum(look.rss_mb for look in looks) / len(looks)
    spread = sum((look.at - mean_at) ** 2 for look in looks)
    along = sum((look.at - mean_at) * (look.rss_mb - mean_mb) for look in looks)
    return 100.0 * 3600.0 * along / spread / mean_mb
