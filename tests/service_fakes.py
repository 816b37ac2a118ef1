"""A small engine, clock and faulty journal, to try the shell without the real ones.

The fake engine counts: each request is offered the number of requests before it, and a
request from a rider called ``crash…`` fails as a mistake of ours would.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from typing import Any

from dispatcher.domain.decisions import Decision, TripChanged
from dispatcher.domain.events import ClockTicked, EpochBegan, Event, RequestSubmitted
from dispatcher.domain.ids import RequestId, RiderId, StopId, TripId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.trips import Party, RideRequest, TimeWish, TripState, TripStatus
from dispatcher.journal import Appended, Entry, JournalError, LeaseAnswer, MemoryJournal


@dataclass
class CountingState:
    asked: list[str] = field(default_factory=list)
    ticks: int = 0
    epoch: int = 0
    due_s: int | None = None


class CountingEngine:
    """Decides otherwise under another rule (``offset``) and in another version (``code``)."""

    def __init__(
        self, offset: int | None = None, *, code: int = 0, fail_once: bool = False
    ) -> None:
        self.offset = offset
        self.code = code
        self.steps = 0
        self.zone = "these streets"
        self.stops = "as ever"
        self.mended = False  # a later version, in which nothing fails
        self._failures_left = 1 if fail_once else 1_000_000
        self.requests: dict[str, tuple[RideRequest, TripStatus]] = {}

    def stops_digest(self) -> str:
        return self.stops

    def zone_digest(self) -> str:
        return self.zone

    def rules(self) -> str:
        return "" if self.offset is None else f'{{"offset":{self.offset}}}'

    def under(self, rules: str) -> "CountingEngine":
        recorded = copy(self)
        recorded.offset = json.loads(rules)["offset"]
        return recorded

    def new_state(self) -> CountingState:
        return CountingState()

    def step(
        self, state: CountingState, event: Event
    ) -> tuple[CountingState, tuple[Decision, ...]]:
        self.steps += 1
        match event:
            case RequestSubmitted(at_s, request):
                state.asked.append(request.trip_id)
                if self._fails(request.rider_id):
                    raise AssertionError(f"cannot serve {request.rider_id}")
                status = TripStatus(
                    request.trip_id,
                    request.rider_id,
                    request.request_id,
                    TripState.OFFERED,
                    len(state.asked) + (self.offset or 0) + self.code,
                    at_s,
                )
                self.requests[f"{request.rider_id}/{request.request_id}"] = (request, status)
                return state, (TripChanged(status),)
            case ClockTicked(at_s):
                state.ticks += 1
                state.due_s = None
            case EpochBegan(_, epoch):
                state.epoch = epoch
        return state, ()

    def _fails(self, rider_id: str) -> bool:
        fails = rider_id.startswith("crash") and not self.mended and self._failures_left > 0
        self._failures_left -= fails
        return fails

    def next_due_s(self, state: CountingState) -> int | None:
        return state.due_s

    def dump_state(self, state: CountingState) -> bytes:
        return json.dumps(asdict(state)).encode()

    def picture(self, state: CountingState) -> Iterator[bytes]:
        dumped = self.dump_state(state)
        return iter([dumped[:10], dumped[10:]])

    def load_state(self, payload: bytes) -> CountingState:
        return CountingState(**json.loads(payload))

    def state_digest(self, state: CountingState) -> str:
        return str(hash(self.dump_state(state)))

    def find_request(
        self, state: CountingState, rider_id: RiderId, request_id: RequestId
    ) -> tuple[RideRequest, TripStatus] | None:
        return self.requests.get(f"{rider_id}/{request_id}")

    def list_statuses(self, state: CountingState) -> Sequence[TripStatus]:
        return [status for _, status in self.requests.values()]

    def list_plans(self, state: CountingState) -> Sequence[ShuttlePlan]:
        return []


class HandClock:
    """Stands still until moved; whoever sleeps is woken by that."""

    def __init__(self, at_s: int = 1_000) -> None:
        self.at_s = at_s
        self._moved = asyncio.Condition()
        self.sleepers = 0

    def now_s(self) -> int:
        return self.at_s

    def now_exact_s(self) -> float:
        return float(self.at_s)

    async def move_to(self, at_s: int) -> None:
        async with self._moved:
            self.at_s = at_s
            self._moved.notify_all()

    async def sleep_until(self, at_s: int) -> None:
        self.sleepers += 1
        try:
            async with self._moved:
                await self._moved.wait_for(lambda: self.at_s >= at_s)
        finally:
            self.sleepers -= 1


class FaultyJournal(MemoryJournal):
    """Raises what is planned for the next appends.

    ``written_first`` writes before raising; ``written_late`` leaves the append under way, to
    arrive just before the next one does.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(monotonic=monotonic)
        self.lease_down: Exception | None = None
        self.faults: list[tuple[Exception, bool, bool]] = []
        self.down: Exception | None = None
        self.under_way: list[tuple[Sequence[Entry], int, int, str]] = []
        self.came_late: list[JournalError | None] = []  # what became of those
        self.batches: list[int] = []

    def fail_next(
        self, error: Exception, *, written_first: bool = False, written_late: bool = False
    ) -> None:
        self.faults.append((error, written_first, written_late))

    async def append(
        self, entries: Sequence[Entry], *, epoch: int, expected_position: int, run: str = ""
    ) -> Appended:
        if self.down is not None:
            raise self.down
        if self.faults:
            error, written_first, written_late = self.faults.pop(0)
            if written_late:
                self.under_way.append((entries, epoch, expected_position, run))
            if written_first:
                await super().append(
                    entries, epoch=epoch, expected_position=expected_position, run=run
                )
            raise error
        while self.under_way:
            await self._arrives(*self.under_way.pop(0))
        self.batches.append(len(entries))
        return await super().append(
            entries, epoch=epoch, expected_position=expected_position, run=run
        )

    async def _arrives(self, entries: Sequence[Entry], epoch: int, expected: int, run: str) -> None:
        try:
            await super().append(entries, epoch=epoch, expected_position=expected, run=run)
        except JournalError as error:
            self.came_late.append(error)
        else:
            self.came_late.append(None)

    async def hold_lease(self, *about: Any, **more: Any) -> LeaseAnswer:
        if self.lease_down is not None:
            raise self.lease_down
        return await super().hold_lease(*about, **more)

    async def last_position(self) -> int:
        if self.down is not None:
            raise self.down
        return await super().last_position()


def a_request(number: int, rider: str = "ana", at_s: int = 0) -> RequestSubmitted:
    return RequestSubmitted(
        at_s,
        RideRequest(
            RequestId(f"q{number}"),
            RiderId(rider),
            TripId(f"t{number}"),
            StopId("A"),
            StopId("B"),
            TimeWish.NOW,
            at_s,
            Party(),
            400,
        ),
    )


async def turns(number: int) -> None:
    """Let everything that can run do so, for so many rounds of the event loop."""
    for _ in range(number):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the others run until the condition holds; it must come to hold without any waiting."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to hold")
