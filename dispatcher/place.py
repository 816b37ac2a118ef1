"""Where a process runs, so that one started here later can tell that it has ended.

A dispatcher that died on this machine need not be waited for. One that is only stopped
(SIGSTOP), or that runs elsewhere, must be: its lease has to run out.
"""

import os
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")


def here() -> str:
    """This process: ``machine's boot/process namespace/process``; empty where that is not known."""
    around = _around()
    return f"{around}/{os.getpid()}" if around else ""


def has_ended(place: str) -> bool:
    """Whether the process at ``place`` is certainly gone; false wherever that is not known."""
    around, _, number = place.rpartition("/")
    if not around or around != _around() or not number.isdecimal():
        return False
    if int(number) == os.getpid():
        return True  # a number is given to one process at a time, and now it is ours
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _around() -> str:
    try:
        return f"{_BOOT.read_text().strip()}/{_PIDS.readlink()}"
    except OSError:
        return ""
