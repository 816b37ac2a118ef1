"""What the watch says of histories written by hand."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from dispatcher.domain.shuttles import Capacity
from simulator.faultsim.history import Counts
from simulator.faultsim.watch import Watch
from vehicles.agent_memory import AgentMemory
from vehicles.messages import Action, ActionParameter, BlockingType, Node


@pytest.fixture
def watch() -> Watch:
    return Watch(lambda: 100.0, 0.0, Counts(), lambda at_s: False)


def broken(watch: Watch) -> list[str]:
    return [violation.invariant for violation in watch.violations]


def hear(watch: Watch, **document: object) -> None:
    document = {"trip": "t1", "at": "2026-09-21T03:00:20Z", **document}
    watch.on_document(json.dumps(document).encode(), 100.0, lambda trip: None, lambda trip: None)


def take(watch: Watch, shuttle: str, update: int, *trips: str) -> None:
    """The shuttle accepts a plan that has it fetch these, all as a preview."""
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
    nodes = (Node(node_id="n1", sequence_id=2, released=False, actions=actions),)
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
