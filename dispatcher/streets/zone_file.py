"""A zone as a directory: ``zone.json`` (area and stops) and ``streets.json`` (nodes and edges)."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from dispatcher.domain.zone import Zone
from dispatcher.streets.zone_checks import zone_faults
from dispatcher.streets.zone_models import StreetsPart, ZonePart, from_zone, to_zone

ZONE_FILE = "zone.json"
STREETS_FILE = "streets.json"

# More faults than fit a screen have one cause.
_SHOWN_FAULTS = 20

_Part = TypeVar("_Part", bound=BaseModel)


class ZoneFileError(ValueError):
    """The zone cannot be used. ``faults`` are sentences for the person who made it."""

    def __init__(self, where: str, faults: list[str]) -> None:
        self.faults = faults
        shown = faults[:_SHOWN_FAULTS]
        if len(faults) > len(shown):
            shown.append(f"and {len(faults) - len(shown)} more")
        super().__init__("\n".join([f"{where}:", *(f"  {fault}" for fault in shown)]))


def read_zone(directory: Path) -> Zone:
    """The zone in a directory. Raises ZoneFileError naming every fault found."""
    zone = to_zone(
        _read_part(directory / ZONE_FILE, ZonePart),
        _read_part(directory / STREETS_FILE, StreetsPart),
    )
    check_zone(zone, str(directory))
    return zone


def write_zone(zone: Zone, directory: Path) -> None:
    """Write both files, making the directory. Raises ZoneFileError, writing nothing, if unsound."""
    check_zone(zone, f"zone {zone.id}")
    try:
        zone_part, streets_part = from_zone(zone)
    except ValidationError as error:
        raise ZoneFileError(f"zone {zone.id}", _sentences(error)) from error
    directory.mkdir(parents=True, exist_ok=True)
    for name, part in ((ZONE_FILE, zone_part), (STREETS_FILE, streets_part)):
        text = part.model_dump_json(indent=1)
        (directory / name).write_text(text + "\n", encoding="utf-8")


def check_zone(zone: Zone, where: str) -> None:
    """Raises ZoneFileError where the zone is not sound."""
    faults = zone_faults(zone)
    if faults:
        raise ZoneFileError(where, faults)


def _read_part(file: Path, part: type[_Part]) -> _Part:
    try:
        return part.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        fault = (
            f"there is no {file.name}; a zone is a directory with {ZONE_FILE} and {STREETS_FILE}"
        )
        raise ZoneFileError(str(file.parent), [fault]) from None
    except ValidationError as error:
        raise ZoneFileError(str(file), _sentences(error)) from error


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(str(key) for key in fault['loc']) or 'the file'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False)
    ]
