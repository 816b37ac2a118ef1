"""A zone survives the disk, and a faulty one is refused with what to do."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sketched_zones import a_zone

from dispatcher.streets.zone_file import ZoneFileError, read_zone, write_zone

SQUARE = {"A": (0, 0), "B": (100, 0), "C": (100, 100), "D": (0, 100)}
ZONE = a_zone(SQUARE, ["A-B", "B-C", "C-D", "D>A"], {"p": "A>B 40", "q": "B>C 30"}, ["C>D D>A"])

Change = Callable[[Any, Any], object]


def written(directory: Path) -> Path:
    write_zone(ZONE, directory)
    return directory


def spoil(directory: Path, change: Change) -> None:
    parts = [json.loads((directory / name).read_text()) for name in ("zone.json", "streets.json")]
    change(*parts)
    for name, part in zip(("zone.json", "streets.json"), parts, strict=True):
        (directory / name).write_text(json.dumps(part))


def test_zone_survives_writing_and_reading(tmp_path: Path) -> None:
    assert read_zone(written(tmp_path / "new" / "zone")) == ZONE


def put(part: str, key: str, value: object) -> Change:
    """A change of one entry: ``part`` is ``zone`` or ``streets``, ``key`` is dotted."""

    def change(zone: Any, streets: Any) -> None:
        target = zone if part == "zone" else streets
        *way, last = [int(k) if k.isdigit() else k for k in key.split(".")]
        for k in way:
            target = target[k]
        target[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("zone", "stops.0.id", "q"), "stop id q is used 2 times"),
        (put("streets", "nodes.0.id", "B"), "node id B is used 2 times"),
        (put("streets", "edges.0.id", "B>A"), "edge id B>A is used 2 times"),
        (put("zone", "stops.0.edge", "Z>Z"), "stop p lies on edge Z>Z, which is not in"),
        (put("zone", "stops.0.offset_m", 100.5), "stop p lies 100.5 m along edge A>B"),
        (put("zone", "stops.0.lat", 36.51), "stop p is drawn 11.. m from its place"),
        (put("zone", "stops.0.lat", float("nan")), r"stops\.0\.lat: Input should be a finite"),
        (put("zone", "stops.0.lat", "36.5"), r"stops\.0\.lat: Input should be a valid number"),
        (put("zone", "stops.0.colour", "red"), r"stops\.0\.colour: Extra inputs are not"),
        (put("zone", "timezone", "Mars/Olympus"), "write an IANA name"),
        (put("zone", "timezone", "../secret"), "write an IANA name"),
        (put("zone", "closes_s", 100), "add 86400 for a closing time past midnight"),
        (lambda zone, _: zone["boundary"].pop(), "repeat its first point at the end"),
        (put("streets", "edges.0.end", "Z"), "node Z, which is not listed"),
        (put("streets", "edges.0.reverse", "Z>A"), "reverse Z>A, which is not listed"),
        (put("streets", "edges.0.reverse", "B>C"), "not each other's reverse"),
        (put("streets", "edges.0.length_m", 50.0), "edge A>B is 50.0 m long, but its ends are 100"),
        (put("streets", "edges.0.length_m", 0.0), r"edges\.0\.length_m: Input should be greater"),
        (put("streets", "edges.0.shape.0.1", 36.51), "shape of edge A>B does not reach node A"),
        (put("streets", "turn_bans.0.to_edge", "Z>A"), "turn ban names edge Z>A"),
        (put("streets", "turn_bans.0.to_edge", "C>D"), "joins edges that do not meet"),
    ],
)
def test_faulty_zone_is_refused(tmp_path: Path, change: Change, message: str) -> None:
    directory = written(tmp_path)
    spoil(directory, change)
    with pytest.raises(ZoneFileError, match=message):
        read_zone(directory)


def test_crossed_boundary_is_refused(tmp_path: Path) -> None:
    directory = written(tmp_path)

    def cross(zone: Any, _: Any) -> None:
        zone["boundary"][1], zone["boundary"][2] = zone["boundary"][2], zone["boundary"][1]

    spoil(directory, cross)
    with pytest.raises(ZoneFileError, match="list its corners in order"):
        read_zone(directory)


def test_stop_that_cannot_be_left_is_named(tmp_path: Path) -> None:
    # E lies behind a one-way street: whoever drives in can turn at E but not get out.
    nodes = {**SQUARE, "E": (200, 0), "F": (300, 0)}
    stops = {"p": "A>B 40", "q": "B>C 30", "trap": "E>F 50"}
    zone = a_zone(nodes, ["A-B", "B-C", "C-D", "D-A", "B>E", "E-F"], stops)
    with pytest.raises(ZoneFileError, match="stop trap cannot be both reached") as caught:
        write_zone(zone, tmp_path / "zone")
    assert len(caught.value.faults) == 1
    assert not (tmp_path / "zone").exists()


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    faulty = dataclasses.replace(ZONE, timezone="nowhere", boundary=ZONE.boundary[:-1])
    with pytest.raises(ZoneFileError) as caught:
        write_zone(faulty, tmp_path)
    assert len(caught.value.faults) == 2


def test_missing_file_is_named(tmp_path: Path) -> None:
    directory = written(tmp_path)
    (directory / "streets.json").unlink()
    with pytest.raises(ZoneFileError, match=r"there is no streets\.json"):
        read_zone(directory)


def test_cut_off_file_is_refused(tmp_path: Path) -> None:
    directory = written(tmp_path)
    text = (directory / "zone.json").read_text()
    (directory / "zone.json").write_text(text[: len(text) // 2])
    with pytest.raises(ZoneFileError, match="Invalid JSON"):
        read_zone(directory)
