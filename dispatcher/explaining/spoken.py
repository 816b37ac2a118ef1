"""Times, spans, costs and parties as an operator says them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class Clock:
    """UTC seconds as the zone's time of day; the date is added on any other day."""

    def __init__(self, timezone: str, today_s: int) -> None:
        self._zone = ZoneInfo(timezone)
        self._today = self._local(today_s).date()

    def at(self, at_s: int | None) -> str:
        if at_s is None:
            return "-"
        local = self._local(at_s)
        if local.date() == self._today:
            return f"{local:%H:%M:%S}"
        return f"{local:%Y-%m-%d %H:%M:%S}"

    def day(self) -> str:
        return f"{self._today:%Y-%m-%d}"

    def _local(self, at_s: int) -> datetime:
        return datetime.fromtimestamp(at_s, UTC).astimezone(self._zone)


def span(seconds: int) -> str:
    """``45 s``, ``3 min 5 s``, ``2 h 10 min``; a minus in front of what is negative."""
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 120:
        return f"{sign}{seconds} s"
    minutes, rest_s = divmod(seconds, 60)
    if minutes < 120:
        return f"{sign}{minutes} min {rest_s} s" if rest_s else f"{sign}{minutes} min"
    return f"{sign}{minutes // 60} h {minutes % 60} min"


def points(cost_milli: int) -> str:
    """Milli-cost as points, with as many decimals as are needed."""
    text = f"{cost_milli / 1000:,.3f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(1, '0')}"


def party(seats: int, wheelchairs: int) -> str:
    parts = []
    if seats or not wheelchairs:
        parts.append(counted(seats, "seat"))
    if wheelchairs:
        parts.append(counted(wheelchairs, "wheelchair place"))
    return " and ".join(parts)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def indented(lines: Iterator[str], by: int = 2) -> Iterator[str]:
    return (" " * by + line for line in lines)
