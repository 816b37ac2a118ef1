"""What the watch says of histories written by hand."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dispatcher.domain.shuttles import Capacity
from simulator.faultsim.history import Counts
from simulator.faultsim.shuttle_node import ShuttleNode
from simulator.faultsim.watch import Watch
from vehicles.agent_memory import AgentMemory
from vehicles.messages import (
    Action,
    ActionParameter,
    ActionState,
    ActionStatus,
    BlockingType,
    Node,
)


@pytest.fixture
def watch() -> Watch:
    return Watch(lambda: 100.0, 0.0, Counts(), lambda at_s: False)


def broken(watch: Watch) -> list[str]:
    return [violation.invariant for violation in watch.violations]


def hear(watch: Watch, **document: object) -> None:
    hear_at(watch, 100.0, **document)


def hear_at(watch: Watch, at_s: float, **document: object) -> None:
    document = {"trip": "t1", "at": "2026-09-21T03:00:20Z", **document}
    watch.on_document(json.dumps(document).encode(), at_s, lambda trip: None, lambda trip: None)


def take(watch: Watch, shuttle: str, update: int, *trips: str, visits: int = 1) -> None:
    """The shuttle accepts a plan of so many visits that has it fetch these, all as a preview."""
    actions = tuple(
        Action(
            action_type="board",
            action_id=f"v1/board/{trip}",
            blocking_type=BlockingType.NONE,
            action_parameters=(ActionParameter(key="tripId", value=trip),),
        )
        for trip in trips
    )
    node: Any = SimpleNamespace(shuttle_id=shuttle, capacity=Capacity(4, 1))
    nodes = tuple(
        Node(
            node_id=f"n{visit}",
            sequence_id=2 * visit,
            released=False,
            actions=actions if visit == 1 else (),
        )
        for visit in range(1, visits + 1)
    )
    watch.on_keep(node, AgentMemory(order_id="o1", order_update_id=update, nodes=nodes))


def say(watch: Watch, trip: str, shuttle: str, state: str = "assigned") -> None:
    body = json.dumps({"trip": trip, "state": state, "shuttle": shuttle})
    watch.on_status(f"ringmaster/v1/z/rider/r1/trip/{trip}", body.encode())


def test_a_trip_is_assigned_once_its_shuttle_has_a_plan_with_it(watch: Watch) -> None:
    watch.journal.recorded |= {"t1", "t2"}
    say(watch, "t1", "s1", "accepted")
    take(watch, "s1", 1, "t1")
    say(watch, "t1", "s1")
    take(watch, "s1", 2)
    say(watch, "t1", "s1")  # told once more, and on its way
    assert broken(watch) == []
    say(watch, "t2", "s1")
    say(watch, "t1", "s2")
    assert broken(watch) == ["assigned_not_taken", "assigned_not_taken"]


def test_a_long_plan_is_shown_in_part_and_confirmed_whole(watch: Watch) -> None:
    watch.journal.recorded |= {"t0", "t1"}
    take(watch, "s1", 1, "t0")
    take(watch, "s2", 1, "t0", visits=8)
    say(watch, "t1", "s2")
    assert broken(watch) == []
    say(watch, "t1", "s1")
    assert broken(watch) == ["assigned_not_taken"]


def test_whoever_asks_is_answered(watch: Watch) -> None:
    for rider in ("r1", "r2", "r3"):
        watch.on_request(rider)
    watch.on_answer("r1")
    watch.on_answer("r3")
    watch.on_request("r3")  # it was told to ask again
    watch.check_end(100.0, set())
    assert broken(watch) == ["request_answered", "request_answered"]


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


def stands(*waits_for: str, status: str, first: str = "FINISHED") -> AgentMemory:
    """A shuttle's memory at the stop of a visit: somebody gets out, then a boarding for each."""
    out = Action(
        action_type="alight",
        action_id="v1/alight/t9",
        blocking_type=BlockingType.HARD,
        action_parameters=(ActionParameter(key="tripId", value="t9"),),
    )
    boards = [
        Action(
            action_type="board",
            action_id=f"v1/board/{trip}",
            blocking_type=BlockingType.SOFT,
            action_parameters=(ActionParameter(key="tripId", value=trip),),
        )
        for trip in waits_for
    ]
    states = [
        ActionState(action_id=action.action_id, action_status=ActionStatus(its))
        for action, its in ((out, first), *((board, status) for board in boards))
    ]
    here = Node(node_id="i", sequence_id=2, released=True, actions=(out, *boards))
    return AgentMemory(here=here, action_states=tuple(states))


@pytest.mark.parametrize(
    ("first", "status", "is_kept"),
    [
        ("FINISHED", "RUNNING", True),  # the doors are open, and a wheelchair is on the ramp
        ("RUNNING", "WAITING", True),  # on its way out
        ("FINISHED", "INITIALIZING", False),  # nobody may get in yet
        ("WAITING", "WAITING", False),  # the doors are shut
    ],
)
def test_a_pickup_is_when_the_shuttle_stands_there_for_them(
    first: str, status: str, is_kept: bool
) -> None:
    hour = [100.0]
    watch = Watch(lambda: hour[0], 0.0, Counts(), lambda at_s: False)
    promise = {
        "window": {"closes": "1970-01-01T00:02:00Z"},
        "dropoff_latest": "1970-01-01T00:10:00Z",
    }
    hear(watch, state="assigned", revision=1, shuttle="s1", promise=promise)
    node = cast("ShuttleNode", SimpleNamespace(shuttle_id="s1", capacity=Capacity(4, 1)))
    watch.on_keep(node, stands("t2", "t1", status=status, first=first))
    hour[0] = 110.0
    watch.on_keep(node, stands("t2", "t1", status=status, first=first))
    # The window closed at 120; they step in at 130, behind the wheelchair.
    watch.on_board("t1", "s1", 130.0, (4, 1))
    assert broken(watch) == ([] if is_kept else ["promise_kept_or_told"])


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


def promised(closes_s: int, dropoff_s: int) -> dict[str, object]:
    """Seconds into 1970, below an hour."""

    def at(seconds: int) -> str:
        return f"1970-01-01T00:{seconds // 60:02d}:{seconds % 60:02d}Z"

    return {"window": {"closes": at(closes_s)}, "dropoff_latest": at(dropoff_s)}


@pytest.mark.parametrize("is_warned", [True, False])
def test_who_knew_in_time_that_a_promise_breaks_may_hear_later_what_comes_instead(
    watch: Watch, is_warned: bool
) -> None:
    first, second = promised(120, 600), promised(400, 900)
    hear_at(watch, 50.0, state="assigned", revision=1, promise=first)
    if is_warned:
        breach = {"promise": first}
        hear_at(watch, 110.0, state="accepted", revision=2, promise=first, breach=breach)
    hear_at(watch, 200.0, state="assigned", revision=3, promise=second, breach={"promise": first})
    assert broken(watch) == ([] if is_warned else ["told_before_window_ends"])


def test_a_word_of_one_promise_is_none_of_the_next(watch: Watch) -> None:
    first, second, third = promised(120, 600), promised(400, 900), promised(800, 1300)
    hear_at(watch, 50.0, state="assigned", revision=1, promise=first)
    hear_at(watch, 60.0, state="assigned", revision=2, promise=second, breach={"promise": first})
    hear_at(watch, 70.0, state="assigned", revision=3, promise=second, breach={"promise": first})
    assert broken(watch) == []
    hear_at(watch, 500.0, state="assigned", revision=4, promise=third, breach={"promise": second})
    assert broken(watch) == ["told_before_window_ends"]


def test_a_trip_promised_for_after_the_end_need_not_have_ended(watch: Watch) -> None:
    hear(watch, state="assigned", revision=1, promise=promised(120, 600))
    watch.check_end(500.0, set())
    assert broken(watch) == []
    watch.check_end(601.0, set())
    assert broken(watch) == ["every_trip_ends"]
