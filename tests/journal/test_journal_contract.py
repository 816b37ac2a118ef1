"""What every journal promises, in memory or stored."""

import asyncio

import pytest

from dispatcher.journal import (
    Appended,
    DiscardedRecords,
    Entry,
    Journal,
    Record,
    Snapshot,
    StaleEpoch,
    UnexpectedPosition,
)

A, B, C = Entry(b'{"a":1}'), Entry(b'{"b":2}'), Entry(b'{"c":3}')
ANA = Entry(b'{"from":"ana"}', "ana/r1")
BEN = Entry(b'{"from":"ben"}', "ben/r1")


async def everything(journal: Journal, after: int = 0) -> list[Record]:
    return [record async for record in journal.read(after)]


async def test_an_empty_journal_ends_at_zero(journal: Journal) -> None:
    assert await journal.last_position() == 0
    assert await everything(journal) == []


async def test_positions_count_from_one_without_gaps(journal: Journal) -> None:
    first = await journal.append([A, B], epoch=1, expected_position=0)
    second = await journal.append([C], epoch=1, expected_position=2)
    assert first == Appended(positions=(1, 2), fresh=(True, True))
    assert second == Appended(positions=(3,), fresh=(True,))
    assert await journal.last_position() == 3
    assert await everything(journal) == [
        Record(1, 1, A.payload),
        Record(2, 1, B.payload),
        Record(3, 1, C.payload),
    ]


async def test_reading_goes_on_after_a_position(journal: Journal) -> None:
    await journal.append([A, B, C], epoch=1, expected_position=0)
    assert [r.position for r in await everything(journal, after=1)] == [2, 3]
    assert await everything(journal, after=3) == []


async def test_an_empty_append_writes_nothing(journal: Journal) -> None:
    assert await journal.append([], epoch=1, expected_position=0) == Appended((), ())
    assert await journal.last_position() == 0


async def test_reading_crosses_pages(journal: Journal) -> None:
    # 1203 records are two pages of 500 and a part of a third.
    entries = [Entry(b"%d" % n) for n in range(1203)]
    await journal.append(entries, epoch=1, expected_position=0)
    assert [r.payload for r in await everything(journal)] == [e.payload for e in entries]


async def test_any_bytes_come_back_as_they_were(journal: Journal) -> None:
    payload = '{"stop":"세종 5-1","n":1e-7}'.encode() + bytes([0, 255])
    await journal.append([Entry(payload, "지우/r1")], epoch=1, expected_position=0)
    assert await everything(journal) == [Record(1, 1, payload, "지우/r1")]


async def test_a_resend_is_answered_with_the_first_position(journal: Journal) -> None:
    await journal.append([ANA, A], epoch=1, expected_position=0)
    again = await journal.append([B, ANA, BEN], epoch=1, expected_position=2)
    # Ana's request is at 1; B and Ben's take the next places, 3 and 4.
    assert again == Appended(positions=(3, 1, 4), fresh=(True, False, True))
    assert await journal.last_position() == 4


async def test_a_resend_within_one_append_is_seen(journal: Journal) -> None:
    twice = await journal.append([ANA, A, ANA], epoch=1, expected_position=0)
    assert twice == Appended(positions=(1, 2, 1), fresh=(True, True, False))
    assert [r.payload for r in await everything(journal)] == [ANA.payload, A.payload]


async def test_only_the_newest_request_keys_are_remembered(journal: Journal) -> None:
    # Four keys are kept, so a fifth pushes the first out.
    five = [Entry(b"{}", f"rider/{n}") for n in range(1, 6)]
    await journal.append(five, epoch=1, expected_position=0)
    again = await journal.append([five[0], five[1]], epoch=1, expected_position=5)
    # The check comes before the trim: rider/2 is still known while rider/1 is written anew.
    assert again == Appended(positions=(6, 2), fresh=(True, False))


async def test_the_same_payload_without_a_key_is_written_again(journal: Journal) -> None:
    both = await journal.append([A, A], epoch=1, expected_position=0)
    assert both == Appended(positions=(1, 2), fresh=(True, True))


async def test_a_wrong_position_writes_nothing(journal: Journal) -> None:
    await journal.append([A], epoch=1, expected_position=0)
    for wrong in (0, 2):
        with pytest.raises(UnexpectedPosition) as caught:
            await journal.append([BEN], epoch=1, expected_position=wrong)
        assert caught.value.actual == 1
    assert await journal.last_position() == 1
    # Its key was not remembered either.
    assert (await journal.append([BEN], epoch=1, expected_position=1)).fresh == (True,)


async def test_a_former_epoch_cannot_write(journal: Journal) -> None:
    await journal.append([A], epoch=1, expected_position=0)
    assert await journal.begin_epoch("successor") == 2
    with pytest.raises(StaleEpoch) as caught:
        await journal.append([B], epoch=1, expected_position=1)
    assert caught.value.current == 2
    await journal.append([C], epoch=2, expected_position=1)
    assert [(r.epoch, r.payload) for r in await everything(journal)] == [
        (1, A.payload),
        (2, C.payload),
    ]


async def test_an_epoch_not_yet_begun_cannot_write(journal: Journal) -> None:
    with pytest.raises(StaleEpoch):
        await journal.append([A], epoch=2, expected_position=0)


async def test_an_epoch_belongs_to_the_run_that_began_it(journal: Journal) -> None:
    epoch = await journal.begin_epoch("here", run="one")
    # As after a store was put back to an earlier state: the number is the same.
    with pytest.raises(StaleEpoch, match="of another run"):
        await journal.append([A], epoch=epoch, expected_position=0, run="two")
    await journal.append([A], epoch=epoch, expected_position=0, run="one")
    with pytest.raises(StaleEpoch):
        await journal.begin_epoch("there", run="two", renew=True)
    assert await journal.begin_epoch("here", run="one", renew=True) == epoch + 1
    with pytest.raises(StaleEpoch):
        await journal.append([B], epoch=epoch, expected_position=1, run="one")
    assert await journal.begin_epoch("there", run="two") == epoch + 2
    with pytest.raises(StaleEpoch):
        await journal.begin_epoch("here", run="one", renew=True)


async def test_an_epoch_is_above_every_known_one(journal: Journal) -> None:
    assert await journal.begin_epoch("here", above=41) == 42
    await journal.append([A], epoch=42, expected_position=0)
    assert await journal.begin_epoch("here", above=7) == 43


async def test_an_entry_id_is_written_once(journal: Journal) -> None:
    numbered = [Entry(b"{}", f"#1/{n}") for n in range(1, 4)]
    await journal.append([*numbered, ANA], epoch=1, expected_position=0)
    again = await journal.append([numbered[2], B], epoch=1, expected_position=4)
    assert again == Appended(positions=(3, 5), fresh=(False, True))
    # They are remembered apart from riders' keys, of which only four are: Ana's is still one.
    more = [Entry(b"{}", f"#1/{n}") for n in range(4, 10)]
    await journal.append(more, epoch=1, expected_position=5)
    assert (await journal.append([ANA], epoch=1, expected_position=11)).positions == (4,)


async def test_of_two_appends_at_once_one_wins(journal: Journal) -> None:
    outcomes = await asyncio.gather(
        journal.append([A], epoch=1, expected_position=0),
        journal.append([B], epoch=1, expected_position=0),
        return_exceptions=True,
    )
    assert sorted(type(o).__name__ for o in outcomes) == ["Appended", "UnexpectedPosition"]
    assert await journal.last_position() == 1


async def test_no_snapshot_at_first(journal: Journal) -> None:
    assert await journal.newest_snapshot() is None


async def test_the_newest_snapshot_before_a_position_is_found(journal: Journal) -> None:
    assert await journal.snapshot_before(9) is None
    for position in (3, 6, 9):
        await journal.save_snapshot(position, b"%d" % position, "hash", "1")
    found = [await journal.snapshot_before(position) for position in (3, 4, 9, 10)]
    assert [None if each is None else each.position for each in found] == [None, 3, 6, 9]


async def test_the_newest_snapshot_counts(journal: Journal) -> None:
    await journal.save_snapshot(7, b"seven\x00", "hash7", "1.0")
    await journal.save_snapshot(9, b"nine", "hash9", "1.1")
    # A snapshot that comes late, or twice, changes nothing.
    await journal.save_snapshot(8, b"eight", "hash8", "1.0")
    await journal.save_snapshot(9, b"nine again", "hash9", "1.1")
    assert await journal.newest_snapshot() == Snapshot(9, b"nine", "hash9", "1.1")


async def test_records_before_the_oldest_snapshot_can_be_discarded(journal: Journal) -> None:
    await journal.append([A, B, C, A, B], epoch=1, expected_position=0)
    for position in (1, 2, 4, 5):  # three are kept: 2, 4, 5
        await journal.save_snapshot(position, b"state", "hash", "1")
    with pytest.raises(ValueError, match="oldest kept snapshot is at 2"):
        await journal.discard_before(3)
    await journal.discard_before(2)
    assert [r.position for r in await everything(journal, after=1)] == [2, 3, 4, 5]
    with pytest.raises(DiscardedRecords) as caught:
        await everything(journal, after=0)
    assert caught.value.first == 2
    # Positions go on as if nothing had happened.
    assert (await journal.append([C], epoch=1, expected_position=5)).positions == (6,)


async def test_nothing_is_discarded_without_a_snapshot(journal: Journal) -> None:
    await journal.append([A, B], epoch=1, expected_position=0)
    with pytest.raises(ValueError, match="oldest kept snapshot"):
        await journal.discard_before(2)
    assert len(await everything(journal)) == 2


async def test_a_record_appended_while_reading_is_read(journal: Journal) -> None:
    await journal.append([Entry(b"%d" % n) for n in range(500)], epoch=1, expected_position=0)
    seen = 0
    async for record in journal.read():
        seen = record.position
        if record.position == 500:
            # The first page is full, so another is asked for.
            await journal.append([A], epoch=1, expected_position=500)
    assert seen == 501


async def kept_positions(journal: Journal) -> list[int]:
    found: list[int] = []
    position = 1 << 40
    while (snapshot := await journal.snapshot_before(position)) is not None:
        position = snapshot.position
        found.append(position)
    return found


async def test_now_and_then_a_snapshot_is_kept_for_longer(journal: Journal) -> None:
    for position in (4_000, 5_500, 9_000, 10_400, 10_600, 11_000, 12_000, 13_000):
        await journal.save_snapshot(position, b"state", "hash", "code")
    assert await kept_positions(journal) == [13_000, 12_000, 11_000, 10_600, 5_500]
    with pytest.raises(ValueError, match="5500"):
        await journal.discard_before(10_000)
    await journal.discard_snapshots_before(6_000)
    assert await kept_positions(journal) == [13_000, 12_000, 11_000, 10_600]


async def test_one_that_is_not_newer_becomes_no_anchor(journal: Journal) -> None:
    await journal.save_snapshot(6_000, b"state", "hash", "code")
    await journal.save_snapshot(5_000, b"state", "hash", "code")
    assert await kept_positions(journal) == [6_000]
