"""The audit trail held in memory: for tests and where there is no store."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from dispatcher.journal.trail import TrailEntry, TrailKind


class MemoryTrail:
    """Answers as the stored trail does, and forgets everything with the process."""

    def __init__(self) -> None:
        self._entries: list[TrailEntry] = []
        self._secret = secrets.token_bytes(32)

    async def add(self, entry: TrailEntry) -> int:
        number = len(self._entries) + 1
        self._entries.append(replace(entry, number=number))
        return number

    async def newest(
        self, most: int, *, before: int | None = None, kind: TrailKind | None = None
    ) -> Sequence[TrailEntry]:
        found = [
            entry
            for entry in reversed(self._entries)
            if (before is None or entry.number < before) and (kind is None or entry.kind is kind)
        ]
        return found[:most]

    async def secret(self) -> bytes:
        return self._secret
