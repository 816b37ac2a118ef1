"""What every audit trail promises, in memory or stored."""

import asyncio
from dataclasses import replace

from dispatcher.journal import Journal, TrailEntry, TrailFound, TrailKind, TrailQuestion

LOOK = TrailEntry(
    1_000, TrailKind.LOOK, "dora", ("admin", "dispatcher"), "getWhereabouts", "t1", '"왜"\n', ""
)
COMMAND = replace(LOOK, kind=TrailKind.COMMAND, operation="hold", command_id="c1")


def numbers(found: TrailFound) -> tuple[list[int], int | None]:
    return [entry.number for entry in found.entries], found.before


async def test_entries_are_numbered_and_come_back_as_they_were(journal: Journal) -> None:
    trail = journal.trail()
    assert [await trail.add(entry) for entry in (LOOK, COMMAND, LOOK)] == [1, 2, 3]
    assert await trail.newest(10) == TrailFound(
        (replace(LOOK, number=3), replace(COMMAND, number=2), replace(LOOK, number=1)), None
    )


async def test_the_newest_come_first_and_can_be_gone_on_from(journal: Journal) -> None:
    trail = journal.trail()
    for number in range(450):
        await trail.add(COMMAND if number % 100 == 0 else LOOK)
    assert numbers(await trail.newest(3)) == ([450, 449, 448], 448)
    assert numbers(await trail.newest(2, before=3)) == ([2, 1], None)
    commands = TrailQuestion(TrailKind.COMMAND)
    assert numbers(await trail.newest(4, asked=commands)) == ([401, 301, 201, 101], 101)
    assert numbers(await trail.newest(4, before=101, asked=commands)) == ([1], None)
    assert numbers(await trail.newest(5, before=1)) == ([], None)


async def test_entries_are_found_by_who_did_what_and_about_what(journal: Journal) -> None:
    trail = journal.trail()
    for principal, operation, subject in (
        ("Dora", "hold", "acme:s1"),
        ("dora.kim", "hold", "acme:s2"),
        ("emil", "send", "acme:s1"),
    ):
        entry = replace(COMMAND, principal=principal, operation=operation, subject=subject)
        await trail.add(entry)

    async def found(asked: TrailQuestion) -> list[int]:
        return numbers(await trail.newest(5, asked=asked))[0]

    assert await found(TrailQuestion(principal="DORA")) == [2, 1]
    assert await found(TrailQuestion(principal="kim", subject="s2")) == [2]
    assert await found(TrailQuestion(operation="hold")) == [2, 1]
    assert await found(TrailQuestion(operation="hol")) == []
    assert await found(TrailQuestion(subject="S1", operation="send")) == [3]
    assert await found(TrailQuestion(subject="s1", principal="kim")) == []


async def test_where_nothing_fits_it_is_said_how_far_back_was_looked(journal: Journal) -> None:
    trail = journal.trail()
    await trail.add(COMMAND)
    for _ in range(2_300):
        await trail.add(LOOK)
    commands, before, looks = TrailQuestion(TrailKind.COMMAND), None, 0
    while not (page := await trail.newest(5, before=before, asked=commands)).entries:
        assert page.before is not None
        assert before is None or page.before < before
        before, looks = page.before, looks + 1
    assert numbers(page) == ([1], None)
    assert looks <= 2


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
