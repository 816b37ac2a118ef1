"""What every journal promises about payloads that are erased one day, in memory or stored."""

import pytest

from dispatcher.journal import Entry, Erasure, Journal, Lasting, Record, Undated

ANA = Entry(b'{"from":"36.5012"}', "ana/r1", Lasting(b'{"from":"36.5"}', "t1"))
BEN = Entry(b'{"from":"36.4987"}', "ben/r1", Lasting(b'{"from":"36.5"}', "t2"))
PLAIN = Entry(b'{"a":1}')


async def everything(journal: Journal) -> list[Record]:
    return [record async for record in journal.read()]


@pytest.fixture
async def written(journal: Journal) -> Journal:
    """Ana's request, something else, and Ben's."""
    await journal.append([ANA, PLAIN, BEN], epoch=1, expected_position=0)
    return journal


async def test_what_can_be_erased_is_whole_until_it_is(written: Journal) -> None:
    whole = [Record(1, 1, ANA.payload, "ana/r1"), Record(2, 1, PLAIN.payload)]
    assert (await everything(written))[:2] == whole
    await written.erasures().erase([Erasure(1, due_s=5, over_at=3)])
    assert await everything(written) == [
        Record(1, 1, b'{"from":"36.5"}', "ana/r1", erased=True),
        Record(2, 1, PLAIN.payload),
        Record(3, 1, BEN.payload, "ben/r1"),
    ]


async def test_a_resend_changes_nothing(written: Journal) -> None:
    erasures = written.erasures()
    await erasures.date([(Undated(1, "t1"), Erasure(1, due_s=5, over_at=3))])
    other = Entry(b'{"from":"0.1234"}', "ana/r1", Lasting(b"{}", "t9"))
    await written.append([other], epoch=1, expected_position=3)
    assert await erasures.undated() == [Undated(3, "t2")]
    assert (await everything(written))[0].payload == ANA.payload


async def test_erasures_are_dated_once_and_due_in_their_order(written: Journal) -> None:
    erasures = written.erasures()
    ana, ben = await erasures.undated()
    assert (ana, ben) == (Undated(1, "t1"), Undated(3, "t2"))
    later, sooner = Erasure(1, due_s=90, over_at=4), Erasure(3, due_s=50, over_at=7)
    await erasures.date([(ana, later), (ben, sooner)])
    await erasures.date([])
    assert await erasures.undated() == []
    assert await erasures.due(49, 10) == []
    assert await erasures.due(50, 10) == [sooner]
    assert await erasures.due(100, 10) == [sooner, later]
    assert await erasures.due(100, 1) == [sooner]
    await erasures.erase([sooner])
    assert await erasures.due(100, 10) == [later]
    await erasures.erase([sooner])  # after a cut nobody knows whether it was done
    assert await erasures.due(100, 10) == [later]


async def test_nothing_to_erase_is_no_trouble(written: Journal) -> None:
    await written.erasures().erase([])
    assert len(await everything(written)) == 3


async def test_the_store_can_be_asked_to_clear_its_file(written: Journal) -> None:
    await written.erasures().clear_file()
    await written.erasures().clear_file()  # perhaps while it is still at it
    assert len(await everything(written)) == 3


async def test_snapshots_before_a_position_go_but_for_the_newest(journal: Journal) -> None:
    await journal.discard_snapshots_before(5)  # there is none yet
    for position in (3, 6, 9):
        await journal.save_snapshot(position, b"state", "hash", "code")
    await journal.discard_snapshots_before(6)
    assert await journal.snapshot_before(6) is None
    kept = await journal.snapshot_before(9)
    assert kept is not None
    assert kept.position == 6
    await journal.discard_snapshots_before(12)
    newest = await journal.newest_snapshot()
    assert newest is not None
    assert newest.position == 9
    assert await journal.snapshot_before(9) is None
