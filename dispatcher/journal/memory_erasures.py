"""Payloads to be erased, of a journal in memory."""

from collections.abc import Sequence

from dispatcher.journal.contract import Lasting
from dispatcher.journal.erasures import Erasure, Undated


class MemoryErasures:
    """Answers as the stored ones do."""

    def __init__(self) -> None:
        self._lasting: dict[int, bytes] = {}
        self._erased: set[int] = set()
        self._undated: dict[str, int] = {}
        self._due: dict[int, Erasure] = {}

    def note(self, position: int, lasting: Lasting) -> None:
        """An entry was written of which only this lasts."""
        self._lasting[position] = lasting.payload
        self._undated[lasting.subject] = position

    def left_of(self, position: int) -> bytes | None:
        """What is left of an erased payload; ``None`` if it is whole."""
        return self._lasting[position] if position in self._erased else None

    async def undated(self) -> list[Undated]:
        return [
            Undated(position, subject)
            for subject, position in sorted(self._undated.items(), key=lambda item: item[1])
        ]

    async def date(self, dated: Sequence[tuple[Undated, Erasure]]) -> None:
        for undated, erasure in dated:
            self._due[erasure.position] = erasure
            self._undated.pop(undated.subject, None)

    async def due(self, now_s: int, most: int) -> list[Erasure]:
        due = [erasure for erasure in self._due.values() if erasure.due_s <= now_s]
        return sorted(due, key=lambda erasure: (erasure.due_s, erasure.position))[:most]

    async def erase(self, erasures: Sequence[Erasure]) -> None:
        for erasure in erasures:
            self._erased.add(erasure.position)
            self._due.pop(erasure.position, None)

    async def clear_file(self) -> None:
        """There is none."""
