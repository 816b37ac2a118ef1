"""The audit trail: who commanded what, and who looked where a rider is. It only grows.

It is no part of the journal: nothing is decided by it, and a replay does not need it.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, Protocol


class TrailKind(StrEnum):
    COMMAND = "command"
    LOOK = "look"  # at where a rider is, or wanted to go


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """``command_id`` is the client's own; ``number`` is given by the trail, 1, 2, 3, …"""

    at_s: int  # the zone's clock
    kind: TrailKind
    principal: str
    roles: tuple[str, ...]
    operation: str
    subject: str  # the trip, shuttle or place that it is about
    reason: str = ""
    command_id: str = ""
    number: int = 0

    def to_json(self) -> bytes:
        fields = asdict(self)
        del fields["number"]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()

    @staticmethod
    def of_json(number: int, written: bytes) -> "TrailEntry":
        fields = json.loads(written)
        fields |= {"kind": TrailKind(fields["kind"]), "roles": tuple(fields["roles"])}
        return TrailEntry(**fields, number=number)


@dataclass(frozen=True, slots=True)
class TrailQuestion:
    """Which entries are asked for: all that fit everything that is given."""

    kind: TrailKind | None = None
    operation: str | None = None
    principal: str = ""  # a part of it, in any case; so is the subject
    subject: str = ""

    def fits(self, entry: TrailEntry) -> bool:
        return (
            self.kind in (None, entry.kind)
            and self.operation in (None, entry.operation)
            and self.principal.casefold() in entry.principal.casefold()
            and self.subject.casefold() in entry.subject.casefold()
        )


@dataclass(frozen=True, slots=True)
class TrailFound:
    """Entries, the newest first. ``before`` asks for those further back; None at the end.

    Looking is bounded: where few entries fit, there may be more further back all the same.
    """

    entries: tuple[TrailEntry, ...]
    before: int | None


EVERYTHING: Final = TrailQuestion()


class Trail(Protocol):
    """The audit trail of one zone. Every method may raise ``StoreUnavailable``."""

    async def add(self, entry: TrailEntry) -> int:
        """Write an entry durably; its number.

        Raises
        ------
        UnknownOutcome
            It is not known whether it was written; written twice it does no harm.
        """
        ...

    async def newest(
        self, most: int, *, before: int | None = None, asked: TrailQuestion = EVERYTHING
    ) -> TrailFound:
        """At most so many entries, the newest first; below the number ``before``."""
        ...

    async def secret(self) -> bytes:
        """32 random bytes that all dispatchers of the zone share, drawn by the first that asks."""
        ...
