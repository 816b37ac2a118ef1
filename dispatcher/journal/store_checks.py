"""What must be true of a store so that what it acknowledges survives; in words, where it is not."""

from collections.abc import Mapping
from typing import Final

REQUIRED_SETTINGS: Final = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
}
INFO_SECTIONS: Final = ("replication", "persistence", "memory")
FULL_PCT: Final = 90  # of maxmemory; beyond it the store will soon refuse everything


def store_faults(settings: Mapping[str, str], info: Mapping[str, str]) -> tuple[str, ...]:
    """Everything that is wrong, each with what to set; empty when all is well.

    ``settings`` are those of ``CONFIG GET``, ``info`` the fields of ``INFO_SECTIONS``. A field
    that a store does not have is passed over; a setting must be there.
    """
    faults: list[str] = []
    wrong = {name: to for name, to in REQUIRED_SETTINGS.items() if settings.get(name) != to}
    if wrong:
        is_now = ", ".join(f"{name} is {settings.get(name, 'unknown')}" for name in wrong)
        lines = "; ".join(f"{name} {value}" for name, value in wrong.items())
        faults.append(
            f"the store could lose acknowledged events ({is_now}); "
            f"set in its configuration: {lines}"
        )
    if info.get("role", "master") != "master":
        faults.append(
            "the store is a replica, whose writes are not its own; set redis.url to its master"
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        faults.append(
            "the store could not write its append-only file; make room on its disk, or put it right"
        )
    used, most = int(info.get("used_memory", "0")), int(info.get("maxmemory", "0"))
    if most and used * 100 >= most * FULL_PCT:
        faults.append(
            f"the store's memory is {used * 100 // most} % of maxmemory; set maxmemory higher, "
            "or keep less of the journal (service.keep_days)"
        )
    return tuple(faults)


def read_info(text: str) -> dict[str, str]:
    """The fields of an answer to ``INFO``."""
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value.strip() for name, found, value in lines if found}
