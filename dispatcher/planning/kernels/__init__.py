"""Compiled code. All of it lies in this folder, and nothing else does.

Numba keeps what it has compiled on disk, and looks only at the age of the file a function stands
in: a change to a function called from another file would go unnoticed. Hence one cache for each
state of the whole folder, named by a digest of its sources.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from numba import config

_FOLDER = Path(__file__).parent


def _digest() -> str:
    sources = sorted(_FOLDER.glob("*.py"))
    told = hashlib.sha256()
    for source in sources:
        told.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return told.hexdigest()[:16]


def _cache_folder() -> Path:
    """Beside the sources, or in the user's or the machine's cache where those are read-only."""
    name = f"numba-{_digest()}"
    homes = [_FOLDER / "__pycache__"]
    if "XDG_CACHE_HOME" in os.environ or "HOME" in os.environ:
        caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        homes.append(Path(caches) / "ringmaster")
    for home in homes:
        folder = home / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="ringmaster-"))


# Whoever sets NUMBA_CACHE_DIR knows why. Numba makes its settings at run time, so mypy sees none.
if not config.CACHE_DIR:  # type: ignore[attr-defined]
    config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]
