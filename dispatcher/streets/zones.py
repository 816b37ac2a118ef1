"""Zones by name or by directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from dispatcher.domain.zone import Zone
from dispatcher.streets.sejong import sejong_5_1
from dispatcher.streets.zone_file import ZoneFileError, read_zone

BUILT_IN_ZONES: Mapping[str, Callable[[], Zone]] = {"sejong-5-1": sejong_5_1}


def load_zone(name_or_path: str | Path) -> Zone:
    """A built-in zone by its name, else the zone in a directory.

    Raises ZoneFileError where there is neither, or where the directory's zone is not sound.
    """
    make = BUILT_IN_ZONES.get(str(name_or_path))
    if make is not None:
        return make()
    directory = Path(name_or_path)
    if not directory.is_dir():
        names = ", ".join(sorted(BUILT_IN_ZONES))
        fault = f"no such zone; name a directory with a zone in it, or a built-in zone ({names})"
        raise ZoneFileError(str(name_or_path), [fault])
    return read_zone(directory)
