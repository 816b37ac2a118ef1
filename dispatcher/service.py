"""The loop: what comes in is made durable, then decided, then told.

One task decides, so there is one order, the journal's. Everything else in the process
hands events in through ``submit`` and hears of decisions as a listener.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import structlog

from dispatcher.backlog import Backlog
from dispatcher.clock import Clock
from dispatcher.codec import (
    EventRecord,
    JournalPayload,
    SetAsideRecord,
    decode_payload,
    encode_payload,
)
from dispatcher.core import Applied, DispatchCore, Engine
from dispatcher.domain.decisions import AlertKind, OperatorAlerted
from dispatcher.domain.events import ClockTicked, EpochBegan, Event
from dispatcher.intake import NotTakenError, Receipt, SetAside, TooBusyError, Waiting
from dispatcher.journal import (
    Appended,
    DamagedJournal,
    Entry,
    Journal,
    Record,
    StaleEpoch,
    StoreUnavailable,
    UnexpectedPosition,
    UnknownOutcome,
)
from dispatcher.recovery import Difference, Replayed, recover
from dispatcher.snapshots import snapshot_payload
from dispatcher.store_patience import StorePatience

log = structlog.get_logger(__name__)

LARGEST_BATCH: Final = 64
Listener = Callable[[Applied], None]
Starter = Callable[[DispatchCore, Sequence[Applied]], None]


class SteppedDownError(Exception):
    """Another dispatcher has taken the zone over; this one must stop."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Bounds of the loop."""

    owner: str = "dispatcher"
    code_version: str = ""
    inbox: int = 2_000  # events waiting; whoever brings more has to wait
    refuse_above: int = 500  # with so many waiting, what can be refused is refused
    retry_after_s: int = 5  # told with a refusal
    snapshot_every: int = 10_000  # events


@dataclass(slots=True)
class ServiceHealth:
    """What the loop knows about itself, for health, metrics and the console."""

    running: bool = False
    store_reachable: bool = False
    epoch: int = 0
    last_snapshot: int = 0
    set_aside: set[int] = field(default_factory=set)
    difference: Difference | None = None  # found when the journal was replayed at start
    replayed: int = 0  # events decided again at start


class Service:
    """One zone's dispatcher, without its borders.

    ``sleep`` waits between attempts to reach the store; ``on_append`` hears how many
    seconds an append took and how many events it held.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        clock: Clock,
        settings: ServiceSettings | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_append: Callable[[float, int], None] = lambda seconds, events: None,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.core = DispatchCore(engine)
        self.health = ServiceHealth()
        self.started = asyncio.Event()
        self._journal = journal
        self._settings = settings or ServiceSettings()
        self._store = StorePatience(self._note_store, sleep)
        self._on_append = on_append
        self._backlog: Backlog[Waiting] = Backlog(self._settings.inbox)
        self._unsettled: dict[Waiting, None] = {}  # in order, as a set of them would not be
        self._listeners: list[Listener] = []
        self._starters: list[Starter] = []
        self._stopping = False
        self._no_tick_before_s = 0

    @property
    def waiting(self) -> int:
        """Events in the inbox."""
        return len(self._backlog)

    @property
    def ending(self) -> bool:
        """Whether nothing more is taken in, because the loop is stopping or has ended."""
        return self._stopping

    @property
    def accepting(self) -> bool:
        """Whether a request would be taken in now."""
        return (
            self.health.running
            and self.health.store_reachable
            and self.waiting < self._settings.refuse_above
        )

    def add_listener(self, listener: Listener) -> None:
        """Call ``listener`` with everything decided from now on, in order.

        It must return at once; what it raises is logged and stops nobody else.
        """
        self._listeners.append(listener)

    def add_starter(self, starter: Starter) -> None:
        """Call ``starter`` once, when the state is up to date and before anything new is told.

        It gets the core, and what was decided last before the start: whether that was told
        before the former process ended is not known, so telling it again must be harmless.
        """
        self._starters.append(starter)

    async def submit(
        self,
        build: Callable[[int], Event],
        *,
        dedup_key: str | None = None,
        refusable: bool = False,
    ) -> Receipt:
        """Take an event in; return when it is durable and decided.

        Parameters
        ----------
        build
            Makes the event from its stamp. Called anew if the append has to be repeated.
        dedup_key
            An event whose key the journal has seen is not written again.
        refusable
            Rather refuse than wait long: for riders, who can ask again. What shuttles
            report waits as long as it takes.

        Raises
        ------
        NotTakenError
            Refused, or the service has stopped or was replaced.
        """
        if self._stopping:
            raise self._not_taken("the dispatcher is stopping")
        if refusable and self.waiting >= self._settings.refuse_above:
            raise TooBusyError("too many requests are waiting", self._settings.retry_after_s)
        if refusable and not self.health.store_reachable:
            raise self._not_taken("the journal cannot be written just now")
        waiting = Waiting(build, dedup_key, refusable)
        self._unsettled[waiting] = None
        try:
            await self._backlog.put(waiting)
            return await waiting.done
        finally:
            self._unsettled.pop(waiting, None)

    async def submit_event(self, event: Event) -> Receipt:
        """Take in an event made elsewhere; it is stamped anew, in the journal's order."""
        return await self.submit(lambda at_s: replace(event, at_s=at_s))

    async def submit_all(self, events: Sequence[Event]) -> None:
        """Take in several events in their order; return when all are durable."""
        await asyncio.gather(*(self.submit_event(event) for event in events))

    def stop(self) -> None:
        """Decide what has been taken in, save a snapshot, and let ``run`` return."""
        self._stopping = True
        self._store.ends = True
        self._backlog.wake()

    async def run(self) -> None:
        """Take the zone over, bring the state up to date, and decide until stopped.

        Raises
        ------
        SteppedDownError
            Another dispatcher has taken over.
        DamagedJournal
            The store has lost what it had acknowledged.
        StoreUnavailable
            Stopped while the store could not be reached.
        """
        try:
            await self._take_over()
            await self._loop()
            await self._save_snapshot()
        except StaleEpoch as error:
            log.error("stepped_down", epoch=self.health.epoch, reason=str(error))
            raise SteppedDownError(str(error)) from error
        finally:
            self.health.running = False
            self._stopping = True
            for waiting in self._unsettled:
                waiting.fail(self._not_taken("the dispatcher has stopped"))
            self._backlog.take(len(self._backlog))

    async def _take_over(self) -> None:
        # The epoch first: from then on nobody else writes behind what is read.
        self.health.epoch = await self._store.reaching(
            lambda: self._journal.begin_epoch(self._settings.owner)
        )
        end = await self._store.reaching(self._journal.last_position)
        replayed = await self._reload(tail_after=max(0, end - LARGEST_BATCH))
        await self._set_aside(replayed.newly_failing)
        self.health.difference = replayed.difference
        self.health.replayed = self.core.position - replayed.from_position
        if replayed.difference:
            log.error(
                "decisions_differ_from_the_recorded",
                first=replayed.difference.first,
                last=replayed.difference.last,
            )
        await self._decide([Waiting(lambda at_s: EpochBegan(at_s, self.health.epoch))])
        for starter in self._starters:
            starter(self.core, replayed.tail)
        # After a change of code the old snapshots mean a long replay, which must not be needed
        # again in the middle of service.
        await self._save_snapshot()
        self.health.running = True
        self.started.set()
        log.info("took_over", epoch=self.health.epoch, event_number=self.core.position)

    async def _loop(self) -> None:
        while batch := await self._next_batch():
            await self._decide(batch)
            if self.core.position - self.health.last_snapshot >= self._settings.snapshot_every:
                await self._save_snapshot()

    async def _next_batch(self) -> list[Waiting]:
        """Everything that waits, at most 64; empty when stopping.

        It does not wait for more to come: what comes during one append makes the next batch.
        """
        while True:
            if batch := self._backlog.take(LARGEST_BATCH):
                return batch
            if self._stopping:
                return []
            if await self._tick_comes_first():
                return [Waiting(ClockTicked)]

    async def _tick_comes_first(self) -> bool:
        """Wait for an arrival or for the time at which the state wants a tick."""
        due_s = self.engine.next_due_s(self.core.state)
        if due_s is None:
            await self._backlog.arrival()
            return False
        # Were a tick not to clear what is due, the loop would fill the journal: one a second.
        due_s = max(due_s, self._no_tick_before_s)
        if due_s <= self.clock.now_s():
            return True
        arrival = asyncio.ensure_future(self._backlog.arrival())
        alarm = asyncio.ensure_future(self.clock.sleep_until(due_s))
        try:
            await asyncio.wait({arrival, alarm}, return_when=asyncio.FIRST_COMPLETED)
            return alarm.done() and not arrival.done()
        finally:
            for task in (arrival, alarm):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _decide(self, batch: list[Waiting]) -> None:
        """Append, apply and tell; comes back only when every event of the batch is settled."""
        while batch:
            batch, contents, entries = self._stamped(batch)
            try:
                appended = await self._append(entries)
            except StoreUnavailable as error:
                # Nothing was written. Riders can ask again; shuttles' events must not be lost.
                batch = self._without_riders(batch)
                await self._store.pause(error)
                # Until the store answers, nothing refusable comes in that would try it again.
                await self._store.reaching(self._journal.last_position)
            except (UnknownOutcome, UnexpectedPosition) as error:
                if isinstance(error, UnexpectedPosition) and error.actual < error.expected:
                    raise DamagedJournal(f"the journal has lost records: {error}") from error
                if isinstance(error, UnknownOutcome):
                    # Until it answers a reading, riders are told to come again, not left waiting.
                    self._note_store(False)
                log.warning("journal_read_again", reason=str(error))
                batch = await self._catch_up(batch, entries)
            else:
                await self._settle(batch, contents, appended)
                return

    def _stamped(
        self, batch: list[Waiting]
    ) -> tuple[list[Waiting], list[JournalPayload], list[Entry]]:
        at_s = self.core.stamp_s(self.clock.now_s())
        kept: list[Waiting] = []
        contents: list[JournalPayload] = []
        for waiting in batch:
            try:
                built = waiting.build(at_s)
            except Exception as error:
                log.exception("event_not_built")
                waiting.fail(error)
                continue
            kept.append(waiting)
            if isinstance(built, SetAside):
                contents.append(SetAsideRecord(built.position, self.core.digest))
            else:
                contents.append(EventRecord(built, self.core.digest))
        entries = [
            Entry(encode_payload(content), waiting.dedup_key)
            for waiting, content in zip(kept, contents, strict=True)
        ]
        return kept, contents, entries

    async def _append(self, entries: list[Entry]) -> Appended:
        began = time.perf_counter()
        appended = await self._journal.append(
            entries, epoch=self.health.epoch, expected_position=self.core.position
        )
        self._on_append(time.perf_counter() - began, len(entries))
        self._store.answered()
        return appended

    async def _settle(
        self, batch: list[Waiting], contents: list[JournalPayload], appended: Appended
    ) -> None:
        written: list[tuple[int, JournalPayload, Waiting | None]] = []
        for waiting, content, position, fresh in zip(
            batch, contents, appended.positions, appended.fresh, strict=True
        ):
            if fresh:
                written.append((position, content, waiting))
            else:
                waiting.resolve(Receipt(position, False, None))
        await self._apply(written)

    async def _catch_up(self, batch: list[Waiting], entries: list[Entry]) -> list[Waiting]:
        """Read what the journal holds beyond the state; give back what is not in it."""
        missing = list(zip(batch, entries, strict=True))
        try:
            records = await self._records_beyond()
        except (StoreUnavailable, UnknownOutcome) as error:
            # This may last. Riders ask again, which is harmless should theirs be written after all.
            kept = self._without_riders(batch)
            await self._store.pause(error)
            records = await self._store.reaching(self._records_beyond)
        else:
            kept = batch
            self._store.answered()
        written: list[tuple[int, JournalPayload, Waiting | None]] = []
        for record in records:
            if record.epoch != self.health.epoch:
                raise StaleEpoch(self.health.epoch, record.epoch)
            found = next((pair for pair in missing if pair[1].payload == record.payload), None)
            if found is not None:
                missing.remove(found)
            waiting = found[0] if found else None
            written.append((record.position, decode_payload(record.payload), waiting))
        await self._apply(written)
        return [waiting for waiting, _ in missing if waiting in kept]

    def _without_riders(self, batch: list[Waiting]) -> list[Waiting]:
        """Tell those who can ask again to do so; the others stay."""
        for waiting in batch:
            if waiting.refusable:
                waiting.fail(self._not_taken("the journal cannot be written just now"))
        return [waiting for waiting in batch if not waiting.refusable]

    async def _records_beyond(self) -> list[Record]:
        return [record async for record in self._journal.read(self.core.position)]

    async def _apply(self, written: list[tuple[int, JournalPayload, Waiting | None]]) -> None:
        waiting_at = {position: waiting for position, _, waiting in written}
        for position, content, _ in written:
            assert position == self.core.position + 1, "the journal has no gaps"
            try:
                applied = self._decided(content)
            except Exception:
                log.exception("event_failed", event_number=position)
                replayed = await self._reload(tail_after=position - 1)
                for applied in replayed.tail:
                    self._tell(applied, waiting_at.get(applied.position))
                await self._set_aside(replayed.newly_failing)
                return
            self._tell(applied, waiting_at[position])

    def _decided(self, content: JournalPayload) -> Applied:
        if isinstance(content, SetAsideRecord):
            self.health.set_aside.add(content.position)
            return self.core.skip()
        if isinstance(content.event, ClockTicked):
            self._no_tick_before_s = content.event.at_s + 1
        return self.core.apply(content.event)

    def _tell(self, applied: Applied, waiting: Waiting | None) -> None:
        for listener in self._listeners:
            try:
                listener(applied)
            except Exception:
                log.exception("listener_failed", event_number=applied.position)
        if waiting is not None:
            waiting.resolve(Receipt(applied.position, True, applied))

    async def _reload(self, *, tail_after: int) -> Replayed:
        """Make the state anew from the journal; a failed step may have left it half changed."""
        replayed = await self._store.reaching(
            lambda: recover(
                self.engine,
                self._journal,
                self._settings.code_version,
                tail_after=tail_after,
            )
        )
        self.core = replayed.core
        self.health.set_aside = set(replayed.set_aside)
        self.health.last_snapshot = max(self.health.last_snapshot, replayed.from_position)
        return replayed

    async def _set_aside(self, positions: Sequence[int]) -> None:
        """Record for good that these events are left out, and tell the operator."""
        for position in positions:
            log.error("event_set_aside", event_number=position)
            text = f"Event {position} failed twice and was set aside; see the log."
            alert = OperatorAlerted(AlertKind.EVENT_SET_ASIDE, text)
            await self._decide([Waiting(partial(_left_out, position))])
            self._tell(Applied(self.core.position, None, (alert,)), None)

    async def _save_snapshot(self) -> None:
        core = self.core
        payload = snapshot_payload(core, self.health.set_aside)
        digest = self.engine.state_digest(core.state)
        try:
            await self._journal.save_snapshot(
                core.position, payload, digest, self._settings.code_version
            )
        except (StoreUnavailable, UnknownOutcome) as error:
            # The journal has everything; a snapshot only saves time.
            log.warning("snapshot_not_saved", reason=str(error))
        self.health.last_snapshot = core.position

    def _note_store(self, reachable: bool) -> None:
        self.health.store_reachable = reachable

    def _not_taken(self, why: str) -> NotTakenError:
        return NotTakenError(why, self._settings.retry_after_s)


def _left_out(position: int, at_s: int) -> SetAside:
    return SetAside(position)
