"""Payloads that are erased one day: of a rider's request, where exactly the rider was.

Such an entry is written twice: what lasts into the journal itself, the whole of it beside. As long
as the whole is there, it is what a reader gets. The journal's own records are never changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Undated:
    """A payload still whole, whose trip was under way when last looked at."""

    position: int
    subject: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """A payload to be erased at ``due_s``, UTC seconds.

    ``over_at`` is a position of the journal by which the trip had ended: snapshots from there
    on need the payload no more, and hold nothing of it.
    """

    position: int
    due_s: int
    over_at: int


class Erasures(Protocol):
    """The payloads to be erased of one zone. Every method may raise ``StoreUnavailable``.

    Or ``UnknownOutcome``: each may simply be called again.
    """

    async def undated(self) -> list[Undated]:
        """All whose date of erasure is not known yet, the oldest first."""
        ...

    async def date(self, dated: Sequence[tuple[Undated, Erasure]]) -> None:
        """From now on it is known when these are to be erased."""
        ...

    async def due(self, now_s: int, most: int) -> list[Erasure]:
        """Those to be erased by now, the longest due first."""
        ...

    async def erase(self, erasures: Sequence[Erasure]) -> None:
        """Erase these payloads: from now on only what lasts is there."""
        ...

    async def clear_file(self) -> None:
        """Let the store begin to write its file anew, without what was erased."""
        ...
