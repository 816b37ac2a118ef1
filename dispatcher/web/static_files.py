"""The pages' files: read once, out of the package, and served from memory.

Their addresses carry a digest of all of them, so a browser may keep them for ever, and modules
that name each other by relative addresses always come from the same set.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent / "static"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    packed: bytes  # with gzip
    media_type: str


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """``files`` by their path below the root."""

    files: dict[str, StaticFile]
    digest: str

    def find(self, path: str) -> StaticFile | None:
        return self.files.get(path)

    @property
    def prefix(self) -> str:
        """Where they are served."""
        return f"/static/{self.digest}"


@cache
def static_files() -> StaticFiles:
    """All of them. Pages' own HTML is not among them: it is filled in first."""
    files: dict[str, StaticFile] = {}
    digest = hashlib.sha256()
    for path in sorted(ROOT.rglob("*")):
        media_type = TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            continue
        name, content = path.relative_to(ROOT).as_posix(), path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
        files[name] = StaticFile(content, gzip.compress(content, 6, mtime=0), media_type)
    return StaticFiles(files, digest.hexdigest()[:16])
