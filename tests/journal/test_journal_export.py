"""A journal as a file, and back."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.journal import (
    DamagedJournal,
    Entry,
    MemoryJournal,
    Record,
    export_journal,
    import_journal,
    read_journal_file,
)

Damage = Callable[[list[bytes]], list[bytes]]

# Spacing, number forms and escapes that a JSON library would write differently.
AWKWARD = b'{ "x":1.50, "name":"\\uc138\\uc885", "trick":",\\"payload\\":" }'


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def a_journal() -> MemoryJournal:
    journal = MemoryJournal()
    await journal.begin_epoch("first")
    await journal.append([Entry(AWKWARD, 'r"1,"payload":/q')], epoch=1, expected_position=0)
    await journal.begin_epoch("second")
    await journal.begin_epoch("third")
    await journal.append([Entry(b'{"b":2}'), Entry(b"[]", "k")], epoch=3, expected_position=1)
    return journal


async def test_an_exported_journal_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    journal = await a_journal()
    path = tmp_path / "day.jsonl"
    assert await export_journal(journal, path, zone="z") == 3
    assert list(read_journal_file(path)) == [record async for record in journal.read()]
    # Any JSON tool can read it, too.
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"format": "ringmaster-journal", "version": 1, "zone": "z", "after": 0}
    assert lines[1]["payload"]["name"] == "세종"
    assert names_in(tmp_path) == ["day.jsonl"]


async def test_an_imported_journal_equals_the_exported_one(tmp_path: Path) -> None:
    journal = await a_journal()
    path = tmp_path / "day.jsonl"
    await export_journal(journal, path, zone="z")
    copy = MemoryJournal()
    assert await import_journal(path, copy) == 3
    assert [r async for r in copy.read()] == [r async for r in journal.read()]
    # The request keys came along.
    again = await copy.append([Entry(b"{}", "k")], epoch=3, expected_position=3)
    assert again.positions == (3,)


async def test_a_part_of_a_journal_can_be_exported(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    assert await export_journal(await a_journal(), path, zone="z", after=2) == 1
    assert list(read_journal_file(path)) == [Record(3, 3, b"[]", "k")]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda lines: lines[1:], "line 1: not a ringmaster-journal"),
        (lambda lines: [lines[0], lines[2]], "line 2: after record 0 comes 2"),
        (lambda lines: [*lines[:3], lines[3][:-9]], "line 4: not a record"),
        (lambda lines: [*lines[:2], b"\n", *lines[2:]], "line 3: not a record"),
    ],
    ids=["no head", "record missing", "cut short", "empty line"],
)
async def test_damage_is_found_and_placed(tmp_path: Path, damage: Damage, complaint: str) -> None:
    path = tmp_path / "day.jsonl"
    await export_journal(await a_journal(), path, zone="z")
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(DamagedJournal, match=complaint):
        list(read_journal_file(path))


async def test_a_payload_of_several_lines_is_not_exported(tmp_path: Path) -> None:
    journal = MemoryJournal()
    await journal.begin_epoch("first")
    await journal.append([Entry(b'{\n"a":1}')], epoch=1, expected_position=0)
    with pytest.raises(DamagedJournal, match="record 1 holds a line break"):
        await export_journal(journal, tmp_path / "day.jsonl", zone="z")
    assert not (tmp_path / "day.jsonl").exists()
