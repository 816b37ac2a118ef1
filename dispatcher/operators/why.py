"""Why a trip or a refusal of the running service was decided as it was."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from dispatcher.codec import CodecError
from dispatcher.domain.ids import TripId
from dispatcher.engine import Site
from dispatcher.explaining import Explanation, ExplanationError, explain_request, explanation_json
from dispatcher.explaining.explain import asks_for
from dispatcher.explaining.explanation import UnknownTripError
from dispatcher.journal import DiscardedRecords, Journal, Record, Snapshot
from dispatcher.snapshots import SnapshotError

MOST_BEFORE: Final = 20_000
MOST_AFTER: Final = 10_000
"""Decided again at most, before and after a request: some ten seconds of work, beside all else."""

MOST_SEARCHED: Final = 250_000
"""Looked through for a request at most, from the end on: more than a day has."""

_WINDOW: Final = 2_000

Aside = Callable[[Callable[[], Explanation]], Awaitable[Explanation]]


class Explainer:
    """Explains trips from the journal's last part, beginning at a snapshot before the request.

    The service is not asked and not changed: what was decided is decided again, in a thread, and
    compared with the journal's digests.
    """

    def __init__(self, site: Site, journal: Journal, *, aside: Aside = asyncio.to_thread) -> None:
        self._site = site
        self._journal = journal
        self._aside = aside
        self._one = asyncio.Lock()

    async def trip(self, trip_id: TripId) -> dict[str, Any]:
        """Every decision about a trip, with all that was weighed, as plain values for JSON.

        Raises
        ------
        ExplanationError
            There is no such trip within reach, or none that can be vouched for; says why.
        JournalError
            The journal cannot be read.
        """
        explained = await self.explained(trip_id)
        found: dict[str, Any] = json.loads(explanation_json(explained, indent=None))
        return found

    async def explained(self, trip_id: TripId) -> Explanation:
        """The same with its types."""
        async with self._one:
            asked_at = await self._asked_at(trip_id)
            base = await self._journal.snapshot_before(asked_at)
            records = await self._records(base, asked_at)

            def explain() -> Explanation:
                return explain_request(self._site, records, trip_id, base)

            try:
                return await self._aside(explain)
            except (SnapshotError, CodecError) as error:
                raise ExplanationError(
                    f"the journal was written by another version: {error}"
                ) from error

    async def _asked_at(self, trip_id: TripId) -> int:
        """The position of the trip's request, looked for from the end on."""
        last = end = await self._journal.last_position()
        while end > 0 and last - end < MOST_SEARCHED:
            start = max(0, end - _WINDOW)
            try:
                position = await self._asked_between(start, end, trip_id)
            except DiscardedRecords as error:
                if error.first > end:
                    break
                position = await self._asked_between(error.first - 1, end, trip_id)
                start = 0
            if position is not None:
                return position
            end = start
        raise UnknownTripError(
            f"no trip {trip_id} was asked for within the last {min(last, MOST_SEARCHED)} events; "
            "export the journal for older ones, and use ringmaster explain"
        )

    async def _asked_between(self, after: int, end: int, trip_id: TripId) -> int | None:
        async for record in self._journal.read(after):
            if record.position > end:
                return None
            if asks_for(record, trip_id):
                return record.position
        return None

    async def _records(self, base: Snapshot | None, asked_at: int) -> list[Record]:
        """From the snapshot to well after the request: what came still later is left out."""
        after = 0 if base is None else base.position
        if asked_at - after > MOST_BEFORE:
            raise ExplanationError(
                f"event {asked_at} is {asked_at - after} events from the nearest snapshot before "
                "it; export the journal, and use ringmaster explain"
            )
        records: list[Record] = []
        try:
            async for record in self._journal.read(after):
                records.append(record)
                if record.position >= asked_at + MOST_AFTER:
                    break
            return records
        except DiscardedRecords as error:
            raise ExplanationError(
                f"the journal begins with record {error.first}, after the state it was decided on"
            ) from error
