"""Reaching the store at start, however long that takes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dispatcher.journal.errors import StoreUnavailable
from dispatcher.journal.stored import StoredJournal

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class StoreAwaited:
    """The store did not answer; the next attempt comes after the pause."""

    attempt: int
    pause_s: float
    reason: str


async def connect_journal(
    url: str,
    zone: str,
    *,
    ca_file: str | None = None,
    sentinels: Sequence[str] = (),
    check_settings: bool = True,
    on_wait: Callable[[StoreAwaited], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    pool: Any = None,
) -> StoredJournal:
    """The journal of ``zone`` in the store at ``url`` (``redis://``, ``rediss://``, ``unix://``).

    Waits until the store answers, with pauses that grow from 0.2 s to 5 s, and says so
    through ``on_wait`` each time. Cancel it to give up. ``ca_file``, ``sentinels`` and ``pool``
    as in ``StoredJournal``.

    Raises
    ------
    UnsuitableSettings
        The store runs, but could lose events it has acknowledged.
    """
    journal = StoredJournal(
        url, zone, ca_file=ca_file, sentinels=sentinels, mends=check_settings, pool=pool
    )
    pause_s = FIRST_PAUSE_S
    attempt = 0
    try:
        while True:
            attempt += 1
            try:
                # Reading the journal's end also waits out a store still loading its file.
                await journal.last_position()
                if check_settings:
                    await journal.check_settings()
            except StoreUnavailable as error:
                on_wait(StoreAwaited(attempt, pause_s, str(error)))
                await sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                return journal
    except BaseException:
        await journal.aclose()
        raise
