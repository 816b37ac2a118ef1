"""The loop: what comes in is made durable, then decided, then told.

One task decides, so there is one order, the journal's. Everything else in the process
hands events in through ``submit`` and hears of decisions as a listener.
"""

import asyncio
import secrets
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
    SealRecord,
    SetAsideRecord,
    ZoneRecord,
    decode_payload,
    encode_payload,
    lasting_payload,
)
from dispatcher.core import Applied, DispatchCore, Engine, Ground
from dispatcher.domain.decisions import AlertKind, OperatorAlerted
from dispatcher.domain.events import ClockTicked, EpochBegan, Event
from dispatcher.ending import end_tasks
from dispatcher.intake import NotTakenError, Receipt, Sealed, SetAside, TooBusyError, Waiting
from dispatcher.journal import (
    ENTRY_ID_MARK,
    Appended,
    DamagedJournal,
    Entry,
    Journal,
    Lasting,
    LeaseOfAnother,
    Record,
    StaleEpoch,
    StoreUnavailable,
    UnexpectedPosition,
    UnknownOutcome,
)
from dispatcher.leadership import Leadership
from dispatcher.recovery import Difference, Replayed
from dispatcher.retention import discard_older
from dispatcher.snapshots import SLICE_S, Picture
from dispatcher.standby import Standby
from dispatcher.store_patience import StorePatience

log = structlog.get_logger(__name__)

LARGEST_BATCH: Final = 64
DAY_S: Final = 86_400
CLOCK_BEHIND_S: Final = 5
Listener = Callable[[Applied], None]
Starter = Callable[[DispatchCore, Sequence[Applied]], None]


class SteppedDownError(Exception):
    """Another dispatcher has taken the zone over; this one must stop."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Bounds of the loop."""

    owner: str = "dispatcher"
    run: str = field(default_factory=lambda: secrets.token_hex(8))  # no two starts share it
    epoch_above: int = 0  # begin above this one, which the store may have forgotten
    code_version: str = ""
    inbox: int = 2_000  # events waiting; whoever brings more has to wait
    refuse_above: int = 500  # with so many waiting, what can be refused is refused
    retry_after_s: int = 5  # told with a refusal
    snapshot_every: int = 1_000  # events
    snapshot_every_s: float = 300.0  # or so long after the last, if anything happened
    keep_days: int = 0  # older records are discarded; 0: none are


@dataclass(slots=True)
class ServiceHealth:
    """What the loop knows about itself, for health, metrics and the console."""

    running: bool = False
    store_reachable: bool = False
    store_faults: tuple[str, ...] = ()  # why it could lose what it acknowledges
    reloading: bool = False  # the state is being made anew
    epoch: int = 0
    last_snapshot: int = 0
    set_aside: set[int] = field(default_factory=set)
    difference: Difference | None = None  # found when the journal was replayed at start
    replayed: int = 0  # events decided again at start


class Service:
    """One zone's dispatcher, without its borders.

    ``sleep`` waits between attempts to reach the store; ``on_append`` hears how many
    seconds an append took and how many events it held. With a ``leadership`` it stands by
    until the zone is its own.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        clock: Clock,
        settings: ServiceSettings | None = None,
        *,
        leadership: Leadership | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_append: Callable[[float, int], None] = lambda seconds, events: None,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.core = DispatchCore(engine)
        self.health = ServiceHealth()
        self.leads = asyncio.Event()  # the zone is ours; the state may not stand yet
        self.started = asyncio.Event()
        self.leadership = leadership
        self.slice_s = SLICE_S  # decided without a break
        self._journal = journal
        self._settings = settings or ServiceSettings()
        self._standby = Standby(engine, journal, self._settings.code_version)
        self._store = StorePatience(self._note_store, sleep)
        self._on_append = on_append
        self._backlog: Backlog[Waiting] = Backlog(self._settings.inbox)
        self._unsettled: dict[Waiting, None] = {}  # in the order in which they came
        self._entries = 0  # ids given out
        self._first_epoch = 0  # of this run
        self._listeners: list[Listener] = []
        self._starters: list[Starter] = []
        self._aside_listeners: list[Callable[[int, Event], None]] = []
        self._stopping = False
        self._no_tick_before_s = 0
        self._pictured = 0  # the last position of which a snapshot was begun ...
        self._pictured_at_s = 0.0  # ... and when, by the event loop's clock
        self._saving: asyncio.Task[None] | None = None
        self._within_batch = False
        self._snapshot_wanted = False

    @property
    def waiting(self) -> int:
        """Events in the inbox."""
        return len(self._backlog)

    @property
    def followed_to(self) -> int:
        """The last event known: of one's own, or while standing by of another's."""
        return max(self.core.position, self._standby.position)

    @property
    def unsettled(self) -> int:
        """Events handed in and not yet decided, those that wait for room included."""
        return len(self._unsettled)

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
            and not self.health.store_faults
            and not self.health.reloading
            and self.waiting < self._settings.refuse_above
        )

    def add_listener(self, listener: Listener) -> None:
        """Call ``listener`` with everything decided from now on, in order.

        It must return at once; what it raises is logged and stops nobody else.
        """
        self._listeners.append(listener)

    def add_aside_listener(self, listener: Callable[[int, Event], None]) -> None:
        """Call ``listener`` with each event that is set aside while serving, and its number.

        The state stands without it then. Who told it may hold it for told, and has to be
        heard anew.
        """
        self._aside_listeners.append(listener)

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
        urgent: bool = False,
        patience_s: float | None = None,
        begins: bool = True,
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
        urgent
            Not refused because riders wait, nor because the store may lose what it is told: for
            operators, who act on just such trouble.
        patience_s
            Of whom can be refused, in seconds of the event loop. Who has been told that it
            was not taken in may have gone, so from then on it is not written any more; only
            what was under way to the store already may still prove to be written.
        begins
            Of what can be refused and has a key: it begins something, which could be lost with
            an unsafe store. What is about something begun already is taken all the same.

        Raises
        ------
        NotTakenError
            Refused, or the service has stopped or was replaced.
        """
        if self._stopping:
            raise self._not_taken("the dispatcher is stopping")
        crowded = self.waiting >= self._settings.refuse_above
        if refusable and crowded and not urgent:
            raise TooBusyError("too many requests are waiting", self._settings.retry_after_s)
        if refusable and not self.health.store_reachable:
            raise self._not_taken("the journal cannot be written just now")
        promises = refusable and begins and not urgent and dedup_key is not None
        if promises and self.health.store_faults:
            # Who has a trip may still answer and cancel; what would be promised anew could be lost.
            raise self._not_taken("the journal's store is not safe just now")
        waiting = Waiting(build, dedup_key, refusable)
        self._unsettled[waiting] = None
        try:
            async with asyncio.timeout(patience_s if refusable else None):
                await self._backlog.put(waiting)
                return await asyncio.shield(waiting.done)
        except TimeoutError as error:
            raise self._not_taken("the journal does not answer just now") from error
        finally:
            self._unsettled.pop(waiting, None)
            if refusable:
                waiting.fail(self._not_taken("whoever asked has gone"))
                self._backlog.remove(waiting)

    async def submit_event(self, event: Event) -> Receipt:
        """Take in an event made elsewhere; it is stamped anew, in the journal's order."""
        return await self.submit(lambda at_s: replace(event, at_s=at_s))

    async def submit_all(self, events: Sequence[Event]) -> None:
        """Take in several events in their order; return when all are durable."""
        await asyncio.gather(*(self.submit_event(event) for event in events))

    def note_store_faults(self, faults: tuple[str, ...]) -> None:
        """While the store could lose events, new requests are refused, and the operator knows."""
        if faults == self.health.store_faults:
            return
        self.health.store_faults = faults
        if not faults:
            log.info("store_safe_again")
        for fault in faults:
            log.error("store_unsafe", reason=fault)
            self.alert(AlertKind.STORE_UNSAFE, fault)

    def alert(self, kind: AlertKind, text: str) -> None:
        """Tell the operator something that is not the engine's to decide."""
        self._tell(Applied(self.core.position, None, (OperatorAlerted(kind, text),)), None)

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
            await self._lead()
            await self._take_over()
            await self._loop()
            await self._seal()
            await self._save_snapshot()
        except (StaleEpoch, LeaseOfAnother) as error:
            log.error("stepped_down", epoch=self.health.epoch, reason=str(error))
            raise SteppedDownError(str(error)) from error
        finally:
            self.health.running = False
            self._stopping = True
            for waiting in self._unsettled:
                waiting.fail(self._not_taken("the dispatcher has stopped"))
            self._backlog.take(len(self._backlog))
            if self._saving is not None:
                self._saving.cancel()

    async def _lead(self) -> None:
        """Stand by until the zone is ours, and begin an epoch: then nobody else writes any more."""
        settings = self._settings
        while True:
            if self.leadership is not None:
                await self.leadership.win(self._standby.follow)
            try:
                self.health.epoch = await self._store.reaching(
                    lambda: self._journal.begin_epoch(
                        settings.owner, run=settings.run, above=settings.epoch_above
                    )
                )
            except LeaseOfAnother as error:
                if self.leadership is None:
                    raise
                log.info("lease_lost_again", reason=str(error))
                continue
            self._first_epoch = self.health.epoch
            self.leads.set()
            return

    async def _take_over(self) -> None:
        began_s = time.perf_counter()
        replayed = await self._reload()
        restored_s = round(time.perf_counter() - began_s, 3)
        end = self.core.position
        await self._set_aside(replayed.newly_failing)
        self.health.difference = replayed.difference
        self.health.replayed = self.core.position - replayed.from_position
        if replayed.difference:
            log.error(
                "decisions_differ_from_the_recorded",
                first=replayed.difference.first,
                last=replayed.difference.last,
            )
        beginning = [Waiting(self._epoch_began)]
        ground = Ground(self.engine.rules(), self.engine.zone_digest())
        if ground.rules and self.core.ground != ground:
            # First: what this epoch decides is decided under these.
            log.info("ground_changed", event_number=self.core.position + 1)
            beginning.insert(0, Waiting(lambda at_s: ground))
        await self._decide(beginning)
        tail = [applied for applied in replayed.tail if applied.position > end - LARGEST_BATCH]
        for starter in self._starters:
            starter(self.core, tail)
        # After a change of code the old snapshots mean a long replay, which must not be needed
        # again in the middle of service.
        await self._save_snapshot()
        self.health.running = True
        self.started.set()
        self._mind_the_clock()
        log.info(
            "took_over",
            epoch=self.health.epoch,
            event_number=self.core.position,
            replayed=self.health.replayed,
            restored_s=restored_s,
        )

    def _mind_the_clock(self) -> None:
        """Time stands still until the clock has come to where the journal is: say so."""
        behind_s = self.core.last_at_s - self.clock.now_s()
        if behind_s > CLOCK_BEHIND_S:
            text = (
                f"The clock is {behind_s} s behind the last event; until it gets there no time "
                "passes here. Put it right, if it is wrong."
            )
            log.error("clock_behind_journal", behind_s=behind_s)
            self.alert(AlertKind.CLOCK_JUMPED, text)

    async def _loop(self) -> None:
        while batch := await self._next_batch():
            await self._decide(batch)
            if self._snapshot_is_due():
                self._begin_snapshot()

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
            await end_tasks((arrival, alarm))

    async def _decide(self, batch: list[Waiting]) -> None:
        """Append, apply and tell; comes back only when every event of the batch is settled."""
        while batch:
            batch, contents, entries = self._stamped(batch)
            try:
                appended = await self._append(entries)
            except StoreUnavailable as error:
                # Nothing was written. Riders can ask again; shuttles' events must not be lost.
                batch = self._without_riders(batch)
                self._refuse_riders_waiting()
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
                batch = await self._catch_up(batch)
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
            if waiting.given_up:
                continue
            if waiting.key is None:
                self._entries += 1
                waiting.key = f"{ENTRY_ID_MARK}{self.health.epoch}/{self._entries}"
            try:
                built = waiting.build(at_s)
            except Exception as error:
                log.exception("event_not_built")
                waiting.fail(error)
                continue
            kept.append(waiting)
            contents.append(_payload(built, self.core.digest))
        entries = [
            _entry(content, waiting.key) for waiting, content in zip(kept, contents, strict=True)
        ]
        return kept, contents, entries

    async def _append(self, entries: list[Entry]) -> Appended:
        began = time.perf_counter()
        appended = await self._journal.append(
            entries,
            epoch=self.health.epoch,
            expected_position=self.core.position,
            run=self._settings.run,
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

    async def _catch_up(self, batch: list[Waiting]) -> list[Waiting]:
        """Begin anew in a new epoch: what was under way in the former one cannot come late.

        Reads what the journal holds beyond the state, and gives back what is still to be
        written: the beginning of the epoch, and what of the batch is not there.
        """
        kept = batch
        former = self.health.epoch
        try:
            records = await self._read_in_a_new_epoch(former)
        except (StoreUnavailable, UnknownOutcome) as error:
            # This may last. Riders ask again, which is harmless should theirs be written after all.
            kept = self._without_riders(batch)
            self._refuse_riders_waiting()
            await self._store.pause(error)
            records = await self._store.reaching(lambda: self._read_in_a_new_epoch(former))
        else:
            self._store.answered()
        missing = list(batch)
        written: list[tuple[int, JournalPayload, Waiting | None]] = []
        for record in records:
            if record.epoch < self._first_epoch:
                raise StaleEpoch(self.health.epoch, record.epoch)
            # By its key, for the stamp of an earlier attempt may be another.
            found = next((waiting for waiting in missing if waiting.key == record.dedup_key), None)
            if found is not None:
                missing.remove(found)
            written.append((record.position, decode_payload(record.payload), found))
        await self._apply(written)
        missing = [w for w in missing if w in kept and w.build != self._epoch_began]
        return [Waiting(self._epoch_began), *missing]

    async def _read_in_a_new_epoch(self, former: int) -> list[Record]:
        """What the journal holds beyond the state, once the epoch is another than ``former``."""
        if self.health.epoch == former:
            self.health.epoch = await self._journal.begin_epoch(
                self._settings.owner, run=self._settings.run, renew=True
            )
            log.warning("epoch_begun_anew", epoch=self.health.epoch)
        return [record async for record in self._journal.read(self.core.position)]

    def _epoch_began(self, at_s: int) -> Event:
        return EpochBegan(at_s, self.health.epoch)

    def _without_riders(self, batch: list[Waiting]) -> list[Waiting]:
        """Tell those who can ask again to do so; the others stay."""
        for waiting in batch:
            if waiting.refusable:
                waiting.fail(self._not_taken("the journal cannot be written just now"))
        return [waiting for waiting in batch if not waiting.refusable]

    def _refuse_riders_waiting(self) -> None:
        """They are told at once, and not written once the store is back: they may have gone."""
        self._without_riders(self._backlog.take_where(lambda waiting: waiting.refusable))

    async def _apply(self, written: list[tuple[int, JournalPayload, Waiting | None]]) -> None:
        self._within_batch = True
        try:
            await self._apply_in_slices(written)
        finally:
            self._within_batch = False

    async def _apply_in_slices(
        self, written: list[tuple[int, JournalPayload, Waiting | None]]
    ) -> None:
        waiting_at = {position: waiting for position, _, waiting in written}
        # The loop's own clock: in virtual time deciding takes none, and a run is the same again.
        clock = asyncio.get_running_loop().time
        began_s = clock()
        for position, content, _ in written:
            if clock() - began_s >= self.slice_s:
                await asyncio.sleep(0)  # between two events others get their turn
                began_s = clock()
            assert position == self.core.position + 1, "the journal has no gaps"
            try:
                applied = self._decided(content)
            except Exception:
                log.exception("event_failed", event_number=position)
                replayed = await self._reload()
                for applied in replayed.tail:
                    if applied.position >= position:
                        self._tell(applied, waiting_at.get(applied.position))
                await self._set_aside(replayed.newly_failing)
                return
            self._tell(applied, waiting_at[position])

    def _decided(self, content: JournalPayload) -> Applied:
        match content:
            case SetAsideRecord(position):
                self.health.set_aside.add(position)
                return self.core.skip()
            case ZoneRecord(rules, zone):
                return self.core.move_to(Ground(rules, zone))
            case SealRecord():
                return self.core.skip()
            case EventRecord(event):
                if isinstance(event, ClockTicked):
                    self._no_tick_before_s = event.at_s + 1
                return self.core.apply(event)

    def _tell(self, applied: Applied, waiting: Waiting | None) -> None:
        for listener in self._listeners:
            try:
                listener(applied)
            except Exception:
                log.exception("listener_failed", event_number=applied.position)
        if waiting is not None:
            waiting.resolve(Receipt(applied.position, True, applied))

    async def _reload(self) -> Replayed:
        """Make the state anew from the journal; a failed step may have left it half changed.

        Meanwhile there is none to be seen, rather than one that never was.
        """
        self.health.reloading = True
        self.core = DispatchCore(
            self.engine,
            position=self.core.position,
            digest=self.core.digest,
            last_at_s=self.core.last_at_s,
        )
        replayed = await self._store.reaching(self._standby.caught_up)
        self.core = replayed.core
        self.health.reloading = False
        self.health.set_aside = set(replayed.set_aside)
        self.health.last_snapshot = max(self.health.last_snapshot, replayed.from_position)
        return replayed

    async def _set_aside(self, positions: Sequence[int]) -> None:
        """Record for good that these events are left out, and tell the operator."""
        for position in positions:
            log.error("event_set_aside", event_number=position)
            text = f"Event {position} failed twice and was set aside; see the log."
            await self._decide([Waiting(partial(_left_out, position))])
            self.alert(AlertKind.EVENT_SET_ASIDE, text)
            if self.health.running:
                await self._tell_aside(position)

    async def _tell_aside(self, position: int) -> None:
        record = await self._store.reaching(lambda: self._record_at(position))
        content = decode_payload(record.payload)
        assert isinstance(content, EventRecord)
        for listener in self._aside_listeners:
            try:
                listener(position, content.event)
            except Exception:
                log.exception("listener_failed", event_number=position)

    async def _record_at(self, position: int) -> Record:
        async for record in self._journal.read(position - 1):
            return record
        raise DamagedJournal(f"record {position} is gone")

    async def _seal(self) -> None:
        """Say in the journal what was decided last, which no later event does."""
        try:
            await self._decide([Waiting(_sealed)])
        except (StoreUnavailable, UnknownOutcome) as error:
            log.warning("journal_not_sealed", reason=str(error))

    def _snapshot_is_due(self) -> bool:
        settings, behind = self._settings, self.core.position - self._pictured
        late = asyncio.get_running_loop().time() - self._pictured_at_s >= settings.snapshot_every_s
        due = behind >= settings.snapshot_every or self._snapshot_wanted
        return due or (late and behind > 0)

    async def _save_snapshot(self) -> None:
        """Save one of the state as it is now; return when it is saved, or could not be."""
        if self._saving is not None:
            await self._saving
        self._begin_snapshot()
        assert self._saving is not None
        await self._saving

    def begin_snapshot(self) -> None:
        """Take a picture of the state, now or after what is being decided, and save it."""
        if self._within_batch:
            # A batch's digest is compared as a whole: a replay cannot begin within it.
            self._snapshot_wanted = True
        elif self.health.running and not self.health.reloading:
            self._begin_snapshot()

    def _begin_snapshot(self) -> None:
        if self._saving is not None and not self._saving.done():
            return  # a slow store: the next one will do
        self._snapshot_wanted = False
        self._pictured = self.core.position
        self._pictured_at_s = asyncio.get_running_loop().time()
        picture = Picture(self.core, self.health.set_aside)
        self._saving = asyncio.create_task(self._write_snapshot(picture))

    async def _write_snapshot(self, picture: Picture) -> None:
        settings = self._settings
        try:
            payload, digest = await picture.written()
            await self._journal.save_snapshot(
                picture.position, payload, digest, settings.code_version
            )
            self.health.last_snapshot = picture.position
            if settings.keep_days:
                await discard_older(self._journal, self.clock.now_s() - settings.keep_days * DAY_S)
        except (StoreUnavailable, UnknownOutcome) as error:
            # The journal has everything; a snapshot only saves time.
            log.warning("snapshot_not_saved", reason=str(error))
        except Exception:
            log.exception("snapshot_failed", event_number=picture.position)

    def _note_store(self, reachable: bool) -> None:
        self.health.store_reachable = reachable

    def _not_taken(self, why: str) -> NotTakenError:
        return NotTakenError(why, self._settings.retry_after_s)


def _entry(content: JournalPayload, key: str | None) -> Entry:
    lasts = lasting_payload(content)
    return Entry(encode_payload(content), key, None if lasts is None else Lasting(*lasts))


def _left_out(position: int, at_s: int) -> SetAside:
    return SetAside(position)


def _sealed(at_s: int) -> Sealed:
    return Sealed()


def _payload(built: Event | SetAside | Ground | Sealed, digest: str) -> JournalPayload:
    match built:
        case SetAside(position):
            return SetAsideRecord(position, digest)
        case Ground(rules, zone):
            return ZoneRecord(rules, zone, digest)
        case Sealed():
            return SealRecord(digest)
        case event:
            return EventRecord(event, digest)
