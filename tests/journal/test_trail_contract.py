"""What every audit trail promises, in memory or stored."""

import asyncio
from dataclasses import replace

from dispatcher.journal import Journal, TrailEntry, TrailKind

LOOK = TrailEntry(
    1_000, TrailKind.LOOK, "dora", ("admin", "dispatcher"), "getWhereabouts", "t1", '"왜"\n', ""
)
COMMAND = replace(LOOK, kind=TrailKind.COMMAND, operation="hold", command_id="c1")


async def test_entries_are_numbered_and_come_back_as_they_were(journal: Journal) -> None:
    trail = journal.trail()
    assert [await trail.add(entry) for entry in (LOOK, COMMAND, LOOK)] == [1, 2, 3]
    assert list(await trail.newest(10)) == [
        replace(LOOK, number=3),
        replace(COMMAND, number=2),
        replace(LOOK, number=1),
    ]


async def test_the_newest_come_first_and_can_be_gone_on_from(journal: Journal) -> None:
    trail = journal.trail()
    for number in range(450):
        await trail.add(COMMAND if number % 100 == 0 else LOOK)
    assert [entry.number for entry in await trail.newest(3)] == [450, 449, 448]
    assert [entry.number for entry in await trail.newest(2, before=3)] == [2, 1]
    commands = await trail.newest(4, kind=TrailKind.COMMAND)
    assert [entry.number for entry in commands] == [401, 301, 201, 101]
    assert list(await trail.newest(5, before=1)) == []


async def test_nothing_is_added_to_the_journal(journal: Journal) -> None:
    await journal.trail().add(LOOK)
    assert await journal.last_position() == 0


async def test_who_adds_at_once_gets_numbers_of_their_own(journal: Journal) -> None:
    trail = journal.trail()
    numbers = await asyncio.gather(*(trail.add(LOOK) for _ in range(20)))
    assert sorted(numbers) == list(range(1, 21))


async def test_the_secret_is_drawn_once(journal: Journal) -> None:
    secrets = await asyncio.gather(*(journal.trail().secret() for _ in range(5)))
    assert len(set(secrets)) == 1
    assert len(secrets[0]) == 32
