"""An event on its way into the journal, and what whoever brought it is told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from dispatcher.core import Applied, Ground
from dispatcher.domain.events import Event


class NotTakenError(Exception):
    """The event is not in the journal, as far as this dispatcher knows; try again later."""

    def __init__(self, why: str, retry_after_s: int) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class TooBusyError(NotTakenError):
    """Refused because too much is waiting."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The event is durable at ``position``.

    ``fresh`` is false where it repeats the one at that position; nothing was decided then,
    and ``applied`` is None.
    """

    position: int
    fresh: bool
    applied: Applied | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """Stands where an event does in the loop: leave out the event at this position."""

    position: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """Stands where an event does in the loop: the service stops here, in order."""


@dataclass(slots=True, eq=False)
class Waiting:
    """An event that is not yet in the journal. It is built when it gets its stamp.

    ``key`` tells it from every other entry of the journal, however often it is stamped: the
    sender's, or one that it is given when it is first written.
    """

    build: Callable[[int], Event | SetAside | Ground | Sealed]
    key: str | None = None
    refusable: bool = False
    done: asyncio.Future[Receipt] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def given_up(self) -> bool:
        """Whether whoever brought it has been told that it was not taken in."""
        return self.done.cancelled() or (self.done.done() and self.done.exception() is not None)

    def resolve(self, receipt: Receipt) -> None:
        # Whoever waited may have been cancelled meanwhile.
        if not self.done.done():
            self.done.set_result(receipt)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
            # Nobody may be left to look at it, which is no mistake.
            self.done.exception()
