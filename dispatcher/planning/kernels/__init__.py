"""Compiled code. All of it lies in this folder, and nothing else does.

Numba keeps what it has compiled on disk, and looks only at the age of the file a function stands
in: a change to a function called from another file would go unnoticed. Hence `njit` here, which
keeps each module's code under a digest of its source and of all kernels it imports.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import config

_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r"^from dispatcher\.planning\.kernels\.(\w+) import", re.MULTILINE)


def njit(
    *, allocates: bool = False, **options: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`numba.njit`, compiled code kept by what it was compiled from.

    Only those that say that they allocate arrays of their own count references to arrays: where
    many small functions hand one another parts of arrays, counting takes more than half of the
    time. One that counts must not get arrays from one that does not: it would let go of what
    nobody has counted for it.
    """
    options["_nrt"] = allocates

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        # Whoever sets NUMBA_CACHE_DIR knows why. Numba makes its settings when it starts, so a
        # type checker sees none of them.
        own = config.CACHE_DIR  # type: ignore[attr-defined]
        module = function.__module__.rpartition(".")[2]
        config.CACHE_DIR = own or str(_cache_folder(_digest(module)))  # type: ignore[attr-defined]
        try:
            kernel: Callable[..., Any] = numba.njit(**options)(function)
        finally:
            config.CACHE_DIR = own  # type: ignore[attr-defined]
        return kernel

    return compiled


@cache
def _digest(module: str) -> str:
    """Of the module's source, of how it is compiled, and of every kernel that it may call."""
    told = hashlib.sha256()
    waiting, met = [module], set()
    while waiting:
        name = waiting.pop()
        if name in met:
            continue
        met.add(name)
        source = (_FOLDER / f"{name}.py").read_text()
        waiting += _IMPORT.findall(source)
    for name in ("__init__", *sorted(met)):
        told.update((_FOLDER / f"{name}.py").read_bytes() + b"\0")
    return told.hexdigest()[:16]


@cache
def _cache_folder(digest: str) -> Path:
    """Beside the sources, or in the user's or the machine's cache where those are read-only."""
    homes = [_FOLDER / "__pycache__"]
    if "XDG_CACHE_HOME" in os.environ or "HOME" in os.environ:
        caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        homes.append(Path(caches) / "ringmaster")
    for home in homes:
        folder = home / f"numba-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="ringmaster-"))
