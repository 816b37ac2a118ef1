"""What the watch says of histories written by hand."""

import json

import pytest

from simulator.faultsim.history import Counts
from simulator.faultsim.watch import Watch


@pytest.fixture
def watch() -> Watch:
    return Watch(lambda: 100.0, 0.0, Counts(), lambda at_s: False)


def broken(watch: Watch) -> list[str]:
    return [violation.invariant for violation in watch.violations]


def hear(watch: Watch, **document: object) -> None:
    document = {"trip": "t1", "at": "2026-09-21T03:00:20Z", **document}
    watch.on_document(json.dumps(document).encode(), 100.0, lambda trip: None, lambda trip: None)


def test_only_the_dispatcher_of_the_newest_epoch_speaks(watch: Watch) -> None:
    watch.on_epoch(1, "D1")
    watch.on_send("D1", "an order")
    watch.on_epoch(2, "D1")  # its own: it goes on
    watch.on_send("D1", "an order")
    watch.on_epoch(3, "D2")
    watch.on_send("D2", "an order")
    assert broken(watch) == []
    watch.on_send("D1", "an order")
    assert broken(watch) == ["one_leader_speaks"]


def test_a_new_epoch_is_above_all_that_were_begun(watch: Watch) -> None:
    watch.on_epoch(4, "D1")
    watch.on_epoch(4, "D2")
    assert broken(watch) == ["epoch_rises"]


def test_who_walked_off_has_not_arrived(watch: Watch) -> None:
    watch.on_board("t1", "s1", 100.0, (4, 1))
    watch.on_leave("t1", None, 150.0, set_down=False)
    hear(watch, state="completed", revision=5)
    assert broken(watch) == ["wrong_end"]


def test_who_was_set_down_has(watch: Watch) -> None:
    watch.on_board("t1", "s1", 100.0, (4, 1))
    watch.on_leave("t1", None, 150.0, set_down=True)
    hear(watch, state="completed", revision=5)
    assert broken(watch) == []


def record(watch: Watch, kind: str, **event: object) -> None:
    journal = watch.journal
    payload = json.dumps({"event": {"type": kind, "at_s": 0, **event}})
    journal.on_record(journal.position + 1, 1, payload)


BOARDED = {"shuttle_id": "s1", "visit_id": "v1", "trip_id": "t1", "number": None}
ABOARD = {"shuttle_id": "s1", "aboard": ["t1"]}
BY_RIDER = {"trip_id": "t1", "rider_id": "r1"}
BY_OPERATOR = {"trip_id": "t1", "rider_id": None}


@pytest.mark.parametrize(
    ("records", "excused"),
    [
        # Decided on before anybody could know that they were stepping in, though told later.
        ([("TripCancelled", BY_RIDER), ("RiderBoarded", BOARDED)], True),
        ([("RiderBoarded", BOARDED), ("TripCancelled", BY_RIDER)], False),
        ([("ShuttleReported", ABOARD), ("TripCancelled", BY_RIDER)], False),
        ([("TripCancelled", BY_OPERATOR), ("RiderBoarded", BOARDED)], False),
        ([("TripCancelled", BY_RIDER | {"rider_id": "r2"}), ("RiderBoarded", BOARDED)], False),
    ],
)
def test_a_cancellation_crosses_the_boarding_if_it_was_decided_on_first(
    watch: Watch, records: list[tuple[str, dict[str, object]]], excused: bool
) -> None:
    watch.journal.riders["t1"] = "r1"
    for kind, event in records:
        record(watch, kind, **event)
    watch.on_board("t1", "s1", 90.0, (4, 1))
    document = {"trip": "t1", "at": "2026-09-21T03:00:20Z", "revision": 5}
    body = json.dumps({**document, "state": "cancelled_by_rider"}).encode()
    watch.on_document(body, 100.0, lambda trip: None, lambda trip: "s1")
    assert broken(watch) == ([] if excused else ["ended_aboard"])


def test_nobody_boards_a_second_shuttle_that_they_were_not_told_of(watch: Watch) -> None:
    hear(watch, state="assigned", revision=1, shuttle="s1")
    watch.on_board("t1", "s1", 90.0, (4, 1))
    watch.on_leave("t1", None, 95.0, set_down=False)
    hear(watch, state="assigned", revision=2, shuttle="s2")
    hear(watch, state="assigned", revision=3, shuttle="s3")
    watch.on_board("t1", "s2", 120.0, (4, 1))  # it came before it could be called off
    assert broken(watch) == []
    watch.on_board("t1", "s4", 130.0, (4, 1))
    assert broken(watch) == ["boarded_once"]
