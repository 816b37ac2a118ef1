"""The audit trail held in memory: for tests and where there is no store."""

import secrets
from dataclasses import replace

from dispatcher.journal.trail import EVERYTHING, TrailEntry, TrailFound, TrailQuestion


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
        self, most: int, *, before: int | None = None, asked: TrailQuestion = EVERYTHING
    ) -> TrailFound:
        found: list[TrailEntry] = []
        for entry in reversed(self._entries):
            if len(found) == most:
                return TrailFound(tuple(found), entry.number + 1)
            if (before is None or entry.number < before) and asked.fits(entry):
                found.append(entry)
        return TrailFound(tuple(found), None)

    async def secret(self) -> bytes:
        return self._secret
