"""The record of what a client saw, as somebody else reads it later."""

import json
from pathlib import Path

from dispatcher.domain.ids import ShuttleId, TripId
from simulator.chaos.checker import read_lines
from simulator.concourse import Strangers
from simulator.wire_record import RecordedPlace, WireRecord

TRIP, SHUTTLE = TripId("t1"), ShuttleId("sim:S1")


def test_another_process_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    file = tmp_path / "record"
    with WireRecord(file) as record:
        record.message("got", "a/b", b'{"x": 1}')
    with file.open("a") as torn:
        torn.write('\n{"way": "sent", "top')
    with WireRecord(file) as record:
        record.message("sent", "a/c", b"\xff")
    lines = read_lines(file.read_text())
    assert [(line["way"], line["topic"], line["body"]) for line in lines] == [
        ("got", "a/b", '{"x": 1}'),
        ("sent", "a/c", "\ufffd"),
    ]
    assert json.loads(lines[0]["body"]) == {"x": 1}


def test_doors_are_recorded_and_work_as_before(tmp_path: Path) -> None:
    file = tmp_path / "record"
    with WireRecord(file) as record:
        place = RecordedPlace(Strangers(1, no_show=0.0), record)
        assert place.waits(TRIP, SHUTTLE, 0.0, 0.0)
        place.takes(TRIP, SHUTTLE)
        place.settled(TRIP, SHUTTLE, 12.0, 14.0)
        assert place.is_in(TRIP, SHUTTLE)
        place.sets_down(TRIP, SHUTTLE, 0.0, 0.0, 99.0)
        assert not place.is_in(TRIP, SHUTTLE)
    doors = [(line["way"], line["trip"], line["begins_s"]) for line in read_lines(file.read_text())]
    assert doors == [("in", "t1", 12.0), ("out", "t1", 99.0)]
