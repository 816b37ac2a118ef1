"""Standing by: the state of the one who leads, a moment late, so that taking over is quick."""

import structlog

from dispatcher.core import Engine
from dispatcher.journal import DiscardedRecords, ErasedRecord, Journal, StoreUnavailable
from dispatcher.recovery import MustLeaveOutError, Replay, Replayed, recover

log = structlog.get_logger(__name__)


class Standby:
    """Follows a journal that another dispatcher writes."""

    def __init__(self, engine: Engine, journal: Journal, code_version: str) -> None:
        self._engine = engine
        self._journal = journal
        self._code_version = code_version
        self._replay: Replay | None = None

    @property
    def position(self) -> int:
        """The last event followed."""
        return self._replay.position if self._replay else 0

    async def follow(self) -> None:
        """Read on to the journal's end; a store that is away is tried again the next time."""
        try:
            await self._read_on()
        except StoreUnavailable as error:
            log.info("journal_not_followed", reason=str(error))

    async def caught_up(self) -> Replayed:
        """The state at the journal's end, given away: the next call begins anew.

        Raises
        ------
        JournalError, CodecError, SnapshotError
            As ``recover``.
        """
        replay = await self._read_on()
        self._replay = None
        return replay.result()

    async def _read_on(self) -> Replay:
        replay, self._replay = self._replay, None
        if replay is not None:
            try:
                async for record in self._journal.read(replay.position):
                    replay.take(record)
            except (MustLeaveOutError, DiscardedRecords, ErasedRecord) as error:
                # The state is spoilt, or too old to go on from: a recovery makes it anew.
                log.info("followed_anew", position=replay.position, reason=str(error))
                replay = None
            except StoreUnavailable:
                # As far as it was read it is good.
                self._replay = replay
                raise
        if replay is None:
            replay = await recover(self._engine, self._journal, self._code_version)
        self._replay = replay
        return replay
