"""Service hours in UTC: local hours of a zone, day by day."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dispatcher.domain.zone import Zone


def service_day(zone: Zone, at_s: int) -> tuple[int, int] | None:
    """Opening and closing time, UTC seconds, of the service that ``at_s`` falls into.

    Days that follow each other without a pause are one: a zone that is always open does not
    close at midnight.
    """
    found: tuple[int, int] | None = None
    for opens_s, closes_s in _days_around(
        zone.timezone, zone.opens_s, zone.closes_s, at_s // 43_200
    ):
        if found is not None and opens_s <= found[1]:
            found = (found[0], closes_s)
        elif opens_s <= at_s < closes_s:
            found = (opens_s, closes_s)
    return found


def next_opening_s(zone: Zone, at_s: int) -> int:
    """The first opening at or after ``at_s``, UTC seconds."""
    windows = _days_around(zone.timezone, zone.opens_s, zone.closes_s, at_s // 43_200)
    return min(opens_s for opens_s, _ in windows if opens_s >= at_s)


@lru_cache(maxsize=64)
def _days_around(
    timezone: str, opens_s: int, closes_s: int, half_day: int
) -> tuple[tuple[int, int], ...]:
    local = ZoneInfo(timezone)
    today = datetime.fromtimestamp(half_day * 43_200, UTC).astimezone(local).date()
    windows = []
    for days in (-2, -1, 0, 1, 2):
        midnight = datetime.combine(today + timedelta(days=days), datetime.min.time(), local)
        # Seconds after midnight are wall-clock seconds: on a day with a clock change they are
        # what the clock on the wall shows.
        start, end = (
            (midnight.replace(tzinfo=None) + timedelta(seconds=seconds)).replace(tzinfo=local)
            for seconds in (opens_s, closes_s)
        )
        windows.append((int(start.timestamp()), int(end.timestamp())))
    return tuple(windows)


def local_hour(zone: Zone, at_s: int) -> int:
    """The hour of the day on the zone's clocks, 0 to 23."""
    return datetime.fromtimestamp(at_s, ZoneInfo(zone.timezone)).hour


def utc_offset_s(zone: Zone, at_s: int) -> int:
    """What the zone's clocks are ahead of UTC, in seconds."""
    return _offset_s(zone.timezone, at_s // 900)


@lru_cache(maxsize=64)
def _offset_s(timezone: str, quarter: int) -> int:
    # Clocks are changed at full quarters of an hour UTC, anywhere in the world.
    offset = datetime.fromtimestamp(quarter * 900, ZoneInfo(timezone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
