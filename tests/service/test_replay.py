"""A replay says whether every decision is the same, and where it first is not."""

import asyncio
from typing import Any

import pytest
from service_fakes import CountingEngine, FaultyJournal, HandClock, a_request

from dispatcher.domain.events import RequestSubmitted
from dispatcher.journal import Record
from dispatcher.replay import events_of, replay
from dispatcher.service import Service


async def a_recording(*batches: int, crash: bool = False) -> tuple[list[Record], str]:
    """Requests taken in in batches of these sizes; the journal and the final digest.

    Record 1 is the beginning of the epoch, in a batch of its own.
    """
    engine: Any = CountingEngine()
    journal = FaultyJournal()
    service = Service(engine, journal, HandClock())
    running = asyncio.create_task(service.run())
    await service.started.wait()
    number = 0
    for size in batches:
        rider = "crash" if crash and number == 0 else "ana"
        requests = [a_request(number + i, rider if i == 0 else "ana") for i in range(size)]
        number += size
        await asyncio.gather(*(service.submit_event(request) for request in requests))
    digest = service.core.digest
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return [record async for record in journal.read()], digest


def changed_from(number: int) -> Any:
    """An engine that decides otherwise from the request with this number on."""

    class Changed(CountingEngine):
        def step(self, state: Any, event: Any) -> Any:
            if isinstance(event, RequestSubmitted):
                self.code = 10 if int(event.request.request_id[1:]) >= number else 0
            return super().step(state, event)

    return Changed()


async def test_the_same_code_decides_the_same() -> None:
    records, digest = await a_recording(1, 3, 2)
    result = replay(CountingEngine(), records)
    assert result.same
    # 1 + 1 + 3 + 2 events; the last batch of 2 has no digest behind it.
    assert (result.events, result.compared) == (7, 5)
    assert result.digest == digest
    known = replay(CountingEngine(), records, final_digest=digest)
    assert (known.same, known.compared) == (True, 7)


@pytest.mark.parametrize(
    ("number", "first", "last"),
    [
        # Requests 0 | 1 2 3 | 4 5 stand at positions 2 | 3 4 5 | 6 7.
        (0, 2, 2),
        (1, 3, 5),
        (3, 3, 5),
        (4, 6, 7),
    ],
)
async def test_the_first_difference_is_named_up_to_its_batch(
    number: int, first: int, last: int
) -> None:
    records, digest = await a_recording(1, 3, 2)
    result = replay(changed_from(number), records, final_digest=digest)
    assert result.difference is not None
    assert (result.difference.first, result.difference.last) == (first, last)
    assert f"{first}" in result.in_words()


async def test_a_change_in_the_last_batch_needs_a_final_digest_to_be_seen() -> None:
    records, _ = await a_recording(1, 3, 2)
    result = replay(changed_from(4), records)
    assert result.same
    assert result.compared == 5


async def test_events_that_were_set_aside_are_left_out() -> None:
    records, digest = await a_recording(2, 1, crash=True)
    mended: Any = CountingEngine()
    mended.mended = True
    result = replay(mended, records, final_digest=digest)
    assert result.same
    assert result.set_aside == (2,)
    assert [position for position, _ in events_of(records)] == [1, 2, 3, 5]


async def test_a_replay_begins_at_the_beginning() -> None:
    records, _ = await a_recording(1)
    with pytest.raises(ValueError, match="begins at record 1"):
        replay(CountingEngine(), records[1:])
