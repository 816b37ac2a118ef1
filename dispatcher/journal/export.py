"""A journal as a text file: one record per line, to replay elsewhere or to keep.

The first line says what the file is; each further line is one JSON object such as
``{"position":1,"epoch":1,"key":null,"payload":{...}}``. The payload stands there byte for
byte as it was appended, so that it can be read with common tools and still be replayed
exactly. Of a record that is marked ``"erased":true`` only what lasts is there: it can be read,
and nothing can be decided from it.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dispatcher.journal.contract import Entry, Journal, Record
from dispatcher.journal.errors import DamagedJournal, ErasedRecord

FORMAT: Final = "ringmaster-journal"
VERSION: Final = 1
# Inside a JSON string the quotes would be escaped, so the first occurrence is the real one.
_BEFORE_PAYLOAD: Final = b',"payload":'


async def export_journal(journal: Journal, path: Path, *, zone: str, after: int = 0) -> int:
    """Write the records after position ``after`` to ``path``; answer how many there were.

    The file appears under its name only when it is complete.
    """
    count = 0
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        head = {"format": FORMAT, "version": VERSION, "zone": zone, "after": after}
        file.write(json.dumps(head).encode() + b"\n")
        async for record in journal.read(after):
            file.write(_line(record))
            count += 1
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return count


def read_journal_file(path: Path) -> Iterator[Record]:
    """The records of an exported journal, in order.

    Raises
    ------
    DamagedJournal
        The file is not an exported journal, or a record is missing or broken; says which line.
    """
    with path.open("rb") as file:
        position, _ = _read_head(file.readline())
        for number, line in enumerate(file, start=2):
            record = _read_line(line, number)
            if record.position != position + 1:
                raise DamagedJournal(
                    f"line {number}: after record {position} comes {record.position}"
                )
            position = record.position
            yield record


async def import_journal(path: Path, journal: Journal) -> int:
    """Fill an empty journal from a file that starts at record 1; answer the last position.

    Raises
    ------
    DamagedJournal, ErasedRecord
        It could not be gone on from.
    """
    position = 0
    epoch = 0
    for record in read_journal_file(path):
        if record.erased:
            raise ErasedRecord(record.position)
        while epoch < record.epoch:
            epoch = await journal.begin_epoch("import")
        appended = await journal.append(
            [Entry(record.payload, record.dedup_key)],
            epoch=record.epoch,
            expected_position=position,
        )
        if appended.positions != (record.position,) or not appended.fresh[0]:
            raise DamagedJournal(f"record {record.position} repeats {appended.positions[0]}")
        position = record.position
    return position


def _line(record: Record) -> bytes:
    if b"\n" in record.payload:
        raise DamagedJournal(f"record {record.position} holds a line break")
    about: dict[str, object] = {
        "position": record.position,
        "epoch": record.epoch,
        "key": record.dedup_key,
    }
    if record.erased:
        about["erased"] = True
    head = json.dumps(about, separators=(",", ":"), ensure_ascii=False).encode()
    return head[:-1] + _BEFORE_PAYLOAD + record.payload + b"}\n"


def zone_of_journal_file(path: Path) -> str:
    """The id of the zone whose journal was exported. Raises as ``read_journal_file``."""
    with path.open("rb") as file:
        _, zone = _read_head(file.readline())
    return zone


def _read_head(line: bytes) -> tuple[int, str]:
    """After which position the records begin, and the zone's id."""
    try:
        head = json.loads(line)
        if head["format"] == FORMAT and head["version"] == VERSION:
            return int(head["after"]), str(head["zone"])
    except (ValueError, KeyError, TypeError):
        pass
    raise DamagedJournal(f"line 1: not a {FORMAT} file of version {VERSION}")


def _read_line(line: bytes, number: int) -> Record:
    try:
        fields = json.loads(line)
        _, _, rest = line.rpartition(b"\n")[0].partition(_BEFORE_PAYLOAD)
        return Record(
            position=int(fields["position"]),
            epoch=int(fields["epoch"]),
            payload=rest[:-1],
            dedup_key=fields["key"],
            erased=bool(fields.get("erased", False)),
        )
    except (ValueError, KeyError, TypeError) as error:
        # A line cut short, as by a full disk, ends up here.
        raise DamagedJournal(f"line {number}: not a record: {error!r}") from error
